"""The MiGA baseline's arrays: ``*_data.npy`` with ``*_label.pkl`` (names, labels) beside it.

The array is (N, 3, T, V, M) - clip, x/y/score, frame, joint, person - or (N, T, V, 3). Every clip has the same T: short
ones end in frames of zeros, long ones have lost their beginning. Labels may also be an ``.npy`` of 0-based classes, a
CSV of ``name,class`` without a header, or, for clips without labels, the challenge's list of ids as ``*_id.txt``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from mgutils.data.importers.pickles import as_array, as_text, in_words, read_pickle
from mgutils.data.importers.skeleton_clip import (
    IMIGUE_SIZE,
    LAYOUTS,
    SkeletonClip,
    is_name,
    is_sound,
    place_of,
    without_padding,
)
from mgutils.data.submission import read_ids, read_submission
from mgutils.errors import Findings, data_error

DATA = "_data.npy"
_LABELS = ("_label.pkl", "_label.npy", "_label.csv", "_id.txt", "_ids.txt")
_MOST_CLASSES = 10**6
_WANTED = f"an array (N, 3, T, V, M) or (N, T, V, 3) of numbers, V one of {', '.join(map(str, LAYOUTS))}"
_REMEDY = "Give the array that MiGA's tools write, uncompressed, in the order of NumPy's default."
_LABEL_REMEDY = "Give the label file that belongs to the array with --label-file."


def read_miga(file: Path, findings: Findings, size: tuple[int, int] | None = None,
              label_file: Path | None = None) -> Iterator[SkeletonClip]:
    """Yield the clips of an array, which is memory-mapped: one clip at a time is in memory.

    Parameters
    ----------
    file : Path
        ``*_data.npy``.
    findings : Findings
        Takes a fault for each clip that is left out, and notes.
    size : (int, int), optional
        Width and height of the pictures; iMiGUE's if not given.
    label_file : Path, optional
        The labels; if not given, the one beside the array.

    Raises
    ------
    DataError
        If the array or its labels are not what they should be.
    """
    shape = _mapped(file).shape
    if not _layout(shape):
        raise data_error(file, f"an array of shape {shape}", _WANTED, _REMEDY)
    names, labels = _read_labels(file, label_file or _beside(file), shape[0], findings)
    size = size or IMIGUE_SIZE
    split = file.name.removesuffix(DATA) if file.name.endswith(DATA) else ""
    padded = frames = 0
    for number, (name, label) in enumerate(zip(names, labels, strict=True)):
        whole = _joints(_mapped(file)[number])
        joints = without_padding(whole)
        if is_sound(place_of(file, name), joints, size, findings):
            padded += len(joints) < len(whole)
            frames += len(whole) - len(joints)
            yield SkeletonClip(name, joints, *size, label, split=split if is_name(split) else "")
    if padded:
        findings.notes.append(f"{file}: {frames:,} empty frames at the end of {padded:,} clips were cut off")


def _mapped(file: Path) -> ndarray:
    """The array, read-only, of which nothing is in memory.

    Each clip has a mapping of its own: what is read through one stays in memory as long as it lives.
    """
    try:
        data = np.lib.format.open_memmap(file, mode="r")
    except Exception as error:  # a broken header makes NumPy raise nearly anything
        found = getattr(error, "strerror", None) or f"no readable array ({type(error).__name__})"
        raise data_error(file, found, _WANTED, _REMEDY) from None
    if data.dtype.kind not in "iuf":
        raise data_error(file, f"an array of {data.dtype}"[:100], _WANTED, _REMEDY)
    return data


def _layout(shape: tuple[int, ...]) -> bool:
    if len(shape) == 5:
        return shape[1] == 3 and shape[3] in LAYOUTS and min(shape) > 0
    return len(shape) == 4 and shape[3] == 3 and shape[2] in LAYOUTS and min(shape) > 0


def _joints(clip: ndarray) -> ndarray:
    """(T, 22, 3) of one clip: of several persons, the one with the highest mean score."""
    if clip.ndim == 4:  # (3, T, V, M)
        person = int(np.argmax(clip[2].mean(axis=(0, 1), dtype=np.float64))) if clip.shape[3] > 1 else 0
        clip = clip[..., person].transpose(1, 2, 0)
    with np.errstate(all="ignore"):  # of what is not finite; the checks find it
        return np.array(clip[:, LAYOUTS[clip.shape[1]]], dtype=np.float32)


def _beside(file: Path) -> Path | None:
    """The label file of an array, if there is one."""
    stem = file.name.removesuffix(DATA) if file.name.endswith(DATA) else file.stem
    return next((there for end in _LABELS if (there := file.with_name(stem + end)).is_file()), None)


def _read_labels(file: Path, labels: Path | None, count: int,
                 findings: Findings) -> tuple[list[str], list[int | None]]:
    """Name and 0-based class of each clip; numbers for names and no class where there is no label file."""
    if labels is None:
        findings.notes.append(f"{file}: no label file beside it, so clips are called by their place")
        return [str(number) for number in range(count)], [None] * count
    suffix = labels.suffix.lower()
    names: Any = [str(number) for number in range(count)]
    classes: Any = [None] * count
    if suffix == ".txt":
        names = read_ids(labels)
    elif suffix == ".csv":
        answers = read_submission(labels)
        names, classes = list(answers.ids), answers.classes
    elif suffix == ".npy":
        classes = _label_array(labels)
    else:
        names, classes = _label_pickle(labels)
    if isinstance(classes, ndarray):
        classes = classes.tolist()
    for found, what in ((names, "names"), (classes, "labels")):
        if len(found) != count:
            raise data_error(labels, f"{len(found):,} {what}", f"{count:,}, one for each clip of {file.name}",
                             _LABEL_REMEDY)
    for number, (name, index) in enumerate(zip(names, classes, strict=True)):
        if not is_name(name) or (index is not None and (type(index) is not int or not 0 <= index < _MOST_CLASSES)):
            raise data_error(labels, f"{in_words(name)} with the label {in_words(index)} for clip {number}",
                             "a line of text and a whole number from 0", _LABEL_REMEDY)
    return names, classes


def _label_array(file: Path) -> ndarray:
    data = _mapped(file)
    if data.ndim != 1 or data.dtype.kind not in "iu":
        raise data_error(file, f"an array of {data.dtype} of shape {data.shape}", "whole numbers of shape (N,)",
                         _LABEL_REMEDY)
    return np.array(data)


def _label_pickle(file: Path) -> tuple[list[Any], Any]:
    content = read_pickle(file)
    wanted = "(names, labels): a list of texts and one of whole numbers"
    if not isinstance(content, list | tuple) or len(content) != 2 or not isinstance(content[0], list | tuple):
        raise data_error(file, in_words(content), wanted, _LABEL_REMEDY)
    labels = as_array(content[1])
    if labels is None or labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise data_error(file, f"labels that are {in_words(content[1])}", wanted, _LABEL_REMEDY)
    return [as_text(name) for name in content[0]], labels
