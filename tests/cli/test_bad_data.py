"""What a stranger feeds in: one clear message with file and row, exit status 2, nothing half-written, no traceback.

The cases of tables and folders are those of their own tests, here at the command line; images, labels and workbooks
that only matter whole are below.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from PIL import Image
from test_labels import LABEL_FILES
from test_pixels import large_png
from test_table import FILES, ROWS, tree

from mgutils.cli import main
from mgutils.data.labels import Labels, read_labels
from mgutils.data.layout import write_tables
from mgutils.data.table import check_dataset, read_dataset
from mgutils.errors import DataError


def refused(arguments: list[str], root: Path, capsys) -> str:
    """The message of a command that must fail and leave everything as it is."""
    before = tree(root)
    assert main(arguments) == 2
    message = capsys.readouterr().err
    assert message.startswith("mg: ") and "Traceback" not in message
    assert tree(root) == before
    return message


@pytest.mark.parametrize("case", ROWS)
def test_a_broken_row_is_named_at_the_command_line(tiny_root, edit_sheet, capsys, case):
    change, expected = ROWS[case]
    edit_sheet(tiny_root, change)
    message = refused(["data", "check", str(tiny_root)], tiny_root, capsys)
    for row, column, found in expected:
        assert f"train.xlsx, row {row}" in message and found in message and (column or "") in message


@pytest.mark.parametrize("case", FILES)
def test_a_broken_file_is_named_at_the_command_line(tiny_root, capsys, case):
    do, expected = FILES[case]
    do(tiny_root)
    message = refused(["data", "check", str(tiny_root)], tiny_root, capsys)
    assert all(str(tiny_root / file) in message and found in message for file, _, _, found in expected)


@pytest.mark.parametrize("case", LABEL_FILES)
def test_a_broken_label_file_is_named_at_the_command_line(tiny_root, capsys, case):
    (tiny_root / "Clip_label.csv").write_bytes(LABEL_FILES[case][0])
    message = refused(["data", "check", str(tiny_root)], tiny_root, capsys)
    for row, _ in LABEL_FILES[case][1]:
        assert f"Clip_label.csv{'' if row is None else f', row {row}'}" in message


def edit_workbook(root: Path, change: Callable) -> None:
    file = root / "training/train.xlsx"
    book = openpyxl.load_workbook(file)
    change(book.active)
    book.save(file)


def test_merged_cells_leave_empty_ones_that_are_named(tiny_root, capsys):
    edit_workbook(tiny_root, lambda sheet: sheet.merge_cells("B3:B5"))
    message = refused(["data", "check", str(tiny_root)], tiny_root, capsys)
    assert "2 faults" in message and "row 4, column 'Class': found an empty cell" in message and "row 5" in message


def test_a_formula_is_not_computed(tiny_root, capsys):
    edit_workbook(tiny_root, lambda sheet: sheet.cell(3, 2).__setattr__("value", "=SUM(B2:B2)"))
    message = refused(["data", "check", str(tiny_root)], tiny_root, capsys)
    assert "row 3, column 'Class': found the formula '=SUM(B2:B2)'" in message


def test_headers_twice_or_over_a_title(tiny_root, capsys):
    edit_workbook(tiny_root, lambda sheet: sheet.insert_rows(1))
    assert "row 1, column 'Path'" in refused(["data", "check", str(tiny_root)], tiny_root, capsys)


def rewrite_sheet(root: Path, change: Callable[[bytes], bytes]) -> None:
    """Change the XML of the worksheet."""
    file, made = root / "training/train.xlsx", io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry.filename, change(content) if "sheet1" in entry.filename else content)
    file.write_bytes(made.getvalue())


def with_cell(name: str) -> Callable[[bytes], bytes]:
    """A 1 in a further row."""
    row = name[1:].encode()
    return lambda xml: xml.replace(b"</sheetData>", b'<row r="%s"><c r="%s"><v>1</v></c></row></sheetData>' % (
        row, name.encode()))


def test_a_cell_far_below_the_table_is_a_few_lines(tiny_root, capsys):
    rewrite_sheet(tiny_root, with_cell("B9000"))
    message = refused(["data", "check", str(tiny_root)], tiny_root, capsys)
    assert "row 74: found 8,926 empty rows, to row 8,999" in message and len(message.splitlines()) < 9
    assert "row 9000, column 'Path': found an empty cell" in message


@pytest.mark.slow
def test_a_sheet_of_1048576_rows_is_one_line(tiny_root, capsys):
    rewrite_sheet(tiny_root, with_cell("B1048576"))
    message = refused(["data", "check", str(tiny_root)], tiny_root, capsys)
    assert "1 fault in the data" in message and "row 1048576" in message


def test_a_workbook_that_unpacks_to_a_disk_full_is_refused(tiny_root, capsys, monkeypatch):
    monkeypatch.setattr("mgutils.data.workbook.MOST_BYTES", 100_000)
    rewrite_sheet(tiny_root, lambda xml: xml + b" " * 200_000)
    assert os.path.getsize(tiny_root / "training/train.xlsx") < 20_000
    assert "unpacks to 2" in refused(["data", "check", str(tiny_root)], tiny_root, capsys)


@pytest.mark.parametrize("name", ["pic ture.jpg", "größe.jpg", "手势.png", "'; drop.jpg", "x" * 240 + ".jpg", "%0.jpg"])
def test_names_with_spaces_and_other_scripts_are_read(tiny_root, edit_sheet, name):
    (tiny_root / "training/1/0.0.jpg").rename(tiny_root / "training/1" / name)
    edit_sheet(tiny_root, lambda sheet: sheet.replace({"1/0.0.jpg": f"1/{name}"}))
    assert check_dataset(tiny_root, decode=True, progress=False).faults == ()
    assert read_dataset(tiny_root).frames["path"][0] == f"1/{name}"


@pytest.mark.parametrize("count", [1, 1000])
def test_one_class_and_a_thousand(tmp_path, count):
    frames = pd.DataFrame({"class_id": 1, "clip_id": range(4), "frame_id": 0})
    frames["path"] = [f"1/{i}.0.jpg" for i in range(4)]
    (tmp_path / "training/1").mkdir(parents=True)
    for path in frames["path"]:
        Image.new("L", (2, 2)).save(tmp_path / "training" / path)
    write_tables(tmp_path, frames, Labels(tuple(f"class, {i} " for i in range(count))))
    assert len(read_dataset(tmp_path).labels) == count == len(read_labels(tmp_path / "Clip_label.csv"))
    assert main(["data", "check", str(tmp_path)]) == 0


def animated() -> bytes:
    file = io.BytesIO()
    Image.new("L", (4, 4)).save(file, "GIF", save_all=True, append_images=[Image.new("L", (4, 4), 255)])
    return file.getvalue()


def truncated() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(file, "JPEG")
    return file.getvalue()[:2000]


def encoded(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


BAD_IMAGES = {
    "zero bytes": b"", "truncated": truncated(), "1 x 1": large_png(1, 1), "bomb": large_png(30_000, 30_000),
    "animated": animated(), "HTML": b"<!DOCTYPE html><html><body>404</body></html>", "PDF": b"%PDF-1.4\n%%EOF",
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "NUL bytes": bytes(500), "SVG": b"<svg></svg>",
}
GOOD_IMAGES = {
    "PNG named .jpg": encoded(Image.new("RGB", (4, 4)), "PNG"), "CMYK": encoded(Image.new("CMYK", (4, 4)), "JPEG"),
    "16 bits": encoded(Image.fromarray(np.zeros((4, 4), np.uint16)), "PNG"),
    "palette": encoded(Image.new("P", (4, 4)), "PNG"), "alpha": encoded(Image.new("LA", (4, 4)), "PNG"),
}


@pytest.mark.parametrize("case", GOOD_IMAGES)
def test_an_unusual_image_is_read(tiny_root, case):
    (tiny_root / "training/1/0.1.jpg").write_bytes(GOOD_IMAGES[case])
    assert main(["data", "check", str(tiny_root)]) == 0


@pytest.mark.parametrize("case", BAD_IMAGES)
def test_a_bad_image_stops_the_run_before_it_starts_or_is_left_out(tiny_root, tmp_path, capsys, case):
    (tiny_root / "training/1/0.1.jpg").write_bytes(BAD_IMAGES[case])
    message = refused(["data", "check", str(tiny_root)], tiny_root, capsys)
    assert "1 fault in the data" in message and "train.xlsx, row 3, column 'Path'" in message
    assert "--skip-bad" in message
    assert main(["data", "check", str(tiny_root), "--skip-bad"]) == 0
    assert "1 images are left out, first 1/0.1.jpg" in capsys.readouterr().out
    assert pd.read_csv(tiny_root / "left_out.csv")["path"].tolist() == ["1/0.1.jpg"]
    dataset = read_dataset(tiny_root)
    assert len(dataset) == 71 and dataset.frames.index.tolist() == list(range(71))
    assert "1/0.1.jpg" not in set(dataset.frames["path"])
    assert check_dataset(tiny_root, decode=True, progress=False).faults == ()


@pytest.mark.slow
def test_training_stops_before_it_starts_and_keeps_to_what_is_left_out(tiny_root, tmp_path, capsys):
    for name in ("0.1", "4.0"):
        (tiny_root / f"training/1/{name}.jpg").write_bytes(b"<html>")
    arguments = ["train", str(tiny_root), "--profile", "smoke", "--epochs", "1", "--out-dir", str(tmp_path / "out")]
    message = refused(arguments, tiny_root, capsys)
    assert "2 faults in the data" in message and "0.1.jpg" in message and "4.0.jpg" in message
    assert not list((tmp_path / "out").rglob("*.safetensors"))
    assert main(["data", "check", str(tiny_root), "--skip-bad"]) == 0
    assert main(arguments) == 0


def test_leaving_out_is_undone_by_a_repair_and_refused_where_it_does_not_help(tiny_root, capsys):
    image = tiny_root / "training/1/0.1.jpg"
    whole = image.read_bytes()
    image.unlink()
    assert main(["data", "check", str(tiny_root), "--skip-bad"]) == 0
    assert len(read_dataset(tiny_root)) == 71
    image.write_bytes(whole)
    assert main(["data", "check", str(tiny_root), "--skip-bad"]) == 0
    assert not (tiny_root / "left_out.csv").exists() and len(read_dataset(tiny_root)) == 72
    image.unlink()
    (tiny_root / "clips.csv").write_text("nothing\n1\n")
    message = refused(["data", "check", str(tiny_root), "--skip-bad"], tiny_root, capsys)
    assert "clips.csv, row 1" in message and "no image" in message
    (tiny_root / "clips.csv").unlink()
    for file in (tiny_root / "training").glob("*/*.jpg"):
        file.write_bytes(b"")
    assert "72 faults" in refused(["data", "check", str(tiny_root), "--skip-bad"], tiny_root, capsys)


def test_a_broken_list_of_what_is_left_out(tiny_root):
    (tiny_root / "left_out.csv").write_text("file\n1/0.1.jpg\n")
    with pytest.raises(DataError, match="left_out.csv, row 1, column 'path'"):
        read_dataset(tiny_root)


