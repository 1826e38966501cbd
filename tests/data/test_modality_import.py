"""A modality of one's own beside a dataset of clips: nearest frames, marked gaps, every fault, nothing changed."""

import json
import os
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from video_files import make_video, number_of

from mgutils.data.importers import clip_arrays, modality
from mgutils.data.importers.modality import RECORD, add_modality
from mgutils.data.items import load_modality, present, read_clip_dataset, write_clips
from mgutils.data.labels import Labels
from mgutils.data.modalities import ModalityReader, middle
from mgutils.errors import ConfigError, DataError, Findings

LENGTHS = [3, 1, 5, 4]
IDS = [7, 8, 9, 12]
SHAPE = (6, 2)


def tree(root):
    """Every file of a folder with its bytes and its time of change."""
    return {str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns)
            for path in sorted(root.rglob("*")) if path.is_file()}


def write_root(root, **columns):
    clips = pd.DataFrame({"clip_id": IDS, "class_id": [1, 2, 2, 1], "frames": LENGTHS, "video_id": [1, 1, 2, 2],
                          "subject_id": [1, 1, 2, 2]} | columns)
    rng = np.random.default_rng(0)
    root.mkdir()
    write_clips(root, clips, Labels(("nod", "wave")), {
        "joints": rng.random((sum(LENGTHS), 22, 3), dtype=np.float32),
        "rgb": rng.integers(1, 256, (sum(LENGTHS), 20, 20, 3), dtype=np.uint8)})
    return root


@pytest.fixture
def clips(tmp_path):
    return write_root(tmp_path / "clips", lacks=["", "joints", "", ""])


@pytest.fixture
def arrays(tmp_path):
    """A folder with arrays of three of the four clips, each twice as long as its clip."""
    folder = tmp_path / "flows"
    folder.mkdir()
    for number, length in list(zip(IDS, LENGTHS, strict=True))[:3]:
        frames = np.arange(1, 2 * length + 1)
        np.save(folder / f"{number}.npy", np.broadcast_to(frames[:, None, None], (2 * length, *SHAPE)).astype(float))
    return folder


def add(arrays, clips, name="flow", **settings):
    return add_modality(arrays, clips, clips.parent / "new" / "bound", name, progress=False, **settings)


# -- what is made ------------------------------------------------------------------------------------------------------


def test_frames_are_the_nearest_in_time_and_the_rest_is_as_it_was(arrays, clips):
    before = tree(clips)
    made = add(arrays, clips)
    dataset = read_clip_dataset(made.root)
    flow = load_modality(dataset, "flow")
    assert made.clips == 3 and flow.dtype == np.float32 and flow.shape == (sum(LENGTHS), *SHAPE)
    assert flow[:, 0, 0].tolist() == [2, 4, 6, 2, 2, 4, 6, 8, 10, 0, 0, 0, 0]
    assert present(dataset, "flow").tolist() == [True, True, True, False]
    assert present(dataset, "joints").tolist() == [True, False, True, True]
    assert dataset.frames["lacks"].tolist() == ["", "joints", "", "flow"]
    old = read_clip_dataset(clips)
    assert dataset.frames.drop(columns="lacks").equals(old.frames.drop(columns="lacks"))
    for name in ("joints", "rgb"):
        assert np.array_equal(load_modality(dataset, name), load_modality(old, name))
        assert os.path.samefile(made.root / "clips" / f"{name}.npy", clips / "clips" / f"{name}.npy")
    assert tree(clips) == before
    assert "1 of 4 clips lack it" in made.notes


def test_a_clip_without_a_file_is_marked_and_its_zeros_are_no_frames(arrays, clips):
    dataset = read_clip_dataset(add(arrays, clips).root)
    reader = ModalityReader.open(dataset, ["rgb", "flow"], 4)
    rows = np.arange(4)
    read = reader(rows, middle(["rgb", "flow"], 4, 4))
    assert read.present["flow"].tolist() == [True, True, True, False]
    assert not read.inputs["flow"][3].any() and read.inputs["rgb"][3].any()


