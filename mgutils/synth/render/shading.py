"""Shading: the room (wall of sponsor tiles, table), lights, shadows, contact shading.

Colours are sRGB in 0..1 where people set them and linear (their squares) inside. Vectors over rays are planar,
``(3, B, M)``. Only arithmetic and square roots touch a ray, so that bytes do not depend on how work is cut up.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mgutils.synth.batched import Batched
from mgutils.synth.render.geometry import Camera, Shapes, dot
from mgutils.synth.render.raycast import cones_of, raycast

SHADOW_DISTANCE = 6.0
SHADOW_CENTRE = (0.0, 0.42, 0.1)
SHADOW_FOV = 18.0
SHADOW_SIZE = 128


@dataclass(frozen=True)
class Scene(Batched):
    """A room, its lights and its props, for ``B`` frames and ``T`` sponsors.

    Parameters
    ----------
    light : Tensor
        Unit direction toward the key light, ``(B, 3)``.
    key, fill, ambient : Tensor
        Colours of the key light, of the fill light from the other side, and of the light from everywhere, ``(B, 3)``.
    wall_z : Tensor
        Where the wall stands (below 0: behind the subject), metres, ``(B,)``.
    wall : Tensor
        Colour of the wall between tiles, ``(B, 3)``.
    tile, tile_offset : Tensor
        Width and height of a tile, and the corner of the first, metres, ``(B, 2)``.
    tile_color, logo_color : Tensor
        Of each sponsor, ``(B, T, 3)``.
    logo : Tensor
        Of each sponsor, ``(B, T, 4)``: kind of mark (0 diamond, 1 disc, 2 square), inner radius over outer, half-width
        over half-height, letters in the word beside it (0: no word).
    table_y : Tensor
        Height of the table top, metres, ``(B,)``.
    table_z : Tensor
        Its edges toward the subject and toward the camera, metres, ``(B, 2)``.
    table_color : Tensor
        ``(B, 3)``.
    props : Shapes
        Microphone and the like, ``(B, Q)`` shapes.
    """

    light: Tensor
    key: Tensor
    fill: Tensor
    ambient: Tensor
    wall_z: Tensor
    wall: Tensor
    tile: Tensor
    tile_offset: Tensor
    tile_color: Tensor
    logo_color: Tensor
    logo: Tensor
    table_y: Tensor
    table_z: Tensor
    table_color: Tensor
    props: Shapes


def room(scene: Scene, origin: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """Nearest of wall, table top and table front along each ray.

    Parameters
    ----------
    origin, direction : Tensor
        World space, ``(3, B, 1)`` and ``(3, B, M)``.

    Returns
    -------
    depth : Tensor
        Multiple of ``direction``, ``(B, M)``.
    part : Tensor
        int64, ``(B, M)``: 0 wall, 1 table top, 2 table front.
    """
    wall = (scene.wall_z[:, None] - origin[2]) / direction[2]
    wall = torch.where(wall > 0, wall, 1e3)
    back, front = scene.table_z[:, :, None].unbind(1)
    table = scene.table_y[:, None]
    top = (table - origin[1]) / direction[1]
    z = origin[2] + top * direction[2]
    on_top = (top > 0) & (z > back) & (z < front) & (top < wall)
    side = (front - origin[2]) / direction[2]
    y = origin[1] + side * direction[1]
    on_front = (side > 0) & (y <= table)
    depth = torch.where(on_top, top, wall)
    depth = torch.where(on_front, side, depth)
    return depth, torch.where(on_front, 2, on_top.long())


def wall_color(scene: Scene, frame: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Linear colour of the wall at points of it.

    Parameters
    ----------
    frame : Tensor
        Frame of each point, int64, ``(M,)``.
    x, y : Tensor
        Metres, ``(M,)``.

    Returns
    -------
    Tensor
        ``(3, M)``.
    """
    tile = torch.cat([scene.tile, scene.tile_offset], dim=1)
    width, height, left, low = tile.index_select(0, frame).T
    across = (x - left) / width
    upward = (y - low) / height
    column = torch.floor(across)
    row = torch.floor(upward)
    sponsors = scene.logo.shape[1]
    sponsor = torch.remainder(column + 2 * row, sponsors).long() + frame * sponsors
    looks = torch.cat([scene.tile_color, scene.logo_color, scene.logo], dim=2).flatten(0, 1)
    looks = looks.index_select(0, sponsor).T.contiguous()
    u = (across - column - 0.5) * 2 * width / height  # half a tile's height is 1, upward and across
    v = (upward - row - 0.5) * 2
    half_width = width / height
    gap = torch.maximum(u.abs() - half_width, v.abs() - 1) > -0.04
    ink = _mark(u, v, half_width, looks[6:])
    color = torch.where(ink, looks[3:6], looks[:3])
    color = torch.where(gap, scene.wall.index_select(0, frame).T, color)
    return color**2


def _mark(u: Tensor, v: Tensor, half_width: Tensor, logo: Tensor) -> Tensor:
    """Whether a point of a tile is inked: a mark on the left, a word of bars on the right."""
    kind, hole, stretch, letters = logo
    worded = letters > 0
    aside = torch.where(worded, 0.52 * half_width, 0)
    mark_u = ((u + aside) / (0.55 * stretch)).abs()
    mark_v = (v / 0.55).abs()
    disc = torch.sqrt(mark_u**2 + mark_v**2)
    square = torch.maximum(mark_u, mark_v)
    far = torch.where(kind == 1, disc, square)
    far = torch.where(kind == 0, mark_u + mark_v, far)
    word_u = (u + 0.1 * half_width) / (0.95 * half_width)  # 0..1 along the word
    step = word_u * letters
    bar = step - torch.floor(step) < 0.72
    bar = bar & (word_u > 0) & (word_u < 1) & (v.abs() < 0.3) & worded
    return ((far < 1) & (far >= hole)) | bar


