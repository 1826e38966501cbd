"""Datasets whose rows are clips: read them, write them, and choose frames in time.

A folder of clips holds

* ``Clip_label.csv`` and ``clips.csv``, which has one row for each clip: ``clip_id, class_id`` (0 where nobody knows),
  ``frames`` (its true length) and, where they are known, ``video_id, subject_id, description, numbering``, and the
  ``name`` that others call it by;
* ``clips/<modality>.npy``: the frames of all clips one after the other, in the order of ``clips.csv``. ``joints`` is
  (F, 22, 3) float32: x and y from the top left corner in units of the picture's height, and a score in 0..1; a missing
  joint is 0, 0, 0. ``rgb`` is (F, S, S, 3) uint8, ``depth`` (F, S, S) uint16 in millimetres, ``infrared`` (F, S, S)
  uint8. A clip may lack some of them: the column ``lacks`` names them, with spaces between; their frames are zero, and
  mean nothing.

A clip that is shorter than what a network reads is never filled with frames that count: :func:`choose_frames` says
which of the chosen frames are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.data.csv import read_csv, read_numbers, refuse_cells, write_csv
from mgutils.data.keypoints import JOINTS
from mgutils.data.labels import Labels, read_labels, write_labels
from mgutils.data.sidecar import NUMBERING, numbering_of
from mgutils.data.splits import available_splits
from mgutils.data.table import Dataset
from mgutils.errors import DataError, Findings, data_error

TABLE, FOLDER = "clips.csv", "clips"
COLUMNS = ("clip_id", "class_id", "frames")
GROUPS = ("video_id", "subject_id")
SHAPES: dict[str, tuple[tuple[int | None, ...], str]] = {
    "joints": ((len(JOINTS), 3), "float32"), "truth": ((len(JOINTS), 3), "float32"),
    "rgb": ((None, None, 3), "uint8"), "depth": ((None, None), "uint16"), "infrared": ((None, None), "uint8"),
}
"""Shape of one frame and type of each modality; ``None`` is any number."""
_REMEDY = "Make it with `mg clips`, or import skeletons with `mg import skeletons`."


def read_clip_dataset(root: Path | str) -> Dataset:
    """Read a folder of clips.

    Returns
    -------
    Dataset
        ``frames`` has one row for each clip, in the order of ``clips.csv``: ``class_id`` (1..C, or 0), ``clip_id``,
        ``start`` and ``length`` (its place in the arrays, in frames), ``description``, and ``video_id``,
        ``subject_id`` and ``lacks`` where the table has them.

    Raises
    ------
    DataError
        With every fault of the table, or if an array does not fit it.

    Taught in: 10, section 1.
    """
    root, findings = Path(root), Findings()
    file = root / TABLE
    labels = read_labels(root / "Clip_label.csv")
    table = read_csv(file, COLUMNS, _REMEDY)
    groups = [name for name in GROUPS if name in table]
    clips = read_numbers(table, (*COLUMNS, *groups), file, "Correct it, or make the clips again.", findings)
    refuse_cells(findings, file, table["class_id"][clips["class_id"] > len(labels)],
                 f"1..{len(labels)}, or 0 where nobody knows", "Correct it, or add the class to Clip_label.csv.")
    refuse_cells(findings, file, table["frames"][clips["frames"] == 0], "at least 1 frame", "Leave the clip out.")
    again = clips["clip_id"].duplicated() & (clips["clip_id"] >= 0)
    findings.rows(file, "clip_id", clips.index[again], table["clip_id"][again] + " again", "each clip once",
                  "Delete one of the two rows.")
    if "lacks" in table:
        _check_lacks(table["lacks"], root, findings)
    if findings.faults:
        raise DataError(findings.faults)
    length = clips["frames"].to_numpy()
    frames = pd.DataFrame({"class_id": clips["class_id"], "clip_id": clips["clip_id"],
                           "start": np.cumsum(length) - length, "length": length})
    if len(groups) == len(GROUPS):
        frames[groups] = clips[groups]
    for name in ("name", "lacks"):
        if name in table:
            frames[name] = table[name]
    for name in ("description", NUMBERING):
        frames[name] = table[name] if name in table else ""
    numbering = numbering_of(root, frames)
    dataset = Dataset(root, frames.drop(columns=NUMBERING).reset_index(drop=True), labels, numbering)
    for array in sorted((root / FOLDER).glob("*.npy")):
        load_modality(dataset, array.stem)
    return dataset


def _check_lacks(lacks: pd.Series, root: Path, findings: Findings) -> None:
    """Refuse the name of a modality that does not exist: the clip's zeros would count as frames."""
    known = {*SHAPES, *(array.stem for array in (root / FOLDER).glob("*.npy"))}
    unknown = lacks[[not known.issuperset(names) for names in lacks.str.split()]]
    refuse_cells(findings, root / TABLE, unknown, f"names out of {', '.join(sorted(known))}, with spaces between",
                 "Correct it, or leave it empty where the clip has all.")


