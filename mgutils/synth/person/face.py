"""The head as rounded cones: skull, jaw, cheeks, nose, eyes, brows, lips, ears, hair and cap.

Coordinates are those of the head's frame: origin at the atlas (where the skull sits on the neck), x to the subject's
left, y up, z to the nose; metres for a head of size 1.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mgutils.synth.person.pose import Pose
from mgutils.synth.person.subject import HAIR_STYLES, Subject

_NONE = (0, 0, 0, 0, 0, 0, 0, 0)
# Each row: end a (3), end b (3), radius at a, radius at b.
_SKULL = np.array([
    (0, 0.098, -0.030, 0, 0.100, 0.026, 0.078, 0.077),      # cranium
    (0, 0.085, 0.028, 0, 0.010, 0.044, 0.074, 0.053),       # face
    (-0.046, 0.022, 0.018, -0.007, -0.018, 0.055, 0.028, 0.030),  # jaw, right
    (0.046, 0.022, 0.018, 0.007, -0.018, 0.055, 0.028, 0.030),
    (0, 0.074, 0.098, 0, 0.040, 0.117, 0.009, 0.0145),      # nose
    (-0.081, 0.047, -0.008, -0.087, 0.075, -0.016, 0.011, 0.015),  # ears
    (0.081, 0.047, -0.008, 0.087, 0.075, -0.016, 0.011, 0.015),
], dtype=np.float64)
_HAIR_MASS = (0, 0.100, -0.036, 0, 0.116, 0.008, 0.084, 0.080)
_FRINGE = (-0.038, 0.158, 0.052, 0.038, 0.158, 0.052, 0.026, 0.026)
_SIDES = ((-0.064, 0.075, -0.020, -0.062, 0.125, 0.030, 0.024, 0.022),
          (0.064, 0.075, -0.020, 0.062, 0.125, 0.030, 0.024, 0.022))
_CURTAINS = ((-0.071, 0.120, 0.012, -0.092, -0.075, 0.008, 0.025, 0.027),
             (0.071, 0.120, 0.012, 0.092, -0.075, 0.008, 0.025, 0.027))
_BACK = (0, 0.060, -0.055, 0, -0.075, -0.060, 0.074, 0.070)
_CROWN = (0, 0.116, -0.034, 0, 0.124, 0.020, 0.083, 0.081)
_BRIM = ((-0.066, 0.124, 0.066, 0.066, 0.124, 0.066, 0.016, 0.016),
         (-0.056, 0.120, 0.104, 0.056, 0.120, 0.104, 0.014, 0.014),
         (-0.040, 0.113, 0.140, 0.040, 0.113, 0.140, 0.013, 0.013))
_NAPE = (0, 0.070, -0.036, 0, 0.090, -0.020, 0.079, 0.079)
# Eight slots a style: mass, fringe, sides, curtains or bun, back.
_HAIR = {
    "short": (_HAIR_MASS, _FRINGE, *_SIDES, _NONE, _NONE, _NONE, _NONE),
    "long": (_HAIR_MASS, _FRINGE, *_SIDES, *_CURTAINS, _BACK, _NONE),
    "bun": (_HAIR_MASS, (-0.036, 0.156, 0.048, 0.036, 0.156, 0.048, 0.025, 0.025), *_SIDES, _NONE, _NONE, _NONE,
            (0, 0.205, -0.040, 0, 0.215, -0.045, 0.036, 0.034)),
    "curly": ((0, 0.108, -0.038, 0, 0.128, 0.004, 0.096, 0.090),
              (-0.045, 0.166, 0.044, 0.045, 0.166, 0.044, 0.036, 0.036),
              (-0.078, 0.080, -0.020, -0.070, 0.135, 0.020, 0.032, 0.034),
              (0.078, 0.080, -0.020, 0.070, 0.135, 0.020, 0.032, 0.034), _NONE, _NONE, _NONE, _NONE),
    "cropped": ((0, 0.100, -0.034, 0, 0.110, 0.010, 0.081, 0.079), _NONE, *_SIDES, _NONE, _NONE, _NONE, _NONE),
}
_SLOTS = np.array([_HAIR[name] for name in HAIR_STYLES], dtype=np.float64)
_CAP = np.array([_CROWN, *_BRIM], dtype=np.float64)
_UNDER_CAP = np.array([[_NAPE, *_SIDES, _NONE]] + [[_NAPE, *_CURTAINS, _BACK]] + [[_NAPE, *_SIDES, _NONE]] * 3,
                      dtype=np.float64)

def _blank(frames: int, count: int) -> ndarray:
    """Rows for ``count`` shapes in each frame, all absent, ``(B, P, 8)``."""
    return np.zeros((frames, count, 8))


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
    skull = np.broadcast_to(_SKULL, (frames, *_SKULL.shape))
    tints = np.array([1, 1, 1, 1, 0.97, 0.95, 0.95])[:, None]
    groups = [(skull, skin * tints), _cheeks(skin, pose), _eyes(subject, pose), _mouth(skin, pose),
              _hair(subject, frames)]
    colors = [np.broadcast_to(color, (frames, rows.shape[1], 3)) for rows, color in groups]
    return np.concatenate([rows for rows, _ in groups], axis=1), np.concatenate(colors, axis=1)


def _cheeks(skin: ndarray, pose: Pose) -> tuple[ndarray, ndarray]:
    puff = pose.breath[:, 1]
    rows = _blank(len(pose), 2)
    for slot, sign in enumerate((-1.0, 1.0)):
        centre = np.stack([sign * (0.030 + 0.017 * puff), 0.034 - 0.020 * puff, 0.046 + 0.015 * puff], axis=-1)
        rows[:, slot, :3] = rows[:, slot, 3:6] = centre
        rows[:, slot, 6:] = (0.034 + 0.012 * puff)[:, None]
    warm = skin + (0.06, -0.03, -0.03) * puff[:, None, None]
    return rows, np.clip(np.repeat(warm, 2, axis=1), 0, 1)


def _eyes(subject: Subject, pose: Pose) -> tuple[ndarray, ndarray]:
    """Whites, irises, upper lids, brows: four shapes a side."""
    rows = _blank(len(pose), 8)
    for side, sign in enumerate((-1.0, 1.0)):
        white, iris, lid, brow = (rows[:, 4 * side + slot] for slot in range(4))
        white[:] = (0.026 * sign, 0.070, 0.090, 0.038 * sign, 0.070, 0.084, 0.0135, 0.0125)
        iris[:, 0] = iris[:, 3] = 0.031 * sign + 0.008 * pose.gaze[:, 0]
        iris[:, 1] = iris[:, 4] = 0.070 + 0.007 * pose.gaze[:, 1]
        iris[:, 2] = iris[:, 5] = 0.0945
        iris[:, 6:] = 0.0092
        lid[:] = (0.020 * sign, 0, 0.094, 0.044 * sign, 0, 0.083, 0.0095, 0.0095)
        lid[:, 1] = lid[:, 4] = 0.083 - 0.012 * pose.lids
        lid[:, 6:] += 0.005 * pose.lids[:, None]
        brow[:] = (0.015 * sign, 0.0965, 0.101, 0.048 * sign, 0.0955, 0.085, 0.0056, 0.0042)
        brow[:, [1, 4]] += 0.012 * pose.brow[:, None]
    skin = subject.skin[:, None]
    white = np.full_like(skin, 0.95)
    dark = 0.62 * subject.hair[:, None]
    side = np.concatenate([white, subject.eye[:, None], 0.86 * skin, dark], axis=1)
    return rows, np.concatenate([side, side], axis=1)


def _mouth(skin: ndarray, pose: Pose) -> tuple[ndarray, ndarray]:
    """Dark gap, upper lip, lower lip; the gap opens, the lips thin out when pressed."""
    opened, wide, press, purse = pose.mouth.T
    half = 0.018 * (1 + 0.28 * wide + 0.25 * press - 0.55 * purse)
    gap = 0.0026 + 0.013 * opened + 0.003 * purse
    thick = 0.0058 * (1 - 0.80 * press + 0.25 * purse)
    front = 0.0935 + 0.010 * purse - 0.004 * press
    rows = _blank(len(pose), 3)
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
    capped = np.concatenate([np.broadcast_to(_CAP, (len(subject), 4, 8)), _UNDER_CAP[subject.hair_style]], axis=1)
    rows = np.where(subject.cap[:, None, None], capped, _SLOTS[subject.hair_style])
    cloth = np.arange(8)[:, None] < 4
    shade = np.array([1, 0.8, 0.8, 0.8, 1, 1, 1, 1])[:, None]
    colors = np.where(subject.cap[:, None, None] & cloth, subject.trim[:, None] * shade, subject.hair[:, None])
    return np.broadcast_to(rows, (frames, 8, 8)), colors
