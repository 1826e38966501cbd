"""Frames and clips of each class, and frames of each clip.

Numbers follow iMiGUE's published aggregates; where the studio departs from them is said at the constants.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray
from scipy.special import ndtri

from mgutils.data.labels import imigue_classes

CLASS_FLOOR = 9
"""Frames that every class gets, in at least 3 clips of 3 subjects, on both sides of the official split.

Datasets of fewer than 720 frames have a lower floor, and below 240 frames there may be fewer than 3 clips of a class. A
departure: the original's class 19 is a single clip, and no test subject shows it."""
SIGMA = 0.74
"""Frames per clip are 1 + floor(T), T log-normal with this sigma; their mean is that of the class in the original.

Fitted: it gives a median of 3, a mean of 4.69 and 9.0 % clips of one frame (train.xlsx: 3, 4.69, 8.4 %). Its tail is
thinner than train.xlsx's: as many clips have some 75 frames at most."""
LONGEST = 276
"""Most frames in a clip, as in train.xlsx."""


def class_shares(imbalance: float) -> ndarray:
    """Share of the frames of each class, ``(32,)``: the original's at 1, all alike at 0, linear between."""
    seed = imigue_classes()["original_frames"].to_numpy(dtype=np.float64)
    return imbalance * seed / seed.sum() + (1 - imbalance) / len(seed)


def class_frames(frames: int, imbalance: float) -> ndarray:
    """Frames of each class, ``(32,)``, which add up to ``frames``: by share, no class below the floor.

    Those above the floor give what those below it get, in proportion; remainders go to the largest.
    """
    shares = class_shares(imbalance)
    floor = min(CLASS_FLOOR, max(1, frames // 80))
    low = np.zeros(len(shares), dtype=bool)
    while True:
        wanted = np.where(low, floor, shares / max(shares[~low].sum(), 1e-12) * (frames - floor * low.sum()))
        if (low | (wanted >= floor)).all():
            break
        low |= wanted < floor
    counts = np.floor(wanted).astype(np.int64)
    counts[np.argsort(counts - wanted, kind="stable")[:frames - counts.sum()]] += 1
    return counts


def clip_lengths(frames: int, mean: float, rng: np.random.Generator) -> ndarray:
    """Share the frames of a class out among its clips.

    The lengths are one draw from each of K equal slices of the distribution (see :data:`SIGMA`), so that small datasets
    have its shape too; its location is set so that they add up.

    Parameters
    ----------
    frames : int
        At least 1.
    mean : float
        Wanted frames per clip; there are at least 3 clips where there are 3 frames.

    Returns
    -------
    ndarray
        int64, ``(K,)``, at least 1 each, summing to ``frames``.
    """
    count = int(np.clip(round(frames / mean), min(3, frames), frames))
    normal = ndtri((np.arange(count) + rng.random(count)) / count)

    def lengths(location: float) -> ndarray:
        return 1 + np.floor(np.minimum(np.exp(location + SIGMA * normal), LONGEST - 1)).astype(np.int64)

    low, high = -12.0, 12.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if lengths(middle).sum() <= frames else (low, middle)
    result = lengths(low)
    result[-1] += frames - result.sum()
    return rng.permutation(result)
