"""Batches: which rows, how their pixels reach the device, and how they are augmented."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mgutils.models.encoders import as_images

Item = TypeVar("Item")
Fetched = TypeVar("Fetched")


class PixelLoader:
    """Load rows of an array of decoded images to a device, as bytes.

    A GPU with enough memory gets the whole array once; otherwise each batch is copied.

    Parameters
    ----------
    pixels : ndarray (N, S, S, 3), uint8
        Or what a task of clips reads by itself: the frames of one modality, or of several.
    device : torch.device
    """

    def __init__(self, pixels: np.ndarray, device: torch.device) -> None:
        self.pixels = pixels
        self.device = device
        self._resident: Tensor | None = None
        if _fits(pixels, device):
            self._resident = torch.from_numpy(np.array(pixels)).to(device)

    def __call__(self, rows: np.ndarray) -> Tensor:
        """Row positions (B,) -> bytes (B, S, S, 3)."""
        if self._resident is not None:
            return self._resident[torch.from_numpy(rows).to(self.device)]
        batch = torch.from_numpy(self.pixels[rows])
        if self.device.type == "cuda":
            return batch.pin_memory().to(self.device, non_blocking=True)
        return batch


def _fits(pixels: np.ndarray, device: torch.device) -> bool:
    """Whether the array would take less than a quarter of the GPU's free memory."""
    if device.type != "cuda" or not isinstance(pixels, np.ndarray):
        return False
    return 4 * pixels.nbytes < torch.cuda.mem_get_info(device)[0]


def prefetch(fetch: Callable[[Item], Fetched],
             items: Iterable[Item]) -> Iterator[tuple[Item, Fetched]]:
    """Each item with ``fetch(item)``; a thread fetches the next item while this one is used."""
    with ThreadPoolExecutor(1) as pool:
        waiting = None
        for item in chain(items, [None]):
            following = None if item is None else (item, pool.submit(fetch, item))
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = following


def batches(rows: np.ndarray, batch_size: int, seed: int, least: int = 2) -> Iterator[np.ndarray]:
    """Shuffled rows in batches.

    The last batch may be smaller, but fewer than ``least`` rows are added to the batch before.
    """
    rows = np.random.default_rng(seed).permutation(rows)
    stops = list(range(batch_size, len(rows) - least + 1, batch_size))
    return iter(np.split(rows, stops))


def augment(pixels: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """Bytes (B, S, S, 3) to normalised and augmented images (B, 3, S, S).

    Parameters
    ----------
    kind : str
        ``none``, ``affine`` or ``photo``; see :class:`mgutils.config.TrainConfig`.
    generator : torch.Generator
        On the CPU; equal states give equal augmentations.
    """
    images = as_images(pixels)
    if kind == "none":
        return images
    if kind == "photo":
        turned = random_affine(images, generator, degrees=15, shift=0.1, scale=0.25)
        return random_light(turned, generator)
    return random_affine(images, generator)


def random_affine(images: Tensor, generator: torch.Generator, degrees: float = 8.0,
                  shift: float = 0.06, scale: float = 0.1) -> Tensor:
    """Rotate, shift and scale each image a little. No flip: left and right hands differ.

    ``shift`` is a fraction of the side.
    Shape: (B, 3, S, S) -> (B, 3, S, S).
    """
    draws = torch.rand(4, len(images), generator=generator)
    draws = 2 * draws - 1  # in -1..1
    angle, zoom, right, down = draws.to(images.device)  # each (B,)
    angle = angle * math.radians(degrees)
    zoom = 1 + zoom * scale

    # one 2 x 3 matrix for each image, in coordinates that run from -1 to 1
    first = torch.stack([zoom * angle.cos(), -zoom * angle.sin(), 2 * shift * right], dim=1)
    second = torch.stack([zoom * angle.sin(), zoom * angle.cos(), 2 * shift * down], dim=1)
    matrix = torch.stack([first, second], dim=1)  # (B, 2, 3)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)  # (B, S, S, 2)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def random_light(images: Tensor, generator: torch.Generator, strength: float = 0.4) -> Tensor:
    """Change brightness, contrast, saturation and tint of each image: the light of another room.

    ``strength`` is the largest change, as a fraction for contrast and saturation, in standard
    deviations of ImageNet's colours for brightness and tint.
    Shape: (B, 3, S, S), normalised -> (B, 3, S, S).
    """
    draws = 2 * torch.rand(len(images), 6, 1, 1, generator=generator) - 1
    brightness, contrast, saturation, tint = (
        (strength * draws).to(images.device).split([1, 1, 1, 3], dim=1))
    grey = images.mean(dim=1, keepdim=True)
    coloured = grey + (images - grey) * (1 + saturation)
    middle = coloured.mean(dim=(1, 2, 3), keepdim=True)
    return middle + (coloured - middle) * (1 + contrast) + brightness + tint / 2
