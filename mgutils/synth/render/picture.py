"""Render RGB and depth, and tell which keypoints are visible.

``render`` casts rays at rounded cones (``raycast``) and colours what they meet (``shading``), a few at a time. It
runs on the CPU or a GPU, in single or double precision; the same chunk gives the same bytes, whatever the number of
threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import product

import torch
from torch import Tensor

from mgutils.synth.batched import Batched
from mgutils.synth.render.geometry import Camera, Shapes, dot, project
from mgutils.synth.render.raycast import cones_of, normal_of, ray_grid, raycast
from mgutils.synth.render.shading import Scene, contact, light_up, lit_share, room, wall_color

RAYS_AT_ONCE = 1 << 16
"""On the CPU the arrays of a chunk should stay in a core's cache."""
RAYS_ON_GPU = 1 << 22
KNEE = 0.6
"""Linear brightness from which highlights are compressed, so that light skin keeps its shape."""
TOLERANCE = 0.015
"""How much nearer than the flesh around a keypoint a surface may be before it hides it, metres."""


@dataclass(frozen=True)
class Rendering(Batched):
    """What :func:`render` returns.

    Parameters
    ----------
    rgb : Tensor
        uint8, ``(B, S, S, 3)``.
    depth : Tensor
        Metres along the optical axis to the nearest thing that a pixel shows, float32, ``(B, S, S)``.
    """

    rgb: Tensor
    depth: Tensor


@torch.no_grad()
def render(shapes: Shapes, camera: Camera, scene: Scene, size: int, samples: int = 2) -> Rendering:
    """Draw ``B`` frames.

    Parameters
    ----------
    shapes, camera, scene
        ``B`` frames each, of one device and dtype.
    size : int
        Side of the pictures, pixels.
    samples : int
        Rays along each side of a pixel; 1 draws without anti-aliasing.
    """
    rays = RAYS_AT_ONCE if shapes.a.device.type == "cpu" else RAYS_ON_GPU
    chunk = max(1, rays // (size * samples) ** 2)
    shapes = Shapes.join([shapes, scene.props], dim=1)
    parts = []
    for start in range(0, len(shapes), chunk):
        rows = slice(start, start + chunk)
        parts.append(_render(shapes[rows], camera[rows], scene[rows], size, samples))
    return Rendering.join(parts)


def _render(
    shapes: Shapes,
    camera: Camera,
    scene: Scene,
    size: int,
    samples: int,
) -> Rendering:
    """One chunk of frames."""
    rays = size * samples
    x, y, direction = _rays(camera, rays)
    origin = camera.position.T[:, :, None]
    cones = cones_of(shapes, camera)
    near, index = raycast(cones, camera.slope, rays)
    depth, part = room(scene, origin, direction)
    on_shape = near < depth
    depth = torch.where(on_shape, near, depth)
    points = origin + depth * direction

    # normal and linear colour of the room, each (3, B, M); the wall only where it is seen
    upward = (part == 1).to(depth)
    normal = torch.stack([torch.zeros_like(depth), upward, 1 - upward])
    table = scene.table_color.T[:, :, None] ** 2
    albedo = torch.where(part == 2, table * 0.6, table).contiguous()
    seen = ((part == 0) & ~on_shape).flatten().nonzero()[:, 0]
    across, height, _ = _at(points, seen)
    color = wall_color(scene, seen // rays**2, across, height)
    albedo.view(3, -1).index_copy_(1, seen, color)

    # those of the shapes that are seen
    seen = on_shape.flatten().nonzero()[:, 0]
    shape = _at(index, seen)
    table = cones.table.index_select(1, shape)
    local = normal_of(table, _at(x, seen), _at(y, seen), _at(depth, seen))
    basis = camera.basis.permute(1, 2, 0).contiguous()
    basis = basis.index_select(2, seen // rays**2)  # right, up, forward: each (3, N)
    normal.view(3, -1).index_copy_(1, seen, dot(local, basis))
    color = shapes.color.flatten(0, 1).T ** 2
    albedo.view(3, -1).index_copy_(1, seen, color.index_select(1, shape))

    toward = direction * (-1 / torch.sqrt(x * x + y * y + 1))
    hidden = contact(depth, rays) * torch.where(on_shape, 1.0, 0.6)
    lit = lit_share(shapes, scene, points)
    color = light_up(scene, albedo, normal, toward, lit, hidden)
    return _develop(color.view(3, -1, rays, rays), depth.view(-1, rays, rays), samples)


def _rays(camera: Camera, rays: int) -> tuple[Tensor, Tensor, Tensor]:
    """Directions of ``rays ** 2`` rays of a frame, of length 1 along the optical axis.

    Returns
    -------
    x, y : Tensor
        Camera space, ``(B, M)``.
    direction : Tensor
        World space, ``(3, B, M)``.
    """
    grid = camera.slope[:, None] * ray_grid(rays, camera.slope)
    x = grid[:, None, :].expand(-1, rays, -1).flatten(1)
    y = -grid[:, :, None].expand(-1, -1, rays).flatten(1)
    right, up, forward = camera.basis.permute(1, 2, 0)[..., None]  # each (3, B, 1)
    return x, y, right * x + up * y + forward


def _at(values: Tensor, seen: Tensor) -> Tensor:
    """Values ``(..., B, M)`` of the rays with these numbers, ``(..., N)``; much faster than a mask."""
    return values.flatten(-2).index_select(-1, seen)


def _develop(color: Tensor, depth: Tensor, samples: int) -> Rendering:
    """Bend highlights over, average the rays of a pixel in linear light; keep the nearest depth."""
    over = (color - KNEE).clamp_min(0)
    color = color - over + over * (1 - KNEE) / (over + 1 - KNEE)
    color = color.clamp(0, 1)
    offsets = product(range(samples), repeat=2)
    parts = [(..., slice(i, None, samples), slice(j, None, samples)) for i, j in offsets]
    light = sum(color[part] for part in parts) / samples**2
    rgb = torch.sqrt(light) * 255 + 0.5
    nearest = reduce(torch.minimum, (depth[part] for part in parts))
    return Rendering(rgb.to(torch.uint8).permute(1, 2, 3, 0).contiguous(), nearest.float())


def visible(points: Tensor, radius: Tensor, camera: Camera, depth: Tensor) -> Tensor:
    """Whether keypoints can be seen: inside the picture, and nothing before the flesh around them.

    Parameters
    ----------
    points : Tensor
        Metres, ``(B, K, 3)``.
    radius : Tensor
        How deep each keypoint lies under the surface, metres, ``(K,)``.
    camera : Camera
        The one that drew the picture.
    depth : Tensor
        Its depth, ``(B, S, S)``.

    Returns
    -------
    Tensor
        bool, ``(B, K)``.
    """
    size = depth.shape[-1]
    uv, z = project(points, camera, size)
    inside = ((uv >= 0) & (uv < size)).all(dim=2) & (z > 0)
    pixel = torch.where(inside[..., None], uv, 0).long()
    seen = depth.flatten(1).gather(1, pixel[..., 1] * size + pixel[..., 0])
    return inside & (seen >= z - radius - TOLERANCE)
