"""Augmentation of a batch of images, each image in its own way, on the device where the batch is."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mgutils.models.encoders import as_images


def augment(pixels: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """Bytes (B, S, S, 3) to normalised images (B, 3, S, S), changed at random as ``kind`` says.

    Parameters
    ----------
    kind : str
        ``none``, ``affine`` or ``affine+color``; see :class:`mgutils.config.TrainConfig`.
    generator : torch.Generator
        On the CPU; equal states give equal changes.
    """
    if kind == "affine+color":
        pixels = random_color(pixels, generator)
    images = as_images(pixels)
    return images if kind == "none" else random_affine(images, generator)


def random_affine(images: Tensor, generator: torch.Generator, degrees: float = 8.0, shift: float = 0.06,
                  scale: float = 0.1) -> Tensor:
    """Turn, shift and scale every image a little, each in its own way. No flip: left and right hands differ.

    Shape: (B, 3, S, S) -> (B, 3, S, S). ``shift`` is a share of the side.
    """
    angle, zoom, right, down = (torch.rand(4, len(images), generator=generator) * 2 - 1).to(images.device)
    angle, zoom = angle * math.radians(degrees), 1 + zoom * scale
    matrix = torch.stack([torch.stack([zoom * angle.cos(), -zoom * angle.sin(), 2 * shift * right], dim=1),
                          torch.stack([zoom * angle.sin(), zoom * angle.cos(), 2 * shift * down], dim=1)], dim=1)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)  # (B, S, S, 2)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def random_color(pixels: Tensor, generator: torch.Generator, brightness: float = 0.3, tint: float = 0.25,
                 mix: float = 0.5) -> Tensor:
    """Brighten, tint and mix the colour channels of every image at random, so that a shirt or a wall is no clue.

    Shape: (B, S, S, 3) bytes -> (B, S, S, 3) floats in 0..255. ``mix`` is the largest share of a colour that is taken
    from a random other mixture of the channels.
    """
    size = len(pixels)
    gain = 1 + brightness * (torch.rand(size, 1, 1, 1, generator=generator) * 2 - 1)
    gain = gain * (1 + tint * (torch.rand(size, 1, 1, 3, generator=generator) * 2 - 1))
    other = torch.rand(size, 3, 3, generator=generator)
    other = other / other.sum(dim=1, keepdim=True)  # columns sum to 1: grey stays grey
    share = mix * torch.rand(size, 1, 1, generator=generator)
    matrix = (1 - share) * torch.eye(3) + share * other  # (B, 3, 3)
    mixed = pixels.float().flatten(1, 2) @ matrix.to(pixels.device)  # (B, S * S, 3)
    return (mixed.view(pixels.shape) * gain.to(pixels.device)).clamp(0, 255)
