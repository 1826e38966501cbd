from __future__ import annotations

import json
import pickle
import random
import subprocess
import sys

import numpy as np
import openpyxl
import pandas as pd
import pytest

from mgutils.cli import main
from mgutils.data.importers.skeleton_clip import LAYOUTS
from mgutils.data.importers.skeletons import import_skeletons
from mgutils.data.items import load_modality, read_clip_dataset
from mgutils.data.keypoints import JOINTS
from mgutils.data.labels import Labels, imigue_labels, read_labels, write_labels
from mgutils.errors import ConfigError, DataError, MgError

SIZE = (1280, 720)
LENGTHS = {"0054_0": 12, "0054_1": 5, "0007_0": 30}
CLASSES = {"0054_0": 31, "0054_1": 0, "0007_0": 8}


def walk(length: int, seed: int = 0, points: int = 22) -> np.ndarray:
    """A clip (T, V, 3) in pixels; some joints are missing."""
    rng = np.random.default_rng(seed)
    joints = np.concatenate([rng.uniform(10, 700, (length, points, 2)), rng.uniform(0.1, 1, (length, points, 1))], 2)
    joints[rng.uniform(size=(length, points)) < 0.1] = 0
    joints[:, :2, 2] = 0.9  # the first two joints are always there
    joints[:, :2, :2] += 1
    return joints.astype(np.float32)


CLIPS = {name: walk(length, seed) for seed, (name, length) in enumerate(LENGTHS.items())}


def in_heights(joints: np.ndarray, height: float = 720) -> np.ndarray:
    return joints / np.array([height, height, 1], dtype=np.float32)


def read(root):
    """The table of the clips, and the joints."""
    dataset = read_clip_dataset(root)
    return pd.read_csv(root / "clips.csv"), load_modality(dataset, "joints")


def check(root, clips=CLIPS, classes=CLASSES):
    """The dataset has these clips, one after the other, in the order of its table."""
    table, joints = read(root)
    assert joints.dtype == np.float32 and joints.shape == (sum(map(len, clips.values())), 22, 3)
    assert sorted(table["name"]) == sorted(clips) and table["clip_id"].tolist() == list(range(len(clips)))
    starts = [0, *table["frames"].cumsum()]
    for row, start, end in zip(table.itertuples(), starts, starts[1:], strict=False):
        np.testing.assert_allclose(joints[start:end], in_heights(clips[row.name]), atol=2e-7)
        assert classes is None or row.class_id == classes[row.name] + 1
    return table


def annotation(name, joints=None, **changes):
    joints = CLIPS.get(name, CLIPS["0054_0"]) if joints is None else joints
    return {"frame_dir": name, "label": CLASSES.get(name, 0), "img_shape": SIZE[::-1], "original_shape": SIZE[::-1],
            "total_frames": len(joints), "keypoint": joints[None, ..., :2], "keypoint_score": joints[None, ..., 2]
            } | changes


def annotations():
    return [annotation(name) for name in CLIPS]


def write_pickle(file, content, protocol=4):
    file.write_bytes(pickle.dumps(content, protocol=protocol))
    return file


def imported(source, tmp_path, **options):
    return import_skeletons(source, tmp_path / "out", progress=False, **options)


@pytest.mark.parametrize("protocol", range(6))
def test_pyskl_pickles_of_every_protocol(protocol, tmp_path):
    split = {"train": ["0054_0", "0054_1"], "sub": ["0054_1"], "test": ["0007_0"]}
    source = write_pickle(tmp_path / "a.pkl", {"split": split, "annotations": annotations()}, protocol)
    made = imported(source, tmp_path)
    table = check(made.root)
    assert (made.clips, made.frames) == (3, 47)
    assert table["split"].tolist() == ["train", "train sub", "test"] and table["video_id"].tolist() == [54, 54, 7]
    assert table["end_frame"].tolist() == [11, 4, 29] and "subject_id" not in table
    assert read_labels(made.root / "Clip_label.csv") == imigue_labels()
    assert made.notes == ("no --labels, so the classes have iMiGUE's names",)


def test_a_list_of_annotations_without_labels(tmp_path):
    source = write_pickle(tmp_path / "a.pkl", [annotation(name, label=-1) for name in CLIPS])
    table = check(imported(source, tmp_path).root, classes=None)
    assert (table["class_id"] == 0).all() and "split" not in table


