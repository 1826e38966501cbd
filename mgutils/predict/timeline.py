"""A video's answers over time: means over equal stretches, and a few evenly spaced pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

import numpy as np

_Item = TypeVar("_Item")


class Timeline(NamedTuple):
    """Mean probabilities (T, C) of T stretches of a video, NaN where a stretch has no picture."""

    means: np.ndarray
    stretch: float
    """Seconds of a stretch."""


def make_timeline(times: np.ndarray, probs: np.ndarray, stretch: float, most: int = 480) -> Timeline:
    """Average the probabilities of a video's pictures over stretches of time.

    Parameters
    ----------
    times : array (N,)
        Seconds, 0 or more; at least one.
    probs : array (N, C)
        Probabilities. An hour at 25 frames a second and 32 classes is 11 MB.
    stretch : float
        Seconds of a stretch, doubled until there are at most ``most`` of them.
    """
    while times.max() >= stretch * most:
        stretch *= 2
    index = np.minimum((times / stretch).astype(int), most - 1)
    counts = np.bincount(index)
    sums = np.zeros((len(counts), probs.shape[1]))
    np.add.at(sums, index, probs)
    with np.errstate(invalid="ignore"):
        return Timeline(sums / counts[:, None], stretch)


@dataclass
class Thinned(Generic[_Item]):
    """Some of the items of a stream, evenly spaced, at most ``most`` of them.

    Every item is kept at first. When there are too many, every second one is dropped, and from then on only every
    second one taken.
    """

    most: int
    items: list[_Item] = field(default_factory=list)
    step: int = 1
    """One item in so many is kept."""
    _seen: int = 0

    def due(self) -> bool:
        """Whether the next item will be kept; otherwise it need not be made."""
        return self._seen % self.step == 0

    def add(self, item: _Item | None) -> None:
        """Take the next item of the stream; ``None`` is allowed where it is not due."""
        if self.due():
            self.items.append(item)
        if len(self.items) > self.most:
            self.items = self.items[::2]
            self.step *= 2
        self._seen += 1
