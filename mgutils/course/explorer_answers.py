"""Looking at a run's answers one image at a time: the five best, the nearest captions, and where the evidence lies.

Widgets or a figure, as :mod:`mgutils.course.explorer` decides.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from scipy.special import softmax

from mgutils.course.explorer import Explorer, png_bytes
from mgutils.data.pixels import load_pixels
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.evaluation.attribution import occlusion_map
from mgutils.evaluation.embed import run_scorer
from mgutils.report.figures.data import read_image
from mgutils.style import BLACK, BLUE, GREEN, GREY, new_figure, shorten
from mgutils.training.run import Run

Which = Literal["all", "right", "wrong"]
_SHOWN = 5


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

    Taught in: 05, section 4.
    """

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

    def places(self, which: Which = "all", class_index: int | None = None) -> np.ndarray:
        """Places in the run's validation rows, the surest answer first."""
        two = np.sort(self.run.logits, axis=1)[:, -2:]
        order = np.argsort(two[:, 0] - two[:, 1], kind="stable")
        right = (self.answer == self.run.target)[order]
        keep = {"all": right | True, "right": right, "wrong": ~right}[which]
        if class_index is not None:
            keep = keep & (self.run.target[order] == class_index)
        return order[keep]

    def figure(self, place: int | None = None) -> Figure:
        """One image: as it is, with its heat map, its five answers and its nearest captions.

        Parameters
        ----------
        place : int, optional
            In the run's validation rows; the surest wrong answer if not given, or the surest of all.
        """
        if place is None:
            wrong = self.places("wrong")
            place = int(wrong[0] if len(wrong) else self.places()[0])
        figure, axes = new_figure(1, 4, size=(14.5, 3.5), width_ratios=(1, 1, 1.15, 1.15))
        image = read_image(self.dataset, int(self.run.valid[place]))
        self._draw_pictures(axes[:2], image, place)
        answers, near = self.answers(place), self.nearest_captions(place)
        self._draw_bars(axes[2], answers, place, "five best answers")
        self._draw_bars(axes[3], near, place, "nearest captions")
        return figure

    def _draw_pictures(self, axes: np.ndarray, image: np.ndarray, place: int) -> None:
        true, answer = (shorten(self.names[i], 26) for i in (self.run.target[place], self.answer[place]))
        height, width = image.shape[:2]
        for panel, title in zip(axes, (f"true: {true}", f"answer: {answer}"), strict=True):
            panel.imshow(image, interpolation="bicubic")
            panel.set_title(title, fontsize=10)
            panel.set(xticks=[], yticks=[])
            panel.grid(visible=False)
        heat = self.heat_map(place)
        top = max(float(np.abs(heat).max()), 1e-9)
        axes[1].imshow(heat, cmap="PuOr_r", vmin=-top, vmax=top, alpha=0.85 * np.sqrt(np.abs(heat) / top),
                       interpolation="bilinear", extent=(-0.5, width - 0.5, height - 0.5, -0.5))
        bar = axes[1].figure.colorbar(ScalarMappable(Normalize(-top, top), "PuOr_r"), ax=axes[1], shrink=0.85)
        bar.set_label("fall of the score when covered", fontsize=8.5)
        bar.ax.tick_params(labelsize=8)

    def _draw_bars(self, axes: Axes, best: pd.DataFrame, place: int, title: str) -> None:
        """Bars with the class written inside its row; the true class is green and says so."""
        unit = best.columns[1]
        classes, values = best["class_index"], best[unit]
        true = classes == self.run.target[place]
        rows = np.arange(len(classes))
        axes.barh(rows, values, color=[GREEN if hit else BLUE for hit in true], height=0.42)
        for row, index, value, hit in zip(rows, classes, values, true, strict=True):
            axes.text(0.01, row - 0.36, f"{index + 1} {shorten(self.names[index], 30)}" + ("  (true)" if hit else ""),
                      fontsize=9, va="center", color=BLACK, transform=axes.get_yaxis_transform())
            axes.text(0.99, row - 0.36, f"{value:.3f}", fontsize=9, va="center", ha="right", color=BLACK,
                      transform=axes.get_yaxis_transform())
        axes.set(xlim=(min(0, float(values.min())) * 1.1, 1), ylim=(len(rows) - 0.6, -0.7), yticks=[])
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel(unit, fontsize=9)
        axes.grid(axis="y", visible=False)

    def widget(self) -> Any:
        """Which answers, which class, which image; and the four panels."""
        import ipywidgets as w

        choices = ["all", "right", "wrong"]
        which = self._control("Dropdown", "which", options=choices, description="answers")
        classes = [(f"{i + 1} {shorten(self.names[i], 46)}", int(i)) for i in np.unique(self.run.target)]
        gesture = self._control("Dropdown", "true", options=[("every class", None), *classes],
                                description="true class")
        image = self._control("IntSlider", "image", max=0, description="image", continuous_update=False)
        picture, note = self._picture(layout=w.Layout(max_width="100%"))

        def show(_: Any = None) -> None:
            places = self.places(which.value, gesture.value)
            if not len(places):
                note.value, picture.value = "no such image", b""
                return
            place = int(places[min(image.value, len(places) - 1)])
            picture.value = png_bytes(self.figure(place))
            note.value = (f"{len(places):,} images, the surest answer first; this one is "
                          f"{self.dataset.frames['path'].iloc[self.run.valid[place]]}")

        def choose(_: Any = None) -> None:
            image.max = max(len(self.places(which.value, gesture.value)) - 1, 0)
            if image.value:
                image.value = 0
            else:
                show()

        choose()
        which.observe(choose, "value")
        gesture.observe(choose, "value")
        image.observe(show, "value")
        return w.VBox([which, gesture, image, picture, note])
