"""Figures about the splits: who was seen in training already, and what knowing that is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mgutils.data.audit import Audit
from mgutils.style import GREY, ORANGE, SKY, VERMILLION, new_figure


def audit_bars(audits: Mapping[str, Audit]) -> Figure:
    """Where the validation images of each split come from, and what that leak is worth.

    Left: share of validation images whose clip, video or subject also gave training images. Right: accuracy of looking
    the clip's class up in the training set, beside that of the most common class.

    Parameters
    ----------
    audits : mapping of str to Audit
        By the name of the split.

    Taught in: 01, section 6.
    """
    figure, (left, right) = new_figure(1, 2, size=(11, 3.9), width_ratios=(1.6, 1))
    shared = {"the clip": [audit.clip_shared for audit in audits.values()],
              "the video": [audit.video_shared for audit in audits.values()],
              "the subject": [audit.subject_shared for audit in audits.values()]}
    _grouped_bars(left, shared, list(audits), (VERMILLION, ORANGE, SKY))
    left.set(title="Seen in training already", ylabel="share of validation images, %")
    worth = {"look the clip up": [audit.lookup_top1 for audit in audits.values()],
             "constant class": [audit.constant_top1 for audit in audits.values()]}
    _grouped_bars(right, worth, list(audits), (VERMILLION, GREY))
    right.set(title="Accuracy without looking", ylabel="top-1, %")
    return figure


def _grouped_bars(axes: Axes, series: Mapping[str, Sequence[float | None]], names: Sequence[str],
                  colors: Sequence[str]) -> None:
    """Bars of several series side by side; shares are drawn in percent, ``None`` as a question mark."""
    width = 0.8 / len(series)
    for i, (label, shares) in enumerate(series.items()):
        places = np.arange(len(names)) + (i - (len(series) - 1) / 2) * width
        heights = [0 if share is None else 100 * share for share in shares]
        axes.bar(places, heights, width * 0.94, color=colors[i], label=label)
        for place, height, share in zip(places, heights, shares, strict=True):
            axes.text(place, height + 1.5, "?" if share is None else f"{height:.0f}", ha="center", fontsize=9)
    axes.set(xticks=np.arange(len(names)), ylim=(0, 109))
    axes.set_xticklabels(names)
    axes.set_xlabel("split")
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=len(series))
