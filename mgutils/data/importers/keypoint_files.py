"""The kit's own files: ``keypoints.npz`` of one clip, or of a whole dataset of the studio.

A clip has ``joints`` (T, 22, 3): x and y in units of the picture's height, score. The studio's file has ``names`` (K,),
``uv`` (N, K, 2) pixels and ``visible`` (N, K), rows as in ``training/train.xlsx`` beside it.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy import ndarray

from mgutils.data.images import read_rgb
from mgutils.data.importers.skeleton_clip import REMEDY, SkeletonClip, is_name, is_sound, place_of
from mgutils.data.keypoints import JOINTS
from mgutils.data.table import SHEET, read_dataset
from mgutils.errors import DataError, Findings, data_error

SUFFIX = ".npz"
_FILE = "keypoints.npz"
_STUDIO = ("names", "uv", "visible")
_MOST_BYTES = 2**32  # of one array, unpacked
_WANTED = "joints (T, 22, 3), or the studio's names, uv and visible"


def read_keypoint_files(source: Path, findings: Findings) -> Iterator[SkeletonClip]:
    """Yield the clip of a file, those of a studio's dataset, or those of all files in a folder.

    A clip is called by its path in the folder without ``.npz``; by its folder where the file is ``keypoints.npz``.

    Parameters
    ----------
    source : Path
    findings : Findings
        Takes a fault for each clip that is left out.

    Raises
    ------
    DataError
        If there is no such file, or it belongs to a dataset that cannot be read.
    """
    root = source if source.is_dir() else source.parent
    if (root / SHEET).is_file() and (source.is_dir() or source.name == _FILE):
        yield from _studio_clips(root, findings)
        return
    files = sorted(source.rglob(f"*{SUFFIX}")) if source.is_dir() else [source]
    if not files:
        raise data_error(source, f"no file *{SUFFIX}", f"{_FILE} of a clip", "Correct the path.")
    for file in files:
        short = file.parent if file.name == _FILE else file.with_suffix("")
        name = short.relative_to(root).as_posix() if short != root else root.absolute().name
        if not is_name(name):
            findings.fault(file, "a name that is no line of text", "a clip's name", "Rename it.")
            continue
        try:
            joints = _load(file, ("joints",))["joints"]
        except DataError as error:
            findings.faults.extend(error.faults)
            continue
        if joints.dtype.kind not in "iuf" or joints.ndim != 3 or joints.shape[1:] != (22, 3):
            findings.fault(file, f"joints of {joints.dtype} of shape {joints.shape}"[:100], "numbers (T, 22, 3)",
                           REMEDY)
            continue
        with np.errstate(all="ignore"):  # of what is not finite; the checks find it
            joints = joints.astype(np.float32)
        if is_sound(place_of(file, name), joints, (math.inf, 1.0), findings):
            yield SkeletonClip(name, joints, math.inf, 1.0)


def _studio_clips(root: Path, findings: Findings) -> Iterator[SkeletonClip]:
    """Clips of a dataset of the studio; a joint that is not visible is missing."""
    dataset, file = read_dataset(root), root / _FILE
    arrays = _load(file, _STUDIO)
    names, rows = arrays["names"].tolist(), len(dataset)
    absent = [name for name in JOINTS if name not in names] if isinstance(names, list) else list(JOINTS)
    shapes = {"uv": (rows, len(names), 2), "visible": (rows, len(names))} if not absent else {}
    for key, shape in shapes.items():
        if arrays[key].shape != shape or arrays[key].dtype.kind not in "biuf":
            raise data_error(file, f"{key} of {arrays[key].dtype} of shape {arrays[key].shape}"[:100],
                             f"numbers {shape}, rows as in train.xlsx", "Make the dataset again with `mg synth`.")
    if absent:
        raise data_error(file, f"names without {', '.join(absent[:5])}", "the studio's names of keypoints",
                         "Make the dataset again with `mg synth`.")
    columns = [names.index(name) for name in JOINTS]
    frames = dataset.frames.sort_values(["clip_id", "frame_id"], kind="stable")
    for clip_id, clip in frames.groupby("clip_id", sort=True):
        order = clip.index.to_numpy()
        width, height = read_rgb(dataset.image_path(order[0])).size
        with np.errstate(all="ignore"):
            points = np.concatenate([arrays["uv"][order], arrays["visible"][order][..., None]], axis=2)
            joints = points[:, columns].astype(np.float32)
        name = str(clip_id)
        groups = [str(clip[key].iloc[0]) if key in clip else "" for key in ("video_id", "subject_id")]
        if is_sound(place_of(file, name), joints, (width, height), findings):
            yield SkeletonClip(name, joints, width, height, int(clip["class_id"].iloc[0]) - 1, *groups)


def _load(file: Path, keys: tuple[str, ...]) -> dict[str, ndarray]:
    """Some arrays of a file, all of one size or less than memory holds."""
    try:
        with zipfile.ZipFile(file) as archive:
            sizes = {entry.filename.removesuffix(".npy"): entry.file_size for entry in archive.infolist()}
        absent = [key for key in keys if key not in sizes]
        if absent:
            raise data_error(file, f"no array {absent[0]!r}", _WANTED, "Give a file that the kit wrote.")
        if max(sizes[key] for key in keys) > _MOST_BYTES:
            raise data_error(file, "an array of gigabytes", f"at most {_MOST_BYTES:,} bytes", "Write it in parts.")
        with np.load(file, allow_pickle=False) as content:
            return {key: content[key] for key in keys}
    except DataError:
        raise
    except Exception as error:  # a broken archive makes zipfile and NumPy raise nearly anything
        found = getattr(error, "strerror", None) or f"no readable arrays ({type(error).__name__})"
        raise data_error(file, found, _WANTED, "Give a file that the kit wrote.") from None
