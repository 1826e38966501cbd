"""Augmentation: each image its own way, nothing moved where nothing is asked."""

import math

import torch

from mgutils.models.encoders import as_images
from mgutils.training.batches import augment, random_affine


def test_none_is_the_plain_image_and_equal_seeds_give_equal_changes():
    pixels = torch.randint(0, 256, (4, 16, 16, 3), dtype=torch.uint8)
    assert torch.equal(augment(pixels, "none", torch.Generator()), as_images(pixels))
    twice = [augment(pixels, "affine", torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(*twice) and twice[0].shape == (4, 3, 16, 16)


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


