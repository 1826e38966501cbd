"""Animations: several drawings in one small GIF file, shown in a notebook with a text for readers who do not see it."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path

from IPython.display import HTML
from matplotlib.figure import Figure
from PIL import Image

from mgutils.files import atomic_file


def as_picture(figure: Figure, dpi: int = 80) -> Image.Image:
    """A figure as an RGB picture."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=dpi, format="png", facecolor="white")
    return Image.open(buffer).convert("RGB")


def save_gif(pictures: Sequence[Image.Image], path: Path | str, *, seconds: float = 0.5) -> Path:
    """Write pictures of one size as a GIF that repeats: the same pictures give the same bytes.

    Parameters
    ----------
    pictures : sequence of images
        In RGB; all share one palette of 64 colours.
    seconds : float
        How long each is shown; the last one three times as long.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = pictures[0].size
    together = Image.new("RGB", (width, height * len(pictures)))
    for place, picture in enumerate(pictures):
        together.paste(picture, (0, place * height))
    # this method keeps the colours of small spots
    palette = together.quantize(64, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    frames = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    durations = [round(1000 * seconds)] * (len(frames) - 1) + [round(3000 * seconds)]
    with atomic_file(path) as aside:
        frames[0].save(aside, format="GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    return path


def show_gif(path: Path | str, alt: str, width: int | None = None) -> HTML:
    """A GIF inside a notebook: the file's bytes are part of the output.

    Parameters
    ----------
    alt : str
        What it shows, for readers who do not see it.
    width : int, optional
        On the page, in pixels; the picture's own if not given.
    """
    data = base64.b64encode(Path(path).read_bytes()).decode("ascii")
    size = f' width="{width}"' if width else ""
    return HTML(f'<img src="data:image/gif;base64,{data}" alt="{html.escape(alt)}"{size}>')
