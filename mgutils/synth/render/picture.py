"""Render RGB and depth, and tell which keypoints are visible.

``render`` casts rays at rounded cones (``raycast``) and colours what they meet (``shading``), a few at a time. It
runs on the CPU or a GPU, in single or double precision; the same chunk gives the same bytes, whatever the number of
threads.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mgutils.synth.batched import Batched
from mgutils.synth.render.geometry import Camera, Shapes, project
from mgutils.synth.render.raycast import cones_of, normal_of, ray_grid, raycast
from mgutils.synth.render.shading import Scene, contact, light_up, lit_share, room, shadow_map, wall_color

__all__ = ["Camera", "Rendering", "Scene", "Shapes", "project", "render", "visible"]

RAYS_AT_ONCE = {"cpu": 1 << 16, "cuda": 1 << 22}
"""On the CPU the arrays of a chunk should stay in a core's cache."""
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

    Raises
    ------
    ValueError
        If the batches differ in length, or a size is below 1.
    """
    if not len(shapes) == len(camera) == len(scene):
        raise ValueError(f"frames of shapes, camera, scene: {len(shapes)}, {len(camera)}, {len(scene)}; want one")
    if size < 1 or samples < 1:
        raise ValueError(f"size {size} and samples {samples} must be at least 1")
    chunk = max(1, RAYS_AT_ONCE.get(shapes.a.device.type, 1 << 20) // (size * samples) ** 2)
    shapes = Shapes.cat([shapes, scene.props])
    parts = [_render(shapes[i:i + chunk], camera[i:i + chunk], scene[i:i + chunk], size, samples)
             for i in range(0, len(shapes), chunk)]
    return Rendering.join(parts) if parts else _empty(shapes.a.device, size)


def _empty(device: torch.device, size: int) -> Rendering:
    return Rendering(torch.zeros(0, size, size, 3, dtype=torch.uint8, device=device),
                     torch.zeros(0, size, size, device=device))


def _render(shapes: Shapes, camera: Camera, scene: Scene, size: int, samples: int) -> Rendering:
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
    normal, albedo = _room_surface(scene, part, points, on_shape)
    _put_shapes(normal, albedo, on_shape, cones.table, shapes, camera, index, x, y, depth)
    toward = direction * (-1 / torch.sqrt(x * x + y * y + 1))
    hidden = contact(depth, rays) * torch.where(on_shape, 1.0, 0.6)
    lit = lit_share(shadow_map(shapes, scene), points)
    return _develop(light_up(scene, albedo, normal, toward, lit, hidden), depth, size, samples)


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


def _room_surface(scene: Scene, part: Tensor, points: Tensor, covered: Tensor) -> tuple[Tensor, Tensor]:
    """Normal and linear colour of the room at its points, each ``(3, B, M)``; the wall is left blank where covered."""
    normal = torch.stack([torch.zeros_like(points[0]), (part == 1).to(points), (part != 1).to(points)])
    table = scene.table_color.T[:, :, None] ** 2
    albedo = torch.where(part == 2, table * 0.6, table).contiguous()
    seen = ((part == 0) & ~covered).view(-1).nonzero()[:, 0]
    x, y = points[0].reshape(-1).index_select(0, seen), points[1].reshape(-1).index_select(0, seen)
    albedo.view(3, -1).index_copy_(1, seen, wall_color(scene, seen // part.shape[1], x, y))
    return normal, albedo


def _put_shapes(normal: Tensor, albedo: Tensor, on_shape: Tensor, table: Tensor, shapes: Shapes, camera: Camera,
                index: Tensor, x: Tensor, y: Tensor, depth: Tensor) -> None:
    """Write normals and colours of the shapes that are seen into ``normal`` and ``albedo``."""
    seen = on_shape.view(-1).nonzero()[:, 0]
    shape = index.view(-1).index_select(0, seen)
    x, y, depth = (value.reshape(-1).index_select(0, seen) for value in (x, y, depth))
    local = normal_of(table.index_select(1, shape), x, y, depth)
    basis = camera.basis.reshape(-1, 9).T.contiguous().index_select(1, seen // on_shape.shape[1])
    world = torch.stack([local[0] * basis[i] + local[1] * basis[3 + i] + local[2] * basis[6 + i] for i in range(3)])
    normal.view(3, -1).index_copy_(1, seen, world)
    color = (shapes.color**2).reshape(-1, 3).T.contiguous()
    albedo.view(3, -1).index_copy_(1, seen, color.index_select(1, shape))


def _develop(color: Tensor, depth: Tensor, size: int, samples: int) -> Rendering:
    """Bend highlights over, average the rays of a pixel in linear light; keep the nearest depth."""
    frames = depth.shape[0]
    over = (color - KNEE).clamp_min(0)
    color = color - over + over * (1 - KNEE) / (over + 1 - KNEE)
    color = color.clamp(0, 1).view(3 * frames, size, samples, size, samples)
    depth = depth.view(frames, size, samples, size, samples)
    total, nearest = 0, None
    for i in range(samples):
        for j in range(samples):
            total = total + color[:, :, i, :, j]
            here = depth[:, :, i, :, j]
            nearest = here if nearest is None else torch.minimum(nearest, here)
    rgb = torch.sqrt(total / samples**2) * 255 + 0.5
    return Rendering(rgb.to(torch.uint8).view(3, frames, size, size).permute(1, 2, 3, 0).contiguous(), nearest.float())


def visible(points: Tensor, radius: Tensor | float, camera: Camera, depth: Tensor) -> Tensor:
    """Whether keypoints can be seen: inside the picture, and nothing before the flesh around them.

    Parameters
    ----------
    points : Tensor
        Metres, ``(B, K, 3)``.
    radius : Tensor or float
        How deep a keypoint lies under the surface, metres, broadcast to ``(B, K)``.
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
