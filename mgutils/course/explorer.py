"""Looking around in a dataset: pick a class, a subject and a frame, with or without the skeleton.

Before a person it is a set of widgets. Where nobody can click (papermill, nbconvert, a reader without ipywidgets) it
is a figure. :class:`Explorer` makes that choice for the explorer of a run's answers too, in ``explorer_answers``.
"""

from __future__ import annotations

import base64
import io
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from mgutils.data.table import Dataset
from mgutils.errors import DataError, Fault
from mgutils.progress import interactive
from mgutils.report.figures.data import image_grid, read_image
from mgutils.style import BLUE, DPI, VERMILLION, YELLOW, shorten

SIDE = 448
"""Side of an enlarged picture, in pixels."""

_ARM = (("suprasternal_notch", "{}_shoulder"), ("{}_shoulder", "{}_elbow"), ("{}_elbow", "{}_wrist"),
        *(("{}_wrist", f"{{}}_{finger}_tip") for finger in ("thumb", "index", "middle", "ring", "little")),
        ("nose", "{}_eye"), ("{}_eye", "{}_ear"))
_MIDDLE = (("head_top", "nose"), ("nose", "mouth"), ("mouth", "chin"), ("chin", "neck"), ("neck", "suprasternal_notch"))
_BONES = [(start, end, YELLOW) for start, end in _MIDDLE]
for _side, _color in (("right", VERMILLION), ("left", BLUE)):
    _BONES += [(start.format(_side), end.format(_side), _color) for start, end in _ARM]


class Explorer(ABC):
    """Something to click through, which is a figure where nobody can click.

    Parameters
    ----------
    dataset : Dataset
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.names = dataset.labels.display

    @abstractmethod
    def figure(self) -> Figure:
        """What stays in an executed notebook."""

    @abstractmethod
    def widget(self) -> Any:
        """The widgets, as one ipywidgets box."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        if interactive():
            return self._live._repr_mimebundle_()
        return {"image/png": base64.b64encode(png_bytes(self.figure())).decode(), "text/plain": repr(self)}

    @cached_property
    def _live(self) -> Any:
        return self.widget()

    @staticmethod
    def _control(kind: str, name: str, width: int = 430, **options: Any) -> Any:
        """A control that ipywidgets has, with a description before it and the class ``mg-<name>``."""
        import ipywidgets

        control = getattr(ipywidgets, kind)(
            style={"description_width": "70px"},
            layout=ipywidgets.Layout(width=f"{width}px"),
            **options,
        )
        control.add_class(f"mg-{name}")
        return control

    @staticmethod
    def _picture(**options: Any) -> tuple[Any, Any]:
        """The picture, of class ``mg-picture``, and a line of text to stand below it."""
        import ipywidgets

        picture = ipywidgets.Image(format="png", **options)
        picture.add_class("mg-picture")
        return picture, ipywidgets.HTML()


def png_bytes(picture: Figure | np.ndarray) -> bytes:
    """A figure, or an image (H, W, 3) of bytes, as PNG."""
    buffer = io.BytesIO()
    if isinstance(picture, Figure):
        picture.savefig(buffer, dpi=DPI, format="png", metadata={"Software": None}, facecolor="white")
    else:
        Image.fromarray(picture).save(buffer, "png")
    return buffer.getvalue()


# -- the skeleton ------------------------------------------------------------------------------------------------------


class Skeletons:
    """The studio's ``keypoints.npz``: where the named points of the body fall in each image, and whether they are seen.

    Parameters
    ----------
    names : array of str (K,)
    uv : array (N, K, 2)
        Pixels from the upper left corner, x first.
    visible : array of bool (N, K)
    """

    def __init__(self, names: np.ndarray, uv: np.ndarray, visible: np.ndarray) -> None:
        self.place = {str(name): number for number, name in enumerate(names)}
        self.uv, self.visible = uv, visible

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
        found = []
        for start, end, color in _BONES:
            if start in self.place and end in self.place:
                at = [self.place[start], self.place[end]]
                found.append((self.uv[row, at], bool(self.visible[row, at].all()), color))
        return found


