"""Rounded cones in tables: how the parts of the body look, change and are coloured.

A cone is a row of eight numbers: end a (3), end b (3), radius at a, radius at b; metres. Tables are in ``cones.csv``;
``<part>_<change>`` is what is added to a part where a change (a puffed cheek, a closed lid) is complete.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mgutils.synth.person.skeleton import turned
from mgutils.synth.person.subject import Subject
from mgutils.synth.tables import read_groups

_PARTS = read_groups("person/cones.csv", "part", ("a", "b", "radii", "tint"))
CONES = {part: np.stack([np.concatenate([row.a, row.b, row.radii]) for row in rows]) for part, rows in _PARTS.items()}
"""Cones of each part, ``(P, 8)``."""


def cones(a: ndarray, b: ndarray, ra: ndarray | float, rb: ndarray | float) -> ndarray:
    """Cones ``(..., P, 8)`` from ends ``(..., P, 3)`` and radii that broadcast to ``(..., P)``."""
    radii = np.stack(np.broadcast_arrays(ra, rb), axis=-1)
    shape = np.broadcast_shapes(a.shape[:-1], b.shape[:-1], radii.shape[:-1])
    parts = [np.broadcast_to(part, (*shape, part.shape[-1])) for part in (a, b, radii)]
    return np.concatenate(parts, axis=-1)


def morph(part: str, frames: int, **weights: ndarray) -> ndarray:
    """Blend shapes: cones of a part plus ``weight (B,)`` times those of each change, ``(B, P, 8)``."""
    rows = np.repeat(CONES[part][None], frames, axis=0)
    for change, weight in weights.items():
        rows += weight[:, None, None] * CONES[f"{part}_{change}"]
    return rows


def paint(subject: Subject, part: str) -> ndarray:
    """Colours of the cones of a part, ``(S, P, 3)``: the subject's own times the tints of the table."""
    white = np.ones_like(subject.skin)
    return np.stack([row.tint * getattr(subject, row.color, white) for row in _PARTS[part]], axis=1)


def to_world(rows: ndarray, matrix: ndarray, origin: ndarray, size: ndarray, thick: ndarray) -> ndarray:
    """Cones of a local frame in the world; ends scaled by ``size (B, 3)``, radii by ``thick (B,)``."""
    ends = rows[..., :6].reshape(len(rows), -1, 3) * size[:, None]
    ends = turned(matrix, ends) + origin[:, None]
    radii = rows[..., 6:] * thick[:, None, None]
    return np.concatenate([ends.reshape(*rows.shape[:2], 6), radii], axis=2)
