"""Boxes, arrows, stacks and matrices: the pieces that the two architecture drawings are put together from.

A drawing's unit is the inch, from its lower left corner. What is drawn where is in ``framework``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle
from numpy.typing import ArrayLike

from mgutils.style import BLACK, GREY, new_figure

Point = tuple[float, float]


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty drawing surface of so many inches."""
    figure, axes = new_figure(size=(width, height))
    figure.get_layout_engine().set(w_pad=0, h_pad=0)
    axes.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    axes.set_axis_off()
    return figure, axes


def tint(color: str, strength: float = 0.25) -> tuple[float, float, float]:
    """A colour mixed with white: strength 0 is white, 1 the colour itself."""
    return tuple(1 - strength * (1 - channel) for channel in to_rgb(color))


def label(axes: Axes, at: Point, text: str, *, size: float = 10, **style: object) -> None:
    """Text centred at a point."""
    axes.text(*at, text, fontsize=size, **{"ha": "center", "va": "center", "linespacing": 1.3} | style)


def box(axes: Axes, center: Point, width: float, height: float, text: str, color: str, *, size: float = 10) -> None:
    """A rounded box with a text."""
    x, y = center
    axes.add_patch(FancyBboxPatch((x - width / 2, y - height / 2), width, height, facecolor=tint(color),
                                  edgecolor=color, linewidth=1.6, boxstyle="round,pad=0,rounding_size=0.08"))
    label(axes, center, text, size=size)


def encoder(axes: Axes, center: Point, width: float, height: float, text: str, color: str, *, size: float = 10) -> None:
    """A block that narrows to the right: many numbers in, few out."""
    (x, y), half = center, height / 2
    corners = [(x - width / 2, y - half), (x - width / 2, y + half), (x + width / 2, y + half * 0.62),
               (x + width / 2, y - half * 0.62)]
    axes.add_patch(Polygon(corners, closed=True, facecolor=tint(color), edgecolor=color, linewidth=1.6))
    label(axes, center, text, size=size)


def arrow(axes: Axes, start: Point, end: Point, *, color: str = BLACK) -> None:
    """A straight arrow from point to point."""
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=12, color=color, linewidth=1.4,
                                   shrinkA=0, shrinkB=0))


def path(axes: Axes, points: Sequence[Point], *, color: str = BLACK) -> None:
    """A line through points with an arrow head at its end."""
    *line, last = points
    axes.plot(*zip(*line, strict=True), color=color, linewidth=1.4, solid_capstyle="butt")
    arrow(axes, line[-1], last, color=color)


def cards(axes: Axes, corner: Point, width: float, height: float, texts: Sequence[str], color: str, *,
          shift: float = 0.13, size: float = 9) -> None:
    """A stack of cards from back to front; ``corner`` is the lower left one of the card in front, which shows all."""
    for i in reversed(range(len(texts))):
        x, y = corner[0] + i * shift, corner[1] + i * shift
        axes.add_patch(Rectangle((x, y), width, height, facecolor="white", edgecolor=color, linewidth=1.3))
        label(axes, (x + width / 2, y + height / 2), texts[i] if i == 0 else "", size=size)


def pictures(axes: Axes, corner: Point, side: float, images: Sequence[ArrayLike], color: str, *,
             step: Point = (0.13, 0.13)) -> None:
    """Square images from back to front, the first in front at ``corner``."""
    for i in reversed(range(len(images))):
        x, y = corner[0] + i * step[0], corner[1] + i * step[1]
        depth = 2 - i / 100
        axes.imshow(np.asarray(images[i]), extent=(x, x + side, y, y + side), interpolation="bicubic", zorder=depth)
        axes.add_patch(Rectangle((x, y), side, side, fill=False, edgecolor=color, linewidth=1.3, zorder=depth + 0.001))
    width, height = axes.figure.get_size_inches()
    axes.set(xlim=(0, width), ylim=(0, height), aspect="equal")  # imshow changed them


def matrix(axes: Axes, corner: Point, cell: Point, texts: Sequence[Sequence[str]], colors: Sequence[Sequence[object]],
           *, size: float = 9) -> None:
    """Cells in rows from the top; ``corner`` is the upper left one, ``cell`` the width and height of one."""
    for row, (line, shades) in enumerate(zip(texts, colors, strict=True)):
        for column, (text, shade) in enumerate(zip(line, shades, strict=True)):
            x, y = corner[0] + column * cell[0], corner[1] - (row + 1) * cell[1]
            axes.add_patch(Rectangle((x, y), *cell, facecolor=shade, edgecolor=GREY, linewidth=0.8))
            label(axes, (x + cell[0] / 2, y + cell[1] / 2), text, size=size)
