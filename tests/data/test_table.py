from __future__ import annotations

import hashlib
import pickle
import shutil
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from conftest import TINY_NAMES, make_tiny
from PIL import Image

from mgutils.data.labels import Labels, write_labels
from mgutils.data.layout import write_tables
from mgutils.data.table import check_dataset, read_dataset
from mgutils.errors import DataError, Fault


def tree(root: Path) -> dict[str, str]:
    """Every file below a folder and the hash of its bytes."""
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(root.rglob("*")) if path.is_file()}


def test_reads_the_seed_layout(bare_root):
    dataset = read_dataset(bare_root)
    assert len(dataset) == 72 and not dataset.has_groups
    assert list(dataset.frames) == ["path", "class_id", "clip_id", "frame_id", "caption"]
    assert dataset.labels.names == TINY_NAMES
    assert dataset.target.dtype == np.int64 and set(dataset.target) == {0, 1, 2, 3}
    assert dataset.frames["path"][0] == "1/0.0.jpg" and dataset.image_path(0).is_file()
    assert (dataset.frames["caption"] == [TINY_NAMES[i] for i in dataset.target]).all()


def test_reads_the_sidecar(tiny_root):
    dataset = read_dataset(tiny_root)
    assert dataset.has_groups
    assert set(dataset.frames["subject_id"]) == set(range(1, 7))
    assert dataset.frames["description"].iloc[-1] == "subject 6 in clip 23"
    assert dataset.frames[["video_id", "subject_id"]].dtypes.eq("int64").all()


def test_equal_tables_are_equal_bytes_and_survive_a_round_trip(tiny_root, tmp_path):
    dataset = read_dataset(tiny_root)
    for name in ("a", "b"):
        write_tables(tmp_path / name, dataset.frames, dataset.labels)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert (tmp_path / "a/training/train.xlsx").read_bytes() == (tiny_root / "training/train.xlsx").read_bytes()
    shutil.copytree(tiny_root / "training", tmp_path / "a" / "training", dirs_exist_ok=True)
    pd.testing.assert_frame_equal(read_dataset(tmp_path / "a").frames, dataset.frames.iloc[:, :5])


def test_validsubset_is_the_validation_part_of_the_frame_split(tiny_root):
    from mgutils.data.splits import make_split

    dataset = read_dataset(tiny_root)
    paths = pd.read_csv(tiny_root / "training/validsubset.csv")["Path"]
    assert set(paths) == set(dataset.frames["path"].iloc[make_split(dataset, "frame").valid])


def test_whole_data_has_no_faults(tiny_root):
    check = check_dataset(tiny_root, decode=True, progress=False)
    assert check.faults == () and check.notes == ()
    assert "72 images, 4 classes, 24 clips, 12 videos, 6 subjects" in check.summary


@pytest.mark.parametrize("count", [1, 10, 17])
def test_the_number_of_classes_comes_from_the_label_file(tmp_path, count):
    frames = pd.DataFrame({"class_id": range(1, count + 1), "clip_id": range(count), "frame_id": 0})
    frames["path"] = [f"{i + 1}/{i}.0.jpg" for i in range(count)]
    for path in frames["path"]:
        (tmp_path / "training" / path).parent.mkdir(parents=True)
        Image.new("L", (2, 2)).save(tmp_path / "training" / path)
    write_tables(tmp_path, frames, Labels(tuple(f"c{i}" for i in range(count))))
    assert len(read_dataset(tmp_path).labels) == count


def set_cell(row: int, column: str, value):
    """A change of one cell, the row counted as in a spreadsheet."""
    def change(sheet):
        sheet.loc[row - 2, column] = value
    return change


