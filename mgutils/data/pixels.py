"""All images of a dataset as one array, decoded once and kept on disk.

Beside the array lies a manifest: number and size of the images, SHA-256 of the pixels, and the list of the files that
they came from.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mgutils.data.images import in_threads, read_rgb
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError, DataError, Fault
from mgutils.files import UNWRITABLE

try:
    import fcntl
except ImportError:  # Windows: what a killed process left stays
    fcntl = None


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
        _write(dataset, shape, file, progress)
        for old in folder.glob(f"*-{size}-{listing}-*.npy"):
            if old != file:
                old.unlink(missing_ok=True)
                _manifest_of(old).unlink(missing_ok=True)
    return np.load(file, mmap_mode="r")


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
        raise DataError([Fault(str(file), None, None, f"pixels with SHA-256 {found[:12]}…", f"{wanted[:12]}…, as they "
                               "were decoded", "Delete the file: it is made again.")])


def _content(pixels: np.ndarray) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(pixels), 1024):
        digest.update(np.ascontiguousarray(pixels[start:start + 1024]).data)
    return digest.hexdigest()


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
        raise DataError([Fault(str(error.filename), None, None, error.strerror, "the image that was there when the "
                               "table was read", "Run `mg data check`.")]) from None
    return _short_hash(listing.encode(errors="surrogatepass")), _short_hash(state.tobytes())


def _short_hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def _write(dataset: Dataset, shape: tuple[int, ...], file: Path, progress: bool) -> None:
    """Decode everything into a file aside, and rename it when it is whole."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(file.parent)
        with _reserved(file, shape) as (aside, array):
            _decode(dataset, array, progress)
            note = aside.with_suffix(".json.partial")
            note.write_text(json.dumps(_manifest(dataset, array)), encoding="utf-8")
            note.replace(_manifest_of(file))
            aside.replace(file)  # last: an array without a manifest is made again
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        raise ConfigError(f"cache_dir: {file.parent} cannot be written to ({error.strerror}); wanted "
                          f"{math.prod(shape) / 1e6:,.1f} MB for the decoded images. Make room, or name another "
                          "folder with cache_dir.") from None


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


def _manifest(dataset: Dataset, array: np.ndarray) -> dict[str, Any]:
    return {"images": len(array), "size": array.shape[1], "sha256": _content(array),
            "sources": dataset.frames["path"].tolist()}


# -- the file aside ----------------------------------------------------------------------------------------------------


@contextmanager
def _reserved(file: Path, shape: tuple[int, ...]) -> Iterator[tuple[Path, np.ndarray]]:
    """An array in a file aside, with its room on the disk; what is left of it at the end is removed."""
    aside, handle = _locked_aside(file)
    try:
        array = np.lib.format.open_memmap(aside, mode="w+", dtype=np.uint8, shape=shape)
        # Writing to a mapped page that the disk has no room for kills the process (SIGBUS).
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, 0, os.fstat(handle).st_size)
        yield aside, array
    finally:
        os.close(handle)
        aside.unlink(missing_ok=True)
        aside.with_suffix(".json.partial").unlink(missing_ok=True)


def _locked_aside(file: Path) -> tuple[Path, int]:
    """Make a file aside and lock it until its descriptor is closed, or the process ends, be it by a kill."""
    while True:
        aside = file.with_name(f"{file.name}.{uuid.uuid4().hex[:8]}.partial")
        handle = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            # another process may take the file for a stale one before it is locked
            if _lock(handle) and aside.exists():
                return aside, handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _lock(handle: int) -> bool:
    """Whether no other process holds the file; true where the system or the disk has no such locks."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _remove_stale(folder: Path) -> None:
    """Remove what killed processes left: a file aside that nobody holds, and its manifest."""
    if fcntl is None:  # then nothing says whether somebody holds it
        return
    for aside in folder.glob("*.npy.*.partial"):
        if aside.name.endswith(".json.partial"):
            continue
        with suppress(OSError):  # gone, or somebody else's
            handle = os.open(aside, os.O_RDWR)
            try:
                if _lock(handle):
                    aside.unlink(missing_ok=True)
            finally:
                os.close(handle)
    for note in folder.glob("*.npy.*.json.partial"):
        if not note.with_name(note.name.removesuffix(".json.partial") + ".partial").exists():
            note.unlink(missing_ok=True)
