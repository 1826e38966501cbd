from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import make_tiny
from PIL import Image

from mgutils.data.importers import import_folders
from mgutils.data.splits import available_splits, make_split
from mgutils.data.table import check_dataset, read_dataset
from mgutils.errors import ConfigError, DataError

CLASSES = ("10", "2", "jaw", "2.5")
IN_ORDER = ("2", "2.5", "10", "jaw")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with 24 images of 4 classes by 6 persons, and its CSV."""
    folder, rows = tmp_path / "source", []
    rng = np.random.default_rng(0)
    for i in range(24):
        name, person = CLASSES[i % 4], f"p{i // 4}"
        path = f"pictures/{name}/{person}.png"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (10, 20, 3), dtype=np.uint8)).save(folder / path)
        rows.append({"path": path, "class": name, "caption": f"a hand, {name}", "group": person})
    pd.DataFrame(rows).to_csv(folder / "list.csv", index=False)
    return folder / "list.csv"


def edit(csv: Path, change) -> None:
    table = pd.read_csv(csv, dtype=str, keep_default_na=False)
    changed = change(table)
    (table if changed is None else changed).to_csv(csv, index=False)


def test_import_keeps_the_data_contract(source, tmp_path):
    root = import_folders(source, tmp_path / "out", progress=False)
    assert root == tmp_path / "out"
    check = check_dataset(root, decode=True, progress=False)
    assert check.faults == () and check.notes == ()
    dataset = read_dataset(root)
    assert dataset.labels.names == tuple(f"a hand, {name}" for name in IN_ORDER)
    assert dataset.frames["class_id"].tolist() == [3, 1, 4, 2] * 6
    assert dataset.frames["clip_id"].tolist() == list(range(24))
    assert dataset.frames["subject_id"].tolist() == list(np.repeat(np.arange(1, 7), 4))
    assert "frame" in available_splits(dataset)
    split, subjects = make_split(dataset, "subject"), dataset.frames["subject_id"].to_numpy()
    assert not set(subjects[split.train]) & set(subjects[split.valid])


def test_import_writes_down_what_the_ids_stand_for(source, tmp_path):
    root = import_folders(source, tmp_path / "out", progress=False)
    classes = pd.read_csv(root / "classes.csv", dtype=str)
    assert classes["source"].tolist() == list(IN_ORDER) and classes["class_id"].tolist() == ["1", "2", "3", "4"]
    assert pd.read_csv(root / "subjects.csv")["source"].tolist() == [f"p{i}" for i in range(6)]
    assert pd.read_csv(root / "clips.csv")["source"][0] == "pictures/10/p0.png"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "source"]


def test_import_names_its_columns_and_needs_neither_caption_nor_group(source, tmp_path):
    edit(source, lambda table: table.rename(columns={"path": "file", "class": "sign"})[["file", "sign"]])
    root = import_folders(source, tmp_path / "out", path="file", class_="sign", caption=None, group=None,
                          progress=False)
    dataset = read_dataset(root)
    assert dataset.labels.names == IN_ORDER and not dataset.has_groups
    assert not (root / "subjects.csv").exists()


@pytest.mark.parametrize(("size", "expected"), [(None, (20, 10)), (8, (8, 4)), (64, (20, 10))])
def test_import_limits_the_longest_side(source, tmp_path, size, expected):
    root = import_folders(source, tmp_path / "out", size=size, progress=False)
    with Image.open(root / "training/3/0.0.jpg") as image:
        assert image.size == expected and image.format == "JPEG" and image.mode == "RGB"


def test_copies_stand_upright_and_have_no_metadata(source, tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[0x013B] = 6, "somebody"
    Image.new("RGB", (20, 10)).save(source.parent / "pictures/10/p0.png", exif=exif)
    root = import_folders(source, tmp_path / "out", progress=False)
    with Image.open(root / "training/3/0.0.jpg") as image:
        assert image.size == (10, 20) and not image.getexif()


def test_import_into_an_empty_folder_and_from_tidy_relative_paths(source, tmp_path):
    (tmp_path / "out").mkdir()
    edit(source, lambda table: table.assign(path="./" + table["path"]))
    assert len(read_dataset(import_folders(source, tmp_path / "out", progress=False))) == 24


def set_field(row: int, column: str, value: str):
    def change(table):
        table.loc[row - 2, column] = value
    return change


# name: (change of the table, expected (row, column, part of what was found))
TABLES = {
    "no path column": (lambda table: table.drop(columns="path"), [(1, "path", "'class'")]),
    "two columns missing": (lambda table: table.drop(columns=["class", "group"]), [(1, "class", ""), (1, "group", "")]),
    "no rows": (lambda table: table[:0], [(None, None, "no rows")]),
    "no class": (set_field(4, "class", " "), [(4, "class", "an empty cell")]),
    "no group": (set_field(4, "group", ""), [(4, "group", "an empty cell")]),
    "no caption": (set_field(4, "caption", ""), [(4, "caption", "an empty cell")]),
    "no path": (set_field(4, "path", ""), [(4, "path", "an empty cell")]),
    "two captions": (set_field(6, "caption", "a foot"), [(6, "caption", "'a foot' for class '10'")]),
    "absent": (set_field(4, "path", "pictures/none.png"), [(4, "path", "no file 'pictures/none.png'")]),
    "folder": (set_field(4, "path", "pictures"), [(4, "path", "no file 'pictures'")]),
    "repeated": (set_field(6, "path", "pictures/10/p0.png"), [(6, "path", "again")]),
    "repeated by another name": (set_field(6, "path", "./pictures//10/p0.png"), [(6, "path", "again")]),
    "absolute": (set_field(4, "path", "/etc/hostname"), [(4, "path", "'/etc/hostname'")]),
    "climbs out": (set_field(4, "path", "../secret.png"), [(4, "path", "'../secret.png'")]),
    "climbs out and back": (set_field(4, "path", "../source/pictures/10/p0.png"), [(4, "path", "'../source")]),
    "backslash": (set_field(4, "path", "pictures\\10\\p0.png"), [(4, "path", "pictures")]),
    "link out": (set_field(4, "path", "link.png"), [(4, "path", "'link.png'")]),
    "not an image": (set_field(4, "path", "list.csv"), [(4, "path", "cannot be decoded")]),
    "several": (lambda table: [set_field(4, "class", "")(table), set_field(5, "path", "list.csv")(table),
                               set_field(7, "path", "x.png")(table)] and None,
                [(4, "class", "an empty cell"), (5, "path", "cannot be decoded"), (7, "path", "no file 'x.png'")]),
}


@pytest.mark.parametrize("case", TABLES)
def test_broken_tables_are_listed_once_and_nothing_is_written(source, tmp_path, case):
    change, expected = TABLES[case]
    Image.new("RGB", (4, 4)).save(tmp_path / "secret.png")
    (source.parent / "link.png").symlink_to(tmp_path / "secret.png")
    edit(source, change)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError) as caught:
        import_folders(source, tmp_path / "out", progress=False)
    assert sorted(tmp_path.rglob("*")) == before
    assert [(fault.row, fault.column) for fault in caught.value.faults] == [place[:2] for place in expected]
    for fault, (_, _, found) in zip(caught.value.faults, expected, strict=True):
        assert found in fault.found and fault.file == str(source)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00path", b'path,class\n"open,1\n'])
def test_no_csv_to_read(tmp_path, content):
    if content is not None:
        (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(DataError):
        import_folders(tmp_path / "list.csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_target_in_use_is_refused(source, tmp_path):
    root = make_tiny(tmp_path / "tiny")
    before = sorted(root.rglob("*"))
    for target in (root, source):
        with pytest.raises(ConfigError, match="wanted a name that is free"):
            import_folders(source, target)
    assert sorted(root.rglob("*")) == before
    with pytest.raises(ConfigError, match="size: found 0"):
        import_folders(source, tmp_path / "out", size=0)