def test_padding_persons_and_scores(tmp_path):
    clip = CLIPS["0054_0"]
    two = np.stack([np.where([1, 1, 0.5], clip, 0) * [1, 1, 0.3], clip]).astype(np.float64)
    padded = np.concatenate([clip, np.zeros((78, 22, 3), np.float32)])
    high = clip.copy()
    high[:, 1, 2] = 1.1  # a heatmap's peak
    source = write_pickle(tmp_path / "a.pkl", [
        annotation("two", keypoint=two[..., :2], keypoint_score=two[..., 2], total_frames=12),
        annotation("padded", padded), annotation("short", padded, total_frames=12), annotation("high", high)])
    made = imported(source, tmp_path)
    high[:, 1, 2] = 1
    check(made.root, {"two": clip, "padded": clip, "short": clip, "high": high}, None)
    assert any("1 clips show several persons" in note for note in made.notes)
    assert any("156 empty frames at the end of 2 clips were cut off" in note for note in made.notes)


@pytest.mark.parametrize("points", [36, 137])
def test_other_numbers_of_points_are_mapped(points, tmp_path):
    whole = walk(4, 3, points)
    whole[:, LAYOUTS[points][0]] = (5, 6, 0.7)
    source = write_pickle(tmp_path / "a.pkl", [annotation("a", whole)])
    check(imported(source, tmp_path).root, {"a": whole[:, LAYOUTS[points]]}, None)


def test_where_the_joints_are_among_137_points():
    assert LAYOUTS[137][:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 15, 16, 17, 18]
    assert LAYOUTS[137][12:].tolist() == [120, 124, 128, 132, 136, 99, 103, 107, 111, 115]  # right hand, left hand
    taken = [*range(8), *range(15, 19), *range(19, 31), 95, 99, 103, 107, 111, 115, 116, 120, 124, 128, 132, 136]
    assert [taken[i] for i in LAYOUTS[36]] == LAYOUTS[137].tolist()  # MM-Gesture's 36 of the 137


def nested(depth):
    lists = []
    for _ in range(depth):
        lists = [lists]
    return lists


DEEP = nested(300)  # repr, and NumPy, give up far below what a pickle may hold


def set_value(axis, value):
    joints = CLIPS["0054_0"].astype(float)
    joints[3, JOINTS.index("neck"), axis] = value
    return joints


@pytest.mark.parametrize(("changes", "message"), [
    ({"joints": set_value(0, np.nan)}, "clip 'bad': found nan as x of neck in frame 3; wanted a finite number"),
    ({"joints": set_value(1, np.inf)}, "found inf as y of neck in frame 3"),
    ({"joints": set_value(1, 1e300)}, "as y of neck in frame 3"),
    ({"joints": set_value(2, -0.5)}, "found -0.5 as score of neck in frame 3; wanted 0..1"),
    ({"joints": set_value(2, 90)}, "found 90 as score of neck in frame 3"),
    ({"joints": set_value(0, 3000)}, "found 3000 as x of neck in frame 3; wanted a point of a picture of 1280 x 720"),
    ({"joints": in_heights(CLIPS["0054_0"])}, "found coordinates of at most 0.*; wanted pixels"),
    ({"joints": np.zeros((0, 22, 3))}, "found no frames"), ({"joints": np.zeros((9, 22, 3))}, "no frames; wanted a fr"),
    ({"total_frames": 13}, "found total_frames 13; wanted at most 12"), ({"total_frames": "a"}, "found total_frames"),
    ({"keypoint": np.zeros((1, 12, 17, 2))}, r"shapes \(1, 12, 17, 2\) and \(1, 12, 22\); wanted \(M, T, V, 2\)"),
    ({"keypoint": np.zeros((0, 12, 22, 2)), "keypoint_score": np.zeros((0, 12, 22))}, "of the shapes"),
    ({"keypoint": "text"}, "no array of numbers"), ({"keypoint": None}, "no array of numbers"),
    ({"keypoint": np.array(["a"])}, "no array of numbers"), ({"keypoint_score": [[1], [2, 3]]}, "no array of numbers"),
    ({"label": "x"}, "found the label 'x'"), ({"label": 1.5}, "found the label 1.5"), ({"label": {}}, "the label a d"),
    ({"label": 10**5000}, "the label a value of the type int"), ({"label": DEEP}, "the label a list of 1"),
    ({"img_shape": DEEP}, "img_shape a list of 1"), ({"frame_dir": 10**5000}, "annotation 0"),
    ({"keypoint": DEEP}, "no array of numbers"), ({"total_frames": DEEP}, "total_frames a list"),
    ({"frame_dir": 1.5}, "annotation 0: found a dictionary"), ({"frame_dir": "a\nb"}, "annotation 0"),
    ({"img_shape": (0, 5)}, "img_shape .0, 5."), ({"img_shape": "a", "original_shape": 3}, "img_shape 'a'")])
def test_faults_name_clip_and_joint_and_nothing_is_written(changes, message, tmp_path):
    changes = dict(changes)
    bad = annotation("bad", changes.pop("joints", CLIPS["0054_0"])) | changes
    source = write_pickle(tmp_path / "a.pkl", [bad, *annotations()])
    with pytest.raises(DataError, match=message) as caught:
        imported(source, tmp_path)
    assert len(caught.value.faults) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.pkl"]
    made = imported(source, tmp_path, skip_bad=True)
    check(made.root)
    assert len(pd.read_csv(made.root / "not_imported.csv")) == 1


