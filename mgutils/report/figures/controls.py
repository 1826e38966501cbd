"""Figures of notebook 08: models with and without text, permuted captions, classes left out.

They draw the tables of :mod:`mgutils.evaluation.probes` and the results of
:mod:`mgutils.evaluation.zero_shot`, shares in percent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from mgutils.report.figures.charts import (
    CONSTANT,
    LOOKUP,
    dot_rows,
    heat_maps,
    legend_below,
    legend_beside,
    panels,
)
from mgutils.style import (
    BLUE,
    GREEN,
    GREY,
    LIGHT,
    ORANGE,
    SKY,
    VERMILLION,
    new_figure,
    shorten,
)

if TYPE_CHECKING:
    from mgutils.data.audit import Audit
    from mgutils.evaluation.zero_shot import LabelPermutationTest
    from mgutils.training.run import Run

METHODS = {
    "vision_resnet": ("same encoder, no text", VERMILLION),
    "captions": ("contrastive, by captions", BLUE),
    "linear_probe": ("its embedding, linear probe", SKY),
    "nearest": ("its embedding, neighbours", GREEN),
}
"""Name and colour of each method, in the order of the figure."""


def with_and_without_text(table: pd.DataFrame, audits: Mapping[str, Audit]) -> Figure:
    """Top-1 of every method and seed, with lines for the classifiers that see no pixel.

    Parameters
    ----------
    table : DataFrame
        Columns ``method`` (a key of :data:`METHODS`), ``split``, ``seed``, ``top1`` (share).
    audits : mapping of str to Audit
        By split, in the order of the panels.

    Taught in: 08, section 3.
    """
    methods = [method for method in METHODS if method in set(table["method"])]
    figure, axes = panels(len(audits), 5.2 * len(audits) + 1.8, 0.55 * len(methods) + 1.7,
                          sharey=True)
    for panel, (split, audit) in zip(axes, audits.items(), strict=True):
        percent = 100 * table[table["split"] == split].set_index("method")["top1"]
        rows = {METHODS[method][0]: percent[percent.index == method] for method in methods}
        dot_rows(panel, rows, [METHODS[method][1] for method in methods])
        for place, values in enumerate(rows.values()):
            if values.empty:
                panel.text(2, place, "not trained", color=GREY, va="center", fontsize=9)
        panel.axvline(100 * audit.constant_top1, **CONSTANT)
        panel.axvline(100 * audit.lookup_top1, **LOOKUP)
        panel.set(title=f"{split} split", xlabel="top-1, %")
    legend_below(figure, panel, 4)
    return figure


def permuted_captions(own: Sequence[Run], permuted: Sequence[Run], constant_top1: float) -> Figure:
    """Validation top-1 by epoch of every run with its own captions and with permuted ones.

    Parameters
    ----------
    own, permuted : sequence of Run
        From the same seeds.
    constant_top1 : float
        Accuracy of the constant class, share.

    Taught in: 08, section 4.
    """
    figure, axes = new_figure(size=(7.5, 4.2))
    lines = [("own captions", own, BLUE, "-"), ("permuted captions", permuted, ORANGE, "--")]
    for name, runs, color, dash in lines:
        for run in runs:
            line, = axes.plot(run.log["epoch"], 100 * run.log["top1"], color=color, linestyle=dash,
                              linewidth=2, marker="o", markersize=4)
        line.set_label(f"{name}, each seed")
    axes.axhline(100 * constant_top1, **CONSTANT)
    axes.locator_params(axis="x", integer=True)
    axes.set(xlabel="epoch", ylabel="validation top-1, %", ylim=(0, 102))
    legend_beside(axes)
    return figure


def caption_differences(table: pd.DataFrame, margin: float = 5) -> Figure:
    """What wrong captions change: a difference and its interval for each row, in percentage points.

    Parameters
    ----------
    table : DataFrame
        Columns ``value, low, high``, in points; the index names the rows.
    margin : float
        Changes up to this size, in points, are shaded.

    Taught in: 08, section 5.
    """
    figure, axes = new_figure(size=(7.5, 0.55 * len(table) + 1.3))
    axes.axvspan(-margin, margin, color=LIGHT, label=f"up to {margin:g} points")
    axes.axvline(0, color="black", linewidth=1)
    places = np.arange(len(table))
    axes.hlines(places, table["low"], table["high"], color=BLUE, linewidth=2, label="95 % interval")
    axes.plot(table["value"], places, "o", color=BLUE, markersize=8, label="difference")
    axes.set_yticks(places, list(table.index))
    axes.set(xlabel="permuted captions less own captions, percentage points",
             ylim=(len(table) - 0.5, -0.5))
    legend_beside(axes)
    return figure


def zero_shot_answers(shares: Mapping[str, ArrayLike], names: Sequence[str]) -> Figure:
    """What images of the classes left out were answered with, a matrix for each text encoder.

    Parameters
    ----------
    shares : mapping of str to array (k, k)
        By title; row: true class, column: answered class; rows sum to 1.
    names : sequence of str
        Of the k classes.

    Taught in: 08, section 6.
    """
    names = [shorten(name, 30) for name in names]
    matrices = {title: 100 * np.asarray(matrix) for title, matrix in shares.items()}
    figure, axes = heat_maps(matrices, names, names, size=(3.9 * len(shares) + 3.6, 4.9),
                             limits=(0, 100), bar="% of the true class", annot=True, fmt=".0f",
                             square=True)
    for panel in axes:
        panel.set_xlabel("answered")
        panel.set_xticks(panel.get_xticks(), names, rotation=30, ha="right")
    title = "Classes without a training image: true class (row) and answer (column)"
    figure.suptitle(title, fontsize=12)
    return figure


def permuted_texts(tests: Mapping[str, LabelPermutationTest], classes: int) -> Figure:
    """Mean recall under every assignment of the texts to the classes left out.

    Parameters
    ----------
    tests : mapping of str to LabelPermutationTest
        By title. The right assignment is marked.
    classes : int
        k, so that chance is 1 / k.

    Taught in: 08, section 6.
    """
    figure, axes = panels(len(tests), 3.7 * len(tests) + 0.6, 4.4, sharex=True, sharey=True)
    bins = np.linspace(0, 100 * max(result.all.max() for result in tests.values()), 25)
    for panel, (title, result) in zip(axes, tests.items(), strict=True):
        panel.hist(100 * result.all, bins=bins, color=LIGHT, edgecolor=GREY,
                   label=f"all {len(result.all)} assignments")
        panel.axvline(100 * result.right, color=BLUE, linewidth=3, label="the right assignment")
        panel.axvline(100 / classes, color="black", linestyle="--", label="chance")
        panel.set(title=f"{title}: p = {result.p:.3f}", xlabel="mean recall, %")
    axes[0].locator_params(axis="y", integer=True)
    axes[0].set_ylabel("assignments")
    legend_below(figure, axes[0], 3)
    return figure
