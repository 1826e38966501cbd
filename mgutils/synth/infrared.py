"""Infrared pictures from depth: what a camera sees by the light of a lamp beside its own lens.

Such a picture knows no colour and no light of the room. A surface is bright where it is near and faces the camera: its
brightness is the cosine between its normal and the line of sight, divided by the square of its distance. Both follow
from the depth map.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

STRENGTH = 400.0
"""Brightness of a surface that faces the camera at a distance of 1 m; one constant for all pictures, since a picture
that is scaled by its own brightest pixel no longer says how far away anything is. White (255) is reached at 1.25 m."""


def shade_head_on(depth: ndarray, fov: ndarray) -> ndarray:
    """Shade surfaces by a lamp at the camera.

    Parameters
    ----------
    depth : ndarray (n, S, S)
        Metres along the optical axis, above 0.
    fov : ndarray (n,)
        Vertical (and horizontal) angle of view, degrees.

    Returns
    -------
    ndarray (n, S, S) of uint8
        :data:`STRENGTH` times cos(normal, line of sight) / distance^2, cut off at 255.
    """
    points = camera_points(depth, fov)
    normal = np.cross(_tangent(points, axis=2), _tangent(points, axis=1))
    squared = np.square(points).sum(axis=3)  # distance^2
    cosine = np.abs((normal * points).sum(axis=3)) / (np.linalg.norm(normal, axis=3) * np.sqrt(squared))
    return np.rint(np.minimum(STRENGTH * cosine / squared, 255)).astype(np.uint8)


def camera_points(depth: ndarray, fov: ndarray) -> ndarray:
    """Where the centre of each pixel lies in camera space (x right, y up, z forward), metres, ``(n, S, S, 3)``."""
    side = depth.shape[-1]
    slope = np.tan(np.radians(np.asarray(fov, dtype=np.float64)) / 2)[:, None, None]
    place = (2 * np.arange(side) + 1) / side - 1  # -1..1, at the centres of the pixels
    z = depth.astype(np.float64)
    return np.stack([z * slope * place, -z * slope * place[:, None], z], axis=3)


def _tangent(points: ndarray, axis: int) -> ndarray:
    """Step to a neighbouring pixel's point: of the two neighbours the one that is nearer in depth.

    A central difference would join a hand to the wall behind it, and shade the rim of the hand as a steep surface.
    """
    step = np.diff(points, axis=axis)
    first = np.take(step, [0], axis=axis)
    last = np.take(step, [-1], axis=axis)
    ahead = np.concatenate([step, last], axis=axis)
    behind = np.concatenate([first, step], axis=axis)
    return np.where(np.abs(ahead[..., 2:]) <= np.abs(behind[..., 2:]), ahead, behind)