def test_all_faults_come_at_once(tmp_path):
    source = write_pickle(tmp_path / "a.pkl", [annotation(str(i), set_value(i % 3, np.nan)) for i in range(6)])
    for options in ({}, {"skip_bad": True}):
        with pytest.raises(DataError, match="^6 faults"):
            imported(source, tmp_path, **options)
    source = write_pickle(tmp_path / "a.pkl", [*annotations(), annotation("0054_0")])
    with pytest.raises(DataError, match="found the clip again"):
        imported(source, tmp_path)


@pytest.mark.parametrize(("content", "message"), [
    ({}, "a dictionary with the keys"), ([], "a list of 0"), (7, "found 7"), ({"annotations": 5}, "the keys 'annot"),
    (np.zeros(3), r"an array of shape \(3,\)"), ({"split": 3, "annotations": [1]}, "'split' with 3"),
    ({"split": {"a": 5}, "annotations": [annotation("a", walk(3))]}, "'a' with 5")])
def test_other_pickles_are_refused(content, message, tmp_path):
    with pytest.raises(DataError, match=message):
        imported(write_pickle(tmp_path / "a.pkl", content), tmp_path)


class Call:
    """Pickled as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def op(text: str) -> bytes:
    return text.encode()


def payloads(mark):
    """Pickles that would make a file if they were run, and what they ask for."""
    import builtins
    import os

    command = f"touch {mark}"
    write = f"open({str(mark)!r}, 'w').close()"
    holder = np.empty(1, dtype=object)
    holder[0] = Call(os.system, command)
    chain = Call(getattr, Call(getattr, Call(__import__, "os"), "path"), "join")
    system = op("cos\nsystem\n(S'") + op(command) + b"'\n"
    return {
        "system": (pickle.dumps(Call(os.system, command)), "posix.system|nt.system"),
        "eval": (pickle.dumps({"annotations": [Call(builtins.eval, write)]}), "builtins.eval"),
        "exec 0": (pickle.dumps(Call(builtins.exec, write), 0), "__builtin__.exec"),
        "getattr": (pickle.dumps(chain), "builtins.getattr"),
        "object array": (pickle.dumps([annotation("a", walk(3), keypoint=holder)]), "posix.system|nt.system|'O8'"),
        "object dtype": (pickle.dumps(np.array([1, None], dtype=object)), "an array of 'O8'"),
        "argument": (pickle.dumps([np.zeros(2), Call(Call(getattr, os, "system"), command)][1:1] or Call(
            os.popen, command)), "os.popen"),
        "inst": (op("(S'") + op(command) + b"'\nios\nsystem\n.", "the operation INST"),
        "obj": (b"(cos\nsystem\nS'" + op(command) + b"'\no.", "os.system"),
        "tuple call": (system + b"tR.", "os.system"),
        "newobj": (b"\x80\x02cnumpy\nndarray\nK\x05\x85\x81.", "the operation NEWOBJ"),
        "huge array": (b"\x80\x02cnumpy\nndarray\n\x8a\x06\x00\x00\x00\x00\x00\x10\x85R.", "a call of what is no"),
        "own class": (b"\x80\x02cnumpy\nndarray\n}S'x'\nK\x01sb.", "a state for a .* type"),
        "own function": (b"\x80\x02c_codecs\nencode\n}S'__doc__'\nK\x01sb.", "a state for a .* function"),
        "codec": (b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00zip\x86R.", "the encoding 'zip'"),
        "core": (b"\x80\x02cnumpy.core.multiarray\nfromfile\n.", "numpy.core.multiarray.fromfile"),
        "dotted": (b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.dump\x93.", "numpy.ndarray.dump"),
        "persistent": (b"\x80\x02Pfile\n.", "the operation PERSID"),
        "extension": (b"\x80\x02\x82\x01.", "the operation EXT1"),
        "set": (pickle.dumps({1}), "the operation EMPTY_SET"),
        "tuple keys": (pickle.dumps({(1, 2): 3}), "keys are no texts"),
    }


@pytest.mark.parametrize("name", payloads("x"))
def test_a_pickle_with_code_is_refused_by_name_and_not_run(name, tmp_path):
    mark = tmp_path / "mark"
    content, message = payloads(mark)[name]
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises(DataError, match=rf"found a pickle that asks for .*(?:{message})"):
        imported(tmp_path / "a.pkl", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pkl"]


def test_the_payloads_would_run_elsewhere(tmp_path):
    run = 0
    for name in ("system", "eval", "exec 0", "tuple call"):
        mark = tmp_path / name
        pickle.loads(payloads(mark.with_name("mark"))[name][0])
        run += mark.with_name("mark").exists()
        mark.with_name("mark").unlink(missing_ok=True)
    assert run == 4


@pytest.mark.parametrize("content", [
    b"", b"\x80\x05", b"no pickle", b"\x80\x05K\x01\x85.", b"\x80\x04r\xff\xff\xff\xff.", b"(" * 100_000,
    b"\x80\x05\x96\x00\x00\x00\x00\x10\x00\x00\x00.", b"\x80\x04\x8e" + b"\xff" * 8, b"\x80\x04\x95" + b"\xff" * 8,
    b"I" + b"9" * 100_000 + b"\n.", b"]" * 90_000 + b"a" * 89_999 + b"."],
    ids=range(11))
def test_broken_and_boundless_pickles_end_in_an_error(content, tmp_path):
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises(DataError, match="a.pkl"):
        imported(tmp_path / "a.pkl", tmp_path)


def write_miga(folder, label=".pkl", channels_first=True, stem="train"):
    """An array of MiGA with its labels; every clip has 90 frames."""
    folder.mkdir(exist_ok=True)
    data = np.zeros((len(CLIPS), 90, 22, 3), np.float32)
    for row, clip in zip(data, CLIPS.values(), strict=True):
        row[:len(clip)] = clip
    data = data.transpose(0, 3, 1, 2)[..., None] if channels_first else data
    np.save(folder / f"{stem}_data.npy", np.ascontiguousarray(data))
    if label == ".pkl":
        write_pickle(folder / f"{stem}_label.pkl", (list(CLIPS), [CLASSES[name] for name in CLIPS]))
    elif label == ".npy":
        np.save(folder / f"{stem}_label.npy", np.array([CLASSES[name] for name in CLIPS]))
    elif label == ".csv":
        (folder / f"{stem}_label.csv").write_text("".join(f"{name},{CLASSES[name]}\n" for name in CLIPS))
    elif label == ".txt":
        (folder / f"{stem}_id.txt").write_text(",".join(CLIPS))
    return folder


@pytest.mark.parametrize("channels_first", [True, False])
@pytest.mark.parametrize("label", [".pkl", ".csv"])
def test_miga_arrays_and_their_labels(label, channels_first, tmp_path):
    made = imported(write_miga(tmp_path / "in", label, channels_first), tmp_path)
    table = check(made.root)
    assert (table["split"] == "train").all() and table["video_id"].tolist() == [54, 54, 7]
    assert any("223 empty frames at the end of 3 clips were cut off" in note for note in made.notes)
    assert any("no --size, so the pictures have iMiGUE's 1280 x 720" in note for note in made.notes)


def test_miga_arrays_without_names_or_without_labels(tmp_path):
    table, _ = read(imported(write_miga(tmp_path / "a", ".npy"), tmp_path).root)
    assert table["name"].tolist() == [0, 1, 2] and table["class_id"].tolist() == [32, 1, 9]
    check(import_skeletons(write_miga(tmp_path / "b", ".txt"), tmp_path / "b2", progress=False).root, classes=None)
    made = import_skeletons(write_miga(tmp_path / "c", ""), tmp_path / "c2", size=(1280, 720), progress=False)
    assert any("clips are called by their place" in note for note in made.notes)
    assert not any("--size" in note for note in made.notes)


def test_two_arrays_are_one_dataset_if_their_clips_differ(tmp_path):
    folder = write_miga(tmp_path / "in")
    write_miga(folder, stem="val")
    with pytest.raises(DataError, match="3 faults") as caught:
        imported(folder, tmp_path)
    assert all(fault.found == "the clip again" for fault in caught.value.faults)
    write_pickle(folder / "val_label.pkl", (["0001_0", "0001_1", "0001_2"], [0, 1, 2]))
    table, _ = read(imported(folder, tmp_path).root)
    assert table["split"].tolist() == ["train"] * 3 + ["val"] * 3


@pytest.mark.parametrize(("change", "message"), [
    (lambda folder: np.save(folder / "train_data.npy", np.zeros((3, 90, 25, 3))), r"shape \(3, 90, 25, 3\)"),
    (lambda folder: np.save(folder / "train_data.npy", np.zeros((3, 2, 90, 22, 1))), "wanted an array"),
    (lambda folder: np.save(folder / "train_data.npy", np.array([Call(print, 1)], object)), "no readable array"),
    (lambda folder: np.save(folder / "train_data.npy", np.full((3, 90, 22, 3), "a")), "an array of <U1"),
    (lambda folder: (folder / "train_data.npy").write_bytes(b"\x93NUMPY"), "no readable array"),
    (lambda folder: write_pickle(folder / "train_label.pkl", (["a"], [1])), "1 names; wanted 3, one for each clip"),
    (lambda folder: write_pickle(folder / "train_label.pkl", (list("abc"), [1, 2])), "2 labels; wanted 3"),
    (lambda folder: write_pickle(folder / "train_label.pkl", (list("abc"), [1, 2, -1])), "'c' with the label -1 for c"),
    (lambda folder: write_pickle(folder / "train_label.pkl", (list("abc"), ["1"] * 3)), r"found labels that are"),
    (lambda folder: write_pickle(folder / "train_label.pkl", {}), "a dictionary with the keys"),
    (lambda folder: write_pickle(folder / "train_label.pkl", (list("abb"), [1, 2, 3])), "the clip again"),
    (lambda folder: write_pickle(folder / "train_label.pkl", (list("abc"), [1, 2, 32])), "clip 'c': found class 33")])
def test_other_arrays_and_other_labels_are_refused(change, message, tmp_path):
    folder = write_miga(tmp_path / "in")
    change(folder)
    with pytest.raises(DataError, match=message):
        imported(folder, tmp_path)
    assert not (tmp_path / "out").exists()


MEMORY = """
import resource, sys
from mgutils.data.importers.skeletons import import_skeletons
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
made = import_skeletons(sys.argv[1], sys.argv[2], progress=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, made.clips, made.frames)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in kilobytes on Linux, files are sparse")
def test_an_array_of_a_gigabyte_is_never_in_memory(tmp_path):
    shape = (200, 3, 20_350, 22, 1)
    data = np.lib.format.open_memmap(tmp_path / "big_data.npy", "w+", np.float32, shape)
    data[:, :, 0] = 0.5
    data[:, :2, 0] = 100
    del data
    assert (tmp_path / "big_data.npy").stat().st_size > 2**30
    done = subprocess.run([sys.executable, "-c", MEMORY, tmp_path / "big_data.npy", tmp_path / "out"], text=True,
                          capture_output=True, check=True)
    grown, clips, frames = map(int, done.stdout.split())
    assert (clips, frames) == (200, 200) and grown < 60_000, grown