@given(rows=st.integers(1, 40), frames=st.integers(1, 40))
def test_each_frame_gets_the_row_in_the_middle_of_its_time(rows, frames, tmp_path_factory):
    file = tmp_path_factory.getbasetemp() / "one.npy"
    np.save(file, np.arange(rows, dtype=np.uint8))
    found = clip_arrays.read_clip(file, frames, 0, 0, Findings())[:, 0]
    assert found.tolist() == [int((frame + 0.5) * rows / frames) for frame in range(frames)]


@pytest.mark.parametrize(("kind", "stored"), [
    ("bool", "uint8"), ("uint8", "uint8"), ("int8", "float32"), ("uint16", "float32"), ("int64", "float32"),
    (">i4", "float32"), ("float16", "float32"), ("float64", "float32")])
def test_bytes_stay_bytes_and_all_else_becomes_float32(arrays, clips, kind, stored):
    for file in arrays.iterdir():
        np.save(file, np.load(file).astype(kind))
    flow = load_modality(read_clip_dataset(add(arrays, clips).root), "flow")
    assert flow.dtype == stored and flow[0, 0, 0] == (1 if kind == "bool" else 2)


def test_one_number_a_frame_becomes_an_axis(arrays, clips):
    for file in arrays.iterdir():
        np.save(file, np.load(file)[:, 0, 0])
    assert load_modality(read_clip_dataset(add(arrays, clips).root), "flow").shape == (sum(LENGTHS), 1)


def test_an_archive_of_one_array_and_folders_inside_are_read_and_hidden_files_are_not(arrays, clips):
    np.savez_compressed(arrays / "12.npz", anything=np.ones((2, *SHAPE)))
    (arrays / "part").mkdir()
    (arrays / "7.npy").rename(arrays / "007.npy")
    (arrays / ".hidden.npy").write_text("no array")
    (arrays / "notes.txt").write_text("what this is")
    made = add(arrays, clips)
    assert made.clips == 4
    assert load_modality(read_clip_dataset(made.root), "flow")[[0, -1], 0, 0].tolist() == [2, 1]


def test_files_are_called_by_the_names_of_clips_where_the_table_has_them(arrays, tmp_path):
    named = write_root(tmp_path / "named", name=["a/1", "a/2", "b", "8"])
    (arrays / "a").mkdir()
    for old, new in (("7", "a/1"), ("9", "b")):
        (arrays / f"{old}.npy").rename(arrays / f"{new}.npy")
    assert present(read_clip_dataset(add(arrays, named).root), "flow").tolist() == [True, False, True, True]


def test_large_pictures_are_reduced_by_means_of_blocks(arrays, clips):
    rng = np.random.default_rng(1)
    pictures = rng.random((3, 40, 60, 2), dtype=np.float32) + 1
    for file in arrays.iterdir():
        file.unlink()
    np.save(arrays / "7.npy", pictures)
    flow = load_modality(read_clip_dataset(add(arrays, clips, size=20).root), "flow")
    assert flow.shape[1:] == (20, 20, 2)
    assert np.allclose(flow[:3], pictures.reshape(3, 20, 2, 20, 3, 2).mean(axis=(2, 4)), atol=1e-5)
    np.save(arrays / "7.npy", (100 * pictures).astype(np.uint8))
    assert load_modality(read_clip_dataset(add(arrays, clips, size=33).root), "flow").dtype == np.uint8


def test_joints_are_no_picture_and_stay(arrays, clips):
    for file in arrays.iterdir():
        np.save(file, np.ones((2, 30, 3)))
    assert load_modality(read_clip_dataset(add(arrays, clips, size=4).root), "flow").shape[1:] == (30, 3)


def test_a_film_is_read_at_the_side_of_the_clips_pictures(arrays, clips):
    from PIL import Image

    for file in arrays.iterdir():
        file.unlink()
    make_video(arrays / "9.mp4", 10, size=(64, 64))
    made = add(arrays, clips)
    assert load_modality(read_clip_dataset(made.root), "flow").shape == (sum(LENGTHS), 20, 20, 3)
    film = load_modality(read_clip_dataset(add(arrays, clips, "film", size=64).root), "film")
    assert [number_of(Image.fromarray(picture)) for picture in film[4:9]] == [1, 3, 5, 7, 9]


