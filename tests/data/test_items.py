"""Clip datasets: what is read, what is refused, which frames are chosen."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgutils.cli import main
from mgutils.data.items import choose_frames, is_clip_dataset, load_modality, read_clip_dataset, write_clips
from mgutils.data.labels import Labels
from mgutils.data.splits import make_split
from mgutils.errors import DataError

LENGTHS = [3, 1, 5, 4]


@pytest.fixture
def root(tmp_path):
    clips = pd.DataFrame({"clip_id": [7, 8, 9, 12], "class_id": [1, 2, 2, 1], "frames": LENGTHS,
                          "video_id": [1, 1, 2, 2], "subject_id": [1, 1, 2, 2]})
    joints = np.random.default_rng(0).random((sum(LENGTHS), 22, 3), dtype=np.float32)
    write_clips(tmp_path, clips, Labels(("nod", "wave")), {"joints": joints})
    return tmp_path


def edit(root, **columns):
    table = pd.read_csv(root / "clips.csv", dtype=str)
    for name, (row, value) in columns.items():
        table.loc[row, name] = value
    table.to_csv(root / "clips.csv", index=False)


def test_what_is_written_is_read(root):
    dataset = read_clip_dataset(root)
    assert dataset.frames["start"].tolist() == [0, 3, 4, 9]
    assert dataset.frames["length"].tolist() == LENGTHS
    assert dataset.target.tolist() == [0, 1, 1, 0]
    assert is_clip_dataset(root)
    joints = load_modality(dataset, "joints")
    assert joints.shape == (13, 22, 3)
    assert isinstance(joints, np.memmap)
    split = make_split(dataset, "subject")
    assert not set(dataset.frames["subject_id"].iloc[split.train]) & set(dataset.frames["subject_id"].iloc[split.valid])


@pytest.mark.parametrize(("column", "value", "words"), [
    ("clip_id", "7", "each clip once"), ("class_id", "3", "1..2"), ("class_id", "x", "whole number"),
    ("frames", "0", "at least 1 frame"), ("frames", "-4", "whole number"), ("subject_id", "", "whole number"),
])
def test_a_faulty_cell_is_named_by_row_and_column(root, column, value, words):
    edit(root, **{column: (2, value)})
    with pytest.raises(DataError, match=words) as raised:
        read_clip_dataset(root)
    assert [(fault.row, fault.column) for fault in raised.value.faults] == [(4, column)]


@pytest.mark.parametrize("change", ["longer", "shape", "type", "text", "gone"])
def test_an_array_that_does_not_fit_the_table_is_refused(root, change):
    file = root / "clips" / "joints.npy"
    joints = np.load(file)
    if change == "longer":
        edit(root, frames=(0, "4"))
    elif change == "text":
        file.write_text("no array")
    elif change == "gone":
        file.unlink()
    else:
        np.save(file, joints[:, :21] if change == "shape" else joints.astype(np.float64))
    with pytest.raises(DataError, match="joints.npy"):
        load_modality(read_clip_dataset(root), "joints")


def test_an_array_of_objects_is_not_unpickled(root):
    np.save(root / "clips" / "joints.npy", np.array([{"a": 1}] * 13), allow_pickle=True)
    with pytest.raises(DataError, match="unreadable"):
        read_clip_dataset(root)


lengths = st.lists(st.integers(1, 200), min_size=1, max_size=6).map(np.array)


@given(length=lengths, frames=st.integers(1, 40), seed=st.integers(0, 99))
def test_segments_are_in_order_and_inside_the_clip(length, frames, seed):
    draw = np.random.default_rng(seed).random((len(length), frames))
    index, there = choose_frames(length, frames, draw)
    assert there.all()
    assert (index >= 0).all()
    assert (index < length[:, None]).all()
    assert (np.diff(index, axis=1) >= 0).all()
    edges = np.arange(frames) * length[:, None] / frames
    assert (index >= np.floor(edges)).all()
    assert (index <= np.ceil(edges + length[:, None] / frames)).all()


@given(length=lengths, frames=st.integers(1, 40), seed=st.integers(0, 99))
def test_a_window_marks_what_is_past_the_end(length, frames, seed):
    draw = np.random.default_rng(seed).random((len(length), 1))
    index, there = choose_frames(length, frames, draw, window=True)
    assert (there.sum(axis=1) == np.minimum(length, frames)).all()
    for row, shown in zip(index, there, strict=True):
        assert (np.diff(row[shown]) == 1).all()  # as filmed
    assert (index < length[:, None]).all()


def test_the_middle_of_each_segment():
    index, _ = choose_frames(np.array([8]), 4, np.array([[0.5]]))
    assert index.tolist() == [[1, 3, 5, 7]]
    index, _ = choose_frames(np.array([10]), 4, np.array([[0.5]]), window=True)
    assert index.tolist() == [[3, 4, 5, 6]]


def test_a_check_and_an_audit_of_clips_say_what_is_there(root, capsys):
    assert main(["data", "check", str(root)]) == 0
    assert "4 clips of 2 classes, 13 frames (1 to 5 a clip), joints, 2 subjects; splits: frame, clip" in (
        capsys.readouterr().out)
    assert main(["data", "audit", str(root)]) in (0, 2)  # four clips are too few for a split by frame
    edit(root, class_id=(1, "9"))
    assert main(["data", "check", str(root)]) == 2
    assert "row 3, column 'class_id'" in capsys.readouterr().err