def write_frame(file, points, people=1):
    """A frame of OpenPose from 137 points."""
    parts = {"pose_keypoints_2d": points[:25], "face_keypoints_2d": points[25:95],
             "hand_left_keypoints_2d": points[95:116], "hand_right_keypoints_2d": points[116:]}
    person = {name: part.astype(float).ravel().tolist() for name, part in parts.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"version": 1.3, "people": [person] * people}))


def openpose_points(clip):
    whole = np.zeros((len(clip), 137, 3), np.float32)
    whole[:, LAYOUTS[137]] = clip
    return whole


def write_openpose(folder, clips=CLIPS):
    for name, clip in clips.items():
        for number, points in enumerate(openpose_points(clip)):
            write_frame(folder / f"{name}_{number:012d}_keypoints.json", points)
    return folder


def test_openpose_folders(tmp_path):
    made = imported(write_openpose(tmp_path / "in"), tmp_path)
    check(made.root, classes=None)


def test_openpose_folders_for_each_clip_of_each_class(tmp_path):
    for name, clip in CLIPS.items():
        write_openpose(tmp_path / "in" / f"wave {CLASSES[name]}" / name, {name: clip})
    made = imported(tmp_path / "in", tmp_path, names=r"(?P<class>[^/]+)/(?P<video>\d+)_\d+")
    table = check(made.root, {f"wave {CLASSES[name]}/{name}": clip for name, clip in CLIPS.items()}, None)
    labels = read_labels(made.root / "Clip_label.csv")
    assert labels.names == ("wave 0", "wave 31", "wave 8")
    assert [labels.name(i) for i in table["class_id"]] == [name.split("/")[0] for name in table["name"]]
    assert table["video_id"].tolist() == [54, 54, 7]


