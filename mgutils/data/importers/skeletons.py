"""Other people's skeletons as a clip dataset: 22 joints a frame, x and y in units of the picture's height.

The readers are ``pyskl``, ``miga``, ``openpose`` and ``keypoint_files``. They yield one clip at a time; its joints go
to the file at once, so that memory holds one clip. The dataset appears under its name when all of it is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

from mgutils.data.csv import write_csv
from mgutils.data.importers.keypoint_files import SUFFIX, read_keypoint_files
from mgutils.data.importers.miga import DATA, read_miga
from mgutils.data.importers.openpose import read_openpose
from mgutils.data.importers.place import Imported, check_place, write_not_imported, writing
from mgutils.data.importers.pyskl import read_pyskl
from mgutils.data.importers.skeleton_clip import SkeletonClip, place_of
from mgutils.data.importers.skeleton_groups import (
    choose_labels,
    class_ids,
    fill_from_csv,
    fill_from_names,
    names_pattern,
    numbered,
)
from mgutils.data.items import FOLDER, write_clips
from mgutils.data.keypoints import JOINTS
from mgutils.data.sidecar import IMIGUE, NUMBERING
from mgutils.errors import ConfigError, DataError, Findings, data_error
from mgutils.files import atomic_folder
from mgutils.progress import progress_bar

FORMATS = ("pyskl", "miga", "openpose", "npz")
"""What is read: PYSKL's pickles, MiGA's arrays, OpenPose's JSON and iMiGUE's sheets, the kit's own keypoints."""
_SUFFIXES = {".pkl": "pyskl", ".pickle": "pyskl", ".npy": "miga", ".csv": "openpose", ".xlsx": "openpose",
             SUFFIX: "npz"}


def import_skeletons(source: Path | str, out_root: Path | str, *, format: str = "auto",
                     labels: Path | str | None = None, clips: Path | str | None = None, names: str | None = None,
                     label_file: Path | str | None = None, size: tuple[int, int] | None = None,
                     imigue_subjects: bool = False, skip_bad: bool = False, progress: bool = True) -> Imported:
    """Make a clip dataset from a file or a folder of skeletons.

    Parameters
    ----------
    source : path
    out_root : path
        Folder to make; must not exist, or be empty.
    format : str
        One of :data:`FORMATS`; ``auto`` goes by the names of the files.
    labels : path, optional
        Table of the classes (``Clip_label.csv``: ``id,name``). If not given, the one beside the source, else the
        classes that ``clips`` or ``names`` call by their names, else iMiGUE's.
    clips : path, optional
        CSV that tells ``class``, ``video`` and ``subject`` of each ``clip``; or, without a column ``clip``, the
        ``subject`` of each ``video``.
    names : str, optional
        Regular expression with the groups ``video``, ``subject`` or ``class`` that every clip's name matches.
    label_file : path, optional
        MiGA's labels, where they do not lie beside the array under its name.
    size : (int, int), optional
        Width and height of the pictures in pixels, in place of what PYSKL's file says. MiGA's arrays and OpenPose's
        files do not say it: iMiGUE's 1280 x 720 if not given.
    imigue_subjects : bool
        The subjects have iMiGUE's numbers, so that its official split can be made.
    skip_bad : bool
        Leave out clips that are not sound, and list them in ``not_imported.csv``. Otherwise nothing is imported where
        there is one.
    progress : bool
        Show a bar.

    Returns
    -------
    Imported
        Clip ids follow the order of the source. The name of each clip is in the column ``name`` of ``clips.csv``,
        the part of the dataset that the source puts it in, if any, in the column ``split``. Where no clip has a class,
        all have the class id 0.

    Raises
    ------
    ConfigError
        If an option is out of range, or ``out_root`` is not free.
    DataError
        With every fault of the source.
    """
    source, out_root, findings = Path(source), Path(out_root), Findings()
    check_place(out_root, None)
    names_pattern(names)
    if size is not None and min(size) < 1:
        raise ConfigError(f"size: found {size}; wanted a width and a height of at least 1 pixel.")
    reader = _read(source, format, findings, size, None if label_file is None else Path(label_file))
    with writing(out_root), atomic_folder(out_root.absolute()) as folder:
        table = _write_joints(reader, folder, source, findings, progress)
        if findings.faults and (not skip_bad or table.empty):
            raise DataError(findings.faults)
        left_out = [*findings.faults]
        findings.faults.clear()
        fill_from_names(table, names, source, findings)
        if clips is not None:
            fill_from_csv(table, Path(clips), findings)
        if findings.faults:
            raise DataError(findings.faults)
        chosen = choose_labels(table, None if labels is None else Path(labels), source, findings)
        table["class_id"] = class_ids(table, chosen, source)
        write_clips(folder, _clip_table(table, imigue_subjects), chosen, {})
        _write_names(folder, table)
        write_not_imported(folder, left_out)
    return Imported(out_root, len(table), int(table["frames"].sum()), tuple(findings.notes))


