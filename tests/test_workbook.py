"""What a workbook may cost: stray cells and rows that lie about their number."""

import io
import resource
import time
import zipfile

import openpyxl
import pytest

from mgutils.data.check import COLUMNS, Findings
from mgutils.data.workbook import MOST_ROWS, read_sheet

ROWS = [("1/0.0.jpg", 1, 0, 0, "a"), ("2/1.0.jpg", 2, 1, 5, "=1+1")]


def workbook(file, *stray, order=COLUMNS):
    book = openpyxl.Workbook()
    book.active.append(order)
    for row in ROWS:
        cells = dict(zip(COLUMNS, row, strict=True))
        book.active.append([cells.get(name, "x") for name in order])
    for place in stray:
        book.active[place] = "x"
    book.save(file)
    return file


def read(file):
    findings = Findings()
    return read_sheet(file, COLUMNS, "Mend it.", findings), findings.faults


def test_a_stray_cell_in_the_last_column_costs_nothing(tmp_path):
    """All 16,384 columns of 30,000 rows would take minutes and gigabytes."""
    file = workbook(tmp_path / "train.xlsx", "XFD30000")
    before, memory = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sheet, faults = read(file)
    assert time.perf_counter() - before < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 300 * 1024
    assert not faults and sheet.values.tolist() == [list(row) for row in ROWS]


@pytest.mark.parametrize("place", ["A30000", "E30000"])
def test_a_stray_cell_in_a_column_of_the_table_ends_it(tmp_path, place):
    sheet, faults = read(workbook(tmp_path / "train.xlsx", place))
    assert len(sheet) == 29_999 and (sheet.iloc[2:-1] == "").all(axis=None) and not faults


def test_a_stray_cell_in_the_last_row_is_named(tmp_path):
    sheet, faults = read(workbook(tmp_path / "train.xlsx", f"A{MOST_ROWS}"))
    assert sheet is None and "last row" in faults[0].found


def test_other_columns_and_another_order_do_not_matter(tmp_path):
    sheet, _ = read(workbook(tmp_path / "train.xlsx", order=("note", *reversed(COLUMNS), "more", "Path")))
    assert list(sheet.columns) == list(COLUMNS) and sheet.values.tolist() == [list(row) for row in ROWS]


@pytest.mark.parametrize("number", [10**7, 10**15])
def test_a_row_that_says_it_is_far_below_is_not_waited_for(tmp_path, number):
    file, changed = workbook(tmp_path / "whole.xlsx"), io.BytesIO()
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(changed, "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename == "xl/worksheets/sheet1.xml":
                assert b'<row r="3"' in content
                content = content.replace(b'<row r="3"', b'<row r="%d"' % number)
            target.writestr(entry.filename, content)
    (tmp_path / "train.xlsx").write_bytes(changed.getvalue())
    before = time.perf_counter()
    sheet, faults = read(tmp_path / "train.xlsx")
    assert time.perf_counter() - before < 5
    assert sheet is not None or faults
