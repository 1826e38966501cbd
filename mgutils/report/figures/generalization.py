"""Figures of the honest evaluation: scores by split, where an accuracy comes from, rare classes, the ladder of recipes.

They draw the tables of :mod:`mgutils.experiments.generalization`; all shares are drawn in percent.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from mgutils.data.labels import Labels, gesture_groups
from mgutils.experiments.generalization import SCORE_NAMES
from mgutils.report.tables import COUNTED, REPORTED
from mgutils.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    GROUP_COLORS,
    LIGHT,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    YELLOW,
    new_figure,
    shorten,
)

_PARTS = {"constant": ("constant\nclass", GREY), "subject": ("gain over it,\nnew subjects", GREEN),
          "video": ("having seen\nthe subject", SKY), "clip": ("having seen\nthe video", ORANGE),
          "frame": ("having seen\nthe clip", VERMILLION)}
"""Name and colour of each part that ``accuracy_sources`` finds where all splits are there."""


def where_accuracy_comes_from(parts: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Left: the frame split's accuracy as a sum of parts, each with its interval. Right: the report's own.

    Of the report's number only the constant class is known, and the clip look-up's line; the rest cannot be told apart
    without the subjects of its images.

    Parameters
    ----------
    parts : DataFrame
        Of :func:`mgutils.experiments.generalization.accuracy_sources`.
    table : DataFrame
        Of :func:`mgutils.experiments.generalization.split_table`.

    Taught in: 07, section 4.
    """
    figure, (ours, report) = new_figure(1, 2, size=(11.5, 4.6), sharey=True, width_ratios=(len(parts) + 1, 1.7))
    total = _steps(ours, parts)
    ours.bar(len(parts), 100 * total, 0.72, color=LIGHT, edgecolor=BLACK)
    ours.text(len(parts), 100 * total / 2, f"{100 * total:.1f}", ha="center", va="center", fontweight="bold")
    names = [*(_part(name, parts)[0] for name in parts["part"]), "accuracy,\nframe split"]
    ours.set_xticks(range(len(names)), names)
    lookup = table.query("split == 'frame' and score == 'top1'")["lookup"].iloc[0]
    _lookup_line(ours, 100 * lookup)
    ours.set(title="These images", ylabel="accuracy, %", ylim=(min(0, 100 * _lowest(parts) - 2), 108))
    _reported_bar(report)
    for axes in (ours, report):
        axes.grid(axis="x", visible=False)
        axes.axhline(0, color=BLACK, linewidth=0.8)
    return figure


def _lowest(parts: pd.DataFrame) -> float:
    """Where the lowest bar or interval ends."""
    base = parts["value"].cumsum().shift(fill_value=0)
    return float((base + parts[["value", "low"]].min(axis=1)).min())


def _steps(axes: Axes, parts: pd.DataFrame) -> float:
    """Bars that each begin where the one before ends; returns where the last one ends."""
    base = 0.0
    for place, row in enumerate(parts.itertuples()):
        axes.bar(place, 100 * row.value, 0.72, bottom=100 * base, color=_part(row.part, parts)[1])
        top = base + row.value
        if row.high > row.low:
            error = [[100 * (row.value - row.low)], [100 * (row.high - row.value)]]
            axes.errorbar(place, 100 * top, error, color=BLACK, capsize=4, linewidth=1.2)
        axes.plot([place - 0.36, place + 1.36], [100 * top] * 2, color=GREY, linewidth=0.8)
        label = f"{100 * row.value:+.1f}" if place else f"{100 * row.value:.1f}"
        axes.text(place - 0.04, 100 * (base + row.value / 2), label, ha="right", va="center", fontsize=9.5,
                  bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 1})
        base = top
    return base


def _part(part: str, parts: pd.DataFrame) -> tuple[str, str]:
    """Name and colour; the hardest split's part is what is left there."""
    hardest = parts["part"].iloc[1]
    return (f"gain over it,\nnew {hardest}s", GREEN) if part == hardest != "subject" else _PARTS[part]


