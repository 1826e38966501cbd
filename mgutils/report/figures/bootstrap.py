"""The bootstrap over people as a drawing: who is drawn, the score of a draw, the interval of all draws."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from mgutils.style import BLACK, BLUE, GREEN, LIGHT, ORANGE, SKY, VERMILLION, new_figure

_DRAW_COLORS = (GREEN, ORANGE, VERMILLION)


def drawn_bootstrap(rates: ArrayLike, images: ArrayLike, times: ArrayLike, scores: ArrayLike) -> Figure:
    """Left: the people, and three draws of them. Right: the score of every draw, and the interval.

    A person is a circle whose area is the number of images; its filled part is the share of right answers. A
    number above a circle says how often a draw has taken the person, where that is more than once; a person who
    was not drawn is an empty place.

    Parameters
    ----------
    rates : array (G,)
        Share of right answers of each person.
    images : array (G,)
        Number of images of each person.
    times : array (3, G)
        How often each of three draws has taken each person.
    scores : array (draws,)
        Accuracy of every draw; the first three are those of ``times``.

    Taught in: 09, section 4.
    """
    rates, images, times = (np.asarray(values) for values in (rates, images, times))
    figure, (people, draws) = new_figure(1, 2, size=(12, 4.3), width_ratios=(1.75, 1))
    whole = (rates * images).sum() / images.sum()
    rows = [("the people\nreported", np.ones(len(rates), dtype=int), whole, BLUE)]
    rows += [(f"draw {number + 1}", times[number], scores[number], color)
             for number, color in enumerate(_DRAW_COLORS)]
    for row, (name, drawn, score, color) in enumerate(rows):
        people.text(-0.9, row, name, ha="right", va="center", fontsize=11, weight="bold")
        _draw_people(people, row, drawn, rates, images)
        people.text(len(rates) - 0.3, row, f"{100 * score:.1f} %", va="center", fontsize=13, weight="bold",
                    color=color)
    people.axhline(0.5, color=LIGHT, linewidth=1.5)
    people.set(xlim=(-3.1, len(rates) + 1.3), ylim=(3.6, -0.6), title="draw people, with all their images")
    people.set_axis_off()
    people.title.set_visible(True)
    _draw_scores(draws, 100 * np.asarray(scores), 100 * whole)
    return figure


def _draw_people(axes: Axes, row: int, drawn: np.ndarray, rates: np.ndarray, images: np.ndarray) -> None:
    for place in np.flatnonzero(drawn):
        size = 26 * np.sqrt(images[place] / images.max())
        axes.plot(place, row, "o", color=LIGHT, markersize=size, markeredgecolor=SKY, markeredgewidth=1)
        axes.plot(place, row, "o", color=BLUE, markersize=size * np.sqrt(rates[place]))
        if drawn[place] > 1:
            axes.text(place, row - 0.38, f"{drawn[place]} x", ha="center", fontsize=9.5)


def _draw_scores(axes: Axes, percent: np.ndarray, whole: float) -> None:
    low, high = np.quantile(percent, [0.025, 0.975])
    _, edges, bars = axes.hist(percent, bins=40, color=LIGHT)
    for left, bar in zip(edges[:-1], bars, strict=True):
        if low <= left <= high:
            bar.set_color(SKY)
    top = axes.get_ylim()[1]
    axes.axvline(whole, color=BLUE, linewidth=2)
    for end, side in ((low, "right"), (high, "left")):
        axes.axvline(end, color=BLACK, linestyle=":", linewidth=2)
        axes.text(end, top * 1.02, f" {end:.1f} ", ha=side, fontsize=11)
    for score, color in zip(percent, _DRAW_COLORS, strict=False):
        axes.plot(score, 0, "^", color=color, markersize=11, clip_on=False, zorder=5)
    axes.set(xlabel="accuracy of a draw, %", yticks=[], ylim=(0, top * 1.12),
             title=f"{len(percent):,} draws: 95 % between the lines")
    axes.grid(visible=False)
