"""The contact sheet: a few pictures of every class, with its name. Made from a dataset on disk or from dials alone."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from mgutils.config import SynthConfig
from mgutils.labels import Labels, imigue_labels, read_labels
from mgutils.synth.plan import make_plan
from mgutils.synth.stills import Set

_SIDE = 0.98  # of a picture, inches
_TITLE = 0.42  # height of a title, inches
_GAP = 0.16  # between two classes, inches


def contact_sheet(source: SynthConfig | Path | str, *, clips: int = 4, columns: int = 4) -> Figure:
    """Every class with pictures of several clips, each from the middle of the gesture and of another subject.

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
    rows = {class_id: _choose(frames[frames["class_id"] == class_id], clips) for class_id in range(1, len(labels) + 1)}
    pictures = draw(np.concatenate(list(rows.values())))
    ends = np.cumsum([len(chosen) for chosen in rows.values()])
    strips = [pictures[end - len(chosen):end] for end, chosen in zip(ends, rows.values(), strict=True)]
    return _lay_out(labels, strips, clips, columns)


def _frames(root: Path) -> pd.DataFrame:
    """``path``, ``class_id``, ``clip_id``, ``subject_id`` (the clip's own id where there is no sidecar), ``phase``."""
    table = pd.read_excel(root / "training" / "train.xlsx")
    frames = pd.DataFrame({"path": table["Path"], "class_id": table["Class"], "clip_id": table["Video ID"]})
    place, count = table.groupby("Video ID").cumcount(), table.groupby("Video ID")["Path"].transform("size")
    frames["phase"] = (place + 0.5) / count
    frames["subject_id"] = frames["clip_id"]
    if (root / "clips.csv").exists():
        known = pd.read_csv(root / "clips.csv").set_index("clip_id")["subject_id"]
        frames["subject_id"] = frames["clip_id"].map(known)
    return frames


def _choose(frames: pd.DataFrame, clips: int) -> np.ndarray:
    """Row labels: of the longest clips the frame nearest the middle, other subjects first."""
    middle = (frames["phase"] - 0.5).abs().groupby(frames["clip_id"]).idxmin()
    chosen = frames.loc[middle]
    chosen = chosen.assign(length=chosen["clip_id"].map(frames["clip_id"].value_counts()))
    chosen = chosen.sort_values(["length", "clip_id"], ascending=[False, True])
    again = chosen.groupby("subject_id").cumcount()
    return chosen.index[np.argsort(again, kind="stable")[:clips]].to_numpy(dtype=np.int64)


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
        name = textwrap.shorten(labels.display[number], 46, placeholder=" …")
        figure.text(left / size[0], (top - _TITLE + 0.09) / size[1], f"{number + 1}", fontsize=13, fontweight="bold",
                    color="#0072B2", va="baseline")
        figure.text((left + 0.32) / size[0], (top - _TITLE + 0.09) / size[1], name, fontsize=12.5, color="#222222",
                    va="baseline")
        for place, picture in enumerate(pictures):
            box = left + place * _SIDE, top - height, _SIDE - 0.03, _SIDE - 0.03
            axes = figure.add_axes((box[0] / size[0], box[1] / size[1], box[2] / size[0], box[3] / size[1]))
            axes.imshow(picture, interpolation="lanczos")
            axes.set_axis_off()
    return figure
