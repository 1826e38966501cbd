"""``clips.csv``, the optional sidecar: which video and which subject a clip comes from.

Without it only the frame and the clip split can be made.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.data.check import FIRST_ROW, Findings, describe, digits, read_table

GROUP_COLUMNS = ("clip_id", "video_id", "subject_id")
_REMEDY = "`mg synth` and `mg import` write it; or delete the file and do without splits by video and by subject."


def read_clips(file: Path, frames: pd.DataFrame, findings: Findings) -> pd.DataFrame | None:
    """Read and check ``clips.csv`` against the frames.

    Parameters
    ----------
    file : Path
        Need not exist.
    frames : DataFrame
        With ``clip_id`` and ``class_id``; -1 where a row has a fault.
    findings : Findings
        Takes the faults and the notes.

    Returns
    -------
    DataFrame or None
        Indexed by ``clip_id``, with ``video_id``, ``subject_id``, ``description``; ``None`` where there is no sidecar
        or it is faulty.
    """
    if not file.exists():
        findings.notes.append(f"{file}: not there, so splits by video, by subject and the official one cannot be made")
        return None
    table, before = read_table(file, GROUP_COLUMNS, _REMEDY, findings), len(findings.faults)
    if table is None:
        return None
    clips = pd.DataFrame({column: digits(table[column]) for column in GROUP_COLUMNS}, index=table.index)
    clips["description"] = table["description"] if "description" in table else ""
    for column in GROUP_COLUMNS:
        bad = clips.index[clips[column] < 0]
        findings.rows(file, column, bad, [describe(table[column][i]) for i in bad], "a whole number from 0", _REMEDY)
    _check_clip_ids(clips, frames, file, findings)
    if len(findings.faults) > before:
        return None
    _note_contradictions(clips, table, frames, file, findings)
    return clips.set_index("clip_id")


def _check_clip_ids(clips: pd.DataFrame, frames: pd.DataFrame, file: Path, findings: Findings) -> None:
    """Each clip once, and every clip of the frames."""
    repeated = clips.index[clips["clip_id"].duplicated() & (clips["clip_id"] >= 0)]
    first = clips.reset_index(names="place").groupby("clip_id")["place"].min()
    findings.rows(file, "clip_id", repeated,
                  [f"{clips['clip_id'][i]} again (first in row {first[clips['clip_id'][i]] + FIRST_ROW})"
                   for i in repeated], "each clip once", "Delete one of the two rows.")
    used = np.unique(frames["clip_id"][frames["clip_id"] >= 0])
    absent = np.setdiff1d(used, clips["clip_id"]) if (clips["clip_id"] >= 0).all() else ()
    for clip_id in absent:
        findings.fault(file, f"no row for clip {clip_id}", "a row for every Video ID of train.xlsx",
                       "Add the clip. " + _REMEDY, column="clip_id")
    spare = np.setdiff1d(clips["clip_id"][clips["clip_id"] >= 0], used)
    if len(spare):
        findings.notes.append(f"{file}: {len(spare):,} clips have no image, first {spare[0]}; they are not used")


def _note_contradictions(clips: pd.DataFrame, table: pd.DataFrame, frames: pd.DataFrame, file: Path,
                         findings: Findings) -> None:
    subjects = clips.groupby("video_id")["subject_id"].nunique()
    if (subjects > 1).any():
        findings.notes.append(f"{file}: {(subjects > 1).sum():,} videos show more than one subject, first "
                              f"{subjects.index[subjects > 1][0]}; a split by video may share subjects")
    if "class_id" in table:
        said = pd.Series(digits(table["class_id"]), index=clips["clip_id"]).reindex(frames["clip_id"]).to_numpy()
        other = (said != frames["class_id"].to_numpy()) & (frames["clip_id"] >= 0).to_numpy()
        if other.any():
            row = np.flatnonzero(other)[0]
            findings.notes.append(f"{file}: another class than train.xlsx for {other.sum():,} images, first "
                                  f"{frames['path'].iloc[row]}; train.xlsx is used")
