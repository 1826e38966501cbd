"""Diagrams: the report's Figure 2 (CLIP) and Figure 3 (its own framework), and the two-pass gradient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from mgutils.report.figures.drawing import cells, diagram, pictures, tint
from mgutils.style import BLUE, GREEN, ORANGE


def clip_architecture() -> Figure:
    """The report's Figure 2: CLIP is trained on pairs and used on a new image.

    References
    ----------
    Radford et al. 2021, arXiv:2103.00020, figure 1, redrawn with our captions.

    Taught in: 02, section 1.
    """
    return diagram("clip", 13.9, 5.4)[0]


def framework(captions: Sequence[str] = ("Folding arms", "Touching jaw", "Folding arms", "Head up"),
              images: Sequence[ArrayLike] | None = None, logits: ArrayLike | None = None) -> Figure:
    """The report's Figure 3: every shape of its framework, and the target matrix of a batch.

    Parameters
    ----------
    captions : sequence of str
        Three to six captions of a batch; equal ones show why the target is not the identity.
    images : sequence of array (H, W, 3), optional
        An image for each caption.
    logits : array (N, N), optional
        Of the batch, rows are images: written into their cells, the higher the darker. The cells are empty if not
        given.

    Raises
    ------
    ValueError
        If there are too few or too many captions, or not one image each.

    Taught in: 02, section 1.
    """
    count = len(captions)
    if images is None:
        images = [np.full((2, 2, 3), 255)] * count
    if not 3 <= count <= 6 or len(images) != count:
        raise ValueError(f"{count} captions, {len(images)} images: wanted 3 to 6 captions and one "
                         "image each")
    figure, axes = diagram("framework", 13.9, 6.2)
    pictures(axes, (0.45, 4.2), 1.0, images, GREEN)
    side = 1.6 / count
    white = [["white"]] * count
    cells(axes, (0.3, 2.25), (1.7, side), [[text] for text in captions], white, fontsize=8.5)

    target = np.equal.outer(captions, captions)
    values = np.zeros((count, count)) if logits is None else np.asarray(logits, dtype=float)
    spread = np.ptp(values) or 1.0
    blue = [[tint(BLUE, 0.1 + 0.5 * value) for value in row] for row in (values - values.min()) / spread]
    numbers = np.full(values.shape, "") if logits is None else np.char.mod("%.0f", values)
    cells(axes, (9.85, 4.6), (side, side), numbers, blue, fontsize=7.5)
    orange = [[tint(ORANGE, 0.6 * value) for value in row] for row in target]
    cells(axes, (11.95, 4.6), (side, side), target.astype(int).astype(str), orange)
    return figure


def two_passes() -> Figure:
    """How a batch that does not fit into memory gets the gradient of the whole: embed, compare, embed again.

    References
    ----------
    Gao, Zhang, Han and Callan 2021, arXiv:2101.06983 (GradCache).

    Taught in: 06, section 8.
    """
    return diagram("two_passes", 12.2, 4.0)[0]
