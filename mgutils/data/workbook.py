"""Read the worksheet of ``train.xlsx`` as it stands. What its cells mean is checked in ``check``."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mgutils.data.check import Findings

MOST_BYTES = 2**30
"""Unpacked size of a workbook; a full sheet of this table has a third of it. A small file may unpack to anything."""
MOST_ROWS = 2**20
"""Rows of a worksheet, its header among them. What is pasted below is lost without a word."""
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
        Position 0 is row 2; an empty cell is "". ``None``, and a fault, where there is no such table.
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
        with pd.ExcelFile(file, engine="openpyxl", engine_kwargs={"data_only": False}) as book:
            fitting = [name for name in book.sheet_names if set(columns) <= set(pd.read_excel(book, name, nrows=0))]
            sheet = pd.read_excel(book, fitting[0] if fitting else 0, dtype=object, na_filter=False)
    except Exception as error:  # openpyxl raises whatever the broken part of a file makes it raise
        findings.fault(file, f"no readable workbook ({type(error).__name__})", wanted, _SAVE)
        return None
    if len(sheet) + 1 >= MOST_ROWS:
        findings.fault(file, "something in the last row that a sheet has", "a table that ends before it",
                       "Delete what stands there by mistake; where rows were cut off, keep fewer.", row=MOST_ROWS)
        return None
    return _with_columns(sheet, file, columns, remedy, findings)


def _with_columns(sheet: pd.DataFrame, file: Path, columns: Sequence[str], remedy: str,
                  findings: Findings) -> pd.DataFrame | None:
    """The table, if it has the columns and a row."""
    missing = [column for column in columns if column not in sheet.columns]
    for column in missing:
        findings.fault(file, f"the columns {', '.join(map(repr, sheet.columns[:12]))}", f"a column {column!r}",
                       "Rename the header in row 1. " + remedy, row=1, column=column)
    if not missing and sheet.empty:
        findings.fault(file, "no rows under the header", "at least one row", remedy)
    return None if missing or sheet.empty else sheet
