from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import make_tiny
from PIL import Image

from mgutils.cli import main
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


def test_a_csv_without_captions_has_the_classes_for_them(source, tmp_path, capsys):
    edit(source, lambda table: table[["path", "class", "group"]])
    assert main(["import", "folders", str(source), str(tmp_path / "out")]) == 0
    labels = read_dataset(tmp_path / "out").labels
    assert labels.names == labels.own == labels.display == IN_ORDER
    edit(source, lambda table: table[["path", "class"]])
    assert main(["import", "folders", str(source), str(tmp_path / "more")]) == 2
    assert "a column 'group'" in capsys.readouterr().err
    assert main(["import", "folders", str(source), str(tmp_path / "more"), "--group", "None"]) == 0
    with pytest.raises(DataError, match="a column 'text'"):
        import_folders(source, tmp_path / "none", caption="text", group=None)


def test_the_classes_keep_their_own_names_beside_their_captions(source, tmp_path):
    root = import_folders(source, tmp_path / "out", progress=False)
    labels = read_dataset(root).labels
    assert labels.names[0] == "a hand, 2" and labels.display == IN_ORDER
    (root / "classes.csv").write_text("class_id,source\n1,a\n")
    with pytest.raises(DataError, match=r"classes.csv, column 'class_id': found 1 ids; wanted each of 1..4 once"):
        read_dataset(root)


@pytest.mark.parametrize("how", ["absolute", "linked", "relative"])
def test_paths_may_begin_at_the_root_or_at_the_folder_of_the_images(how, source, tmp_path):
    home, csv = source.parent, tmp_path / "lists" / "list.csv"
    (tmp_path / "alias").symlink_to(home)
    start = {"absolute": f"{home}/", "linked": f"{tmp_path}/alias/", "relative": ""}[how]
    edit(source, lambda table: table.assign(path=start + table["path"]))
    csv.parent.mkdir()
    source.rename(csv)
    with pytest.raises(DataError, match="--images-root" if how != "relative" else "no file"):
        import_folders(csv, tmp_path / "none", progress=False)
    assert main(["import", "folders", str(csv), str(tmp_path / "out"), "--images-root", str(home)]) == 0
    assert pd.read_csv(tmp_path / "out" / "clips.csv")["source"][0] == "pictures/10/p0.png"  # no folder of a machine


