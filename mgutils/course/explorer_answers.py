"""Looking at a run's answers one image at a time: the five best, the nearest captions, and where the evidence lies.

Widgets or a figure, as :mod:`mgutils.course.explorer` decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from scipy.special import softmax

from mgutils.course.explorer import Explorer, Skeletons
from mgutils.data.labels import gesture_groups
from mgutils.data.pixels import load_pixels
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.evaluation.attribution import occlusion_map
from mgutils.evaluation.embed import run_scorer
from mgutils.report.figures.data import read_image
from mgutils.style import BLACK, BLUE, GREEN, GREY, VERMILLION, new_figure, shorten
from mgutils.training.run import Run

Which = Literal["all", "right", "wrong"]
EVERY = -1
"""In place of a class index."""
_SHOWN = 5
_SHARES = (1 / 3, 2 / 3)
"""Of the largest fall of the score, at which the lines over an image are drawn."""


def _best(values: np.ndarray, name: str) -> pd.DataFrame:
    """The classes with the highest values: ``class_index`` and the value under its name."""
    best = np.argsort(-values, kind="stable")[:_SHOWN]
    return pd.DataFrame({"class_index": best, name: values[best]})


class AnswerExplorer(Explorer):
    """Pick a validation image of a run and see what the model says about it, and why.

    Parameters
    ----------
    dataset : Dataset
    run : Run
        Of images and captions.

    Raises
    ------
    ConfigError
        If the run reads no text.

    Taught in: 07, section 5.
    """

    lists = ("answers", "class")
    pause = 3000

    def __init__(self, dataset: Dataset, run: Run) -> None:
        if not run.config.reads_text:
            raise ConfigError(f"{run.directory}: found a classifier that reads no text; wanted a run of images and "
                              "captions, such as sound_ce.")
        super().__init__(dataset)
        self.run = run
        self.answer = run.logits.argmax(axis=1)
        self._maps: dict[int, np.ndarray] = {}

    def __repr__(self) -> str:
        return f"{len(self.run.valid):,} answers of {self.run.directory.name} to look at"

    @cached_property
    def _scorer(self) -> Any:
        return run_scorer(self.run.directory)

    @cached_property
    def _pixels(self) -> np.ndarray:
        cache = self.run.directory.parents[1] / "cache"
        return load_pixels(self.dataset, self.run.config.train.image_size, cache_dir=cache, progress=False)

    def answers(self, place: int) -> pd.DataFrame:
        """The five best answers to a validation image: ``class_index``, ``probability``, by falling score."""
        return _best(softmax(self.run.logits[place].astype(float)), "probability")

    def nearest_captions(self, place: int) -> pd.DataFrame:
        """The five captions in the most similar direction: ``class_index``, ``cosine``, by falling cosine.

        The same as the answers where a run normalises its embeddings; else long captions win over near ones.
        """
        image, captions = self.run.image_embeddings[place], self.run.caption_embeddings
        lengths = np.linalg.norm(captions, axis=1) * np.linalg.norm(image)
        return _best(captions @ image / lengths, "cosine")

    def heat_map(self, place: int) -> np.ndarray:
        """How much each pixel of a validation image speaks for the run's answer, (S, S)."""
        if place not in self._maps:
            image = np.asarray(self._pixels[self.run.valid[place]])
            self._maps[place] = occlusion_map(self._scorer, image, int(self.answer[place]))
        return self._maps[place]

    def peaks_near_hands(self, rows: Sequence[int], reach: float = 1 / 8) -> tuple[np.ndarray, np.ndarray]:
        """Whether the peak of each image's heat map lies near a hand, and the share of the image that does.

        Empty where the dataset has no keypoints.

        Parameters
        ----------
        rows : sequence of int
            Places in the run's validation rows.
        reach : float
            How far from a wrist or a finger tip counts as near, as a share of the image's side.
        """
        body = Skeletons.of(self.dataset)
        if body is None:
            return np.array([]), np.array([])
        hand = [place for place, name in enumerate(body.names) if name.endswith(("_tip", "wrist"))]
        hits, shares = [], []
        for row in rows:
            heat = self.heat_map(row)
            image = read_image(self.dataset, int(self.run.valid[row]))
            points = body.uv[self.run.valid[row]][hand] * len(heat) / len(image)  # (12, 2)
            y, x = np.mgrid[:len(heat), :len(heat)]
            distance = np.hypot(points[:, 0, None, None] - x, points[:, 1, None, None] - y)  # (12, S, S)
            near = distance.min(axis=0) <= reach * len(heat)
            hits.append(near.ravel()[heat.argmax()])
            shares.append(near.mean())
        return np.array(hits), np.array(shares)

    def choices(self) -> list[tuple[str, Which]]:
        """All answers, the right and the wrong ones, where there are such."""
        return [(which, which) for which in ("all", "right", "wrong") if len(self.rows(which))]

    def choices_within(self, first: Which) -> list[tuple[str, int]]:
        """The true classes of those answers."""
        classes = np.unique(self.run.target[self.rows(first)]).tolist()
        return [("every class", EVERY), *((f"{i + 1} {shorten(self.names[i], 46)}", i) for i in classes)]

    def rows(self, first: Which, second: int = EVERY) -> np.ndarray:
        """Places in the run's validation rows of answers to images of a class, the surest answer first."""
        two = np.sort(self.run.logits, axis=1)[:, -2:]
        order = np.argsort(two[:, 0] - two[:, 1], kind="stable")
        target = self.run.target[order]
        right = self.answer[order] == target
        keep = {
            "all": right | True,
            "right": right,
            "wrong": ~right,
        }[first]
        return order[keep & ((second == EVERY) | (target == second))]

    def caption(self, row: int) -> str:
        """The file of an image."""
        return f"the surest answer first; this is {self.dataset.frames['path'].iloc[self.run.valid[row]]}"

    def example(self) -> int:
        """Place of the surest right answer to a hand at the head; the surest of all where there is none."""
        groups = gesture_groups(self.dataset.labels)
        at_head = [row for row in self.rows("right") if groups[self.run.target[row]] == "Head-Hand"]
        return int([*at_head, *self.rows("all")][0])

    def figure(self) -> Figure:
        """A hand at the head, see :meth:`example`."""
        return self.picture(self.example())

    def picture(self, row: int, skeleton: bool = False) -> Figure:
        """An image as it is, with its heat map, its five answers and its nearest captions."""
        figure, axes = new_figure(1, 4, size=(14.5, 3.5), width_ratios=(1, 1, 1.15, 1.15))
        self._draw_pictures(axes[:2], row)
        self._draw_bars(axes[2], self.answers(row), row, "five best answers")
        self._draw_bars(axes[3], self.nearest_captions(row), row, "nearest captions")
        return figure

    def _draw_pictures(self, axes: np.ndarray, place: int) -> None:
        image = read_image(self.dataset, int(self.run.valid[place]))
        true, answer = (shorten(self.names[i], 26) for i in (self.run.target[place], self.answer[place]))
        height, width = image.shape[:2]
        for panel, title in zip(axes, (f"true: {true}", f"answer: {answer}"), strict=True):
            panel.imshow(image, interpolation="bicubic")
            panel.set_title(title, fontsize=10)
            panel.set(xticks=[], yticks=[])
            panel.grid(visible=False)
        heat = self.heat_map(place)
        top = float(heat.max())
        if top > 0:
            lines = axes[1].contour(heat, levels=[share * top for share in _SHARES], colors=VERMILLION,
                                    linewidths=(1.2, 2.4), extent=(-0.5, width - 0.5, -0.5, height - 0.5))
            lines.set_path_effects([withStroke(linewidth=4, foreground="white")])
        axes[1].set_xlabel("covering inside the lines lowers the\nscore of the answer most", fontsize=8.5)

    def _draw_bars(self, axes: Axes, best: pd.DataFrame, place: int, title: str) -> None:
        """Bars with the class written inside its row; the true class is green and says so."""
        unit = best.columns[1]
        true = best["class_index"] == self.run.target[place]
        axes.barh(best.index, best[unit], color=np.where(true, GREEN, BLUE), height=0.42)
        words = {
            "fontsize": 9,
            "va": "center",
            "color": BLACK,
            "transform": axes.get_yaxis_transform(),
        }
        for row, index, value in best.itertuples():
            name = f"{index + 1} {shorten(self.names[index], 30)}{'  (true)' if true[row] else ''}"
            axes.text(0.01, row - 0.36, name, **words)
            axes.text(0.99, row - 0.36, f"{value:.3f}", ha="right", **words)
        low = min(0, best[unit].min()) * 1.1
        axes.set(xlim=(low, 1), ylim=(len(best) - 0.6, -0.7), yticks=[])
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel(unit, fontsize=9)
        axes.grid(axis="y", visible=False)
