"""A video's answers in a fixed amount of memory, however long it is: means over time, and a few of its pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

_Item = TypeVar("_Item")


@dataclass
class Thinned(Generic[_Item]):
    """Some of the items of a stream, evenly spaced, at most ``most`` of them.

    Every item is kept at first; when there are too many, every second is dropped and from then on every second taken.
    """

    most: int
    items: list[_Item] = field(default_factory=list)
    step: int = 1
    """One item in so many is kept."""
    _seen: int = 0

    def due(self) -> bool:
        """Whether the next item would be kept: it need not be made otherwise."""
        return self._seen % self.step == 0

    def add(self, item: _Item | None) -> None:
        """Take the next item of the stream; ``None`` is allowed where it is not due."""
        if self.due():
            self.items.append(item)
            if len(self.items) > self.most:
                self.items, self.step = self.items[::2], 2 * self.step
        self._seen += 1


@dataclass
class Timeline:
    """Mean probabilities of C classes in equal stretches of time, ``most`` stretches at the end at most.

    A stretch starts as short as the first pictures' distance allows; when the video outgrows the stretches, they are
    joined in pairs.

    Parameters
    ----------
    classes : int
        C.
    stretch : float
        Seconds of a stretch at the start.
    most : int
        Number of stretches, even.
    """

    classes: int
    stretch: float
    most: int = 480
    end: float = 0.0
    """Seconds of the last picture."""
    _sums: np.ndarray = field(init=False)
    _counts: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self._sums, self._counts = np.zeros((self.most, self.classes)), np.zeros(self.most, dtype=np.int64)

    def add(self, time: float, shares: np.ndarray) -> None:
        """Take the probabilities (C,) of a picture at ``time`` seconds, 0 or more."""
        while time >= self.stretch * self.most:
            for name in ("_sums", "_counts"):
                old = getattr(self, name)
                joined = np.zeros_like(old)
                joined[:self.most // 2] = old[::2] + old[1::2]
                setattr(self, name, joined)
            self.stretch *= 2
        place = min(int(time / self.stretch), self.most - 1)
        self._sums[place] += shares
        self._counts[place] += 1
        self.end = max(self.end, time)

    @property
    def means(self) -> np.ndarray:
        """(T, C) mean probabilities of the stretches up to the last picture; NaN where a stretch has none."""
        used = min(int(self.end / self.stretch), self.most - 1) + 1
        with np.errstate(invalid="ignore"):
            return self._sums[:used] / self._counts[:used, None]
