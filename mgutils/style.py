"""The one look of all figures: colours, sizes, and how a figure becomes a file.

The colours are those of Okabe and Ito (2008), which people with the common kinds of colour blindness can tell apart.
What a figure shows is decided in the ``figures_*`` files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

BLACK, GREY, LIGHT = "#222222", "#8c8c8c", "#e6e6e6"
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"

GROUP_COLORS = {"Head": BLUE, "Head-Hand": SKY, "Body-Hand": GREEN, "Body": ORANGE, "Hand": PURPLE, "none": GREY}
"""Colour of each group in :data:`mgutils.data.labels.GROUPS`."""

OBJECTIVE_COLORS = {"report_ce": VERMILLION, "report_js": ORANGE, "sound_ce": BLUE, "sound_js": GREEN}

DPI = 120

_LOOK = {"figure.dpi": DPI, "savefig.dpi": DPI, "axes.titlesize": 12, "axes.titleweight": "bold", "axes.labelsize": 11,
         "xtick.labelsize": 10, "ytick.labelsize": 10, "legend.fontsize": 10, "axes.edgecolor": GREY,
         "grid.color": LIGHT, "text.color": BLACK, "axes.labelcolor": BLACK, "font.family": "DejaVu Sans",
         "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "svg.hashsalt": "mgutils"}


def use_style() -> None:
    """Give every later figure the kit's look. Call it once, after the imports."""
    sns.set_theme(style="whitegrid", palette=[BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, YELLOW], rc=_LOOK)


def new_figure(rows: int = 1, columns: int = 1, *, size: tuple[float, float], **subplots: Any) -> tuple[Figure, Any]:
    """A figure with its axes, as ``plt.subplots`` makes them, that a notebook shows once and no window keeps.

    Parameters
    ----------
    size : tuple of float
        Width and height in inches.
    """
    figure, axes = plt.subplots(rows, columns, figsize=size, layout="constrained", **subplots)
    plt.close(figure)  # it still draws and saves; only pyplot forgets it, so a notebook does not show it twice
    return figure, axes


def save(figure: Figure, path: Path | str) -> Path:
    """Write a figure as PNG, or as JPEG where the name says so: the same figure gives the same bytes.

    Returns
    -------
    Path
        The file; its directory is made where it is missing.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jpg":
        figure.savefig(path, dpi=DPI, facecolor="white", pil_kwargs={"quality": 85})
    else:
        figure.savefig(path, dpi=DPI, format="png", metadata={"Software": None}, facecolor="white")
    return path






def shorten(text: str, length: int = 34) -> str:
    """Cut a text that is longer than ``length`` characters and end it with an ellipsis."""
    text = text.strip()
    return text if len(text) <= length else text[:length - 1].rstrip() + "…"
