"""Draw a diagram out of a table of boxes, arrows and texts.

Each diagram is a CSV file beside this one. Its unit is the inch, from the lower left corner. ``x``
and ``y`` are the centre of a shape, the start of an arrow or a line, or the upper left corner of
``cells``; ``width`` and ``height`` are those of the shape, of the way to the arrow's end, or of one
cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Patch, Polygon, Rectangle
from numpy.typing import ArrayLike

from mgutils.style import BLACK, BLUE, GREEN, GREY, PURPLE, SKY, VERMILLION, new_figure

COLORS = {
    "image": GREEN,
    "text": PURPLE,
    "head": SKY,
    "loss": VERMILLION,
    "match": BLUE,
    "black": BLACK,
    "grey": GREY,
    "white": "white",
    "": BLACK,
}
"""What the colours in a table stand for."""


def diagram(name: str, width: float, height: float) -> tuple[Figure, Axes]:
    """The diagram of ``<name>.csv`` on a drawing surface of so many inches."""
    figure, axes = new_figure(size=(width, height))
    figure.get_layout_engine().set(w_pad=0, h_pad=0)
    axes.set(xlim=(0, width), ylim=(0, height), aspect="equal", autoscale_on=False)
    axes.set_axis_off()
    table = pd.read_csv(Path(__file__).with_name(f"{name}.csv"), keep_default_na=False)
    for piece in table.itertuples():
        _draw(axes, piece)
    return figure, axes


def _draw(axes: Axes, piece: tuple) -> None:
    """One row of a table."""
    place = (piece.x, piece.y)
    size = (piece.width, piece.height)
    end = np.add(place, size)
    color = COLORS[piece.color]
    if piece.shape == "line":
        dash = (0, (4, 4)) if piece.color == "grey" else "-"
        axes.plot(*np.transpose([place, end]), color=color, linestyle=dash, linewidth=1.4)
    elif piece.shape == "arrow":
        style = {"arrowstyle": "-|>", "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", end, place, arrowprops=style | {"color": color})
    elif piece.shape == "cells":
        texts = [line.split(" | ") for line in piece.text.split("\n")]
        shade = tint(color, 0.45 if piece.color == "match" else 0.25)
        cells(axes, place, size, texts, [[shade] * len(line) for line in texts], piece.size)
    elif piece.shape == "title":
        axes.text(*place, piece.text, fontsize=piece.size, weight="bold", va="center")
    else:
        if not piece.shape.endswith("label"):
            axes.add_patch(_shape(piece.shape, place, size, color))
        turn = 270 if piece.shape == "side label" else 0
        _text(axes, place, piece.text, piece.size, rotation=turn)


def _shape(shape: str, center: ArrayLike, size: tuple[float, float], color: str) -> Patch:
    """A ``box``, an ``encoder`` that narrows to the right, a ``card`` or a dashed ``frame``."""
    corner = np.subtract(center, np.divide(size, 2))
    style = {"edgecolor": color, "linewidth": 1.6}
    if shape == "box":
        rounded = "round,pad=0,rounding_size=0.08"
        return FancyBboxPatch(corner, *size, boxstyle=rounded, facecolor=tint(color), **style)
    if shape == "encoder":
        corners = [(-0.5, -0.5), (-0.5, 0.5), (0.5, 0.31), (0.5, -0.31)]
        return Polygon(np.multiply(corners, size) + center, facecolor=tint(color), **style)
    dash = "--" if shape == "frame" else "-"
    return Rectangle(corner, *size, facecolor="white", linestyle=dash, **style)


def _text(axes: Axes, at: ArrayLike, text: str, size: float, rotation: float = 0) -> None:
    axes.text(*at, text, fontsize=size, rotation=rotation, ha="center", va="center", linespacing=1.3)


def tint(color: str, strength: float = 0.25) -> tuple[float, ...]:
    """A colour mixed with white: strength 0 is white, 1 the colour itself."""
    return tuple(1 - strength * (1 - channel) for channel in to_rgb(color))


def cells(axes: Axes, corner: tuple[float, float], size: tuple[float, float],
          texts: Sequence[Sequence[str]], colors: Sequence[Sequence[object]],
          fontsize: float = 9) -> None:
    """Rows of cells from the upper left corner; ``size`` is the width and height of one."""
    width, height = size
    for row, line in enumerate(texts):
        for column, text in enumerate(line):
            x = corner[0] + column * width
            y = corner[1] - (row + 1) * height
            style = {"facecolor": colors[row][column], "edgecolor": GREY, "linewidth": 0.8}
            axes.add_patch(Rectangle((x, y), *size, **style))
            _text(axes, (x + width / 2, y + height / 2), text, fontsize)


def pictures(axes: Axes, corner: tuple[float, float], side: float, images: Sequence[ArrayLike],
             color: str) -> None:
    """A stack of square images, the first in front at ``corner``."""
    for i in reversed(range(len(images))):
        x, y = np.add(corner, 0.1 * i)
        extent = (x, x + side, y, y + side)
        axes.imshow(np.asarray(images[i]), extent=extent, interpolation="bicubic", zorder=1)
        axes.add_patch(Rectangle((x, y), side, side, fill=False, edgecolor=color, linewidth=1.3))
