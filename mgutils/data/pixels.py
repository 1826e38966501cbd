"""All images of a dataset as one array, decoded once and kept on disk.

Beside the array lies a manifest: number and size of the images, SHA-256 of the pixels, and the list of the files that
they came from.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock
from PIL import Image

from mgutils.data.images import in_threads, read_rgb
from mgutils.errors import ConfigError, DataError, Fault, data_error
from mgutils.files import UNWRITABLE

if TYPE_CHECKING:
    from mgutils.data.table import Dataset


def load_pixels(dataset: Dataset, size: int, *, cache_dir: Path | str | None = None,
                progress: bool = True) -> np.ndarray:
    """Decode, resize (bilinear, antialiased, aspect ratio not kept, as in the original) and keep for the next time.

    Parameters
    ----------
    dataset : Dataset
        Of N frames.
    size : int
        Side in pixels.
    cache_dir : path, optional
        Folder of the array; ``.pixels`` in the dataset's folder if not given. An array that no longer fits its images
        (their sizes and times of change tell) is replaced.
    progress : bool
        Show a bar where decoding takes longer than two seconds.

    Returns
    -------
    array (N, size, size, 3) of uint8
        Read-only, memory-mapped: rows are read when asked for.

    Raises
    ------
    ConfigError
        If the size is not positive, or the folder cannot be written to.
    DataError
        With every image that cannot be decoded.
    """
    if size < 1:
        raise ConfigError(f"size: found {size}; wanted at least 1 pixel.")
    folder = dataset.root / ".pixels" if cache_dir is None else Path(cache_dir)
    listing, state = _sources(dataset)
    file = folder / f"{dataset.root.resolve().name}-{size}-{listing}-{state}.npy"
    shape = (len(dataset), size, size, 3)
    if not _fits(file, shape):
        _make(dataset, shape, file, progress)
        for old in folder.glob(f"*-{size}-{listing}-*.npy"):
            if old != file:
                old.unlink(missing_ok=True)
                _manifest_of(old).unlink(missing_ok=True)
    return np.load(file, mmap_mode="r")


def fingerprint(dataset: Dataset, pixels: np.ndarray | Mapping[str, np.ndarray]) -> str:
    """SHA-256 of a dataset's table, class names and decoded pixels, or the arrays of some modalities."""
    digest = hashlib.sha256()
    digest.update(dataset.frames.to_csv(index=False).encode())
    digest.update("\n".join(dataset.labels.names).encode())
    for name, part in sorted(pixels.items()) if isinstance(pixels, Mapping) else [("", pixels)]:
        digest.update(name.encode())
        for piece in getattr(part, "pieces", (part,)):  # what was made of clips is more than one array
            digest.update(np.ascontiguousarray(piece).data)
    return digest.hexdigest()


def check_pixels(pixels: np.ndarray) -> None:
    """Compare an array from :func:`load_pixels` with its manifest; an array from elsewhere is let through.

    Raises
    ------
    DataError
        If the pixels are not those that were decoded.
    """
    file = Path(getattr(pixels, "filename", None) or "none.npy")
    if not _manifest_of(file).exists():
        return
    wanted = json.loads(_manifest_of(file).read_text(encoding="utf-8"))["sha256"]
    if (found := _content(pixels)) != wanted:
        raise data_error(file, f"pixels with SHA-256 {found[:12]}…", f"{wanted[:12]}…, as they were decoded",
                         "Delete the file: it is made again.")


def _content(pixels: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()


def _manifest_of(file: Path) -> Path:
    return file.with_suffix(".json")


def _fits(file: Path, shape: tuple[int, ...]) -> bool:
    """Whether the file holds a whole array of the shape, and has its manifest."""
    try:
        manifest = json.loads(_manifest_of(file).read_text(encoding="utf-8"))
        described = manifest["images"], manifest["size"], len(manifest["sha256"])
        return described == (*shape[:2], 64) and np.load(file, mmap_mode="r").shape == shape
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _sources(dataset: Dataset) -> tuple[str, str]:
    """A hash of where the images are, and one of their sizes and times of change."""
    paths = [dataset.image_path(row) for row in range(len(dataset))]
    listing = "\n".join([str(dataset.root.resolve()), *dataset.frames["path"]])
    try:
        state = np.array([(stat.st_size, stat.st_mtime_ns) for stat in map(os.stat, paths)], dtype="<i8")
    except OSError as error:
        raise data_error(error.filename, error.strerror, "the image that was there when the table was read",
                         "Run `mg data check`.") from None
    return _short_hash(listing.encode(errors="surrogatepass")), _short_hash(state.tobytes())


def _short_hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def _make(dataset: Dataset, shape: tuple[int, ...], file: Path, progress: bool) -> None:
    """Decode all images into the file, unless another process just did: one at a time works in the folder."""
    partial = file.with_suffix(".partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.parent / ".lock"):
            for stale in file.parent.glob("*.partial"):  # of a killed process
                stale.unlink()
            if _fits(file, shape):
                return
            try:
                array = reserve(partial, shape)
                _decode(dataset, array, progress)
                manifest = {"images": shape[0], "size": shape[1], "sha256": _content(array),
                            "sources": dataset.frames["path"].tolist()}
                _manifest_of(file).write_text(json.dumps(manifest), encoding="utf-8")
                partial.replace(file)  # last: an array without a manifest is made again
            finally:
                partial.unlink(missing_ok=True)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        raise ConfigError(f"{file.parent}: cannot be written to ({error.strerror}); wanted "
                          f"{math.prod(shape) / 1e6:,.1f} MB for the decoded images. Make room, or let the folder be "
                          "written to.") from None


def reserve(file: Path, shape: tuple[int, ...], kind: np.dtype | type = np.uint8) -> np.ndarray:
    """A memory-mapped array whose room on the disk is taken: a page without room kills the process (SIGBUS)."""
    array = np.lib.format.open_memmap(file, mode="w+", dtype=kind, shape=shape)
    if hasattr(os, "posix_fallocate"):
        with file.open("r+b") as handle:
            os.posix_fallocate(handle.fileno(), 0, file.stat().st_size)
    return array


def _decode(dataset: Dataset, array: np.ndarray, progress: bool) -> None:
    size = array.shape[1:3]

    def decode(row: int) -> tuple[Fault, ...]:
        try:
            array[row] = read_rgb(dataset.image_path(row)).resize(size, Image.Resampling.BILINEAR)
        except DataError as error:
            return error.faults
        return ()

    done = in_threads(decode, range(len(dataset)), description=f"decode to {size[0]} px", progress=progress)
    faults = [fault for found in done for fault in found]
    if faults:
        raise DataError(faults)
    array.flush()
