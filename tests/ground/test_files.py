"""A file is whole or absent, and one that cannot be written is said in the kit's words."""

import errno
import os

import pytest

from mgutils.errors import ConfigError
from mgutils.files import atomic_file


def test_a_file_appears_when_it_is_whole_and_keeps_its_suffix_aside(tmp_path):
    path = tmp_path / "new" / "folder" / "a.csv"
    with atomic_file(path) as aside:
        aside.write_text("1")
        assert not path.exists() and aside.suffix == ".csv" and aside.parent == path.parent
    assert path.read_text() == "1" and os.listdir(path.parent) == ["a.csv"]


@pytest.mark.parametrize("failure", [ValueError("no"), KeyboardInterrupt(), FileNotFoundError(2, "gone", "input.jpg")])
def test_what_fails_leaves_the_file_that_was_there_and_is_not_renamed(tmp_path, failure):
    path = tmp_path / "a.csv"
    path.write_text("before")
    with pytest.raises(type(failure)) as caught, atomic_file(path) as aside:
        aside.write_text("half")
        raise failure
    assert caught.value is failure
    assert path.read_text() == "before" and os.listdir(tmp_path) == ["a.csv"]


def test_folders_that_were_made_for_a_file_go_with_it_unless_they_hold_another(tmp_path):
    for name, left in (("new/deep/a.csv", []), ("other/a.csv", ["other"])):
        with pytest.raises(ValueError, match="no"), atomic_file(tmp_path / name) as aside:
            if left:
                (aside.parent / "b.csv").write_text("1")
            raise ValueError("no")
        assert os.listdir(tmp_path) == left


@pytest.mark.parametrize("name", ["file/a.csv", "file/deep/a.csv", "folder"])
def test_a_place_that_cannot_be_is_named(tmp_path, name):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match=rf"{name}: cannot be written \(.+\)\. Make room, or name another folder"), \
            atomic_file(tmp_path / name) as aside:
        aside.write_text("1")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_a_full_disk_is_named_and_the_file_that_was_there_stays(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("before")
    with pytest.raises(ConfigError, match=r"a\.csv: cannot be written \(No space left on device\)"), \
            atomic_file(path) as aside:
        aside.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert path.read_text() == "before" and os.listdir(tmp_path) == ["a.csv"]


def test_a_disk_that_is_full_for_another_file_is_not_blamed_on_this_one(tmp_path):
    with pytest.raises(OSError) as caught, atomic_file(tmp_path / "a.csv"):
        raise OSError(errno.ENOSPC, "No space left on device", "other.mp4")
    assert caught.value.filename == "other.mp4" and not os.listdir(tmp_path)
