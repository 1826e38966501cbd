"""Looking around in a space: a clip in one modality, and the clips that lie nearest to it in the others.

Widgets or a figure, as :mod:`mgutils.course.explorer` decides. The same as one HTML file is in ``space_page``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import ndarray
from PIL import Image, ImageDraw

from mgutils.course.explorer import Explorer
from mgutils.data.items import load_modality, present
from mgutils.data.keypoints import LIMBS
from mgutils.data.modalities import JOINTS
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.metrics.cosine import cosine_similarity
from mgutils.report.figures.skeleton import side_colors
from mgutils.style import BLACK, BLUE, GREEN, GREY, new_figure, shorten
from mgutils.training.run import Run

EVERY = -1
"""In place of a class index."""
SHOWN = 5
JOINTS_SIDE = 144
"""Of a picture of joints, in pixels."""
MARKS = {"the clip itself": GREEN, "same class": BLUE, "another class": GREY}
"""What a neighbour is to the clip that was asked for, and its colour."""


def thumbnail(name: str, frame: ndarray) -> ndarray:
    """One frame of any modality as a picture, (H, W, 3) bytes.

    Depth goes from the nearest pixel, yellow, to the farthest, blue; arrays of another name become a heat map.
    """
    if name == "rgb":
        return np.asarray(frame)
    if name == "infrared":
        return np.repeat(frame[..., None], 3, axis=2)
    if name in JOINTS:
        return _draw_joints(frame)
    values = np.atleast_2d(np.asarray(frame, dtype=float))
    values = values.reshape(len(values), -1)
    high = values.max()
    low = values[values > 0].min(initial=high) if name == "depth" else values.min()  # 0 is no depth
    shares = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    return colormaps["cividis_r"](shares, bytes=True)[..., :3]


def _draw_joints(frame: ndarray) -> ndarray:
    """The joints that are seen and the limbs between them, in the colours of their sides."""
    fine = 3 * JOINTS_SIDE  # drawn larger and reduced, for smooth edges
    canvas = Image.new("RGB", (fine, fine), "white")
    draw = ImageDraw.Draw(canvas)
    points, seen, colors = (fine * frame[:, :2]).tolist(), frame[:, 2] > 0, side_colors()
    for start, end in LIMBS:
        if seen[start] and seen[end]:
            draw.line([*points[start], *points[end]], fill=colors[end], width=fine // 40)
    for joint in np.flatnonzero(seen):
        draw.circle(points[joint], fine // 50, fill=colors[joint])
    return np.asarray(canvas.resize((JOINTS_SIDE, JOINTS_SIDE), Image.Resampling.LANCZOS))


def check_space(run: Run, dataset: Dataset) -> tuple[str, ...]:
    """The modalities of a run of alignment that lie with the clips, so that they can be shown.

    Raises
    ------
    ConfigError
        If it is no such run, or one of other clips.
    """
    made = {entry.name for entry in getattr(run.config.model, "derived", ())}
    names = tuple(name for name in getattr(run.config.model, "modalities", ()) if name not in made)
    if run.config.task != "alignment" or len(names) < 2:
        raise ConfigError(f"{run.directory}: found a run of {run.config.task} with {len(names)} modalities; wanted one "
                          "of alignment with two or more, such as the star.")
    fits = len(run.arrays[names[0]]) == len(dataset) and run.valid.max() < len(dataset)
    if not fits or (dataset.target[run.valid] != run.target).any():
        raise ConfigError(f"{run.directory}: found a run of other clips than {dataset.root}; wanted the folder that "
                          "it was trained on.")
    return names


class SpaceExplorer(Explorer):
    """Pick a clip in one modality, and see its nearest clips in the others, among people that the run has not met.

    Parameters
    ----------
    dataset : Dataset
        Of clips.
    run : Run
        Of alignment, with two modalities or more.

    Raises
    ------
    ConfigError
        If it is no such run, or one of other clips.

    Taught in: 11, section 5.
    """

    lists = ("modality", "class")
    pause = 3000
    word = "clip"

    def __init__(self, dataset: Dataset, run: Run) -> None:
        super().__init__(dataset)
        self.modalities = check_space(run, dataset)
        self.run = run
        self.vectors = {name: run.arrays[name][run.valid] for name in self.modalities}
        self.present = {name: present(dataset, name)[run.valid] for name in self.modalities}

    def __repr__(self) -> str:
        return f"{len(self.run.valid):,} clips to look at in the space of {self.run.directory.name}"

    def neighbours(self, query: str, place: int, item: str) -> pd.DataFrame:
        """All clips that have a modality, the nearest first: ``place, cosine, mark``.

        Parameters
        ----------
        query : str
            The modality that is asked with.
        place : int
            Of the clip in the run's reported rows.
        item : str
            The modality that is searched.
        """
        places = np.flatnonzero(self.present[item])
        cosine = cosine_similarity(self.vectors[query][[place]], self.vectors[item][places])[0]
        same = self.run.target[places] == self.run.target[place]
        mark = np.where(places == place, "the clip itself", np.where(same, "same class", "another class"))
        found = pd.DataFrame({"place": places, "cosine": cosine, "mark": mark})
        return found.sort_values("cosine", ascending=False, kind="stable", ignore_index=True)

    def rank(self, query: str, place: int, item: str) -> int | None:
        """How far down the list a clip finds itself, 1 at best; ``None`` where it lacks the modality."""
        own = np.flatnonzero(self.neighbours(query, place, item)["mark"] == "the clip itself")
        return int(own[0]) + 1 if len(own) else None

    # a row of this explorer is a clip in a modality: the number of the modality times the clips, and the clip's place

    def question(self, row: int) -> tuple[str, int]:
        """The modality that is asked with, and the clip's place in the run's reported rows."""
        number, place = divmod(row, len(self.run.valid))
        return self.modalities[number], place

    def choices(self) -> list[tuple[str, int]]:
        """The modalities."""
        return [(name, number) for number, name in enumerate(self.modalities)]

    def choices_within(self, first: int) -> list[tuple[str, int]]:
        """The classes of the clips that have a modality."""
        classes = np.unique(self.run.target[self.present[self.modalities[first]]]).tolist()
        return [("every class", EVERY), *((f"{i + 1} {shorten(self.names[i], 46)}", i) for i in classes)]

    def rows(self, first: int, second: int = EVERY) -> ndarray:
        """Clips of a class that have a modality, in the order of the table."""
        wanted = (self.run.target == second) | (second == EVERY)
        return first * len(wanted) + np.flatnonzero(wanted & self.present[self.modalities[first]])

    def caption(self, row: int) -> str:
        """Where the clip finds itself in each other modality."""
        query, place = self.question(row)
        found = {item: self.rank(query, place, item) for item in self.modalities if item != query}
        return "finds itself at rank " + ", ".join(f"{rank or '?'} in {item}" for item, rank in found.items())

    def example(self) -> int:
        """The second modality, and an ordinary clip: as many find themselves in the first one sooner as later."""
        item, query = self.modalities[:2]
        both = np.flatnonzero(self.present[item] & self.present[query])
        ranks = [self.rank(query, place, item) for place in both]
        return len(self.run.valid) + int(both[np.argsort(ranks, kind="stable")[(len(both) - 1) // 2]])

    def figure(self) -> Figure:
        """An ordinary clip, see :meth:`example`."""
        return self.picture(self.example())

    def picture(self, row: int, skeleton: bool = False) -> Figure:
        """The clip, and a line of its nearest clips for each other modality."""
        query, place = self.question(row)
        others = [name for name in self.modalities if name != query]
        figure, grid = new_figure(len(others), SHOWN + 1, size=(2.1 * (SHOWN + 1), 2.75 * len(others)), squeeze=False)
        figure.get_layout_engine().set(h_pad=0.1)
        for line, item in zip(grid, others, strict=True):
            for panel in line:
                panel.set_axis_off()
            best = self.neighbours(query, place, item)
            for panel, found in zip(line[1:], best.head(SHOWN).itertuples(), strict=False):
                note = f"{found.cosine:.2f}  {found.mark}"
                self._draw(panel, item, found.place, MARKS[found.mark], self._name(found.place), note)
            line[1].set_ylabel(f"nearest in {item}", fontsize=11, fontweight="bold")
        title = f"asked with {query}:\n{self._name(place)}"
        self._draw(grid[(len(others) - 1) // 2, 0], query, place, BLACK, title, "")
        return figure

    def _draw(self, axes: Axes, name: str, place: int, color: str, title: str, note: str) -> None:
        """The middle of a clip in a frame of some colour."""
        axes.set_axis_on()
        axes.imshow(self.middle_frame(name, place), interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
        axes.spines[:].set(visible=True, color=color, linewidth=4)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel(note, fontsize=10, color=color, fontweight="bold", labelpad=6)

    def _name(self, place: int) -> str:
        target = int(self.run.target[place])
        return f"{target + 1} {shorten(self.names[target], 19)}"

    def middle_frame(self, name: str, place: int) -> ndarray:
        """The frame in the middle of a clip, as a picture."""
        clip = self.dataset.frames.iloc[int(self.run.valid[place])]
        return thumbnail(name, load_modality(self.dataset, name)[clip["start"] + clip["length"] // 2])
