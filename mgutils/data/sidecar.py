"""The files beside the table of a dataset, each optional.

* ``clips.csv``: which video and which subject a clip comes from. Without it only the frame and the clip split can be
  made. A column ``numbering`` that says ``imigue`` in each row is written by the importers of iMiGUE: its subjects have
  iMiGUE's numbers, so that its official split can be made.
* ``subjects.csv``: the name of each subject, ``subject_id, source``, as ``mg import folders`` writes it.
* ``left_out.csv``: images that are not used, because they cannot be read. ``mg data check --skip-bad`` writes it; every
  command that reads the dataset keeps to it, so that a training and its evaluation leave out the same images. Delete it
  to use all rows again.
* ``studio.json``: sizes and hashes of the files of a synthetic dataset. Sizes of the tables are compared whenever the
  dataset is read, hashes by ``mg data check``. Records of older versions have no sizes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mgutils.data.csv import digits, read_csv, read_numbers, read_table, write_csv
from mgutils.errors import FIRST_ROW, ConfigError, Findings
from mgutils.files import atomic_file

GROUP_COLUMNS = ("clip_id", "video_id", "subject_id")
NUMBERING, IMIGUE, STUDIO = "numbering", "imigue", "studio"
"""Column of ``clips.csv``, and whose numbers the subjects have: iMiGUE's, or the studio's, which are as iMiGUE's."""
LEFT_OUT = "left_out.csv"
RECORD = "studio.json"
PICTURES = "pictures"
"""Its entry among the hashes is that of all pictures together."""
_CHUNK = 16  # frames whose pictures were hashed together
_CLIPS_REMEDY = "Correct it, or delete the file and do without splits by video and by subject."
_LEFT_OUT_REMEDY = "`mg data check --skip-bad` writes it; delete it to use every image."
_RECORD_REMEDY = (f"Restore the file, or make the dataset again with `mg synth`. Where it was changed on purpose, "
                  f"delete {RECORD}: the data is then no longer that of the studio.")


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
        Indexed by ``clip_id``, with ``video_id``, ``subject_id``, ``description``, ``numbering``; ``None`` where there
        is no sidecar or it is faulty.
    """
    if not file.exists():
        findings.notes.append(f"{file}: not there, so splits by video, by subject and the official one cannot be made")
        return None
    table = read_table(file, GROUP_COLUMNS, _CLIPS_REMEDY, findings)
    before = len(findings.faults)
    if table is None:
        return None
    clips = read_numbers(table, GROUP_COLUMNS, file, _CLIPS_REMEDY, findings)
    for name in ("description", NUMBERING):
        clips[name] = table[name] if name in table else ""
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
                       "Add the clip. " + _CLIPS_REMEDY, column="clip_id")
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


def numbering_of(root: Path, clips: pd.DataFrame) -> str:
    """Whose numbers the subjects have: ``imigue``, ``studio`` where its record is there, or ""."""
    if (clips[NUMBERING] == IMIGUE).all():
        return IMIGUE
    return STUDIO if _section(root, "config") else ""


def read_group_names(root: Path, name: str) -> dict[int, str]:
    """The own name of each group by its id, from ``<name>s.csv``; empty where there is no such file.

    Raises
    ------
    DataError
        If the file is no table of ids and names.
    """
    file, columns = root / f"{name}s.csv", (f"{name}_id", "source")
    if name != "subject" or not file.exists():
        return {}
    table = read_csv(file, columns, "`mg import folders` writes it; delete it to call subjects by their numbers.")
    return dict(zip(digits(table[columns[0]]).tolist(), table["source"], strict=True))


def without_left_out(frames: pd.DataFrame, root: Path, findings: Findings) -> pd.DataFrame:
    """The frames that ``left_out.csv`` does not name; a note says how many it does.

    Parameters
    ----------
    frames : DataFrame
        With ``path``; keeps its index.
    root : Path
        Folder of the dataset.
    findings : Findings
        Takes the note, or the faults of the file.
    """
    file = root / LEFT_OUT
    if not file.exists():
        return frames
    table = read_table(file, ("path", "found"), _LEFT_OUT_REMEDY, findings)
    if table is None:
        return frames
    out = frames["path"].isin(set(table["path"]))
    if out.all():
        findings.fault(file, f"all {len(frames):,} images", "an image that is not left out", _LEFT_OUT_REMEDY)
    elif out.any():
        findings.notes.append(f"{file}: {out.sum():,} images are left out, first {frames['path'][out].iloc[0]}")
    return frames[~out]


def write_left_out(root: Path, images: Mapping[str, str]) -> Path | None:
    """Write ``left_out.csv``, or remove it where there is nothing to leave out.

    Parameters
    ----------
    images : mapping of str to str
        Path of each image, as in the table, and what is wrong with it.

    Returns
    -------
    Path or None
        The file, if there is one.

    Raises
    ------
    ConfigError
        If the folder cannot be written to.
    """
    file = root / LEFT_OUT
    if not images:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"{file}: cannot be removed ({error.strerror}). Check the permissions.") from None
        return None
    with atomic_file(file) as aside:
        table = pd.DataFrame({"path": images.keys(), "found": images.values()})
        write_csv(table, aside)
    return file


def check_sizes(root: Path, findings: Findings) -> None:
    """Compare the size of each table with the record."""
    for name, size in _section(root, "bytes").items():
        file = root / name
        if not file.is_file():
            findings.fault(file, "no such file", f"one of {size:,} bytes, as {RECORD} lists it", _RECORD_REMEDY)
        elif (found := file.stat().st_size) != size:
            findings.fault(file, f"{found:,} bytes", f"{size:,}, as {RECORD} lists it", _RECORD_REMEDY)


def check_hashes(root: Path, findings: Findings) -> None:
    """Compare the SHA-256 of each table that is there with the record."""
    for name, digest in _section(root, "sha256").items():
        if name == PICTURES or not (root / name).is_file():
            continue
        found = hashlib.sha256((root / name).read_bytes()).hexdigest()
        if found != digest:
            findings.fault(root / name, f"SHA-256 {found[:12]}…", f"{digest[:12]}…, as {RECORD} lists it",
                           _RECORD_REMEDY)


def check_pictures(root: Path, paths: Sequence[str], findings: Findings) -> None:
    """Compare the pictures, in the order of the table, with the record; it has one hash for all of them."""
    wanted = _section(root, "sha256").get(PICTURES)
    if wanted is None:
        return
    depth = bool(_section(root, "config").get("depth"))
    total = hashlib.sha256()
    for start in range(0, len(paths), _CHUNK):
        chunk = hashlib.sha256()
        for path in paths[start:start + _CHUNK]:
            chunk.update((root / "training" / path).read_bytes())
            if depth:
                picture = (root / "depth" / path).with_suffix(".png")
                if not picture.is_file():
                    findings.fault(picture, "no such file", f"the depth picture of training/{path}", _RECORD_REMEDY)
                    return
                chunk.update(picture.read_bytes())
        total.update(chunk.digest())
    if (found := total.hexdigest()) != wanted:
        findings.fault(root / "training", f"pictures with SHA-256 {found[:12]}…",
                       f"{wanted[:12]}…, as {RECORD} lists it for all of them", _RECORD_REMEDY)


def _section(root: Path, name: str) -> dict[str, Any]:
    """A part of the record; empty where there is no record, or not of the studio."""
    try:
        section = json.loads((root / RECORD).read_text(encoding="utf-8"))[name]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return section if isinstance(section, dict) else {}