# -- what is refused ---------------------------------------------------------------------------------------------------


def no_clip(folder):
    np.save(folder / "13.npy", np.ones((2, *SHAPE)))
    return "13.npy", "the clip '13'"


def twice(folder):
    np.save(folder / "007.npy", np.ones((2, *SHAPE)))
    return "7.npy", "again"


def other_shape(folder):
    np.save(folder / "12.npy", np.ones((2, 6, 3)))
    return "12.npy", "of shape (6, 3) a frame; wanted float32 of shape (6, 2) a frame, as in 7.npy"


def no_frames(folder):
    np.save(folder / "12.npy", np.ones((0, *SHAPE)))
    return "12.npy", "at least one frame"


def single(folder):
    np.save(folder / "12.npy", np.float32(3))
    return "12.npy", "of shape ()"


def texts(folder):
    np.save(folder / "12.npy", np.full((2, *SHAPE), "x"))
    return "12.npy", "<U1"


def complex_numbers(folder):
    np.save(folder / "12.npy", np.ones((2, *SHAPE), dtype=complex))
    return "12.npy", "complex128"


def objects(folder):
    np.save(folder / "12.npy", np.array([{"a": 1}] * 2), allow_pickle=True)
    return "12.npy", "no readable array"


def not_a_number(folder):
    array = np.ones((4, *SHAPE))
    array[2, 1, 1] = np.nan
    np.save(folder / "12.npy", array)
    return "12.npy", "NaN or infinity in frame 2"


def too_large(folder):
    np.save(folder / "12.npy", np.full((2, *SHAPE), 1e300))
    return "12.npy", "NaN or infinity in frame 0"


def cut(folder):
    file = folder / "9.npy"
    file.write_bytes(file.read_bytes()[:200])
    return "9.npy", "no readable array"


def two_arrays(folder):
    np.savez(folder / "12.npz", a=np.ones((2, *SHAPE)), b=np.ones((2, *SHAPE)))
    return "12.npz", "2 arrays"


def no_archive(folder):
    with zipfile.ZipFile(folder / "12.npz", "w") as archive:
        archive.writestr("a.npy", "no array")
    return "12.npz", "|S8 of shape ()"


def no_film(folder):
    (folder / "12.mp4").write_text("no film")
    return "12.mp4", "no video"


FAULTY = (no_clip, twice, other_shape, no_frames, single, texts, complex_numbers, objects, not_a_number, too_large, cut,
          two_arrays, no_archive, no_film)


@pytest.mark.parametrize("spoil", FAULTY)
def test_a_faulty_file_is_named_and_nothing_is_left(arrays, clips, spoil):
    file, words = spoil(arrays)
    before = tree(clips.parent)
    with pytest.raises(DataError) as raised:
        add(arrays, clips)
    assert words in str(raised.value) and any(fault.file.endswith(file) for fault in raised.value.faults)
    assert tree(clips.parent) == before and not (clips.parent / "new").exists()


def test_all_faults_are_told_at_once(arrays, clips):
    no_clip(arrays)
    not_a_number(arrays)
    cut(arrays)
    with pytest.raises(DataError) as raised:
        add(arrays, clips)
    assert len(raised.value.faults) == 3


@pytest.mark.parametrize(("name", "words"), [
    ("rgb", "is taken"), ("joints", "is taken"), ("depth", "is taken"), ("class", "is taken"), ("logits", "is taken"),
    ("Flow", "small letters"), ("a b", "small letters"), ("../x", "small letters"), ("", "small letters"),
    ("9", "small letters"), ("a" * 41, "at most 40")])
def test_a_name_that_is_taken_or_none_is_refused(arrays, clips, name, words):
    with pytest.raises(ConfigError, match=words):
        add(arrays, clips, name)


