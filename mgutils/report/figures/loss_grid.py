"""Figures of the loss grid: targets as pictures, divergences, gradients, the collapse grid, label noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from mgutils.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, new_figure, shorten

_LINES = [(BLUE, "-", "o"), (ORANGE, "--", "s"), (GREEN, "-.", "^"), (VERMILLION, ":", "D"), (PURPLE, "-", "v"),
          (SKY, "--", "P")]
"""Colour, dash and marker: no line is known by its colour alone."""


def target_matrices(matrices: Mapping[str, ArrayLike], captions: Sequence[str]) -> Figure:
    """Target matrices of one batch side by side, on one scale from 0 to 1.

    Parameters
    ----------
    matrices : mapping of str to array (B, B)
        By title; row: image or caption asked about, column: possible answer.
    captions : sequence of str
        Of the batch, B of them.

    Taught in: 03, section 2.
    """
    figure, panels = new_figure(1, len(matrices), size=(2.5 * len(matrices) + 3.2, 3.2), squeeze=False)
    for axes, (title, matrix) in zip(panels[0], matrices.items(), strict=True):
        picture = axes.imshow(np.asarray(matrix), cmap="cividis", vmin=0, vmax=1)
        axes.set_title(title)
        axes.set_xticks(range(len(captions)), range(1, len(captions) + 1))
        axes.set_yticks([])
        axes.grid(False)
    panels[0][0].set_yticks(range(len(captions)),
                            [f"{shorten(name, 30)}  {row}" for row, name in enumerate(captions, 1)])
    panels[0][0].set_xlabel("caption or image of sample")
    figure.colorbar(picture, ax=list(panels[0]), shrink=0.8, label="weight of the answer")
    return figure


def curves(x: ArrayLike, lines: Mapping[str, ArrayLike], *, title: str, xlabel: str, ylabel: str,
           levels: Mapping[str, float] | None = None, log: bool = False,
           ylim: tuple[float, float] | None = None) -> Figure:
    """Named lines over one axis, each with its own colour and dash; ``levels`` are marked as thin horizontal lines.

    Taught in: 03, sections 3 and 5.
    """
    figure, axes = new_figure(size=(7.5, 4.2))
    for (name, y), (color, dash, _) in zip(lines.items(), _LINES, strict=False):
        axes.plot(np.asarray(x), np.asarray(y), dash, color=color, label=name, linewidth=2.5)
    for name, level in (levels or {}).items():
        _level(axes, name, level)
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
        Top-1 of always saying the most common class; the colours part there.

    Taught in: 03, section 6.
    """
    rows = list(dict.fromkeys(zip(summary["targets"], summary["through"], summary["divergence"], strict=True)))
    columns = list(dict.fromkeys(zip(summary["normalize"], summary["temperature"], strict=True)))
    figure, axes = new_figure(size=(1.5 * len(columns) + 4, 0.43 * len(rows) + 2.2))
    values = np.full((len(rows), len(columns)), np.nan)
    for cell in summary.itertuples():
        row = rows.index((cell.targets, cell.through, cell.divergence))
        column = columns.index((cell.normalize, cell.temperature))
        values[row, column] = 100 * cell.top1
        spread = 50 * (cell.highest - cell.lowest)
        marks = " ●" * cell.collapsed + " ✕" * cell.few_classes
        axes.text(column, row, f"{100 * cell.top1:.0f} ± {spread:.0f}{marks}", ha="center", va="center",
                  color=BLACK if cell.top1 > 0.45 else "white")
        if cell.below_majority:
            axes.add_patch(Rectangle((column - 0.46, row - 0.4), 0.92, 0.8, fill=False, edgecolor=ORANGE, linewidth=2))
    picture = axes.imshow(values, cmap="cividis", vmin=0, vmax=100, aspect="auto")
    axes.set_xticks(range(len(columns)), [f"{'L2 norm' if norm else 'no norm'}\ntau {tau:g}" for norm, tau in columns])
    axes.set_yticks(range(len(rows)), [f"{targets}{', gradient through' if through else ''}, {divergence.upper()}"
                                       for targets, through, divergence in rows])
    axes.grid(False)
    for row in range(3, len(rows), 3):
        axes.axhline(row - 0.5, color="white", linewidth=3)
    bar = figure.colorbar(picture, ax=axes, label="top-1 in %, mean of the seeds")
    bar.ax.axhline(100 * constant, color="white", linewidth=2)
    bar.ax.text(-0.2, 100 * constant, "constant ", color=BLACK, ha="right", va="center", fontsize=9)
    axes.set_title("Top-1 of each target and divergence, by norm and temperature")
    axes.set_xlabel("frame: no better than the constant class       ●  captions bunched, mean cosine above 0.99\n"
                    "✕  fewer than 5 classes predicted       ±  half the distance from the lowest seed to the highest")
    return figure