def contact(depth: Tensor, size: int) -> Tensor:
    """How hidden a point is by what stands close before it in the picture: 0 open, toward 1 in a crease.

    Compares each depth with pairs of opposite neighbours; a plane gives 0 whatever its slope.

    Parameters
    ----------
    depth : Tensor
        Metres, ``(B, size * size)``.

    Returns
    -------
    Tensor
        ``(B, size * size)``.

    References
    ----------
    T. Luft, C. Colditz and O. Deussen, "Image enhancement by unsharp masking the depth buffer", SIGGRAPH 2006: the same
    idea; here with clamped differences, so that what is far in front does not count.
    """
    reach = max(2, round(size * 0.03))
    short = max(1, round(reach * 0.4))
    slant = max(1, round(reach * 0.7))
    image = depth.view(-1, size, size)
    padded = functional.pad(image, [reach] * 4, mode="replicate")

    def nearer(dx: int, dy: int) -> Tensor:
        top = reach + dy
        left = reach + dx
        neighbour = padded[:, top:top + size, left:left + size]
        return (image - neighbour).clamp(-0.05, 0.05)

    hidden = torch.zeros_like(image)
    for dx, dy in ((reach, 0), (0, reach), (slant, slant), (slant, -slant), (short, 0), (0, short)):
        hidden += (nearer(dx, dy) + nearer(-dx, -dy)).clamp_min(0)
    return (hidden / 0.4).clamp(0, 1).view(depth.shape)


def _soften(image: Tensor) -> Tensor:
    """Average over neighbours with weights 1, 2, 1 down and across, ``(B, C, S, S)``."""
    image = functional.pad(image, [1] * 4, mode="replicate")
    left, middle, right = (image[..., i:i + SHADOW_SIZE] for i in range(3))
    image = left + 2 * middle + right
    above, middle, below = (image[..., i:i + SHADOW_SIZE, :] for i in range(3))
    return (above + 2 * middle + below) / 16


def lit_share(shapes: Shapes, scene: Scene, points: Tensor) -> Tensor:
    """Share of the key light that reaches world points ``(3, B, M)``: ``(B, M)`` in 0..1.

    References
    ----------
    W. Donnelly and A. Lauritzen, "Variance shadow maps", I3D 2006.
    """
    # mean depth and mean squared depth as the key light sees the shapes
    centre = scene.light.new_tensor(SHADOW_CENTRE).expand_as(scene.light)
    fov = torch.full_like(scene.wall_z, SHADOW_FOV)
    camera = Camera(centre + SHADOW_DISTANCE * scene.light, centre, fov)
    depth, _ = raycast(cones_of(shapes, camera), camera.slope, SHADOW_SIZE)
    depth = (depth - SHADOW_DISTANCE).clamp_max(1.5).view(-1, SHADOW_SIZE, SHADOW_SIZE)
    moments = torch.stack([depth, depth * depth], dim=1)  # (B, 2, S, S)
    moments = _soften(_soften(moments))

    x, y, z = camera.view(points)
    scale = 1 / (camera.slope[:, None] * z)
    grid = torch.stack([x * scale, -y * scale], dim=2)[:, :, None]
    moments = functional.grid_sample(moments, grid, padding_mode="border", align_corners=False)
    mean, square = moments[..., 0].unbind(dim=1)
    behind = z - SHADOW_DISTANCE - mean - 0.012
    variance = (square - mean * mean).clamp_min(6e-5)
    share = variance / (variance + behind * behind)
    return torch.where(behind > 0, ((share - 0.2) / 0.8).clamp_min(0), 1.0)


def light_up(scene: Scene, albedo: Tensor, normal: Tensor, toward: Tensor, lit: Tensor, hidden: Tensor) -> Tensor:
    """Linear colour that leaves each point: wrapped Lambert key and fill, sky and ground, a sheen at grazing angles.

    Parameters
    ----------
    albedo, normal, toward : Tensor
        Linear colour, unit normal, unit direction to the camera, ``(3, B, M)``.
    lit, hidden : Tensor
        :func:`lit_share` and :func:`contact`, ``(B, M)``.

    Returns
    -------
    Tensor
        ``(3, B, M)``, mostly in 0..1.
    """
    light = scene.light.T[:, :, None]
    fill = scene.light * scene.light.new_tensor([-1.6, 0.4, 1.0])
    fill = functional.normalize(fill, dim=1).T[:, :, None]
    key_color, fill_color, ambient = (
        color.T[:, :, None] ** 2
        for color in (scene.key, scene.fill, scene.ambient)
    )
    key = ((dot(normal, light) + 0.2) / 1.2).clamp_min(0) * (0.08 + 0.92 * lit)
    other = ((dot(normal, fill) + 0.5) / 1.5).clamp_min(0)
    sky = 0.72 + 0.28 * normal[1]
    open_ = 1 - 0.75 * hidden
    half = light + toward
    shine = (dot(normal, half) / torch.sqrt(dot(half, half))).clamp_min(0)
    for _ in range(4):  # to the 16th power
        shine = shine * shine
    shine = shine * lit * 0.06
    rim = (1 - dot(normal, toward)).clamp(0, 1)
    rim = rim * rim * rim * (0.5 + 0.5 * normal[1]) * 0.22
    diffuse = key_color * key * (1 - 0.45 * hidden)
    diffuse = diffuse + (fill_color * other + ambient * sky) * open_
    return albedo * diffuse + (shine + rim) * open_ * key_color