def test_openpose_frames_without_a_person_with_several_and_with_gaps(tmp_path):
    clip = CLIPS["0054_1"].copy()
    folder = write_openpose(tmp_path / "in", {"a": clip})
    (folder / "a_000000000003_keypoints.json").write_text('{"people": []}')
    (folder / "a_000000000001_keypoints.json").unlink()
    write_frame(folder / "a_000000000004_keypoints.json", openpose_points(clip)[4], people=2)
    (folder / "b_12_keypoints.json").write_text(json.dumps(
        {"people": [{"pose_keypoints_2d": [9.0, 9.0, 1.0] * 25, "face_keypoints_2d": []}]}))
    made = imported(folder, tmp_path)
    clip[3] = 0
    alone = np.zeros((1, 22, 3), np.float32)
    alone[:, :12] = (9, 9, 1)
    table = check(made.root, {"a": np.delete(clip, 1, 0), "b": alone}, None)
    assert table["start_frame"].tolist() == [0, 12]
    for text in ("1 clips show several persons", "1 clips have no point of a hand", "1 clips lack frames"):
        assert any(text in note for note in made.notes), text


def person(number: str) -> str:
    """A frame with one number for all."""
    return '{"people": [{"pose_keypoints_2d": [' + ",".join([number] * 75) + "]}]}"


