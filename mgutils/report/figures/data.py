"""Figures about the data: classes, clips and example images. What a split leaks is in ``splits``."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from PIL import Image

from mgutils.config import SynthConfig
from mgutils.data.labels import Labels, gesture_groups, group_order
from mgutils.data.table import Dataset
from mgutils.report.figures.charts import group_patches
from mgutils.style import BLACK, GREY, GROUP_COLORS, SKY, VERMILLION, new_figure, shorten

LOOK_ALIKE = (24, 11, 12, 13)
"""Class ids of the report's Figure 1: crossing fingers, touching jaw, touching neck, playing or
adjusting hair."""


def class_counts(target: ArrayLike, labels: Labels, *, reference: ArrayLike | None = None,
                 reference_name: str = "reference") -> Figure:
    """Images of each class, sorted by group, on a logarithmic axis.

    Parameters
    ----------
    target : array (N,)
        Class indices 0..C-1.
    labels : Labels
    reference : array (C,), optional
        Counts of another dataset, scaled to N and drawn as dots.
    reference_name : str
        How the legend calls it.

    Taught in: 01, section 2.
    """
    order = group_order(labels)
    groups = gesture_groups(labels)
    counts = np.bincount(target, minlength=len(labels))[order]
    rows = np.arange(len(labels))
    figure, axes = new_figure(size=(9.5, 0.25 * len(labels) + 1.7))
    colors = [GROUP_COLORS[groups[index]] for index in order]
    bars = axes.barh(rows, counts, color=colors, height=0.72)
    axes.bar_label(bars, fmt="{:,.0f}", padding=6, fontsize=9)
    handles = group_patches(groups)
    if reference is not None:
        scaled = np.asarray(reference)[order] / np.sum(reference) * counts.sum()
        handles += axes.plot(scaled, rows, "D", color=BLACK, markersize=4, label=reference_name)
    names = [f"{shorten(labels.display[index], 42)}  {index + 1}" for index in order]
    axes.set_yticks(rows, names, fontsize=9.5)
    axes.set(
        xscale="log",
        xlim=(0.4, counts.max() * 2.2),
        ylim=(len(labels) - 0.4, -0.6),
        xlabel="images (logarithmic axis)",
        title=f"{len(labels)} classes, {counts.sum():,} images",
    )
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(axis="y", visible=False)
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def frames_per_clip(clip_ids: ArrayLike) -> Figure:
    """How many images a clip gave: a histogram with its median and mean.

    Parameters
    ----------
    clip_ids : array (N,)
        Clip id of each image.

    Taught in: 01, section 4.
    """
    frames = np.unique(clip_ids, return_counts=True)[1]
    median = np.median(frames)
    mean = frames.mean()
    figure, axes = new_figure(size=(8, 3.6))
    sns.histplot(frames, discrete=True, color=SKY, alpha=1, ax=axes)
    axes.axvline(median, color=VERMILLION, linewidth=2, label=f"median {median:.0f}")
    axes.axvline(mean, color=BLACK, linewidth=2, linestyle="--", label=f"mean {mean:.2f}")
    axes.set(
        yscale="log",
        xlabel="frames in a clip",
        ylabel="clips (logarithmic axis)",
        title=f"{len(frames):,} clips",
    )
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.legend()
    return figure


def image_grid(images: Sequence[ArrayLike], titles: Sequence[str], *, columns: int = 8,
               side: float = 1.45, colors: Sequence[str] | None = None, fontsize: float = 9,
               title: str = "") -> Figure:
    """Images side by side, each under its own title.

    Parameters
    ----------
    images : sequence of array (H, W, 3) or (H, W)
    titles : sequence of str
    columns : int
    side : float
        Side of an image, in inches.
    colors : sequence of str, optional
        Colour of each frame.
    fontsize : float
        Of the titles, in points.
    title : str
        Over the whole figure.

    Raises
    ------
    ValueError
        If there are no images, or not one title for each.
    """
    if not len(images) or len(titles) != len(images):
        raise ValueError(f"{len(images)} images with {len(titles)} titles: wanted at least one, "
                         "and one title each")
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    gap = 0.07  # all lengths in inches
    above = gap + (max(text.count("\n") + 1 for text in titles) * fontsize * 1.3 + 5) / 72
    head = 0.35 if title else 0
    width = columns * (side + gap) + gap
    height = rows * (side + above) + gap + head
    figure, grid = new_figure(rows, columns, size=(width, height), squeeze=False)
    figure.set_layout_engine(None)  # every image has its place to the pixel
    figure.subplots_adjust(gap / width, gap / height, 1 - gap / width,
                           1 - (above + head) / height, gap / side, above / side)
    figure.suptitle(title, y=1 - gap / height, fontsize=12, fontweight="bold")
    for axes in grid.flat[len(images):]:
        axes.remove()
    for axes, image, text, color in zip(grid.flat, images, titles, colors or [GREY] * len(images),
                                        strict=False):
        axes.imshow(np.asarray(image), interpolation="bicubic", cmap="viridis")
        axes.set(xticks=[], yticks=[])
        axes.set_title(text, fontsize=fontsize, fontweight="normal", pad=4)
        axes.spines[:].set(visible=True, color=color, linewidth=2.5)
    return figure


def read_image(dataset: Dataset, row: int) -> np.ndarray:
    """The image of a row position as bytes (H, W, 3), as it is on disk."""
    with Image.open(dataset.image_path(row)) as image:
        return np.asarray(image.convert("RGB"))


def large_images(dataset: Dataset, rows: Sequence[int], size: int = 160) -> list[np.ndarray]:
    """The images of row positions for people to look at, as bytes (H, W, 3).

    The studio draws its images once more, ``size`` pixels wide, with everything else as it was; others are as they are
    on disk.
    """
    record = dataset.root / "studio.json"
    if not record.exists():
        return [read_image(dataset, row) for row in rows]
    from mgutils.synth.frames import render_frames
    from mgutils.synth.plan import make_plan

    config = replace(SynthConfig(**json.loads(record.read_text(encoding="utf-8"))["config"]), size=size)
    keys = ["clip_id", "frame_id"]
    planned = make_plan(config).frames.set_index(keys, drop=False)
    wanted = pd.MultiIndex.from_frame(dataset.frames.iloc[list(rows)][keys])
    chosen = planned.loc[wanted.unique()].sort_index()  # the renderer wants the frames of a clip together
    place = {key: position for position, key in enumerate(chosen.index)}
    drawn = render_frames(config, chosen.reset_index(drop=True))["rgb"]
    return [drawn[place[key]] for key in wanted]


def clip_rows(dataset: Dataset, class_id: int) -> np.ndarray:
    """Row positions of a class's longest clip in the order of time; empty for a class without images."""
    frames = dataset.frames.reset_index(drop=True)
    frames = frames[frames["class_id"] == class_id]
    sizes = frames.groupby("clip_id").size()
    longest = sizes.idxmax() if len(sizes) else None
    return frames[frames["clip_id"] == longest].sort_values("frame_id").index.to_numpy()


