"""Figures about the model's numbers: similarity matrices and what the temperature does to a softmax."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from mgutils.style import BLACK, BLUE, VERMILLION, new_figure, shorten


def similarity_matrix(matrix: ArrayLike, rows: Sequence[str], columns: Sequence[str], *, title: str = "",
                      name: str = "dot product", limits: tuple[float, float] | None = None,
                      digits: int | None = None, mark: ArrayLike | None = None) -> Figure:
    """A matrix of similarities as a heat map with named rows and columns.

    Parameters
    ----------
    matrix : array (R, C)
    rows, columns : sequence of str
        R and C names.
    title : str
    name : str
        Label of the colour bar.
    limits : tuple of float, optional
        Values of the darkest and the lightest colour; those of the matrix where left out.
    digits : int, optional
        Write the values into the cells with so many decimals.
    mark : array of bool (R, C), optional
        Cells to frame, for instance the true pairs.

    Raises
    ------
    ValueError
        If the names do not fit the matrix.

    Taught in: 02, section 4.
    """
    matrix = np.asarray(matrix, dtype=float)
    if matrix.shape != (len(rows), len(columns)):
        raise ValueError(f"matrix {matrix.shape} with {len(rows)} row and {len(columns)} column names")
    side = 0.24 if digits is None else 0.5
    figure, axes = new_figure(size=(4.1 + side * len(columns), 3.4 + side * len(rows)))
    low, high = limits or (matrix.min(), matrix.max())
    sns.heatmap(matrix, vmin=low, vmax=high, cmap="viridis", annot=digits is not None, fmt=f".{digits or 0}f",
                annot_kws={"fontsize": 9}, cbar_kws={"label": name, "shrink": 0.85}, linewidths=0.4, square=True,
                xticklabels=[shorten(text, 30) for text in columns], yticklabels=[shorten(text, 30) for text in rows],
                ax=axes)
    axes.tick_params(axis="x", rotation=90, labelsize=9)
    axes.tick_params(axis="y", rotation=0, labelsize=9)
    axes.set(title=title, xlabel="caption", ylabel="image")
    for row, column in np.argwhere(np.zeros(matrix.shape, bool) if mark is None else np.asarray(mark)):
        axes.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor=VERMILLION, linewidth=1.8))
    return figure


def temperature_effect(similarities: ArrayLike, temperatures: Sequence[float], names: Sequence[str]) -> Figure:
    """The softmax of one row of similarities at several temperatures, one panel each.

    Parameters
    ----------
    similarities : array (C,)
        Of one image with C captions.
    temperatures : sequence of float
    names : sequence of str
        C captions.

    Taught in: 02, section 5.
    """
    similarities = np.asarray(similarities, dtype=float)
    figure, axes = new_figure(1, len(temperatures), size=(2.5 * len(temperatures) + 2, 0.28 * len(names) + 1.3),
                              sharey=True, squeeze=False)
    for place, temperature in zip(axes[0], temperatures, strict=True):
        scaled = similarities / temperature
        shares = np.exp(scaled - scaled.max()) / np.exp(scaled - scaled.max()).sum()
        place.barh(np.arange(len(names)), shares, color=BLUE)
        place.set(xlim=(0, 1), title=f"temperature {temperature:.2g}", xlabel="probability")
        place.text(0.97, 0.02, f"largest {shares.max():.2f}", transform=place.transAxes, ha="right", color=BLACK)
        place.grid(axis="y", visible=False)
    axes[0, 0].set_yticks(np.arange(len(names)), [shorten(name, 28) for name in names])
    axes[0, 0].set_ylim(len(names) - 0.4, -0.6)
    return figure
