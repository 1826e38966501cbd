"""Figures of notebook 12: a clip and what is said of it, arms on classes never seen, a captioner's dial, test windows.

Tables are those of :mod:`mgutils.experiments.sentence_tables`, shares.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy import ndarray
from numpy.typing import ArrayLike

from mgutils.data.items import choose_frames, load_modality
from mgutils.data.table import Dataset
from mgutils.report.figures.charts import (
    LINES,
    MARKERS,
    SERIES,
    ask,
    heat_maps,
    interval_rows,
    legend_below,
    legend_beside,
    panels,
)
from mgutils.report.figures.skeleton import SIDES, draw_skeleton
from mgutils.style import BLACK, GREY, LIGHT, SKY, new_figure, shorten

MOMENTS = 4  # frames that are shown of a clip
CLOSE = 10  # classes in a picture of cosines
CHANCE = {"color": GREY, "linestyle": (0, (5, 3)), "label": "chance"}


def spoken_clip(dataset: Dataset, row: int, said: Mapping[str, str]) -> Figure:
    """A clip as a skeleton at four moments, its true joints, and what is said of it by kind.

    Taught in: 12, section 1.
    """
    clip = dataset.frames.iloc[row]
    places = choose_frames([clip["length"]], MOMENTS, np.full((1, MOMENTS), 0.5))[0][0]
    frames = load_modality(dataset, "truth")[clip["start"] + places]
    seen = frames[frames[..., 2] > 0][:, :2]
    lines = [(kind, textwrap.wrap(text, 84) or ["(nothing)"]) for kind, text in said.items()]
    height = sum(len(text) for _, text in lines) + 0.5 * len(lines)
    figure, grid = new_figure(2, 1, size=(10, 3.0 + 0.21 * height), height_ratios=[2.7, 0.21 * height])
    top, bottom = grid
    step = 1.05 * (np.ptp(seen[:, 0]) + 0.1)
    for place, frame in enumerate(frames):
        moved = frame + [place * step, 0, 0]
        draw_skeleton(top, moved)
        top.text(moved[frame[:, 2] > 0, 0].mean(), seen[:, 1].min() - 0.03, f"frame {places[place] + 1}", ha="center",
                 fontsize=10)
    top.set(aspect="equal", ylim=(seen[:, 1].max() + 0.02, seen[:, 1].min() - 0.06))
    for place, (side, color) in enumerate(SIDES.items()):
        top.text(0.985, 0.3 - 0.12 * place, f"the person's {side}", color=color, fontsize=10, ha="right",
                 transform=top.transAxes)
    line = 0.0
    for kind, text in lines:
        bottom.text(0, line, kind, va="top", fontsize=10, fontweight="bold")
        bottom.text(0.23, line, "\n".join(text), va="top", fontsize=10, linespacing=1.25)
        line += len(text) + 0.5
    bottom.set(xlim=(0, 1), ylim=(line, 0))
    for panel in grid:
        panel.set_axis_off()
    return ask(figure, "What can be said of a clip?")


def cosine_maps(towers: Mapping[str, ArrayLike], names: Sequence[str]) -> Figure:
    """Cosines (C, C) of the classes' sentences with each other, by the tower that made the vectors.

    Of the classes that have the nearest neighbours by the first tower, at most :data:`CLOSE`, with numbers.

    Taught in: 12, section 2.
    """
    first = np.array(next(iter(towers.values())))
    np.fill_diagonal(first, -1)
    close = np.sort(np.argsort(-first.max(axis=1), kind="stable")[:CLOSE])
    rows = [shorten(names[index], 34) for index in close]
    figure, axes = heat_maps({name: np.asarray(table)[np.ix_(close, close)] for name, table in towers.items()}, rows,
                             [str(place) for place in range(1, len(rows) + 1)], size=(4.4 * len(towers) + 3, 4.6),
                             limits=(0, 1), bar="cosine", shrink=0.7, annot=True, fmt=".2f", annot_kws={"fontsize": 8})
    axes[0].set_yticklabels([f"{name}  {place}" for place, name in enumerate(rows, start=1)])
    return ask(figure, "Which classes' sentences lie close together?")


def arms_chart(table: pd.DataFrame, chance: float, question: str) -> Figure:
    """UAR on classes never seen, a row for each arm: the mean with its interval, and each set of classes as a dot.

    Parameters
    ----------
    table : DataFrame
        ``arm, seeds, value, low, high, sets`` (of each set of classes, the mean over its runs).
    chance : float

    Taught in: 12, section 5.
    """
    most = table["seeds"].max()
    rows = [arm if seeds == most else f"{arm} ({seeds} of {most} seeds)"
            for arm, seeds in zip(table["arm"], table["seeds"], strict=True)]
    figure, axes = new_figure(size=(9, 0.42 * len(rows) + 1.7))
    for place, sets in enumerate(table["sets"]):
        axes.plot(100 * np.asarray(sets), np.full(len(sets), place + 0.22), "o", color=SKY, markersize=5, zorder=1,
                  label="a set of classes" if not place else None)
    interval_rows(axes, rows, {"all sets": table.assign(row=rows)}, "UAR, %")
    axes.axvline(100 * chance, **CHANCE)
    legend_below(figure, axes, 3)
    return ask(figure, question)


def dial_chart(table: pd.DataFrame) -> Figure:
    """What two kinds of damage cost, on classes never seen and within a class: lines with their intervals.

    Parameters
    ----------
    table : DataFrame
        ``damage, rate, score`` (``uar`` or ``r1``), ``value, low, high, chance``.

    Taught in: 12, section 8.
    """
    titles = {"uar": "UAR among unseen classes, %", "r1": "R@1 within a class, %"}
    names = {"side": "left and right exchanged", "empty": "the class's name in their place"}
    figure, axes = panels(len(titles), 11, 4.2, sharey=True)
    for panel, (score, title) in zip(axes, titles.items(), strict=True):
        for place, (damage, name) in enumerate(names.items()):
            rows = (table["score"] == score) & (table["damage"] == damage)
            part = 100 * table[rows].drop(columns=["score", "damage"])
            reach = [part["value"] - part["low"], part["high"] - part["value"]]
            panel.errorbar(part["rate"] + 3 * place - 1.5, part["value"], reach, linestyle=LINES[place],
                           marker=MARKERS[place], color=SERIES[place], linewidth=2, elinewidth=1.3, capsize=4,
                           markersize=7, label=name)
        panel.axhline(100 * table.loc[table["score"] == score, "chance"].iloc[0], **CHANCE)
        panel.set(xlabel="damaged sentences, %", ylabel=title, xticks=100 * table["rate"].unique())
    axes[0].set_ylim(bottom=0)
    legend_below(figure, axes[0], 3)
    return ask(figure, "How bad may a captioner be?")


def within_chart(table: pd.DataFrame) -> Figure:
    """A sentence asked for its clip among those of its class: R@1 of all classes, and of those never shown.

    Parameters
    ----------
    table : DataFrame
        ``arm, classes`` (``all`` or ``left out``), ``value, low, high, chance``.

    Taught in: 12, section 6.
    """
    titles = {"all": "all classes: R@1, %", "left out": "classes never shown: R@1, %"}
    rows = list(dict.fromkeys(table["arm"]))
    figure, axes = panels(len(titles), 11, 0.45 * len(rows) + 1.6, sharex=True, sharey=True)
    for panel, (classes, title) in zip(axes, titles.items(), strict=True):
        part = table[table["classes"] == classes].rename(columns={"arm": "row"})
        interval_rows(panel, rows, {"mean of the seeds": part}, title)
        panel.axvline(100 * part["chance"].iloc[0], **CHANCE)
    legend_below(figure, axes[0], 2)
    return ask(figure, "Does a sentence find its own clip among those of its class?")


def bias_chart(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Recall of unseen against that of seen classes, as a number is added to the scores of the unseen ones.

    Parameters
    ----------
    curves : mapping
        Arm to ``bias, seen, unseen, harmonic``; the bias 0 gets a large marker, the best harmonic mean a star.

    Taught in: 12, section 7.
    """
    figure, axes = new_figure(size=(7.6, 4.8))
    for (name, curve), color, dash in zip(curves.items(), SERIES, LINES, strict=False):
        points = 100 * curve[["seen", "unseen"]]
        axes.plot(points["seen"], points["unseen"], color=color, linestyle=dash, linewidth=2, label=name)
        axes.plot(*points[curve["bias"] == 0].T.to_numpy(), "o", color=color, markersize=10)
        axes.plot(*points.loc[curve["harmonic"].idxmax()], "*", color=color, markersize=16, markeredgecolor=BLACK)
    axes.plot([], [], "o", color=GREY, markersize=10, label="as trained")
    axes.plot([], [], "*", color=GREY, markersize=14, label="best harmonic mean")
    axes.set(xlabel="recall of seen classes among all, %", ylabel="recall of unseen classes among all, %")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    legend_beside(axes)
    return ask(figure, "What does a model know of what it has seen, and of what it has not?")


