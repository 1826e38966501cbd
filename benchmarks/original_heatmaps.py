"""Heatmaps as the original makes them: a joint or a limb at a time, in loops, in double precision.

The rules are those of ``GeneratePoseTarget`` of pyskl at commit 3f6795f, written anew pixel by pixel: the tests hold
``mgutils.models.heatmaps`` against it, the benchmark times both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy import ndarray

FAINTEST = 1e-3


def joint_maps(joints: ndarray, size: int, sigma: float = 0.6) -> ndarray:
    """Joints ``(T, V, 3)`` of one clip, x and y in 0..1, to maps ``(V, T, size, size)``."""
    maps = np.zeros((joints.shape[1], joints.shape[0], size, size))
    for t, frame in enumerate(joints.tolist()):
        for v, (x, y, score) in enumerate(frame):
            draw_joint(maps[v, t], (size * x, size * y), score, sigma)
    return maps


def limb_maps(joints: ndarray, size: int, sigma: float, limbs: Sequence[tuple[int, int]]) -> ndarray:
    """Joints ``(T, V, 3)`` of one clip, x and y in 0..1, to maps ``(L, T, size, size)``."""
    maps = np.zeros((len(limbs), joints.shape[0], size, size))
    for t, frame in enumerate(joints.tolist()):
        for limb, (first, last) in enumerate(limbs):
            start, end = ([size * part for part in frame[joint][:2]] for joint in (first, last))
            draw_limb(maps[limb, t], start, end, frame[first][2], frame[last][2], sigma)
    return maps


def draw_joint(picture: ndarray, centre: Sequence[float], score: float, sigma: float) -> None:
    """A spot inside its window."""
    if score < FAINTEST:
        return
    for row in window(centre[1], centre[1], sigma, len(picture)):
        for column in window(centre[0], centre[0], sigma, len(picture)):
            squared = (column - centre[0]) ** 2 + (row - centre[1]) ** 2
            picture[row, column] = score * math.exp(-squared / (2 * sigma**2))


def draw_limb(picture: ndarray, start: Sequence[float], end: Sequence[float], start_score: float, end_score: float,
              sigma: float) -> None:
    """A ridge inside its window; the start alone where the limb is shorter than a pixel."""
    score = min(start_score, end_score)
    if score < FAINTEST:
        return
    step = end[0] - start[0], end[1] - start[1]
    squared_length = step[0] ** 2 + step[1] ** 2
    if squared_length < 1:
        draw_joint(picture, start, start_score, sigma)
        return
    for row in window(min(start[1], end[1]), max(start[1], end[1]), sigma, len(picture)):
        for column in window(min(start[0], end[0]), max(start[0], end[0]), sigma, len(picture)):
            away = column - start[0], row - start[1]
            part = (away[0] * step[0] + away[1] * step[1]) / squared_length
            part = min(max(part, 0), 1)  # the nearest point of the limb, 0 at its start, 1 at its end
            squared = (away[0] - part * step[0]) ** 2 + (away[1] - part * step[1]) ** 2
            picture[row, column] = score * math.exp(-squared / (2 * sigma**2))


def window(low: float, high: float, sigma: float, size: int) -> range:
    """Pixels from three sigma below to three sigma above; ``int`` rounds towards 0."""
    return range(max(int(low - 3 * sigma), 0), min(int(high + 3 * sigma) + 1, size))
