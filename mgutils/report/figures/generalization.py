"""Figures of the honest evaluation: scores by split, where an accuracy comes from, recipes, rare classes.

They draw the tables of :mod:`mgutils.experiments.generalization`, shares in percent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from mgutils.data.labels import Labels, gesture_groups
from mgutils.experiments.generalization import SCORE_NAMES
from mgutils.report.figures.charts import (
    CONSTANT,
    dot_rows,
    group_patches,
    legend_below,
    legend_beside,
    panels,
)
from mgutils.report.tables import COUNTED, REPORTED
from mgutils.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    GROUP_COLORS,
    LIGHT,
    ORANGE,
    SKY,
    VERMILLION,
    new_figure,
    shorten,
)

_PART_COLORS = {"constant": GREY, "video": SKY, "clip": ORANGE, "frame": VERMILLION}
"""Of the parts that ``accuracy_sources`` finds; what is gained on the hardest split is green."""
_WHITE = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 1}
_BESIDE = [("left", 8, 0), ("right", -8, 0), ("left", 6, 10), ("right", -6, 10), ("left", 6, -10), ("right", -6, -10),
           ("center", 0, 13), ("center", 0, -13)]
"""Where a name may stand: its alignment, and its distance from the mark to the right and up, in points."""


def where_accuracy_comes_from(parts: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Left: the frame split's accuracy as a sum of parts, each with its interval. Right: the report's.

    Of the report's number only the constant class is known, and the clip look-up's line; the rest
    cannot be told apart without the subjects of its images.

    Parameters
    ----------
    parts : DataFrame
        Of :func:`mgutils.experiments.generalization.accuracy_sources`.
    table : DataFrame
        Of :func:`mgutils.experiments.generalization.split_table`.

    Taught in: 09, section 5.
    """
    figure, (ours, report) = new_figure(1, 2, size=(11.5, 4.6), sharey=True,
                                        width_ratios=(len(parts) + 1, 1.7))
    _draw_parts(ours, parts)
    ours.set(title="These images", ylabel="accuracy, %")
    lookup = table.query("split == 'frame' and score == 'top1'")["lookup"].iloc[0]
    _draw_lookup(ours, 100 * lookup, "clip look-up, no pixel seen: ")

    constant = COUNTED["constant"][0]
    total = REPORTED["report_js"][0]
    unknown = total - constant
    bars = report.bar(["accuracy,\nframe split"] * 2, [constant, unknown], 0.72, [0, constant],
                      color=[GREY, "white"], edgecolor=GREY, hatch=["", "//"])
    texts = [f"{constant:.1f}", f"{unknown:.1f}\nunknown"]
    report.bar_label(bars, texts, label_type="center", bbox=_WHITE)
    report.text(0, total + 1, f"{total:.1f}", ha="center", fontweight="bold")
    report.set(title="iMiGUE, the report", xlim=(-0.7, 0.7))
    _draw_lookup(report, COUNTED["lookup"][0])
    for axes in (ours, report):
        axes.grid(axis="x", visible=False)
        axes.axhline(0, color=BLACK, linewidth=0.8)
    ours.set_ylim(top=112)
    return figure


def _draw_parts(axes: Axes, parts: pd.DataFrame) -> None:
    """Bars that each begin where the one before ends, their intervals beside them, and their sum."""
    percent = 100 * parts[["value", "low", "high"]]
    tops = percent["value"].cumsum()
    labels = [name.replace(" ", "\n", 1) if len(name) < 16 else "\non new ".join(name.split(" on new "))
              for name in parts["name"]]
    colors = [_PART_COLORS.get(part, GREEN) for part in parts["part"]]
    axes.bar(labels, percent["value"], 0.6, tops - percent["value"], color=colors)
    for place, (value, top) in enumerate(zip(percent["value"], tops, strict=True)):
        text = f"{value:+.1f}".replace("-", "\u2212") if place else f"{value:.1f}"
        axes.text(place, top - value / 2, text, ha="center", va="center", bbox=_WHITE)
    places = np.arange(len(parts))
    axes.hlines(tops, places - 0.3, places + 1.3, color=GREY, linewidth=0.8)
    known = percent[percent["high"] > percent["low"]]
    error = (known["value"] - known["low"], known["high"] - known["value"])
    axes.errorbar(known.index + 0.42, tops[known.index], error, fmt="none", color=BLACK, capsize=3)
    total = axes.bar("accuracy,\nframe split", tops.iloc[-1], 0.6, color=LIGHT, edgecolor=BLACK)
    axes.bar_label(total, fmt="%.1f", label_type="center", fontweight="bold")


def _draw_lookup(axes: Axes, height: float, name: str = "") -> None:
    axes.axhline(height, color=BLACK, linestyle=":", linewidth=1.5)
    left = axes.get_xlim()[0] + 0.1
    axes.text(left, height + 1, f"{name}{height:.1f}", fontsize=9.5)