def test_links_of_class_folders_may_lead_into_the_folder_of_the_images(album, tmp_path):
    (tmp_path / "store").mkdir()
    (album / "2").rename(tmp_path / "store/two")
    (album / "2").symlink_to(tmp_path / "store/two")
    (album / "10/more.png").symlink_to(tmp_path / "store/two/pic ture1.PNG")
    with pytest.raises(DataError, match=f"a link to {tmp_path}/store/two, outside .*--images-root") as caught:
        import_folders(album, tmp_path / "out")
    assert len(caught.value.faults) == 2
    root = import_folders(album, tmp_path / "out", images_root=tmp_path / "store", progress=False)
    assert read_dataset(root).frames["class_id"].tolist() == [2, 2, 2, 1, 1, 3]


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


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder of folders: three classes whose text order is not their number order."""
    for i, name in enumerate(("10", "2", "größe 1 ", "2", "10")):
        (tmp_path / "album" / name).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30, 20), (50 * i, 0, 0)).save(tmp_path / "album" / name / f"pic ture{i}.PNG")
    (tmp_path / "album/.git").mkdir()
    (tmp_path / "album/2/Thumbs.db").write_text("x")
    (tmp_path / "album/readme.txt").write_text("x")
    return tmp_path / "album"


def test_a_folder_for_each_class_keeps_the_data_contract(album, tmp_path):
    root = import_folders(album, tmp_path / "out", size=15, progress=False)
    check = check_dataset(root, decode=True, progress=False)
    assert check.faults == ()
    dataset = read_dataset(root)
    assert dataset.labels.names == ("2", "10", "größe 1") and not dataset.has_groups
    assert dataset.frames["class_id"].tolist() == [2, 2, 1, 1, 3]
    assert pd.read_csv(root / "classes.csv", dtype=str)["source"].tolist() == ["2", "10", "größe 1"]
    colours = [Image.open(dataset.image_path(row)).getpixel((0, 0))[0] for row in range(5)]
    assert colours == pytest.approx([0, 200, 50, 150, 100], abs=3)
    assert {Image.open(dataset.image_path(row)).size for row in range(5)} == {(15, 10)}


def test_grey_palette_alpha_16_bit_and_turned_images_are_imported(tmp_path):
    folder, ramp = tmp_path / "album/all", np.linspace(0, 255, 64).astype(np.uint8).reshape(8, 8)
    folder.mkdir(parents=True)
    grey, exif = Image.fromarray(ramp), Image.Exif()
    exif[0x0112] = 6
    grey.save(folder / "a.png")
    Image.fromarray(ramp.astype(np.uint16) * 257).save(folder / "b.png")
    grey.convert("P").save(folder / "c.png")
    grey.convert("LA").save(folder / "d.png")
    grey.convert("CMYK").save(folder / "e.jpg", quality=100)
    grey.save(folder / "f.jpg", "PNG")
    grey.save(folder / "g.png", exif=exif)
    dataset = read_dataset(import_folders(tmp_path / "album", tmp_path / "out", progress=False))
    for row, expected in enumerate([ramp] * 6 + [np.rot90(ramp, -1)]):
        with Image.open(dataset.image_path(row)) as image:
            assert image.mode == "RGB"
            assert np.abs(np.asarray(image).astype(int) - expected[..., None]).max() < 12, row


def put(name: str, content: bytes = b""):
    def do(album: Path) -> None:
        (album / name).parent.mkdir(parents=True, exist_ok=True)
        (album / name).write_bytes(content)
    return do


# name: (change of the folder, file of the fault, part of what was found); the last ones may be skipped
ALBUMS = {
    "image beside the classes": (put("x.jpg"), "x.jpg", "outside the classes"),
    "folder in a class": (lambda album: (album / "2/more").mkdir(), "2/more", "a folder in a class's folder"),
    "folder named like an image": (lambda album: (album / "2/x.jpg").mkdir(), "2/x.jpg", "a folder"),
    "link out": (lambda album: (album / "2/x.png").symlink_to("/etc/hosts"), "2/x.png", "a link to /etc/hosts, "),
    "class linked from outside": (lambda album: (album / "etc").symlink_to("/etc"), "etc", "a link to /etc, outside"),
    "class linked to nowhere": (lambda album: (album / "etc").symlink_to("/none"), "etc", "a link that leads nowhere"),
    "ring of links": (lambda album: (album / "2/x.png").symlink_to("x.png"), "2/x.png", "a link that leads nowhere"),
    "name with a line break": (put("a\nb/x.png"), "a\\nb", "no line of text"),
    "name that is no UTF-8": (lambda album: os.mkdir(bytes(album) + b"/\xff\xfe"), "\\udcff\\udcfe", "no line of text"),
    "another kind": (put("2/x.heic", b"heic"), "2/x.heic", "a file of the kind '.heic'"),
    "zero bytes": (put("2/x.jpg"), "2/x.jpg", "cannot be decoded"),
    "HTML": (put("2/x.jpg", b"<html></html>"), "2/x.jpg", "cannot be decoded"),
    "one pixel": (lambda album: Image.new("L", (1, 1)).save(album / "2/x.png"), "2/x.png", "1 x 1"),
    "truncated": (lambda album: put("2/x.png", (album / "2/pic ture1.PNG").read_bytes()[:60])(album), "2/x.png",
                  "cannot be decoded"),
    "animated": (lambda album: Image.new("L", (4, 4)).save(
        album / "2/x.png", save_all=True, append_images=[Image.new("L", (4, 4), 9)]), "2/x.png", "an animation of 2"),
}
SKIPPED = list(ALBUMS)[list(ALBUMS).index("another kind"):]


@pytest.mark.parametrize("case", ALBUMS)
def test_a_broken_folder_is_refused_or_what_is_bad_left_out(album, tmp_path, case):
    change, file, found = ALBUMS[case]
    change(album)
    with pytest.raises(DataError) as caught:
        import_folders(album, tmp_path / "out", progress=False)
    fault, = caught.value.faults
    assert fault.file == f"{album}/{file}" and found in fault.found
    assert [path.name for path in tmp_path.iterdir()] == ["album"]
    if case in SKIPPED:
        root = import_folders(album, tmp_path / "out", skip_bad=True, progress=False)
        assert len(read_dataset(root)) == 5 and check_dataset(root, decode=True, progress=False).faults == ()
        listed = pd.read_csv(root / "not_imported.csv")
        assert listed["file"].tolist() == [f"{album}/{file}"] and found in listed["found"][0]
    else:
        with pytest.raises(DataError):
            import_folders(album, tmp_path / "out", skip_bad=True, progress=False)


def test_a_class_may_be_a_link_inside_the_folder_and_the_folder_a_link_itself(album, tmp_path):
    (album / "again").symlink_to("2")
    (tmp_path / "link").symlink_to(album)
    dataset = read_dataset(import_folders(tmp_path / "link", tmp_path / "out", progress=False))
    assert dataset.labels.names == ("2", "10", "again", "größe 1") and len(dataset) == 7


def test_an_empty_class_and_a_stray_text_file_are_a_note(album, tmp_path, capsys):
    (album / "none").mkdir()
    (album / "only text").mkdir()
    for name in ("2/notes.txt", "only text/labels.CSV"):
        (album / name).write_text("x")
    assert main(["import", "folders", str(album), str(tmp_path / "out")]) == 0
    assert "not_imported.csv lists what was left out (4)" in capsys.readouterr().out
    dataset = read_dataset(tmp_path / "out")
    assert len(dataset) == 5 and dataset.labels.names == ("2", "10", "größe 1")
    listed = pd.read_csv(tmp_path / "out/not_imported.csv")
    assert dict(zip(listed["file"], listed["found"], strict=True)) == {
        f"{album}/2/notes.txt": "a text file", f"{album}/none": "no image",
        f"{album}/only text/labels.CSV": "a text file", f"{album}/only text": "no image"}


def test_a_folder_without_any_class(tmp_path):
    (tmp_path / "album").mkdir()
    with pytest.raises(DataError, match="no folder of a class"):
        import_folders(tmp_path / "album", tmp_path / "out")


def test_images_of_a_csv_that_cannot_be_used_are_left_out_and_listed(source, tmp_path):
    (source.parent / "pictures/10/p0.png").write_bytes(b"<html>")
    (source.parent / "pictures/2/p0.png").unlink()
    root = import_folders(source, tmp_path / "out", skip_bad=True, progress=False)
    dataset = read_dataset(root)
    assert len(dataset) == 22 and dataset.frames["clip_id"].tolist() == list(range(2, 24))
    listed = pd.read_csv(root / "not_imported.csv")
    assert listed["row"].tolist() == [2, 3] and set(listed["file"]) == {str(source)}
    assert check_dataset(root, decode=True, progress=False).faults == ()
    for name in CLASSES:
        for person in range(6):
            (source.parent / f"pictures/{name}/p{person}.png").write_bytes(b"")
    with pytest.raises(DataError, match="24 faults"):
        import_folders(source, tmp_path / "none", skip_bad=True, progress=False)


@pytest.mark.parametrize(("content", "row", "found"), [
    ("path,class\npictures/10/p0.png,10\n".encode("utf-16"), None, "UTF-16"),
    (b"path;class\npictures/10/p0.png;10\n", 1, "semicolons"),
    (b"path\tclass\npictures/10/p0.png\t10\n", 1, "tabs"),
    (b"path,class\npictures/10/p0.png,10\0\n", 2, "a NUL byte"),
    (b"path,class\npictures/10/p0.png,10\npictures/10/p1.png,touch, or scratch\n", 3, "3 fields"),
    (b'path,class\npictures/10/p0.png,"10\n', 2, "unexpected end"),
    (b'path,class\n"pictures/10/p0.png\npictures/10/p1.png",10\n', 2, "'pictures/10/p0.png\\n"),
    (b'path,class\npictures/10/p0.png,"a\x07b"\n', 2, "'a\\x07b'"),
    (b"path,class\n" + b"x" * 300 + b"/" + b"y" * 300 + b".png,10\n", 2, "no file"),
    (b"path,path,class\na,b,c\n", 1, "the column twice"),
])
def test_strange_csv_files_are_one_message_with_its_row(source, tmp_path, capsys, content, row, found):
    source.write_bytes(content)
    assert main(["import", "folders", str(source), str(tmp_path / "out"), "--caption", "None", "--group", "None"]) == 2
    error = capsys.readouterr().err
    assert "1 fault in the data" in error and found in error and "Traceback" not in error
    assert f"{source}{'' if row is None else f', row {row}'}" in error
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_byte_order_mark_quotes_500_columns_and_short_lines_are_read(source, tmp_path):
    rows = pd.read_csv(source, dtype=str)
    header = ",".join(["path", "class", *(f"extra {i}" for i in range(498))])
    lines = [f'"{path}","cl""ass, {name}"' for path, name in zip(rows["path"], rows["class"], strict=True)]
    source.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([header, *lines, "", ""]).encode())
    root = import_folders(source, tmp_path / "out", caption=None, group=None, progress=False)
    assert read_dataset(root).labels.names == tuple(f'cl"ass, {name}' for name in sorted(CLASSES))


def test_names_with_spaces_and_other_scripts_are_read(source, tmp_path):
    odd = source.parent / "手 势" / "bild ä é.png"
    odd.parent.mkdir()
    (source.parent / "pictures/10/p0.png").rename(odd)
    edit(source, set_field(2, "path", "手 势/bild ä é.png"))
    assert len(read_dataset(import_folders(source, tmp_path / "out", progress=False))) == 24


def test_a_full_disk_is_a_message(source, tmp_path, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(Image.Image, "save", full)
    assert main(["import", "folders", str(source), str(tmp_path / "out")]) == 2
    assert "No space left" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
