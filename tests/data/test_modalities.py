"""Several modalities of one clip: the same moments, the same movement, and a mark where one is missing."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mgutils.data import modalities
from mgutils.data.items import read_clip_dataset, write_clips
from mgutils.data.labels import Labels
from mgutils.data.modalities import (
    DEGREES,
    SCALE,
    SHIFT,
    ModalityReader,
    depth_as_float,
    draw_clips,
    middle,
    move_joints,
    move_pictures,
    present,
)
from mgutils.errors import ConfigError

LENGTHS, SIDE, TIMES = [9, 4, 12], 32, 4
NAMES = ("rgb", "depth", "infrared", "joints")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Clips whose every frame has its number in all modalities; the second has neither depth nor joints."""
    root = tmp_path_factory.mktemp("modalities")
    total = sum(LENGTHS)
    number = np.arange(1, total + 1)
    clips = pd.DataFrame({"clip_id": [1, 2, 3], "class_id": [1, 1, 1], "frames": LENGTHS,
                          "lacks": ["", "joints depth", ""]})
    plane = np.ones((total, SIDE, SIDE), dtype=int) * number[:, None, None]
    joints = np.ones((total, 22, 3)) * number[:, None, None] / total
    write_clips(root, clips, Labels(("nod",)), {
        "rgb": plane[..., None] * [1, 2, 3], "depth": 100 * plane, "infrared": 4 * plane, "joints": joints})
    return read_clip_dataset(root)


@pytest.fixture
def reader(dataset):
    return ModalityReader.open(dataset, NAMES, TIMES)


def test_absent_modalities_are_marked_and_zero(dataset, reader):
    assert present(dataset, "depth").tolist() == [True, False, True]
    assert present(dataset, "rgb").all()
    whole = replace(dataset, frames=dataset.frames.drop(columns="lacks"))
    assert present(whole, "depth").all()
    rows = np.array([2, 1])
    clips = reader(rows, draw_clips(NAMES, 2, TIMES, np.random.default_rng(0)))
    assert {name: there.tolist() for name, there in clips.present.items()} == {
        "rgb": [True, True], "depth": [True, False], "infrared": [True, True], "joints": [True, False]}
    for name in ("depth", "joints"):  # though the arrays of this test hold something there
        assert (clips.inputs[name][1] == 0).all()
        assert (clips.inputs[name][0] != 0).any()


def test_a_name_that_only_begins_alike_is_another_modality(dataset):
    renamed = replace(dataset, frames=dataset.frames.assign(lacks=["depth_map", "", ""]))
    assert present(renamed, "depth").all()
    assert present(renamed, "depth_map").tolist() == [False, True, True]


def test_all_modalities_show_the_same_moments_as_they_are_stored(reader):
    rows = np.array([0, 2])
    for draw in (draw_clips(NAMES, 2, TIMES, np.random.default_rng(1)), middle(NAMES, 2, TIMES)):
        clips = reader(rows, draw)
        shapes = {name: values.shape for name, values in clips.inputs.items()}
        assert shapes == {"rgb": (2, 4, SIDE, SIDE, 3), "depth": (2, 4, SIDE, SIDE),
                          "infrared": (2, 4, SIDE, SIDE), "joints": (2, 4, 22, 3)}
        number = clips.inputs["infrared"] // 4
        assert np.array_equal(clips.inputs["rgb"], number[..., None] * [1, 2, 3])
        assert np.array_equal(clips.inputs["depth"], 100 * number.astype(int))
        assert np.allclose(clips.inputs["joints"][..., 2], number[:, :, :1, 0] / sum(LENGTHS))
        assert (np.diff(number[:, :, 0, 0].astype(int)) >= 0).all()
        assert [clips.inputs[name].dtype.name for name in NAMES] == ["uint8", "uint16", "uint8", "float32"]
    assert number[:, :, 0, 0].tolist() == [[2, 4, 6, 8], [15, 18, 21, 24]]  # the middles of 1..9 and of 14..25


def test_one_draw_for_all_modalities_of_a_clip_or_one_for_each():
    rng = np.random.default_rng(0)
    shared = draw_clips(NAMES, 50, TIMES, rng)
    apart = draw_clips(NAMES, 50, TIMES, rng, shared=False)
    for name in NAMES[1:]:
        assert np.array_equal(shared.changes[name], shared.changes["rgb"])
        assert not (apart.changes[name] == apart.changes["rgb"]).any()
    drawn = shared.changes["rgb"]
    assert (np.abs(drawn) <= 1).all() and drawn.min() < -0.9 and drawn.max() > 0.9
    assert len(np.unique(drawn)) == drawn.size  # another for each clip


