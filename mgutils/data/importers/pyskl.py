"""PYSKL's annotation files: ``{"split": {name: [clips]}, "annotations": [...]}``, or the list of annotations alone.

An annotation is ``frame_dir`` (name), ``label`` (0-based class), ``img_shape`` (height, width), ``total_frames``,
``keypoint`` (M, T, V, 2) pixels and ``keypoint_score`` (M, T, V), of M persons. MiGA 2023's winner has V = 22 and every
clip filled up with zeros to 90 frames; MM-Gesture has V = 36.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from mgutils.data.importers.pickles import as_array, as_text, in_words, read_pickle
from mgutils.data.importers.skeleton_clip import (
    LAYOUTS,
    REMEDY,
    SkeletonClip,
    is_name,
    is_sound,
    place_of,
    without_padding,
)
from mgutils.errors import Findings, data_error

_LONGEST_SIDE = 100_000  # of a picture, in pixels
_MOST_CLASSES = 10**6
_WANTED = "a list of annotations, each with frame_dir, label, img_shape, keypoint and keypoint_score"
_REMEDY = "Give a file of 2D skeletons as PYSKL's tools write it."


def read_pyskl(file: Path, findings: Findings, size: tuple[int, int] | None = None) -> Iterator[SkeletonClip]:
    """Yield the clips of an annotation file.

    Parameters
    ----------
    file : Path
        A pickle; it is loaded whole, and nothing in it is run.
    findings : Findings
        Takes a fault for each clip that is left out, and notes.
    size : (int, int), optional
        Width and height of the pictures, in place of what ``img_shape`` says.

    Raises
    ------
    DataError
        If the file is no such pickle.
    """
    content = read_pickle(file)
    annotations = content.get("annotations") if isinstance(content, dict) else content
    if not isinstance(annotations, list) or not annotations:
        raise data_error(file, in_words(content), _WANTED, _REMEDY)
    splits = _splits(content, file, findings)
    counts = {"crowds": 0, "padded": 0, "frames": 0}
    for number, annotation in enumerate(annotations):
        clip = _clip(annotation, number, file, findings, size, splits, counts)
        if clip is not None:
            yield clip
    if counts["crowds"]:
        findings.notes.append(f"{file}: {counts['crowds']:,} clips show several persons; the one with the highest mean "
                              "score was taken")
    if counts["padded"]:
        findings.notes.append(f"{file}: {counts['frames']:,} empty frames at the end of {counts['padded']:,} clips "
                              "were cut off")


def _splits(content: Any, file: Path, findings: Findings) -> dict[str, str]:
    """The parts that each clip is in, by its name: "train", or "xsub_train xview_val" where there are several."""
    listed = content.get("split", {}) if isinstance(content, dict) else {}
    splits: dict[str, list[str]] = {}
    for part, names in listed.items() if isinstance(listed, dict) else [("split", listed)]:
        if not is_name(part) or not isinstance(names, list | tuple):
            findings.fault(file, f"{in_words(part)} with {in_words(names)}", "a list of clips for each part in 'split'",
                           _REMEDY)
            continue
        for name in names:
            splits.setdefault(as_text(name) or "", []).append(part)
    return {name: " ".join(parts) for name, parts in splits.items()}


def _clip(annotation: Any, number: int, file: Path, findings: Findings, size: tuple[int, int] | None,
          splits: dict[str, str], counts: dict[str, int]) -> SkeletonClip | None:
    """One annotation as a clip; ``None``, and a fault, where it is not sound."""
    name = as_text(annotation.get("frame_dir")) if isinstance(annotation, dict) else None
    if not is_name(name):
        findings.fault(f"{file}, annotation {number}", in_words(annotation),
                       "a dictionary whose frame_dir is a line of text", REMEDY)
        return None
    place = place_of(file, name)
    label = annotation.get("label", -1)
    if label is not None and (type(label) is not int or not -1 <= label < _MOST_CLASSES):
        findings.fault(place, f"the label {in_words(label)}", "a whole number from 0", REMEDY)
        return None
    size = size or _size(annotation, place, findings)
    joints = None if size is None else _joints(annotation, place, findings, counts)
    if joints is None or not is_sound(place, joints, size, findings):
        return None
    return SkeletonClip(name, joints, *size, None if label in (None, -1) else label, split=splits.get(name, ""))


def _size(annotation: dict[str, Any], place: str, findings: Findings) -> tuple[int, int] | None:
    """Width and height of the picture."""
    shape = annotation.get("img_shape")
    shape = annotation.get("original_shape") if shape is None else shape
    array = as_array(shape)
    shape = shape if array is None else array.tolist()
    if (isinstance(shape, list | tuple) and len(shape) == 2
            and all(type(side) is int and 0 < side <= _LONGEST_SIDE for side in shape)):
        return shape[1], shape[0]
    findings.fault(place, f"the img_shape {in_words(shape)}", "(height, width) in pixels",
                   "Correct it, or give the pictures' size with --size.")
    return None


def _joints(annotation: dict[str, Any], place: str, findings: Findings, counts: dict[str, int]) -> ndarray | None:
    """(T, 22, 3) of the person with the highest mean score, without the frames that fill up the clip."""
    points = as_array(annotation.get("keypoint"))
    scores = as_array(annotation.get("keypoint_score"))
    shapes = [None if array is None else array.shape for array in (points, scores)]
    if (None in shapes or len(shapes[0]) != 4 or shapes[0][:3] != shapes[1] or shapes[0][2] not in LAYOUTS
            or shapes[0][3] != 2 or not shapes[0][0]):
        found = " and ".join("no array of numbers" if shape is None else str(shape) for shape in shapes)
        findings.fault(place, f"keypoint and keypoint_score of the shapes {found}",
                       f"(M, T, V, 2) and (M, T, V) with V one of {', '.join(map(str, LAYOUTS))}", REMEDY)
        return None
    frames = annotation.get("total_frames", shapes[0][1])
    if type(frames) is not int or not 0 <= frames <= shapes[0][1]:
        findings.fault(place, f"total_frames {in_words(frames)}", f"at most {shapes[0][1]}, the frames of keypoint",
                       REMEDY)
        return None
    person = 0
    with np.errstate(all="ignore"):  # of what is not finite; the checks find it
        if shapes[0][0] > 1:
            counts["crowds"] += 1
            person = int(np.argmax(scores.mean(axis=(1, 2), dtype=np.float64))) if frames else 0
        joints = np.concatenate([points[person], scores[person][..., None]], axis=2).astype(np.float32)
    whole = joints[:, LAYOUTS[shapes[0][2]]]
    cut = without_padding(whole[:frames])
    counts["frames"] += len(whole) - len(cut)
    counts["padded"] += len(cut) < len(whole)
    return cut