@pytest.mark.parametrize(("text", "message"), [
    ("{", "a_000000000001_keypoints.json: found no readable JSON"), ("[]", "no list of people"), ("{}", "no list of"),
    ("[" * 100_000, "no readable JSON"), ('{"people": [5]}', "pose_keypoints_2d that is no list of numbers"),
    ('{"people": [{}]}', "pose_keypoints_2d with 0 numbers; wanted 75"),
    ('{"people": [{"pose_keypoints_2d": [1, 2]}]}', "with 2 numbers; wanted 75 numbers: x, y and score of 25 points"),
    ('{"people": [{"pose_keypoints_2d": ["1", 2, true]}]}', "that is no list of numbers"),
    (person("NaN"), "found nan as x of nose in frame 1"), (person("1" + "0" * 400), "hundreds of digits"),
    (person("1e999"), "found inf as x of nose")], ids=range(11))
def test_other_frames_are_refused(text, message, tmp_path):
    folder = write_openpose(tmp_path / "in", {"a": CLIPS["0054_1"]})
    (folder / "a_000000000001_keypoints.json").write_text(text)
    with pytest.raises(DataError, match=message):
        imported(folder, tmp_path)


def write_sheet(file, whole):
    rows = whole.reshape(len(whole), -1).astype(float).tolist()
    if file.suffix == ".csv":
        pd.DataFrame(rows).to_csv(file, index=False, header=False)
        return
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append(row)
    book.save(file)


@pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
def test_sheets_of_137_points_are_cut_into_clips(suffix, tmp_path):
    video = walk(40, 9)
    (tmp_path / "in/0054").mkdir(parents=True)
    write_sheet(tmp_path / f"in/0054/0054_openpose{suffix}", openpose_points(video))
    (tmp_path / "in/0054/0054_label.csv").write_text("99,3,14\n1,10,20\n9,39,39\n")
    made = imported(tmp_path / "in", tmp_path)
    parts = {"0054_0": video[3:15], "0054_1": video[10:21], "0054_2": video[39:]}
    table = check(made.root, parts, {"0054_0": 31, "0054_1": 0, "0054_2": 8})
    assert table["start_frame"].tolist() == [3, 10, 39] and table["end_frame"].tolist() == [14, 20, 39]
    assert table["video_id"].tolist() == [54] * 3


def test_a_sheet_by_itself_is_one_clip_with_or_without_a_header(tmp_path):
    whole = openpose_points(CLIPS["0054_1"])
    write_sheet(tmp_path / "a_openpose.csv", whole)
    check(imported(tmp_path / "a_openpose.csv", tmp_path).root, {"a": CLIPS["0054_1"]}, None)
    pd.DataFrame(whole.reshape(len(whole), -1)).to_csv(tmp_path / "a.csv", index=False)  # header 0..410
    made = import_skeletons(tmp_path / "a.csv", tmp_path / "more", progress=False)
    check(made.root, {"a": CLIPS["0054_1"]}, None)


@pytest.mark.parametrize(("labels", "sheet", "message"), [
    ("5,3\n", None, "row 1: found '5,3'; wanted class,start_frame,end_frame"), ("0,1,2\n", None, "found class 0"),
    ("5,3,2\n", None, "found frames 3..2"), ("5,3,5\n", None, "found frames 3..5; wanted frames within 0..4"),
    ("5,-1,2\n", None, "wanted class,start"), ("5,nan,2\n", None, "wanted class,start"),
    ('"5', None, "unreadable file"), ("1,0,1\n", "1,2,3\n", "row 1: found 3 cells; wanted rows of 411 numbers"),
    ("1,0,1\n", "", "found no rows"), ("1,0,0\n", ",".join(["x", *"9" * 410]) + "\n", "found nan as x of nose"),
    ("1,0,0\n", "9," * 410 + "1e99\n", "found inf as score of left_little_tip|found inf as score of right_little_tip")])