def window_chart(draws: Mapping[str, ArrayLike], fixed: Mapping[str, float]) -> Figure:
    """Scores of the same runs, test after test: random windows as dots, beside the one score of the segments.

    Parameters
    ----------
    draws : mapping
        What is asked to the scores (draws,), shares.
    fixed : mapping
        The same to the score of the middles of the segments.

    Taught in: 12, section 7.
    """
    figure, axes = new_figure(size=(8.4, 0.9 * len(draws) + 1.5))
    for place, (name, color) in enumerate(zip(draws, SERIES, strict=False)):
        values = 100 * np.asarray(draws[name])
        beside = np.random.default_rng(0).uniform(-0.18, 0.18, len(values))
        axes.plot([values.min(), values.max()], [place, place], color=LIGHT, linewidth=16, solid_capstyle="butt",
                  zorder=0)
        axes.plot(values, place + beside, "o", color=color, alpha=0.6, markersize=6, label=f"{name}: a draw")
        axes.plot([100 * fixed[name]] * 2, [place - 0.4, place + 0.4], color=BLACK, linewidth=2.5,
                  label=None if place else "middles of the segments")
    axes.set_yticks(range(len(draws)), list(draws))
    axes.set(xlabel="UAR on unseen classes, %", ylim=(len(draws) - 0.5, -0.5))
    axes.grid(axis="y", visible=False)
    legend_below(figure, axes, 3)
    return ask(figure, "The same runs, tested again and again: which score is reported?")


def cosine_table(vectors: ndarray) -> ndarray:
    """Cosines of rows (C, W) with each other, (C, C).

    Taught in: 12, section 2.
    """
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T
