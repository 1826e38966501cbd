"""Augmentation: each image its own way, nothing moved where nothing is asked."""

import torch

from mgutils.augment import augment, random_affine, random_color
from mgutils.models.encoders import as_images


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