def format_of(source: Path) -> str:
    """The format of a file or a folder by the names in it.

    Raises
    ------
    DataError
        If there is nothing that is known.
    """
    wanted = f"a file that ends in {', '.join(_SUFFIXES)}, or a folder of such files or of OpenPose's JSON"
    if not source.exists():
        raise data_error(source, "no such file or folder", wanted, "Correct the path.")
    if source.is_file() and source.suffix.lower() in _SUFFIXES:
        return _SUFFIXES[source.suffix.lower()]
    for pattern, kind in (("*_keypoints.json", "openpose"), ("*_openpose.*", "openpose"), (f"*{DATA}", "miga"),
                          (f"*{SUFFIX}", "npz")):
        if source.is_dir() and next(source.rglob(pattern), None) is not None:
            return kind
    raise data_error(source, "nothing that tells its format", wanted, "Name it with --format.")


def _read(source: Path, kind: str, findings: Findings, size: tuple[int, int] | None,
          label_file: Path | None) -> Iterator[SkeletonClip]:
    if kind not in ("auto", *FORMATS):
        raise ConfigError(f"format: found {kind!r}; wanted auto or one of {', '.join(FORMATS)}.")
    kind = format_of(source) if kind == "auto" else kind
    if not source.exists() or (kind == "pyskl" and source.is_dir()):
        raise data_error(source, "no such file", f"what the format {kind} reads", "Correct the path.")
    if size is None and kind in ("miga", "openpose"):
        findings.notes.append("no --size, so the pictures have iMiGUE's 1280 x 720")
    if kind == "pyskl":
        return read_pyskl(source, findings, size)
    if kind == "openpose":
        return read_openpose(source, findings, size)
    if kind == "npz":
        return read_keypoint_files(source, findings)
    files = sorted(source.rglob(f"*{DATA}")) if source.is_dir() else [source]
    if not files or (label_file is not None and len(files) > 1):
        raise data_error(source, f"{len(files)} files *{DATA}", "one array, or some with their labels beside them",
                         "Name one array.")
    return (clip for file in files for clip in read_miga(file, findings, size, label_file))


def _write_joints(reader: Iterator[SkeletonClip], folder: Path, source: Path, findings: Findings,
                  progress: bool) -> pd.DataFrame:
    """Write the joints of every clip; returns ``name, class, video, subject, split, start, frames``."""
    (folder / FOLDER).mkdir()
    rows, seen = [], set()
    with (open(folder / FOLDER / "joints.npy", "wb") as file,
          progress_bar(total=None, unit="clip", desc="import", disable=not progress) as bar):
        _write_header(file, 0)
        try:
            for clip in reader:
                bar.update()
                if clip.name in seen:
                    findings.fault(place_of(source, clip.name), "the clip again", "each clip once",
                                   "Leave one of them out.")
                    continue
                seen.add(clip.name)
                joints = np.ascontiguousarray(clip.in_heights())
                file.write(joints.data)
                class_ = "" if clip.class_index is None else clip.class_index + 1  # a text comes from a CSV or a name
                rows.append((clip.name, class_, clip.video, clip.subject, clip.split, clip.start, len(joints)))
        except DataError as error:
            raise DataError([*findings.faults, *error.faults]) from None
        _write_header(file, sum(row[-1] for row in rows))
    if not rows and not findings.faults:
        findings.fault(source, "no clips", "at least one", "Correct the path.")
    return pd.DataFrame(rows, columns=["name", "class", "video", "subject", "split", "start", "frames"])


def _write_header(file: BinaryIO, frames: int) -> None:
    """Write the beginning of an ``.npy`` file; NumPy leaves room in it for any number of frames."""
    file.seek(0)
    shape = (frames, len(JOINTS), 3)
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})


def _clip_table(table: pd.DataFrame, imigue_subjects: bool) -> pd.DataFrame:
    """The rows of ``clips.csv``; video and subject only where they are known of every clip."""
    written = pd.DataFrame({"clip_id": np.arange(len(table))})
    for field in ("video", "subject"):
        if (table[field] != "").all():
            written[f"{field}_id"] = table[field].map(numbered(table[field]))
    written["class_id"] = table["class_id"]
    written["frames"] = table["frames"]
    written["start_frame"] = table["start"]
    written["end_frame"] = table["start"] + table["frames"] - 1
    written["name"] = table["name"]
    if table["split"].any():
        written["split"] = table["split"]
    if imigue_subjects:
        if "subject_id" not in written or not table["subject"].map(lambda text: text.isdigit()).all():
            raise ConfigError("imigue_subjects: found that subjects are not known, or are no numbers; wanted iMiGUE's "
                              "numbers. Tell them with --clips or --names.")
        written[NUMBERING] = IMIGUE
    return written


def _write_names(root: Path, table: pd.DataFrame) -> None:
    """``videos.csv`` and ``subjects.csv``: which text an id stands for, where it is not the number itself."""
    for field in ("video", "subject"):
        ids = numbered(table[field])
        if "" not in ids and any(not text.isdigit() for text in ids):
            write_csv(pd.DataFrame({f"{field}_id": ids.values(), "source": ids.keys()}),
                      root / f"{field}s.csv")
