"""Figures about the model's numbers: similarities, directions, the softmax, a curve of training, single answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from numpy.typing import ArrayLike
from scipy.special import softmax

from mgutils.report.figures.charts import CONSTANT, heat_maps, panels
from mgutils.style import BLACK, BLUE, GREEN, GREY, LIGHT, PURPLE, VERMILLION, new_figure, shorten


def similarity_matrix(matrix: ArrayLike, rows: Sequence[str], columns: Sequence[str], *,
                      title: str = "", name: str = "dot product", digits: int | None = None,
                      mark: ArrayLike | None = None) -> Figure:
    """A matrix of similarities as a heat map with named rows and columns.

    Parameters
    ----------
    matrix : array (R, C)
    rows, columns : sequence of str
        R and C names.
    title : str
    name : str
        Label of the colour bar.
    digits : int, optional
        Write the values into the cells with so many decimals.
    mark : array of bool (R, C), optional
        Cells to frame, for instance the true pairs.

    Raises
    ------
    ValueError
        If the names do not fit the matrix.

    Taught in: 02, section 4.
    """
    matrix = np.asarray(matrix, dtype=float)
    if matrix.shape != (len(rows), len(columns)):
        raise ValueError(
            f"matrix {matrix.shape} with {len(rows)} row and {len(columns)} column names")
    side = 0.24 if digits is None else 0.5  # inches of a cell
    figure, (axes,) = heat_maps(
        {title: matrix},
        [shorten(text, 30) for text in rows],
        [shorten(text, 30) for text in columns],
        size=(4.1 + side * len(columns), 3.4 + side * len(rows)),
        limits=(matrix.min(), matrix.max()),
        bar=name,
        annot=digits is not None,
        fmt=f".{digits or 0}f",
        annot_kws={"fontsize": 9},
        linewidths=0.4,
        square=True,
    )
    axes.tick_params(labelsize=9)
    axes.set(xlabel="caption", ylabel="image")
    for row, column in np.argwhere([] if mark is None else mark):
        # inside the cell: neighbours keep a frame each, and the outermost is not cut
        frame = Rectangle((column + 0.06, row + 0.06), 0.88, 0.88, fill=False, edgecolor=VERMILLION, linewidth=2.2)
        axes.add_patch(frame)
    return figure


def temperature_effect(similarities: ArrayLike, temperatures: Sequence[float],
                       names: Sequence[str]) -> Figure:
    """The softmax of one row of similarities at several temperatures, one panel with its own axis each.

    Parameters
    ----------
    similarities : array (C,)
        Of one image with C captions.
    temperatures : sequence of float
    names : sequence of str
        C captions.
    """
    figure, axes = panels(len(temperatures), 2.7 * len(temperatures) + 2, 0.28 * len(names) + 1.5,
                          sharey=True)
    for panel, temperature in zip(axes, temperatures, strict=True):
        shares = softmax(np.asarray(similarities, dtype=float) / temperature)
        panel.barh([shorten(name, 28) for name in names], shares, color=BLUE)
        panel.axvline(1 / len(names), color=GREY, linestyle=(0, (5, 3)))
        panel.set(xlim=(0, min(1, 1.5 * shares.max())), title=f"temperature {temperature:.2g}",
                  xlabel=f"probability (largest {shares.max():.2f})")
        panel.grid(axis="y", visible=False)
    axes[0].text(1 / len(names), -0.75, "guessing", color=BLACK, ha="center", fontsize=9)
    axes[0].set_ylim(len(names) - 0.4, -1.1)
    return figure


def directions(circles: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> Figure:
    """Images and captions as arrows on a circle, one circle for each title.

    Parameters
    ----------
    circles : mapping of str to two arrays
        Angles of the images and of the captions, in degrees.

    Taught in: 02, section 4.
    """
    figure, axes = panels(len(circles), 3.5 * len(circles), 3.9)
    for panel, (title, both) in zip(axes, circles.items(), strict=True):
        panel.add_patch(Circle((0, 0), 1, fill=False, edgecolor=LIGHT, linewidth=1.5))
        for angles, color, reach in zip(both, (GREEN, PURPLE), (1.0, 0.85), strict=True):
            ends = reach * np.exp(1j * np.deg2rad(np.asarray(angles, dtype=float)))
            for end in ends:
                arrow = {"arrowstyle": "-|>", "color": color, "linewidth": 1.3, "shrinkA": 0, "shrinkB": 0}
                panel.annotate("", (end.real, end.imag), (0, 0), arrowprops=arrow)
        panel.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal", title=title)
        panel.set_axis_off()
    axes[0].plot([], [], color=GREEN, linewidth=2, label="images")
    axes[0].plot([], [], color=PURPLE, linewidth=2, label="captions")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def learning_curve(losses: Sequence[float], top1: Sequence[float], constant: float) -> Figure:
    """Training loss and top-1 of a run, epoch by epoch.

    Parameters
    ----------
    losses, top1 : sequence of float
        For epoch 0, before training, to the last; NaN where unknown. ``top1`` in 0..1.
    constant : float
        Top-1 of the constant class.

    Taught in: 03, section 7.
    """
    figure, (left, right) = panels(2, 9.5, 3.4)
    left.plot(losses, "o-", color=BLUE)
    left.set(title="training loss", xlabel="epoch", ylim=(0, None))
    right.plot(100 * np.asarray(top1, dtype=float), "o-", color=BLUE)
    right.axhline(100 * constant, **CONSTANT)
    right.set(title="top-1 on the other images, %", xlabel="epoch", ylim=(0, 102))
    right.legend(loc="lower right")
    return figure


def answers_beneath(images: Sequence[ArrayLike], probabilities: ArrayLike, names: Sequence[str],
                    target: ArrayLike, count: int = 3) -> Figure:
    """Images side by side, and beneath each the most probable captions; its own one is drawn blue.

    Parameters
    ----------
    images : sequence of array (H, W, 3)
    probabilities : array (N, C)
    names : sequence of str
        C captions.
    target : array (N,)
        Class indices 0..C-1.
    count : int
        Captions for each image.

    Taught in: 03, section 9.
    """
    size = (2.9 * len(images), 4.6)
    figure, grid = new_figure(2, len(images), size=size, height_ratios=(2.4, 1), squeeze=False)
    for column, (image, row) in enumerate(zip(images, np.asarray(probabilities), strict=True)):
        picture, bars = grid[:, column]
        picture.imshow(np.asarray(image))
        picture.set_axis_off()
        picture.set_title(shorten(names[int(target[column])], 26), fontsize=10)
        best = np.argsort(-row, kind="stable")[:count]
        colors = [BLUE if index == int(target[column]) else GREY for index in best]
        bars.barh(range(count), row[best], color=colors, height=0.35)
        for place, index in enumerate(best):
            bars.text(0, place - 0.28, f"{shorten(names[index], 30)}  {row[index]:.2f}", fontsize=9, va="bottom")
        bars.set(xlim=(0, 1), ylim=(count - 0.5, -0.8))
        bars.set_axis_off()
    return figure
