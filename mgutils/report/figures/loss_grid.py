"""Figures of the loss grid: targets as pictures, divergences, gradients, collapse, label noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
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
    panels,
)
from mgutils.report.figures.drawing import cells, tint
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
_MARKS = ("a number: mean top-1 in % ± half the distance from the lowest seed to the highest\n"
          "orange frame: no better than the constant class        ●  captions bunched, mean cosine above 0.99"
          "        ✕  fewer than 5 classes predicted")
_NORM, _RAW = "L2 norm\ntau 0.05", "no norm\ntau 0.05"
_ARROWS = [
    (("identity, CE", _NORM), ("class, CE", _NORM)),
    (("soft, gradient through, CE", "no norm\ntau 1"), ("soft, gradient through, CE", _RAW)),
    (("soft, gradient through, CE", _RAW), ("soft, gradient through, JS", _RAW)),
    (("class, CE", _RAW), ("class, JS", _RAW)),
]
"""Pairs of settings that the text compares, by row and column."""


def three_bars(bars: Mapping[str, Sequence[float]], answers: Sequence[str]) -> Figure:
    """Distributions over the same answers as bars side by side, with their numbers.

    Parameters
    ----------
    bars : mapping of str to sequence of float
        By title; the numbers of each sum to 1.
    answers : sequence of str

    Taught in: 04, section 2.
    """
    figure, axes = panels(len(bars), 2.9 * len(bars), 2.8, sharey=True)
    for panel, (title, heights), color in zip(axes, bars.items(), [BLUE, ORANGE, GREEN], strict=False):
        drawn = panel.bar(answers, heights, color=color, width=0.7)
        panel.bar_label(drawn, [f"{height:.2f}" for height in heights], padding=2, fontsize=12)
        panel.set(title=title, ylim=(0, 1))
        panel.grid(axis="x", visible=False)
    axes[0].set_ylabel("probability")
    return figure


def equal_copies(pairs: ArrayLike, captions: Sequence[str]) -> Figure:
    """Logits of a batch with repeated captions, and the same with one column for each caption.

    Parameters
    ----------
    pairs : array (B, B)
        Logits; columns with the same caption are equal.
    captions : sequence of str
        Of the batch, B of them.

    Taught in: 04, section 5.
    """
    pairs = np.asarray(pairs)
    once = list(dict.fromkeys(captions))
    shades = [tint(color, 0.4) for color in (BLUE, ORANGE, GREEN, PURPLE)]
    figure, axes = new_figure(size=(7.5, 3.2))
    height = len(pairs)
    left = len(captions) + 3
    for start, names in ((0, list(captions)), (left, once)):
        columns = [captions.index(name) for name in names]
        texts = [[f"{value:.1f}" for value in row] for row in pairs[:, columns]]
        colors = [[shades[once.index(name)] for name in names]] * height
        cells(axes, (start, height), (1, 1), texts, colors, 13)
        for place, name in enumerate(names):
            axes.text(start + place + 0.5, height + 0.15, name, ha="center", fontsize=12)
    for place, name in enumerate(once):
        axes.text(left + place + 0.5, -0.5, f"+ ln {captions.count(name)}", ha="center", fontsize=11)
    arrow = {"arrowstyle": "-|>", "linewidth": 2, "color": GREY}
    axes.annotate("", (left - 0.6, height / 2), (len(captions) + 0.6, height / 2), arrowprops=arrow)
    axes.text(len(captions) / 2, height + 0.9, "one column for each image: (B, B)", ha="center", fontsize=13)
    axes.text(left + len(once) / 2, height + 0.9, "one for each caption: (B, C)", ha="center", fontsize=13)
    axes.set(xlim=(-0.3, left + len(once) + 1), ylim=(-0.8, height + 1.4), aspect="equal")
    axes.set_axis_off()
    return figure


def target_matrices(matrices: Mapping[str, ArrayLike], captions: Sequence[str]) -> Figure:
    """Target matrices of one batch side by side, on one scale from 0 to 1.

    Parameters
    ----------
    matrices : mapping of str to array (B, B)
        By title; row: image or caption asked about, column: possible answer.
    captions : sequence of str
        Of the batch, B of them.

    Taught in: 04, section 4.
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

    Taught in: 04, sections 3 and 6.
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
    """Top-1 of every setting as a heat map: the collapse marked, numbered arrows for what the text compares.

    Parameters
    ----------
    summary : DataFrame
        As :func:`mgutils.experiments.loss_grid.grid.summarise` makes it.
    constant : float
        Top-1 of always saying the most common class.

    Taught in: 05, section 2.
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

    def values(name: str) -> pd.DataFrame:
        return table.pivot(index="row", columns="column", values=name).loc[rows, columns]

    figure, (axes,) = heat_maps(
        {"Top-1 of each target and divergence, by norm and temperature": 100 * values("top1")},
        rows,
        columns,
        size=(1.5 * len(columns) + 4, 0.43 * len(rows) + 2.2),
        limits=(0, 100),
        bar="top-1 in %, mean of the seeds; line: constant class",
        shrink=1,
        cmap=LinearSegmentedColormap.from_list("pale", ["white", tint(BLUE, 0.6)]),
        annot=values("text"),
        annot_kws={"color": "black", "fontsize": 12},
        fmt="",
        linewidths=1,
    )
    for row, column in np.argwhere(values("below_majority").to_numpy()):
        place = (column + 0.04, row + 0.1)
        axes.add_patch(Rectangle(place, 0.92, 0.8, fill=False, edgecolor=ORANGE, linewidth=2))
    axes.hlines(range(3, len(rows), 3), 0, len(columns), color=GREY, linewidth=2)
    figure.axes[-1].axhline(100 * constant, color=ORANGE, linewidth=3)
    axes.set(xlabel=_MARKS, ylabel="")
    for number, ends in enumerate(_ARROWS, start=1):
        _compare(axes, number, *([list(columns).index(column), list(rows).index(row)] for row, column in ends))
    return figure


def _compare(axes: Axes, number: int, start: list[int], end: list[int]) -> None:
    """A numbered arrow between two squares of a heat map, given by column and row."""
    along = start[1] == end[1]
    shift = np.array([0.5, 0.86]) if along else np.array([0.93, 0.5])
    start, end = start + shift, end + shift
    style = {"arrowstyle": "-|>", "color": VERMILLION, "linewidth": 2.5, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=style)
    axes.text(*(start + end) / 2, str(number), ha="center", va="center", color="white", fontsize=11, weight="bold",
              bbox={"boxstyle": "circle,pad=0.25", "facecolor": VERMILLION, "edgecolor": "white"})


def repairs(results: Mapping[str, Sequence[float]], constant: float) -> Figure:
    """Top-1 of every seed for the report's cell and for each single change of it.

    Parameters
    ----------
    results : mapping of str to sequence of float
        Top-1 of the seeds (0..1), by the name of the change; the first is the reference.
    constant : float
        Top-1 of always saying the most common class.

    Taught in: 05, section 3.
    """
    figure, axes = new_figure(size=(8.5, 0.42 * len(results) + 1.4))
    percent = {name: 100 * np.asarray(values) for name, values in results.items()}
    level = 100 * constant
    colors = [VERMILLION if values.max() <= level else BLUE if values.min() > level else ORANGE
              for values in percent.values()]
    dot_rows(axes, percent, colors)
    axes.axvline(level, **CONSTANT)
    for color, words in ((BLUE, "all seeds above it"), (ORANGE, "some"), (VERMILLION, "none")):
        axes.plot([], [], "s", color=color, label=words)
    axes.set(xlabel="top-1 in %", title="The report's CE setting, one thing changed at a time")
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

    Taught in: 05, sections 4 and 5.
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
