"""The rules for the rows of ``train.xlsx``, checked for all rows at once.

Nothing here looks at an image or at ``clips.csv``: see ``images`` and ``sidecar``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mgutils.data.csv import LARGEST_ID, describe, whole_numbers
from mgutils.errors import FIRST_ROW, Findings

if TYPE_CHECKING:
    from mgutils.data.labels import Labels

COLUMNS = ("Path", "Class", "Video ID", "Frame ID", "Caption")
"""Header of ``train.xlsx``. Its "Video ID" is really a clip id."""
SAFE_PATH = r"(?P<folder>[0-9]{1,9})/(?P<name>[^/\\\x00-\x1f]+)"
"""A path that cannot leave its folder: a class folder and a file in it."""

NAME = r"^([0-9]+)/(?:([0-9]{1,15})\.([0-9]{1,15})\.[^.]+$)?"
"""Class folder and, where the file is named ``<clip>.<frame>.<suffix>``, clip and frame."""


def check_rows(sheet: pd.DataFrame, file: Path, labels: Labels | None, findings: Findings) -> pd.DataFrame:
    """Check every row of ``train.xlsx``.

    Parameters
    ----------
    sheet : DataFrame
        Cells as they stand, with :data:`COLUMNS`; position 0 is row 2.
    file : Path
        Its name for the faults.
    labels : Labels or None
        ``None`` where ``Clip_label.csv`` is faulty: then the upper bound of the classes is not checked.
    findings : Findings
        Takes the faults and the notes.

    Returns
    -------
    DataFrame
        ``path, class_id, clip_id, frame_id, caption``; a number is -1 and a path empty where the row has a fault there.
    """
    blank = (sheet[list(COLUMNS)] == "").all(axis=1).to_numpy(dtype=bool)
    _check_blank(blank, file, findings)
    frames = pd.DataFrame({
        "path": _check_paths(sheet["Path"], ~blank, file, findings),
        "class_id": _check_classes(sheet["Class"], ~blank, file, labels, findings),
        "clip_id": _check_ids(sheet["Video ID"], ~blank, file, findings),
        "frame_id": _check_ids(sheet["Frame ID"], ~blank, file, findings),
        "caption": sheet["Caption"].map(str),
    })
    _check_folders(frames, file, findings)
    if labels is not None:
        _check_captions(frames, labels, file, findings)
    _note_clips(frames, file, findings)
    return frames


def _check_blank(blank: np.ndarray, file: Path, findings: Findings) -> None:
    """One fault for each run of empty rows: a stray cell at the foot of a sheet makes a million of them."""
    edges = np.flatnonzero(np.diff(blank, prepend=False, append=False)).reshape(-1, 2)
    findings.rows(file, None, edges[:, 0],
                  ["an empty row" if end - start == 1 else f"{end - start:,} empty rows, to row {end + FIRST_ROW - 1:,}"
                   for start, end in edges], "a row for each image", "Delete the row, and what stands below it by "
                  "mistake.")


def _check_paths(cells: pd.Series, present: np.ndarray, file: Path, findings: Findings) -> pd.Series:
    """Paths as text, empty where they are unsafe or malformed; each path once."""
    text = pd.Series([cell if isinstance(cell, str) else "" for cell in cells], dtype=str)
    safe = text.str.fullmatch(SAFE_PATH).to_numpy(dtype=bool) & ~text.str.contains(r"/\.{1,2}$").to_numpy(dtype=bool)
    bad = np.flatnonzero(present & ~safe)
    findings.rows(file, "Path", bad, [describe(cells.iloc[i]) for i in bad],
                  "<class>/<clip>.<frame>.jpg, relative to training/ and inside it",
                  "Write the path with forward slashes, without a drive, a leading slash or '..'.")
    text = text.where(safe & present, "")
    first = pd.Series(np.arange(len(text))).groupby(text).transform("min").to_numpy()
    repeated = np.flatnonzero((first < np.arange(len(text))) & (text != "").to_numpy(dtype=bool))
    findings.rows(file, "Path", repeated,
                  [f"{text[i]!r} again (first in row {first[i] + FIRST_ROW})" for i in repeated],
                  "each image once", "Delete the repeated row.")
    return text


def _check_classes(cells: pd.Series, present: np.ndarray, file: Path, labels: Labels | None,
                   findings: Findings) -> np.ndarray:
    """Class ids 1..C, -1 where a cell is none."""
    ids = whole_numbers(cells)
    largest = LARGEST_ID if labels is None else len(labels)
    ids[(ids < 1) | (ids > largest)] = -1
    bad = np.flatnonzero(present & (ids < 0))
    findings.rows(file, "Class", bad, [describe(cells.iloc[i]) for i in bad],
                  "a whole number from 1" if labels is None else f"a whole number in 1..{largest}",
                  "Write the id that Clip_label.csv gives the class, as a number and not as text or a formula; "
                  "iMiGUE's raw code 99 is class 32.")
    return ids


def _check_ids(cells: pd.Series, present: np.ndarray, file: Path, findings: Findings) -> np.ndarray:
    """Clip or frame numbers, -1 where a cell is none."""
    ids = whole_numbers(cells)
    bad = np.flatnonzero(present & (ids < 0))
    findings.rows(file, str(cells.name), bad, [describe(cells.iloc[i]) for i in bad], "a whole number from 0",
                  "Write it as a number and not as text or a formula.")
    return ids


def _check_folders(frames: pd.DataFrame, file: Path, findings: Findings) -> None:
    """The class column and the folder in the path must agree; clip and frame should agree with the file's name."""
    parts = frames["path"].str.extract(NAME).fillna("-1").astype("int64")
    folder, class_id = parts[0].to_numpy(), frames["class_id"].to_numpy()
    bad = np.flatnonzero((folder >= 0) & (class_id >= 0) & (folder != class_id))
    findings.rows(file, "Class", bad, [f"{class_id[i]} for the image {frames['path'].iloc[i]!r}" for i in bad],
                  "the class of the image's folder", "Correct the class, or move the image.")
    frames.loc[bad, "class_id"] = -1
    named = (parts[1] >= 0) & (frames["clip_id"] >= 0) & (frames["frame_id"] >= 0)
    other = named & ((parts[1] != frames["clip_id"]) | (parts[2] != frames["frame_id"]))
    if other.any():
        row = int(np.flatnonzero(other)[0])
        findings.notes.append(f"{file}: Video ID and Frame ID differ from the file's name in {other.sum():,} rows, "
                              f"first in row {row + FIRST_ROW} ({frames['path'].iloc[row]}); the columns are used")


