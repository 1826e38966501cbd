"""Read the worksheet of ``train.xlsx`` as it stands. What its cells mean is checked in ``check``.

Rows are streamed and only the wanted columns kept: one stray cell in the last column would otherwise make every row
16,384 cells wide.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import pandas as pd

from mgutils.data.csv import header_faults
from mgutils.errors import Findings

if TYPE_CHECKING:
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

MOST_BYTES = 2**30
"""Unpacked size of a workbook; a full sheet of this table has a third of it. A small file may unpack to anything."""
MOST_ROWS = 2**20
"""Rows of a worksheet, its header among them. What is pasted below is lost without a word."""
_MOST_COLUMNS = 2**14
_SAVE = "Save the table as .xlsx, unprotected, with its data in a worksheet."


def read_sheet(file: Path, columns: Sequence[str], remedy: str, findings: Findings) -> pd.DataFrame | None:
    """Cells of the first worksheet that has the columns, formulas as they are written.

    Parameters
    ----------
    file : Path
        An ``.xlsx`` workbook.
    columns : sequence of str
        What it must have in row 1.
    remedy : str
        What to do where the file, a column or every row is missing.
    findings : Findings
        Takes the faults.

    Returns
    -------
    DataFrame or None
        The columns, in that order. Position 0 is row 2; an empty cell is "". ``None``, and a fault, where
        there is no such table.
    """
    wanted = f"a workbook with the columns {', '.join(columns)}"
    if not os.path.isfile(file):
        findings.fault(file, "a folder" if os.path.isdir(file) else "no such file", wanted, remedy)
        return None
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MOST_BYTES:
            findings.fault(file, f"a workbook that unpacks to {size:,} bytes", f"at most {MOST_BYTES:,}",
                           "Copy the table alone into a new workbook.")
            return None
        with closing(openpyxl.load_workbook(file, read_only=True, data_only=False, keep_links=False)) as book:
            headers = [(sheet, _header(sheet)) for sheet in book.worksheets]
            sheet, header = next((pair for pair in headers if set(columns) <= set(pair[1])), headers[0])
            rows = list(_rows(sheet, header, columns)) if set(columns) <= set(header) else []
    except Exception as error:  # openpyxl raises whatever the broken part of a file makes it raise
        findings.fault(file, f"no readable workbook ({type(error).__name__})", wanted, _SAVE)
        return None
    if len(rows) + 1 >= MOST_ROWS:
        findings.fault(file, "something in the last row that a sheet has", "a table that ends before it",
                       "Delete what stands there by mistake; where rows were cut off, keep fewer.", row=MOST_ROWS)
        return None
    faults = header_faults(file, [name for name in header if name != ""], columns, remedy)
    findings.faults.extend(faults)
    if not faults and not rows:
        findings.fault(file, "no rows under the header", "at least one row", remedy)
    return pd.DataFrame(rows, columns=list(columns), dtype=object) if rows else None


def _header(sheet: ReadOnlyWorksheet) -> list[Any]:
    """Cells of row 1, as far as there are any."""
    sheet.reset_dimensions()  # what a file says of its size need not be so
    cells = [_value(cell) for cell in next(sheet.iter_rows(1, 1, 1, _MOST_COLUMNS), ())]
    while cells and cells[-1] == "":
        cells.pop()
    return cells


def _rows(sheet: ReadOnlyWorksheet, header: Sequence[Any], columns: Sequence[str]) -> Iterator[list[Any]]:
    """Cells of the columns, row by row from row 2 to the last one that has something there."""
    places = [header.index(column) for column in columns]
    empty: list[Any] = [""] * len(columns)
    waiting = 0
    for cells in islice(sheet.iter_rows(1, MOST_ROWS, 1, max(places) + 1), 1, None):
        row = [_value(cells[place]) for place in places]
        if row == empty:
            waiting += 1
            continue
        yield from (list(empty) for _ in range(waiting))
        waiting = 0
        yield row


def _value(cell: Any) -> Any:
    """What a cell holds: "" if nothing, NaN for an error value, an int where a number is whole."""
    if cell.data_type == "e":
        return float("nan")
    if isinstance(cell.value, float) and cell.value.is_integer():
        return int(cell.value)
    return "" if cell.value is None else cell.value
