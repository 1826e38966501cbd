"""What a workbook may cost: stray cells and rows that lie about their number."""

import io
import resource
import time
import zipfile

import openpyxl
import pandas as pd
import pytest

from mgutils.data.check import COLUMNS
from mgutils.data.csv import guard
from mgutils.data.labels import Labels, read_labels
from mgutils.data.layout import write_tables
from mgutils.data.workbook import MOST_ROWS, read_sheet
from mgutils.errors import Findings

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


@pytest.mark.slow
def test_a_stray_cell_in_the_last_row_is_named(tmp_path):
    sheet, faults = read(workbook(tmp_path / "train.xlsx", f"A{MOST_ROWS}"))
    assert sheet is None and "last row" in faults[0].found


def test_other_columns_and_another_order_do_not_matter(tmp_path):
    sheet, _ = read(workbook(tmp_path / "train.xlsx", order=("note", *reversed(COLUMNS), "more", "Path")))
    assert list(sheet.columns) == list(COLUMNS) and sheet.values.tolist() == [list(row) for row in ROWS]


@pytest.mark.slow
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


TEXTS = ["=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201", "'=1", "''",
         "#N/A", "#REF!", "TRUE", "1e5", "007", "=", "plain"]


@pytest.fixture
def written(tmp_path):
    """A dataset's tables with captions that a spreadsheet may run, or take for something else than text."""
    number = range(1, len(TEXTS) + 1)
    frames = pd.DataFrame({"path": [f"{i}/{i}.0.jpg" for i in number], "class_id": number, "clip_id": number,
                           "frame_id": 0})
    write_tables(tmp_path, frames, Labels(tuple(TEXTS)))
    return tmp_path / "training" / "train.xlsx"


def test_a_caption_is_a_text_in_the_workbook_and_comes_back(written):
    sheet, faults = read(written)
    assert sheet["Caption"].tolist() == TEXTS and not faults
    assert read_labels(written.parents[1] / "Clip_label.csv").names == tuple(TEXTS)
    for read_only in (False, True):
        cells = [row[4] for row in openpyxl.load_workbook(written, read_only=read_only).active.iter_rows(2)]
        assert [cell.value for cell in cells] == TEXTS and {cell.data_type for cell in cells} == {"s"}


def test_no_cell_is_a_formula_and_none_becomes_one_when_it_is_edited(written):
    with zipfile.ZipFile(written) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
    cells = [row[4] for row in openpyxl.load_workbook(written).active.iter_rows(2)]
    assert [bool(cell.quotePrefix) for cell in cells] == [guard(text) != text for text in TEXTS]
