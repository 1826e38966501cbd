"""An annotated video: each answered frame with its likeliest classes written on it, as mp4."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mgutils.data.labels import Labels
from mgutils.errors import ConfigError
from mgutils.files import atomic_file

if TYPE_CHECKING:
    import av

_WIDEST = 1280
_SMALLEST = 480
"""Width, in pixels, to which smaller pictures are enlarged, so that the words can be read."""
_LINES = 3
_CLOCK = 90_000  # ticks per second: whole ones for a frame at any usual rate
_DARK, _BRIGHT, _BAR, _FAINT = (20, 20, 20), (255, 255, 255), (86, 180, 233), (70, 70, 70)


def annotated(image: Image.Image, probs: np.ndarray, labels: Labels, time: float) -> Image.Image:
    """A picture with a panel under it: its time, and the likeliest classes with bars for their probabilities.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB. Scaled to 480 to 1280 pixels of width; the result's sides are even, as video needs them.
    probs : ndarray (C,)
        Probabilities.
    labels : Labels
    time : float
        Seconds.
    """
    width = min(max(image.width, _SMALLEST), _WIDEST) // 2 * 2
    height = max(2, round(image.height * width / image.width) // 2 * 2)
    line = max(18, width // 28) // 2 * 2
    frame = Image.new("RGB", (width, height + line * (_LINES + 1) // 2 * 2), _DARK)
    frame.paste(image.resize((width, height), Image.Resampling.BICUBIC))
    draw, font, small = ImageDraw.Draw(frame), _font(round(line * 0.62)), _font(round(line * 0.5))
    bar, pad = width * 3 // 10, line // 3
    for rank, index in enumerate(np.argsort(-probs, kind="stable")[:_LINES]):
        top = height + pad + rank * line
        draw.rectangle((pad, top + 3, pad + bar, top + line - 5), fill=_FAINT)
        draw.rectangle((pad, top + 3, pad + bar * float(probs[index]), top + line - 5), fill=_BAR)
        draw.text((bar + 3 * pad, top + line / 2), f"{probs[index]:4.0%}", _BRIGHT, font, anchor="lm")
        text = shorten(labels.display[index], 44, placeholder="…")
        draw.text((bar + 3 * pad + line * 2, top + line / 2), text, _BRIGHT, font, anchor="lm")
    draw.rectangle((0, 0, line * 3, line), fill=_DARK)
    draw.text((pad, line / 2), clock(time, tenths=True), _BRIGHT, small, anchor="lm")
    return frame


def clock(seconds: float, *, tenths: bool = False, hours: bool = False) -> str:
    """``1:02:03`` or ``2:03``, with tenths of a second if asked; ``hours`` asks for ``0:02:03``."""
    whole = int(round(seconds * 10) // 10)
    minutes, rest = divmod(whole, 60)
    over, minutes = divmod(minutes, 60)
    text = f"{over}:{minutes:02d}:{rest:02d}" if over or hours else f"{minutes}:{rest:02d}"
    return text + (f".{round(seconds * 10) % 10}" if tenths else "")


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    from matplotlib.font_manager import findfont

    return ImageFont.truetype(findfont("DejaVu Sans"), size)


class _Film:
    """The stream of an mp4 that is being written."""

    def __init__(self, container: av.container.OutputContainer, labels: Labels, rate: Fraction) -> None:
        self._container = container
        self._labels = labels
        self._rate = rate
        self._last = -1
        self.stream: av.VideoStream | None = None

    def add(self, image: Image.Image, probs: np.ndarray, time: float) -> None:
        """Write one frame, ``time`` seconds from the start; times rise."""
        import av

        frame = annotated(image, probs, self._labels, time)
        if self.stream is None:
            self.stream = self._container.add_stream("libx264", rate=self._rate, options={"crf": "23"})
            self.stream.width, self.stream.height = frame.size
            self.stream.pix_fmt = "yuv420p"
            self.stream.codec_context.time_base = Fraction(1, _CLOCK)
        picture = av.VideoFrame.from_image(frame.resize((self.stream.width, self.stream.height)))
        self._last = max(round(time * _CLOCK), self._last + 1)
        picture.pts = self._last
        picture.time_base = Fraction(1, _CLOCK)
        self._container.mux(self.stream.encode(picture))


@contextmanager
def annotated_video(path: Path, labels: Labels, rate: float) -> Iterator[_Film]:
    """Write an mp4 (H.264) frame by frame; it is there when the block ends, if it has a frame.

    Parameters
    ----------
    path : Path
    labels : Labels
    rate : float
        Frames per second at which players should show it; each frame keeps its own time.

    Raises
    ------
    ConfigError
        If PyAV is not installed or the file cannot be written.
    """
    try:
        import av
    except ImportError:
        raise ConfigError("annotated video: found no PyAV to write it with. Install it: pip install 'mgutils[video]'."
                          ) from None
    with atomic_file(path) as partial:
        with av.open(str(partial), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            film = _Film(container, labels, Fraction(rate).limit_denominator(1001))
            yield film
            if film.stream is not None:
                container.mux(film.stream.encode())
        if film.stream is None:
            partial.touch()
    if film.stream is None:
        path.unlink()
