"""A CSV as text, read strictly: nothing is guessed, dropped or turned into a number. And every CSV that is written.

Pandas' own reader cuts a line that has too many fields, which is how an unquoted comma in a caption goes unseen. What
the fields mean is checked by those who ask for the table.

A spreadsheet runs a cell that begins with ``=`` as a formula, so a caption or a file name from a stranger could run
one. Every CSV of the kit is therefore written by :func:`write_csv` or :class:`CsvWriter`, which guard such text cells
with an apostrophe; :func:`read_csv` takes it away again. In a workbook the cell says that it is text: ``data.layout``.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd

from mgutils.errors import FIRST_ROW, DataError, Fault, Findings, data_error

LARGEST_ID = 2**53 - 1
"""Largest whole number that a spreadsheet keeps exactly."""
_SAVE = "Save it as UTF-8 with comma-separated fields; quote fields that contain a comma."
_STARTS_A_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""What a spreadsheet may run, full-width forms included; apostrophes before it, so that a guard can be undone."""


def guard(cell: Any) -> Any:
    """Put an apostrophe before a text that a spreadsheet may run as a formula.

    Returns
    -------
    object
        Any other text, and whatever is no text, as it is: numbers stay numbers.
    """
    if isinstance(cell, str) and _STARTS_A_FORMULA.match(cell):
        return f"'{cell}"
    return cell


def unguard(text: str) -> str:
    """Return the text that :func:`guard` was given."""
    return text[1:] if text[:1] == "'" and _STARTS_A_FORMULA.match(text) else text


def write_csv(table: pd.DataFrame, file: Path | str, *, index: bool = False, float_format: str | None = None) -> None:
    """Write a table as UTF-8 CSV, its text cells guarded.

    Parameters
    ----------
    table : DataFrame
    file : path
    index : bool
        Write the index too, as the first column.
    float_format : str, optional
        As in ``DataFrame.to_csv``.
    """
    guarded, texts = table.copy(), []
    for place, kind in enumerate(table.dtypes):
        # numbers have no cell to guard; categories and text may have one
        if not pd.api.types.is_numeric_dtype(kind):
            column = table.iloc[:, place].astype(object).map(guard)
            guarded.isetitem(place, column)
            texts.extend(column)
    guarded.columns = table.columns.map(guard)
    if index:
        guarded.index = table.index.map(guard)
    quoting = _quoting([*guarded.columns, *guarded.index, *texts])
    # a file name that is no UTF-8 is written as messages have it
    guarded.to_csv(file, index=index, lineterminator="\n", float_format=float_format, quoting=quoting,
                   errors="backslashreplace")


def _quoting(cells: Iterable[Any]) -> int:
    """Quotes where they are needed; before Python 3.13 the csv module does not quote a carriage return."""
    returns = any(isinstance(cell, str) and "\r" in cell for cell in cells)
    return csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL


class CsvWriter:
    """Write a CSV row by row, as ``csv.writer`` does, text cells guarded.

    Parameters
    ----------
    file : text file
        Opened with ``newline=""``.
    """

    def __init__(self, file: TextIO) -> None:
        self._writers = {quoting: csv.writer(file, lineterminator="\n", quoting=quoting)
                         for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC)}

    def writerow(self, row: Iterable[Any]) -> None:
        """Write one row."""
        cells = list(map(guard, row))
        self._writers[_quoting(cells)].writerow(cells)


def read_csv(path: Path, columns: Sequence[str], remedy: str) -> pd.DataFrame:
    """Read a UTF-8 CSV with a header.

    A line with fewer fields than the header is filled up with empty ones; empty lines are left out, and counted.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        What it must have; other columns are kept too.
    remedy : str
        What to do where the file, a column or every row is missing.

    Returns
    -------
    DataFrame of str
        At least one row; the index is the 0-based position of each line under the header.

    Raises
    ------
    DataError
        With every fault of one kind: no file, no text, wrong fields, wrong columns, no rows.
    """
    wanted = f"a UTF-8 table with the columns {', '.join(columns)}"
    records = _records(path, _text(path, wanted, remedy), wanted)
    if not any(map(any, records)):
        raise data_error(path, "an empty file", wanted, remedy)
    header, *lines = [[unguard(field) for field in record] for record in records]
    faults = [Fault(str(path), row, None, f"{len(fields)} fields", f"{len(header)}, as in the header", _SAVE)
              for row, fields in enumerate(lines, start=FIRST_ROW) if any(fields[len(header):])]
    faults = faults or _separator_faults(path, header) or header_faults(path, header, columns, remedy)
    faults = faults or [Fault(str(path), 1, column, "the column twice", "each column once", "Rename one of the two.")
                        for column in dict.fromkeys(columns) if header.count(column) > 1]
    if faults:
        raise DataError(faults)
    filled = {place: fields for place, fields in enumerate(lines) if any(fields)}
    if not filled:
        raise data_error(path, "no rows under the header", "at least one row", remedy)
    width = len(header)
    table = pd.DataFrame([(fields + [""] * width)[:width] for fields in filled.values()], index=list(filled),
                         columns=header, dtype=str)
    return table.loc[:, ~table.columns.duplicated()]


