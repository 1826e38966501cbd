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

from mgutils.synth.render.geometry import Camera, Shapes, dot

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
    from the camera. ``discs`` has the rows x, y, radius of the discs that hold the two projected end spheres, on the
    plane at depth 1.
    """

    table: Tensor  # (11, N)
    discs: Tensor  # (3, 2, N)
    drawn: Tensor  # (N,) bool


def cones_of(shapes: Shapes, camera: Camera) -> Cones:
    """Move shapes to camera space and work out what every ray needs of them, in double precision.

    Where one end sphere holds the other, the shape is the larger sphere.
    """
    dtype = shapes.a.dtype
    camera = camera.to(torch.float64)
    a, b = (
        camera.view(ends.double().permute(2, 0, 1)).flatten(1)
        for ends in (shapes.a, shapes.b)
    )
    ra = shapes.ra.double().flatten()
    rb = shapes.rb.double().flatten()
    nested = ((b - a) ** 2).sum(dim=0) <= (ra - rb) ** 2 + 1e-12
    larger = nested & (rb > ra)
    a = torch.where(larger, b, a)
    ra = torch.where(larger, rb, ra)
    b = torch.where(nested, a, b)
    rb = torch.where(nested, ra, rb)
    axis = b - a
    shrink = ra - rb
    length2 = (axis * axis).sum(dim=0)  # |axis|^2
    toward = -(axis * a).sum(dim=0)  # (camera - a) . axis
    distance2 = (a * a).sum(dim=0)  # |camera - a|^2
    slant2 = torch.where(nested, 1.0, length2 - shrink**2)  # 1: any number above 0, as a sphere has no side
    along0 = toward - shrink * ra
    # slant2 (distance2 - ra^2) - along0^2, multiplied out: the terms in shrink^2 ra^2 cancel
    k0 = slant2 * distance2 - toward**2 + 2 * toward * shrink * ra - length2 * ra**2
    power_a = distance2 - ra**2
    power_b = (b * b).sum(dim=0) - rb**2
    scalars = torch.stack([slant2, along0, k0, power_a, power_b])
    table = torch.cat([axis, a, scalars])
    radii = torch.stack([ra, rb])
    ends = torch.stack([a, b], dim=1)
    drawn = (radii.amax(dim=0) > 0) & (ends[2] - radii > NEAR).all(dim=0)
    return Cones(table.to(dtype), _discs(ends, radii).to(dtype), drawn)


def _discs(centre: Tensor, radius: Tensor) -> Tensor:
    """Discs around the ellipses that spheres project to on the plane at depth 1: x, y, radius.

    An ellipse's long half-axis points away from the picture's middle and is the radius returned.
    """
    x, y, z = centre
    power = z**2 - radius**2
    reach = radius * torch.sqrt((x**2 + y**2 + power).clamp_min(0)) / power
    return torch.stack([x * z / power, y * z / power, reach])


def _spread(counts: Tensor) -> tuple[Tensor, Tensor]:
    """For counts (2, 0, 3): owners (0, 0, 2, 2, 2) and steps (0, 1, 0, 1, 2)."""
    owner = torch.repeat_interleave(counts)
    start = counts.cumsum(0) - counts
    return owner, torch.arange(len(owner), device=counts.device) - start[owner]


def _pairs(cones: Cones, slope: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Every (shape, row, column) whose ray may meet the shape.

    The candidates are the pixels of the strip of constant width that holds both discs, row by row.

    Returns
    -------
    shape, row, column : Tensor
        int64, ``(M,)``; ``slope`` is per shape, ``(N,)``.
    """
    x, y, radius = cones.discs * (size / 2 / slope)  # in pixels, each (2, N)
    x = size / 2 + x
    y = size / 2 - y
    left = (x - radius).amin(dim=0).clamp(0, size)
    right = (x + radius).amax(dim=0).clamp(0, size)
    first = _centre((y - radius).amin(dim=0).clamp(0, size))
    last = _centre((y + radius).amax(dim=0).clamp(0, size))
    owner, step = _spread(torch.where(cones.drawn, last - first, 0))
    row = first[owner] + step
    # the strip along a row; its middle and half its width are not finite where it is level or the ends coincide
    dx = x[1] - x[0]
    dy = y[1] - y[0]
    slant = dx / dy
    length = torch.sqrt(dx * dx + dy * dy)
    width = radius.amax(dim=0) * length / dy.abs()
    strip = torch.stack([left, right, x[0] - y[0] * slant, slant, width])
    left, right, start, slant, width = strip.index_select(1, owner)
    middle = start + (row + 0.5) * slant
    begin = _centre(torch.fmax(left, middle - width))  # fmax and fmin pass over NaN
    end = _centre(torch.fmin(right, middle + width))
    span, step = _spread((end - begin).clamp_min(0))
    return owner[span], row[span], begin[span] + step


def _centre(edge: Tensor) -> Tensor:
    """The first pixel whose centre is at an edge or beyond it, int64."""
    return torch.ceil(edge - 0.5).long()


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
    axis_x, axis_y, axis_z, a_x, a_y, a_z = cones[:6]
    slant2, along0, k0, power_a, power_b = cones[6:]
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
    axis = cones[:3]
    slant2 = cones[6]
    direction = torch.stack([x, y, torch.ones_like(x)])
    along = cones[7] + depth * dot(axis, direction)
    along = torch.minimum(along.clamp_min(0), slant2)
    # from the centre a + s axis, s = along / slant2
    normal = slant2 * (depth * direction - cones[3:6]) - axis * along
    return normal / torch.sqrt(dot(normal, normal))


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
    frames = len(slope)
    count = cones.table.shape[1] // frames
    shape, row, column = _pairs(cones, slope.repeat_interleave(count), size)
    grid = (slope[:, None] * ray_grid(size, slope)).flatten()
    line = shape // count * size
    x = grid.index_select(0, line + column)
    y = -grid.index_select(0, line + row)
    depth = meet(cones.table.index_select(1, shape), x, y).float()
    pixel = (line + row) * size + column
    key = (depth.view(torch.int32).long() << 32) | shape  # orders by depth, then by shape
    nearest = torch.full((frames * size * size,), INFINITE << 32, device=slope.device)
    nearest.scatter_reduce_(0, pixel, key, "amin")
    bits = nearest >> 32
    index = torch.where(bits < INFINITE, nearest & 0xFFFFFFFF, -1)
    depth = bits.int().view(torch.float32).to(slope.dtype)
    return depth.view(frames, -1), index.view(frames, -1)
