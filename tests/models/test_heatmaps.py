"""Heatmaps equal those of plain loops, pixel by pixel, windows and short limbs included."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import original_heatmaps as slow
from mgutils.data.keypoints import LIMB_MIRROR, LIMBS, MIRROR, ORIGINAL_LIMBS, mirror
from mgutils.models.heatmaps import joint_maps, limb_maps


def clip_from(seed, frames=2):
    """A clip ``(frames, 22, 3)``: inside and outside of the box, missing, faint, close together."""
    random = np.random.default_rng(seed)
    joints = random.uniform(-0.4, 1.4, (frames, 22, 3))
    joints[..., 2] = random.choice([0, 1, 9e-4, 1e-3, 2e-3, 0.3, 0.8], (frames, 22))
    close = random.integers(22)
    joints[:, close:] = joints[:, close:] * [0.03, 0.03, 1] + [0.5, 0.5, 0]  # limbs near one pixel long
    joints[joints[..., 2] == 0] = 0
    return joints


@given(st.integers(0, 10**6), st.integers(5, 20), st.sampled_from([0.6, 0.7, 1.5]))
@settings(max_examples=25, deadline=None)
def test_joint_maps_equal_plain_loops(seed, size, sigma):
    joints = clip_from(seed)
    found = joint_maps(torch.from_numpy(joints)[None], size, sigma)[0].numpy()
    np.testing.assert_allclose(found, slow.joint_maps(joints, size, sigma), atol=1e-12)


@given(st.integers(0, 10**6), st.integers(5, 20), st.sampled_from([0.6, 0.7, 1.5]))
@settings(max_examples=25, deadline=None)
def test_limb_maps_equal_plain_loops(seed, size, sigma):
    joints = clip_from(seed)
    found = limb_maps(torch.from_numpy(joints)[None], size, sigma)[0].numpy()
    np.testing.assert_allclose(found, slow.limb_maps(joints, size, sigma, LIMBS), atol=1e-12)


@pytest.mark.parametrize("size", [24, 56])
def test_single_precision_costs_no_more_than_the_rounding_of_a_coordinate(size):
    joints = np.random.default_rng(0).uniform(0, 1, (4, 22, 3)).astype(np.float32)
    clip = torch.from_numpy(joints)[None]
    rounding = size * np.finfo(np.float32).eps
    np.testing.assert_allclose(joint_maps(clip, size)[0], slow.joint_maps(joints, size), atol=rounding)
    np.testing.assert_allclose(limb_maps(clip, size)[0], slow.limb_maps(joints, size, 0.6, LIMBS), atol=rounding)


def test_every_clip_and_every_limb_has_its_place():
    joints = torch.rand(3, 4, 22, 3, generator=torch.Generator().manual_seed(0))
    spots, ridges = joint_maps(joints, 12), limb_maps(joints, 10, limbs=ORIGINAL_LIMBS)
    assert spots.shape == (3, 22, 4, 12, 12)
    assert ridges.shape == (3, 22, 4, 10, 10)
    assert spots.is_contiguous(memory_format=torch.channels_last_3d)
    assert ridges.is_contiguous(memory_format=torch.channels_last_3d)
    for maps, alone in ((spots, joint_maps(joints[1:2], 12)),
                        (ridges, limb_maps(joints[1:2], 10, limbs=ORIGINAL_LIMBS))):
        assert torch.equal(maps[1:2], alone)


def clip_of(places):
    """One frame with the given joints, ``{joint: (x, y, score)}``."""
    joints = torch.zeros(1, 1, 22, 3)
    for joint, place in places.items():
        joints[0, 0, joint] = torch.tensor(place)
    return joints


def test_a_spot_is_one_at_a_pixel_and_a_half_between_four():
    assert joint_maps(clip_of({0: (0.5, 0.25, 1)}), 8)[0, 0, 0, 2, 4] == 1
    between = joint_maps(clip_of({0: (4.5 / 8, 4.5 / 8, 1)}), 8)
    assert between.max().item() == pytest.approx(np.exp(-0.5 / 0.72), abs=1e-6)


def test_x_runs_to_the_right_and_y_downward():
    maps = joint_maps(clip_of({3: (0.9, 0.1, 0.8)}), 10)
    assert maps[0, 3, 0, 1, 9] == maps.max() == pytest.approx(0.8)


def test_a_spot_ends_at_three_sigma():
    spot = joint_maps(clip_of({0: (0.5, 0.5, 1)}), 20)[0, 0, 0]
    assert spot.count_nonzero() == 16  # from trunc(10 - 1.8) = 8 to trunc(10 + 1.8) = 11
    assert spot[8, 8] > 0
    assert spot[12].any().item() is False


def test_the_original_rounds_towards_zero():
    """A joint 2 px left of the picture still shows at its edge, since -0.2 becomes 0; at 3 px it does not."""
    assert joint_maps(clip_of({0: (-0.2, 0.5, 1)}), 10)[0, 0, 0, 5, 0].item() == pytest.approx(np.exp(-4 / 0.72))
    assert not joint_maps(clip_of({0: (-0.3, 0.5, 1)}), 10).any()


def test_a_limb_is_as_bright_as_its_fainter_joint():
    maps = limb_maps(clip_of({1: (0.2, 0.5, 0.9), 0: (0.8, 0.5, 0.3)}), 10)[0]
    torch.testing.assert_close(maps[0, 0, 5, 2:9], torch.full((7,), 0.3))
    assert not maps[1:].any()  # a limb with a missing end is not drawn


def test_a_short_limb_is_its_first_joint_with_its_score():
    clip = clip_of({1: (0.5, 0.5, 0.3), 0: (0.55, 0.5, 0.9)})
    torch.testing.assert_close(limb_maps(clip, 10)[0, 0], joint_maps(clip, 10)[0, 1])
    clip[0, 0, 0, 2] = 5e-4  # too faint: not even that
    assert not limb_maps(clip, 10).any()


def test_maps_of_a_mirrored_clip_are_mirrored_maps():
    """With x -> W - 1 - x in pixels, where the mirror of a pixel is a pixel."""
    size = 20
    joints = 2 * np.random.default_rng(1).integers(1, 9, (1, 3, 22, 3)) / size  # no limb of one pixel
    width = (size - 1) / size
    mirrored = torch.from_numpy(mirror(joints, width))
    joints = torch.from_numpy(joints)
    inside = (slice(None),) * 3 + (slice(2, 18), slice(2, 18))
    for draw, table in ((joint_maps, MIRROR), (limb_maps, LIMB_MIRROR)):
        wanted = draw(joints, size).flip(-1)[:, table]
        found = draw(mirrored, size)
        # a window is a pixel wider on its left than on its right
        assert (found - wanted)[inside].abs().max() < np.exp(-4.5)


def test_no_nan_without_joints():
    empty = torch.zeros(2, 3, 22, 3)
    assert not joint_maps(empty, 6).any()
    assert not limb_maps(empty, 6).any()


@pytest.mark.parametrize("draw", [joint_maps, limb_maps])
def test_the_joints_are_left_as_they_are_and_get_no_gradient(draw):
    joints = torch.rand(1, 2, 22, 3, requires_grad=True)
    kept = joints.detach().clone()
    assert not draw(joints, 8).requires_grad
    assert torch.equal(joints, kept)
