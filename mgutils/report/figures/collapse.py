"""A model that learns beside one that collapses, epoch by epoch, as the pictures of an animation.

They draw :class:`mgutils.experiments.collapse.WatchedRun`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from PIL import Image

from mgutils.report.figures.animation import as_picture
from mgutils.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, new_figure, shorten

if TYPE_CHECKING:
    from mgutils.experiments.collapse import WatchedRun

COLORS = (BLUE, ORANGE, GREEN, PURPLE, BLACK, SKY)
"""Of the classes."""


def collapse_pictures(runs: Mapping[str, WatchedRun], classes: Sequence[str], *, dpi: int = 80) -> list[Image.Image]:
    """One picture for each epoch that was kept: images as dots, captions as stars, coloured by class.

    Images and captions are centred, each kind on its own mean, and projected on two fixed directions: those in which
    the run's embeddings spread most, over all epochs together. So a cloud that shrinks in the pictures shrinks in the
    space.

    Parameters
    ----------
    runs : mapping of str to WatchedRun
        By the words above each panel; all kept the same epochs.
    classes : sequence of str
        Names of at most six classes.

    Taught in: 06, section 5.
    """
    flat = {title: _project(run) for title, run in runs.items()}
    epochs = next(iter(runs.values())).epochs
    return [_picture(runs, flat, classes, place, dpi) for place in range(len(epochs))]


def _project(run: WatchedRun) -> tuple[np.ndarray, np.ndarray]:
    """Images (E, N, 2) and captions (E, C, 2) on the first two principal axes of the run."""
    images = run.images - run.images.mean(axis=1, keepdims=True)
    captions = run.captions - run.captions.mean(axis=1, keepdims=True)
    # both kinds count alike, however many points they have
    together = [part.reshape(-1, part.shape[-1]) / np.sqrt(part.shape[1]) for part in (images, captions)]
    _, _, axes = np.linalg.svd(np.concatenate(together), full_matrices=False)
    return images @ axes[:2].T, captions @ axes[:2].T


def _picture(runs: Mapping[str, WatchedRun], flat: Mapping[str, tuple[np.ndarray, np.ndarray]],
             classes: Sequence[str], place: int, dpi: int) -> Image.Image:
    figure, panels = new_figure(1, len(runs), size=(4.1 * len(runs), 4.9))
    for axes, (title, run) in zip(panels, runs.items(), strict=True):
        images, captions = flat[title]
        limit = 1.06 * max(np.abs(images).max(), np.abs(captions).max())
        _draw(axes, images[place], captions[place], run.target)
        count = round(run.same_answer[place] * len(run.target))
        axes.set(xlim=(-limit, limit), ylim=(-limit, limit), xticks=[], yticks=[], aspect="equal")
        axes.set_title(f"{title}\nepoch {run.epochs[place]}", fontsize=12)
        axes.set_xlabel(f"{count} of {len(run.target)} images get the same answer\n"
                        f"{run.top1[place]:.0%} are right", fontsize=11)
    marks = [Line2D([], [], marker="o", linestyle="", color=color, label=shorten(name, 26))
             for name, color in zip(classes, COLORS, strict=False)]
    marks += [Line2D([], [], marker="o", linestyle="", color=GREY, label="image"),
              Line2D([], [], marker="*", linestyle="", color=GREY, markersize=13, label="caption")]
    figure.legend(handles=marks, loc="outside lower center", ncols=3, fontsize=9.5)
    return as_picture(figure, dpi)


def _draw(axes: Axes, images: np.ndarray, captions: np.ndarray, target: np.ndarray) -> None:
    colors = np.array(COLORS)[:len(captions)]
    axes.scatter(*images.T, s=26, color=colors[target], alpha=0.7, linewidth=0)
    axes.scatter(*captions.T, s=230, marker="*", color=colors, edgecolor=BLACK, linewidth=1, zorder=3)
