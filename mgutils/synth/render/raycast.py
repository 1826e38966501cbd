"""What a ray meets: the nearest rounded cone of every ray, its depth and its normal.

Batched over frames, on the CPU or a GPU. Colours, lights and the room are not here: see ``shade``.
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

    ``table`` has the rows ``axis`` (3), ``a`` (3), ``d2``, ``c1``, ``k0``, ``sa``, ``sb``: the terms of Quilez's
    closed form that do not depend on the ray; ``disc`` has the rows x, y, radius of the discs that hold the two
    projected end spheres, on the plane at depth 1.
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
    a = camera.view(shapes.a.double()).reshape(-1, 3).T
    b = camera.view(shapes.b.double()).reshape(-1, 3).T
    ra, rb = shapes.ra.double().reshape(-1), shapes.rb.double().reshape(-1)
    nested = ((b - a) ** 2).sum(dim=0) <= (ra - rb) ** 2 + 1e-12
    a, ra = torch.where(nested & (rb > ra), b, a), torch.where(nested, torch.maximum(ra, rb), ra)
    b, rb = torch.where(nested, a, b), torch.where(nested, ra, rb)
    axis, shrink = b - a, ra - rb
    m0, m1, m5 = (axis * axis).sum(dim=0), -(axis * a).sum(dim=0), (a * a).sum(dim=0)
    d2 = torch.where(nested, 1.0, m0 - shrink**2)
    k0 = d2 * m5 - m1**2 + 2 * m1 * shrink * ra - m0 * ra**2
    sa, sb = m5 - ra**2, (b * b).sum(dim=0) - rb**2
    table = torch.cat([axis, a, torch.stack([d2, m1 - shrink * ra, k0, sa, sb])])
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
    axis_x, axis_y, axis_z, a_x, a_y, a_z, d2, c1, k0, sa, sb = cones
    dd = x * x + y * y + 1
    m2 = axis_x * x + axis_y * y + axis_z
    qa = a_x * x + a_y * y + a_z
    qb = qa + m2
    k2 = d2 * dd - m2 * m2
    k1 = d2 * qa + m2 * c1
    side = (k1 - torch.sqrt(k1 * k1 - k0 * k2)) / k2  # NaN for a miss, and so below
    along = c1 + side * m2
    side = torch.where((along > 0) & (along < d2), side, torch.inf)
    cap = torch.fmin(qa - torch.sqrt(qa * qa - dd * sa), qb - torch.sqrt(qb * qb - dd * sb)) / dd
    return torch.fmin(side, cap)


def normal_of(cones: Tensor, x: Tensor, y: Tensor, depth: Tensor) -> Tensor:
    """Unit outward normals, in camera space, where the rays of :func:`meet` met, ``(3, M)``."""
    axis, a, d2, c1 = cones[:3], cones[3:6], cones[6], cones[7]
    direction = torch.stack([x, y, torch.ones_like(x)])
    m2 = axis[0] * x + axis[1] * y + axis[2]
    along = torch.minimum((c1 + depth * m2).clamp_min(0), d2)
    normal = d2 * (depth * direction - a) - axis * along
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
