"""Rounded cones, cameras and projection.

A rounded cone is the convex hull of two spheres; a sphere is one whose ends coincide. All is batched over frames.

World: right-handed, metres, x to the viewer's right, y up, z toward the camera. Camera space: x right, y up, z forward.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mgutils.synth.batched import Batched


@dataclass(frozen=True)
class Shapes(Batched):
    """Rounded cones, ``P`` in each of ``B`` frames.

    Parameters
    ----------
    a, b : Tensor
        Centres of the two end spheres, metres, ``(B, P, 3)``. Equal ends make a sphere.
    ra, rb : Tensor
        Their radii, metres, ``(B, P)``. A shape with both radii at 0 or below is absent.
    color : Tensor
        sRGB in 0..1, ``(B, P, 3)``.
    """

    a: Tensor
    b: Tensor
    ra: Tensor
    rb: Tensor
    color: Tensor


@dataclass(frozen=True)
class Camera(Batched):
    """A pinhole camera with square pixels and the world's y upward in the picture.

    Parameters
    ----------
    position, target : Tensor
        Where it stands and what the middle of the picture shows, metres, ``(B, 3)``.
    fov : Tensor
        Vertical (and horizontal) angle of view, degrees, ``(B,)``.
    """

    position: Tensor
    target: Tensor
    fov: Tensor

    @property
    def slope(self) -> Tensor:
        """Tangent of half the angle of view, ``(B,)``."""
        return torch.tan(torch.deg2rad(self.fov) / 2)

    @property
    def basis(self) -> Tensor:
        """Rows right, up, forward, as unit vectors of the world, ``(B, 3, 3)``."""
        forward = torch.nn.functional.normalize(self.target - self.position, dim=1)
        upward = torch.zeros_like(forward)
        upward[:, 1] = 1
        right = torch.nn.functional.normalize(torch.linalg.cross(forward, upward), dim=1)
        return torch.stack([right, torch.linalg.cross(right, forward), forward], dim=1)

    def view(self, points: Tensor) -> Tensor:
        """World points to camera space, planar: ``(3, B, K)`` to ``(3, B, K)``."""
        offset = points - self.position.T[:, :, None]
        rows = self.basis.permute(1, 2, 0)[..., None]  # (3, 3, B, 1)
        return torch.stack([dot(offset, row) for row in rows])


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Scalar products of planar vectors, ``(3, ...)``."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def project(points: Tensor, camera: Camera, size: int) -> tuple[Tensor, Tensor]:
    """Where world points fall in the picture.

    Parameters
    ----------
    points : Tensor
        Metres, ``(B, K, 3)``.
    camera : Camera
        ``B`` frames.
    size : int
        Side of the picture in pixels.

    Returns
    -------
    uv : Tensor
        Pixels from the left and from the top edge, ``(B, K, 2)``: the centre of the top left pixel is (0.5, 0.5).
    z : Tensor
        Depth along the optical axis, metres, ``(B, K)``; below zero behind the camera, where uv means nothing.
    """
    x, y, z = camera.view(points.permute(2, 0, 1))
    scale = size / 2 / (camera.slope[:, None] * z)
    return torch.stack([size / 2 + x * scale, size / 2 - y * scale], dim=2), z
