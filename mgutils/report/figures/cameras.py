"""Figures of notebook 11: what four cameras see of a clip, which pairs are pulled together, and what comes of it.

Tables are those of :mod:`mgutils.experiments.camera_tables`, shares; they are drawn in percent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Circle
from numpy import ndarray
from numpy.typing import ArrayLike
from PIL import Image

from mgutils.config import Pair
from mgutils.data.items import FOLDER, choose_frames, load_modality, present
from mgutils.data.modalities import PICTURES, depth_as_float
from mgutils.data.table import Dataset
from mgutils.report.figures.charts import ask, interval_rows, legend_below, panels
from mgutils.report.figures.drawing import tint
from mgutils.report.figures.skeleton import TITLES, draw_skeleton
from mgutils.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION, new_figure

CAMERAS = (*PICTURES, "joints")
COLORS = {"rgb": BLUE, "depth": GREEN, "infrared": ORANGE, "joints": PURPLE}
"""Of the modalities of the studio."""
METRES = {"cmap": colormaps["cividis_r"].with_extremes(bad=GREY), "interpolation": "nearest"}
BYTES = {"cmap": "gray", "vmin": 0, "vmax": 255, "interpolation": "nearest"}
MOMENTS = 4  # frames that are shown of a clip


# -- pictures of a clip ------------------------------------------------------------------------------------------------


def four_cameras(dataset: Dataset, row: int) -> Figure:
    """One clip, a row position of a dataset of clips, as each camera that there is has it, at four moments.

    Taught in: 11, section 1.
    """
    names = [name for name in CAMERAS if (dataset.root / FOLDER / f"{name}.npy").exists()]
    clip = dataset.frames.iloc[row]
    places = choose_frames([clip["length"]], MOMENTS, np.full((1, MOMENTS), 0.5))[0][0]
    figure, grid = new_figure(len(names), MOMENTS, size=(9.6, 2.1 * len(names) + 0.5), squeeze=False)
    for name, line in zip(names, grid, strict=True):
        _empty(line)
        line[0].set_ylabel(name, fontsize=12, fontweight="bold")
        frames = load_modality(dataset, name)[clip["start"] + places]
        if not present(dataset, name)[row]:
            line[0].text(0.5, 0.5, "this clip lacks it", ha="center", transform=line[0].transAxes)
        elif name == "depth":
            bar = _draw_depth(line, depth_as_float(frames))
            figure.colorbar(bar, ax=line, label="metres", pad=0.01, aspect=12)
        else:
            for panel, frame in zip(line, frames, strict=True):
                _draw_frame(panel, name, frame)
    for panel, place in zip(grid[0], places, strict=True):
        panel.set_title(f"frame {place + 1} of {clip['length']}", fontsize=11)
    gesture = dataset.labels.display[clip["class_id"] - 1] if clip["class_id"] else "a clip"
    return ask(figure, f"What does each camera see? {gesture}")


def _empty(axes: Sequence[Axes]) -> None:
    """Panels without ticks and grid."""
    for panel in axes:
        panel.set(xticks=[], yticks=[])
        panel.grid(visible=False)
        panel.spines[:].set_visible(True)


def _draw_frame(axes: Axes, name: str, frame: ndarray) -> None:
    """One frame of colours, of infrared, or of joints in a picture of height 1."""
    if name == "joints":
        draw_skeleton(axes, frame)
        axes.set(xlim=(0, 1), ylim=(1, 0), aspect="equal")
    else:
        axes.imshow(frame, **BYTES)


def _draw_depth(axes: Sequence[Axes], frames: ndarray) -> AxesImage:
    """Depth (T, S, S) in metres on one scale; the last picture, for a colour bar."""
    far = frames.max()
    near = frames[frames > 0].min(initial=far)
    return [panel.imshow(frame, vmin=near, vmax=far, **METRES) for panel, frame in zip(axes, frames, strict=True)][-1]


def clipped_depth(millimetres: ndarray) -> Figure:
    """A depth picture (S, S) of uint16 after Pillow's ``convert("L")``, and the same in metres.

    Taught in: 11, section 1.
    """
    cut = np.asarray(Image.fromarray(millimetres).convert("L"))
    metres = depth_as_float(millimetres)
    figure, (left, right) = panels(2, 9.4, 4.2)
    figure.colorbar(left.imshow(cut, **BYTES), ax=left, label="value", shrink=0.85)
    figure.colorbar(_draw_depth([right], metres[None]), ax=right, label="metres", shrink=0.85)
    left.set_title(f"convert(\"L\"): {100 * (cut == 255).mean():.0f} % of the pixels are 255", fontsize=11)
    right.set_title(f"all 16 bits: from {metres.min():.2f} m to {metres.max():.2f} m", fontsize=11)
    _empty((left, right))
    return ask(figure, "What do 8 bits leave of 16-bit depth?")


# -- pairs -------------------------------------------------------------------------------------------------------------


def space_sketch(spaces: Mapping[str, Sequence[Pair]], frozen: Collection[str] = ("joints",)) -> Figure:
    """Which pairs are pulled together in each space, title to pairs: the first modality in the middle.

    Modalities that are ``frozen`` keep the weights of their encoders.

    Taught in: 11, section 2.
    """
    figure, axes = panels(len(spaces), 4.6 * len(spaces), 4.8)
    lines = {True: {"color": BLACK, "label": "a pair with the anchor"},
             False: {"color": VERMILLION, "linestyle": (0, (3, 1.5)), "label": "a pair without it"}}
    for panel, (title, pairs) in zip(axes, spaces.items(), strict=True):
        anchor, *others = dict.fromkeys(name for pair in pairs for name in (pair.a, pair.b))
        angles = np.pi / 2 + 2 * np.pi * np.arange(len(others)) / len(others)
        places = {anchor: np.zeros(2)} | dict(zip(others, np.array([np.cos(angles), np.sin(angles)]).T, strict=True))
        for pair in pairs:
            ends = np.transpose([places[pair.a], places[pair.b]])
            panel.plot(*ends, linewidth=3, zorder=1, **lines[anchor in (pair.a, pair.b)])
        for name, place in places.items():
            color = COLORS.get(name, GREY)
            edge = {"edgecolor": BLACK, "linewidth": 4} if name in frozen else {"edgecolor": color, "linewidth": 2}
            panel.add_patch(Circle(place, 0.29, facecolor=tint(color, 0.3), zorder=2, **edge))
            word = f"{name}\n(frozen)" if name in frozen else name
            panel.text(*place, word, ha="center", va="center", fontsize=12, fontweight="bold", zorder=3)
        panel.set(xlim=(-1.25, 1.25), ylim=(-0.9, 1.35), aspect="equal")
        panel.set_axis_off()
        panel.set_title(f"{title}: {len(pairs)} pairs", fontsize=13)
    drawn = {line.get_label(): line for panel in axes for line in panel.lines}
    figure.legend(drawn.values(), drawn, loc="outside lower center", ncols=2)
    return ask(figure, "Which pairs are pulled together?")


# -- scores ------------------------------------------------------------------------------------------------------------


def probe_chart(table: pd.DataFrame, groups: Sequence[str] | Mapping[str, str], score: str = "top1",
                anchor: str = "joints") -> Figure:
    """What each modality knows in each group of runs: by a linear probe with all labels and with few, and emergent.

    Parameters
    ----------
    table : DataFrame
        ``group, modality, method, shots, score, value, low, high``; the method ``constant`` becomes a line.
    groups : sequence of str, or mapping
        Groups in the order of the rows, or group to the name of its row: supervised groups, of which each knows one
        modality, can share a row.

    Taught in: 11, section 4.
    """
    names = dict(groups) if isinstance(groups, Mapping) else {group: group for group in groups}
    table = table[(table["score"] == score) & table["group"].isin(names)]
    table = table.assign(row=table["group"].map(names))
    few = table.loc[table["shots"] > 0, "shots"].min()
    asked = {"linear probe, all labels": ("linear_probe", 0),
             f"linear probe, {few:.0f} labels a class": ("linear_probe", few),
             "classes learned from the anchor alone (emergent)": ("emergent", 0)}
    rows = list(dict.fromkeys(names.values()))
    modalities = [name for name in CAMERAS if name != anchor and name in set(table["modality"])]
    figure, axes = panels(len(modalities), 3.4 * len(modalities) + 2, 0.7 * len(rows) + 2.2, sharey=True, sharex=True)
    for panel, modality in zip(axes, modalities, strict=True):
        part = table[table["modality"] == modality]
        interval_rows(panel, rows, {name: part[(part["method"] == method) & (part["shots"] == shots)]
                            for name, (method, shots) in asked.items()}, TITLES[score])
        for value in part.loc[part["method"] == "constant", "value"][:1]:
            panel.axvline(100 * value, color=GREY, linestyle=(0, (5, 3)), label="constant class")
        panel.set_title(modality)
    legend_below(figure, axes[0], 2)
    return ask(figure, "What does each modality know about gestures of new people?")


def retrieval_chart(table: pd.DataFrame, anchor: str = "joints") -> Figure:
    """R@1 from each modality to each other one, in each group: with the anchor at the left, without it at the right.

    Parameters
    ----------
    table : DataFrame
        ``group, query, item, chance, r1, low, high``.

    Taught in: 11, section 5.
    """
    table = table.rename(columns={"r1": "value"}).assign(row=table["query"] + " → " + table["item"])
    anchored = (table["query"] == anchor) | (table["item"] == anchor)
    parts = {f"{word} {anchor}": part for word, part in (("with", table[anchored]), ("without", table[~anchored]))
             if len(part)}
    most = max(part["row"].nunique() for part in parts.values())
    figure, axes = panels(len(parts), 5.6 * len(parts), 0.16 * most * (1 + table["group"].nunique()) + 2, sharex=True)
    for panel, (title, part) in zip(axes, parts.items(), strict=True):
        rows = part["row"].unique()
        interval_rows(panel, rows, dict(list(part.groupby("group", sort=False))), "R@1, %")
        chance = 100 * part.drop_duplicates("row")["chance"]
        edges = np.arange(len(rows))
        panel.vlines(chance, edges - 0.5, edges + 0.5, color=GREY, linestyle="--", label="chance")
        panel.set_title(title)
    legend_below(figure, axes[0], 3)
    return ask(figure, "Does a clip find itself in another modality?")


def fusion_chart(table: pd.DataFrame, score: str = "top1", anchor: str = "joints") -> Figure:
    """Every head with all modalities, without the anchor, and with one alone.

    Parameters
    ----------
    table : DataFrame
        ``head, there`` (joined by +), ``count, score, value, low, high``.

    Taught in: 11, section 6.
    """
    table = table[table["score"] == score]
    most = table["count"].max()
    names = {}
    for there, count in table.drop_duplicates("there").sort_values("count", kind="stable")[["there", "count"]].values:
        if count == most:
            names[there] = "everything"
        elif count == most - 1 and anchor not in there.split(" + "):
            names[there] = f"without {anchor}"
        elif count == 1:
            names[there] = f"only {there}"
    table = table.assign(row=table["there"].map(names)).dropna(subset="row")
    rows = list(names.values())[::-1]
    figure, axes = new_figure(size=(9, 0.16 * len(rows) * (1 + table["head"].nunique()) + 2))
    interval_rows(axes, rows, dict(list(table.groupby("head", sort=False))), TITLES[score])
    legend_below(figure, axes, 2)
    return ask(figure, "What is left when a camera fails?")


# -- masked autoencoders -----------------------------------------------------------------------------------------------


def masked_pictures(seen: ArrayLike, guessed: ArrayLike, true: ArrayLike, scrambled_guessed: ArrayLike) -> Figure:
    """Frames of a clip of depth: what was not hidden, two guesses of what was, and the truth.

    Each is (T, 1, S, S), one clip of :class:`mgutils.models.masked.Pictures`; the last is a guess of the network with
    the scrambled target.

    Taught in: 11, section 7.
    """
    seen, guessed, true, scrambled = (np.asarray(part)[:, 0] for part in (seen, guessed, true, scrambled_guessed))
    hidden = seen != true
    rows = {f"{100 - 100 * hidden.mean():.0f} % are not hidden": np.ma.masked_where(hidden, seen)}
    for name, guess in (("the guess", guessed), ("the guess after\nscrambled targets", scrambled)):
        rows[f"{name}:\n{np.abs(guess - true)[hidden].mean():.2f} m off"] = guess
    rows["the truth"] = true
    places = np.linspace(0, len(true) - 1, MOMENTS).round().astype(int)
    figure, grid = new_figure(len(rows), MOMENTS, size=(10, 2 * len(rows) + 0.5), squeeze=False)
    for line, (title, frames) in zip(grid, rows.items(), strict=True):
        _empty(line)
        line[0].set_ylabel(title, fontsize=12, rotation=0, ha="right", va="center", labelpad=8)
        for panel, place in zip(line, places, strict=True):
            panel.imshow(frames[place], vmin=true.min(), vmax=true.max(), **METRES)
    for panel, place in zip(grid[0], places, strict=True):
        panel.set_title(f"frame {place + 1} of {len(true)}", fontsize=11)
    return ask(figure, "Which network knows what was hidden?")


def loss_and_picture(log_right: pd.DataFrame, log_scrambled: pd.DataFrame) -> Figure:
    """The training losses of two autoencoders (``epoch, train_loss``), as shares of their first epoch's: both fall.

    Taught in: 11, section 7.
    """
    figure, axes = new_figure(size=(8, 3.8))
    for name, log, color, dash in (("right targets", log_right, BLUE, "-"),
                                   ("scrambled targets", log_scrambled, VERMILLION, "--")):
        loss = log["train_loss"].to_numpy()
        label = f"{name}: from {loss[0]:.3g} to {loss[-1]:.3g}"
        axes.plot(log["epoch"], 100 * loss / loss[0], dash, color=color, linewidth=2.5, label=label)
    axes.set(xlabel="epoch", ylabel="training loss,\n% of the first epoch's", ylim=(0, None))
    axes.legend()
    return ask(figure, "Does the loss tell which target was scrambled?")
