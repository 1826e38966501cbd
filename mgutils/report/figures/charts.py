"""What several figures share: dots with their mean, bands over seeds, heat maps, grouped bars.

Everything here draws numbers as they are given; percentages are made by the caller.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from mgutils.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    GROUP_COLORS,
    LIGHT,
    ORANGE,
    PURPLE,
    VERMILLION,
    new_figure,
)

CONSTANT = {"color": GREY, "linestyle": (0, (5, 3)), "label": "constant class"}
LOOKUP = {"color": GREY, "linestyle": ":", "linewidth": 2, "label": "look the clip up"}
"""How the two classifiers that see no pixel are drawn: as ``axes.axvline(top1, **CONSTANT)``."""

SERIES = [BLUE, ORANGE, GREEN, PURPLE, BLACK, VERMILLION]
"""Of the kinds of dots in one row; each has a marker of its own, too."""
LINES = ["-", "--", "-.", ":", "-", "--"]
MARKERS = ["o", "s", "^", "D", "v", "P"]
"""A dash and a marker for each line of a figure: no line is known by its colour alone."""


def panels(count: int, width: float, height: float, **subplots: Any) -> tuple[Figure, list[Axes]]:
    """Axes side by side, also where there is one."""
    figure, grid = new_figure(1, count, size=(width, height), squeeze=False, **subplots)
    return figure, list(grid[0])


def ask(figure: Figure, question: str) -> Figure:
    """The figure, under its question."""
    figure.suptitle(question, fontsize=13, fontweight="bold")
    return figure


def legend_below(figure: Figure, axes: Axes, columns: int) -> None:
    """The legend of one panel below all panels."""
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=columns)


def legend_beside(axes: Axes, **legend: Any) -> None:
    """The legend at the right of a panel, where no line runs."""
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), **legend)


def dot_rows(axes: Axes, rows: Mapping[str, ArrayLike], colors: Sequence[str]) -> None:
    """One row for each name: its values in percent as dots, their mean as a bar."""
    for place, (values, color) in enumerate(zip(rows.values(), colors, strict=True)):
        axes.plot(values, np.full(len(values), place), "o", color=color, alpha=0.5, markersize=8)
        if len(values):
            axes.plot(np.mean(values), place, "|", color=color, markersize=24, markeredgewidth=3)
    axes.plot([], [], "o", color=GREY, label="a seed")
    axes.plot([], [], "|", color=GREY, markersize=14, markeredgewidth=3, label="mean")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set(xlim=(-2, 102), ylim=(len(rows) - 0.5, -0.5))


def interval_rows(axes: Axes, rows: Sequence[str], series: Mapping[str, pd.DataFrame], label: str) -> None:
    """Rows with a dot and its 95 % interval for each series, a table with a column ``row`` and ``value, low, high``."""
    for place in range(1, len(rows), 2):
        axes.axhspan(place - 0.5, place + 0.5, color=LIGHT, alpha=0.5, linewidth=0, zorder=0)
    for place, (name, table) in enumerate(series.items()):
        found = 100 * table.set_index("row")[["value", "low", "high"]].reindex(rows)
        heights = np.arange(len(rows)) + 0.8 * ((place + 0.5) / len(series) - 0.5)
        axes.hlines(heights, found["low"], found["high"], color=SERIES[place], linewidth=2)
        axes.plot(found["value"], heights, MARKERS[place], color=SERIES[place], markersize=7, label=name)
    axes.set_yticks(range(len(rows)), rows)
    axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel=f"{label} (95 % interval)")
    axes.set_xlim(0, max([axes.get_xlim()[1], *(105 * part["high"].max() for part in series.values() if len(part))]))
    axes.grid(axis="y", visible=False)


def band(axes: Axes, x: ArrayLike, values: ArrayLike, color: str, **line: Any) -> None:
    """The mean of values (seeds, points) as a line, and a band from the lowest to the highest."""
    values = np.asarray(values)
    axes.plot(x, values.mean(axis=0), color=color, linewidth=2, **line)
    axes.fill_between(x, values.min(axis=0), values.max(axis=0), color=color, alpha=0.18, linewidth=0)


def heat_maps(matrices: Mapping[str, ArrayLike], rows: Sequence[str], columns: Sequence[str] | bool, *,
              size: tuple[float, float], limits: tuple[float, float], bar: str, shrink: float = 0.8,
              cmap: str = "Blues", **heat: Any) -> tuple[Figure, list[Axes]]:
    """Matrices of one shape side by side, by title, on one colour scale that ``bar`` names; ``False``: no column names.

    Further words go to :func:`seaborn.heatmap`.
    """
    figure, axes = panels(len(matrices), *size, sharey=True)
    for panel, (title, matrix) in zip(axes, matrices.items(), strict=True):
        sns.heatmap(np.asarray(matrix), vmin=limits[0], vmax=limits[1], cmap=cmap, cbar=False,
                    xticklabels=columns, yticklabels=rows, ax=panel, **heat)
        panel.set_title(title)
        panel.tick_params(axis="y", rotation=0)
    figure.colorbar(axes[0].collections[0], ax=axes, label=bar, shrink=shrink)
    return figure, axes


def grouped_bars(axes: Axes, table: pd.DataFrame, colors: Sequence[str]) -> None:
    """Bars in percent for each split, a row of the table; an unknown one is a question mark."""
    table.plot.bar(ax=axes, color=colors, width=0.8, rot=0, ylim=(0, 109), xlabel="split")
    for bars, name in zip(axes.containers, table, strict=True):
        texts = ["?" if np.isnan(value) else f"{value:.0f}" for value in table[name]]
        axes.bar_label(bars, texts, padding=2, fontsize=9)
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=len(table.columns))


def group_patches(groups: Collection[str]) -> list[Patch]:
    """Legend entries of the groups of classes that occur."""
    return [
        Patch(color=color, label=group.replace("none", "none: not a micro-gesture"))
        for group, color in GROUP_COLORS.items()
        if group in groups
    ]
