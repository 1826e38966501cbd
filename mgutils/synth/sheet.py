"""The contact sheet: a few pictures of every class, with its name. Made from a dataset on disk or from dials alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from mgutils.config import SynthConfig
from mgutils.data.labels import Labels, imigue_labels, read_labels
from mgutils.synth.frames import Set
from mgutils.synth.plan import make_plan

_SIDE = 1.3  # of a picture, inches
_TITLE = 0.42  # height of a title, inches
_GAP = 0.16  # between two classes, inches
_NUMBER = 0.34  # room for a class id, inches


def contact_sheet(source: SynthConfig | Path | str, *, clips: int = 3, columns: int = 4) -> Figure:
    """Every class with pictures of several clips, from the middle of the gesture, of different subjects.

    Parameters
    ----------
    source : SynthConfig or path
        Dials, of which the pictures are drawn at ``size``; or the folder of a dataset, with or without ``clips.csv``.
    clips : int
        Pictures per class; fewer where a class has fewer clips.
    columns : int
        Classes side by side.

    Returns
    -------
    Figure
        Without pyplot, so that nothing is shown twice in a notebook.
    """
    if isinstance(source, SynthConfig):
        labels, frames = imigue_labels(), make_plan(source).frames
        draw = _drawer(source)
    else:
        labels, frames = read_labels(Path(source) / "Clip_label.csv"), _frames(Path(source))
        draw = _reader(Path(source), frames)
    met = Counter()
    rows = [_choose(frames[frames["class_id"] == class_id], clips, met) for class_id in range(1, len(labels) + 1)]
    pictures = iter(draw(np.concatenate(rows)))
    strips = [list(islice(pictures, len(chosen))) for chosen in rows]
    return _lay_out(labels, strips, clips, columns)


def _frames(root: Path) -> pd.DataFrame:
    """``path``, ``class_id``, ``clip_id``, ``subject_id`` (the clip's own id where there is no sidecar), ``phase``."""
    table = pd.read_excel(root / "training" / "train.xlsx")
    frames = pd.DataFrame({"path": table["Path"], "class_id": table["Class"], "clip_id": table["Video ID"]})
    frames["subject_id"] = frames["clip_id"]
    place, count = table.groupby("Video ID").cumcount(), table.groupby("Video ID")["Path"].transform("size")
    frames["phase"] = (place + 0.5) / count
    if (root / "clips.csv").exists():
        known = pd.read_csv(root / "clips.csv").set_index("clip_id")["subject_id"]
        frames["subject_id"] = frames["clip_id"].map(known)
    if (root / "keypoints.npz").exists():
        frames["phase"] = np.load(root / "keypoints.npz")["phase"]
    return frames


def _choose(frames: pd.DataFrame, clips: int, met: Counter[int]) -> np.ndarray:
    """Row labels of one frame each of several clips of a class.

    Clips seen near the middle of the gesture come first, then subjects that the sheet has shown least (``met`` counts
    them), then long clips.
    """
    middle = (frames["phase"] - 0.5).abs()
    nearest = frames.loc[middle.groupby(frames["clip_id"]).idxmin()]
    nearest = nearest.assign(far=(middle > 0.2).loc[nearest.index],
                             short=-nearest["clip_id"].map(frames["clip_id"].value_counts()))
    chosen = []
    while len(nearest) and len(chosen) < clips:
        order = nearest.assign(met=nearest["subject_id"].map(lambda subject: met[subject]))
        row = order.sort_values(["far", "met", "short", "clip_id"]).index[0]
        met[nearest.at[row, "subject_id"]] += 1
        chosen.append(row)
        nearest = nearest.drop(row)
    return np.array(chosen, dtype=np.int64)


def _drawer(config: SynthConfig) -> Callable[[np.ndarray], list[np.ndarray]]:
    return lambda rows: list(Set(config, make_plan(config)).shoot(rows).rgb)


def _reader(root: Path, frames: pd.DataFrame) -> Callable[[np.ndarray], list[np.ndarray]]:
    def read(rows: np.ndarray) -> list[np.ndarray]:
        pictures = []
        for path in frames.loc[rows, "path"]:
            with Image.open(root / "training" / path) as image:
                side = min(image.size)
                left, top = (image.width - side) // 2, (image.height - side) // 2
                pictures.append(np.asarray(image.convert("RGB").crop((left, top, left + side, top + side))))
        return pictures
    return read


def _lay_out(labels: Labels, strips: list[list[np.ndarray]], clips: int, columns: int) -> Figure:
    """One strip and one title a class, in reading order."""
    rows = -(-len(strips) // columns)
    width, height = clips * _SIDE + _GAP, _SIDE + _TITLE
    size = columns * width + _GAP, rows * height + _GAP
    figure = Figure(figsize=size, dpi=120, facecolor="white")
    FigureCanvasAgg(figure)
    for number, pictures in enumerate(strips):
        left = _GAP + (number % columns) * width
        top = size[1] - (number // columns) * height
        figure.text(left / size[0], (top - _TITLE + 0.09) / size[1], f"{number + 1}", fontsize=14, fontweight="bold",
                    color="#0072B2", va="baseline")
        title = figure.text((left + _NUMBER) / size[0], (top - _TITLE + 0.09) / size[1], labels.display[number],
                            fontsize=12.5, color="#222222", va="baseline")
        _shorten(title, (width - _NUMBER - 0.05) * figure.dpi)
        for place, picture in enumerate(pictures):
            box = left + place * _SIDE, top - height, _SIDE - 0.03, _SIDE - 0.03
            axes = figure.add_axes((box[0] / size[0], box[1] / size[1], box[2] / size[0], box[3] / size[1]))
            axes.imshow(picture, interpolation="lanczos")
            axes.set_axis_off()
    return figure


def _shorten(title: Text, room: float) -> None:
    """Leave out last words until a title fits its room, in pixels."""
    words = title.get_text().split()
    while title.get_window_extent().width > room and len(words) > 1:
        words.pop()
        title.set_text(" ".join(words) + " …")
