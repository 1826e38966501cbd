"""What a test reads of a clip: fixed segments, or the original's random window, which wraps.

The original keeps every second or fourth frame of a clip, starts at a random one, reads as many as
the network wants, goes on at the clip's beginning when the clip ends, and mirrors what it has where
that is still too little. It does so in its tests, too: the end of a gesture may come before its
beginning, and the score is a random number. How far it spreads over draws is measured here.
"""

from __future__ import annotations

import numpy as np

from mgutils.data.modalities import Draw


def wrapping_window(length: np.ndarray, frames: int, start: np.ndarray, every: int = 2) -> np.ndarray:
    """Which frames of each clip the original reads.

    Parameters
    ----------
    length : ndarray (B,)
        Frames of each clip.
    frames : int
        T, which the network reads.
    start : ndarray (B,)
        Where the window begins, as a fraction of the clip: uniform in [0, 1) in the original.
    every : int
        Of so many frames one is kept: 2 or 4 in the original.

    Returns
    -------
    ndarray (B, T) of int64
        Positions within the clips.

    Examples
    --------
    >>> wrapping_window(np.array([12, 3]), 4, np.array([0.7, 0.0])).tolist()
    [[8, 10, 0, 2], [0, 2, 0, 2]]
    """
    index = np.empty((len(length), frames), dtype=np.int64)
    for row, (count, begin) in enumerate(zip(length, start, strict=True)):
        kept = np.arange(0, count, every)
        turned = np.roll(kept, -int(begin * len(kept)))[:frames]
        index[row] = np.pad(turned, (0, frames - len(turned)), mode="reflect")
    return index


def fixed_draw(name: str, index: np.ndarray, length: np.ndarray) -> Draw:
    """The draw that makes a reader take these frames (B, T) of each clip, and move nothing.

    A reader takes its frame t at ``(t + moment) * length / T``; this is solved for the moment.
    """
    frames = index.shape[1]
    moments = (index + 0.5) * frames / np.asarray(length)[:, None] - np.arange(frames)
    return Draw(moments, {name: np.zeros((len(index), 4))})
