"""The four systems: one picture of what is read, paired and asked, and the verdicts on their claims."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, Polygon

from mgutils.experiments.systems import SYSTEMS, System
from mgutils.report.figures.charts import ask, legend_below
from mgutils.report.figures.drawing import tint
from mgutils.report.figures.skeleton import differences_chart
from mgutils.style import BLACK, BLUE, GREEN, GREY, LIGHT, ORANGE, PURPLE, SKY, VERMILLION, new_figure

_COLORS = {"image": BLUE, "rgb": BLUE, "frames": BLUE, "depth": GREEN, "infrared": ORANGE, "joints": PURPLE,
           "caption": SKY, "sentence": SKY, "class": GREY}
_LOSSES = {"original_kl": "forward KL", "class_ce": "cross entropy", "mse": "squared error", "infonce": "InfoNCE"}
_VERDICTS = {"refuted": (VERMILLION, ""), "partly": (ORANGE, "//"), "not shown": (GREY, ""), "reproduced": (GREEN, ""),
             "needs the real data": (SKY, ".."), "by construction": (LIGHT, "")}
"""Colour and hatch."""
_LINE = 0.42
"""Inches of a modality."""
_WIDTH, _SPACE = 13.2, (5.35, 8.85)
"""Of the picture, and of the space in it."""


def systems_picture(systems: Sequence[System] = SYSTEMS) -> Figure:
    """The originals below each other: encoders at the left, one space in the middle, probes at the right.

    Taught in: 00, section 4.
    """
    heights = [0.75 + _LINE * max(2, len(system.encoders)) for system in systems]
    top = sum(heights)
    figure, axes = new_figure(size=(_WIDTH, top + 0.75))
    axes.set(xlim=(0, _WIDTH), ylim=(-0.1, top + 0.65), aspect="equal")
    axes.set_axis_off()
    left, right = _SPACE
    axes.add_patch(FancyBboxPatch((left, 0), right - left, top, boxstyle="round,pad=0,rounding_size=0.3",
                                  facecolor=tint(GREY, 0.12), edgecolor=BLACK, linewidth=1.6))
    for place, words in ((2.5, "an encoder for each"), ((left + right) / 2, "one space"), (11, "what is asked of it")):
        axes.text(place, top + 0.35, words, ha="center", va="center", fontsize=14, fontweight="bold")
    for system, height in zip(systems, heights, strict=True):
        top -= height
        if top > 0.1:
            axes.plot([0, _WIDTH], [top, top], color=LIGHT, linewidth=1.2, zorder=0)
        _draw(axes, system, top, height)
    return figure


def verdict_bars(table: pd.DataFrame) -> Figure:
    """Claims of each system (rows) by verdict (columns), as shares of a bar with their numbers.

    Taught in: 14, section 5.
    """
    figure, axes = new_figure(size=(10, 0.62 * len(table) + 1.5))
    left = np.zeros(len(table))
    shares = (100 * table.div(table.sum(axis=1), axis=0)).to_numpy()  # (systems, verdicts)
    for verdict, share in zip(table, shares.T, strict=True):
        color, hatch = _VERDICTS[verdict]
        axes.barh(table.index, share, left=left, color=tint(color, 0.6), edgecolor="white", hatch=hatch, label=verdict)
        for place, number in enumerate(table[verdict]):
            if number:
                axes.text(left[place] + share[place] / 2, place, f"{number}", ha="center", va="center", fontsize=11,
                          bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85})
        left += share
    axes.set(xlim=(0, 100), xlabel="% of a system's claims; numbers are claims")
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    legend_below(figure, axes, 3)
    return ask(figure, "What became of the claims?")


def bridge_chart(differences: pd.DataFrame, control: str) -> Figure:
    """Each arm less the control in top-1 and UAR, with its interval, on what the design would mostly have missed.

    Parameters
    ----------
    differences : DataFrame
        As :func:`mgutils.experiments.bridge.bridge_differences` returns it: by ``arm, less, score``, in points.
    control : str
        The arm at 0, which names the line. Comparisons with another arm are not drawn.

    Taught in: 13, section 3.
    """
    rows = differences.xs(control, level="less", drop_level=False).reset_index()
    rows = rows.rename(columns={"arm": "second", "less": "first"})
    points = ["difference", "low", "high", "detectable"]
    furthest = 1.05 * rows[points].abs().max(axis=None)
    rows[points] /= 100  # shares
    figure = differences_chart(rows)
    for panel in figure.axes:
        panel.annotate(control, (0, 1), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
                       ha="center", va="bottom", fontsize=12)
        panel.set(xlim=(-furthest, furthest), xlabel=f"{panel.get_xlabel()} (95 % interval)")
    return ask(figure, "Do sentences about parts of the body help a classifier of skeletons?")


def _draw(axes: Axes, system: System, bottom: float, height: float) -> None:
    """One row of the picture."""
    axes.text(0.05, bottom + height - 0.25, system.title, fontsize=12.5, fontweight="bold", va="center")
    axes.text(_SPACE[0] - 0.25, bottom + height - 0.25, f"notebook{'s' * (' ' in system.notebooks)} {system.notebooks}",
              fontsize=10.5, color=GREY, va="center", ha="right")
    middle = bottom + (height - 0.4) / 2
    names = list(system.encoders)
    levels = middle + _LINE * (np.arange(len(names))[::-1] - (len(names) - 1) / 2)
    for name, level in zip(names, levels, strict=True):
        frozen = name in system.frozen
        _box(axes, 0.75, level, 1.3, name, _COLORS[name])
        axes.annotate("", (1.85, level), (1.42, level), arrowprops={"arrowstyle": "-|>", "color": GREY})
        word = system.encoders[name] + (" (frozen)" if frozen else "")
        corners = [(1.88, level - 0.17), (1.88, level + 0.17), (4.6, level + 0.12), (4.6, level - 0.12)]
        axes.add_patch(Polygon(corners, facecolor=LIGHT if frozen else tint(_COLORS[name], 0.3),
                               edgecolor=BLACK if frozen else _COLORS[name], linewidth=2.4 if frozen else 1.2))
        axes.text(3.24, level, word, ha="center", va="center", fontsize=10)
        axes.annotate("", (_SPACE[0] - 0.02, level), (4.65, level), arrowprops={"arrowstyle": "-|>", "color": GREY})
    _draw_pairs(axes, system, middle, height)
    for number, probe in enumerate(system.probes):
        level = middle + 0.36 * ((len(system.probes) - 1) / 2 - number)
        axes.annotate("", (9.35, level), (_SPACE[1] + 0.04, level), arrowprops={"arrowstyle": "-|>", "color": GREY})
        axes.text(9.42, level, probe, va="center", fontsize=10.5)


def _draw_pairs(axes: Axes, system: System, middle: float, height: float) -> None:
    """The pairs of a system as lines between its parts."""
    anchor, *others = dict.fromkeys(name for pair in system.pairs for name in (pair.a, pair.b))
    start = np.array([_SPACE[0] + 0.62, middle])
    step = min(0.62, (height - 0.75) / max(len(others) - 1, 1))
    ends = {name: np.array([_SPACE[1] - 0.68, middle + step * ((len(others) - 1) / 2 - place)])
            for place, name in enumerate(others)}
    for pair in system.pairs:
        end = ends[pair.b]
        axes.plot(*np.transpose([start, end]), color=VERMILLION, linewidth=2.2, zorder=1)
    words = list(dict.fromkeys(_LOSSES[pair.loss] for pair in system.pairs))
    for place, word in enumerate(words):
        level = middle if len(words) == 1 else ends[system.pairs[place].b][1] * 0.5 + middle * 0.5
        axes.text((start[0] + ends[others[0]][0]) / 2 - 0.05, level, word, ha="center", va="center", fontsize=9.5,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.2}, zorder=2)
    for name, place in {anchor: start, **ends}.items():
        frozen = name in system.frozen
        axes.add_patch(Circle(place, 0.14, facecolor=tint(_COLORS[name], 0.6), zorder=3,
                              edgecolor=BLACK if frozen else _COLORS[name], linewidth=2.4 if frozen else 1.2))
        axes.text(place[0], place[1] - 0.24, name, ha="center", va="center", fontsize=9.5, zorder=4)


def _box(axes: Axes, x: float, y: float, width: float, word: str, color: str) -> None:
    axes.add_patch(FancyBboxPatch((x - width / 2, y - 0.16), width, 0.32, boxstyle="round,pad=0,rounding_size=0.08",
                                  facecolor=tint(color, 0.3), edgecolor=color, linewidth=1.4))
    axes.text(x, y, word, ha="center", va="center", fontsize=10.5)
