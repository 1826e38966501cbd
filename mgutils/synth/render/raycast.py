"""Ray casting: the nearest rounded cone of every ray, its depth and its normal.

Batched over frames, on the CPU or a GPU. Colours, lights and the room are in ``shading``.

The side of a rounded cone, in closed form
------------------------------------------
Let the end spheres have centres ``a`` and ``b`` and radii ``ra`` and ``rb``, and let ``axis = b - a`` and
``shrink = ra - rb``. The spheres in between have the centre ``a + s axis`` and the radius ``ra - s shrink``, s in 0..1.
A point ``p`` lies on the sphere of ``s`` where ::

    F(s) = |p - a - s axis|^2 - (ra - s shrink)^2
         = slant2 s^2 - 2 along s + |p - a|^2 - ra^2 = 0
    slant2 = |axis|^2 - shrink^2        squared length of the side from one tangent circle to the other
    along  = (p - a) . axis - shrink ra

The side is the envelope of these spheres: F = 0 and dF/ds = 0, thus s = along / slant2 and
``slant2 (|p - a|^2 - ra^2) = along^2``. On the ray ``p = t d``, with the origin at the camera, ::

    along = along0 + t (axis . d),   along0 = -axis . a - shrink ra
    k2 t^2 - 2 k1 t + k0 = 0
    k2 = slant2 |d|^2 - (axis . d)^2
    k1 = slant2 (a . d) + (axis . d) along0
    k0 = slant2 (|a|^2 - ra^2) - along0^2

The nearer root counts where 0 < s < 1, thus 0 < along < slant2; elsewhere the ray can meet only the end spheres.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mgutils.synth.render.geometry import Camera, Shapes

INFINITE = 0x7F800000
"""The bits of an infinite float32; those of positive floats are in the order of the numbers."""
NEAR = 0.05
"""Nearest distance of a sphere's front to the camera plane, in metres; what comes nearer is not drawn."""


def ray_grid(size: int, like: Tensor) -> Tensor:
    """Offsets of pixel centres from the optical axis, -1..1 from left to right, ``(size,)``."""
    return (torch.arange(size, device=like.device, dtype=like.dtype) * 2 + (1 - size)) / size


@dataclass(frozen=True)
class Cones:
    """Rounded cones in camera space, one column a shape, ready to be met by rays from the origin.

    ``table`` has the rows ``axis`` (3), ``a`` (3), ``slant2``, ``along0``, ``k0``, ``power_a``, ``power_b``: the terms
    that do not depend on the ray. The power of a sphere is ``|centre|^2 - radius^2``, the squared length of a tangent
    from the camera. ``disc`` has the rows x, y, radius of the discs that hold the two projected end spheres, on the
    plane at depth 1.
    """

    table: Tensor  # (11, N)
    disc_a: Tensor  # (3, N)
    disc_b: Tensor  # (3, N)
    drawn: Tensor  # (N,) bool


def cones_of(shapes: Shapes, camera: Camera) -> Cones:
    """Move shapes to camera space and work out what every ray needs of them, in double precision.

    Where one end sphere holds the other, the shape is the larger sphere.
    """
    dtype = shapes.a.dtype
    camera = camera.to(torch.float64)
    a, b = (camera.view(ends.double().permute(2, 0, 1)).flatten(1) for ends in (shapes.a, shapes.b))
    ra, rb = (radii.double().flatten() for radii in (shapes.ra, shapes.rb))
    nested = ((b - a) ** 2).sum(dim=0) <= (ra - rb) ** 2 + 1e-12
    a, ra = torch.where(nested & (rb > ra), b, a), torch.where(nested, torch.maximum(ra, rb), ra)
    b, rb = torch.where(nested, a, b), torch.where(nested, ra, rb)
    axis, shrink = b - a, ra - rb
    length2 = (axis * axis).sum(dim=0)  # |axis|^2
    toward = -(axis * a).sum(dim=0)  # (camera - a) . axis
    distance2 = (a * a).sum(dim=0)  # |camera - a|^2
    slant2 = torch.where(nested, 1.0, length2 - shrink**2)  # 1: any number above 0, as a sphere has no side
    along0 = toward - shrink * ra
    # slant2 (distance2 - ra^2) - along0^2, multiplied out: the terms in shrink^2 ra^2 cancel
    k0 = slant2 * distance2 - toward**2 + 2 * toward * shrink * ra - length2 * ra**2
    power_a = distance2 - ra**2
    power_b = (b * b).sum(dim=0) - rb**2
    table = torch.cat([axis, a, torch.stack([slant2, along0, k0, power_a, power_b])])
    drawn = (torch.maximum(ra, rb) > 0) & (a[2] - ra > NEAR) & (b[2] - rb > NEAR)
    return Cones(table.to(dtype), _disc(a, ra).to(dtype), _disc(b, rb).to(dtype), drawn)


