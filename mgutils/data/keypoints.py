"""The skeleton of a clip: 22 joints, the limbs between them, and what a mirror does to both.

The order is OpenPose's; right and left are the subject's. Joints are arrays ``(..., 22, 3)``: x, y
and score. A missing joint is 0, 0, 0. What a network makes of the joints is in ``models``.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

_FINGERS = ("thumb", "index", "middle", "ring", "little")
JOINTS: tuple[str, ...] = (
    "nose", "neck",
    "right_shoulder", "right_elbow", "right_wrist",
    "left_shoulder", "left_elbow", "left_wrist",
    "right_eye", "left_eye", "right_ear", "left_ear",
    *(f"right_{finger}_tip" for finger in _FINGERS),
    *(f"left_{finger}_tip" for finger in _FINGERS),
)
"""Names of the joints, as the studio has them: 0 nose, 1 neck, ..., 21 left little tip."""

LIMBS = np.array([
    (1, 0), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7),  # neck to nose, right arm, left arm
    (0, 8), (8, 10), (0, 9), (9, 11),                        # nose to eyes, eyes to ears
    (4, 12), (4, 13), (4, 14), (4, 15), (4, 16),             # right wrist to its fingers
    (7, 17), (7, 18), (7, 19), (7, 20), (7, 21),             # left wrist to its fingers
])
"""Start and end of each limb, indices of joints, ``(21, 2)``."""

ORIGINAL_LIMBS = np.array([
    (0, 1), (2, 1), (2, 3), (3, 4), (4, 5), (2, 6), (6, 7), (7, 8),
    (1, 9), (9, 11), (1, 10), (10, 11),
    (5, 12), (5, 13), (5, 14), (5, 15), (5, 16),
    (8, 17), (8, 18), (8, 19), (8, 20), (8, 21),
])
"""The MiGA 2023 winner's limbs, ``(22, 2)``: the body is counted from 1, the fingers from 0.

So (4, 5) joins the right wrist to the left shoulder, and (5, 12) the left shoulder to the right
thumb. They are here to be looked at; nothing in the kit uses them unless it is told to.
"""


def _other_side(name: str) -> str:
    """``right_eye`` for ``left_eye`` and back; the nose and the neck have no other side."""
    side, _, part = name.partition("_")
    return {"right": f"left_{part}", "left": f"right_{part}"}.get(side, name)


MIRROR = np.array([JOINTS.index(_other_side(name)) for name in JOINTS])
"""For each joint, the joint that it becomes in a mirror, ``(22,)``."""

LIMB_MIRROR = np.array([LIMBS.tolist().index(MIRROR[limb].tolist()) for limb in LIMBS])
"""For each limb, the limb that it becomes in a mirror, ``(21,)``."""

ORIGINAL_MIRROR = np.array([0, *np.arange(1, 21).reshape(10, 2)[:, ::-1].ravel(), 21])
"""The MiGA 2023 winner's table, ``(22,)``: 1 with 2, 3 with 4, ..., 19 with 20, which is COCO's.

In the order of :data:`JOINTS` it exchanges the neck with the right shoulder. At test the same pairs
exchange the maps of its 22 limbs.
"""

SMALLEST_BOX = 0.01
"""Side of the smallest box of :func:`compact`, in heights of the picture: about 10 px of 1080."""


def mirror(joints: ndarray, width: float, table: ndarray = MIRROR) -> ndarray:
    """The skeleton in a mirror: x becomes ``width - x``, and right becomes left.

    Parameters
    ----------
    joints : ndarray
        ``(..., 22, 3)``; missing joints stay 0, 0, 0.
    width : float
        Of the picture, in the unit of x: 1 for what :func:`compact` returns.
    table : ndarray
        The joint that each joint becomes, ``(22,)``.

    Returns
    -------
    ndarray
        A new array of the same shape.
    """
    mirrored = joints.copy()
    seen = joints[..., 2] > 0
    mirrored[..., 0] = np.where(seen, width - joints[..., 0], joints[..., 0])
    return mirrored[..., table, :]


def compact(joints: ndarray, padding: float = 0.25) -> ndarray:
    """Coordinates in a square box round all joints that are seen in a clip.

    The box has the centre of the tightest one, and its longer side times ``1 + padding``. The
    original (``PoseCompact``) also cuts the box to whole pixels, and leaves a clip as it is whose
    box is under 10 px; here the box is :data:`SMALLEST_BOX` wide then.

    Parameters
    ----------
    joints : ndarray
        ``(..., T, 22, 3)``, x and y in one unit; each ``(T, 22, 3)`` is a clip and has its own box.
    padding : float
        What is added to the sides, as a part of them.

    Returns
    -------
    ndarray
        A new array: 0..1 from left to right and from top to bottom; missing joints stay 0, 0, 0. A
        clip without a joint stays as it is.

    Taught in: 10, section 3.
    """
    seen = (joints[..., 2] > 0)[..., None]
    points = joints[..., :2]
    low = np.where(seen, points, np.inf).min(axis=(-3, -2), keepdims=True)  # (..., 1, 1, 2)
    high = np.where(seen, points, -np.inf).max(axis=(-3, -2), keepdims=True)
    some = np.isfinite(low)
    low = np.where(some, low, 0)
    high = np.where(some, high, 0)

    # one side for both axes, so that a person is not stretched
    side = (high - low).max(axis=-1, keepdims=True) * (1 + padding)
    corner = (low + high - np.maximum(side, SMALLEST_BOX)) / 2
    placed = (points - corner) / np.maximum(side, SMALLEST_BOX)
    compacted = joints.copy()
    compacted[..., :2] = np.where(seen, placed, points)
    return compacted
