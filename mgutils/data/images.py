"""Image files: which of them are there, and how one becomes 8-bit RGB. Arrays of a whole dataset are in ``pixels``."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from mgutils.errors import DataError, Findings, data_error
from mgutils.progress import progress_bar

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
"""Files in a class folder with another suffix are nobody's business."""
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF", "PPM")
"""What is decoded. Pillow knows more, among them one that starts another program."""
MOST_PIXELS = 89_000_000
"""Of an image; a small file may unpack to any size."""
THREADS = min(8, os.cpu_count() or 1)
_AHEAD = 4 * THREADS
_SHOW_AFTER = 2.0  # seconds
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def read_rgb(path: Path | str) -> Image.Image:
    """Decode an image wholly to 8-bit RGB, upright.

    EXIF orientation is applied, transparency is laid on white, 16-bit grey is scaled to 8 bits; grey, palette and CMYK
    images are converted. What the file holds counts, not its suffix. Floating-point pixels are refused: nothing in the
    file says which of them is white.

    Raises
    ------
    DataError
        If the file cannot be decoded, is an animation, or has fewer than 2 or more than :data:`MOST_PIXELS` pixels.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            strange = _strange(image)
            if not strange:
                return _to_rgb(ImageOps.exif_transpose(image))
    except Image.DecompressionBombError:
        strange = f"an image of more than {2 * Image.MAX_IMAGE_PIXELS:,} pixels"
    except Exception as error:  # a decoder raises whatever its broken input makes it raise
        found = "no such file" if isinstance(error, FileNotFoundError) else "an image that cannot be decoded"
        strange = f"{found} ({type(error).__name__})"
    raise data_error(path, strange, f"one whole picture of 2 to {MOST_PIXELS:,} pixels",
                     "Restore it, or leave out all such images: `mg predict`, `mg test`, `mg import folders` and "
                     "`mg data check` can with --skip-bad.")


def _strange(image: Image.Image) -> str:
    """Why a header that can be read is not that of one picture of sensible size; "" if it is."""
    width, height = image.size
    if width * height > MOST_PIXELS or width * height < 2:
        return f"an image of {width:,} x {height:,} pixels"
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:  # cameras append a preview to a JPEG: MPO
        return f"an animation of {image.n_frames:,} pictures"
    if image.mode == "F":
        return "an image of floating-point numbers, not of 8 or 16 bits,"
    return ""


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey; Pillow's own conversion would clip it to white
        return Image.fromarray((np.asarray(image).clip(0, 65535) / 257 + 0.5).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    image.load()
    return image.convert("RGB")


def in_threads(work: Callable[[_Item], _Result], items: Iterable[_Item], *, description: str = "",
               progress: bool = False) -> Iterator[_Result]:
    """Results in the order of the items, which may be endless if no bar is asked for; a few are worked on ahead.

    Decoding and encoding images leave Python's lock, so threads are enough. A bar appears where it takes longer than
    two seconds. Work that remains when the caller stops is dropped.
    """
    waiting: deque[Future[_Result]] = deque()
    bar = progress_bar(items, desc=description, unit="image", delay=_SHOW_AFTER, disable=not progress)
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for item in bar:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def check_files(paths: pd.Series, root: Path, file: Path, findings: Findings, listed: Iterable[str]) -> None:
    """Each listed image must be a file inside ``root`` with something in it; each folder is listed once.

    Parameters
    ----------
    paths : Series of str
        Relative to ``root/training``; empty ones are passed over.
    root : Path
        Folder of the dataset.
    file : Path
        The table, for the faults.
    findings : Findings
        Takes the faults, and a note on images that no row lists.
    listed : iterable of str
        ``paths``, and those that are left out.
    """
    known = paths[paths != ""]
    folders = known.str.split("/", n=1).str[0]
    listings = {folder: _list_folder(root, folder) for folder in folders.unique()}
    names = known.str.split("/", n=1).str[1]
    problems = pd.Series([listings[folder].get(name, "no image") for folder, name in zip(folders, names, strict=True)],
                         known.index, dtype=object)
    for kind, (wanted, remedy) in _PROBLEMS.items():
        bad = known[problems == kind]
        findings.images |= dict.fromkeys(bad, kind)
        findings.rows(file, "Path", bad.index, [f"{kind} {path!r}" for path in bad], wanted, remedy)
    listed = set(listed)
    spare = sum(f"{folder}/{name}" not in listed for folder, names in listings.items() for name in names)
    if spare:
        findings.notes.append(f"{root / 'training'}: {spare:,} images that no row of {file.name} lists; they are not "
                              "used")


_SKIP = "`mg data check --skip-bad` leaves out all such images."
_PROBLEMS = {
    "no image": ("an image at training/<path>", f"Restore the image, or delete the row. {_SKIP}"),
    "an empty file": ("a whole image file", f"Restore the image, or delete it and its row. {_SKIP}"),
    "a link out of the dataset": ("a file inside the dataset's folder",
                                  f"Copy the image into its class folder. {_SKIP}"),
}


def _list_folder(root: Path, folder: str) -> dict[str, str]:
    """What is wrong with each image file of a class folder, by name; "" where nothing is."""
    home, here = root.resolve(), root / "training" / folder
    if not here.is_dir():
        return {}
    outside = not here.resolve().is_relative_to(home)
    with os.scandir(here) as entries:
        return {entry.name: "a link out of the dataset" if outside else _file_problem(entry, home)
                for entry in entries if entry.is_file() and entry.name.lower().endswith(SUFFIXES)}


def _file_problem(entry: os.DirEntry, home: Path) -> str:
    if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(home):
        return "a link out of the dataset"
    return "" if entry.stat().st_size else "an empty file"


def check_decoding(paths: pd.Series, root: Path, file: Path, findings: Findings, *, progress: bool) -> None:
    """Decode every image; note those that are the same, byte for byte.

    The same picture under two names is a note: where two gestures overlap in time, a frame honestly has two labels.
    """
    known = paths[paths != ""]

    def work(path: str) -> tuple[str, bytes]:
        place = root / "training" / path
        try:
            read_rgb(place)
            return "", hashlib.blake2b(place.read_bytes(), digest_size=16).digest()
        except DataError as error:
            return error.faults[0].found, b""

    results = list(in_threads(work, list(known), description="decode", progress=progress))
    bad = [place for place, (problem, _) in enumerate(results) if problem]
    findings.images |= {known.iloc[place]: results[place][0] for place in bad}
    findings.rows(file, "Path", known.index[bad], [f"{results[place][0]} at {known.iloc[place]!r}" for place in bad],
                  "an image that can be decoded", f"Restore the image, or delete it and its row. {_SKIP}")
    digests = pd.Series([digest for _, digest in results], index=known.index)
    again = digests.duplicated() & (digests != b"")
    if again.any():
        row = again.idxmax()
        first = known[(digests == digests[row]).idxmax()]
        findings.notes.append(f"{root / 'training'}: {again.sum():,} images equal an earlier one byte for byte, first "
                              f"{known[row]} (= {first}); the same picture may fall on both sides of a split")