def middle_frame(dataset: Dataset, class_id: int) -> int | None:
    """Row position of the middle frame of a class's longest clip; ``None`` for a class without images.

    The middle of a long clip is where a gesture is most likely to be under way.
    """
    clip = clip_rows(dataset, class_id)
    return int(clip[len(clip) // 2]) if len(clip) else None


def _middle_frames(dataset: Dataset, class_ids: Sequence[int]) -> dict[int, np.ndarray]:
    """The middle frame of each class that has images, by class id."""
    rows = {class_id: middle_frame(dataset, class_id) for class_id in class_ids}
    rows = {class_id: row for class_id, row in rows.items() if row is not None}
    return dict(zip(rows, large_images(dataset, list(rows.values())), strict=True))


def contact_sheet(dataset: Dataset, *, columns: int = 8) -> Figure:
    """One image of each class, framed in the colour of its group.

    Taught in: 01, section 3.
    """
    groups = gesture_groups(dataset.labels)
    names = dataset.labels.display
    images = _middle_frames(dataset, range(1, len(names) + 1))
    titles = [textwrap.fill(shorten(f"{class_id} {names[class_id - 1]}", 38), 20)
              for class_id in images]
    colors = [GROUP_COLORS[groups[class_id - 1]] for class_id in images]
    return image_grid(list(images.values()), titles, columns=columns, fontsize=8.5, colors=colors)


def clip_strip(dataset: Dataset, clip_id: int, *, most: int = 8) -> Figure:
    """The frames of one clip in time order, at most ``most`` of them, evenly chosen.

    Raises
    ------
    ValueError
        If the dataset has no such clip.

    Taught in: 01, section 4.
    """
    frames = dataset.frames.reset_index(drop=True)
    clip = frames[frames["clip_id"] == clip_id].sort_values("frame_id")
    if clip.empty:
        raise ValueError(f"clip {clip_id}: the dataset has no such clip")
    places = np.linspace(0, len(clip) - 1, min(most, len(clip))).round().astype(int)
    clip = clip.iloc[places]
    images = large_images(dataset, clip.index)
    titles = [f"frame {frame_id}" for frame_id in clip["frame_id"]]
    name = shorten(dataset.labels.display[clip["class_id"].iloc[0] - 1], 70)
    return image_grid(images, titles, columns=most, title=f"clip {clip_id}: {name}")


def look_alike_four(dataset: Dataset) -> Figure:
    """The report's Figure 1 from this dataset: crossing fingers, touching jaw, touching neck, hair.

    Raises
    ------
    ValueError
        If none of the four classes has an image.

    Taught in: 01, section 3.
    """
    images = _middle_frames(dataset, LOOK_ALIKE)
    names = [shorten(dataset.labels.display[class_id - 1]) for class_id in images]
    titles = [f"({letter}) {name}" for letter, name in zip("abcd", names, strict=False)]
    return image_grid(list(images.values()), titles, columns=4, side=2.6, fontsize=10.5)
