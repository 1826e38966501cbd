"""The pose of the body, and how poses are blended and mirrored.

A pose is high-level (where a wrist is, how a head is turned); ``skeleton`` turns it into joints and ``body`` into
shapes. Arrays are NumPy float64 with the frame first. Where a side matters, index 0 is the subject's right hand
(negative x) and index 1 the left one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy import ndarray

from mgutils.synth.batched import Batched

RIGHT, LEFT = 0, 1
FLIP = np.array([[1.0, 1, 1], [-1.0, 1, 1]])
"""From right-hand coordinates to those of the right and of the left hand."""
TABLE_TOP = 0.14
"""Height of the table top above the seat, metres (the resting hands lie on it)."""


def _of(*shape: int) -> Any:
    """A field of a pose; its shape without the frames."""
    return field(metadata={"shape": shape})


@dataclass
class Pose(Batched):
    """One pose per frame, ``B`` frames.

    Parameters
    ----------
    torso : ndarray
        Bend forward, turn to the subject's left, tilt to the subject's right; radians, ``(B, 3)``.
    head : ndarray
        The same three angles for the head, measured from the world, ``(B, 3)``.
    seat : ndarray
        Shift of the trunk: sideways (x), lengthening of the spine, forward (z); metres, ``(B, 3)``.
    neck : ndarray
        Lengthening of the neck and push of the head forward, metres, ``(B, 2)``.
    shoulder : ndarray
        Raise and push forward of each shoulder, metres, ``(B, 2, 2)``.
    breath : ndarray
        Fill of the chest and of the cheeks, 0..1, ``(B, 2)``.
    wrist : ndarray
        Wanted place of each wrist in the world, metres, ``(B, 2, 3)``.
    fingers, palm : ndarray
        Direction from wrist to knuckles and outward normal of the palm, any length, ``(B, 2, 3)``.
    elbow : ndarray
        Direction in which each elbow points, ``(B, 2, 3)``.
    curl : ndarray
        Bend at the knuckle and at the middle joint of thumb, index, middle, ring and little finger, radians,
        ``(B, 2, 5, 2)``; for the thumb, its swing in front of the palm and its bend.
    spread : ndarray
        How far the fingers fan out, radians between index and little finger, ``(B, 2)``.
    brow, lids : ndarray
        Raise of the brows in -1..1 and closing of the eyes in 0..1, ``(B,)``.
    gaze : ndarray
        Where the eyes look: to the subject's left and up, -1..1, ``(B, 2)``.
    mouth : ndarray
        Opening, widening, pressing of the lips, pursing; 0..1 (widening -1..1), ``(B, 4)``.
    collar : ndarray
        Pull of the right and left half of the collar, metres, ``(B, 2, 3)``.
    lock : ndarray
        End of a pulled lock of hair (3) and its thickness (1), metres, ``(B, 4)``; thickness 0: none.
    prop : ndarray
        A thing in the hands: two ends (6) and two radii (2), metres, ``(B, 8)``; radius 0: none.
    """

    torso: ndarray = _of(3)
    head: ndarray = _of(3)
    seat: ndarray = _of(3)
    neck: ndarray = _of(2)
    shoulder: ndarray = _of(2, 2)
    breath: ndarray = _of(2)
    wrist: ndarray = _of(2, 3)
    fingers: ndarray = _of(2, 3)
    palm: ndarray = _of(2, 3)
    elbow: ndarray = _of(2, 3)
    curl: ndarray = _of(2, 5, 2)
    spread: ndarray = _of(2)
    brow: ndarray = _of()
    lids: ndarray = _of()
    gaze: ndarray = _of(2)
    mouth: ndarray = _of(4)
    collar: ndarray = _of(2, 3)
    lock: ndarray = _of(4)
    prop: ndarray = _of(8)


DIRECTIONS = {
    "torso": ("bend", "turn", "tilt"),
    "head": ("bend", "turn", "tilt"),
    "seat": ("aside", "rise", "forward"),
    "neck": ("rise", "forward"),
    "shoulder": ("raise", "forward"),
    "breath": ("chest", "cheeks"),
    "gaze": ("left", "up"),
    "mouth": ("open", "wide", "press", "purse"),
}
"""Names of the last dimension of some fields."""
_SIDED = {"shoulder", "wrist", "fingers", "palm", "elbow", "curl", "spread", "collar"}
_MIRRORED = {name: [0] for name in ("wrist", "fingers", "palm", "elbow", "collar", "seat", "gaze", "lock")}
_MIRRORED |= {"torso": [1, 2], "head": [1, 2], "prop": [0, 3]}
"""Columns that change their sign in a mirror."""
_LOOSE_THUMB = (0.35, 0.3)


def resting(frames: int) -> Pose:
    """The neutral pose: a slight slouch, both hands on the table, apart, looking at the camera."""
    pose = Pose(**{each.name: np.zeros((frames, *each.metadata["shape"])) for each in fields(Pose)})
    pose.torso[:, 0] = 0.13
    pose.head[:, 0] = 0.02
    pose.seat[:, 1] = -0.012
    pose.wrist[:] = FLIP * (-0.165, TABLE_TOP + 0.030, 0.32)
    pose.fingers[:] = FLIP * (0.5, -0.12, 1.0)
    pose.palm[:] = FLIP * (0.15, -1.0, 0.1)
    pose.elbow[:] = FLIP * (-0.7, -0.8, -0.8)
    pose.curl[:] = (0.38, 0.42)
    pose.curl[:, :, 0] = _LOOSE_THUMB
    pose.spread[:] = 0.25
    return pose


def blend(start: Pose, end: Pose, share: ndarray | float) -> Pose:
    """Go from one pose to another.

    Parameters
    ----------
    start, end : Pose
        ``B`` frames each.
    share : ndarray or float
        0 gives ``start``, 1 gives ``end``; ``(B,)`` or a scalar.
    """
    mixed = {}
    for name, first in vars(start).items():
        weight = np.reshape(share, (-1, *[1] * (first.ndim - 1)))
        mixed[name] = first * (1 - weight) + getattr(end, name) * weight
    return Pose(**mixed)


def mirror(pose: Pose) -> Pose:
    """The pose as in a mirror: left and right change places."""
    mirrored = {}
    for name, value in vars(pose).items():
        value = value[:, ::-1].copy() if name in _SIDED else value.copy()
        value[..., _MIRRORED.get(name, [])] *= -1
        mirrored[name] = value
    return Pose(**mirrored)