# name: (change of the cells, expected (row, column, part of what was found)), for faults of the rows
ROWS = {
    "class 0": (set_cell(5, "Class", 0), [(5, "Class", "0")]),
    "class out of range": (set_cell(5, "Class", 5), [(5, "Class", "5")]),
    "raw code 99": (set_cell(5, "Class", 99), [(5, "Class", "99")]),
    "class as text": (set_cell(5, "Class", "2"), [(5, "Class", "'2'")]),
    "class is a word": (set_cell(5, "Class", "jaw"), [(5, "Class", "'jaw'")]),
    "class is a fraction": (set_cell(5, "Class", 2.5), [(5, "Class", "2.5")]),
    "class is a formula": (set_cell(5, "Class", "=1+1"), [(5, "Class", "the formula '=1+1'")]),
    "class is a truth value": (set_cell(5, "Class", True), [(5, "Class", "True")]),
    "class is huge": (set_cell(5, "Class", 1e30), [(5, "Class", "1000")]),
    "class is empty": (set_cell(5, "Class", None), [(5, "Class", "an empty cell")]),
    "class is a date": (set_cell(5, "Class", pd.Timestamp("2024-01-02")), [(5, "Class", "2024-01-02")]),
    "another folder": (set_cell(2, "Class", 2), [(2, "Class", "2 for the image '1/0.0.jpg'")]),
    "negative clip": (set_cell(9, "Video ID", -3), [(9, "Video ID", "-3")]),
    "frame as text": (set_cell(9, "Frame ID", "x"), [(9, "Frame ID", "'x'")]),
    "path of nothing": (set_cell(2, "Path", None), [(2, "Path", "an empty cell")]),
    "path is a number": (set_cell(2, "Path", 7), [(2, "Path", "7")]),
    "absolute path": (set_cell(2, "Path", "/etc/passwd"), [(2, "Path", "'/etc/passwd'")]),
    "drive": (set_cell(2, "Path", "C:/1/0.0.jpg"), [(2, "Path", "'C:/1/0.0.jpg'")]),
    "climbs out": (set_cell(2, "Path", "../1/0.0.jpg"), [(2, "Path", "'../1/0.0.jpg'")]),
    "climbs within": (set_cell(2, "Path", "1/.."), [(2, "Path", "'1/..'")]),
    "backslash": (set_cell(2, "Path", "1\\0.0.jpg"), [(2, "Path", r"'1\\0.0.jpg'")]),
    "no folder": (set_cell(2, "Path", "0.0.jpg"), [(2, "Path", "'0.0.jpg'")]),
    "folder is a word": (set_cell(2, "Path", "jaw/0.0.jpg"), [(2, "Path", "'jaw/0.0.jpg'")]),
    "no image": (set_cell(2, "Path", "1/77.0.jpg"), [(2, "Path", "no image '1/77.0.jpg'")]),
    "repeated": (set_cell(3, "Path", "1/0.0.jpg"), [(3, "Path", "again (first in row 2)")]),
    "caption of another class": (set_cell(2, "Caption", "folding arms"), [(2, "Caption", "the caption of class 2")]),
    "empty row": (lambda sheet: pd.concat([sheet[:3], sheet[:1].map(lambda _: None), sheet[3:]]),
                  [(5, None, "an empty row")]),
}


@pytest.mark.parametrize("case", ROWS)
def test_broken_rows_are_listed_once(tiny_root, edit_sheet, case):
    change, expected = ROWS[case]
    edit_sheet(tiny_root, change)
    before = tree(tiny_root)
    check = check_dataset(tiny_root, decode=True, progress=False)
    assert tree(tiny_root) == before
    assert [(fault.row, fault.column) for fault in check.faults] == [place[:2] for place in expected]
    for fault, (_, _, found) in zip(check.faults, expected, strict=True):
        assert found in fault.found and fault.wanted and fault.remedy.endswith(".")
        assert fault.file == str(tiny_root / "training" / "train.xlsx")
    with pytest.raises(DataError) as caught:
        read_dataset(tiny_root)
    assert caught.value.faults == check.faults


def drop(column: str):
    return lambda root: pd.read_excel(root / "training/train.xlsx").drop(columns=column).to_excel(
        root / "training/train.xlsx", index=False)


def replace(name: str, content: bytes):
    return lambda root: (root / name).write_bytes(content)


def change_clips(change):
    def edit(root):
        table = pd.read_csv(root / "clips.csv", dtype=str)
        changed = change(table)
        (table if changed is None else changed).to_csv(root / "clips.csv", index=False)
    return edit


def link(root: Path, name: str, target: Path) -> None:
    place = root / "training" / name
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    place.symlink_to(target)


def link_image_out(root: Path) -> None:
    shutil.copy(root / "training/1/0.0.jpg", root.parent / "secret.jpg")
    link(root, "1/0.0.jpg", root.parent / "secret.jpg")


