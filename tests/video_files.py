"""Tiny videos whose every picture says its number, for the tests of what reads videos."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

CODECS = {".mp4": "libx264", ".mov": "libx264", ".mkv": "libx264", ".avi": "mpeg4", ".webm": "libvpx", ".ts": "libx264"}
BLOCK = 8  # pixels; one black or white block for each bit of the number
BITS = 8


def picture(number: int, size: tuple[int, int] = (64, 32)) -> np.ndarray:
    """Grey, with the bits of a number in the first row of blocks and a red block below them at the left."""
    array = np.full((size[1], size[0], 3), 128, np.uint8)
    for bit in range(BITS):
        array[:BLOCK, bit * BLOCK:(bit + 1) * BLOCK] = 255 * (number >> bit & 1)
    array[BLOCK:2 * BLOCK, :BLOCK] = (255, 0, 0)
    return array


def number_of(image: Image.Image) -> int:
    """The number that a picture shows."""
    row = np.asarray(image.convert("L"))[BLOCK // 2, BLOCK // 2:BITS * BLOCK:BLOCK]
    return int(sum(1 << bit for bit, level in enumerate(row) if level > 127))


def make_video(path: Path, frames: int = 50, *, fps: int = 25, size: tuple[int, int] = (64, 32),
               milliseconds: Sequence[int] | None = None, options: dict[str, str] | None = None) -> Path:
    """Write a video; with ``milliseconds`` each picture has its own time."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(CODECS[path.suffix], rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if milliseconds:
            stream.codec_context.time_base = Fraction(1, 1000)
        if not frames:
            container.start_encoding()
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, size), format="rgb24")
            if milliseconds:
                frame.pts, frame.time_base = milliseconds[number], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        if frames:
            container.mux(stream.encode())
    return path


def make_sound(path: Path, *, cover: bool = False) -> Path:
    """Write half a second of silence, with or without a cover picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        if cover:
            drawing = container.add_stream("mjpeg", rate=1)
            drawing.width, drawing.height, drawing.pix_fmt = 16, 16, "yuvj420p"
            drawing.disposition = av.stream.Disposition.attached_pic.value
            container.mux(drawing.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")))
        for _ in range(4):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 8000
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turn(path: Path, quarters: int) -> Path:
    """Have an mp4 ask its player to turn it clockwise by quarters, as telephones do: the matrix of its track header."""
    matrix = {0: (1, 0, 0, 1), 1: (0, 1, -1, 0), 2: (-1, 0, 0, -1), 3: (0, -1, 1, 0)}[quarters]
    a, b, c, d = (value << 16 for value in matrix)
    content = bytearray(path.read_bytes())
    start = content.index(b"tkhd") + 44
    content[start:start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path
