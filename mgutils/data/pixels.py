"""All images of a dataset as one array, decoded once and kept on disk."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path

import numpy as np
from PIL import Image

from mgutils.data.images import in_threads, read_rgb
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError


def load_pixels(dataset: Dataset, size: int, *, cache_dir: Path | str | None = None,
                progress: bool = True) -> np.ndarray:
    """Decode, resize (bilinear, antialiased; the aspect ratio is not kept, as in the seed) and keep for the next time.

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
        If an image cannot be decoded.
    """
    if size < 1:
        raise ConfigError(f"size: found {size}; wanted at least 1 pixel.")
    folder = dataset.root / ".pixels" if cache_dir is None else Path(cache_dir)
    listing, state = _manifest(dataset)
    file = folder / f"{dataset.root.resolve().name}-{size}-{listing}-{state}.npy"
    if not file.exists():
        _write(dataset, size, file, progress)
        for old in folder.glob(f"*-{size}-{listing}-*.npy"):
            if old != file:
                old.unlink(missing_ok=True)
    return np.load(file, mmap_mode="r")


def _manifest(dataset: Dataset) -> tuple[str, str]:
    """A hash of where the images are, and one of their sizes and times of change."""
    paths = [dataset.image_path(row) for row in range(len(dataset))]
    listing = "\n".join([str(dataset.root.resolve()), *dataset.frames["path"]])
    state = np.array([(stat.st_size, stat.st_mtime_ns) for stat in map(os.stat, paths)], dtype="<i8")
    return hashlib.sha256(listing.encode()).hexdigest()[:12], hashlib.sha256(state.tobytes()).hexdigest()[:12]


def _write(dataset: Dataset, size: int, file: Path, progress: bool) -> None:
    """Decode everything into a file aside, and rename it when it is whole."""
    aside = file.with_name(f"{file.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        array = np.lib.format.open_memmap(aside, mode="w+", dtype=np.uint8, shape=(len(dataset), size, size, 3))
    except OSError as error:
        raise ConfigError(f"cache_dir: {file.parent} cannot be written to ({error.strerror}). Name a folder that can "
                          "with cache_dir.") from None

    def decode(row: int) -> None:
        array[row] = read_rgb(dataset.image_path(row)).resize((size, size), Image.Resampling.BILINEAR)

    try:
        for _ in in_threads(decode, range(len(dataset)), description=f"decode to {size} px", progress=progress):
            pass
        array.flush()
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)
