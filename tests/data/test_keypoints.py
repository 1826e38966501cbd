"""The tables of joints and limbs agree with each other, and a mirror is its own inverse."""

import sys
from subprocess import run

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgutils.data.keypoints import (
    JOINTS,
    LIMB_MIRROR,
    LIMBS,
    MIRROR,
    ORIGINAL_LIMBS,
    ORIGINAL_MIRROR,
    compact,
    mirror,
)

PAIRS = [(2, 5), (3, 6), (4, 7), (8, 9), (10, 11), (12, 17), (13, 18), (14, 19), (15, 20), (16, 21)]
LIMB_PAIRS = [(1, 4), (2, 5), (3, 6), (7, 9), (8, 10), (11, 16), (12, 17), (13, 18), (14, 19), (15, 20)]


def table_of(pairs, size):
    """Each index with the one it is paired with, itself where it is in no pair."""
    table = np.arange(size)
    for one, other in pairs:
        table[[one, other]] = other, one
    return table


@st.composite
def clips(draw, frames=4):
    """A clip ``(frames, 22, 3)`` with coordinates in 0..2 and some missing joints."""
    share = st.floats(0, 1, width=32)
    joints = draw(arrays.arrays(np.float32, (frames, 22, 3), elements=share))
    joints[..., :2] *= 2
    joints[joints[..., 2] == 0] = 0
    return joints


def test_the_joints_are_the_studios():
    from mgutils.synth.person.keypoints import KEYPOINTS

    assert len(set(JOINTS)) == 22
    assert set(JOINTS) < set(KEYPOINTS)


def test_the_order_is_openposes():
    assert JOINTS[:8] == ("nose", "neck", "right_shoulder", "right_elbow", "right_wrist",
                          "left_shoulder", "left_elbow", "left_wrist")
    assert (JOINTS[8], JOINTS[11], JOINTS[12], JOINTS[21]) == (
        "right_eye", "left_ear", "right_thumb_tip", "left_little_tip")


def test_a_mirror_swaps_the_pairs():
    assert MIRROR.tolist() == table_of(PAIRS, 22).tolist()
    assert LIMB_MIRROR.tolist() == table_of(LIMB_PAIRS, 21).tolist()
    assert [(a, b) for a, b in enumerate(MIRROR) if JOINTS[a].startswith("right")] == PAIRS


@pytest.mark.parametrize("limb", range(21))
def test_a_limb_lies_on_one_side_and_its_mirror_image_on_the_other(limb):
    sides = {JOINTS[joint].partition("_")[0] for joint in LIMBS[limb]} & {"left", "right"}
    assert len(sides) <= 1
    assert MIRROR[LIMBS[limb]].tolist() == LIMBS[LIMB_MIRROR[limb]].tolist()


def test_the_limbs_are_a_tree():
    reached = {1}  # the neck
    for start, end in LIMBS:
        assert start in reached
        assert end not in reached
        reached.add(end)
    assert reached == set(range(22))


def test_the_originals_mirror_is_wrong():
    assert ORIGINAL_MIRROR.tolist() == table_of([(a, a + 1) for a in range(1, 20, 2)], 22).tolist()
    wrong = {JOINTS[a]: JOINTS[b] for a, b in enumerate(ORIGINAL_MIRROR)}
    assert wrong["neck"] == "right_shoulder"
    assert wrong["right_elbow"] == "right_wrist"
    assert wrong["left_wrist"] == "right_eye"
    assert np.flatnonzero(ORIGINAL_MIRROR == MIRROR).tolist() == [0]  # the nose


def test_the_originals_limbs_are_off_by_one():
    assert len(ORIGINAL_LIMBS) == 22
    named = {(JOINTS[a], JOINTS[b]) for a, b in ORIGINAL_LIMBS}
    assert ("right_wrist", "left_shoulder") in named
    assert ("left_shoulder", "right_thumb_tip") in named
    assert ("left_wrist", "right_eye") in named
    crossing = [limb for limb in ORIGINAL_LIMBS if len({JOINTS[j].partition("_")[0] for j in limb}) == 2
                and not {0, 1} & set(limb)]
    assert len(crossing) >= 12


@given(clips())
def test_a_mirror_of_a_mirror_is_the_clip(joints):
    twice = mirror(mirror(joints, 2), 2)
    np.testing.assert_allclose(twice, joints, atol=1e-6)
    np.testing.assert_array_equal(twice[..., 1:], joints[..., 1:])


def test_a_mirror_leaves_missing_joints_and_its_input():
    joints = np.zeros((1, 22, 3), np.float32)
    joints[0, JOINTS.index("left_wrist")] = 0.2, 0.7, 0.9
    kept = joints.copy()
    found = mirror(joints, width=1.5)
    np.testing.assert_allclose(found[0, JOINTS.index("right_wrist")], [1.3, 0.7, 0.9], rtol=1e-6)
    assert np.count_nonzero(found) == 3
    np.testing.assert_array_equal(joints, kept)


@given(clips(), st.floats(0, 0.5))
def test_seen_joints_fill_the_box_and_missing_ones_stay(joints, padding):
    found = compact(joints, padding)
    seen = joints[..., 2] > 0
    assert not found[~seen].any()
    np.testing.assert_array_equal(found[..., 2], joints[..., 2])
    if not seen.any():
        return
    points, before = found[seen][:, :2], joints[seen][:, :2]
    extent = np.ptp(before, axis=0).max()
    margin = padding / 2 / (1 + padding)
    np.testing.assert_allclose((points.min(0) + points.max(0)) / 2, 0.5, atol=1e-3)  # in the middle
    assert points.min() >= margin - 1e-3
    assert points.max() <= 1 - margin + 1e-3
    if extent * (1 + padding) > 0.01:  # square: both axes have one scale
        scale = 1 / (extent * (1 + padding))
        np.testing.assert_allclose(np.ptp(points, axis=0), np.ptp(before, axis=0) * scale, atol=1e-3)


def test_a_box_of_a_known_clip():
    joints = np.zeros((2, 22, 3), np.float32)
    joints[0, 0] = 1.0, 0.2, 1
    joints[1, 4] = 0.6, 1.0, 0.5
    found = compact(joints)  # the box is 0.8 high: side 1.0, corner 0.3, 0.1
    np.testing.assert_allclose(found[0, 0], [0.7, 0.1, 1], atol=1e-6)
    np.testing.assert_allclose(found[1, 4], [0.3, 0.9, 0.5], atol=1e-6)


def test_each_clip_of_a_batch_has_its_own_box():
    joints = np.random.default_rng(0).uniform(0.1, 1, (3, 4, 22, 3)).astype(np.float32)
    found = compact(joints)
    for clip, alone in zip(found, joints, strict=True):
        np.testing.assert_array_equal(clip, compact(alone))


def test_a_clip_of_one_joint_or_none_has_no_nan():
    joints = np.zeros((2, 22, 3), np.float32)
    np.testing.assert_array_equal(compact(joints), joints)
    joints[1, 3] = 0.4, 0.6, 1
    np.testing.assert_allclose(compact(joints)[1, 3], [0.5, 0.5, 1], atol=1e-6)


def test_the_tables_need_no_torch():
    code = "import sys, mgutils.data.keypoints; sys.exit('torch' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0
