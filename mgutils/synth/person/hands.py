"""Hands as rounded cones: a palm of three, five fingers of two.

Joints come from ``skeleton``.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mgutils.synth.person.skeleton import HAND_SIZE, Skeleton
from mgutils.synth.person.subject import Subject

_FINGER_RADII = np.array([[0.0150, 0.0120, 0.0100], [0.0112, 0.0100, 0.0088], [0.0115, 0.0103, 0.0090],
                          [0.0110, 0.0098, 0.0086], [0.0098, 0.0088, 0.0078]])
_PALM_ROOTS = np.array([[0.010, 0.0, 0.010], [0.0, 0.0, 0.012], [-0.012, 0.0, 0.010]])
_PALM_RADII = np.array([[0.0165, 0.0145], [0.0170, 0.0145], [0.0155, 0.0130]])
_PALM_FINGERS = [1, 2, 4]
_TINTS = np.tile([0.98, 0.96, 0.97, 0.93, 1.0, 0.96, 0.97, 0.93, 1.0, 0.96], 2)
"""Neighbouring fingers differ a little in shade, so that they can be told apart in small pictures."""


def hand_rows(subject: Subject, skeleton: Skeleton) -> tuple[ndarray, ndarray]:
    """All shapes of both hands.

    Returns
    -------
    rows : ndarray
        End a, end b, two radii, in the world, metres, ``(B, 26, 8)``.
    colors : ndarray
        ``(B, 26, 3)``.
    """
    size = (HAND_SIZE * subject.hand)[:, None, None, None]
    rows = np.concatenate([_fingers(skeleton, size), _palms(skeleton, size)], axis=1)
    skin = subject.skin[:, None]
    return rows, np.concatenate([skin * _TINTS[:, None], np.repeat(skin, 6, axis=1)], axis=1)


def _fingers(skeleton: Skeleton, size: ndarray) -> ndarray:
    """Two shapes a finger, ``(B, 20, 8)``."""
    joints = skeleton.finger  # (B, 2, 5, 3, 3)
    ends = np.concatenate([joints[:, :, :, :-1], joints[:, :, :, 1:]], axis=-1)  # (B, 2, 5, 2, 6)
    radii = np.stack([_FINGER_RADII[:, :-1], _FINGER_RADII[:, 1:]], axis=-1) * size
    radii = np.broadcast_to(radii[:, None], (*ends.shape[:4], 2))
    return np.concatenate([ends, radii], axis=-1).reshape(len(joints), 20, 8)


def _palms(skeleton: Skeleton, size: ndarray) -> ndarray:
    """Three shapes a palm, from the wrist to the knuckles of index, middle and little finger; ``(B, 6, 8)``."""
    frames = len(skeleton.wrist)
    roots = skeleton.wrist[:, :, None] + np.einsum("bsij,kj->bski", skeleton.hand, _PALM_ROOTS) * size
    heads = skeleton.finger[:, :, _PALM_FINGERS, 0] - 0.008 * skeleton.hand[:, :, None, :, 2]
    radii = np.broadcast_to(_PALM_RADII * size, (frames, 1, 3, 2))
    return np.concatenate([roots, heads, np.broadcast_to(radii, (frames, 2, 3, 2))], axis=-1).reshape(frames, 6, 8)
