"""Figures of the loss grid: targets as pictures, divergences, gradients, collapse, label noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from mgutils.report.figures.charts import (
    CONSTANT,
    LINES,
    MARKERS,
    band,
    dot_rows,
    heat_maps,
    legend_beside,
)
from mgutils.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    new_figure,
    shorten,
)

_COLORS = [BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY]
_MARKS = ("frame: no better than the constant class       "
          "●  captions bunched, mean cosine above 0.99\n"
          "✕  fewer than 5 classes predicted       "
          "±  half the distance from the lowest seed to the highest")


def target_matrices(matrices: Mapping[str, ArrayLike], captions: Sequence[str]) -> Figure:
    """Target matrices of one batch side by side, on one scale from 0 to 1.

    Parameters
    ----------
    matrices : mapping of str to array (B, B)
        By title; row: image or caption asked about, column: possible answer.
    captions : sequence of str
        Of the batch, B of them.

    Taught in: 04, section 2.
    """
    numbers = range(1, len(captions) + 1)
    rows = [f"{shorten(name, 30)}  {row}" for row, name in zip(numbers, captions, strict=True)]
    figure, axes = heat_maps(matrices, rows, numbers, size=(2.5 * len(matrices) + 3.2, 3.2),
                             limits=(0, 1), bar="weight of the answer", cmap="cividis", square=True)
    axes[0].set_xlabel("caption or image of sample")
    return figure


def curves(x: ArrayLike, lines: Mapping[str, ArrayLike], *, title: str, xlabel: str, ylabel: str,
           levels: Mapping[str, float] | None = None, log: bool = False,
           ylim: tuple[float, float] | None = None) -> Figure:
    """Named lines over one axis, each with its own colour and dash.

    ``levels`` are dotted horizontal lines.

    Taught in: 04, sections 3 and 5.
    """
    figure, axes = new_figure(size=(7.5, 4.2))
    for (name, y), color, dash in zip(lines.items(), _COLORS, LINES, strict=False):
        axes.plot(x, np.asarray(y), color=color, linestyle=dash, label=name, linewidth=2.5)
    for name, level in (levels or {}).items():
        axes.axhline(level, color=GREY, linestyle=":", label=name)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel, yscale="log" if log else "linear")
    if ylim:
        axes.set_ylim(ylim)
    axes.legend()
    return figure


def collapse_grid(summary: pd.DataFrame, constant: float) -> Figure:
    """Top-1 of every cell of the grid as a heat map, the collapse marked.

    Parameters
    ----------
    summary : DataFrame
        As :func:`mgutils.experiments.loss_grid.grid.summarise` makes it.
    constant : float
        Top-1 of always saying the most common class.

    Taught in: 04, section 6.
    """
    table = summary.assign(
        row=[f"{cell.targets}{', gradient through' * cell.through}, {cell.divergence.upper()}"
             for cell in summary.itertuples()],
        column=[f"{'L2 norm' if cell.normalize else 'no norm'}\ntau {cell.temperature:g}"
                for cell in summary.itertuples()],
        text=[f"{100 * cell.top1:.0f} ± {50 * (cell.highest - cell.lowest):.0f}"
              f"{' ●' * cell.collapsed}{' ✕' * cell.few_classes}"
              for cell in summary.itertuples()],
    )
    rows = table["row"].unique()
    columns = table["column"].unique()

    def cells(name: str) -> pd.DataFrame:
        return table.pivot(index="row", columns="column", values=name).loc[rows, columns]

    figure, (axes,) = heat_maps(
        {"Top-1 of each target and divergence, by norm and temperature": 100 * cells("top1")},
        rows,
        columns,
        size=(1.5 * len(columns) + 4, 0.43 * len(rows) + 2.2),
        limits=(0, 100),
        bar="top-1 in %, mean of the seeds; line: constant class",
        shrink=1,
        cmap="cividis",
        annot=cells("text"),
        fmt="",
    )
    for row, column in np.argwhere(cells("below_majority").to_numpy()):
        place = (column + 0.04, row + 0.1)
        axes.add_patch(Rectangle(place, 0.92, 0.8, fill=False, edgecolor=ORANGE, linewidth=2))
    axes.hlines(range(3, len(rows), 3), 0, len(columns), color="white", linewidth=3)
    figure.axes[-1].axhline(100 * constant, color="white", linewidth=2)
    axes.set(xlabel=_MARKS, ylabel="")
    return figure


def repairs(results: Mapping[str, Sequence[float]], constant: float) -> Figure:
    """Top-1 of every seed for the report's cell and for each single change of it.

    Parameters
    ----------
    results : mapping of str to sequence of float
        Top-1 of the seeds (0..1), by the name of the change; the first is the reference.
    constant : float
        Top-1 of always saying the most common class.

    Taught in: 04, section 6.
    """
    figure, axes = new_figure(size=(8.5, 0.42 * len(results) + 1.4))
    percent = {name: 100 * np.asarray(values) for name, values in results.items()}
    colors = [VERMILLION if values.mean() <= 100 * constant else BLUE
              for values in percent.values()]
    dot_rows(axes, percent, colors)
    axes.axvline(100 * constant, **CONSTANT)
    axes.set(xlabel="top-1 in %", title="The report's CE cell, one thing changed at a time")
    legend_beside(axes)
    return figure


def spread_lines(x: Sequence[float], groups: Mapping[str, ArrayLike], *, title: str, xlabel: str,
                 constant: float) -> Figure:
    """Top-1 over a dial: mean of the seeds as a line, from the lowest to the highest as a band.

    Parameters
    ----------
    x : sequence of float (L,)
    groups : mapping of str to array (L, S)
        Top-1 (0..1) at each level and seed.
    constant : float
        Top-1 of always saying the most common class.

    Taught in: 04, sections 6 and 7.
    """
    figure, axes = new_figure(size=(7.5, 4.2))
    styles = zip(_COLORS, LINES, MARKERS, strict=True)
    for (name, values), (color, dash, marker) in zip(groups.items(), styles, strict=False):
        percent = 100 * np.transpose(values)
        band(axes, x, percent, color, label=name, linestyle=dash, marker=marker, markersize=7)
    axes.axhline(100 * constant, **CONSTANT)
    axes.set(title=title, xlabel=xlabel, ylabel="top-1 in %", ylim=(0, 100), xticks=x)
    legend_beside(axes)
    return figure
