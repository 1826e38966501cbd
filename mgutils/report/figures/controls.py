"""Figures of notebook 06: models with and without text, permuted captions, and classes left out of training.

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

from mgutils.style import BLACK, BLUE, GREEN, GREY, LIGHT, ORANGE, PURPLE, SKY, VERMILLION, new_figure, shorten

if TYPE_CHECKING:
    from mgutils.data.audit import Audit
    from mgutils.evaluation.zero_shot import Dealt
    from mgutils.training.run import Run

METHODS = {"vision_alexnet": ("AlexNet, no text", PURPLE), "vision_resnet": ("same encoder, no text", VERMILLION),
           "captions": ("contrastive, by captions", BLUE), "linear_probe": ("its embedding, linear probe", SKY),
           "nearest": ("its embedding, neighbours", GREEN)}
"""Name and colour of each method, in the order of the figure."""
_CAPTIONS = {"own": ("class names", BLUE), "descriptions": ("descriptions", GREEN)}


def with_and_without_text(table: pd.DataFrame, audits: Mapping[str, Audit]) -> Figure:
    """Top-1 of every method and seed, a panel for each split, with lines for the classifiers that see no pixel.

    Parameters
    ----------
    table : DataFrame
        Columns ``method`` (a key of :data:`METHODS`), ``split``, ``seed``, ``top1`` (share).
    audits : mapping of str to Audit
        By split, in the order of the panels.

    Taught in: 06, section 3.
    """
    methods = [name for name in METHODS if (table["method"] == name).any()]
    figure, panels = new_figure(1, len(audits), size=(5.2 * len(audits) + 1.8, 0.55 * len(methods) + 1.7), sharey=True,
                                squeeze=False)
    for axes, (split, audit) in zip(panels[0], audits.items(), strict=True):
        for place, name in enumerate(methods):
            rows = table[(table["method"] == name) & (table["split"] == split)]
            values, color = 100 * rows["top1"].to_numpy(), METHODS[name][1]
            axes.plot(values, [place] * len(values), "o", color=color, alpha=0.5, markersize=8)
            if len(values):
                axes.plot(values.mean(), place, "|", color=color, markersize=24, markeredgewidth=3)
            else:
                axes.text(2, place, "not trained", color=GREY, va="center", fontsize=9)
        axes.axvline(100 * audit.constant_top1, color=GREY, linestyle=(0, (5, 3)), label="constant class")
        axes.axvline(100 * audit.lookup_top1, color=GREY, linestyle=":", linewidth=2, label="look the clip up")
        axes.set(title=f"{split} split", xlabel="top-1, %", xlim=(-2, 102))
        axes.grid(axis="y", color=LIGHT)
    panels[0][0].set_yticks(range(len(methods)), [METHODS[name][0] for name in methods])
    panels[0][0].set_ylim(len(methods) - 0.5, -0.5)
    panels[0][0].plot([], [], "o", color=GREY, label="a seed")
    panels[0][0].plot([], [], "|", color=GREY, markersize=14, markeredgewidth=3, label="mean")
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def permuted_captions(own: Sequence[Run], permuted: Sequence[Run], constant_top1: float) -> Figure:
    """Validation top-1 by epoch of every run with its own captions and with permuted ones.

    Parameters
    ----------
    own, permuted : sequence of Run
        From the same seeds.
    constant_top1 : float
        Accuracy of the constant class, share.

    Taught in: 06, section 4.
    """
    figure, axes = new_figure(size=(7.5, 4.2))
    for runs, color, dash, name in ((own, BLUE, "-", "own captions"), (permuted, ORANGE, "--", "permuted captions")):
        for position, run in enumerate(runs):
            axes.plot(run.log["epoch"], 100 * run.log["top1"], dash, color=color, linewidth=2, marker="o", markersize=4,
                      label=f"{name}, each seed" if not position else None)
    axes.axhline(100 * constant_top1, color=GREY, linestyle=(0, (5, 3)), label="constant class")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(xlabel="epoch", ylabel="validation top-1, %", ylim=(0, 102))
    axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
    return figure


def zero_shot_answers(shares: Mapping[str, ArrayLike], names: Sequence[str]) -> Figure:
    """What images of the classes left out were answered with, a matrix for each kind of caption.

    Parameters
    ----------
    shares : mapping of str to array (k, k)
        By kind of caption; row: true class, column: answered class; rows sum to 1.
    names : sequence of str
        Of the k classes.

    Taught in: 06, section 5.
    """
    figure, panels = new_figure(1, len(shares), size=(3.9 * len(shares) + 3.6, 4.9), squeeze=False)
    for axes, (kind, matrix) in zip(panels[0], shares.items(), strict=True):
        matrix = 100 * np.asarray(matrix)
        picture = axes.imshow(matrix, cmap="Blues", vmin=0, vmax=100)
        for (row, column), value in np.ndenumerate(matrix):
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", color="white" if value > 60 else BLACK,
                      fontsize=11, fontweight="bold" if row == column else "normal")
        axes.set(title=_CAPTIONS.get(kind, (kind, ""))[0], xlabel="answered")
        axes.set_xticks(range(len(names)), [shorten(name, 30) for name in names], rotation=30, ha="right")
        axes.set_yticks(range(len(names)), [shorten(name, 30) for name in names] if axes is panels[0][0] else [])
        axes.grid(visible=False)
    figure.suptitle("Classes without a training image: true class (row) and answer (column)", fontsize=12)
    figure.colorbar(picture, ax=list(panels[0]), shrink=0.7, label="% of the true class")
    return figure


def permuted_texts(dealt: Mapping[str, Dealt], classes: int) -> Figure:
    """Mean recall under every way of dealing the texts out to the classes left out; the right way is marked.

    Parameters
    ----------
    dealt : mapping of str to Dealt
        By kind of caption.
    classes : int
        k, so that chance is 1 / k.

    Taught in: 06, section 5.
    """
    figure, panels = new_figure(1, len(dealt), size=(4.8 * len(dealt) + 0.6, 4.4), sharex=True, sharey=True,
                                squeeze=False)
    top = 100 * max(result.all.max() for result in dealt.values())
    for axes, (kind, result) in zip(panels[0], dealt.items(), strict=True):
        name, color = _CAPTIONS.get(kind, (kind, BLUE))
        axes.hist(100 * result.all, bins=np.linspace(0, top + 1e-9, 25), color=LIGHT, edgecolor=GREY,
                  label=f"all {len(result.all)} ways")
        axes.axvline(100 * result.right, color=color, linewidth=3, label="each text at its own class")
        axes.axvline(100 / classes, color=BLACK, linestyle=(0, (5, 3)), linewidth=1.2, label="chance")
        axes.set(title=f"{name}: p = {result.p:.3f}", xlabel="mean recall, %")
        axes.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.18))
    panels[0][0].set_ylabel("ways of dealing out")
    return figure
