"""Sample the proportions, skin, hair, cap and clothes of a subject."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy import ndarray

from mgutils.synth.batched import Batched

HAIR_STYLES = ("short", "long", "bun", "curly", "cropped")
DETAILS = ("zip", "tie", "buttons")

_SKIN = np.array([[0.95, 0.80, 0.71], [0.89, 0.71, 0.59], [0.79, 0.59, 0.45], [0.63, 0.44, 0.32], [0.45, 0.30, 0.22]])
_HAIR = np.array([[0.12, 0.09, 0.08], [0.25, 0.16, 0.10], [0.43, 0.29, 0.17], [0.72, 0.56, 0.33], [0.50, 0.23, 0.13]])
_CLOTH = np.array([[0.18, 0.33, 0.62], [0.75, 0.20, 0.22], [0.20, 0.50, 0.38], [0.90, 0.90, 0.91], [0.28, 0.29, 0.34],
                   [0.93, 0.70, 0.22], [0.48, 0.30, 0.56], [0.35, 0.62, 0.78]])
_TRIM = np.array([[0.96, 0.96, 0.96], [0.12, 0.13, 0.17], [0.95, 0.80, 0.25], [0.85, 0.30, 0.28]])
_PROP = np.array([[0.20, 0.75, 0.85], [0.95, 0.55, 0.15], [0.55, 0.85, 0.30]])


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

    def wearing_cap(self, cap: bool = True) -> Subject:
        """The same subjects with a cap on, or off."""
        return replace(self, cap=np.full(len(self), cap))


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
    size = likeness * np.clip(rng.normal(size=6), -2, 2) * (0.035, 0.05, 0.08, 0.025, 0.03, 0.04)
    tone = _between(_SKIN, 1.2 + likeness * (4 * rng.random() - 1.2)) + likeness * rng.normal(0, 0.015, 3)
    own = rng.random(6)  # one draw a choice, compared with likeness
    hair, cloth, trim, prop = (_pick(table, draw, likeness) for table, draw in
                               zip((_HAIR, _CLOTH, _TRIM, _PROP), own[:4], strict=True))
    cloth = cloth + likeness * rng.normal(0, 0.04, 3)
    style, detail = rng.choice(5, p=(0.36, 0.24, 0.14, 0.12, 0.14)), rng.integers(3)
    cap, sleeves = rng.random() < 0.14, rng.random() < 0.5
    varied = own[4] < likeness
    colours = {"skin": tone, "hair": hair, "cloth": cloth, "trim": _apart(trim, cloth), "prop": prop,
               "eye": np.array([0.16, 0.11, 0.08]) + likeness * own[5] * np.array([0.05, 0.12, 0.2])}
    return Subject(
        **{name: np.array([1 + change]) for name, change in
           zip(("scale", "width", "girth", "head", "arm", "hand"), size, strict=True)},
        **{name: np.clip(colour, 0.03, 0.97)[None] for name, colour in colours.items()},
        hair_style=np.array([style if varied else 0]), detail=np.array([detail if varied else 0]),
        cap=np.array([bool(cap and varied)]), long_sleeves=np.array([bool(sleeves and varied)]))


def _between(table: ndarray, place: float) -> ndarray:
    """Colour at a fractional row of a table."""
    row = min(int(place), len(table) - 2)
    return table[row] + (place - row) * (table[row + 1] - table[row])


def _pick(table: ndarray, draw: float, likeness: float) -> ndarray:
    """A row of a table, pulled to the first one where the subjects are to be alike."""
    return table[0] + likeness * (table[int(draw * len(table))] - table[0])


def _apart(trim: ndarray, cloth: ndarray) -> ndarray:
    """A trim that can be seen on the cloth: dark on light, light on dark where the two are too near."""
    if np.abs(trim - cloth).sum() > 0.6:
        return trim
    return np.array([0.12, 0.13, 0.17]) if cloth.mean() > 0.5 else np.array([0.96, 0.96, 0.96])
