"""Figures about runs: curves, Table 1 as a chart, confusion matrix, examples, and the map of the shared space.

A run is a :class:`mgutils.training.run.Run`; ``runs`` maps the name of an objective to its runs, one for each seed.
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
from mgutils.report.figures.data import image_grid, read_image
from mgutils.report.tables import METHODS, REPORTED
from mgutils.style import BLACK, GREEN, GREY, GROUP_COLORS, LIGHT, OBJECTIVE_COLORS, VERMILLION, new_figure, shorten

if TYPE_CHECKING:
    from mgutils.data.audit import Audit
    from mgutils.training.run import Run


_DASHES = [("-.", "s"), (":", "D"), ("-", "o"), ("--", "^")]
"""Dash and marker: no line is known by its colour alone."""


def training_curves(runs: Mapping[str, Sequence[Run]], constant_top1: float | None = None) -> Figure:
    """Loss of each objective in a panel of its own, and the top-1 of all of them in one.

    A line is the mean over the seeds; its band goes from the lowest to the highest. A loss that falls to less than a
    tenth has a logarithmic axis.

    Parameters
    ----------
    runs : mapping of str to sequence of Run
    constant_top1 : float, optional
        Accuracy of the constant class; the share of the most common validation class where left out.

    Taught in: 04, section 4.
    """
    figure, _ = new_figure(size=(12, 5.4))
    figure.clear()
    rows = -(-len(runs) // 2)
    grid = figure.add_gridspec(rows, 3, width_ratios=(1, 1, 1.7))
    top1 = figure.add_subplot(grid[:, 2])
    for i, (objective, group) in enumerate(runs.items()):
        color = OBJECTIVE_COLORS.get(objective, BLACK)
        panel = figure.add_subplot(grid[i // 2, i % 2])
        _band(panel, group, "train_loss", color, label="training", linestyle="--")
        _band(panel, group, "valid_loss", color, label="validation")
        means = np.concatenate([line.get_ydata() for line in panel.lines])
        if 0 < 10 * means.min() < means.max():
            panel.set_yscale("log", subs=())
            panel.yaxis.get_major_locator().set_params(subs=(1, 2, 5))
            panel.yaxis.set_major_formatter("{x:g}")
        known = METHODS.get(objective)
        panel.set_title(f"{known.name}\n{objective}" if known else objective, fontsize=10.5)
        panel.set(xlabel="epoch", ylabel="loss")
        panel.legend(fontsize=9)
        dash, marker = _DASHES[i % len(_DASHES)]
        _band(top1, group, "top1", color, label=objective, scale=100, linestyle=dash, marker=marker)
    first = next(iter(runs.values()))[0]
    constant = np.bincount(first.target).max() / len(first.target) if constant_top1 is None else constant_top1
    top1.axhline(100 * constant, color=GREY, linestyle=(0, (5, 3)), label="constant class")
    top1.set(title="Validation top-1", xlabel="epoch", ylabel="%", ylim=(0, 102))
    top1.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3)
    return figure


def _band(axes: Axes, group: Sequence[Run], column: str, color: str, *, scale: float = 1, **line: Any) -> None:
    """Mean of a column of the logs over the runs, and the band between the lowest and the highest."""
    epochs = min(len(run.log) for run in group)
    values = scale * np.stack([run.log[column].to_numpy(dtype=float)[:epochs] for run in group])  # (seeds, epochs)
    ticks = np.arange(1, epochs + 1)
    line = {"marker": "o" if epochs < 4 else "", "markevery": max(epochs // 12, 1)} | line
    axes.plot(ticks, values.mean(axis=0), color=color, linewidth=2, **line)
    axes.fill_between(ticks, values.min(axis=0), values.max(axis=0), color=color, alpha=0.2, linewidth=0)
    axes.xaxis.get_major_locator().set_params(integer=True)


def table1_chart(runs: Mapping[str, Sequence[Run]], audit: Audit) -> Figure:
    """Table 1 as dots: each seed, the mean, the report's number, and lines for the two baselines.

    Taught in: 05, section 3.
    """
    figure, axes = new_figure(1, 2, size=(12, 0.62 * len(runs) + 1.9), sharey=True)
    for panel, score, reported in zip(axes, ("top1", "top5"), (0, 1), strict=True):
        for row, (objective, group) in enumerate(runs.items()):
            values = [100 * run.metrics[score] for run in group]
            color = OBJECTIVE_COLORS.get(objective, BLACK)
            panel.plot(values, [row] * len(values), "o", color=color, alpha=0.45, markersize=7)
            panel.plot(np.mean(values), row, "|", color=color, markersize=24, markeredgewidth=3)
            if objective in REPORTED:
                panel.plot(REPORTED[objective][reported], row, "D", markersize=8, markerfacecolor="white",
                           markeredgecolor=BLACK)
        panel.set(title=f"{score[:3]}-{score[3]}", xlim=(-2, 102), xlabel="%")
        panel.grid(axis="y", color=LIGHT)
    axes[0].set_yticks(range(len(runs)), [METHODS[name].name if name in METHODS else name for name in runs])
    axes[0].set_ylim(len(runs) - 0.5, -0.5)
    for panel, constant in zip(axes, (audit.constant_top1, audit.constant_top5), strict=True):
        panel.axvline(100 * constant, color=GREY, linestyle=(0, (5, 3)), label="constant class")
    axes[0].axvline(100 * audit.lookup_top1, color=GREY, linestyle=":", linewidth=2, label="look the clip up")
    axes[0].plot([], [], "o", color=GREY, label="a seed")
    axes[0].plot([], [], "|", color=GREY, markersize=14, markeredgewidth=3, label="mean of the seeds")
    axes[0].plot([], [], "D", color="white", markeredgecolor=BLACK, label="the report, on its own images")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def confusion_matrix(confusion: ArrayLike, labels: Labels) -> Figure:
    """Share of each true class (row) that was answered with each class (column); lines separate the groups.

    Parameters
    ----------
    confusion : array (C, C)
        Counts; row: true class, column: answer. A row without samples is drawn grey.
    labels : Labels

    Taught in: 05, section 4.
    """
    order, groups = group_order(labels), gesture_groups(labels)
    counts = np.asarray(confusion, dtype=float)[np.ix_(order, order)]
    with np.errstate(invalid="ignore"):
        shares = counts / counts.sum(axis=1, keepdims=True)  # NaN where a class has no samples
    side = 0.24 * len(labels)
    figure, axes = new_figure(size=(side + 4.6, side + 1.6))
    axes.set_facecolor(LIGHT)
    picture = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues", interpolation="nearest")
    figure.colorbar(picture, ax=axes, label="share of the true class", shrink=0.5)
    ticks = range(len(labels))
    axes.set_yticks(ticks, [f"{shorten(labels.display[index], 30)}  {index + 1}" for index in order], fontsize=8.5)
    axes.set_xticks(ticks, [str(index + 1) for index in order], fontsize=8.5, rotation=90)
    axes.set(xlabel="answered class", ylabel="true class")
    axes.grid(visible=False)
    _group_borders(axes, [groups[index] for index in order])
    return figure


def _group_borders(axes: Axes, groups: Sequence[str]) -> None:
    """Lines where one group ends and the next begins, and the groups' names above."""
    edges = [0, *(i for i in range(1, len(groups)) if groups[i] != groups[i - 1]), len(groups)]
    for edge in edges[1:-1]:
        axes.axhline(edge - 0.5, color=BLACK, linewidth=1)
        axes.axvline(edge - 0.5, color=BLACK, linewidth=1)
    if len(edges) > 2:
        for start, end in zip(edges, edges[1:], strict=False):
            axes.text((start + end - 1) / 2, -0.9, groups[start], ha="left", va="bottom", rotation=40, fontsize=9.5,
                      fontweight="bold")