def test_other_sheets_are_refused(labels, sheet, message, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    write_sheet(folder / "7_openpose.csv", openpose_points(CLIPS["0054_1"]))
    if sheet is not None:
        (folder / "7_openpose.csv").write_text(sheet)
    (folder / "7_label.csv").write_text(labels)
    with pytest.raises(DataError, match=message):
        imported(folder, tmp_path)


def test_keypoints_of_the_kit(tmp_path):
    for name, clip in CLIPS.items():
        (tmp_path / "in" / name).mkdir(parents=True)
        np.savez_compressed(tmp_path / "in" / name / "keypoints.npz", joints=in_heights(clip))
    check(imported(tmp_path / "in", tmp_path).root, classes=None)
    made = import_skeletons(tmp_path / "in/0054_0/keypoints.npz", tmp_path / "one", progress=False)
    check(made.root, {"0054_0": CLIPS["0054_0"]}, None)
    np.savez(tmp_path / "in/0054_0/keypoints.npz", joints=np.zeros((3, 22, 2)))
    np.savez(tmp_path / "in/0054_1/keypoints.npz", points=np.zeros((3, 22, 3)))
    np.savez(tmp_path / "in/0007_0/keypoints.npz", joints=np.array([None]))
    with pytest.raises(DataError) as caught:
        import_skeletons(tmp_path / "in", tmp_path / "none", progress=False)
    found = sorted(fault.found for fault in caught.value.faults)
    assert len(found) == 3 and found[0].startswith("joints of float64") and found[1] == "no array 'joints'"


def test_keypoints_of_the_studio(tiny_root, tmp_path):
    rng = np.random.default_rng(0)
    names = ["chin", *reversed(JOINTS)]
    uv = rng.uniform(3, 10, (72, len(names), 2))
    visible = rng.uniform(size=(72, len(names))) < 0.8
    np.savez(tiny_root / "keypoints.npz", names=names, uv=uv, visible=visible)
    from mgutils.data.table import read_dataset
    dataset = read_dataset(tiny_root)
    made = imported(tiny_root, tmp_path)
    table, joints = read(made.root)
    assert read_labels(made.root / "Clip_label.csv") == dataset.labels
    first = dataset.frames[dataset.frames["clip_id"] == table["name"][0]].sort_values("frame_id")
    assert len(first) == table["frames"][0] and first["class_id"].iloc[0] == table["class_id"][0]
    assert ("subject_id" in table) == dataset.has_groups
    from PIL import Image
    height = Image.open(dataset.image_path(first.index[0])).height
    row, nose = first.index[0], names.index("nose")
    expected = [*uv[row, nose] / height, 1] if visible[row, nose] else [0, 0, 0]
    np.testing.assert_allclose(joints[0, 0], expected, atol=1e-6)
    np.savez(tiny_root / "keypoints.npz", names=names[:9], uv=uv[:, :9], visible=visible[:, :9])
    with pytest.raises(DataError, match="found names without nose"):
        import_skeletons(tiny_root, tmp_path / "more", progress=False)


def test_a_csv_tells_class_video_and_subject(tmp_path):
    source = write_pickle(tmp_path / "a.pkl", [annotation(name, label=None) for name in CLIPS])
    captions = tmp_path / "labels.csv"
    write_labels(Labels(("to nod ", "to wave")), captions)
    pd.DataFrame({"clip": list(CLIPS), "class": ["to wave", "1", "to nod"], "video": list("abb"),
                  "subject_id": ["zoe", "ann", "ann"]}).to_csv(tmp_path / "who.csv", index=False)
    made = imported(source, tmp_path, clips=tmp_path / "who.csv", labels=captions)
    table = check(made.root, classes={"0054_0": 1, "0054_1": 0, "0007_0": 0})
    assert table["video_id"].tolist() == [1, 2, 2] and table["subject_id"].tolist() == [2, 1, 1]
    assert pd.read_csv(made.root / "subjects.csv")["source"].tolist() == ["ann", "zoe"]


def test_a_csv_of_videos_tells_the_subjects(tmp_path):
    source = write_pickle(tmp_path / "a.pkl", annotations())
    who = tmp_path / "who.csv"
    who.write_text("video_id,class,subject_id\n54,3,36\n54,4,36\n7,1,2\n8,1,9\n")
    table = check(imported(source, tmp_path, clips=who, imigue_subjects=True).root)
    assert table["subject_id"].tolist() == [36, 36, 2] and (table["numbering"] == "imigue").all()
    for text, message in (("video,subject\n54,1\n", "no row for video '7'"), ("video,x\n54,1\n", "wanted a column"),
                          ("video,subject\n54,1\n54,2\n7,1\n", "found 2 values for video '54'")):
        who.write_text(text)
        with pytest.raises(DataError, match=message):
            import_skeletons(source, tmp_path / "none", clips=who, progress=False)
    assert not (tmp_path / "none").exists()


def test_names_tell_class_video_and_subject(tmp_path):
    source = write_pickle(tmp_path / "a.pkl", [annotation(f"S{i}_V{i}_A7", walk(5, i), label=None) for i in (3, 4)])
    made = imported(source, tmp_path, names=r"S(?P<subject>\d)_V(?P<video>\d)_A(?P<class>\d)")
    table, _ = read(made.root)
    assert table[["subject_id", "video_id", "class_id"]].to_numpy().tolist() == [[3, 3, 7], [4, 4, 7]]
    with pytest.raises(DataError, match="the clip 'S3_V3_A7'; wanted a name that is"):
        import_skeletons(source, tmp_path / "none", names="(?P<video>x)", progress=False)
    for names in ("(", "(?P<clip>.*)"):
        with pytest.raises(ConfigError, match="names: found"):
            import_skeletons(source, tmp_path / "none", names=names, progress=False)


def test_the_size_of_the_pictures_can_be_told(tmp_path):
    source = write_pickle(tmp_path / "a.pkl", [annotation("a", CLIPS["0054_0"], img_shape=None, original_shape=None)])
    with pytest.raises(DataError, match="give the pictures' size with --size"):
        imported(source, tmp_path)
    _, joints = read(imported(source, tmp_path, size=(1920, 1080)).root)
    np.testing.assert_allclose(joints, in_heights(CLIPS["0054_0"], 1080), atol=1e-7)
    with pytest.raises(ConfigError, match="size: found"):
        import_skeletons(source, tmp_path / "none", size=(0, 5), progress=False)


def test_the_command(tmp_path, capsys):
    source = write_pickle(tmp_path / "a.pkl", annotations())
    assert main(["import", "skeletons", str(source), str(tmp_path / "out"), "--format", "pyskl"]) == 0
    said = capsys.readouterr().out
    assert "note: no --labels" in said
    assert "3 clips of " in said
    assert ", 47 frames (" in said
    assert "splits: frame, clip" in said
    check(tmp_path / "out")
    assert main(["import", "skeletons", str(source), str(tmp_path / "out")]) == 2
    assert "wanted a name that is free" in capsys.readouterr().err
    assert main(["import", "skeletons", str(source), str(tmp_path / "b"), "--imigue-subjects"]) == 2
    assert "imigue_subjects: found" in capsys.readouterr().err
    for name in ("none.pkl", "a.txt"):
        assert main(["import", "skeletons", str(tmp_path / name), str(tmp_path / "b")]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pkl", "out"]


def broken(content: bytes, rng: random.Random) -> bytes:
    """The bytes with a few of them changed, or an end cut off."""
    changed = bytearray(content)
    for _ in range(rng.choice([0, 1, 2, 8])):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed[:rng.choice([len(changed), rng.randrange(len(changed))])])


@pytest.mark.parametrize("kind", ["pickle", "array", "labels", "npz", "json", "sheet"])
def test_broken_files_end_in_errors_of_the_kit_only(kind, tmp_path):
    folder, rng, ended = tmp_path / "in", random.Random(kind), []
    folder.mkdir()
    short = {name: clip[:3] for name, clip in CLIPS.items()}
    if kind == "pickle":
        file = write_pickle(folder / "a.pkl", {"split": {"a": list(short)},
                                               "annotations": [annotation(n, c) for n, c in short.items()]}, 2)
    elif kind in ("array", "labels"):
        write_miga(folder)
        file = folder / ("train_data.npy" if kind == "array" else "train_label.pkl")
    elif kind == "npz":
        file = folder / "keypoints.npz"
        np.savez_compressed(file, joints=in_heights(CLIPS["0054_1"]))
    elif kind == "json":
        file = write_openpose(folder, {"a": CLIPS["0054_1"]}) / "a_000000000002_keypoints.json"
    else:
        file = folder / "a_openpose.xlsx"
        write_sheet(file, openpose_points(CLIPS["0054_1"])[:1])
    whole = file.read_bytes()
    source = file if kind == "pickle" else folder
    for number in range(60):
        file.write_bytes(broken(whole, rng))
        try:
            import_skeletons(source, tmp_path / f"out{number}", progress=False)
        except MgError as error:
            ended.append(str(error))
            assert not (tmp_path / f"out{number}").exists()
    assert len(ended) > 25 and all(folder.name in text for text in ended)


def test_arrays_of_other_shapes_end_in_errors_of_the_kit_only(tmp_path):
    rng, refused = random.Random(0), 0
    kinds = [np.float16, np.float64, np.int8, np.uint64, bool, complex, "U3", "S2", "M8[s]"]
    for number in range(120):
        shape = [rng.choice([0, 1, 2, 3, 22, 36]) for _ in range(rng.randrange(6))]
        data = np.ones(shape).astype(rng.choice(kinds))
        np.save(tmp_path / "x_data.npy", data)
        write_pickle(tmp_path / "x.pkl", [annotation("a", walk(2)) | rng.choice(
            [{"keypoint": data}, {"keypoint_score": data}, {"label": data}, {"frame_dir": data}, {"img_shape": data},
             {"total_frames": data}, {"keypoint": data, "keypoint_score": data}])], rng.randrange(6))
        for source in (tmp_path / "x_data.npy", tmp_path / "x.pkl"):
            try:
                import_skeletons(source, tmp_path / f"{number}{source.suffix}", progress=False)
            except MgError:
                refused += 1
    assert refused > 200
