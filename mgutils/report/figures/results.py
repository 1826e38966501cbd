"""Figures about runs: curves, Table 1 as a chart, confusion matrix, examples, the shared space.

A run is a :class:`mgutils.training.run.Run`; ``runs`` maps the name of an objective to its runs,
one for each seed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from mgutils.data.labels import Labels, gesture_groups, group_order
from mgutils.data.table import Dataset
from mgutils.report.figures.charts import (
    CONSTANT,
    LINES,
    LOOKUP,
    MARKERS,
    band,
    dot_rows,
    group_patches,
    heat_maps,
    legend_below,
    legend_beside,
)
from mgutils.report.figures.data import image_grid, read_image
from mgutils.report.tables import METHODS, REPORTED
from mgutils.style import (
    BLACK,
    GREEN,
    GROUP_COLORS,
    LIGHT,
    OBJECTIVE_COLORS,
    VERMILLION,
    new_figure,
    shorten,
)

if TYPE_CHECKING:
    from mgutils.data.audit import Audit
    from mgutils.training.run import Run


def training_curves(runs: Mapping[str, Sequence[Run]], constant_top1: float) -> Figure:
    """Loss of each objective in a panel of its own, and the top-1 of all of them in one.

    A line is the mean over the seeds; its band goes from the lowest to the highest. A loss that
    falls to less than a tenth has a logarithmic axis.

    Parameters
    ----------
    runs : mapping of str to sequence of Run
        Up to four objectives.
    constant_top1 : float
        Accuracy of the constant class.

    Taught in: 06, section 4.
    """
    layout = [[0, 1, "top1"], [2, 3, "top1"]]
    figure, _ = new_figure(size=(12, 5.4))
    figure.clear()
    panels = figure.subplot_mosaic(layout, width_ratios=(1, 1, 1.7))
    top1 = panels.pop("top1")
    for i, (objective, group) in enumerate(runs.items()):
        color = OBJECTIVE_COLORS[objective]
        panel = panels.pop(i)
        _seeds(panel, group, "train_loss", color, label="training", linestyle="--")
        _seeds(panel, group, "valid_loss", color, label="validation")
        means = np.concatenate([line.get_ydata() for line in panel.lines])
        if 0 < 10 * means.min() < means.max():
            panel.set_yscale("log", base=2)
            panel.yaxis.set_major_formatter("{x:g}")
        panel.set_title(f"{METHODS[objective].name}\n{objective}", fontsize=10.5)
        panel.set(xlabel="epoch", ylabel="loss")
        panel.legend(fontsize=9)
        _seeds(top1, group, "top1", color, 100, label=objective, linestyle=LINES[i],
               marker=MARKERS[i])
    for panel in panels.values():
        panel.remove()
    top1.axhline(100 * constant_top1, **CONSTANT)
    top1.set(title="Validation top-1", xlabel="epoch", ylabel="%", ylim=(0, 102))
    top1.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3)
    return figure


def _seeds(axes: Axes, group: Sequence[Run], column: str, color: str, scale: float = 1,
           **line: Any) -> None:
    """A column of the runs' logs, over the epochs that all of them have."""
    epochs = min(len(run.log) for run in group)
    values = [scale * run.log[column][:epochs] for run in group]
    line.setdefault("marker", "o" if epochs < 4 else "")
    band(axes, range(1, epochs + 1), values, color, markevery=max(epochs // 12, 1), **line)
    axes.locator_params(axis="x", integer=True)


def table1_chart(runs: Mapping[str, Sequence[Run]], audit: Audit) -> Figure:
    """Table 1 as dots: each seed, the mean, the report's number, lines for the two baselines.

    Taught in: 07, section 3.
    """
    figure, axes = new_figure(1, 2, size=(12, 0.62 * len(runs) + 1.9), sharey=True)
    scores = [("top1", audit.constant_top1), ("top5", audit.constant_top5)]
    colors = [OBJECTIVE_COLORS[objective] for objective in runs]
    reported = [REPORTED.get(objective, (np.nan, np.nan)) for objective in runs]
    for i, (panel, (score, constant)) in enumerate(zip(axes, scores, strict=True)):
        rows = {METHODS[objective].name: [100 * run.metrics[score] for run in group]
                for objective, group in runs.items()}
        dot_rows(panel, rows, colors)
        panel.plot(np.array(reported)[:, i], range(len(rows)), "D", color="white", markersize=8,
                   markeredgecolor=BLACK, label="the report, on its own images")
        panel.axvline(100 * constant, **CONSTANT)
        panel.set(title=f"{score[:3]}-{score[3]}", xlabel="%")
    axes[0].axvline(100 * audit.lookup_top1, **LOOKUP)
    legend_below(figure, axes[0], 5)
    return figure


def confusion_matrix(confusion: ArrayLike, labels: Labels) -> Figure:
    """Share of each true class (row) that was answered with each class (column).

    Parameters
    ----------
    confusion : array (C, C)
        Counts; row: true class, column: answer. A row without samples is drawn grey.
    labels : Labels
        Lines separate their groups.

    Taught in: 07, section 4.
    """
    order = group_order(labels)
    counts = np.asarray(confusion, dtype=float)[np.ix_(order, order)]
    with np.errstate(invalid="ignore"):
        shares = counts / counts.sum(axis=1, keepdims=True)  # NaN where a class has no samples
    names = [f"{shorten(labels.display[index], 30)}  {index + 1}" for index in order]
    side = 0.24 * len(labels)
    figure, (axes,) = heat_maps({"": shares}, names, [index + 1 for index in order],
                                size=(side + 4.6, side + 1.6), limits=(0, 1), shrink=0.5,
                                bar="share of the true class", square=True)
    axes.set_facecolor(LIGHT)
    axes.tick_params(labelsize=8.5)
    axes.tick_params(axis="x", rotation=90)
    axes.set(xlabel="answered class", ylabel="true class")

    # lines between the groups, and their names above
    groups = np.array(gesture_groups(labels))[order]
    names, starts = np.unique(groups, return_index=True)
    for name, start in zip(names, starts, strict=True):
        axes.axhline(start, color=BLACK, linewidth=1)
        axes.axvline(start, color=BLACK, linewidth=1)
        middle = start + np.sum(groups == name) / 2
        axes.text(middle, -0.4, name, rotation=40, fontsize=9.5, fontweight="bold")
    return figure


def best_and_worst(dataset: Dataset, run: Run, *, columns: int = 6) -> Figure:
    """The surest right answers above, the surest wrong ones below, each class once in a row.

    An answer is as sure as its score is ahead of the second best.

    Taught in: 07, section 4.
    """
    names = [textwrap.fill(shorten(name, 40), 24) for name in dataset.labels.display]
    answer = run.logits.argmax(axis=1)
    second, first = np.sort(run.logits, axis=1)[:, -2:].T
    surest = np.argsort(second - first, kind="stable")
    right = []
    wrong = []
    for row in surest:
        rows = right if answer[row] == run.target[row] else wrong
        if len(rows) < columns and run.target[row] not in run.target[rows]:
            rows.append(row)
    titles = [f"right:\n{names[answer[row]]}" for row in right]
    titles += [f"answer: {names[answer[row]]}\ntrue: {names[run.target[row]]}" for row in wrong]
    images = [read_image(dataset, run.valid[row]) for row in right + wrong]
    colors = [GREEN] * len(right) + [VERMILLION] * len(wrong)
    return image_grid(images, titles, columns=columns, side=1.9, fontsize=7.5, colors=colors)


def embedding_map(run: Run, labels: Labels, *, seed: int = 0, most: int = 500) -> Figure:
    """Validation images as dots and captions as numbered marks, in two dimensions by t-SNE.

    Images and captions lie apart in the shared space, so each kind is centred on its own mean
    first. A mark that would cover another is moved aside, and a line leads to its place.

    Parameters
    ----------
    run : Run
    labels : Labels
    seed : int
        Of t-SNE.
    most : int
        Images drawn at most, evenly chosen.

    References
    ----------
    van der Maaten and Hinton 2008, Journal of Machine Learning Research 9.

    Taught in: 07, section 5.
    """
    from sklearn.manifold import TSNE  # takes seconds to load

    count = len(run.target)
    chosen = np.unique(np.linspace(0, count - 1, min(most, count)).astype(int))
    points = np.concatenate([_directions(run.image_embeddings[chosen]),
                             _directions(run.caption_embeddings)])
    # exact: as fast for so few points, and without threads, which stall on busy machines
    tsne = TSNE(perplexity=min(30, len(points) / 4), init="pca", method="exact", max_iter=600,
                random_state=seed)
    flat = tsne.fit_transform(points)
    images, captions = np.split(flat, [len(chosen)])

    groups = gesture_groups(labels)
    colors = [GROUP_COLORS[group] for group in groups]
    figure, axes = new_figure(size=(9, 7))
    axes.scatter(*images.T, s=14, color=[colors[index] for index in run.target[chosen]], alpha=0.6,
                 linewidth=0)
    axes.scatter(*captions.T, s=0)  # for the limits
    title = f"{len(chosen)} images (dots) and {len(labels)} captions (numbers)"
    axes.set(xticks=[], yticks=[], title=title)
    axes.margins(0.05)
    legend_beside(axes, handles=group_patches(groups), title="group")

    figure.draw_without_rendering()  # settles where a place lies on the page
    gap = 18 * figure.dpi / 72  # 18 points, in pixels
    moved = apart(axes.transData.transform(captions), gap)
    marks = axes.transData.inverted().transform(moved)
    for number, (place, mark, color) in enumerate(zip(captions, marks, colors, strict=True), 1):
        axes.plot(*np.transpose([place, mark]), color=color, linewidth=1, zorder=2.5)
        circle = {"boxstyle": "circle,pad=0.2", "facecolor": "white", "edgecolor": color}
        axes.text(*mark, number, fontsize=8, ha="center", va="center", fontweight="bold", zorder=3,
                  bbox=circle | {"linewidth": 1.6})
    return figure


def apart(places: ArrayLike, gap: float) -> np.ndarray:
    """Places (N, 2), pushed from one another until any two are at least ``gap`` apart.

    It stops after a thousand steps.
    """
    places = np.array(places, dtype=float)
    turn = 2.4 * np.arange(len(places))  # places at one point leave it in different directions
    places += 1e-3 * gap * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    for _ in range(1000):
        away = places[:, None] - places  # (N, N, 2)
        distance = np.linalg.norm(away, axis=2)
        np.fill_diagonal(distance, np.inf)
        short = np.clip(gap - distance, 0, None)
        if not short.any():
            break
        step = 0.3 * (short + 0.01 * gap * (short > 0)) / distance
        places += (step[..., None] * away).sum(axis=1)
    return places


def _directions(embeddings: np.ndarray) -> np.ndarray:
    """Embeddings (N, D) less their mean, each divided by its length."""
    centred = embeddings - embeddings.mean(axis=0)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
