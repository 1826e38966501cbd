"""Figures of notebook 10: a clip and its heatmaps, what a mirror does to a skeleton, and arms beside their control.

Joints are arrays (..., 22, 3) as in :mod:`mgutils.data.keypoints`; tables are those of
:mod:`mgutils.experiments.skeleton`, shares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import ndarray
from PIL import Image

from mgutils.data.keypoints import JOINTS, LIMBS, MIRROR, ORIGINAL_MIRROR, compact, mirror
from mgutils.models.heatmaps import joint_maps, limb_maps
from mgutils.report.figures.animation import as_picture
from mgutils.report.figures.charts import legend_below, panels
from mgutils.style import BLACK, BLUE, GREEN, GREY, LIGHT, ORANGE, PURPLE, SKY, VERMILLION, new_figure

SIDES = {"right": ORANGE, "left": BLUE}
"""Colours of the subject's right and left; everything else is black."""
TITLES = {"top1": "top-1, %", "uar": "UAR, %"}
KINDS = {"one stream": BLUE, "two seeds of one stream": GREY, "two streams": ORANGE,
         "two streams, another weight": PURPLE}
"""What two runs have in common, and its colour."""
PARTNERS = {
    "joints": "one stream", "limbs": "one stream",
    "two seeds of joints": "two seeds of one stream", "two seeds of limbs": "two seeds of one stream",
    "joints + limbs": "two streams", "joints + limbs, 0.4 and 0.6": "two streams, another weight",
    "weight chosen on other people": "two streams, another weight",
    "weight chosen on the test people": "two streams, another weight",
}
"""Rows of the ensemble's figure, from top to bottom, and the kind of each."""


def side_colors() -> list[str]:
    """The colour of each joint, by the side in its name."""
    return [SIDES.get(name.partition("_")[0], BLACK) for name in JOINTS]


def draw_skeleton(axes: Axes, frame: ndarray, color: str | None = None, *, fade: bool = False) -> None:
    """One frame's limbs and joints that are seen; without a colour, right and left have their own.

    With ``fade`` a joint is as strong as its score.
    """
    seen = frame[:, 2] > 0
    colors = np.array([color] * len(JOINTS) if color else side_colors())
    for start, end in LIMBS:
        if seen[start] and seen[end]:
            axes.plot(*frame[[start, end], :2].T, color=colors[end], linewidth=1.6, alpha=0.8)
    strength = np.clip(frame[seen, 2], 0.15, 1) if fade else 1
    axes.scatter(*frame[seen, :2].T, s=26, c=colors[seen], alpha=strength, zorder=3, linewidth=0)