def read_table(path: Path, columns: Sequence[str], remedy: str, findings: Findings) -> pd.DataFrame | None:
    """Read a CSV as text; its index is the 0-based position of each line, empty lines left out.

    Returns
    -------
    DataFrame or None
        ``None``, and a fault, where the file is absent, unreadable, empty or lacks one of ``columns``.
    """
    try:
        return read_csv(path, columns, remedy)
    except DataError as error:
        findings.faults.extend(error.faults)
        return None


def read_numbers(table: pd.DataFrame, columns: Sequence[str], file: Path, remedy: str,
                 findings: Findings, *, decimals: bool = False) -> pd.DataFrame:
    """Whole numbers 0.. of some columns of :func:`read_table`; -1, and a fault, where a field is anything else.

    ``decimals`` reads ``7.0`` as 7.
    """
    numbers = pd.DataFrame(index=table.index)
    for column in columns:
        texts = table[column].str.replace(r"\.0+$", "", regex=True) if decimals else table[column]
        numbers[column] = digits(texts)
        refuse_cells(findings, file, table[column][numbers[column] < 0], "a whole number from 0", remedy)
    return numbers


def _text(path: Path, wanted: str, remedy: str) -> str:
    if not os.path.isfile(path):
        raise data_error(path, "a folder" if os.path.isdir(path) else "no such file", wanted, remedy)
    try:
        content = path.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise data_error(path, f"an unreadable file ({error.strerror})", wanted, "Check its permissions.") from None
    except UnicodeDecodeError as error:
        row = content[:error.start].count(b"\n") + 1
        found = f"the byte 0x{content[error.start]:02x}"
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            row = None
            found = "UTF-16 text"
        raise data_error(path, f"an unreadable file: {found}", wanted, _SAVE, row=row) from None


def _records(path: Path, text: str, wanted: str) -> list[list[str]]:
    """Fields of every line, the header's first."""
    records, reader = [], csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for fields in reader:
            if any("\x00" in field for field in fields):
                raise csv.Error("a NUL byte")
            records.append(fields)
    except csv.Error as error:
        raise data_error(path, f"an unreadable file: {error}", wanted, _SAVE, row=len(records) + 1) from None
    return records


def _separator_faults(path: Path, header: Sequence[str]) -> list[Fault]:
    return [Fault(str(path), 1, None, f"fields separated by {word}", "commas", _SAVE)
            for mark, word in ((";", "semicolons"), ("\t", "tabs")) if len(header) == 1 and mark in header[0]]


def header_faults(path: Path, header: Sequence[str], columns: Sequence[str], remedy: str) -> list[Fault]:
    """The columns that a header lacks."""
    names = ", ".join(map(repr, header[:12])) + (f" and {len(header) - 12} more" if len(header) > 12 else "")
    return [Fault(str(path), 1, column, f"the columns {names}" if names else "no columns", f"a column {column!r}",
                  "Rename the header in row 1. " + remedy) for column in columns if column not in header]


# -- cells -------------------------------------------------------------------------------------------


def describe(value: Any) -> str:
    """A cell in words, short enough for a line."""
    if isinstance(value, str):
        if not value:
            return "an empty cell"
        text = repr(value if len(value) <= 60 else value[:57] + "...")
        return f"the formula {text}" if value.startswith("=") else text
    if isinstance(value, float) and np.isnan(value):
        return "an error value"
    return str(value)[:60]


def refuse_cells(findings: Findings, file: Path, cells: pd.Series, wanted: str, remedy: str,
                 found: str = "{}") -> None:
    """Add a fault for each of some cells of a column; ``found`` may say more than the cell."""
    findings.rows(file, cells.name, cells.index, [found.format(describe(cell)) for cell in cells], wanted, remedy)


def whole_numbers(values: Iterable[Any]) -> np.ndarray:
    """Whole numbers 0.. of spreadsheet cells or of CSV fields known to be digits; -1 where a cell is anything else.

    Returns
    -------
    array (N,) of int64
    """
    return np.array([value if type(value) is int and 0 <= value <= LARGEST_ID else -1 for value in values], np.int64)


def digits(values: Iterable[str]) -> np.ndarray:
    """Whole numbers 0.. of CSV fields; -1 where a field is anything else. Returns (N,) int64."""
    fields = (value.strip() for value in values)
    return whole_numbers([int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else -1
                          for text in fields])