def scores_by_split(table: pd.DataFrame) -> Figure:
    """Each score under each split, with its interval and the two classifiers without pixels.

    Parameters
    ----------
    table : DataFrame
        Of :func:`mgutils.experiments.generalization.split_table`.

    Taught in: 09, section 5.
    """
    scores = table["score"].unique()
    figure, axes = panels(len(scores), 3.9 * len(scores), 4.0, sharey=True)
    for panel, score in zip(axes, scores, strict=True):
        percent = 100 * table[table["score"] == score].set_index("split").drop(columns="score")
        x = np.arange(len(percent))
        panel.bar(percent.index, percent["value"], 0.55, color=SKY, label="model, mean of the seeds")
        panel.vlines(x, percent["low"], percent["high"], color=BLACK, linewidth=2, label="95 % interval")
        panel.plot(x, percent["lookup"], "D", color=VERMILLION, markersize=8, label="clip look-up")
        panel.hlines(percent["constant"], x - 0.42, x + 0.42, color=BLACK, linestyle=":", linewidth=2,
                     label="constant class")
        panel.set(title=SCORE_NAMES[score], xlabel="split", ylim=(0, 103))
        panel.grid(axis="x", visible=False)
    axes[0].set_ylabel("%")
    legend_below(figure, panel, 4)
    return figure


def recall_by_clips(table: pd.DataFrame, labels: Labels, *, named: int = 8) -> Figure:
    """Recall of each class against the number of clips that it was learned from, in logarithms.

    A hollow mark stands for fewer than 10 reported images. The ``named`` classes farthest from the
    trend have names.

    Parameters
    ----------
    table : DataFrame
        Of :func:`mgutils.experiments.generalization.recall_table`.
    labels : Labels

    Taught in: 09, section 7.
    """
    rows = table[table["recall"].notna() & (table["clips"] > 0)]
    rows = rows.assign(recall=100 * rows["recall"])
    groups = gesture_groups(labels)
    colors = np.array([GROUP_COLORS[groups[class_id - 1]] for class_id in rows["class_id"]])
    faces = np.where(rows["images"] >= 10, colors, "white")
    figure, axes = new_figure(size=(9.5, 4.8))
    axes.scatter(rows["clips"], rows["recall"], s=70, color=faces, edgecolors=colors, linewidth=1.8,
                 zorder=5)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.margins(y=0.12)
    axes.set(xlabel="clips in training", ylabel="recall, %")
    legend_beside(axes, handles=group_patches(groups), title="group")
    if rows["clips"].nunique() > 1:
        figure.draw_without_rendering()  # now the axes have their place
        _name_outliers(axes, rows, named)
    return figure


def _name_outliers(axes: Axes, rows: pd.DataFrame, named: int) -> None:
    """Names beside the classes that are farthest from the straight line through all, where there is room for one."""
    x = np.log(rows["clips"])
    line = np.polynomial.Polynomial.fit(x, rows["recall"], 1)
    off = (rows["recall"] - line(x)).abs()
    marks = [Bbox.from_extents(*(place - 8), *(place + 8))
             for place in axes.transData.transform(rows[["clips", "recall"]].to_numpy(float))]
    for row in rows.loc[off.nlargest(named).index].itertuples():
        name = axes.annotate(shorten(row.name, 28), (row.clips, row.recall), (0, 0), textcoords="offset points",
                             va="center", fontsize=8.5, bbox=_WHITE)
        for side, shift, up in _BESIDE:
            name.set(position=(shift, up), ha=side)
            box = name.get_window_extent()
            if axes.bbox.containsx(box.x0) and axes.bbox.containsx(box.x1) and not box.count_overlaps(marks):
                marks.append(box)
                break
        else:
            name.remove()


def recipes_on_new_people(table: pd.DataFrame, by_seed: Mapping[str, Mapping[str, Sequence[float]]],
                          constant: Mapping[str, float]) -> Figure:
    """Two recipes on new people: the score of every seed, the constant class, and the interval of the gain.

    Parameters
    ----------
    table : DataFrame
        Of :func:`mgutils.experiments.generalization.compare`, one row for each score.
    by_seed : mapping of str to mapping of str to sequence of float
        Score and recipe to the score of each seed.
    constant : mapping of str to float
        Score to that of the constant class.

    Taught in: 09, section 6.
    """
    rows = table.drop_duplicates("score").set_index("score")
    figure, axes = panels(len(by_seed) + 1, 4.1 * (len(by_seed) + 1), 2.9)
    for panel, (score, recipes) in zip(axes, by_seed.items(), strict=False):
        dot_rows(panel, {name: 100 * np.asarray(values) for name, values in recipes.items()}, [ORANGE, BLUE])
        panel.axvline(100 * constant[score], **CONSTANT)
        highest = max(100 * constant[score], *(100 * max(values) for values in recipes.values()))
        panel.set(title=SCORE_NAMES[score], xlabel="%", xlim=(0, 1.2 * highest))
        panel.grid(axis="y", visible=False)
    gains = axes[-1]
    names = [SCORE_NAMES[score] for score in by_seed]
    percent = 100 * rows.loc[list(by_seed), ["difference", "low", "high"]]
    gains.hlines(names, percent["low"], percent["high"], color=BLACK, linewidth=2)
    gains.plot(percent["difference"], names, "o", color=GREEN, markersize=9)
    gains.axvline(0, color=BLACK, linewidth=0.8)
    gains.set(title="ours less the report's", xlabel="percentage points", ylim=(len(names) - 0.5, -0.5))
    gains.grid(axis="y", visible=False)
    legend_below(figure, axes[0], 3)
    return figure