def _frame_axes(axes: Axes, points: ndarray, title: str) -> None:
    """Axes that hold every point of a clip, rows downward, without ticks."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle, side = (low + high) / 2, 0.56 * (high - low).max()
    axes.set(xlim=(middle[0] - side, middle[0] + side), ylim=(middle[1] + side, middle[1] - side), aspect="equal",
             xticks=[], yticks=[])
    axes.set_title(title, fontsize=11)


def clip_pictures(truth: ndarray, joints: ndarray, name: str, size: int = 56) -> list[Image.Image]:
    """A clip frame by frame: the true skeleton, what the detector sees of it, and that as heatmaps.

    Parameters
    ----------
    truth, joints : array (T, 22, 3)
    name : str
        Of the gesture.
    size : int
        Side of the heatmaps in pixels.

    Taught in: 10, section 1.
    """
    maps = joint_maps(torch.from_numpy(compact(joints))[None], size)[0].amax(dim=0).numpy()  # (T, S, S)
    points = np.concatenate([clip[clip[..., 2] > 0][:, :2] for clip in (truth, joints)])
    pictures = []
    for place in range(len(joints)):
        figure, (left, middle, right) = new_figure(1, 3, size=(9.6, 3.7))
        _frame_axes(left, points, "true joints")
        draw_skeleton(left, truth[place])
        _frame_axes(middle, points, "what the detector sees")
        draw_skeleton(middle, joints[place], fade=True)
        right.imshow(maps[place], cmap="magma", vmin=0, vmax=1)
        right.set(xticks=[], yticks=[])
        right.set_title(f"as heatmaps of {size} x {size} pixels", fontsize=11)
        figure.suptitle(f"{name.strip()}: frame {place + 1} of {len(joints)}", fontsize=12)
        pictures.append(as_picture(figure))
    return pictures


def heatmap_pictures(clip: ndarray, place: int, size: int = 56) -> Figure:
    """One frame in the box of its clip, and drawn as heatmaps of joints and of limbs.

    Parameters
    ----------
    clip : array (T, 22, 3)
        As :func:`mgutils.data.keypoints.compact` gives it.
    place : int
        Which frame.

    Taught in: 10, section 3.
    """
    frame = torch.from_numpy(clip[None, place:place + 1])
    drawn = {"a map for each joint, as one picture": joint_maps(frame, size)[0, :, 0],
             "a map for each limb, as one picture": limb_maps(frame, size)[0, :, 0]}
    figure, axes = new_figure(1, 3, size=(10.5, 4))
    draw_skeleton(axes[0], clip[place], fade=True)
    axes[0].set(xlim=(0, 1), ylim=(1, 0), aspect="equal", xticks=[], yticks=[])
    axes[0].set_title("joints in the box of their clip", fontsize=11)
    for panel, (title, maps) in zip(axes[1:], drawn.items(), strict=True):
        picture = panel.imshow(maps.amax(dim=0), cmap="magma", vmin=0, vmax=1)
        panel.set(xticks=[], yticks=[])
        panel.set_title(title, fontsize=11)
    figure.colorbar(picture, ax=axes[1:], label="height", shrink=0.8)
    return figure


def mirror_pictures(frame: ndarray, width: float = 1.0) -> Figure:
    """A skeleton, its mirror image by the right pairs, and what the original's table makes of it.

    Parameters
    ----------
    frame : array (22, 3)
        x from 0 to ``width``.

    Taught in: 10, section 8.
    """
    made = {"as it is": frame, "mirrored with the right pairs": mirror(frame, width, MIRROR),
            "mirrored with the original's pairs": mirror(frame, width, ORIGINAL_MIRROR)}
    figure, axes = panels(len(made), 11, 4.4)
    points = np.concatenate([each[each[:, 2] > 0, :2] for each in made.values()])
    for panel, (title, each) in zip(axes, made.items(), strict=True):
        _frame_axes(panel, points, title)
        draw_skeleton(panel, each)
        neck = JOINTS.index("neck")
        panel.annotate("“neck”", each[neck, :2], xytext=(8, -16), textcoords="offset points", fontsize=11,
                       color=VERMILLION, arrowprops={"arrowstyle": "-", "color": VERMILLION},
                       bbox={"color": "white", "alpha": 0.8, "pad": 0.5})
    for side, color in SIDES.items():
        axes[0].plot([], [], "o-", color=color, label=f"joints called {side}")
    axes[0].plot([], [], "o-", color=BLACK, label="nose and neck")
    legend_below(figure, axes[0], 3)
    return figure


def arms_chart(table: pd.DataFrame, control: str | None = None, colors: Mapping[str, str] | None = None, *,
               legend: Mapping[str, str] | None = None) -> Figure:
    """Top-1 and UAR of each group: the mean of its seeds, their range, and the 95 % interval over people and seeds.

    Parameters
    ----------
    table : DataFrame
        ``group, score, value, low, high, seed_low, seed_high``, shares.
    control : str, optional
        The group whose mean is drawn as a line through all rows.
    colors, legend : mapping, optional
        Colour of each group; colours that a legend names.

    Taught in: 10, section 5.
    """
    names = list(dict.fromkeys(table["group"]))
    figure, axes = panels(2, 11, 0.42 * len(names) + 1.8, sharey=True)
    for panel, score in zip(axes, TITLES, strict=True):
        rows = 100 * table[table["score"] == score].set_index("group").drop(columns="score").loc[names]
        places = np.arange(len(names))
        shades = [(colors or {}).get(name, BLUE) for name in names]
        if control is not None:
            panel.axvline(rows["value"][control], color=GREY, linestyle=(0, (5, 3)), label=control)
        panel.hlines(places, rows["low"], rows["high"], color=shades, linewidth=1.5)
        panel.hlines(places, rows["seed_low"], rows["seed_high"], color=shades, linewidth=7, alpha=0.35)
        panel.scatter(rows["value"], places, color=shades, s=55, zorder=3)
        panel.set_yticks(places, names)
        panel.set(xlabel=TITLES[score], ylim=(len(names) - 0.5, -0.5))
    for name, color in (legend or {}).items():
        axes[0].plot([], [], "o", color=color, label=name)
    axes[0].plot([], [], color=BLACK, linewidth=7, alpha=0.35, label="from the lowest to the highest seed")
    axes[0].plot([], [], color=BLACK, linewidth=1.5, label="95 % interval")
    legend_below(figure, axes[0], 3)
    return figure


def ensemble_chart(table: pd.DataFrame) -> Figure:
    """What two runs reach together, beside one stream and beside two seeds of one stream, as :func:`arms_chart`.

    Taught in: 10, section 7.
    """
    order = {name: place for place, name in enumerate(PARTNERS)}
    table = table[table["group"].isin(order)].sort_values("group", key=lambda names: names.map(order), kind="stable")
    return arms_chart(table, "joints", {name: KINDS[kind] for name, kind in PARTNERS.items()},
                      legend=KINDS)


def differences_chart(table: pd.DataFrame) -> Figure:
    """Differences in points with their 95 % interval, on a band of what the design would mostly have missed.

    Parameters
    ----------
    table : DataFrame
        ``second, score, difference, low, high, detectable, shown``, shares; the first column that differs names a row.

    Taught in: 10, section 5.
    """
    names = _row_names(table)
    figure, axes = panels(2, 11, 0.42 * len(names) + 1.8, sharey=True)
    for panel, score in zip(axes, TITLES, strict=True):
        rows = table[table["score"] == score]
        places = np.arange(len(rows))
        value, low, high, wide = (100 * rows[name].to_numpy() for name in ("difference", "low", "high", "detectable"))
        panel.barh(places, 2 * wide, left=-wide, height=0.8, color=LIGHT,
                   label="a true difference here would be missed more often than one time in five")
        panel.axvline(0, color=BLACK, linewidth=1)
        shades = np.where(rows["shown"].to_numpy(dtype=bool), GREEN, SKY)
        panel.hlines(places, low, high, color=shades, linewidth=2)
        panel.scatter(value, places, color=shades, s=55, zorder=3)
        panel.set_yticks(places, names)
        panel.set(xlabel=f"difference in {TITLES[score].removesuffix(', %')}, points", ylim=(len(rows) - 0.5, -0.5))
        panel.grid(axis="y", visible=False)
    axes[0].plot([], [], "o-", color=SKY, label="not shown")
    axes[0].plot([], [], "o-", color=GREEN, label="shown")
    legend_below(figure, axes[0], 3)
    return figure


def _row_names(table: pd.DataFrame) -> Sequence[str]:
    """``second less first`` for each row of one score; without the first where it is the same in all."""
    rows = table[table["score"] == table["score"].iloc[0]]
    if rows["first"].nunique() == 1 and len(rows) > 1:
        return list(rows["second"])
    return [f"{second} less {first}" for first, second in zip(rows["first"], rows["second"], strict=True)]