def test_a_second_modality_goes_beside_the_first_and_not_over_it(arrays, clips):
    first = add(arrays, clips)
    with pytest.raises(ConfigError, match="'flow', which is taken"):
        add_modality(arrays, first.root, clips.parent / "again", "flow", progress=False)
    both = add_modality(arrays, first.root, clips.parent / "again", "glove", progress=False)
    dataset = read_clip_dataset(both.root)
    assert dataset.frames["lacks"].tolist() == ["", "joints", "", "flow glove"]
    assert np.array_equal(load_modality(dataset, "flow"), load_modality(dataset, "glove"))


@pytest.mark.parametrize("case", ["nowhere", "file", "empty", "other"])
def test_a_folder_without_arrays_is_refused(arrays, clips, case, tmp_path):
    source = {"nowhere": tmp_path / "nowhere", "file": arrays / "7.npy"}.get(case, tmp_path / case)
    if case in ("empty", "other"):
        source.mkdir()
    if case == "other":
        (source / "7.csv").write_text("1,2\n")
    with pytest.raises(DataError, match="a folder with a file for each clip"):
        add(source, clips)


def test_zeros_alone_are_a_missing_modality(arrays, clips):
    np.save(arrays / "7.npy", np.zeros((3, *SHAPE)))
    made = add(arrays, clips)
    assert made.clips == 2 and any("all zeros, first 7.npy" in note for note in made.notes)
    assert not present(read_clip_dataset(made.root), "flow")[0]
    for file in arrays.iterdir():
        np.save(file, np.zeros((3, *SHAPE)))
    with pytest.raises(DataError, match="only zeros in all files"):
        add(arrays, clips, "nothing")


def test_a_size_below_one_is_refused(arrays, clips):
    with pytest.raises(ConfigError, match="size: found -1"):
        add(arrays, clips, size=-1)


# -- again -------------------------------------------------------------------------------------------------------------


def test_the_same_again_is_left_and_changed_files_are_read_anew(arrays, clips):
    first = add(arrays, clips)
    before = tree(first.root)
    again = add(arrays, clips)
    assert tree(first.root) == before and again == first
    np.save(arrays / "12.npy", np.full((1, *SHAPE), 5))
    assert add(arrays, clips).clips == 4
    assert load_modality(read_clip_dataset(first.root), "flow")[-1, 0, 0] == 5
    not_a_number(arrays)
    with pytest.raises(DataError):
        add(arrays, clips)
    assert load_modality(read_clip_dataset(first.root), "flow")[-1, 0, 0] == 5  # what was whole is still there


def test_a_folder_that_was_not_made_here_is_not_touched(arrays, clips):
    place = clips.parent / "new" / "bound"
    place.mkdir(parents=True)
    (place / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="wanted a name that is free"):
        add(arrays, clips)
    assert (place / "mine.txt").read_text() == "mine"


def test_a_stopped_import_leaves_nothing(arrays, clips, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(modality, "_write_rest", stop)
    with pytest.raises(KeyboardInterrupt):
        add(arrays, clips)
    assert not (clips.parent / "new").exists()


@pytest.mark.parametrize("missing", [("link",), ("link", "symlink")])
def test_where_no_link_can_be_made_another_way_is_taken(arrays, clips, monkeypatch, missing):
    def refuse(*args):
        raise OSError("no links here")

    for way in missing:
        monkeypatch.setattr(modality.os, way, refuse)
    made = add(arrays, clips)
    file = made.root / "clips" / "joints.npy"
    assert file.is_symlink() == (missing == ("link",))
    assert file.read_bytes() == (clips / "clips" / "joints.npy").read_bytes()


def test_what_it_was_made_of_is_written_down(arrays, clips):
    record = json.loads((add(arrays, clips).root / RECORD).read_text())
    assert record["name"] == "flow" and record["clips"] == 3 and len(record["made_of"]) == 64


def test_a_large_array_is_told(arrays, clips, monkeypatch):
    np.save(arrays / "7.npy", np.ones((3, 20, 30), dtype=np.float32))
    for file in (arrays / "8.npy", arrays / "9.npy"):
        file.unlink()
    assert not any("GiB" in note for note in add(arrays, clips, "small").notes)
    monkeypatch.setattr(modality, "_LARGE", 1000)
    assert any("GiB; --size 48" in note for note in add_modality(arrays, clips, clips.parent / "large", "large",
                                                                 progress=False).notes)
