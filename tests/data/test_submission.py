from __future__ import annotations

import random
import zipfile

import numpy as np
import pytest

from mgutils.data.submission import FORMATS, check_submission, read_ids, read_submission, write_submission
from mgutils.errors import ConfigError, DataError

IDS = [f"{video:04d}_{clip}" for video in range(54, 160) for clip in range(44)][:4562]
CLASSES = np.random.default_rng(0).integers(0, 32, len(IDS))


def made(folder, year=2023, ids=IDS, classes=CLASSES):
    return write_submission(folder, ids, classes, year)


@pytest.mark.parametrize("separator", [",", "\n", ", ", ",\r\n"])
def test_ids_keep_their_order(separator, tmp_path):
    ids = IDS[:]
    random.Random(0).shuffle(ids)
    (tmp_path / "test_id.txt").write_text(separator.join(ids) + separator, encoding="utf-8", newline="")
    assert read_ids(tmp_path / "test_id.txt") == ids


@pytest.mark.parametrize(("text", "message"), [
    ("0054_0,0055_1,0054_0", "found '0054_0' again, as id 3; wanted each id once"),
    ("0054_0,=1+1", "found the formula '=1\\+1' as id 2; wanted a name such as 0054_0"), (" ,\n", "found no id"),
    ("0054_0;0054_1", "a name such as 0054_0"), ("a\x00b", "a name such as")])
def test_ids_that_are_none_or_come_twice_are_refused(text, message, tmp_path):
    (tmp_path / "ids.txt").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_ids(tmp_path / "ids.txt")


def test_ids_need_a_file_of_text(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_ids(tmp_path / "none.txt")
    (tmp_path / "ids.txt").write_bytes(b"0054_0\n\xff")
    with pytest.raises(DataError, match="row 2: found the byte 0xff; wanted UTF-8"):
        read_ids(tmp_path / "ids.txt")


@pytest.mark.parametrize("year", FORMATS)
def test_round_trip_of_both_years(year, tmp_path):
    file = made(tmp_path / "new", year)
    kind = FORMATS[year]
    assert file.name == kind.archive and [path.name for path in file.parent.iterdir()] == [kind.archive]
    with zipfile.ZipFile(file) as archive:
        assert archive.namelist() == [kind.table]
        lines = archive.read(kind.table).decode().split("\n")
    assert lines[:1] == [",".join(kind.header)] if kind.header else lines[0] == f"0054_0,{CLASSES[0]}"
    assert len(lines) == len(IDS) + bool(kind.header) + 1 and lines[-1] == ""
    read = check_submission(file, IDS, year=year)
    assert read.ids == tuple(IDS) and (read.classes == CLASSES).all() and read.year == year
    first = file.read_bytes()
    assert made(tmp_path / "again", year).read_bytes() == first


def test_a_table_by_itself_is_read_too(tmp_path):
    (tmp_path / "labels.csv").write_text("0054_0,31\n0054_1,0\n")
    read = read_submission(tmp_path / "labels.csv")
    assert read.ids == ("0054_0", "0054_1") and read.classes.tolist() == [31, 0] and read.year is None
    (tmp_path / "labels.csv").write_text("Id,Target\r\n0054_0,31\r\n")
    assert read_submission(tmp_path / "labels.csv").year == 2025
    with pytest.raises(DataError, match="found the format of 2025; wanted Submission.csv alone"):
        check_submission(tmp_path / "labels.csv", ["0054_0"], year=2023)


@pytest.mark.parametrize(("ids", "message"), [
    (IDS[:-1], "row 4562: found .* which is no id of the challenge"), ([*IDS, "9999_0"], "no line for '9999_0'"),
    (IDS[::-1], f"row 1: found '0054_0'; wanted '{IDS[-1]}', as in the challenge's list"),
    ([IDS[0], IDS[2], IDS[1], *IDS[3:]], "row 2: found '0054_1'; wanted '0054_2'")])
def test_wrong_count_and_wrong_order_are_refused(ids, message, tmp_path):
    with pytest.raises(DataError, match=message):
        check_submission(made(tmp_path), ids)


def test_rows_count_from_the_header(tmp_path):
    with pytest.raises(DataError, match="row 2: found '0054_0'; wanted"):
        check_submission(made(tmp_path, 2025), IDS[::-1])


@pytest.mark.parametrize("wrong", [-1, 32, 99])
def test_classes_out_of_range_are_refused(wrong, tmp_path):
    classes = CLASSES.copy()
    classes[7] = wrong
    with pytest.raises(DataError, match=rf"row 8: found class {wrong}; wanted 0..31.*take 1 off"):
        made(tmp_path, classes=classes)
    assert list(tmp_path.iterdir()) == []
    text = "".join(f"{name},{index}\n" for name, index in zip(IDS, classes, strict=True))
    (tmp_path / "Submission.csv").write_text(text)
    with pytest.raises(DataError, match=f"found class {wrong}"):
        check_submission(tmp_path / "Submission.csv", IDS)


def test_what_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="found 2024; wanted one of 2023, 2025"):
        made(tmp_path, 2024)
    with pytest.raises(DataError, match="found 4,561 answers"):
        made(tmp_path, classes=CLASSES[1:])
    with pytest.raises(DataError, match="found 'a', again"):
        made(tmp_path, ids=["a", "a"], classes=[1, 2])
    with pytest.raises(DataError, match="found '-1,2'"):
        made(tmp_path, ids=["-1"], classes=[2])
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        made(tmp_path / "file")


def archive(file, entries):
    with zipfile.ZipFile(file, "w") as opened:
        for name, text in entries:
            opened.writestr(name, text)
    return file


@pytest.mark.parametrize(("entries", "message"), [
    ([], "found nothing in the archive"), ([("Submission.csv", "a,1\n"), ("__MACOSX/x", "")], "'__MACOSX/x' in the"),
    ([("out/Submission.csv", "a,1\n")], "found 'out/Submission.csv'"), ([("submission.csv", "a,1\n")], "wanted Subm"),
    ([("prediction.csv", "a,1\n")], "no header"), ([("Submission.csv", "Id,Target\na,1\n")], "a header in Sub"),
    ([("Submission.csv", "")], "found no answers"), ([("Submission.csv", "a,1,2\n")], "row 1: found 'a,1,2'"),
    ([("Submission.csv", "a,1\nb\n")], "row 2: found 'b'; wanted id,class"),
    ([("Submission.csv", "a,1.0\n")], "wanted id,class"), ([("Submission.csv", "a,\u0661\n")], "wanted id,class"),
    ([("Submission.csv", '"a,1\n')], "unreadable table"), ([("Submission.csv", b"\xff")], "the byte 0xff"),
    ([("Submission.csv", "a,1\na,1\n")], "found 'a', again")])
def test_other_archives_are_refused(entries, message, tmp_path):
    with pytest.raises(DataError, match=message):
        check_submission(archive(tmp_path / "Submission.zip", entries), ["a"])


def test_a_thousand_broken_files_end_in_errors_of_the_kit(tmp_path):
    whole = [made(tmp_path, year, IDS[:20], CLASSES[:20]).read_bytes() for year in FORMATS]
    rng, file, refused = random.Random(0), tmp_path / "broken.zip", 0
    for _ in range(1000):
        content = bytearray(rng.choice(whole))
        for _ in range(rng.randrange(1, 4)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        file.write_bytes(content[:rng.choice([len(content), rng.randrange(len(content))])])
        try:
            check_submission(file, IDS[:20])
        except DataError:
            refused += 1
    assert refused > 900
