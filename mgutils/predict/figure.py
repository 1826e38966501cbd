"""Figures about predictions: a video's classes over time, and images with their Grad-CAM heat."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MultipleLocator
from PIL import Image

from mgutils.data.labels import Labels
from mgutils.evaluation.attribution import overlay
from mgutils.predict.annotate import clock
from mgutils.predict.timeline import Timeline
from mgutils.style import BLACK, LIGHT, VERMILLION, new_figure, shorten

_ROWS = 10
"""Classes shown at most; the others are summed in the last row."""


def timeline_figure(timeline: Timeline, labels: Labels, thumbnails: Sequence[tuple[float, Image.Image]],
                    title: str) -> Figure:
    """Mean probability of the classes over a video, and the class that is answered.

    Parameters
    ----------
    timeline : Timeline
        At least one picture.
    labels : Labels
    thumbnails : sequence of (seconds, image)
        Pictures of the video, at least one, shown above in a row.
    title : str
    """
    means = timeline.means.T  # (C, T)
    shown = _longest(means)
    rest = np.setdiff1d(np.arange(len(means)), shown)
    names = [f"{shorten(labels.display[index], 30)}  {index + 1}" for index in shown]
    cells = means[shown]
    if len(rest):
        cells = np.vstack([cells, means[rest].sum(axis=0)])
        names.append(f"{len(rest)} others together")
    tall = 0.34 * len(names)
    strip = 7.4 / len(thumbnails) / max(image.width / image.height for _, image in thumbnails)
    figure, (top, panel) = new_figure(2, 1, size=(11, tall + 1.35 + (strip + 0.45)), height_ratios=[strip + 0.2, tall])
    end = timeline.stretch * cells.shape[1]
    tick = _tick(end)
    panel.set_facecolor(LIGHT)
    picture = panel.imshow(cells, aspect="auto", vmin=0, vmax=1, cmap="Blues", interpolation="nearest",
                           extent=(0, end, len(names) - 0.5, -0.5))
    _answers(panel, means, shown, timeline.stretch)
    panel.set_yticks(range(len(names)), names)
    unit = "minutes:seconds" if end < 3600 else "hours:minutes:seconds"
    panel.set(xlabel=f"time in the video ({unit})", xlim=(0, end))
    panel.xaxis.set_major_locator(MultipleLocator(tick))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: clock(value, tenths=tick < 1, hours=end >= 3600)))
    panel.grid(visible=False)
    figure.colorbar(picture, ax=panel, label="mean probability", pad=0.015, fraction=0.03)
    stretch = f"{timeline.stretch:.2g} s" if timeline.stretch < 60 else f"{timeline.stretch / 60:.2g} min"
    key = Line2D([], [], color=VERMILLION, linewidth=3, label=f"answer in each {stretch}")
    panel.legend(handles=[key], loc="lower right", bbox_to_anchor=(1, 1), borderpad=0, borderaxespad=0.2)
    _thumbnails(top, thumbnails, tenths=tick < 1)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    return figure


def _longest(means: np.ndarray) -> np.ndarray:
    """The classes of the rows, in the order of their first answer: those that are answered longest; of few, all."""
    known = means[:, ~np.isnan(means[0])]
    answers = known.argmax(axis=0)
    times = np.bincount(answers, minlength=len(means))
    count = len(means) if len(means) <= _ROWS else max(3, min(_ROWS, np.count_nonzero(times)))
    # among equals the likelier
    chosen = np.lexsort((-known.sum(axis=1), -times))[:count]
    first = [int(np.argmax(answers == index)) if times[index] else len(answers) for index in chosen]
    return chosen[np.argsort(first, kind="stable")]


def _answers(axes: Axes, means: np.ndarray, shown: np.ndarray, stretch: float) -> None:
    """A line in the row of the class with the highest mean, for each stretch of time."""
    place = {int(index): row for row, index in enumerate(shown)}
    columns = np.flatnonzero(~np.isnan(means[0]))
    rows = [place.get(int(means[:, column].argmax()), len(shown)) for column in columns]
    axes.hlines(rows, columns * stretch, (columns + 1) * stretch, color=VERMILLION, linewidth=3, antialiased=False)


def _thumbnails(axes: Axes, thumbnails: Sequence[tuple[float, Image.Image]], *, tenths: bool) -> None:
    """Pictures in a row, each with its time."""
    axes.set_axis_off()
    count = len(thumbnails)
    for place, (time, image) in enumerate(thumbnails):
        inset = axes.inset_axes((place / count + 0.003, 0, 1 / count - 0.006, 1))
        inset.imshow(image, aspect="equal", interpolation="bicubic")
        inset.set_anchor("S")
        inset.set_title(clock(time, tenths=tenths), fontsize=9, fontweight="normal", pad=2)
        inset.set_axis_off()


def _tick(end: float) -> float:
    """Seconds between two ticks: a round number, at most nine ticks."""
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
    return next((step for step in steps if end / step <= 8.5), 3600 * np.ceil(end / 3600 / 8))


def heat_sheet(pictures: Sequence[tuple[Image.Image, np.ndarray, str]]) -> Figure:
    """Images, each beside itself with its Grad-CAM heat.

    Parameters
    ----------
    pictures : sequence of (image, heat, text)
        RGB image, heat (h, w) in 0..1, and what to write above.
    """
    columns = min(4, len(pictures))
    lines = -(-len(pictures) // columns)
    tall = 1.55 * max(image.height / image.width for image, _, _ in pictures) + 0.5
    figure, axes = new_figure(lines, columns, size=(3.2 * columns, tall * lines + 0.75), squeeze=False)
    for panel in axes.flat:
        panel.set_axis_off()
    for panel, (image, heat, text) in zip(axes.flat, pictures, strict=False):
        both = Image.new("RGB", (2 * image.width, image.height))
        both.paste(image)
        both.paste(overlay(image, heat), (image.width, 0))
        panel.imshow(both, interpolation="bicubic")
        panel.axvline(image.width - 0.5, color="white", linewidth=2)
        panel.set_title("\n".join(textwrap.wrap(text, 32)[:2]), fontsize=9.5, fontweight="normal", color=BLACK)
    bar = figure.colorbar(ScalarMappable(cmap="inferno"), ax=axes, orientation="horizontal", aspect=40, pad=0.02,
                          fraction=0.15 / (tall * lines), shrink=min(1, 1.6 / columns))
    bar.set_label("how much a place raises the score (share of the most)")
    return figure
