"""One clip of a modality of one's own: an array or a film, checked, and brought to the clip's number of frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy import ndarray
from PIL import Image

from mgutils.config.space import is_picture
from mgutils.data.items import choose_frames
from mgutils.data.video import SUFFIXES, read_frames
from mgutils.errors import DataError, Findings, data_error

ARRAYS = (".npy", ".npz")
KINDS = (*ARRAYS, *SUFFIXES)
"""Ends of the names of the files that are read."""
REMEDY = "Write it again: one row for each frame of the clip, the same shape in all clips."
_MOST_BYTES = 2**32  # of one array, unpacked


def read_clip(file: Path, frames: int, side: int, size: int, findings: Findings) -> ndarray | None:
    """The frames (``frames``, ...) of a clip, nearest in time; ``None``, and a fault, where the file is not sound."""
    try:
        array = _load(file, side)
    except DataError as error:
        findings.faults.extend(error.faults)
        return None
    if array.dtype.kind not in "biuf" or not array.ndim or not array.size:
        findings.fault(file, f"{array.dtype} of shape {array.shape}"[:100], "numbers (T, ...), at least one frame",
                       REMEDY)
        return None
    array = array[:, None] if array.ndim == 1 else array
    kind = np.uint8 if array.dtype in (np.bool_, np.uint8) else np.float32
    with np.errstate(all="ignore"):  # what float32 cannot hold becomes infinite, and is found below
        sound = kind == np.uint8 or np.isfinite(array.astype(np.float32)).reshape(len(array), -1).all(axis=1)
    if not np.all(sound):
        findings.fault(file, f"NaN or infinity in frame {np.argmin(sound)}", "finite numbers",
                       "Fill it in; a frame of zeros counts as missing.")
        return None
    index, _ = choose_frames(np.array([len(array)]), frames, np.full((1, 1), 0.5))
    chosen = array[index[0]]
    return (_reduced(chosen, size) if size and is_picture(chosen.shape[1:]) else np.asarray(chosen)).astype(kind)


def _load(file: Path, side: int) -> ndarray:
    """All frames of a file (T, ...), arrays without unpickling anything.

    Raises
    ------
    DataError
    """
    if file.suffix.lower() in SUFFIXES:
        return np.stack([np.asarray(frame.image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR))
                         for frame in read_frames(file)])
    wanted = "an array of numbers (T, ...)"
    try:
        content = np.load(file, mmap_mode="r", allow_pickle=False)
        if isinstance(content, np.ndarray):
            return content
        with content:
            sizes = [entry.file_size for entry in content.zip.infolist()]
            if len(sizes) != 1 or sizes[0] > _MOST_BYTES:
                raise data_error(file, f"{len(sizes)} arrays of {sum(sizes):,} bytes",
                                 f"one array, at most {_MOST_BYTES:,} bytes", "Write one array for each clip.")
            return np.asarray(content[content.files[0]])  # bytes, where it is no array
    except DataError:
        raise
    except Exception as error:  # a broken file makes zipfile and NumPy raise nearly anything
        found = getattr(error, "strerror", None) or f"no readable array ({type(error).__name__})"
        raise data_error(file, found, wanted, "Write it with numpy.save, as numbers.") from None


def _reduced(frames: ndarray, size: int) -> ndarray:
    """Frames (T, H, W, ...) with sides of at most ``size``: means of blocks, rounded where they were whole bytes."""
    means = frames.astype(np.float32)
    for axis in (1, 2):
        side = means.shape[axis]
        if side > size:
            starts = np.arange(size) * side // size
            counts = np.diff([*starts, side])
            means = np.add.reduceat(means, starts, axis=axis)
            means /= counts.reshape([-1 if place == axis else 1 for place in range(means.ndim)])
    return np.rint(means) if frames.dtype == np.uint8 else means


