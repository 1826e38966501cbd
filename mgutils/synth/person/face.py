"""The head as rounded cones: skull, jaw, cheeks, nose, eyes, brows, lips, ears, hair and cap.

Coordinates are those of the head's frame: origin at the atlas (where the skull sits on the neck), x to the subject's
left, y up, z to the nose; metres for a head of size 1.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mgutils.synth.person.cones import CONES, morph, paint, to_world
from mgutils.synth.person.pose import DIRECTIONS, Pose
from mgutils.synth.person.skeleton import HEAD_SIZE, Skeleton
from mgutils.synth.person.subject import HAIR_STYLES, Subject

_BARE = np.stack([CONES[f"hair_{style}"] for style in HAIR_STYLES])
_CAPPED = np.stack([np.concatenate([CONES["cap"], CONES[f"under_cap_{style}"]]) for style in HAIR_STYLES])


def head(subject: Subject, pose: Pose, skeleton: Skeleton) -> tuple[ndarray, ndarray]:
    """Cones of the head, ``(B, 28, 8)``, and their colours, ``(B, 28, 3)``."""
    frames = len(pose)
    puff = pose.breath[:, 1]
    flush = puff[:, None, None] * (0.06, -0.03, -0.03)
    looks = _named(pose, "gaze") | {"lids": pose.lids, "brow": pose.brow}
    hair, hair_color = _hair(subject)
    rows = [
        morph("skull", frames),
        morph("cheeks", frames, puff=puff),
        morph("eyes", frames, **looks),
        _mouth(pose),
        hair,
    ]
    colors = [
        paint(subject, "skull"),
        np.clip(paint(subject, "cheeks") + flush, 0, 1),
        paint(subject, "eyes"),
        paint(subject, "mouth"),
        hair_color,
    ]
    size = HEAD_SIZE * subject.head
    whole = to_world(np.concatenate(rows, axis=1), skeleton.head, skeleton.atlas, size[:, None], size)
    return whole, np.concatenate(colors, axis=1)


def _named(pose: Pose, part: str) -> dict[str, ndarray]:
    """The columns of a part of the pose by their names."""
    return dict(zip(DIRECTIONS[part], getattr(pose, part).T, strict=True))


def _mouth(pose: Pose) -> ndarray:
    """Dark gap, upper lip, lower lip; the gap opens, the lips thin out when pressed."""
    change = _named(pose, "mouth")
    rows = morph("mouth", len(pose), **change)
    rows[:, 0, 6:] = np.maximum(rows[:, 0, 6:], 0.0046 * change["press"][:, None])
    return rows


def _hair(subject: Subject) -> tuple[ndarray, ndarray]:
    """Eight cones: hair alone, or a cap (four) and the hair that shows below it (four)."""
    style = subject.hair_style
    cap = subject.cap[:, None, None]
    capped = np.concatenate([paint(subject, "cap"), paint(subject, "under_cap_short")], axis=1)
    color = np.where(cap, capped, paint(subject, "hair_short"))
    return np.where(cap, _CAPPED[style], _BARE[style]), color