def repairs(results: Mapping[str, Sequence[float]], constant: float) -> Figure:
    """Top-1 of every seed for the report's cell and for each single change of it.

    Parameters
    ----------
    results : mapping of str to sequence of float
        Top-1 of the seeds (0..1), by the name of the change; the first is the reference.
    constant : float
        Top-1 of always saying the most common class.

    Taught in: 03, section 6.
    """
    figure, axes = new_figure(size=(8.5, 0.42 * len(results) + 1.4))
    for row, values in enumerate(results.values()):
        color = VERMILLION if np.mean(values) <= constant else BLUE
        axes.plot(100 * np.mean(values), row, "|", color=color, markersize=20, markeredgewidth=3)
        axes.plot(100 * np.asarray(values), np.full(len(values), row), "o", color=color, alpha=0.75, markersize=8)
    axes.axvline(100 * constant, color=BLACK, linestyle="--", linewidth=1.5)
    axes.text(100 * constant + 1, -0.75, "constant class", va="center", fontsize=10)
    axes.set_yticks(range(len(results)), list(results))
    axes.set(xlim=(-2, 100), ylim=(len(results) - 0.5, -1.2), xlabel="top-1 in %; a dot is a seed, the bar their mean",
             title="The report's CE cell, one thing changed at a time")
    return figure


def spread_lines(x: Sequence[float], groups: Mapping[str, ArrayLike], *, title: str, xlabel: str,
                 constant: float | None = None) -> Figure:
    """Top-1 over a dial: mean of the seeds as a line, from the lowest to the highest as a band.

    Parameters
    ----------
    x : sequence of float (L,)
    groups : mapping of str to array (L, S)
        Top-1 (0..1) at each level and seed.
    constant : float, optional
        Top-1 of always saying the most common class.

    Taught in: 03, sections 6 and 7.
    """
    figure, axes = new_figure(size=(7.5, 4.2))
    for (name, values), (color, dash, marker) in zip(groups.items(), _LINES, strict=False):
        values = 100 * np.asarray(values)
        axes.plot(x, values.mean(axis=1), dash, marker=marker, color=color, label=name, linewidth=2.5, markersize=7)
        axes.fill_between(x, values.min(axis=1), values.max(axis=1), color=color, alpha=0.15, linewidth=0)
    if constant is not None:
        axes.axhline(100 * constant, color=GREY, linestyle="--", linewidth=1.5)
        axes.annotate("constant class", (1, 100 * constant), xycoords=("axes fraction", "data"), xytext=(6, 0),
                      textcoords="offset points", va="center", fontsize=10)  # outside, where no line runs
    axes.set(title=title, xlabel=xlabel, ylabel="top-1 in %", ylim=(0, 100))
    axes.set_xticks(x)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _level(axes: Axes, name: str, level: float) -> None:
    axes.axhline(level, color=GREY, linestyle="--", linewidth=1.5)
    axes.annotate(name, (1, level), xycoords=("axes fraction", "data"), xytext=(-4, 4), textcoords="offset points",
                  ha="right", color=BLACK, fontsize=10)
