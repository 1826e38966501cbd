"""Sample the proportions, skin, hair, cap and clothes of a subject."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from mgutils.synth.batched import Batched
from mgutils.synth.tables import read_groups

HAIR_STYLES = ("short", "long", "bun", "curly", "cropped")
DETAILS = ("zip", "tie", "buttons")

_ROWS = read_groups("person/palette.csv", "part", ["color"])
_PALETTE = {part: np.stack([row.color for row in rows]) for part, rows in _ROWS.items()}
_SIZES = {"scale": 0.035, "width": 0.05, "girth": 0.08, "head": 0.025, "arm": 0.03, "hand": 0.04}
"""Standard deviations of the sizes."""


@dataclass(frozen=True)
class Subject(Batched):
    """``S`` subjects; every field has the subject first, as NumPy arrays.

    Parameters
    ----------
    scale, width, girth, head, arm, hand : ndarray
        Size of the trunk, breadth of the shoulders, depth of the trunk, size of the head, length of the arms, size of
        the hands, relative to the middle subject, ``(S,)``.
    skin, hair, cloth, trim, prop, eye : ndarray
        sRGB in 0..1, ``(S, 3)``.
    hair_style, detail : ndarray
        Positions in :data:`HAIR_STYLES` and :data:`DETAILS`, int, ``(S,)``.
    cap, long_sleeves : ndarray
        bool, ``(S,)``.
    """

    scale: ndarray
    width: ndarray
    girth: ndarray
    head: ndarray
    arm: ndarray
    hand: ndarray
    skin: ndarray
    hair: ndarray
    cloth: ndarray
    trim: ndarray
    prop: ndarray
    eye: ndarray
    hair_style: ndarray
    detail: ndarray
    cap: ndarray
    long_sleeves: ndarray


def sample_subject(rng: np.random.Generator, likeness: float = 1.0) -> Subject:
    """Draw one subject.

    Parameters
    ----------
    rng : Generator
        The same number of draws is made whatever ``likeness`` is.
    likeness : float
        0: every subject is the middle one; 1: subjects differ as people do.

    Returns
    -------
    Subject
        Of length 1.
    """
    change = likeness * np.clip(rng.normal(size=6), -2, 2) * tuple(_SIZES.values())
    sizes = dict(zip(_SIZES, 1 + change, strict=True))
    shade = 1.2 + likeness * (4 * rng.random() - 1.2)
    skin = [np.interp(shade, range(5), channel) for channel in _PALETTE["skin"].T]
    colors = {"skin": skin + likeness * rng.normal(0, 0.015, 3)}
    *picks, variety, iris = rng.random(6)
    for part, pick in zip(("hair", "cloth", "trim", "prop"), picks, strict=True):
        colors[part] = _pick(_PALETTE[part], pick, likeness)
    colors["cloth"] += likeness * rng.normal(0, 0.04, 3)
    colors["trim"] = _apart(colors["trim"], colors["cloth"])
    colors["eye"] = np.array([0.16, 0.11, 0.08]) + likeness * iris * np.array([0.05, 0.12, 0.2])
    looks = {
        "hair_style": rng.choice(len(HAIR_STYLES), p=(0.36, 0.24, 0.14, 0.12, 0.14)),
        "detail": rng.integers(len(DETAILS)),
        "cap": rng.random() < 0.14,
        "long_sleeves": rng.random() < 0.5,
    }
    varied = variety < likeness
    return Subject(
        **{name: np.array([size]) for name, size in sizes.items()},
        **{name: np.clip(color, 0.03, 0.97)[None] for name, color in colors.items()},
        **{name: np.array([look * varied]) for name, look in looks.items()},
    )


def _pick(table: ndarray, draw: float, likeness: float) -> ndarray:
    """A row of a table, pulled to the first one where the subjects are to be alike."""
    return table[0] + likeness * (table[int(draw * len(table))] - table[0])


def _apart(trim: ndarray, cloth: ndarray) -> ndarray:
    """A trim that can be seen on the cloth: dark on light, light on dark where the two are too near."""
    if np.abs(trim - cloth).sum() > 0.6:
        return trim
    light, dark = _PALETTE["trim"][:2]
    return dark if cloth.mean() > 0.5 else light