def _check_captions(frames: pd.DataFrame, labels: Labels, file: Path, findings: Findings) -> None:
    """Classes are matched by id, so another wording is a note; the caption of another class is a fault."""
    known = frames[frames["class_id"] >= 1]
    wanted = pd.Series(np.array(labels.names, dtype=object)[known["class_id"].to_numpy() - 1], index=known.index)
    caption = known["caption"]
    same = caption.str.strip().to_numpy() == wanted.str.strip().to_numpy()
    spaces = same & (caption.to_numpy() != wanted.to_numpy())
    names = {name.strip().casefold(): class_id for class_id, name in enumerate(labels.names, start=1)}
    owner = caption.str.strip().str.casefold().map(names)
    twisted = ~same & owner.notna().to_numpy() & (owner.to_numpy() != known["class_id"].to_numpy())
    findings.rows(file, "Caption", known.index[twisted],
                  [f"{describe(frames['caption'][i])}, the caption of class {owner[i]:.0f}, for class "
                   f"{frames['class_id'][i]}" for i in known.index[twisted]],
                  "the caption of the row's class", "Correct the caption or the class.")
    note_captions(file, known[spaces], "only in surrounding spaces", findings)
    note_captions(file, known[~same & ~twisted], "otherwise", findings)


def note_captions(file: Path, rows: pd.DataFrame, how: str, findings: Findings) -> None:
    """Say in one line how many captions differ from ``Clip_label.csv``, and in which classes."""
    if len(rows):
        classes = ", ".join(map(str, np.unique(rows["class_id"])[:12]))
        findings.notes.append(f"{file}: the caption differs from Clip_label.csv {how} in {len(rows):,} rows (class "
                              f"{classes}), first {describe(rows['caption'].iloc[0])} in row "
                              f"{rows.index[0] + FIRST_ROW}; classes are matched by id")


def _note_clips(frames: pd.DataFrame, file: Path, findings: Findings) -> None:
    """One clip id may have images in two class folders: overlapping gestures do."""
    known = frames[(frames["clip_id"] >= 0) & (frames["class_id"] >= 0)]
    classes = known.groupby("clip_id")["class_id"].nunique()
    several = classes.index[classes > 1]
    if len(several):
        findings.notes.append(f"{file}: {len(several):,} clip ids have images in more than one class, first "
                              f"{several[0]}")
