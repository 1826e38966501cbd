"""The head as rounded cones: skull, jaw, cheeks, nose, eyes, brows, lips, ears, hair and cap.

Coordinates are those of the head's frame: origin at the atlas (where the skull sits on the neck), x to the subject's
left, y up, z to the nose; metres for a head of size 1.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mgutils.synth.person.pose import Pose
from mgutils.synth.person.subject import HAIR_STYLES, Subject
from mgutils.synth.tables import read_table

CONES = {part: np.stack([np.concatenate(row[2:5]) for row in rows.itertuples()])
         for part, rows in read_table("person/cones.csv", ("a", "b", "radii")).groupby("part")}
"""Rows of each part: end a (3), end b (3), radius at a, radius at b; ``(P, 8)``."""
_HAIR, _UNDER_CAP = (np.stack([CONES[part + style] for style in HAIR_STYLES]) for part in ("hair_", "under_cap_"))


def _morph(part: str, **weights: ndarray) -> ndarray:
    """Blend shapes: rows of a part plus ``weight (B,)`` times the rows of its change, ``(B, P, 8)``."""
    rows = CONES[part]
    for change, weight in weights.items():
        rows = rows + weight[:, None, None] * CONES[f"{part}_{change}"]
    return rows


def head_rows(subject: Subject, pose: Pose) -> tuple[ndarray, ndarray]:
    """All shapes of the head.

    Returns
    -------
    rows : ndarray
        End a, end b, two radii, ``(B, P, 8)``, in the head's frame, for a head of size 1.
    colors : ndarray
        ``(B, P, 3)``.
    """
    frames = len(pose)
    skin = subject.skin[:, None]
    skull = np.broadcast_to(CONES["skull"], (frames, 7, 8))
    tints = np.array([1, 1, 1, 1, 0.97, 0.95, 0.95])[:, None]
    groups = [(skull, skin * tints), _cheeks(skin, pose), _eyes(subject, pose), _mouth(skin, pose),
              _hair(subject, frames)]
    colors = [np.broadcast_to(color, (frames, rows.shape[1], 3)) for rows, color in groups]
    return np.concatenate([rows for rows, _ in groups], axis=1), np.concatenate(colors, axis=1)


def _cheeks(skin: ndarray, pose: Pose) -> tuple[ndarray, ndarray]:
    puff = pose.breath[:, 1]
    warm = skin + (0.06, -0.03, -0.03) * puff[:, None, None]
    return _morph("cheeks", puff=puff), np.clip(np.repeat(warm, 2, axis=1), 0, 1)


def _eyes(subject: Subject, pose: Pose) -> tuple[ndarray, ndarray]:
    """Whites, irises, upper lids, brows: four shapes a side."""
    rows = _morph("eyes", left=pose.gaze[:, 0], up=pose.gaze[:, 1], lids=pose.lids, brow=pose.brow)
    white = np.full_like(subject.skin, 0.95)
    side = np.stack([white, subject.eye, 0.86 * subject.skin, 0.62 * subject.hair], axis=1)
    return rows, np.concatenate([side, side], axis=1)


def _mouth(skin: ndarray, pose: Pose) -> tuple[ndarray, ndarray]:
    """Dark gap, upper lip, lower lip; the gap opens, the lips thin out when pressed."""
    opened, wide, press, purse = pose.mouth.T
    half = 0.018 * (1 + 0.28 * wide + 0.25 * press - 0.55 * purse)
    gap = 0.0026 + 0.013 * opened + 0.003 * purse
    thick = 0.0058 * (1 - 0.80 * press + 0.25 * purse)
    front = 0.0935 + 0.010 * purse - 0.004 * press
    rows = np.zeros((len(pose), 3, 8))
    for slot, (rise, radius, depth) in enumerate(((0 * gap, np.maximum(gap, 0.0046 * press), front + 0.007 * press),
                                                  (gap + 0.4 * thick, thick, front),
                                                  (-gap - 0.4 * thick, 1.15 * thick, front))):
        rows[:, slot, 0], rows[:, slot, 3] = -half, half
        rows[:, slot, [1, 4]] = (0.002 + rise)[:, None]
        rows[:, slot, [2, 5]] = depth[:, None]
        rows[:, slot, 6:] = radius[:, None]
    lip = np.clip(skin * (0.86, 0.58, 0.58), 0, 1)
    dark = np.clip(skin * (0.35, 0.18, 0.18), 0, 1)
    return rows, np.concatenate([dark, lip, lip * 1.05], axis=1)


def _hair(subject: Subject, frames: int) -> tuple[ndarray, ndarray]:
    """Eight slots: hair alone, or a cap (four slots) and the hair that shows below it (four slots)."""
    cap = np.broadcast_to(CONES["cap"], (len(subject), 4, 8))
    capped = np.concatenate([cap, _UNDER_CAP[subject.hair_style]], axis=1)
    rows = np.where(subject.cap[:, None, None], capped, _HAIR[subject.hair_style])
    cloth = np.arange(8)[:, None] < 4
    shade = np.array([1, 0.8, 0.8, 0.8, 1, 1, 1, 1])[:, None]
    colors = np.where(subject.cap[:, None, None] & cloth, subject.trim[:, None] * shade, subject.hair[:, None])
    return np.broadcast_to(rows, (frames, 8, 8)), colors