def _lookup_line(axes: Axes, height: float) -> None:
    axes.axhline(height, color=BLACK, linestyle=":", linewidth=1.5)
    axes.text(axes.get_xlim()[0] + 0.1, height + 1, f"clip look-up, no pixel seen: {height:.1f}", fontsize=9.5)


def _reported_bar(axes: Axes) -> None:
    """The report's 81 % on its own images, of which only the constant class can be taken apart."""
    constant, total = COUNTED["constant"][0], REPORTED["report_js"][0]
    axes.bar(0, constant, 0.72, color=GREY)
    axes.bar(0, total - constant, 0.72, bottom=constant, color="white", edgecolor=GREY, hatch="//")
    box = {"facecolor": "white", "edgecolor": "none", "pad": 2}
    axes.text(0, constant / 2, f"{constant:.1f}", ha="center", va="center", fontweight="bold")
    axes.text(0, (total + constant) / 2, f"{total - constant:.1f}\nunknown", ha="center", va="center", bbox=box)
    axes.text(0, total + 1, f"{total:.1f}", ha="center", fontweight="bold")
    axes.axhline(COUNTED["lookup"][0], color=BLACK, linestyle=":", linewidth=1.5)
    axes.text(0, COUNTED["lookup"][0] + 1, f"{COUNTED['lookup'][0]:.1f}", ha="center", fontsize=9.5)
    axes.set(title="iMiGUE, the report", xticks=[0], xlim=(-0.7, 0.7))
    axes.set_xticklabels(["accuracy,\nframe split"])


