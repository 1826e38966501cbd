"""Which rows make a batch, and how their pixels come to the device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Item, Fetched = TypeVar("Item"), TypeVar("Fetched")


class Feed:
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


def ahead(fetch: Callable[[Item], Fetched], items: Iterable[Item]) -> Iterator[tuple[Item, Fetched]]:
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


def balanced(rows: np.ndarray, target: np.ndarray, seed: int) -> np.ndarray:
    """As many rows again, drawn with replacement so that every class that occurs is drawn alike often."""
    classes, counts = np.unique(target[rows], return_counts=True)
    share = 1 / (len(classes) * counts[np.searchsorted(classes, target[rows])])
    return np.random.default_rng([seed, 1]).choice(rows, len(rows), p=share)