def best_and_worst(dataset: Dataset, run: Run, *, columns: int = 6) -> Figure:
    """The surest right answers above, the surest wrong ones below, each class at most once in a row.

    An answer is as sure as its score is ahead of the second best.

    Taught in: 05, section 4.
    """
    names, answer = dataset.labels.display, run.logits.argmax(axis=1)
    two = np.sort(run.logits, axis=1)[:, -2:]
    lead = two[:, 1] - two[:, 0]
    right = _surest(np.flatnonzero(answer == run.target), lead, run.target)[:columns]
    wrong = _surest(np.flatnonzero(answer != run.target), lead, run.target)[:columns]
    titles = [f"right:\n{_fold(names[answer[i]])}" for i in right]
    titles += [f"answer: {_fold(names[answer[i]])}\ntrue: {_fold(names[run.target[i]])}" for i in wrong]
    return image_grid([read_image(dataset, int(run.valid[i])) for i in (*right, *wrong)], titles, columns=columns,
                      side=1.9, fontsize=7.5, colors=[GREEN] * len(right) + [VERMILLION] * len(wrong))


def _surest(rows: np.ndarray, lead: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rows by falling lead, only the first of each true class."""
    rows = rows[np.argsort(-lead[rows], kind="stable")]
    return rows[np.sort(np.unique(target[rows], return_index=True)[1])]


def _fold(name: str) -> str:
    return "\n".join(textwrap.wrap(shorten(name, 40), 24))


def embedding_map(run: Run, labels: Labels, *, seed: int = 0, most: int = 500) -> Figure:
    """Validation images as dots and captions as numbered marks, brought to two dimensions by t-SNE.

    Images and captions lie apart in the shared space, so each kind is centred on its own mean first. A mark that would
    cover another is moved aside, and a line leads to its place.

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

    Taught in: 05, section 5.
    """
    from sklearn.manifold import TSNE  # takes seconds to load

    groups = gesture_groups(labels)
    chosen = np.unique(np.linspace(0, len(run.target) - 1, min(most, len(run.target))).astype(int))
    images, captions = _directions(run.image_embeddings[chosen]), _directions(run.caption_embeddings)
    points = np.concatenate([images, captions])
    # exact: for so few points as fast as the usual approximation, and without its threads, which stall on busy machines
    flat = TSNE(perplexity=min(30, len(points) / 4), init="pca", method="exact", max_iter=600,
                random_state=seed).fit_transform(points)
    figure, axes = new_figure(size=(9, 7))
    for group, color in GROUP_COLORS.items():
        rows = [i for i, index in enumerate(run.target[chosen]) if groups[index] == group]
        if rows:
            axes.scatter(*flat[rows].T, s=14, color=color, alpha=0.6, linewidth=0, label=group)
    axes.scatter(*flat[len(chosen):].T, s=0)  # for the limits
    axes.set(xticks=[], yticks=[], title=f"{len(chosen)} images (dots) and {len(labels)} captions (numbers)")
    axes.margins(0.05)
    axes.legend(title="group", loc="center left", bbox_to_anchor=(1, 0.5), markerscale=2)
    figure.draw_without_rendering()  # settles where a place lies on the page
    point = figure.dpi / 72
    pixels = axes.transData.transform(flat[len(chosen):])
    marks = axes.transData.inverted().transform(point * apart(pixels / point, gap=18))
    for index, (place, mark) in enumerate(zip(flat[len(chosen):], marks, strict=True)):
        color = GROUP_COLORS[groups[index]]
        axes.plot(*np.transpose([place, mark]), color=color, linewidth=1, zorder=2.5)
        axes.text(*mark, str(index + 1), fontsize=8, ha="center", va="center", fontweight="bold", zorder=3,
                  bbox={"boxstyle": "circle,pad=0.2", "facecolor": "white", "edgecolor": color, "linewidth": 1.6})
    return figure


def apart(places: ArrayLike, gap: float) -> np.ndarray:
    """Places (N, 2), pushed from one another until any two are at least ``gap`` apart, or a thousand times."""
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
