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
CONES = {
    part: np.stack([np.concatenate([row.a, row.b, row.radii]) for row in rows])
    for part, rows in _PARTS.items()
}
"""Cones of each part, ``(P, 8)``."""


def cones(a: ndarray, b: ndarray, ra: ndarray | float, rb: ndarray | float) -> ndarray:
    """Cones ``(..., P, 8)`` from ends ``(..., P, 3)`` and radii that broadcast to ``(..., P)``."""
    columns = (*np.moveaxis(a, -1, 0), *np.moveaxis(b, -1, 0), ra, rb)
    return np.stack(np.broadcast_arrays(*columns), axis=-1)


def morph(part: str, frames: int, **weights: ndarray) -> ndarray:
    """Blend shapes: cones of a part plus ``weight (B,)`` times those of each change, ``(B, P, 8)``."""
    rows = np.repeat(CONES[part][None], frames, axis=0)
    for change, weight in weights.items():
        rows += weight[:, None, None] * CONES[f"{part}_{change}"]
    return rows


def paint(subject: Subject, part: str) -> ndarray:
    """Colours of the cones of a part, ``(S, P, 3)``: the subject's own times the tints of the table."""
    white = np.ones_like(subject.skin)
    colors = [row.tint * getattr(subject, row.color, white) for row in _PARTS[part]]
    return np.stack(colors, axis=1)


def to_world(rows: ndarray, matrix: ndarray, origin: ndarray, size: ndarray, thick: ndarray) -> ndarray:
    """Cones of a local frame in the world; ends scaled by ``size (B, 3)``, radii by ``thick (B,)``."""
    a, b = (turned(matrix, ends * size[:, None]) + origin[:, None] for ends in (rows[..., :3], rows[..., 3:6]))
    radii = rows[..., 6:] * thick[:, None, None]
    return np.concatenate([a, b, radii], axis=2)
