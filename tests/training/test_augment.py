"""Augmentation: each image its own way, nothing moved where nothing is asked."""

import math

import torch

from mgutils.models.encoders import as_images
from mgutils.training.augment import augment, random_affine, random_color


def test_none_is_the_plain_image_and_equal_seeds_give_equal_changes():
    pixels = torch.randint(0, 256, (4, 16, 16, 3), dtype=torch.uint8)
    assert torch.equal(augment(pixels, "none", torch.Generator()), as_images(pixels))
    for kind in ("affine", "affine+color"):
        twice = [augment(pixels, kind, torch.Generator().manual_seed(1)) for _ in range(2)]
        assert torch.equal(*twice) and twice[0].shape == (4, 3, 16, 16)


def test_color_keeps_grey_grey_without_tint_and_stays_in_range():
    generator = torch.Generator().manual_seed(0)
    grey = torch.full((5, 4, 4, 3), 100, dtype=torch.uint8)
    changed = random_color(grey, generator, brightness=0, tint=0)
    torch.testing.assert_close(changed, grey.float())
    noise = torch.randint(0, 256, (5, 4, 4, 3), dtype=torch.uint8)
    moved = random_color(noise, generator)
    assert moved.min() >= 0 and moved.max() <= 255 and not torch.allclose(moved, noise.float(), atol=5)


def test_affine_moves_each_image_its_own_way_and_keeps_a_flat_one():
    generator = torch.Generator().manual_seed(0)
    flat = torch.full((3, 3, 16, 16), 0.5)
    torch.testing.assert_close(random_affine(flat, generator), flat)
    image = torch.rand(1, 3, 16, 16).expand(4, -1, -1, -1)
    moved = random_affine(image, generator)
    assert not torch.allclose(moved[0], moved[1])
    still = random_affine(image, generator, degrees=0, shift=0, scale=0)
    torch.testing.assert_close(still, image, atol=1e-5, rtol=1e-5)


def maps_found(count=300, size=32, **limits):
    """The maps (B, 2, 3) that ``random_affine`` drew, read off images whose values are their own coordinates."""
    axis = (torch.arange(size) + 0.5) / size * 2 - 1  # centres of the pixels, -1..1 from side to side
    down, right = torch.meshgrid(axis, axis, indexing="ij")
    image = torch.stack([right, down, torch.zeros_like(right)]).expand(count, -1, -1, -1)
    moved = random_affine(image, torch.Generator().manual_seed(0), **limits)[:, :2]
    inner = slice(size // 4, size - size // 4)  # far from the border, whose values repeat
    places = torch.stack([right, down, torch.ones_like(right)])[:, inner, inner].flatten(1)  # (3, P)
    return moved[:, :, inner, inner].flatten(2) @ torch.linalg.pinv(places)


def fills(values, limit):
    """Whether the values come near to both ends of -limit..limit and no farther."""
    ends = values.min().item() / -limit, values.max().item() / limit
    return all(0.95 < end < 1 + 1e-3 for end in ends)


def test_affine_turns_zooms_and_shifts_up_to_its_limits():
    maps = maps_found(degrees=8.0, shift=0.06, scale=0.1)
    turn, zoom = torch.atan2(maps[:, 1, 0], maps[:, 0, 0]), maps[:, :, 0].norm(dim=1)
    torch.testing.assert_close(maps[:, 0, 0], maps[:, 1, 1], atol=1e-4, rtol=0)
    torch.testing.assert_close(maps[:, 0, 1], -maps[:, 1, 0], atol=1e-4, rtol=0)  # no shear, no flip
    assert fills(turn, math.radians(8)) and fills(zoom - 1, 0.1)
    assert fills(maps[:, 0, 2], 0.12) and fills(maps[:, 1, 2], 0.12)  # of a side that is 2 long
    drawn = torch.corrcoef(torch.stack([turn, zoom, maps[:, 0, 2], maps[:, 1, 2]]))
    assert (drawn - torch.eye(4)).abs().max() < 0.25  # four draws, none made of another


def test_color_gives_every_image_a_gain_and_every_channel_a_tint():
    grey = torch.full((400, 2, 2, 3), 100, dtype=torch.uint8)
    bright = random_color(grey, torch.Generator().manual_seed(0), brightness=0.3, tint=0, mix=0)
    assert (bright == bright[:, :1, :1, :1]).all()
    assert fills(bright[:, 0, 0, 0] / 100 - 1, 0.3)
    tinted = random_color(grey, torch.Generator().manual_seed(0), brightness=0, tint=0.25, mix=0)
    assert all(fills(tinted[:, 0, 0, channel] / 100 - 1, 0.25) for channel in range(3))
    assert torch.corrcoef(tinted[:, 0, 0].T).fill_diagonal_(0).abs().max() < 0.2


def test_color_mixes_the_channels_of_each_image_in_its_own_way():
    red = torch.zeros(200, 2, 2, 3, dtype=torch.uint8)
    red[..., 0] = 100
    plain = random_color(red, torch.Generator().manual_seed(0), brightness=0, tint=0, mix=0)
    torch.testing.assert_close(plain, red.float())
    mixed = random_color(red, torch.Generator().manual_seed(0), brightness=0, tint=0, mix=0.5)[:, 0, 0]
    assert mixed[:, 0].min() >= 50 and mixed[:, 0].min() < 70
    assert len(mixed.unique(dim=0)) == 200
