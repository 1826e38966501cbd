"""Figures about the splits: who was seen in training already, and what knowing that is worth."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Patch

from mgutils.data.audit import Audit
from mgutils.report.figures.charts import grouped_bars
from mgutils.report.figures.drawing import tint
from mgutils.style import BLACK, BLUE, GREY, ORANGE, SKY, VERMILLION, new_figure

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


# -- nested boxes ------------------------------------------------------------------------------------------------------

_NESTING = [
    ("subject", 0.0, 12.0, BLUE),
    ("video", 0.35, 5.5, SKY),
    ("video", 6.15, 5.5, SKY),
    ("clip", 0.6, 2.4, ORANGE),
    ("clip", 3.2, 2.4, ORANGE),
    ("clip", 6.4, 2.4, ORANGE),
    ("clip", 9.0, 2.4, ORANGE),
]
"""Kind, left edge, width and colour of the boxes in the upper drawing, the outer ones first."""
_DEPTH = {"subject": 0, "video": 1, "clip": 2}
_CUTS = {
    "frame": ([0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 1], "the clip is known"),
    "clip": ([0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0], "the video is known"),
    "video": ([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1], "the person is known"),
    "subject": ([0] * 12, "nothing is known:\nother people validate"),
}
"""Split to the side of each of the person's twelve frames, 1 for validation, and what training gives away."""


def nested_splits() -> Figure:
    """Subject, video, clip and frame as nested boxes, and where each of the four splits cuts.

    Above: one subject with two videos, four clips and twelve frames. Below, a row for each split: which of
    these frames train the model and which validate it.

    Taught in: 09, section 2.
    """
    figure, (boxes, cuts) = new_figure(2, 1, size=(10.5, 5.6), height_ratios=(1.15, 1))
    for axes in (boxes, cuts):
        axes.set_axis_off()
        axes.set(xlim=(-2.3, 14.6), autoscale_on=False)
    _draw_nesting(boxes)
    places = _frame_places()
    cuts.set_ylim(4.9, -0.6)
    for row, (split, (sides, known)) in enumerate(_CUTS.items()):
        cuts.text(-0.2, row, f"by {split}", ha="right", va="center", fontsize=12, weight="bold")
        for x, side in zip(places, sides, strict=True):
            _draw_frame(cuts, x, row, VERMILLION if side else GREY)
        cuts.text(12.3, row, known, va="center", fontsize=11)
    for x, color, text in ((2.0, GREY, "trains the model"), (6.6, VERMILLION, "validates it")):
        _draw_frame(cuts, x, 4.4, color)
        cuts.text(x + 0.5, 4.4, text, va="center", fontsize=11)
    return figure


def _frame_places() -> list[float]:
    """Centre of each of the twelve frames."""
    return [left + 0.5 + 0.7 * place for kind, left, _, _ in _NESTING if kind == "clip" for place in range(3)]


def _draw_nesting(axes: Axes) -> None:
    axes.set_ylim(-0.15, 4.4)
    for kind, left, width, color in _NESTING:
        depth = _DEPTH[kind]
        bottom, height = 0.35 * depth, 4.0 - 1.05 * depth
        axes.add_patch(FancyBboxPatch((left, bottom), width, height, boxstyle="round,pad=0,rounding_size=0.15",
                                      facecolor=tint(color, 0.15), edgecolor=color, linewidth=2))
        axes.text(left + 0.2, bottom + height - 0.4, kind, va="center", fontsize=12, weight="bold", color=BLACK)
    for x in _frame_places():
        _draw_frame(axes, x, 1.2, GREY)
    axes.text(-0.2, 1.2, "frames", ha="right", va="center", fontsize=12, weight="bold")


def _draw_frame(axes: Axes, x: float, y: float, color: str) -> None:
    axes.plot(x, y, "s", color=color, markersize=15, markeredgecolor="white")
