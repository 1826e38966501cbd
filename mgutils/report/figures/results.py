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
    LOOKUP,
    dot_rows,
    group_patches,
    heat_maps,
    legend_below,
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
    """Loss above and validation top-1 below, a column for each objective and a thin line for each seed.

    A loss that falls to less than a tenth has a logarithmic axis.

    Parameters
    ----------
    runs : mapping of str to sequence of Run
    constant_top1 : float
        Accuracy of the constant class.

    Taught in: 06, section 4.
    """
    figure, panels = new_figure(2, len(runs), size=(3.3 * len(runs), 5.8), squeeze=False)
    for (upper, lower), (objective, group) in zip(panels.T, runs.items(), strict=True):
        color = OBJECTIVE_COLORS[objective]
        _seeds(upper, group, "train_loss", BLACK, label="loss of the training images", linestyle=":")
        _seeds(upper, group, "valid_loss", color, label="loss or top-1 of the validation images")
        values = np.concatenate([line.get_ydata() for line in upper.lines])
        if 0 < 10 * values.min() < values.max():
            upper.set_yscale("log", base=2)
            upper.yaxis.set_major_formatter("{x:g}")
        upper.set_title(METHODS[objective].name, fontsize=11)
        _seeds(lower, group, "top1", color, 100)
        lower.axhline(100 * constant_top1, **CONSTANT)
        lower.set(xlabel="epoch", ylim=(0, 102))
    panels[0, 0].set_ylabel("loss")
    panels[1, 0].set_ylabel("validation top-1, %")
    for panel in panels[1, 1:]:
        panel.set_yticklabels([])
    handles = [*panels[0, 0].get_legend_handles_labels()[0], panels[1, 0].lines[-1]]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _seeds(axes: Axes, group: Sequence[Run], column: str, color: str, scale: float = 1,
           label: str = "", **line: Any) -> None:
    """A column of each run's log as a thin line; the first one has the label."""
    for run in group:
        axes.plot(run.log["epoch"], scale * run.log[column], color=color, linewidth=1.1,
                  label=label, marker="o" if len(run.log) < 4 else "", markersize=4, **line)
        label = ""
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

    Taught in: 07, section 5.
    """
    order = group_order(labels)
    counts = np.asarray(confusion, dtype=float)[np.ix_(order, order)]
    with np.errstate(invalid="ignore"):
        shares = counts / counts.sum(axis=1, keepdims=True)  # NaN where a class has no samples
    names = [f"{shorten(labels.display[index], 30)}  {index + 1}" for index in order]
    side = 0.24 * len(labels)
    figure, (axes,) = heat_maps({"": shares}, names, [index + 1 for index in order],
                                size=(side + 4.6, side + 1.6), limits=(0, np.nanmax(shares)), shrink=0.5,
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

    Taught in: 07, section 5.
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
    """Validation images as dots and captions as stars with their names, in two dimensions by t-SNE.

    Images and captions lie apart in the shared space, so each kind is centred on its own mean
    first. The names stand in the margins, each at the end of a line from its star.

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

    Taught in: 07, section 6.
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
    figure, axes = new_figure(size=(11, 0.17 * len(labels) + 1.9))
    axes.scatter(*images.T, s=14, color=[colors[index] for index in run.target[chosen]], alpha=0.6,
                 linewidth=0)
    axes.scatter(*captions.T, s=110, marker="*", color=colors, edgecolor=BLACK, linewidth=0.7,
                 zorder=3)
    _names_beside(axes, captions, flat, [shorten(name, 34) for name in labels.display], colors)
    title = f"{len(chosen)} images (dots) and {len(labels)} captions (stars)"
    axes.set(xticks=[], yticks=[], title=title)
    axes.spines[:].set_visible(False)
    figure.legend(handles=group_patches(groups), loc="outside lower center", ncols=6)
    return figure


def _names_beside(axes: Axes, places: np.ndarray, points: np.ndarray, names: Sequence[str],
                  colors: Sequence[str]) -> None:
    """Names of places (N, 2) left and right of all points, by height, each with a thin line."""
    low, high = points.min(axis=0), points.max(axis=0)
    order = np.argsort(places[:, 0], kind="stable")
    for side, members in zip((-1, 1), np.array_split(order, 2), strict=True):
        edge = (low[0] if side < 0 else high[0]) + side * 0.06 * (high[0] - low[0])
        members = members[np.argsort(places[members, 1], kind="stable")]
        heights = np.linspace(low[1], high[1], len(members) + 2)[1:-1]
        for one, height in zip(members, heights, strict=True):
            axes.plot([places[one, 0], edge], [places[one, 1], height], color=colors[one],
                      linewidth=0.7, alpha=0.8, zorder=2)
            axes.text(edge, height, f" {names[one]} ", fontsize=8.5, va="center",
                      ha="right" if side < 0 else "left")


def _directions(embeddings: np.ndarray) -> np.ndarray:
    """Embeddings (N, D) less their mean, each divided by its length."""
    centred = embeddings - embeddings.mean(axis=0)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