def _disc(centre: Tensor, radius: Tensor) -> Tensor:
    """Disc around the ellipse that a sphere projects to on the plane at depth 1: x, y, radius, ``(3, N)``.

    The ellipse's long half-axis points away from the picture's middle and is the radius returned.
    """
    x, y, z = centre
    power = z**2 - radius**2
    reach = radius * torch.sqrt((x**2 + y**2 + power).clamp_min(0)) / power
    return torch.stack([x * z / power, y * z / power, reach])


def _spread(counts: Tensor) -> tuple[Tensor, Tensor]:
    """For counts (2, 0, 3): owners (0, 0, 2, 2, 2) and steps (0, 1, 0, 1, 2)."""
    ends = counts.cumsum(0)
    total = int(counts.sum())
    owner = torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts, output_size=total)
    step = torch.arange(total, device=counts.device) - (ends - counts).index_select(0, owner)
    return owner, step


def _pairs(cones: Cones, slope: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Every (shape, row, column) whose ray may meet the shape.

    The candidates are the pixels of the strip of constant width that holds both discs, row by row.

    Returns
    -------
    shape, row, column : Tensor
        int64, ``(M,)``; ``slope`` is per shape, ``(N,)``.
    """
    half = size / 2 / slope
    (ax, ay, ar), (bx, by, br) = (disc * half for disc in (cones.disc_a, cones.disc_b))
    ax, bx, ay, by = size / 2 + ax, size / 2 + bx, size / 2 - ay, size / 2 - by
    edge = torch.stack([torch.minimum(ax - ar, bx - br), torch.maximum(ax + ar, bx + br),
                        torch.minimum(ay - ar, by - br), torch.maximum(ay + ar, by + br)])
    left, right, top, bottom = edge.clamp(0, size)
    first = torch.ceil(top - 0.5)
    rows = torch.where(cones.drawn, (torch.ceil(bottom - 0.5) - first).clamp_min(0), 0)
    owner, step = _spread(rows.long())
    row = first.index_select(0, owner).long() + step
    dx, dy = bx - ax, by - ay
    length = torch.sqrt(dx * dx + dy * dy)
    width = torch.maximum(ar, br) * length / dy.abs()  # half the strip's width along a row; 0/0 where ends coincide
    strip = torch.stack([left, right, ax - ay * (dx / dy), dx / dy, width]).index_select(1, owner)
    middle = strip[2] + (row + 0.5) * strip[3]
    narrow = torch.isfinite(middle) & torch.isfinite(strip[4])
    begin = torch.where(narrow, torch.maximum(strip[0], middle - strip[4]), strip[0])
    end = torch.where(narrow, torch.minimum(strip[1], middle + strip[4]), strip[1])
    begin = torch.ceil(begin - 0.5)
    span, step = _spread((torch.ceil(end - 0.5) - begin).clamp_min(0).long())
    column = begin.long().index_select(0, span) + step
    return owner.index_select(0, span), row.index_select(0, span), column


def meet(cones: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Depth at which rays through (x, y, 1) first meet rounded cones, infinite for a miss.

    Parameters
    ----------
    cones : Tensor
        Columns of :class:`Cones`, one a ray, ``(11, M)``.
    x, y : Tensor
        Direction of the rays in camera space, ``(M,)``.

    Returns
    -------
    Tensor
        ``(M,)``, metres.

    References
    ----------
    Inigo Quilez, "Rounded cone - intersection", https://iquilezles.org/articles/intersectors
    """
    axis_x, axis_y, axis_z, a_x, a_y, a_z, slant2, along0, k0, power_a, power_b = cones
    # dot products with the ray's direction d = (x, y, 1)
    d_d = x * x + y * y + 1
    axis_d = axis_x * x + axis_y * y + axis_z
    a_d = a_x * x + a_y * y + a_z
    b_d = a_d + axis_d
    # the side: the nearer root of k2 t^2 - 2 k1 t + k0 = 0; NaN where the ray misses, and so below
    k2 = slant2 * d_d - axis_d * axis_d
    k1 = slant2 * a_d + axis_d * along0
    side = (k1 - torch.sqrt(k1 * k1 - k0 * k2)) / k2
    # only between the two tangent circles
    along = along0 + side * axis_d
    side = torch.where((along > 0) & (along < slant2), side, torch.inf)
    # the end spheres: the nearer root of |d|^2 t^2 - 2 (centre . d) t + power = 0
    end_a = a_d - torch.sqrt(a_d * a_d - d_d * power_a)
    end_b = b_d - torch.sqrt(b_d * b_d - d_d * power_b)
    return torch.fmin(side, torch.fmin(end_a, end_b) / d_d)  # fmin passes over NaN


def normal_of(cones: Tensor, x: Tensor, y: Tensor, depth: Tensor) -> Tensor:
    """Unit outward normals, in camera space, where the rays of :func:`meet` met, ``(3, M)``."""
    axis, a, slant2, along0 = cones[:3], cones[3:6], cones[6], cones[7]
    direction = torch.stack([x, y, torch.ones_like(x)])
    axis_d = axis[0] * x + axis[1] * y + axis[2]
    along = torch.minimum((along0 + depth * axis_d).clamp_min(0), slant2)
    normal = slant2 * (depth * direction - a) - axis * along  # from the centre a + s axis, s = along / slant2
    return normal / torch.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2)


