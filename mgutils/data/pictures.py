"""Pictures to be looked at once, from anywhere: image files, folders, lists of paths, videos.

They come one after the other and are gone when used, so that memory does not grow with their number. Datasets, which
are read many times, are in ``table`` and ``pixels``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from PIL import Image

from mgutils.data import images, video
from mgutils.data.images import in_threads, read_rgb
from mgutils.errors import DataError, data_error, printable

_MOST_PIXELS = 2**25
"""Of a batch: about 100 MB."""
Rejected = list[tuple[Path, str]]
"""Takes the path of each picture that is left out, and why."""


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
    rejected : list, optional
        Takes each image that cannot be decoded, which is then left out.

    Raises
    ------
    DataError
        If an image cannot be decoded and ``rejected`` is not given.
    """
    def read(path: Path) -> Picture | tuple[Path, DataError]:
        try:
            return Picture(str(path), read_rgb(path))
        except DataError as error:
            return path, error

    for result in in_threads(read, paths):
        if isinstance(result, Picture):
            yield result
            continue
        path, error = result
        if rejected is None:
            raise error
        rejected.append((path, error.faults[0].found))


def in_batches(pictures: Iterable[Picture], size: int) -> Iterator[list[Picture]]:
    """Pictures in batches, smaller ones where the pictures are large."""
    batch, pixels = [], 0
    for picture in pictures:
        batch.append(picture)
        pixels += picture.image.width * picture.image.height
        if len(batch) == size or pixels > _MOST_PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def left_out_lines(rejected: Rejected | None) -> Iterator[str]:
    """What to print about the files that were left out."""
    if rejected:
        yield f"left out: {len(rejected):,} files that cannot be read"
        yield from (printable(f"  {path}: {why}") for path, why in rejected)


def is_video(path: Path) -> bool:
    """Whether a file is taken for a video, by its name."""
    return path.suffix.lower() in video.SUFFIXES


def find_files(inputs: Iterable[str], stdin: TextIO, rejected: Rejected | None = None) -> Iterator[Path]:
    """Files that were named, those in folders that were named, and for ``-`` those that ``stdin`` names.

    A folder is searched wholly; its images and videos come in the order of their names, numbers by their value. Lines
    of ``stdin`` are read when they are needed. ``rejected``, if given, takes the files that are not there.

    Raises
    ------
    DataError
        If a file is not there, or a folder has neither images nor videos.
    """
    for name in inputs:
        lines = (line.rstrip("\r\n") for line in stdin if line.strip()) if name == "-" else [name]
        for line in lines:
            folder = name != "-" and os.path.isdir(line)
            for path in _in_folder(Path(line)) if folder else [Path(line)]:
                problem = _problem(path)
                if not problem:
                    yield path
                elif rejected is None:
                    raise data_error(printable(str(path)), problem, "an image or a video",
                                     "Correct the path, or rename the file.")
                else:
                    rejected.append((path, problem))


def _problem(path: Path) -> str:
    """Why a path is not that of a file; "" if it is."""
    if os.path.isfile(path):
        return "" if printable(str(path)) == str(path) else "a name that is not UTF-8"
    return "a folder" if os.path.isdir(path) else "no such file"


def _in_folder(folder: Path) -> list[Path]:
    known = images.SUFFIXES + video.SUFFIXES
    files = [path for path in folder.rglob("*") if path.name.lower().endswith(known) and path.is_file()]
    if not files:
        raise data_error(folder, "a folder without images and videos", f"files that end in {', '.join(known[:3])} …",
                         "Name another folder.")
    return sorted(files, key=lambda path: natural(str(path)))


def natural(text: str) -> list[tuple[int, int | str]]:
    """A key that sorts ``2.jpg`` before ``10.jpg``."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"([0-9]+)", text)]
