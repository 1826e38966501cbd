from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from mgutils.data.labels import Labels, imigue_classes, imigue_labels, read_labels, write_labels
from mgutils.errors import DataError

REPOSITORY = Path(__file__).parents[2]
SPACED = {4, 5, 7, 8, 9, 10, 12, 13, 15, 17, 19, 23, 24, 29, 30, 32}


def test_the_seed_has_32_captions_and_half_of_them_end_with_a_space():
    names = imigue_labels().names
    assert len(names) == 32
    assert {i for i, name in enumerate(names, start=1) if name != name.strip()} == SPACED
    assert names[21] == "scraching or touching arms" and names[31] == "Illustrative hand gestures "


def test_the_committed_label_file_holds_the_captions_byte_for_byte(tmp_path):
    write_labels(imigue_labels(), tmp_path / "Clip_label.csv")
    assert (tmp_path / "Clip_label.csv").read_bytes() == (REPOSITORY / "data" / "Clip_label.csv").read_bytes()
    assert read_labels(REPOSITORY / "data" / "Clip_label.csv") == imigue_labels()


def test_facts_about_the_classes_add_up():
    facts = imigue_classes()
    assert resources.files("mgutils.data").joinpath("imigue_classes.csv").is_file()
    assert facts["original_frames"].sum() == 60514
    assert (facts["group"] != "").sum() == 31 and facts["group"][32] == ""


@pytest.mark.parametrize("count", [1, 10, 17, 32])
def test_ids_and_indices_are_inverse(count):
    labels = Labels(tuple(f"class {i}" for i in range(count)))
    ids = np.arange(1, count + 1)
    assert (labels.to_index(ids) == np.arange(count)).all()
    assert (labels.to_id(labels.to_index(ids)) == ids).all()
    assert labels.name(count) == f"class {count - 1}"


def test_raw_code_99_is_class_32_where_there_are_32_classes():
    assert imigue_labels().to_index([99, 1]).tolist() == [31, 0]
    with pytest.raises(ValueError, match="99 is outside 1..17"):
        Labels(("a",) * 17).to_index([99])


@pytest.mark.parametrize("bad", [0, -1, 33])
def test_ids_out_of_range(bad):
    with pytest.raises(ValueError, match="outside 1..32"):
        imigue_labels().to_index([bad])
    with pytest.raises(ValueError, match="outside 0..31"):
        imigue_labels().to_id([32 if bad > 0 else -1])


def test_display_names():
    assert Labels((" touching jaw ", "Head up")).display == ("Touching jaw", "Head up")


def test_labels_come_in_the_order_of_their_ids(tmp_path):
    file = tmp_path / "Clip_label.csv"
    file.write_bytes(b"\xef\xbb\xbfid,name\r\n2,b \r\n10,j\r\n1,\"a, c\"\r\n" + b"".join(
        b"%d,x%d\r\n" % (i, i) for i in range(3, 10)))
    assert read_labels(file).names == ("a, c", "b ", *(f"x{i}" for i in range(3, 10)), "j")


LABEL_FILES = {
    "empty file": (b"", [(None, None)]),
    "header only": (b"id,name\n", [(None, None)]),
    "other columns": (b"number,text\n1,a\n", [(1, "id"), (1, "name")]),
    "one column missing": (b"id,text\n1,a\n", [(1, "name")]),
    "gap": (b"id,name\n1,a\n3,b\n", [(3, "id")]),
    "from zero": (b"id,name\n0,a\n1,b\n", [(2, "id")]),
    "repeated": (b"id,name\n1,a\n1,b\n", [(3, "id")]),
    "text and empty": (b"id,name\none,a\n2,\n", [(2, "id"), (3, "name")]),
    "fraction": (b"id,name\n1.0,a\n", [(2, "id")]),
    "comma without quotes": (b"id,name\n1,a,b\n2,c,d,e\n", [(2, None), (3, None)]),
    "not UTF-8": (b"id,name\n1,a\n2,\xff\xfe\n", [(3, None)]),
    "UTF-16": ("id,name\n1,a\n".encode("utf-16"), [(None, None)]),
    "NUL": (b"id,name\n1,a\n2,b\0\n", [(3, None)]),
    "semicolons": (b"id;name\n1;a\n", [(1, None)]),
    "a quote left open": (b'id,name\n1,a\n2,"b\n', [(3, None)]),
    "column twice": (b"id,name,id\n1,a,1\n", [(1, "id")]),
    "line break in a name": (b'id,name\n1,"a\nb"\n', [(2, "name")]),
    "control character": (b"id,name\n1,a\x07\n", [(2, "name")]),
    "a name of a book's length": (b"id,name\n1," + b"x" * 1001, [(2, "name")]),
    "an id of 5,000 digits": (b"id,name\n" + b"1" * 5000 + b",a\n", [(2, "id")]),
    "rows counted with empty lines": (b"id,name\n\n1,a\n\n1,b\n", [(5, "id")]),
}


@pytest.mark.parametrize("case", LABEL_FILES)
def test_broken_label_files_list_every_fault_once(tmp_path, case):
    content, places = LABEL_FILES[case]
    file = tmp_path / "Clip_label.csv"
    file.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_labels(file)
    assert [(fault.row, fault.column) for fault in caught.value.faults] == places


def test_no_label_file(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_labels(tmp_path / "Clip_label.csv")


def test_names_with_commas_quotes_and_trailing_spaces_survive(tmp_path):
    names = ("a, b or c ", 'say "ah" ', "ää, ö ", "; ")
    write_labels(Labels(names), tmp_path / "Clip_label.csv")
    assert read_labels(tmp_path / "Clip_label.csv").names == names


@pytest.mark.parametrize("count", [1, 1000])
def test_any_number_of_classes(tmp_path, count):
    labels = Labels(tuple(f"class {i} " for i in range(count)))
    write_labels(labels, tmp_path / "Clip_label.csv")
    assert read_labels(tmp_path / "Clip_label.csv") == labels


def test_a_folder_in_place_of_the_label_file(tmp_path):
    with pytest.raises(DataError, match="found a folder"):
        read_labels(tmp_path)
