"""Batches: which rows, how their pixels come to the device, and how they are augmented."""

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

Item, Fetched = TypeVar("Item"), TypeVar("Fetched")


class PixelLoader:
    """Rows of an array of decoded images, as bytes on a device.

    On a GPU with room to spare the whole array moves there once; else rows are copied as they are asked for.

    Parameters
    ----------
    pixels : ndarray (N, S, S, 3), uint8
    device : torch.device
    """

    def __init__(self, pixels: np.ndarray, device: torch.device) -> None:
        self.pixels, self.device = pixels, device
        self._resident = torch.from_numpy(np.array(pixels)).to(device) if _fits(pixels, device) else None

    def __call__(self, rows: np.ndarray) -> Tensor:
        """Row positions (B,) -> bytes (B, S, S, 3)."""
        if self._resident is not None:
            return self._resident[torch.from_numpy(rows).to(self.device)]
        batch = torch.from_numpy(self.pixels[rows])
        return batch.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else batch


def _fits(pixels: np.ndarray, device: torch.device) -> bool:
    return device.type == "cuda" and 4 * pixels.nbytes < torch.cuda.mem_get_info(device)[0]


def prefetch(fetch: Callable[[Item], Fetched], items: Iterable[Item]) -> Iterator[tuple[Item, Fetched]]:
    """Each item with what ``fetch`` makes of it; the next one is fetched in a thread while this one is worked on."""
    with ThreadPoolExecutor(1) as pool:
        waiting = None
        for item in chain(items, [None]):
            following = None if item is None else (item, pool.submit(fetch, item))
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = following


def batches(rows: np.ndarray, batch_size: int, seed: int, least: int = 2) -> Iterator[np.ndarray]:
    """Shuffled rows in batches; the last may be smaller, but fewer than ``least`` rows join the batch before them."""
    rows = np.random.default_rng(seed).permutation(rows)
    stops = list(range(batch_size, len(rows) - least + 1, batch_size))
    return iter(np.split(rows, stops))


def augment(pixels: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """Bytes (B, S, S, 3) to normalised images (B, 3, S, S), changed at random as ``kind`` says.

    Parameters
    ----------
    kind : str
        ``none`` or ``affine``; see :class:`mgutils.config.TrainConfig`.
    generator : torch.Generator
        On the CPU; equal states give equal changes.
    """
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
