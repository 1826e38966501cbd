"""The contact sheet: a few images of every class with its name, rendered from parameters alone."""

from __future__ import annotations

from textwrap import shorten

from matplotlib.figure import Figure

from mgutils.config import SynthConfig
from mgutils.data.labels import imigue_labels
from mgutils.synth.frames import render_frames
from mgutils.synth.plan import make_plan

_SIDE = 1.3  # of an image, inches


def contact_sheet(config: SynthConfig, *, clips: int = 3, columns: int = 4) -> Figure:
    """Every class in frames of several clips, near the middle of the gesture, each of another subject.

    Parameters
    ----------
    config : SynthConfig
        The parameters; the images are rendered at ``size``.
    clips : int
        Images of each class; fewer where fewer subjects show it.
    columns : int
        Classes side by side.

    Returns
    -------
    Figure
        Without pyplot, so that nothing is shown twice in a notebook.
    """
    names = imigue_labels().display
    frames = make_plan(config).frames
    order = (frames["phase"] - 0.5).abs().argsort(kind="stable")
    frames = frames.iloc[order].drop_duplicates(["class_id", "subject_id"])
    chosen = frames.groupby("class_id").head(clips).sort_values("class_id", kind="stable")
    rows = -(-len(names) // columns)
    figure = Figure((columns * clips * _SIDE, rows * (_SIDE + 0.3)), dpi=120)
    grid = figure.subplots(rows, columns * clips, squeeze=False)
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.97, wspace=0.03, hspace=0.25)
    for axes in grid.flat:
        axes.set_axis_off()
    position = chosen.groupby("class_id").cumcount()
    for rgb, index, rank in zip(render_frames(config, chosen)["rgb"], chosen["class_id"] - 1, position, strict=True):
        axes = grid[index // columns, index % columns * clips + rank]
        axes.imshow(rgb, interpolation="lanczos")
        if rank == 0:
            title = shorten(f"{index + 1} {names[index]}", 12 * clips, placeholder=" …")
            axes.set_title(title, loc="left", fontsize=10)
    return figure
