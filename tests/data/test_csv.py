"""Formulas in CSV files: what is guarded, that it can be undone, and that every writer of the kit does it."""

import ast
import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mgutils
from mgutils.data.csv import CsvWriter, guard, read_csv, unguard, write_csv
from mgutils.data.labels import Labels, read_labels, write_labels
from mgutils.data.sidecar import write_left_out
from mgutils.data.table import read_dataset
from mgutils.metrics.scores import scores
from mgutils.training.run import write_scores

KIT = Path(mgutils.__file__).parent
STARTS = ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
DANGEROUS = [start + "1+1" for start in STARTS] + ["=HYPERLINK(\"x\",\"y\")", "-", "'=1", "''@a"]
HARMLESS = ["", "a=1", " =1", "1-2", "'", "'a", "Turtle neck", "\u2013"]


def cells(file):
    """Every cell of a CSV file, as a spreadsheet would take it."""
    with file.open(encoding="utf-8", newline="") as opened:
        return [cell for row in csv.reader(opened) for cell in row]


def runs(cell):
    return cell[:1] in STARTS if cell else False


@pytest.mark.parametrize("text", DANGEROUS)
def test_a_text_that_begins_like_a_formula_is_guarded_and_comes_back(text):
    assert guard(text) == "'" + text and unguard(guard(text)) == text
    assert unguard(guard(guard(text))) == guard(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_any_other_text_stays(text):
    assert guard(text) == text == unguard(text)


def test_numbers_stay_numbers(tmp_path):
    assert guard(-1) == -1 and guard(-0.5) == -0.5 and guard(None) is None
    table = pd.DataFrame({"a": [-1, 2], "b": [-0.5, np.nan], "c": [-3, "=1"], "d": pd.Categorical(["-x", "y"]),
                          "=e": ["+1", None]})
    write_csv(table, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "a,b,c,d,'=e\n-1,-0.5,-3,'-x,'+1\n2,,'=1,y,\n"
    assert list(table.columns) == ["a", "b", "c", "d", "=e"] and table["=e"].iloc[0] == "+1"


def test_our_reader_gives_back_what_our_writer_was_given(tmp_path):
    texts = DANGEROUS + HARMLESS[1:]
    write_csv(pd.DataFrame({"n": range(len(texts)), "text": texts}), tmp_path / "t.csv")
    assert read_csv(tmp_path / "t.csv", ("text",), "Mend it.")["text"].tolist() == texts
    assert not any(map(runs, cells(tmp_path / "t.csv")))


def test_class_names_come_back_from_every_table_that_has_them(tmp_path):
    labels = Labels(("=cmd|' /C calc'!A0", "@SUM(1)", "-2", "\uff1dSUM(1)", "'=1", "Turtle neck "))
    write_labels(labels, tmp_path / "Clip_label.csv")
    assert read_labels(tmp_path / "Clip_label.csv") == labels
    write_scores(scores(np.eye(6), np.arange(6)), labels, tmp_path)
    assert pd.read_csv(tmp_path / "per_class.csv")["name"].map(unguard).tolist() == list(labels.names)
    for name in ("Clip_label.csv", "per_class.csv"):
        assert not any(map(runs, cells(tmp_path / name))), name


def test_a_carriage_return_starts_no_row(tmp_path):
    """An unquoted one would: what follows it would stand in a cell of its own, unguarded."""
    name = "a\r=1+1.jpg"
    with (tmp_path / "p.csv").open("w", encoding="utf-8", newline="") as file:
        writer = CsvWriter(file)
        writer.writerow(["path", "class_id"])
        writer.writerow([name, 3])
    write_csv(pd.DataFrame({"path": [name], "class_id": [3]}), tmp_path / "t.csv")
    for file in ("p.csv", "t.csv"):
        assert cells(tmp_path / file) == ["path", "class_id", name, "3"]


def test_an_image_that_is_left_out_is_known_by_its_own_name(tiny_root):
    first = read_dataset(tiny_root).frames["path"].iloc[0]
    write_left_out(tiny_root, {first: "=no image"})
    assert "'=no image" in (tiny_root / "left_out.csv").read_text()
    assert first not in set(read_dataset(tiny_root).frames["path"])


WORKBOOKS = {"to_excel", "ExcelWriter", "Workbook"}


def writers(source):
    """Lines that write a CSV or a workbook by other means than the guarded ones."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module == "csv" or WORKBOOKS & {one.name for one in node.names}):
            yield node.lineno
        if not isinstance(node, ast.Attribute):
            continue
        if isinstance(node.value, ast.Name) and node.value.id == "csv" and node.attr in ("writer", "DictWriter"):
            yield node.lineno
        if node.attr in WORKBOOKS | {"savetxt"}:
            yield node.lineno
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr == "to_csv" and not _only_returns(source, node):
            yield node.lineno


def _only_returns(source, attribute):
    """Whether a ``to_csv`` is a call without a file, whose text is hashed and not written."""
    return any(isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
               and (call.func.lineno, call.func.end_col_offset) == (attribute.lineno, attribute.end_col_offset)
               and not call.args and {word.arg for word in call.keywords} <= {"index", "header"}
               for call in ast.walk(ast.parse(source)))


@pytest.mark.parametrize("source", [
    "table.to_csv(path)", "table.to_csv(path_or_buf=path)", "import csv\ncsv.writer(file)", "w = csv.DictWriter",
    "from csv import writer", "map(table.to_csv, files)", "table.to_csv(**options)", "np.savetxt(file, a)",
    "table.to_excel(path)", "pd.ExcelWriter(path)", "book = openpyxl.Workbook()", "from openpyxl import Workbook",
    "from xlsxwriter import Workbook as W"])
def test_an_unguarded_writer_is_found(source):
    assert list(writers(source))


def test_a_text_that_is_only_hashed_is_none():
    assert not list(writers("digest.update(table.to_csv(index=False).encode())"))


@pytest.mark.slow
def test_every_csv_and_workbook_that_the_kit_writes_goes_through_the_guard():
    folders = [KIT, KIT.parent / "notebooks", KIT.parent / "benchmarks"]
    sources = [file for folder in folders for file in folder.rglob("*.py")]
    found = {f"{file.relative_to(KIT.parent)}:{line}" for file in sources
             if file not in (KIT / "data" / "csv.py", KIT / "data" / "layout.py")
             for line in writers(file.read_text(encoding="utf-8"))}
    assert len(sources) > 100
    assert not found, "write these with mgutils.data.csv.write_csv or CsvWriter, workbooks with mgutils.data.layout"
