"""Looking around in a dataset: pick a class, a subject and a frame, with or without the skeleton.

Before a person it is a set of widgets. Where nobody can click (papermill, nbconvert, a reader without ipywidgets) it
is a figure. :class:`Explorer` makes that choice for the explorer of a run's answers too, in ``explorer_answers``.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from mgutils.course.templates import read_web
from mgutils.data.table import Dataset
from mgutils.errors import DataError, Fault
from mgutils.progress import interactive
from mgutils.report.figures.data import image_grid, read_image
from mgutils.style import BLUE, DPI, VERMILLION, YELLOW, shorten

SIDE = 448
"""Side of an enlarged picture, in pixels."""

_BONES = [line.split(",") for line in read_web("bones.csv").split()]
_COLORS = {"right": VERMILLION, "left": BLUE}


class Explorer:
    """Something to click through, which is a figure where nobody can click.

    Two lists, of which the second follows the first, choose images; a slider goes through them. A subclass has the
    methods ``choices`` (text and value of each entry of the first list), ``choices_within`` (those of the second, for
    an entry of the first), ``rows`` (the images of an entry of each), ``picture`` and ``caption`` of an image, and
    ``figure``, which stays in an executed notebook.

    Parameters
    ----------
    dataset : Dataset
    """

    lists: tuple[str, str]
    """What the two lists are of."""
    word = "image"
    """What is gone through, one at a time."""
    pause = 400
    """Milliseconds between two images when they are played."""
    skeletons: Skeletons | None = None

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.names = dataset.labels.display

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        if interactive():
            return self._live._repr_mimebundle_()
        return {"image/png": base64.b64encode(png_bytes(self.figure())).decode(), "text/plain": repr(self)}

    @cached_property
    def _live(self) -> Any:
        return self.widget()

    def widget(self) -> Any:
        """Two lists, a slider with a play button, a box to tick where skeletons are known, and the picture."""
        import ipywidgets as w

        first = _control(w.Dropdown, self.lists[0], options=self.choices())
        second = _control(w.Dropdown, self.lists[1], options=self.choices_within(first.value))
        slider = _control(w.IntSlider, "image", max=0, readout=False)
        play = w.Play(interval=self.pause, max=0, show_repeat=True, layout=w.Layout(width="150px"))
        w.jslink((play, "value"), (slider, "value"))
        skeleton = _control(w.Checkbox, "skeleton", indent=False)
        picture, note = w.Image(format="png", layout=w.Layout(max_width="100%")), w.HTML()
        picture.add_class("mg-picture")

        def show(_: Any = None) -> None:
            rows = self.rows(first.value, second.value)
            row = int(rows[min(slider.value, len(rows) - 1)])
            picture.value = png_bytes(self.picture(row, skeleton.value))
            note.value = f"{self.word} {slider.value + 1} of {len(rows)}: {self.caption(row)}"

        def choose_second(_: Any = None) -> None:
            slider.max = play.max = len(self.rows(first.value, second.value)) - 1
            if slider.value:
                slider.value = 0
            else:
                show()

        def choose_first(_: Any = None) -> None:
            second.options = self.choices_within(first.value)
            choose_second()

        choose_second()
        first.observe(choose_first, "value")
        second.observe(choose_second, "value")
        slider.observe(show, "value")
        skeleton.observe(show, "value")
        ticks = [skeleton] if self.skeletons else []
        return w.VBox([first, second, w.HBox([slider, play]), *ticks, picture, note])


def _control(kind: Any, name: str, **options: Any) -> Any:
    """A control of ipywidgets with its name before it and the class ``mg-<name>``."""
    width = "280px" if "max" in options else "430px"
    control = kind(description=name, style={"description_width": "70px"}, layout={"width": width}, **options)
    control.add_class(f"mg-{name}")
    return control


def png_bytes(picture: Figure | np.ndarray) -> bytes:
    """A figure, or an image (H, W, 3) of bytes, as PNG."""
    buffer = io.BytesIO()
    if isinstance(picture, Figure):
        picture.savefig(buffer, dpi=DPI, format="png", metadata={"Software": None}, facecolor="white")
    else:
        Image.fromarray(picture).save(buffer, "png")
    return buffer.getvalue()


# -- the skeleton ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Skeletons:
    """The studio's ``keypoints.npz``: where the named points of the body fall in each image, and which are seen."""

    names: np.ndarray
    """Text (K,)."""
    uv: np.ndarray
    """Pixels from the upper left corner, x first, (N, K, 2)."""
    visible: np.ndarray
    """Truth values (N, K)."""

    @classmethod
    def of(cls, dataset: Dataset) -> Skeletons | None:
        """Those of a dataset; ``None`` where it has no such file, as the real images have none.

        Raises
        ------
        DataError
            If the file does not fit the table.
        """
        file = dataset.root / "keypoints.npz"
        if not file.exists():
            return None
        with np.load(file) as arrays:
            found = cls(arrays["names"], arrays["uv"], arrays["visible"])
        if len(found.uv) != len(dataset):
            raise DataError([Fault(str(file), None, None, f"{len(found.uv):,} rows",
                                   f"{len(dataset):,}, as train.xlsx has", "Delete it, or make the dataset again.")])
        return found

    def bones(self, row: int) -> list[tuple[np.ndarray, bool, str]]:
        """Both ends (2, 2) in pixels, whether both are seen, and the colour of each bone of an image."""
        place = {name: number for number, name in enumerate(self.names.tolist())}
        found = []
        for start, end in _BONES:
            if start in place and end in place:
                ends = [place[start], place[end]]
                color = _COLORS.get(end.partition("_")[0], YELLOW)
                found.append((self.uv[row, ends], bool(self.visible[row, ends].all()), color))
        return found


