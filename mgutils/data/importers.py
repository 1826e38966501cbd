"""Turn other people's folders of labelled images into the seed's layout.

All faults are listed before anything is left on disk: the dataset is written aside and renamed when it is whole.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import uuid
from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.data.check import FIRST_ROW, Findings, describe, read_table
from mgutils.data.images import in_threads, read_rgb
from mgutils.data.layout import write_tables
from mgutils.errors import ConfigError, DataError, Fault
from mgutils.labels import Labels

_QUALITY = 95  # of the JPEG copies
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_UNSAFE = re.compile(r"^/|^[A-Za-z]:|\\|(?:^|/)\.\.(?:/|$)|[\x00-\x1f]")
_REMEDY = "Say which columns to read with --path, --class, --caption and --group."


def import_folders(csv: Path | str, out_root: Path | str, *, path: str = "path", class_: str = "class",
                   caption: str | None = "caption", group: str | None = "group", size: int | None = None,
                   progress: bool = True) -> Path:
    """Make a dataset from a CSV that lists images.

    Every image becomes a clip of one frame, as an upright RGB JPEG without its metadata. ``classes.csv`` and
    ``subjects.csv`` say which value of the CSV each class id and each subject id stands for.

    Parameters
    ----------
    csv : path
        UTF-8, with a header.
    out_root : path
        Folder to make; must not exist, or be empty.
    path : str
        Column with the image, relative to the folder of the CSV and inside it.
    class_ : str
        Column with the class: any text. Class ids follow the order of numbers, then of texts.
    caption : str, optional
        Column with the class's text, one for each class. ``None``: the class itself.
    group : str, optional
        Column that becomes the subject, who has one video. ``None``: no ``clips.csv``.
    size : int, optional
        Longest side of the copies in pixels; smaller images are not enlarged. ``None``: as they are.
    progress : bool
        Show a bar where it takes longer than two seconds.

    Returns
    -------
    Path
        ``out_root``.

    Raises
    ------
    ConfigError
        If the size is not positive, or ``out_root`` is not free.
    DataError
        With every fault of the CSV and of the images.
    """
    csv, out_root, findings = Path(csv), Path(out_root), Findings()
    _check_arguments(out_root, size)
    names = {"source": path, "class": class_, "caption": caption or class_, "group": group}
    source = _read_source(csv, names, findings)
    known = _check_paths(source["source"], csv, path, findings)
    classes, subjects = _numbered(source["class"]), _numbered(source["group"]) if group else None
    frames = _frames(source, classes)
    aside = out_root.with_name(f".{out_root.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        _copy_images(frames[known], csv, path, aside / "training", size, findings, progress)
        if findings.faults:
            raise DataError(findings.faults)
        captions = source.groupby("class")["caption"].first()
        write_tables(aside, frames, Labels(tuple(captions[list(classes)])), _clips(frames, source, subjects))
        _write_ids({"class": classes, "subject": subjects}, aside)
        if out_root.exists():
            out_root.rmdir()
        aside.rename(out_root)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return out_root


def _check_arguments(out_root: Path, size: int | None) -> None:
    if size is not None and size < 1:
        raise ConfigError(f"size: found {size}; wanted at least 1 pixel.")
    if out_root.exists() and (not out_root.is_dir() or any(out_root.iterdir())):
        raise ConfigError(f"{out_root}: found a file, or a folder with something in it; wanted a name that is free. "
                          "Choose another, or remove it first.")


def _read_source(csv: Path, names: dict[str, str | None], findings: Findings) -> pd.DataFrame:
    """Columns ``source, class, caption, group`` as text; rows keep their position in the file."""
    columns = [column for column in dict.fromkeys(names.values()) if column]
    table = read_table(csv, columns, _REMEDY, findings)
    if table is None:
        raise DataError(findings.faults)
    for column in columns:
        empty = table.index[table[column].str.strip() == ""]
        findings.rows(csv, column, empty, ["an empty cell"] * len(empty), "a value in every row", "Fill the cell.")
    source = pd.DataFrame({new: table[old] for new, old in names.items() if old})
    source["class"] = source["class"].str.strip()
    filled = source[(source["class"] != "") & (source["caption"].str.strip() != "")]
    other = filled.index[filled["caption"] != filled.groupby("class")["caption"].transform("first")]
    if names["caption"] != names["class"]:
        findings.rows(csv, names["caption"], other,
                      [f"{describe(source['caption'][i])} for class {source['class'][i]!r}" for i in other],
                      "the caption of the class's first row", "Give all rows of a class one caption.")
    return source


def _check_paths(paths: pd.Series, csv: Path, column: str, findings: Findings) -> pd.Series:
    """Mask of the rows whose image is a file inside the CSV's folder, listed for the first time."""
    home = csv.parent.resolve()
    filled, unsafe = paths.str.strip() != "", paths.str.contains(_UNSAFE)
    repeated = paths.map(posixpath.normpath).duplicated()
    inside = pd.Series([not bad and (home / path).resolve().is_relative_to(home)
                        for path, bad in zip(paths, unsafe, strict=True)], index=paths.index)
    there = pd.Series([ok and (home / path).is_file() for path, ok in zip(paths, inside, strict=True)], paths.index)
    for mask, words, wanted, remedy in (
            (filled & ~inside, "{}", "a path inside the folder of the CSV, with forward slashes",
             "Move the images beside the CSV and write their paths relative to it."),
            (filled & inside & repeated, "{} again", "each image once", "Delete the repeated row."),
            (filled & inside & ~repeated & ~there, "no file {}", "an image", "Restore it, or delete the row.")):
        rows = paths.index[mask]
        findings.rows(csv, column, rows, [words.format(describe(paths[i])) for i in rows], wanted, remedy)
    return filled & there & ~repeated


