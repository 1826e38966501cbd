"""The frames of many videos in one array: which can be read, and one written after the other.

Videos are decoded in parallel threads and written in the order of their rows, so that memory does not grow with them.
Each that is written is then a line in a list, and a run that was killed goes on with the next one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy import ndarray
from PIL import Image

from mgutils.data.images import in_threads
from mgutils.data.importers.listing import Listing
from mgutils.data.items import FOLDER
from mgutils.data.video import probe, spread_frames
from mgutils.errors import DataError, Fault
from mgutils.files import STATE
from mgutils.progress import progress_bar


def look_at(listing: Listing, progress: bool) -> dict[int, Fault]:
    """The listed videos that cannot be opened; one picture of each is decoded."""
    def look(source: str) -> Fault | None:
        try:
            probe(listing.home / source)
        except DataError as error:
            return error.faults[0]
        return None

    usable = listing.usable["source"]
    found = progress_bar(in_threads(look, usable), total=len(usable), unit="video", desc="look", disable=not progress)
    return {row: listing.fault(row, f"{fault.found} at", fault.wanted)
            for row, fault in zip(usable.index, found, strict=True) if fault is not None}


def take_all(listing: Listing, rows: list[int], folder: Path, frames: int, size: int,
              fit: Callable[[Image.Image, int], Image.Image], progress: bool
              ) -> tuple[dict[int, int], dict[int, Fault]]:
    """Write the frames of all rows that are not written yet into ``clips/rgb.npy``.

    Parameters
    ----------
    listing : Listing
    rows : list of int
        Of the videos to take.
    folder : Path
        Of the dataset that is being made.
    frames, size : int
        Of each clip, and the side of the pictures in pixels.
    fit : callable
        Makes a picture a square of that side.
    progress : bool
        Show a bar.

    Returns
    -------
    taken : dict
        Row to number of frames, in the order in which they stand in the array.
    faults : dict
        Row to what is wrong with its video.
    """
    def take(row: int) -> ndarray | Fault:
        try:
            file = listing.home / listing.table["source"][row]
            return np.stack(spread_frames(file, frames, lambda image: np.asarray(fit(image, size))))
        except DataError as error:
            return listing.fault(row, f"{error.faults[0].found} at", error.faults[0].wanted)

    (folder / FOLDER).mkdir(exist_ok=True)
    array, faults = folder / FOLDER / "rgb.npy", {}
    array.touch()
    with array.open("r+b") as pictures, (folder / STATE / "taken.txt").open("a+b") as journal:
        taken = _resume(pictures, journal, size, set(rows))
        todo = [row for row in rows if row not in taken]
        results = zip(todo, in_threads(take, todo), strict=True)
        for row, found in progress_bar(results, total=len(rows), initial=len(taken), unit="video", desc="import",
                                       disable=not progress):
            if isinstance(found, Fault):
                faults[row] = found
                continue
            pictures.write(found.data)
            pictures.flush()
            journal.write(f"{row} {len(found)}\n".encode())  # after its frames: what is listed is there
            journal.flush()
            taken[row] = len(found)
        _write_header(pictures, sum(taken.values()), size)
    return taken, faults


def _resume(pictures: BinaryIO, journal: BinaryIO, size: int, rows: set[int]) -> dict[int, int]:
    """What an earlier run has written, row to number of frames; both files are cut off behind it."""
    there = pictures.seek(0, os.SEEK_END)
    place = _write_header(pictures, 0, size)
    good, taken = 0, {}
    journal.seek(0)
    for line in journal:
        words = line.split()
        if not line.endswith(b"\n") or len(words) != 2 or not all(word.isdigit() for word in words):
            break
        row, frames = map(int, words)
        if row not in rows or row in taken or place + frames * size * size * 3 > there:
            break
        place, good, taken[row] = place + frames * size * size * 3, good + len(line), frames
    pictures.truncate(place)
    pictures.seek(place)
    journal.truncate(good)
    return taken


def _write_header(file: BinaryIO, frames: int, size: int) -> int:
    """Write the beginning of an ``.npy`` file, as long for any number of frames; returns its length in bytes."""
    file.seek(0)
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False,
                                                "shape": (frames, size, size, 3)})
    return file.tell()