def enlarge(image: np.ndarray, bones: list[tuple[np.ndarray, bool, str]] = ()) -> np.ndarray:
    """An image with bones drawn over it: thick where seen, thin where hidden. (H, W, 3) -> (SIDE, W', 3) bytes."""
    scale = SIDE / image.shape[0]
    fine = 2  # drawn at twice the size and reduced, for smooth edges
    size = (round(image.shape[1] * scale) * fine, SIDE * fine)
    canvas = Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(canvas)
    for ends, seen, color in sorted(bones, key=lambda bone: bone[1]):  # the hidden ones first, below the others
        line = [tuple(float(v) * scale * fine for v in end) for end in ends]
        width = round((5 if seen else 1.5) * fine)
        if seen:
            draw.line(line, fill="white", width=width + 2 * fine)
        draw.line(line, fill=color, width=width)
        for x, y in line if seen else ():
            draw.circle((x, y), width * 0.8, fill=color, outline="white", width=fine)
    return np.asarray(canvas.resize((size[0] // fine, size[1] // fine), Image.Resampling.LANCZOS))


# -- frames ------------------------------------------------------------------------------------------------------------


class FrameExplorer(Explorer):
    """Pick a class, a subject and a frame.

    Parameters
    ----------
    dataset : Dataset
        Without a sidecar its clips stand in for its subjects.

    Raises
    ------
    DataError
        If ``keypoints.npz`` does not fit the table.

    Taught in: 01, section 3.
    """

    def __init__(self, dataset: Dataset) -> None:
        super().__init__(dataset)
        self.frames = dataset.frames.reset_index(drop=True)
        word = "subject" if dataset.has_groups else "clip"
        self.lists = ("class", word)
        self.by = f"{word}_id"
        self.skeletons = Skeletons.of(dataset)

    def __repr__(self) -> str:
        return f"{len(self.dataset):,} frames to look at by class, {self.lists[1]} and frame"

    def choices(self) -> list[tuple[str, int]]:
        """The classes that are shown."""
        shown = sorted(set(self.frames["class_id"].tolist()))
        return [(f"{i} {shorten(self.names[i - 1], 46)}", i) for i in shown]

    def choices_within(self, first: int) -> list[tuple[str, int]]:
        """The subjects of a class."""
        return [(f"{self.lists[1]} {group}: {len(self.rows(first, group))} images", group)
                for group in self.groups(first)]

    def groups(self, class_id: int) -> list[int]:
        """Subjects (or clips) with images of a class, the one with most images first."""
        sizes = self.frames[self.frames["class_id"] == class_id].groupby(self.by).size()
        return sizes.sort_values(ascending=False, kind="stable").index.tolist()

    def rows(self, first: int, second: int) -> list[int]:
        """Row positions of the images of a class and a subject, clip by clip in the order of time."""
        chosen = self.frames[(self.frames["class_id"] == first) & (self.frames[self.by] == second)]
        return chosen.sort_values(["clip_id", "frame_id"]).index.tolist()

    def picture(self, row: int, skeleton: bool) -> np.ndarray:
        """An image, enlarged, with its skeleton if wanted and known."""
        bones = self.skeletons.bones(row) if skeleton and self.skeletons is not None else []
        return enlarge(read_image(self.dataset, row), bones)

    def caption(self, row: int) -> str:
        """What is known of an image, in a line."""
        frame = self.frames.loc[row]
        known = f"clip {frame['clip_id']}, frame {frame['frame_id']}"
        if self.dataset.has_groups:
            known = f"subject {frame['subject_id']}, video {frame['video_id']}, " + known
        return f"{known}. {frame.get('description') or ''}".strip()

    def figure(self) -> Figure:
        """Four subjects of the class that most subjects show, plain above and with the skeleton below."""
        class_id = int(self.frames.groupby("class_id")[self.by].nunique().idxmax())
        groups = self.groups(class_id)[:4]
        rows = [chosen[len(chosen) // 2] for chosen in (self.rows(class_id, group) for group in groups)]
        pictures = [self.picture(row, False) for row in rows]
        titles = [f"{self.lists[1]} {group}" for group in groups]
        if self.skeletons is not None:
            pictures += [self.picture(row, True) for row in rows]
            titles += ["its skeleton"] * len(rows)
        return image_grid(pictures, titles, columns=len(rows), side=2.0,
                          title=f"{class_id} {shorten(self.names[class_id - 1], 60)}")
