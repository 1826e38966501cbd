"""Figures about the data: classes, clips and example images. What a split leaks is in ``splits``."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import matplotlib.ticker as ticker
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike
from PIL import Image

from mgutils.data.labels import Labels, gesture_groups, group_order
from mgutils.data.table import Dataset
from mgutils.style import BLACK, GREY, GROUP_COLORS, SKY, VERMILLION, new_figure, shorten

LOOK_ALIKE = (24, 11, 12, 13)
"""Class ids of the report's Figure 1: crossing fingers, touching jaw, touching neck, playing or adjusting hair."""


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
    order, groups = group_order(labels), gesture_groups(labels)
    counts = np.bincount(np.asarray(target), minlength=len(labels))
    figure, axes = new_figure(size=(9.5, 0.25 * len(labels) + 1.7))
    rows = np.arange(len(labels))
    axes.barh(rows, counts[order], color=[GROUP_COLORS[groups[index]] for index in order], height=0.72)
    handles, ends = _group_patches(groups), counts[order].astype(float)
    if reference is not None:
        scaled = (np.asarray(reference, dtype=float) / np.sum(reference))[order] * counts.sum()
        handles += axes.plot(scaled, rows, "D", color=BLACK, markersize=4, label=reference_name)
        ends = np.maximum(ends, scaled)
    for row, count, end in zip(rows, counts[order], ends, strict=True):
        axes.text(max(end, 0.8) * 1.12, row, f"{count:,}", va="center", fontsize=9)
    axes.set(xscale="log", xlim=(0.4, ends.max() * 2.2), ylim=(len(labels) - 0.4, -0.6),
             xlabel="images (logarithmic axis)", title=f"{len(labels)} classes, {counts.sum():,} images")
    axes.set_yticks(rows, [f"{shorten(labels.display[index], 42)}  {index + 1}" for index in order], fontsize=9.5)
    axes.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    axes.grid(axis="y", visible=False)
    if len(handles) > 1:
        figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def _group_patches(groups: Sequence[str]) -> list[Patch]:
    """Legend entries of the groups that occur."""
    names = {"none": "none: not a micro-gesture"}
    return [Patch(color=color, label=names.get(group, group)) for group, color in GROUP_COLORS.items()
            if group in groups]