def link_folder_out(root: Path) -> None:
    shutil.copytree(root / "training/1", root.parent / "secret")
    link(root, "1", root.parent / "secret")


# name: (what to do to the files, expected (file, row, column, part of what was found))
FILES = {
    "nothing there": (shutil.rmtree, [("", None, None, "no such folder")]),
    "no workbook": (lambda root: (root / "training/train.xlsx").unlink(),
                    [("training/train.xlsx", None, None, "no such file")]),
    "no training folder": (lambda root: shutil.rmtree(root / "training"),
                           [("training/train.xlsx", None, None, "no such file")]),
    "text named xlsx": (replace("training/train.xlsx", b"Path,Class\n"),
                        [("training/train.xlsx", None, None, "no readable workbook")]),
    "cut workbook": (lambda root: (root / "training/train.xlsx").write_bytes(
        (root / "training/train.xlsx").read_bytes()[:2000]),
        [("training/train.xlsx", None, None, "no readable workbook")]),
    "empty file": (replace("training/train.xlsx", b""),
                   [("training/train.xlsx", None, None, "no readable workbook")]),
    "empty workbook": (lambda root: openpyxl.Workbook().save(root / "training/train.xlsx"),
                       [("training/train.xlsx", 1, column, "columns")
                        for column in ("Path", "Class", "Video ID", "Frame ID", "Caption")]),
    "no rows": (lambda root: pd.read_excel(root / "training/train.xlsx")[:0].to_excel(
        root / "training/train.xlsx", index=False), [("training/train.xlsx", None, None, "no rows")]),
    "no Class": (drop("Class"), [("training/train.xlsx", 1, "Class", "'Path'")]),
    "no Class, no Caption": (drop(["Class", "Caption"]), [("training/train.xlsx", 1, "Class", ""),
                                                        ("training/train.xlsx", 1, "Caption", "")]),
    "no labels": (lambda root: (root / "Clip_label.csv").unlink(), [("Clip_label.csv", None, None, "no such file")]),
    "labels and workbook": (lambda root: [(root / "Clip_label.csv").unlink(),
                                          (root / "training/train.xlsx").unlink()],
                            [("Clip_label.csv", None, None, "no such file"),
                             ("training/train.xlsx", None, None, "no such file")]),
    "fewer classes": (lambda root: write_labels(Labels(TINY_NAMES[:3]), root / "Clip_label.csv"),
                      [("training/train.xlsx", row, "Class", "4") for row in range(2, 74) if (row - 2) // 3 % 4 == 3]),
    "deleted image": (lambda root: (root / "training/1/0.1.jpg").unlink(),
                      [("training/train.xlsx", 3, "Path", "no image '1/0.1.jpg'")]),
    "folder in its place": (lambda root: [(root / "training/1/0.1.jpg").unlink(),
                                          (root / "training/1/0.1.jpg").mkdir()],
                            [("training/train.xlsx", 3, "Path", "no image")]),
    "deleted class folder": (lambda root: shutil.rmtree(root / "training/1"),
                             [("training/train.xlsx", row, "Path", "no image") for row in range(2, 74)
                              if (row - 2) // 3 % 4 == 0]),
    "empty image": (replace("training/1/0.1.jpg", b""), [("training/train.xlsx", 3, "Path", "an empty file")]),
    "image linked from outside": (link_image_out, [("training/train.xlsx", 2, "Path", "a link out of the dataset")]),
    "folder linked from outside": (link_folder_out, [("training/train.xlsx", row, "Path", "a link out of the dataset")
                                                    for row in range(2, 74) if (row - 2) // 3 % 4 == 0]),
    "sidecar without video": (change_clips(lambda clips: clips.drop(columns="video_id")),
                              [("clips.csv", 1, "video_id", "'clip_id'")]),
    "sidecar without rows": (change_clips(lambda clips: clips[:0]), [("clips.csv", None, None, "no rows")]),
    "sidecar not a table": (replace("clips.csv", b"\xff\xfe\x00"), [("clips.csv", None, None, "an unreadable file")]),
    "sidecar lacks clips": (change_clips(lambda clips: clips[2:]),
                            [("clips.csv", None, "clip_id", f"no row for clip {clip}") for clip in (0, 1)]),
    "clip id is a word": (change_clips(lambda clips: clips.replace({"clip_id": {"2": "two"}})),
                          [("clips.csv", 4, "clip_id", "'two'")]),
    "clip twice": (change_clips(lambda clips: pd.concat([clips, clips[3:4]])),
                   [("clips.csv", 26, "clip_id", "3 again (first in row 5)")]),
    "subject is a word": (change_clips(lambda clips: clips.replace({"subject_id": {"6": "six"}})),
                          [("clips.csv", row, "subject_id", "'six'") for row in range(22, 26)]),
}


@pytest.mark.parametrize("case", FILES)
def test_broken_files_are_listed_once(tiny_root, case):
    do, expected = FILES[case]
    do(tiny_root)
    before = tree(tiny_root)
    check = check_dataset(tiny_root)
    assert tree(tiny_root) == before
    assert [(fault.file, fault.row, fault.column) for fault in check.faults] == [
        (str(tiny_root / file), row, column) for file, row, column, _ in expected]
    for fault, (*_, found) in zip(check.faults, expected, strict=True):
        assert found in fault.found
    with pytest.raises(DataError) as caught:
        read_dataset(tiny_root)
    assert caught.value.faults == check.faults


def test_a_folder_that_may_not_be_read(tiny_root, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied", str(folder))
    monkeypatch.setattr("os.scandir", refuse)
    fault, = check_dataset(tiny_root).faults
    assert (fault.file, fault.found) == (str(tiny_root / "training/1"), "Permission denied")


def test_an_unreadable_image_is_a_fault_of_decoding_only(tiny_root):
    image = tiny_root / "training/2/1.0.jpg"
    image.write_bytes(image.read_bytes()[:200])
    assert check_dataset(tiny_root).faults == ()
    fault, = check_dataset(tiny_root, decode=True, progress=False).faults
    assert (fault.row, fault.column) == (5, "Path") and "cannot be decoded" in fault.found


def test_faults_of_every_kind_come_together(tiny_root, edit_sheet):
    def change(sheet):
        sheet.loc[0, "Class"], sheet.loc[1, "Path"], sheet.loc[2, "Video ID"] = 2.5, "../x.jpg", "one"
    edit_sheet(tiny_root, change)
    (tiny_root / "Clip_label.csv").write_text("id,name\n1,a\n1,b\n")
    (tiny_root / "clips.csv").write_text("clip,video\n1,1\n")
    image = tiny_root / "training/2/1.0.jpg"
    image.write_bytes(b"no image")
    found = {(Path(fault.file).name, fault.row, fault.column)
             for fault in check_dataset(tiny_root, decode=True, progress=False).faults}
    assert found == {("Clip_label.csv", 3, "id"), ("train.xlsx", 2, "Class"), ("train.xlsx", 3, "Path"),
                     ("train.xlsx", 4, "Video ID"), ("train.xlsx", 5, "Path"), ("clips.csv", 1, "clip_id"),
                     ("clips.csv", 1, "video_id"), ("clips.csv", 1, "subject_id")}


def note(root: Path, words: str, **options) -> str:
    """The only note of a dataset without faults; it must hold the words."""
    check = check_dataset(root, progress=False, **options)
    assert check.faults == ()
    assert len(check.notes) == 1 and words in check.notes[0], check.notes
    return check.notes[0]


def strip_captions(sheet):
    sheet["Caption"] = sheet["Caption"].str.strip()


def test_captions_that_differ_in_spaces_are_a_note(tiny_root, edit_sheet):
    edit_sheet(tiny_root, strip_captions)
    assert "36 rows (class 2, 3), first 'Folding arms' in row 5" in note(tiny_root, "only in surrounding spaces")


def test_captions_that_differ_otherwise_are_a_note(tiny_root, edit_sheet):
    edit_sheet(tiny_root, set_cell(2, "Caption", "Turtle"))
    assert "otherwise in 1 rows (class 1), first 'Turtle' in row 2" in note(tiny_root, "classes are matched by id")
    assert read_dataset(tiny_root).frames["caption"][0] == "Turtle"


def test_a_clip_in_two_class_folders_is_a_note(bare_root, edit_sheet):
    shutil.copy(bare_root / "training/1/0.2.jpg", bare_root / "training/2/0.3.jpg")
    edit_sheet(bare_root, lambda sheet: pd.concat([sheet, pd.DataFrame(
        {"Path": ["2/0.3.jpg"], "Class": [2], "Video ID": [0], "Frame ID": [3], "Caption": ["Folding arms "]})]))
    notes = " ".join(check_dataset(bare_root, decode=True, progress=False).notes)
    assert "1 clip ids have images in more than one class, first 0" in notes
    assert "1 images equal an earlier one byte for byte, first 2/0.3.jpg (= 1/0.2.jpg)" in notes
    assert "official one cannot be made" in notes
    assert len(read_dataset(bare_root)) == 73


@pytest.mark.parametrize(("do", "words"), [
    (lambda root: shutil.copy(root / "training/1/0.0.jpg", root / "training/1/spare.JPG"), "1 images that no row"),
    (lambda root: write_labels(Labels((*TINY_NAMES, "new")), root / "Clip_label.csv"), "no image of 1 of 5 classes: 5"),
    (change_clips(lambda clips: pd.concat([clips, clips[:1].assign(clip_id="77")])), "1 clips have no image, first 77"),
    (change_clips(lambda clips: clips.assign(video_id=1)), "1 videos show more than one subject, first 1"),
    (change_clips(lambda clips: clips.assign(class_id=1)), "another class than train.xlsx for 54 images"),
])
def test_what_is_worth_knowing_is_a_note(tiny_root, do, words):
    do(tiny_root)
    note(tiny_root, words)


def test_names_that_disagree_with_the_columns_are_a_note(tiny_root, edit_sheet):
    edit_sheet(tiny_root, set_cell(2, "Frame ID", 9))
    note(tiny_root, "differ from the file's name in 1 rows, first in row 2")


def test_a_link_inside_the_dataset_is_fine(tiny_root):
    link(tiny_root, "1/0.0.jpg", tiny_root / "training/1/0.1.jpg")
    assert check_dataset(tiny_root).faults == ()


def test_the_table_may_stand_in_any_sheet(tiny_root):
    file = tiny_root / "training/train.xlsx"
    sheet = pd.read_excel(file)
    with pd.ExcelWriter(file) as writer:
        pd.DataFrame({"remark": ["made by hand"]}).to_excel(writer, sheet_name="about", index=False)
        sheet.to_excel(writer, sheet_name="train (2)", index=False)
    assert len(read_dataset(tiny_root)) == 72


def test_a_long_list_is_cut_for_the_reader_and_kept_in_the_error():
    faults = [Fault("train.xlsx", row, "Class", str(-row), "1..4", "Mend it.") for row in range(2, 1002)]
    error = DataError([*faults, Fault("train.xlsx", 2, "Path", "''", "a path", "Write it.")])
    lines = str(error).splitlines()
    assert lines[0] == "1,001 faults in the data" and len(lines) == 23
    assert "980 more" in lines[21] and "Path" in lines[22]
    again = pickle.loads(pickle.dumps(error))
    assert again.faults == error.faults and str(again) == str(error)


def test_twenty_equal_faults_are_one_line_with_a_count():
    empty = [Fault("list.csv", row, "group", "an empty cell", "a value", "Fill it.") for row in range(2, 22)]
    dark = [Fault(f"{i}.jpg", None, None, "zero bytes", "an image", "Restore it.") for i in range(20)]
    three = [Fault("list.csv", row, "path", "no file", "an image", "Delete it.") for row in (4, 5, 6)]
    lines = str(DataError([*empty, *dark, *three])).splitlines()
    assert lines[0] == "43 faults in the data" and len(lines) == 6
    assert lines[1].strip() == ("list.csv, rows 2, 3, 4, 5, 6 and 15 more, column 'group': found an empty cell "
                                "(20 times); wanted a value. Fill it.")
    assert lines[2].strip() == ("0.jpg, 1.jpg, 2.jpg, 3.jpg, 4.jpg and 15 more: found zero bytes (20 times); wanted an "
                                "image. Restore it.")
    assert lines[3].strip() == "list.csv, row 4, column 'path': found no file; wanted an image. Delete it."


def test_without_the_sidecar_the_bytes_of_the_tables_are_the_same(tmp_path):
    with_sidecar, without = make_tiny(tmp_path / "a"), make_tiny(tmp_path / "b", sidecar=False)
    assert set(tree(with_sidecar).items()) - set(tree(without).items()) == {
        ("clips.csv", tree(with_sidecar)["clips.csv"])}
