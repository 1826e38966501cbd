"""Any labelled images as a dataset. Every image becomes a clip of one frame, as an upright RGB JPEG without metadata.

Which images these are, ``listing`` finds out.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.data.csv import write_csv
from mgutils.data.images import in_threads, read_rgb
from mgutils.data.importers.listing import Listing, list_csv, list_folder
from mgutils.data.importers.place import check_place, save_jpeg, write_not_imported, writing
from mgutils.data.labels import Labels
from mgutils.data.layout import write_tables
from mgutils.errors import DataError, Fault, Findings
from mgutils.files import atomic_folder

_NUMBER = re.compile(r"[+-]?[0-9]{1,300}(\.[0-9]+)?")


def import_folders(source: Path | str, out_root: Path | str, *, path: str = "path", class_: str = "class",
                   caption: str | None = "caption", group: str | None = "group",
                   images_root: Path | str | None = None, size: int | None = None, skip_bad: bool = False,
                   progress: bool = True) -> Path:
    """Make a dataset from a CSV that lists images, or from a folder with a folder of images for each class.

    ``classes.csv`` and ``subjects.csv`` say which text each class id and each subject id stands for.

    Parameters
    ----------
    source : path
        A UTF-8 CSV with a header, or a folder: ``<source>/<class name>/<any name>.jpg``. A class's folder name is its
        caption; subjects are not known.
    out_root : path
        Folder to make; must not exist, or be empty.
    path : str
        Column of the CSV with the image, inside the folder of the images.
    class_ : str
        Column with the class: any text. Class ids follow the order of numbers, then of texts.
    caption : str, optional
        Column with the class's text, one for each class. ``None``, or where there is no column ``caption``: the class
        itself.
    group : str, optional
        Column that becomes the subject, who has one video. ``None``: no ``clips.csv``.
    images_root : path, optional
        Folder of the images that a CSV names, or in which links may lead; if not given, that of the CSV or ``source``.
    size : int, optional
        Longest side of the copies in pixels; smaller images are not enlarged. ``None``: as they are.
    skip_bad : bool
        Leave out images that are absent or cannot be decoded, and list them in ``not_imported.csv``. Otherwise
        nothing is imported where there is one.
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
        With every fault of the CSV, of the folders and of the images.
    """
    source, out_root, findings = Path(source), Path(out_root), Findings()
    check_place(out_root, size)
    names = {"source": path, "class": class_, "caption": caption or class_, "group": group}
    images_root = None if images_root is None else Path(images_root)
    if source.is_dir():
        listing = list_folder(source, findings, images_root)
    else:
        listing = list_csv(source, names, findings, images_root)
    with writing(out_root), atomic_folder(out_root) as folder:
        _write(folder, listing, findings, size, skip_bad, progress)
    return out_root


def _write(folder: Path, listing: Listing, findings: Findings, size: int | None, skip_bad: bool,
           progress: bool) -> None:
    """Copy the images and write the tables; every fault at once."""
    table = listing.table
    classes = _numbered(table["class"])
    frames = pd.DataFrame({"source": table["source"], "class_id": table["class"].map(classes),
                           "clip_id": np.arange(len(table)), "frame_id": 0})
    frames["path"] = frames["class_id"].astype(str) + "/" + frames["clip_id"].astype(str) + ".0.jpg"
    bad = listing.bad | _copy_images(frames, listing, folder / "training", size, not findings.faults, progress)
    good = ~frames.index.isin(list(bad))
    if findings.faults or (bad and not skip_bad) or not good.any():
        raise DataError([*findings.faults, *(bad[row] for row in sorted(bad))])
    captions = table.groupby("class")["caption"].first()[list(classes)]
    ids = {"class": classes}
    clips = None
    if "group" in table:
        ids["subject"] = _numbered(table["group"])
        subject = table["group"].map(ids["subject"])  # has one video
        clips = pd.DataFrame({"clip_id": frames["clip_id"], "video_id": subject, "subject_id": subject,
                              "class_id": frames["class_id"], "start_frame": 0, "end_frame": 0,
                              "description": table["caption"].str.strip(), "source": table["source"]})[good]
    write_tables(folder, frames[good], Labels(tuple(captions)), clips)
    for name, file in (("class", "classes.csv"), ("subject", "subjects.csv")):
        if name in ids:
            write_csv(pd.DataFrame({f"{name}_id": ids[name].values(), "source": ids[name].keys()}), folder / file)
    write_not_imported(folder, [*listing.passed_over, *(bad[row] for row in sorted(bad))])


def _numbered(values: pd.Series) -> dict[str, int]:
    """Ids 1.. of the distinct values: numbers by size, then texts."""
    def order(text: str) -> tuple[int, float, str]:
        return (0, float(text), text) if _NUMBER.fullmatch(text) else (1, 0.0, text)
    return {text: number for number, text in enumerate(sorted(set(values), key=order), start=1)}


def _copy_images(frames: pd.DataFrame, listing: Listing, training: Path, size: int | None, write: bool,
                 progress: bool) -> dict[int, Fault]:
    """Decode every image, and write the copies too; returns the rows whose image cannot be decoded."""
    if write:
        for class_id in frames["class_id"].unique():
            (training / str(class_id)).mkdir(parents=True)

    def copy(row: tuple[str, str]) -> Fault | None:
        try:
            image = read_rgb(listing.home / row[0])
        except DataError as error:
            return error.faults[0]
        if write:
            save_jpeg(image, training / row[1], size)
        return None

    frames = frames.loc[listing.usable.index]
    rows = list(zip(frames["source"], frames["path"], strict=True))
    faults = zip(frames.index, in_threads(copy, rows, description="import", progress=progress), strict=True)
    return {row: listing.fault(row, fault.found if listing.csv is None else f"{fault.found} at", fault.wanted)
            for row, fault in faults if fault is not None}