def enlarge(image: np.ndarray, bones: list[tuple[np.ndarray, bool, str]] = (), side: int = SIDE) -> np.ndarray:
    """An image with bones drawn over it: thick where seen, thin where hidden. (H, W, 3) -> (side, side', 3) bytes."""
    scale = side / image.shape[0]
    fine = 2  # drawn at twice the size and reduced, for smooth edges
    size = (round(image.shape[1] * scale) * fine, side * fine)
    canvas = Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(canvas)
    for ends, seen, color in sorted(bones, key=lambda bone: bone[1]):  # the hidden ones first, below the others
        line = [tuple(float(v) * scale * fine for v in end) for end in ends]
        width = round((5 if seen else 1.5) * fine * side / SIDE)
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
        self.by = "subject_id" if dataset.has_groups else "clip_id"
        self.skeletons = Skeletons.of(dataset)

    def __repr__(self) -> str:
        return f"{len(self.dataset):,} frames to look at by class, {self.by.removesuffix('_id')} and frame"

    def groups(self, class_id: int) -> list[int]:
        """Subjects (or clips) with images of a class, the one with most images first."""
        counts = self.frames.loc[self.frames["class_id"] == class_id, self.by].value_counts(sort=True)
        return [int(group) for group in sorted(counts.index, key=lambda group: (-counts[group], group))]

    def rows(self, class_id: int, group: int) -> list[int]:
        """Row positions of the images of a class and a subject, clip by clip in the order of time."""
        chosen = self.frames[(self.frames["class_id"] == class_id) & (self.frames[self.by] == group)]
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

    def figure(self, class_id: int | None = None) -> Figure:
        """Four subjects of a class, plain above and with the skeleton below.

        Parameters
        ----------
        class_id : int, optional
            The class shown by most subjects if not given.
        """
        if class_id is None:
            class_id = int(self.frames.groupby("class_id")[self.by].nunique().idxmax())
        groups = self.groups(class_id)[:4]
        rows = [chosen[len(chosen) // 2] for chosen in (self.rows(class_id, group) for group in groups)]
        word = self.by.removesuffix("_id")
        pictures = [self.picture(row, False) for row in rows]
        titles = [f"{word} {group}" for group in groups]
        if self.skeletons is not None:
            pictures += [self.picture(row, True) for row in rows]
            titles += ["its skeleton"] * len(rows)
        return image_grid(pictures, titles, columns=len(rows), side=2.0,
                          title=f"{class_id} {shorten(self.names[class_id - 1], 60)}")

    def widget(self) -> Any:
        """Two lists, a slider with a play button, a box to tick, and the picture."""
        import ipywidgets as w

        shown = sorted(set(self.frames["class_id"].tolist()))
        classes = [(f"{i} {shorten(self.names[i - 1], 46)}", i) for i in shown]
        word = self.by.removesuffix("_id")
        gesture = self._control("Dropdown", "class", options=classes, description="class")
        group = self._control("Dropdown", word, description=word)
        frame = self._control("IntSlider", "frame", 280, max=0, description="frame", readout=False)
        play = w.Play(interval=400, max=0, show_repeat=True, layout=w.Layout(width="150px"))
        w.jslink((play, "value"), (frame, "value"))
        skeleton = self._control("Checkbox", "skeleton", description="skeleton", indent=False,
                                 disabled=self.skeletons is None)
        picture, note = self._picture(width=SIDE, height=SIDE)

        def show(_: Any = None) -> None:
            rows = self.rows(gesture.value, group.value)
            row = rows[min(frame.value, len(rows) - 1)]
            picture.value = png_bytes(self.picture(row, skeleton.value))
            note.value = f"image {frame.value + 1} of {len(rows)}: {self.caption(row)}"

        def choose_group(_: Any = None) -> None:
            if group.value is None:  # its list is being changed
                return
            frame.value = 0
            frame.max = play.max = len(self.rows(gesture.value, group.value)) - 1
            show()

        def choose_class(_: Any = None) -> None:
            group.options = [(f"{word} {g}: {len(self.rows(gesture.value, g))} images", g)
                             for g in self.groups(gesture.value)]
            group.index = 0
            choose_group()

        choose_class()
        gesture.observe(choose_class, "value")
        group.observe(choose_group, "value")
        frame.observe(show, "value")
        skeleton.observe(show, "value")
        return w.VBox([gesture, group, w.HBox([frame, play]), skeleton, picture, note])
