"""A CSV as text, read strictly: nothing is guessed, dropped or turned into a number.

Pandas' own reader cuts a line that has too many fields, which is how an unquoted comma in a caption goes unseen. What
the fields mean is checked by those who ask for the table.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mgutils.errors import DataError, Fault

FIRST_ROW = 2
"""Row of the first data line, as a spreadsheet counts."""
_SAVE = "Save it as UTF-8 with comma-separated fields; quote fields that contain a comma."


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
        _refuse([Fault(str(path), None, None, "an empty file", wanted, remedy)])
    header, *lines = records
    _refuse([Fault(str(path), row, None, f"{len(fields)} fields", f"{len(header)}, as in the header", _SAVE)
             for row, fields in enumerate(lines, start=FIRST_ROW) if any(fields[len(header):])])
    _check_header(path, header, columns, remedy)
    filled = {place: fields for place, fields in enumerate(lines) if any(fields)}
    if not filled:
        _refuse([Fault(str(path), None, None, "no rows under the header", "at least one row", remedy)])
    width = len(header)
    table = pd.DataFrame([(fields + [""] * width)[:width] for fields in filled.values()], index=list(filled),
                         columns=header, dtype=str)
    return table.loc[:, ~table.columns.duplicated()]


def _text(path: Path, wanted: str, remedy: str) -> str:
    if not os.path.isfile(path):
        found = "a folder" if os.path.isdir(path) else "no such file"
        raise DataError([Fault(str(path), None, None, found, wanted, remedy)])
    try:
        content = path.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise DataError([Fault(str(path), None, None, f"an unreadable file ({error.strerror})", wanted,
                               "Check its permissions.")]) from None
    except UnicodeDecodeError as error:
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            found, row = "UTF-16 text", None
        else:
            found, row = f"the byte 0x{content[error.start]:02x}", content[:error.start].count(b"\n") + 1
        raise DataError([Fault(str(path), row, None, f"an unreadable file: {found}", wanted, _SAVE)]) from None


def _records(path: Path, text: str, wanted: str) -> list[list[str]]:
    """Fields of every line, the header's first."""
    records, reader = [], csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for fields in reader:
            if any("\x00" in field for field in fields):
                raise csv.Error("a NUL byte")
            records.append(fields)
    except csv.Error as error:
        raise DataError([Fault(str(path), len(records) + 1, None, f"an unreadable file: {error}", wanted,
                               _SAVE)]) from None
    return records


def _check_header(path: Path, header: Sequence[str], columns: Sequence[str], remedy: str) -> None:
    names = ", ".join(map(repr, header[:12])) + (f" and {len(header) - 12} more" if len(header) > 12 else "")
    missing = [column for column in columns if column not in header]
    for mark, word in ((";", "semicolons"), ("\t", "tabs")):
        if missing and len(header) == 1 and mark in header[0]:
            _refuse([Fault(str(path), 1, None, f"fields separated by {word}", "commas", _SAVE)])
    _refuse([Fault(str(path), 1, column, f"the columns {names}",
                   f"a column {column!r}", "Rename the header in row 1. " + remedy) for column in missing])
    _refuse([Fault(str(path), 1, column, "the column twice", "each column once", "Rename one of the two.")
             for column in dict.fromkeys(columns) if list(header).count(column) > 1])


def _refuse(faults: Sequence[Fault]) -> None:
    if faults:
        raise DataError(faults)