def spot(where):
    """A picture with one white patch round a joint, (1, 1, S, S), and the joint (1, 1, 22, 3) itself."""
    column, row = (np.array(where) * 256).astype(int)
    picture = np.zeros((1, 1, 256, 256), dtype=np.uint8)
    picture[..., row - 4:row + 5, column - 4:column + 5] = 255
    joints = np.zeros((1, 1, 22, 3), dtype=np.float32)
    joints[..., 4, :] = (column + 0.5) / 256, (row + 0.5) / 256, 0.8
    return picture, joints


@pytest.mark.parametrize("changes", [
    (0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, -1, 0, 0), (0, 0, 1, 0), (0, 0, 0, -1), (0.7, -0.6, 0.4, 0.9)])
def test_a_joint_stays_on_the_hand_that_the_picture_shows(changes):
    changes = np.array([changes], dtype=float)
    picture, joints = spot((0.3, 0.6))
    moved = move_pictures(picture, changes)
    row, column = (places.mean() for places in np.nonzero(moved[0, 0]))
    found = move_joints(joints, changes)[0, 0, 4]
    assert found[:2] * 256 == pytest.approx([column + 0.5, row + 0.5], abs=1)
    assert found[2] == np.float32(0.8)
    assert (move_joints(joints, changes)[0, 0, :4] == 0).all()  # missing joints
    if not changes.any():
        assert np.array_equal(moved, picture)


def test_no_movement_is_a_flip_and_each_does_what_its_name_says():
    turn, scale, right, down = np.eye(4)
    _, joints = spot((0.75, 0.5))
    x, y = joints[0, 0, 4, :2]

    def moved(changes):
        return move_joints(joints, changes[None])[0, 0, 4, :2]

    assert moved(right) == pytest.approx([x + SHIFT, y], abs=1e-6)
    assert moved(down) == pytest.approx([x, y + SHIFT], abs=1e-6)
    assert moved(scale) == pytest.approx([0.5 + (1 + SCALE) * (x - 0.5), 0.5 + (1 + SCALE) * (y - 0.5)], abs=1e-6)
    assert moved(turn)[1] - y == pytest.approx(np.sin(np.radians(DEGREES)) * (x - 0.5), abs=1e-3)
    for changes in np.random.default_rng(0).uniform(-1, 1, (200, 4)):
        assert np.linalg.det(modalities._matrix(changes[None])[0][0]) > 0


def test_pictures_keep_their_type_and_invent_no_depth():
    depth = np.random.default_rng(0).choice([1200, 2600], (2, 3, 20, 20)).astype(np.uint16)
    moved = move_pictures(depth, np.random.default_rng(1).uniform(-1, 1, (2, 4)))
    assert moved.dtype == np.uint16
    assert set(np.unique(moved)) == {1200, 2600}
    apart = [move_pictures(depth[[0]], changes[None]) for changes in np.random.default_rng(1).uniform(-1, 1, (2, 4))]
    assert np.array_equal(moved[0], apart[0][0])


def test_a_process_without_a_clip_still_takes_part(reader):
    clips = reader(np.array([], dtype=int), draw_clips(NAMES, 0, TIMES, np.random.default_rng(0)))
    assert clips.inputs["rgb"].shape == (0, TIMES, SIDE, SIDE, 3)
    assert clips.inputs["joints"].shape == (0, TIMES, 22, 3)
    assert clips.present["depth"].shape == (0,)


def test_depth_keeps_what_eight_bits_cut_off():
    millimetres = np.array([[250, 1200, 2600, 65535]], dtype=np.uint16)
    assert depth_as_float(millimetres).tolist() == [pytest.approx([0.25, 1.2, 2.6, 65.535])]
    cut = np.asarray(Image.fromarray(millimetres).convert("L"))
    assert len(np.unique(cut[:, 1:])) == 1  # a hand, a wall and the horizon alike
    with pytest.raises(ConfigError, match="uint8"):
        depth_as_float(cut)
    with pytest.raises(ConfigError, match="float32"):
        depth_as_float(depth_as_float(millimetres))


def test_a_modality_of_another_name_is_read_and_not_moved(dataset):
    flow = np.random.default_rng(0).random((sum(LENGTHS), 5, 2))
    np.save(dataset.root / "clips" / "flow.npy", flow)
    reader = ModalityReader.open(dataset, ("flow", "rgb"), TIMES)
    clips = reader(np.array([2]), draw_clips(("flow", "rgb"), 1, TIMES, np.random.default_rng(0)))
    assert np.array_equal(clips.inputs["flow"][0], flow[clips.inputs["rgb"][0, :, 0, 0, 0].astype(int) - 1])