def frames_per_clip(clip_ids: ArrayLike) -> Figure:
    """How many images a clip gave: a histogram with its median and mean.

    Parameters
    ----------
    clip_ids : array (N,)
        Clip id of each image.

    Taught in: 01, section 4.
    """
    frames = np.unique(np.asarray(clip_ids), return_counts=True)[1]
    figure, axes = new_figure(size=(8, 3.6))
    width = max(1, int(frames.max()) // 60 + 1)
    axes.hist(frames, bins=np.arange(1, frames.max() + width + 1, width) - 0.5, color=SKY, edgecolor="white")
    axes.axvline(np.median(frames), color=VERMILLION, linewidth=2, label=f"median {np.median(frames):.0f}")
    axes.axvline(frames.mean(), color=BLACK, linewidth=2, linestyle="--", label=f"mean {frames.mean():.2f}")
    axes.set(yscale="log", xlabel="frames in a clip", ylabel="clips (logarithmic axis)", title=f"{len(frames):,} clips")
    axes.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    axes.legend()
    return figure


def image_grid(images: Sequence[ArrayLike], titles: Sequence[str], *, columns: int = 8, side: float = 1.45,
               colors: Sequence[str] | None = None, fontsize: float = 9, title: str = "") -> Figure:
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
        If there are no images, or not one title (and colour) for each.
    """
    if not len(images) or len(titles) != len(images) or (colors is not None and len(colors) != len(images)):
        raise ValueError(f"{len(images)} images with {len(titles)} titles: wanted at least one, and one title each")
    columns, gap = min(columns, len(images)), 0.07
    lines = [max(text.count("\n") + 1 for text in titles[start:start + columns])
             for start in range(0, len(images), columns)]
    heights = [side + gap + (count * fontsize * 1.3 + 5) / 72 for count in lines]  # of the rows, in inches
    width, height = columns * (side + gap) + gap, sum(heights) + gap + (0.35 if title else 0)
    figure, _ = new_figure(size=(width, height))
    figure.clear()
    figure.set_layout_engine("none")  # every image has its place to the pixel
    for i, (image, text) in enumerate(zip(images, titles, strict=True)):
        left, bottom = gap + (i % columns) * (side + gap), gap + sum(heights[i // columns + 1:])
        axes = figure.add_axes((left / width, bottom / height, side / width, side / height))
        _show_image(axes, image, GREY if colors is None else colors[i])
        axes.set_title(text, fontsize=fontsize, fontweight="normal", pad=4)
    if title:
        figure.text(0.5, 1 - 0.2 / height, title, fontsize=12, fontweight="bold", ha="center", va="center")
    return figure


def _show_image(axes: Axes, image: ArrayLike, color: str) -> None:
    """An image in a coloured frame, without ticks."""
    axes.imshow(np.asarray(image), interpolation="bicubic", cmap="viridis")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color=color, linewidth=2.5)


def read_image(dataset: Dataset, row: int) -> np.ndarray:
    """The image of a row position as bytes (H, W, 3), as it is on disk."""
    with Image.open(dataset.image_path(row)) as image:
        return np.asarray(image.convert("RGB"))


def middle_frame(dataset: Dataset, class_id: int) -> int | None:
    """Row position of the middle frame of a class's longest clip; ``None`` for a class without images.

    The middle of a long clip is where a gesture is most likely to be under way.
    """
    frames = dataset.frames.reset_index(drop=True)
    frames = frames[frames["class_id"] == class_id]
    if frames.empty:
        return None
    counts = frames.groupby("clip_id").size()
    clip = frames[frames["clip_id"] == counts.idxmax()].sort_values("frame_id")
    return int(clip.index[len(clip) // 2])


def contact_sheet(dataset: Dataset, *, columns: int = 8) -> Figure:
    """One image of each class, framed in the colour of its group.

    Taught in: 01, section 3.
    """
    groups = gesture_groups(dataset.labels)
    shown = [(index, row) for index in range(len(dataset.labels))
             if (row := middle_frame(dataset, index + 1)) is not None]
    titles = ["\n".join(textwrap.wrap(shorten(f"{index + 1} {dataset.labels.display[index]}", 38), 20))
              for index, _ in shown]
    return image_grid([read_image(dataset, row) for _, row in shown], titles, columns=columns, fontsize=8.5,
                      colors=[GROUP_COLORS[groups[index]] for index, _ in shown])


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
    clip = clip.iloc[np.unique(np.linspace(0, len(clip) - 1, min(most, len(clip))).round().astype(int))]
    name = dataset.labels.display[int(clip["class_id"].iloc[0]) - 1]
    return image_grid([read_image(dataset, row) for row in clip.index],
                      [f"frame {frame_id}" for frame_id in clip["frame_id"]], columns=most,
                      title=f"clip {clip_id}: {shorten(name, 70)}")


def look_alike_four(dataset: Dataset) -> Figure:
    """The report's Figure 1 from this dataset: crossing fingers, touching jaw, touching neck, playing with hair.

    Raises
    ------
    ValueError
        If none of the four classes has an image.

    Taught in: 01, section 3.
    """
    shown = [(class_id, row) for class_id in LOOK_ALIKE if class_id <= len(dataset.labels)
             and (row := middle_frame(dataset, class_id)) is not None]
    titles = [f"({chr(97 + i)}) {shorten(dataset.labels.display[class_id - 1])}"
              for i, (class_id, _) in enumerate(shown)]
    return image_grid([read_image(dataset, row) for _, row in shown], titles, columns=4, side=2.6, fontsize=10.5)
