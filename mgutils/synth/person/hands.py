"""Hands as rounded cones: a palm of three, five fingers of two.

Joints come from ``skeleton``; neighbouring fingers differ a little in shade, so that they can be told apart in small
pictures.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mgutils.synth.person.cones import CONES, cones
from mgutils.synth.person.pose import Pose
from mgutils.synth.person.skeleton import FINGERS, HAND_SIZE, Skeleton
from mgutils.synth.person.subject import Subject

_RADII = np.stack(FINGERS["radii"])
_TINTS = np.concatenate([np.tile(np.concatenate(FINGERS["tints"]), 2), np.ones(6)])
_PALM_FINGERS = [1, 2, 4]
"""A palm's cones run from the wrist to the knuckles of these fingers; end b is counted from the knuckle."""


def hands(subject: Subject, pose: Pose, skeleton: Skeleton) -> tuple[ndarray, ndarray]:
    """Cones of both hands, ``(B, 26, 8)``, and their colours, ``(B, 26, 3)``."""
    size = (HAND_SIZE * subject.hand)[:, None, None, None]
    joints = skeleton.finger  # (B, 2, 5, 3, 3)
    radii = _RADII * size  # (B, 1, 5, 3)
    fingers = cones(
        joints[..., :-1, :],
        joints[..., 1:, :],
        radii[..., :-1],
        radii[..., 1:],
    )
    palm = CONES["palm"]
    root, back = (
        np.einsum("bsij,kj->bski", skeleton.hand, ends)
        for ends in (palm[:, :3], palm[:, 3:6])
    )
    root = skeleton.wrist[:, :, None] + root * size
    knuckle = joints[:, :, _PALM_FINGERS, 0] + back
    radii = palm[:, 6:] * size  # (B, 1, 3, 2)
    palms = cones(root, knuckle, radii[..., 0], radii[..., 1])
    rows = [part.reshape(len(pose), -1, 8) for part in (fingers, palms)]
    return np.concatenate(rows, axis=1), subject.skin[:, None] * _TINTS[:, None]
