"""The pose of the body, and how poses are blended and mirrored.

A pose is high-level (where a wrist is, how a head is turned); ``skeleton`` turns it into joints and ``body`` into
shapes. Arrays are NumPy float64 with the frame first. Where a side matters, index 0 is the subject's right hand
(negative x) and index 1 the left one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from mgutils.synth.batched import Batched

RIGHT, LEFT = 0, 1
TABLE_TOP = 0.14
"""Height of the table top above the seat, metres (the resting hands lie on it)."""
TABLE_EDGE = 0.28
"""z of the edge of the table nearest to the subject, metres."""


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

    torso: ndarray
    head: ndarray
    seat: ndarray
    neck: ndarray
    shoulder: ndarray
    breath: ndarray
    wrist: ndarray
    fingers: ndarray
    palm: ndarray
    elbow: ndarray
    curl: ndarray
    spread: ndarray
    brow: ndarray
    lids: ndarray
    gaze: ndarray
    mouth: ndarray
    collar: ndarray
    lock: ndarray
    prop: ndarray


_SHAPE = {"torso": (3,), "head": (3,), "seat": (3,), "neck": (2,), "shoulder": (2, 2), "breath": (2,), "wrist": (2, 3),
          "fingers": (2, 3), "palm": (2, 3), "elbow": (2, 3), "curl": (2, 5, 2), "spread": (2,), "brow": (), "lids": (),
          "gaze": (2,), "mouth": (4,), "collar": (2, 3), "lock": (4,), "prop": (8,)}
DIRECTIONS = {
    "torso": ("bend", "turn", "tilt"), "head": ("bend", "turn", "tilt"), "seat": ("aside", "rise", "forward"),
    "neck": ("rise", "forward"), "shoulder": ("raise", "forward"), "breath": ("chest", "cheeks"),
    "gaze": ("left", "up"), "mouth": ("open", "wide", "press", "purse")}
"""Names of the last dimension of some fields."""
_SIDED = ("shoulder", "wrist", "fingers", "palm", "elbow", "curl", "spread", "collar")
_VECTORS = ("wrist", "fingers", "palm", "elbow", "collar")
_LOOSE_THUMB = (0.35, 0.3)


def resting(frames: int) -> Pose:
    """The neutral pose: a slight slouch, both hands on the table, apart, looking at the camera."""
    pose = Pose(**{name: np.zeros((frames, *shape)) for name, shape in _SHAPE.items()})
    pose.torso[:, 0] = 0.13
    pose.head[:, 0] = 0.02
    pose.seat[:, 1] = -0.012
    for side, sign in ((RIGHT, -1.0), (LEFT, 1.0)):
        pose.wrist[:, side] = (0.165 * sign, TABLE_TOP + 0.030, 0.32)
        pose.fingers[:, side] = (-0.5 * sign, -0.12, 1.0)
        pose.palm[:, side] = (-0.15 * sign, -1.0, 0.1)
        pose.elbow[:, side] = (0.7 * sign, -0.8, -0.8)
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
    share = np.asarray(share, dtype=np.float64)

    def mixed(name: str) -> ndarray:
        first, last = getattr(start, name), getattr(end, name)
        weight = share.reshape(share.shape + (1,) * (first.ndim - share.ndim)) if share.ndim else share
        return first * (1 - weight) + last * weight

    return Pose(**{name: mixed(name) for name in _SHAPE})


def mirror(pose: Pose) -> Pose:
    """The pose as in a mirror: left and right change places."""
    swapped = {name: getattr(pose, name)[:, ::-1].copy() if name in _SIDED else getattr(pose, name).copy()
               for name in _SHAPE}
    for name in _VECTORS:
        swapped[name][..., 0] *= -1
    for name in ("torso", "head"):
        swapped[name][:, 1:] *= -1
    for name, columns in (("seat", [0]), ("gaze", [0]), ("lock", [0]), ("prop", [0, 3])):
        swapped[name][:, columns] *= -1
    return Pose(**swapped)