def raycast(cones: Cones, slope: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The nearest shape of every ray of ``B`` pictures; of equally near ones, the first.

    Parameters
    ----------
    cones : Cones
        ``B * P`` columns, frame by frame.
    slope : Tensor
        Tangent of half the camera's angle of view, ``(B,)``.
    size : int
        Rays along a side.

    Returns
    -------
    depth : Tensor
        Metres along the optical axis, ``(B, size * size)``, rows from the top; infinite where there is none.
    index : Tensor
        Column of the shape in ``cones``, int64, ``(B, size * size)``; -1 where there is none.
    """
    frames, count = len(slope), cones.table.shape[1] // len(slope)
    slopes = slope.repeat_interleave(count)
    shape, row, column = _pairs(cones, slopes, size)
    grid = ray_grid(size, slope)
    frame_grid = slope[:, None] * grid  # (B, size)
    frame_row = (shape // count) * size
    x = frame_grid.view(-1).index_select(0, frame_row + column)
    y = -frame_grid.view(-1).index_select(0, frame_row + row)
    depth = meet(cones.table.index_select(1, shape), x, y).to(torch.float32)
    key = (depth.view(torch.int32).long() << 32) | shape
    nearest = torch.full((frames * size * size,), INFINITE << 32, device=slope.device)
    nearest.scatter_reduce_(0, (frame_row + row) * size + column, key, "amin")
    index = torch.where(nearest >> 32 < INFINITE, nearest & 0xFFFFFFFF, -1)
    depth = torch.where(index >= 0, (nearest >> 32).to(torch.int32).view(torch.float32), torch.inf)
    return depth.view(frames, -1).to(slope.dtype), index.view(frames, -1)
