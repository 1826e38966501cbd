"""Hands as rounded cones: a palm of three, five fingers of two.

Joints come from ``skeleton``; neighbouring fingers differ a little in shade, so that they can be told apart in small
pictures.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mgutils.synth.person.cones import cones
from mgutils.synth.person.pose import Pose
from mgutils.synth.person.skeleton import FINGERS, HAND_SIZE, Skeleton
from mgutils.synth.person.subject import Subject

_RADII = np.stack(FINGERS["radii"])
_TINTS = np.concatenate([np.tile(np.concatenate(FINGERS["tints"]), 2), np.ones(6)])
_PALM_FINGERS = [1, 2, 4]
"""A palm's cones run from the wrist to the knuckles of index, middle and little finger."""
_PALM_ROOTS = np.array([[0.010, 0.0, 0.010], [0.0, 0.0, 0.012], [-0.012, 0.0, 0.010]])
_PALM_RADII = np.array([[0.0165, 0.0145], [0.0170, 0.0145], [0.0155, 0.0130]])


def hands(subject: Subject, pose: Pose, skeleton: Skeleton) -> tuple[ndarray, ndarray]:
    """Cones of both hands, ``(B, 26, 8)``, and their colours, ``(B, 26, 3)``."""
    frames = len(pose)
    size = HAND_SIZE * subject.hand
    joints = skeleton.finger  # (B, 2, 5, 3, 3)
    radii = _RADII * size[:, None, None, None]  # (B, 1, 5, 3)
    fingers = cones(joints[..., :-1, :], joints[..., 1:, :], radii[..., :-1], radii[..., 1:])
    root = np.einsum("bsij,kj->bski", skeleton.hand, _PALM_ROOTS) * size[:, None, None, None]
    knuckle = joints[:, :, _PALM_FINGERS, 0] - 0.008 * skeleton.hand[:, :, None, :, 2]
    radii = _PALM_RADII * size[:, None, None, None]  # (B, 1, 3, 2)
    palms = cones(skeleton.wrist[:, :, None] + root, knuckle, radii[..., 0], radii[..., 1])
    rows = np.concatenate([fingers.reshape(frames, 20, 8), palms.reshape(frames, 6, 8)], axis=1)
    return rows, subject.skin[:, None] * _TINTS[:, None]
