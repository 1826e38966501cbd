"""Figures about the model's numbers: similarities, and what the temperature does to a softmax."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike
from scipy.special import softmax

from mgutils.report.figures.charts import heat_maps, panels
from mgutils.style import BLUE, VERMILLION, shorten


def similarity_matrix(matrix: ArrayLike, rows: Sequence[str], columns: Sequence[str], *,
                      title: str = "", name: str = "dot product", digits: int | None = None,
                      mark: ArrayLike | None = None) -> Figure:
    """A matrix of similarities as a heat map with named rows and columns.

    Parameters
    ----------
    matrix : array (R, C)
    rows, columns : sequence of str
        R and C names.
    title : str
    name : str
        Label of the colour bar.
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
        raise ValueError(
            f"matrix {matrix.shape} with {len(rows)} row and {len(columns)} column names")
    side = 0.24 if digits is None else 0.5  # inches of a cell
    figure, (axes,) = heat_maps(
        {title: matrix},
        [shorten(text, 30) for text in rows],
        [shorten(text, 30) for text in columns],
        size=(4.1 + side * len(columns), 3.4 + side * len(rows)),
        limits=(matrix.min(), matrix.max()),
        bar=name,
        cmap="viridis",
        annot=digits is not None,
        fmt=f".{digits or 0}f",
        annot_kws={"fontsize": 9},
        linewidths=0.4,
        square=True,
    )
    axes.tick_params(labelsize=9)
    axes.set(xlabel="caption", ylabel="image")
    for row, column in np.argwhere([] if mark is None else mark):
        frame = Rectangle((column, row), 1, 1, fill=False, edgecolor=VERMILLION, linewidth=1.8)
        axes.add_patch(frame)
    return figure


def temperature_effect(similarities: ArrayLike, temperatures: Sequence[float],
                       names: Sequence[str]) -> Figure:
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
    figure, axes = panels(len(temperatures), 2.5 * len(temperatures) + 2, 0.28 * len(names) + 1.3,
                          sharey=True)
    for panel, temperature in zip(axes, temperatures, strict=True):
        shares = softmax(np.asarray(similarities, dtype=float) / temperature)
        panel.barh([shorten(name, 28) for name in names], shares, color=BLUE)
        panel.set(xlim=(0, 1), title=f"temperature {temperature:.2g}", xlabel="probability")
        panel.text(0.97, 0.02, f"largest {shares.max():.2f}", transform=panel.transAxes, ha="right")
        panel.grid(axis="y", visible=False)
    panel.invert_yaxis()
    return figure
