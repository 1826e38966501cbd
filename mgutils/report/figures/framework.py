"""The report's Figure 2 (CLIP) and Figure 3 (its own framework), drawn by code."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from mgutils.report.figures.drawing import (
    Point,
    arrow,
    box,
    canvas,
    cards,
    encoder,
    label,
    matrix,
    path,
    pictures,
    tint,
)
from mgutils.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION

_IMAGE, _TEXT, _HEAD, _LOSS = GREEN, PURPLE, SKY, VERMILLION


def clip_architecture() -> Figure:
    """The report's Figure 2: CLIP is trained on pairs, turned into a classifier by captions, and used on a new image.

    References
    ----------
    Radford et al. 2021, arXiv:2103.00020, figure 1, redrawn with our captions.

    Taught in: 02, section 1.
    """
    figure, axes = canvas(13.9, 5.4)
    _pretraining(axes)
    axes.plot([7.6, 7.6], [0.2, 5.2], color=GREY, linewidth=1, linestyle=(0, (4, 4)))
    _classifier(axes)
    _new_image(axes)
    return figure


def _pretraining(axes: Axes) -> None:
    """Part 1: the N x N matrix of a batch, whose diagonal are the true pairs."""
    label(axes, (0.2, 5.15), "1  Contrastive training on N image-caption pairs", size=12, ha="left", weight="bold")
    cards(axes, (0.25, 3.85), 1.35, 0.5, ["Folding arms", "", ""], _TEXT)
    cards(axes, (0.4, 1.3), 0.85, 0.85, ["image", "", ""], _IMAGE)
    for y, name, color, start in ((4.15, "Text\nencoder", _TEXT, 1.95), (1.85, "Image\nencoder", _IMAGE, 1.6)):
        arrow(axes, (start, y), (2.2, y))
        encoder(axes, (2.75, y), 1.05, 0.95, name, color)
    names = ("1", "2", "3", "…", "N")
    cell, left, top = (0.62, 0.46), 4.3, 3.0
    middle = left + 2.5 * cell[0]
    matrix(axes, (left, top + 0.62), cell, [[_index("T", n) for n in names]], [[tint(_TEXT)] * 5])
    matrix(axes, (left - 0.78, top), cell, [[_index("I", n)] for n in names], [[tint(_IMAGE)]] * 5)
    products = [[_product(row, column) for column in names] for row in names]
    shades = [[tint(BLUE, 0.45) if row == column else "white" for column in names] for row in names]
    matrix(axes, (left, top), cell, products, shades, size=8.5)
    path(axes, [(3.28, 4.15), (middle, 4.15), (middle, top + 0.64)])
    arrow(axes, (3.28, 1.85), (left - 0.8, 1.85))
    label(axes, (middle, 0.35), "dot products: the diagonal should be large,\nall other cells small", size=9.5)


_COLUMN, _CELL = 11.6, (0.44, 0.42)
"""Left edge and cell size of the captions' row in parts 2 and 3, one below the other."""


def _classifier(axes: Axes) -> None:
    """Part 2: the captions of all classes become the rows of a classifier."""
    label(axes, (7.85, 5.15), "2  A classifier made of C captions", size=12, ha="left", weight="bold")
    classes = ("Touching jaw", "Crossing fingers", "Folding arms", "…", "Head up")
    matrix(axes, (7.95, 4.75), (1.6, 0.3), [[name] for name in classes], [["white"]] * 5)
    encoder(axes, (10.5, 4.0), 1.05, 0.95, "Text\nencoder", _TEXT)
    arrow(axes, (9.6, 4.0), (9.95, 4.0))
    matrix(axes, (_COLUMN, 4.21), _CELL, [[_index("T", name) for name in "123…C"]], [[tint(_TEXT)] * 5])
    arrow(axes, (11.03, 4.0), (_COLUMN - 0.03, 4.0))


def _new_image(axes: Axes) -> None:
    """Part 3: the caption with the largest dot product is the answer."""
    label(axes, (7.85, 2.65), "3  A new image picks\n    the nearest caption", size=12, ha="left", weight="bold")
    cards(axes, (7.95, 1.15), 0.9, 0.9, ["image"], _IMAGE)
    encoder(axes, (9.95, 1.6), 1.05, 0.95, "Image\nencoder", _IMAGE)
    arrow(axes, (8.9, 1.6), (9.4, 1.6))
    matrix(axes, (10.85, 1.81), _CELL, [["$I$"]], [[tint(_IMAGE)]])
    arrow(axes, (10.48, 1.6), (10.83, 1.6))
    texts = ["…" if name == "…" else rf"$I{{\cdot}}T_{name}$" for name in "123…C"]
    matrix(axes, (_COLUMN, 1.81), _CELL, [texts], [["white", "white", tint(BLUE, 0.45), "white", "white"]], size=8)
    for column in range(5):
        x = _COLUMN + (column + 0.5) * _CELL[0]
        arrow(axes, (x, 3.77), (x, 1.83), color=GREY)
    middle = _COLUMN + 2.5 * _CELL[0]
    arrow(axes, (middle, 1.38), (middle, 0.92), color=BLUE)
    box(axes, (middle, 0.68), 1.5, 0.42, "Folding arms", BLUE)


def _index(letter: str, name: str) -> str:
    return "…" if name == "…" else f"${letter}_{name}$"


def _product(row: str, column: str) -> str:
    return "…" if "…" in (row, column) else rf"$I_{row}{{\cdot}}T_{column}$"


