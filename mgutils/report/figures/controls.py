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
    PURPLE,
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
    "vision_alexnet": ("AlexNet, no text", PURPLE),
    "vision_resnet": ("same encoder, no text", VERMILLION),
    "captions": ("contrastive, by captions", BLUE),
    "linear_probe": ("its embedding, linear probe", SKY),
    "nearest": ("its embedding, neighbours", GREEN),
}
"""Name and colour of each method, in the order of the figure."""
_CAPTIONS = {"own": "class names", "descriptions": "descriptions"}


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


def zero_shot_answers(shares: Mapping[str, ArrayLike], names: Sequence[str]) -> Figure:
    """What images of the classes left out were answered with, a matrix for each kind of caption.

    Parameters
    ----------
    shares : mapping of str to array (k, k)
        By kind of caption; row: true class, column: answered class; rows sum to 1.
    names : sequence of str
        Of the k classes.

    Taught in: 08, section 5.
    """
    names = [shorten(name, 30) for name in names]
    matrices = {_CAPTIONS[kind]: 100 * np.asarray(matrix) for kind, matrix in shares.items()}
    figure, axes = heat_maps(matrices, names, names, size=(3.9 * len(shares) + 3.6, 4.9),
                             limits=(0, 100), bar="% of the true class", annot=True, fmt=".0f",
                             square=True)
    for panel in axes:
        panel.set_xlabel("answered")
        panel.set_xticks(panel.get_xticks(), names, rotation=30, ha="right")
    title = "Classes without a training image: true class (row) and answer (column)"
    figure.suptitle(title, fontsize=12)
    return figure


def permuted_texts(dealt: Mapping[str, LabelPermutationTest], classes: int) -> Figure:
    """Mean recall under every way of dealing the texts out to the classes left out.

    Parameters
    ----------
    dealt : mapping of str to LabelPermutationTest
        By kind of caption. The right way is marked.
    classes : int
        k, so that chance is 1 / k.

    Taught in: 08, section 5.
    """
    figure, axes = panels(len(dealt), 4.8 * len(dealt) + 0.6, 4.4, sharex=True, sharey=True)
    colors = {"own": BLUE, "descriptions": GREEN}
    bins = np.linspace(0, 100 * max(result.all.max() for result in dealt.values()), 25)
    for panel, (kind, result) in zip(axes, dealt.items(), strict=True):
        ways = f"all {len(result.all)} ways"
        panel.hist(100 * result.all, bins=bins, color=LIGHT, edgecolor=GREY, label=ways)
        panel.axvline(100 * result.right, color=colors[kind], linewidth=3,
                      label="each text at its own class")
        panel.axvline(100 / classes, color="black", linestyle="--", label="chance")
        panel.set(title=f"{_CAPTIONS[kind]}: p = {result.p:.3f}", xlabel="mean recall, %")
        panel.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.18))
    axes[0].set_ylabel("ways of dealing out")
    return figure
