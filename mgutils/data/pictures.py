"""Pictures to be looked at once, from anywhere: image files, folders, lists of paths, videos.

They come one after the other and are gone when used, so that memory does not grow with their number. Datasets, which
are read many times, are in ``table`` and ``pixels``.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from PIL import Image

from mgutils.data import images, video
from mgutils.data.images import THREADS, read_rgb
from mgutils.errors import DataError, Fault, printable

Rejected = Callable[[Path, str], None]
"""Told the path of a picture that is left out, and why."""
_AHEAD = 2 * THREADS


@dataclass(frozen=True)
class Picture:
    """One image and where it is from.

    Parameters
    ----------
    path : str
        The file, as it was named.
    image : PIL.Image.Image
        RGB, upright.
    frame, time : int and float, optional
        Place in a video, from 0, and seconds from its start.
    """

    path: str
    image: Image.Image
    frame: int | None = None
    time: float | None = None


def read_pictures(paths: Iterable[Path], rejected: Rejected | None = None) -> Iterator[Picture]:
    """Decode image files in threads, a few ahead of what is asked for, in their order.

    Parameters
    ----------
    paths : iterable of Path
        May be endless.
    rejected : callable, optional
        Told of each image that cannot be decoded, which is then left out.

    Raises
    ------
    DataError
        If an image cannot be decoded and ``rejected`` is not given.
    """
    waiting: deque[tuple[Path, Future[Image.Image]]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for path in paths:
                waiting.append((path, pool.submit(read_rgb, path)))
                if len(waiting) >= _AHEAD:
                    yield from _next(waiting, rejected)
            while waiting:
                yield from _next(waiting, rejected)
        finally:
            pool.shutdown(cancel_futures=True)


def _next(waiting: deque[tuple[Path, Future[Image.Image]]], rejected: Rejected | None) -> Iterator[Picture]:
    path, future = waiting.popleft()
    try:
        yield Picture(str(path), future.result())
    except DataError as error:
        if rejected is None:
            raise
        rejected(path, error.faults[0].found)


def read_video(path: Path, rate: float | None) -> Iterator[Picture]:
    """Frames of a video, ``rate`` a second, or all of them.

    Raises
    ------
    DataError
        If it cannot be decoded to its end.
    """
    for frame in video.read_frames(path, rate):
        yield Picture(str(path), frame.image, frame.index, frame.time)


def is_video(path: Path) -> bool:
    """Whether a file is taken for a video, by its name."""
    return path.suffix.lower() in video.SUFFIXES


def find_files(inputs: Iterable[str], stdin: TextIO, rejected: Rejected | None = None) -> Iterator[Path]:
    """Files that were named, those in folders that were named, and for ``-`` those that ``stdin`` names.

    A folder is searched wholly; its images and videos come in the order of their names, numbers by their value. Lines
    of ``stdin`` are read when they are needed. ``rejected``, if given, is told of files that are not there.

    Raises
    ------
    DataError
        If a file is not there, or a folder has neither images nor videos.
    """
    for name in inputs:
        lines = (line.rstrip("\r\n") for line in stdin if line.strip()) if name == "-" else [name]
        for line in lines:
            folder = name != "-" and Path(line).is_dir()
            for path in _in_folder(Path(line)) if folder else [Path(line)]:
                problem = _problem(path)
                if not problem:
                    yield path
                elif rejected is None:
                    raise DataError([Fault(printable(str(path)), None, None, problem, "an image or a video",
                                           "Correct the path, or rename the file.")])
                else:
                    rejected(path, problem)


def _problem(path: Path) -> str:
    """Why a path is not that of a file; "" if it is."""
    try:
        if path.is_file():
            return "" if printable(str(path)) == str(path) else "a name that is not UTF-8"
        return "a folder" if path.is_dir() else "no such file"
    except (OSError, ValueError):  # a name that no file can have
        return "no such file"


def _in_folder(folder: Path) -> list[Path]:
    known = images.SUFFIXES + video.SUFFIXES
    files = [path for path in folder.rglob("*") if path.name.lower().endswith(known) and path.is_file()]
    if not files:
        raise DataError([Fault(str(folder), None, None, "a folder without images and videos",
                               f"files that end in {', '.join(known[:3])} …", "Name another folder.")])
    return sorted(files, key=lambda path: natural(str(path)))


def natural(text: str) -> list[tuple[int, int | str]]:
    """A key that sorts ``2.jpg`` before ``10.jpg``."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"([0-9]+)", text)]