def framework(captions: Sequence[str] = ("Folding arms", "Touching jaw", "Folding arms", "Head up"),
              images: Sequence[ArrayLike] | None = None) -> Figure:
    """The report's Figure 3: its framework with every shape, and the target matrix of the batch that is shown.

    Parameters
    ----------
    captions : sequence of str
        Three to six captions of a batch; equal ones show why the target is not the identity.
    images : sequence of array (H, W, 3), optional
        An image for each caption.

    Raises
    ------
    ValueError
        If there are too few or too many captions, or not one image each.

    Taught in: 02, section 1.
    """
    if not 3 <= len(captions) <= 6 or (images is not None and len(images) != len(captions)):
        raise ValueError(f"{len(captions)} captions, {'no' if images is None else len(images)} images: "
                         "wanted 3 to 6 captions and one image each")
    figure, axes = canvas(13.9, 6.2)
    _inputs(axes, captions, images)
    _tower(axes, 4.75, "Image encoder\nResNet-50", "N × 2048", 2048, "image embeddings", _IMAGE)
    _tower(axes, 1.45, "Text encoder\nDistilBERT,\n[CLS] token", "N × 768", 768, "text embeddings", _TEXT)
    _comparison(axes, captions)
    return figure


def _inputs(axes: Axes, captions: Sequence[str], images: Sequence[ArrayLike] | None) -> None:
    """The batch: images above, captions below."""
    label(axes, (1.15, 5.95), "N images\nN × 3 × 224 × 224", size=10)
    if images is None:
        cards(axes, (0.45, 4.2), 1.0, 1.0, ["image"] + [""] * (len(captions) - 1), _IMAGE, shift=0.1)
    else:
        pictures(axes, (0.45, 4.2), 1.0, images, _IMAGE, step=(0.1, 0.1))
    label(axes, (1.15, 2.6), "N captions\nN × L tokens", size=10)
    height = 1.6 / len(captions)
    matrix(axes, (0.3, 2.25), (1.7, height), [[caption] for caption in captions], [["white"]] * len(captions), size=8.5)


def _tower(axes: Axes, y: float, name: str, shape: str, width: int, result: str, color: str) -> None:
    """Encoder, features, projection head and embeddings of one modality, at height y."""
    arrow(axes, (2.05, y), (2.35, y))
    encoder(axes, (3.05, y), 1.4, 1.5, name, color)
    arrow(axes, (3.75, y), (4.0, y))
    box(axes, (4.5, y), 0.95, 0.42, shape, color)
    label(axes, (4.5, y + 0.38), "features", size=9.5)
    arrow(axes, (4.98, y), (5.25, y))
    _head(axes, (6.5, y), width)
    arrow(axes, (7.75, y), (8.0, y))
    box(axes, (8.5, y), 0.95, 0.42, "N × 256", color)
    label(axes, (8.5, y + (0.42 if y > 3 else -0.42)), result, size=9.5)


def _head(axes: Axes, center: Point, width: int) -> None:
    """The projection head, layer by layer, with its residual connection."""
    x, y = center
    axes.add_patch(Rectangle((x - 1.22, y - 1.08), 2.44, 2.16, facecolor="white", edgecolor=_HEAD, linewidth=1.6,
                             linestyle="--"))
    label(axes, (x, y + 1.22), "projection head", size=9.5)
    layers = [f"Linear {width} → 256", "GELU", "Linear 256 → 256", "Dropout 0.1", "add, LayerNorm"]
    heights = [y + 0.84 - 0.42 * i for i in range(5)]
    for height, layer in zip(heights, layers, strict=True):
        box(axes, (x - 0.15, height), 1.6, 0.27, layer, _HEAD, size=9)
    for upper, lower in zip(heights, heights[1:], strict=False):
        arrow(axes, (x - 0.15, upper - 0.135), (x - 0.15, lower + 0.135), color=GREY)
    path(axes, [(x + 0.65, heights[0]), (x + 0.9, heights[0]), (x + 0.9, heights[4]), (x + 0.66, heights[4])])
    label(axes, (x + 1.04, y), "residual", size=8.5, rotation=270)


def _comparison(axes: Axes, captions: Sequence[str]) -> None:
    """Logits, target matrix and the loss between them."""
    count, left, right = len(captions), 9.85, 11.95
    target = np.array([[one == other for other in captions] for one in captions])
    cell = (1.6 / count, 1.6 / count)
    phase = np.arange(count)[:, None] * 1.7 + np.arange(count)[None] * 2.9
    strength = np.where(target, 0.75, 0.25) + 0.18 * np.sin(phase)  # a drawing, not a measurement
    matrix(axes, (left, 4.6), cell, [[""] * count] * count, [[tint(BLUE, value) for value in row] for row in strength])
    label(axes, (left + 0.8, 4.95), "logits, N × N\n$I\\,T^{\\top} / \\tau$", size=10.5)
    label(axes, (left + 0.8, 2.74), "softmax over rows: image to text,\nover columns: text to image", size=8.5)
    path(axes, [(8.5, 4.52), (8.5, 3.85), (left - 0.05, 3.85)])
    path(axes, [(8.5, 1.68), (8.5, 3.55), (left - 0.05, 3.55)])
    matrix(axes, (right, 4.6), cell, [["1" if value else "0" for value in row] for row in target],
           [[tint(ORANGE, 0.6) if value else "white" for value in row] for row in target])
    label(axes, (right + 0.8, 4.95), "target matrix, N × N\n1 where captions are equal", size=10)
    box(axes, (11.7, 1.45), 2.6, 0.75, "Loss: how far the two\ndistributions differ", _LOSS, size=10.5)
    arrow(axes, (left + 0.8, 2.48), (11.2, 1.86))
    arrow(axes, (right + 0.8, 2.95), (12.2, 1.86))
