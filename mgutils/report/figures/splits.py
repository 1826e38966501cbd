"""Figures about the splits: who was seen in training already, and what knowing that is worth."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mgutils.data.audit import Audit
from mgutils.report.figures.charts import grouped_bars
from mgutils.style import GREY, ORANGE, SKY, VERMILLION, new_figure

_SHARED = {"clip_shared": "the clip", "video_shared": "the video", "subject_shared": "the subject"}
_WORTH = {"lookup_top1": "look the clip up", "constant_top1": "constant class"}


def audit_bars(audits: Mapping[str, Audit]) -> Figure:
    """Where the validation images of each split come from, and what that leak is worth.

    Left: share of validation images whose clip, video or subject also gave training images. Right:
    accuracy of looking the clip's class up in the training set, beside that of the most common
    class.

    Parameters
    ----------
    audits : mapping of str to Audit
        By the name of the split.

    Taught in: 01, section 6.
    """
    figure, (left, right) = new_figure(1, 2, size=(11, 3.9), width_ratios=(1.6, 1))
    rows = [audit.as_row() for audit in audits.values()]
    percent = 100 * pd.DataFrame(rows, index=list(audits), dtype=float)
    grouped_bars(left, percent[list(_SHARED)].rename(columns=_SHARED), [VERMILLION, ORANGE, SKY])
    left.set(title="Seen in training already", ylabel="share of validation images, %")
    grouped_bars(right, percent[list(_WORTH)].rename(columns=_WORTH), [VERMILLION, GREY])
    right.set(title="Accuracy without looking", ylabel="top-1, %")
    return figure


def accuracy_bars(seeing: Mapping[str, float], blind: Mapping[str, float]) -> Figure:
    """Accuracies in percent as bars with their numbers: models that see the images, and answers that see none.

    Taught in: 00, section 1.
    """
    figure, axes = new_figure(size=(8, 2.9))
    rows = [*((name, value, SKY) for name, value in seeing.items()),
            *((name, value, VERMILLION) for name, value in blind.items())]
    rows.sort(key=lambda row: row[1])
    names, values, colors = zip(*rows, strict=True)
    axes.barh(names, values, color=colors, height=0.65)
    for place, value in enumerate(values):
        axes.text(value + 1, place, f"{value:.2f}", va="center", fontsize=11)
    axes.set(xlim=(0, 110), xlabel="images of the report's split answered rightly, %")
    axes.grid(axis="y", visible=False)
    axes.legend(handles=[Patch(color=SKY, label="a trained model, as published"),
                         Patch(color=VERMILLION, label="an answer that looks at no image")],
                loc="lower right")
    return figure