def load_modality(dataset: Dataset, name: str) -> np.ndarray:
    """The frames of all clips of one modality, read-only and memory-mapped: rows are read when asked for.

    Raises
    ------
    DataError
        If there is no such array, or it does not fit the table.

    Taught in: 10, section 1.
    """
    file, total = dataset.root / FOLDER / f"{name}.npy", int(dataset.frames["length"].sum())
    shape, kind = SHAPES.get(name, ((), ""))
    wanted = f"{total:,} frames of {kind} {shape}".replace("None", "any") if kind else f"{total:,} frames"
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        found = "no such file" if not file.exists() else f"an unreadable file ({error})"
        raise data_error(file, found, wanted, _REMEDY) from None
    fits = not kind or (array.dtype == kind and array.ndim == len(shape) + 1
                        and all(side in (None, got) for side, got in zip(shape, array.shape[1:], strict=True)))
    if len(array.shape) == 0 or len(array) != total or not fits:
        raise data_error(file, f"{array.dtype} of shape {array.shape}", wanted,
                         "It belongs to another table. Make or import the clips again.")
    return array


def present(dataset: Dataset, name: str) -> np.ndarray:
    """Which clips have a modality, (N,) bool; without a column ``lacks`` all do."""
    if "lacks" not in dataset.frames:
        return np.ones(len(dataset), dtype=bool)
    return np.array([name not in lacks.split() for lacks in dataset.frames["lacks"]])


def describe_clips(dataset: Dataset) -> str:
    """One line: clips, classes, frames, modalities, subjects, and the splits that can be made."""
    length, known = dataset.frames["length"], dataset.frames["class_id"]
    parts = [f"{len(dataset):,} clips of {known[known > 0].nunique()} classes",
             f"{length.sum():,} frames ({length.min()} to {length.max()} a clip)",
             " and ".join(file.stem for file in sorted((dataset.root / FOLDER).glob("*.npy")))]
    if dataset.has_groups:
        parts.append(f"{dataset.frames['subject_id'].nunique()} subjects")
    if (known == 0).any():
        parts.append(f"{(known == 0).sum():,} clips without a class")
    return f"{dataset.root}: {', '.join(parts)}; splits: {', '.join(available_splits(dataset))}"


def is_clip_dataset(root: Path | str) -> bool:
    """Whether a folder holds clips, rather than images in the original's layout."""
    return (Path(root) / FOLDER).is_dir() and not (Path(root) / "training").is_dir()


def write_clips(folder: Path, clips: pd.DataFrame, labels: Labels, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a folder of clips; the caller sees to it that it is whole or absent.

    Parameters
    ----------
    folder : Path
        Exists.
    clips : DataFrame
        ``clip_id, class_id, frames`` and whatever else is known, in the order of the arrays.
    labels : Labels
    arrays : mapping
        Modality to the frames of all clips. What is not given is expected to be in ``clips/`` already, such as an array
        that was too large for memory.
    """
    write_labels(labels, folder / "Clip_label.csv")
    write_csv(clips, folder / TABLE)
    (folder / FOLDER).mkdir(exist_ok=True)
    for name, array in arrays.items():
        shape, kind = SHAPES[name]
        np.save(folder / FOLDER / f"{name}.npy", np.ascontiguousarray(array, dtype=kind), allow_pickle=False)


def choose_frames(length: np.ndarray, frames: int, draw: np.ndarray, *,
                  window: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Which frames of each clip a network reads.

    A clip is cut into as many equal segments as frames are wanted, and one frame is taken from each; of a short clip
    frames are taken twice. With ``window`` the frames follow each other as they were filmed, and those past the end of
    a short clip are marked as not there. (The original wrapped: the end of a short clip was followed by its beginning.)

    Parameters
    ----------
    length : array (B,) of int
        True lengths, at least 1.
    frames : int
        T, the number wanted.
    draw : array (B, T), or (B, 1) with ``window``
        Where in its segment a frame is taken, or where the window stands: 0 is the start, 1 the end (not reached).
        Random in training; fixed numbers give the views of a test, and 0.5 the middle.
    window : bool

    Returns
    -------
    index : array (B, T) of int64
        Position within the clip, always a valid one.
    there : array (B, T) of bool
        False where the clip has no such frame.
    """
    length = np.asarray(length)[:, None]
    if not window:
        index = ((np.arange(frames) + draw) * length / frames).astype(np.int64)
        return np.minimum(index, length - 1), np.ones(index.shape, dtype=bool)
    index = (draw * (np.maximum(length - frames, 0) + 1)).astype(np.int64) + np.arange(frames)
    return np.minimum(index, length - 1), index < length
