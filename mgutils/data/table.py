"""A dataset in the original's layout: read it, or say everything that is wrong with it.

The layout is ``training/train.xlsx``, the images beside it, ``Clip_label.csv`` and the optional ``clips.csv`` and
``left_out.csv``. The rules themselves are in ``check``, ``images`` and ``sidecar``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.data.check import COLUMNS, check_rows
from mgutils.data.images import check_decoding, check_files
from mgutils.data.labels import Labels, read_labels
from mgutils.data.sidecar import (
    LEFT_OUT,
    NUMBERING,
    check_hashes,
    check_pictures,
    check_sizes,
    numbering_of,
    read_clips,
    without_left_out,
)
from mgutils.data.workbook import read_sheet
from mgutils.errors import FIRST_ROW, DataError, Fault, Findings

SHEET = Path("training", "train.xlsx")
_MAKE = "Copy the original's file there, make data with `mg synth`, or import images with `mg import folders`."


@dataclass(frozen=True)
class Dataset:
    """A checked dataset: one row per frame.

    Parameters
    ----------
    root : Path
        Folder that holds ``training/`` and ``Clip_label.csv``.
    frames : DataFrame
        ``path`` (relative to ``root/training``), ``class_id`` (1..C), ``clip_id``, ``frame_id``, ``caption`` as the
        table has it; with a sidecar also ``video_id``, ``subject_id``, ``description``. Rows are numbered from 0.
    labels : Labels
        The C classes.
    numbering : str
        Whose numbers the subjects have: ``imigue``, ``studio`` (as iMiGUE's), or "" for any others.
    """

    root: Path
    frames: pd.DataFrame
    labels: Labels
    numbering: str = ""

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def target(self) -> np.ndarray:
        """(N,) int64 class indices 0..C-1."""
        return self.labels.to_index(self.frames["class_id"])

    @property
    def has_groups(self) -> bool:
        """Whether video and subject of each frame are known."""
        return "subject_id" in self.frames

    def image_path(self, row: int) -> Path:
        """The image of a row position."""
        return self.root / "training" / self.frames["path"].iloc[row]


@dataclass(frozen=True)
class Check:
    """What a check found: faults stop the work, notes do not."""

    faults: tuple[Fault, ...]
    notes: tuple[str, ...]
    summary: str
    """One line: images, classes, clips, videos, subjects, faults, notes."""
    images: int
    """Rows of the table."""
    bad_images: dict[str, str]
    """Paths of the images with a fault, and what is wrong with them."""


def read_dataset(root: Path | str) -> Dataset:
    """Read a dataset, checked wholly but for the decoding of its images.

    Raises
    ------
    DataError
        With every fault of the dataset.

    Taught in: 01, section 1.
    """
    dataset, findings = _inspect(Path(root))
    if findings.faults:
        raise DataError(findings.faults)
    return replace(dataset, frames=dataset.frames.reset_index(drop=True))


def check_dataset(root: Path | str, *, decode: bool = False, all_rows: bool = False, progress: bool = True) -> Check:
    """Find every fault of a dataset, and what is worth knowing besides.

    Parameters
    ----------
    root : path
        Folder of the dataset.
    decode : bool
        Also decode every image, and look for images that are the same byte for byte.
    all_rows : bool
        Also look at images that ``left_out.csv`` leaves out.
    progress : bool
        Show a bar where decoding takes longer than two seconds.
    """
    root = Path(root)
    dataset, findings = _inspect(root, all_rows)
    if decode and dataset is not None:
        faulty = {fault.row for fault in findings.faults if fault.column == "Path"}
        there = dataset.frames["path"][[row + FIRST_ROW not in faulty for row in dataset.frames.index]]
        check_decoding(there, root, root / SHEET, findings, progress=progress)
    if dataset is not None:
        check_hashes(root, findings)
    if decode and not findings.faults and not (root / LEFT_OUT).exists():
        check_pictures(root, list(dataset.frames["path"]), findings)
    counts = "nothing that can be read" if dataset is None else _summary(dataset)
    ending = f"{len(findings.faults):,} faults, {len(findings.notes):,} notes"
    return Check(tuple(findings.faults), tuple(findings.notes), f"{root}: {counts}; {ending}",
                 0 if dataset is None else len(dataset), findings.images)


def _inspect(root: Path, all_rows: bool = False) -> tuple[Dataset | None, Findings]:
    """All checks but decoding; the dataset is only to be used where there are no faults.

    Its frames are numbered by their row in the table, less 2.
    """
    findings = Findings()
    try:
        if root.is_dir():
            return _read(root, all_rows, findings), findings
        findings.fault(root, "no such folder", "a folder with training/ and Clip_label.csv", _MAKE)
    except OSError as error:
        findings.fault(error.filename or root, error.strerror or "an error", "a file or folder that can be read",
                       "Check its permissions.")
    return None, findings


def _read(root: Path, all_rows: bool, findings: Findings) -> Dataset | None:
    file = root / SHEET
    check_sizes(root, findings)
    labels = _labels(root, findings)
    sheet = read_sheet(file, COLUMNS, _MAKE, findings)
    if sheet is None:
        return None
    frames = check_rows(sheet, file, labels, findings)
    listed = frames["path"]
    if not all_rows:
        frames = without_left_out(frames, root, findings)
    check_files(frames["path"], root, file, findings, listed)
    clips = read_clips(root / "clips.csv", frames, findings)
    if clips is not None:
        frames = frames.join(clips.drop(columns=NUMBERING), on="clip_id")
    if labels is not None:
        absent = np.setdiff1d(np.arange(1, len(labels) + 1), frames["class_id"])
        if len(absent):
            findings.notes.append(f"{file}: no image of {len(absent)} of {len(labels)} classes: "
                                  + ", ".join(map(str, absent)))
    return Dataset(root, frames, labels or Labels(()), "" if clips is None else numbering_of(root, clips))


def _labels(root: Path, findings: Findings) -> Labels | None:
    try:
        return read_labels(root / "Clip_label.csv")
    except DataError as error:
        findings.faults.extend(error.faults)
        return None


def _summary(dataset: Dataset) -> str:
    frames = dataset.frames
    parts = [f"{len(dataset):,} images", f"{len(dataset.labels)} classes", f"{frames['clip_id'].nunique():,} clips"]
    if dataset.has_groups:
        parts += [f"{frames['video_id'].nunique():,} videos", f"{frames['subject_id'].nunique():,} subjects"]
    return ", ".join(parts)
