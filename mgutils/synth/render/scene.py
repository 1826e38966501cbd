"""Sample the room of a video: wall of sponsor tiles, table, microphone, lights, camera.

How they look is in ``shading``.
"""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy import ndarray
from numpy.typing import ArrayLike

from mgutils.synth.render.geometry import Camera, Shapes
from mgutils.synth.render.shading import Scene
from mgutils.synth.tables import read_table

TABLE_Z = (0.28, 1.0)
_TABLE = read_table("render/colors.csv", ["color"])
_COLORS = {thing: list(colors) for thing, colors in _TABLE.groupby("thing")["color"]}
_CONES = read_table("render/microphone.csv", ["a", "b", "radii"])
_MICROPHONE = np.stack([_CONES["a"].tolist(), _CONES["b"].tolist()], axis=1)
_MICROPHONE_RADII = _CONES["radii"].tolist()


@dataclass(frozen=True)
class Jitter:
    """Random values around defaults: at ``likeness`` 0 all are the default, at 1 as sampled.

    The generator is asked for the same numbers whatever the likeness, so that likeness changes nothing but itself.
    """

    rng: np.random.Generator
    likeness: float

    def uniform(self, default: ArrayLike, spread: ArrayLike) -> ndarray:
        """``default`` plus up to ``spread`` either way."""
        return default + self.likeness * self.rng.uniform(-1, 1, np.shape(default)) * spread

    def choose(self, default: Any, options: list) -> Any:
        """One of ``options`` with probability ``likeness``, else the default."""
        chance = self.rng.random()
        pick = options[self.rng.integers(len(options))]
        return pick if chance < self.likeness else default


def hsv(hue: float, saturation: float, value: float) -> tuple[float, float, float]:
    """sRGB of a hue (in turns), saturation and value, each clipped to its range."""
    return colorsys.hsv_to_rgb(hue % 1, *np.clip((saturation, value), 0, 1))


def sample_scene(rng: np.random.Generator, *, likeness: float = 1.0) -> tuple[Scene, Camera]:
    """Draw the room and the camera of a video.

    Parameters
    ----------
    rng : numpy.random.Generator
        Asked for the same numbers whatever ``likeness``.
    likeness : float
        How much videos differ: 0 gives every video the same room, light and camera; 1 is as in life.

    Returns
    -------
    scene : Scene
        One frame.
    camera : Camera
        One frame, looking at the subject above a table.
    """
    jitter = Jitter(rng, likeness)
    values = _lights(jitter) | _wall(jitter) | _table(jitter)
    tensors = {name: _tensor(value)[None] for name, value in values.items()}
    props = _microphone(jitter, values["table_y"])
    return Scene(**tensors, props=props), _camera(jitter)


def _tensor(value: ArrayLike) -> torch.Tensor:
    return torch.tensor(np.asarray(value), dtype=torch.float32)


def _lights(jitter: Jitter) -> dict[str, Any]:
    """Key light from above and one side, fill from the other."""
    side = jitter.choose(1.0, [-1.0, 1.0])
    azimuth, height = jitter.uniform((0.65, 0.75), (0.3, 0.18))
    warmth, power = jitter.uniform((0.0, 0.92), (0.05, 0.05))
    tint = np.array([1 + warmth, 1.0, 1 - warmth])
    across = side * math.sin(azimuth) * math.cos(height)
    return {
        "light": (across, math.sin(height), math.cos(azimuth) * math.cos(height)),
        "key": power * tint,
        "fill": 0.46 * (2 - tint) + jitter.uniform(0, 0.05),
        "ambient": np.full(3, 0.54 + jitter.uniform(0, 0.05)),
    }


def _wall(jitter: Jitter) -> dict[str, Any]:
    """Tiles of a few sponsors in shades of one hue, dark on light or light on dark, one accent colour."""
    hue, shade, accent = jitter.uniform((0.6, 0.0, 0.02), (0.5, 0.07, 0.5))
    bright = jitter.choose(True, [True, True, False])
    if bright:
        base = 0.82 + shade
        step = -0.05
        saturation = jitter.uniform(0.08, 0.06)
    else:
        base = 0.28 + shade
        step = 0.06
        saturation = jitter.uniform(0.5, 0.25)
    tiles = []
    inks = []
    logos = []
    for sponsor, letters in enumerate((4, 0, 6, 3, 5)):
        odd = sponsor % 2
        tiles.append(hsv(hue, saturation, base + step * odd))
        ink = accent + jitter.uniform(0.0, 0.08) if odd else hue
        inks.append(hsv(ink, 0.45 if bright else 0.35 * odd, 0.58 if bright else 0.68))
        kind = jitter.choose(sponsor % 3, [0, 1, 2])
        hole = jitter.choose(0.5 * odd, [0.0, 0.0, 0.55])
        stretch = jitter.uniform(1.0, 0.3)
        logos.append((kind, hole, stretch, jitter.choose(letters, [0, 3, 4, 5, 6])))
    width, ratio, left, low, z = jitter.uniform((0.42, 0.52, 0.0, 0.0, -0.75), (0.1, 0.08, 0.3, 0.2, 0.2))
    return {
        "wall_z": z,
        "wall": hsv(hue, saturation, base + 0.5 * step),
        "tile": (width, width * ratio),
        "tile_offset": (left, low),
        "tile_color": tiles,
        "logo_color": inks,
        "logo": logos,
    }


def _table(jitter: Jitter) -> dict[str, Any]:
    """A cloth or wooden top between the subject and the camera."""
    cloth = jitter.choose((0.32, 0.35, 0.42), _COLORS["table"])
    return {"table_y": jitter.uniform(0.12, 0.015), "table_z": TABLE_Z, "table_color": cloth}


def _microphone(jitter: Jitter, table_y: float) -> Shapes:
    """A microphone that leans from the table toward the subject's mouth, ``(1, 4)``.

    ``microphone.csv`` has its cones: of each end, the share of the foot's distance from the middle at which it stands,
    and its height above the table, in metres and in heights of the microphone.
    """
    side = jitter.choose(1.0, [-1.0, 1.0])
    x, z, height = jitter.uniform((0.21, 0.44, 0.16), (0.07, 0.04, 0.03))
    foam = jitter.choose((0.12, 0.12, 0.13), _COLORS["foam"])
    share, low, lift = _MICROPHONE.T  # each (2, 4)
    one = np.ones_like(share)
    scale = np.stack([share, one, one], axis=-1)
    shift = np.stack([0 * one, low + lift * height, (share - 1) * 0.2], axis=-1)
    ends = _tensor((side * x, table_y, z)) * _tensor(scale) + _tensor(shift)
    color = _tensor([(0.25, 0.25, 0.27)] * 3 + [foam])
    parts = *ends, *_tensor(_MICROPHONE_RADII).T, color
    return Shapes(*(part[None] for part in parts))


def _camera(jitter: Jitter) -> Camera:
    """In front of the subject, a little above the chest, the head and the table in the picture."""
    position = jitter.uniform((0.0, 0.68, 1.87), (0.25, 0.1, 0.08))
    target = jitter.uniform((0.0, 0.455, 0.1), (0.03, 0.01, 0.0))
    fov = jitter.uniform(32.0, 1.0)
    return Camera(*(_tensor(value)[None] for value in (position, target, fov)))