def _numbered(values: pd.Series) -> dict[str, int]:
    """Ids 1.. of the distinct values: numbers by size, then texts."""
    def order(text: str) -> tuple[int, float, str]:
        return (0, float(text), text) if _NUMBER.fullmatch(text) else (1, 0.0, text)
    return {text: number for number, text in enumerate(sorted(set(values), key=order), start=1)}


def _frames(source: pd.DataFrame, classes: dict[str, int]) -> pd.DataFrame:
    """One clip of one frame for each image; rows as in ``source``."""
    frames = pd.DataFrame({"source": source["source"], "class_id": source["class"].map(classes),
                           "clip_id": np.arange(len(source)), "frame_id": 0})
    frames["path"] = [f"{class_id}/{clip_id}.0.jpg" for class_id, clip_id in zip(frames["class_id"], frames["clip_id"],
                                                                               strict=True)]
    return frames


def _clips(frames: pd.DataFrame, source: pd.DataFrame, subjects: dict[str, int] | None) -> pd.DataFrame | None:
    """The sidecar; a subject has one video."""
    if subjects is None:
        return None
    subject = source["group"].map(subjects)
    return pd.DataFrame({"clip_id": frames["clip_id"], "video_id": subject, "subject_id": subject,
                         "class_id": frames["class_id"], "start_frame": 0, "end_frame": 0,
                         "description": source["caption"].str.strip(), "source": frames["source"]})


def _copy_images(frames: pd.DataFrame, csv: Path, column: str, training: Path, size: int | None, findings: Findings,
                 progress: bool) -> None:
    """Decode every image; write the copies too, as long as nothing is wrong."""
    if not findings.faults:
        for class_id in frames["class_id"].unique():
            (training / str(class_id)).mkdir(parents=True)

    def copy(row: tuple[str, str]) -> Fault | None:
        try:
            image = read_rgb(csv.parent / row[0])
        except DataError as error:
            return error.faults[0]
        if not findings.faults:
            if size is not None:
                image.thumbnail((size, size))
            image.save(training / row[1], "JPEG", quality=_QUALITY)
        return None

    rows = list(zip(frames["source"], frames["path"], strict=True))
    for place, fault in zip(frames.index, in_threads(copy, rows, description="import", progress=progress), strict=True):
        if fault is not None:
            findings.fault(csv, f"{fault.found} at {frames['source'][place]!r}", fault.wanted, fault.remedy,
                           row=place + FIRST_ROW, column=column)


def _write_ids(meanings: dict[str, dict[str, int] | None], root: Path) -> None:
    """``classes.csv`` and ``subjects.csv``: each id and the value it stands for."""
    for (name, ids), file in zip(meanings.items(), ("classes.csv", "subjects.csv"), strict=True):
        if ids is not None:
            pd.DataFrame({f"{name}_id": ids.values(), "source": ids.keys()}).to_csv(root / file, index=False,
                                                                                  lineterminator="\n")