def scores_by_split(table: pd.DataFrame) -> Figure:
    """Each score under each split: the mean with its interval, the seeds, and the two classifiers without pixels.

    Parameters
    ----------
    table : DataFrame
        Of :func:`mgutils.experiments.generalization.split_table`.

    Taught in: 07, section 2.
    """
    names = table["score"].unique()
    figure, panels = new_figure(1, len(names), size=(3.9 * len(names), 4.2), sharey=True, squeeze=False)
    for axes, name in zip(panels[0], names, strict=True):
        rows = table[table["score"] == name]
        places = np.arange(len(rows))
        axes.bar(places, 100 * rows["value"], 0.6, color=BLUE, label="model, mean of the seeds")
        axes.vlines(places, 100 * rows["low"], 100 * rows["high"], color=BLACK, linewidth=1.4, label="95 % interval")
        axes.vlines(places + 0.12, 100 * rows["seed_low"], 100 * rows["seed_high"], color=SKY, linewidth=4,
                    label="lowest to highest seed")
        for column, color, width in (("lookup", VERMILLION, 4.5), ("constant", YELLOW, 2)):
            axes.hlines(100 * rows[column], places - 0.42, places + 0.42, color=color, linewidth=width,
                        label={"lookup": "clip look-up", "constant": "constant class"}[column])
        axes.set(title=SCORE_NAMES[name], xticks=places, xlabel="split", ylim=(0, 103))
        axes.set_xticklabels(rows["split"])
        axes.grid(axis="x", visible=False)
    panels[0][0].set_ylabel("%")
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def recall_by_clips(table: pd.DataFrame, labels: Labels, *, named: int = 6) -> Figure:
    """Recall of each class against the number of clips that it was learned from, on a logarithmic axis.

    A hollow mark stands for fewer than 10 reported images. The ``named`` classes farthest from the trend have names.

    Parameters
    ----------
    table : DataFrame
        Of :func:`mgutils.experiments.generalization.recall_table`.
    labels : Labels

    Taught in: 07, section 6.
    """
    groups = gesture_groups(labels)
    rows = table[table["recall"].notna() & (table["clips"] > 0)]
    figure, axes = new_figure(size=(9.5, 4.8))
    for group, color in GROUP_COLORS.items():
        mine = rows[[groups[class_id - 1] == group for class_id in rows["class_id"]]]
        faces = [color if images >= 10 else "white" for images in mine["images"]]
        if len(mine):
            axes.scatter(mine["clips"], 100 * mine["recall"], s=70, color=faces, edgecolors=color, linewidth=1.8,
                         zorder=3)
            axes.scatter([], [], s=70, color=color, label=group)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    top = max(20, min(108, 125 * rows["recall"].max()))
    axes.set(xlabel="clips in training", ylabel="recall, %", ylim=(-0.05 * top, top))
    _name_outliers(axes, rows, named)
    axes.legend(title="group", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _name_outliers(axes: Axes, rows: pd.DataFrame, named: int) -> None:
    """Names beside the classes that are farthest from the straight line through all."""
    if len(rows) < 3 or rows["clips"].nunique() < 2:
        return
    x = np.log(rows["clips"])
    slope, height = np.polyfit(x, rows["recall"], 1)
    off = (rows["recall"] - slope * x - height).abs().sort_values(ascending=False)
    middle, last, line = np.exp((x.min() + x.max()) / 2), -np.inf, 11  # points
    for row in rows.loc[off.index[:named]].sort_values(["recall", "clips"], ascending=[True, False]).itertuples():
        side, shift = ("right", -8) if row.clips > middle else ("left", 8)
        height = axes.transData.transform((row.clips, 100 * row.recall))[1] * 72 / axes.figure.dpi
        up = max(4, last + line - height) if last > height - line else 4  # a line of its own
        axes.annotate(shorten(row.name, 28), (row.clips, 100 * row.recall), (shift, up), textcoords="offset points",
                      ha=side, fontsize=8.5, annotation_clip=False)
        last = height + up


def ladder_chart(table: pd.DataFrame, *, score: str = "uar") -> Figure:
    """Left: the score of each recipe. Right: what each step gains, with its interval and what could have been seen.

    A step is compared on the seeds that both recipes have, so its gain may differ from that of the bars.

    Parameters
    ----------
    table : DataFrame
        Of :func:`mgutils.experiments.generalization.compare`, a row for each step.

    Taught in: 07, section 7.
    """
    rows = table[table["score"] == score].reset_index(drop=True)
    figure, (scores, gains) = new_figure(1, 2, size=(11.5, 0.5 * len(rows) + 1.9), sharey=True)
    places = np.arange(1, len(rows) + 1)
    values = 100 * np.array([rows["first_value"].iloc[0], *rows["second_value"]])
    scores.barh(np.arange(len(values)), values, 0.62, color=[ORANGE, *[BLUE] * len(rows)])
    for place, value in enumerate(values):
        scores.text(value + values.max() / 100, place, f"{value:.1f}", va="center", fontsize=9.5)
    fewer = rows["seeds"] < rows["seeds"].max()
    names = [f"{name} ({seeds} seeds)" if few else name
             for name, seeds, few in zip(rows["second"], rows["seeds"], fewer, strict=True)]
    scores.set_yticks(range(len(values)), [rows["first"].iloc[0], *names])
    scores.set(title=SCORE_NAMES[score], xlabel="%", ylim=(len(values) - 0.5, -0.5), xlim=(0, values.max() * 1.14 + 1))
    gains.barh(places, 200 * rows["detectable"], 0.62, left=-100 * rows["detectable"], color=LIGHT,
               label="found less than 4 times in 5")
    gains.hlines(places, 100 * rows["low"], 100 * rows["high"], color=BLACK, linewidth=1.4, label="95 % interval")
    for shown, color, label in ((True, GREEN, "gain, shown"), (False, PURPLE, "gain, not shown")):
        mine = rows["shown"] == shown
        if not mine.any():
            continue
        gains.plot(100 * rows["difference"][mine], places[mine], "o", color=color, markersize=8, label=label)
    gains.axvline(0, color=BLACK, linewidth=0.8)
    gains.set(title="gain of each step", xlabel="percentage points")
    for axes in (scores, gains):
        axes.grid(axis="y", visible=False)
    figure.legend(*gains.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
