"""Anybody's videos as a dataset of clips with pictures: a CSV of videos, their classes, what is said of them, groups.

Each video is one clip: frames at equal distances, as squares. ``listing`` checks what is listed, ``video_frames`` reads
it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from PIL import Image, ImageOps

from mgutils.data.csv import digits, read_csv, refuse_cells, write_csv
from mgutils.data.importers.listing import list_csv
from mgutils.data.importers.place import Imported, check_place, forget_other, write_not_imported, writing
from mgutils.data.importers.skeleton_groups import numbered
from mgutils.data.importers.video_frames import look_at, take_all
from mgutils.data.items import write_clips
from mgutils.data.labels import Labels, read_labels
from mgutils.data.sentences import CLASS_SENTENCES, LONGEST, PARTS, SENTENCES, one_line
from mgutils.errors import ConfigError, DataError, Findings
from mgutils.files import atomic_folder

NOTHING = ("", "-")
"""Descriptions that say nothing. EmoCLIP's lists have "-", which is then the same sentence for every such clip."""
FITS: dict[str, Callable[[Image.Image, int], Image.Image]] = {
    "crop": lambda image, side: ImageOps.fit(image, (side, side), Image.Resampling.BILINEAR),
    "pad": lambda image, side: ImageOps.pad(image, (side, side), Image.Resampling.BILINEAR),
    "squash": lambda image, side: image.resize((side, side), Image.Resampling.BILINEAR),
}
"""How a picture becomes a square: its middle, all of it with black beside, or all of it in another shape."""
_CLASS_REMEDY = "Write class (as in the table of the videos) and sentence; several rows say the same in other words."


def import_videos(table: Path | str, out_root: Path | str, *, path: str = "path", class_: str = "class",
                  description: str = "description", group: str | None = "group",
                  videos_root: Path | str | None = None, labels: Path | str | None = None,
                  class_sentences: Path | str | None = None, frames: int = 16, size: int = 112, fit: str = "crop",
                  skip_bad: bool = False, progress: bool = True) -> Imported:
    """Make a clip dataset with ``rgb`` from a CSV that lists videos; a killed run goes on where it stopped.

    Parameters
    ----------
    table : path
        A UTF-8 CSV with a header and one row for each video.
    out_root : path
        Folder to make; must not exist, or be empty.
    path, class_ : str
        Columns with the video, inside the folder of the videos, and with its class.
    description : str
        Column with a sentence about the video, for ``sentences.csv``. There need be no column ``description``; an
        empty cell, or "-", says nothing.
    group : str, optional
        Column that becomes the subject: who, or what, must not be on both sides of a split. There need be no column
        ``group``.
    videos_root : path, optional
        Folder of the videos; if not given, that of the CSV.
    labels : path, optional
        Table of the classes (``id,name``), where the column of the class has their ids, or their order matters.
    class_sentences : path, optional
        CSV with ``class`` and ``sentence``, one row or several for each class, for ``class_sentences.csv``.
    frames : int
        Of each clip; a video with fewer keeps all of its own.
    size : int
        Side of the pictures, in pixels.
    fit : str
        One of :data:`FITS`.
    skip_bad : bool
        Leave out videos that are absent or cannot be read, and list them in ``not_imported.csv``. Otherwise the run
        stops before it starts; a fault found later stops it at the end, and what was read is kept for the next run.
    progress : bool
        Show a bar.

    Returns
    -------
    Imported
        Clip ids are the places of the rows in the CSV, from 0.

    Raises
    ------
    ConfigError
        If an option is out of range, ``out_root`` is not free, or another process is making it.
    DataError
        With every fault of the tables, or of the videos.
    """
    csv, out_root, findings = Path(table), Path(out_root), Findings()
    check_place(out_root, size)
    if frames < 1 or fit not in FITS:
        raise ConfigError(f"frames, fit: found {frames} and {fit!r}; wanted at least 1 and one of {', '.join(FITS)}.")
    home = None if videos_root is None else Path(videos_root)
    known = read_csv(csv, (path, class_), "Say which columns to read with --path and --class.")
    group = None if group == "group" and "group" not in known else group
    names = {"source": path, "class": class_, "caption": class_, "group": group}
    listing = list_csv(csv, names, findings, home, "video")
    said = _descriptions(csv, known, description, findings)
    chosen = read_labels(labels) if labels is not None else _labels(listing.table["class"])
    class_ids = _class_ids(known[class_], chosen, csv, findings)
    of_classes = None if class_sentences is None else _class_table(Path(class_sentences), chosen, findings)
    if findings.faults:
        raise DataError(findings.faults)
    bad = listing.bad | look_at(listing, progress)
    rows = [row for row in listing.table.index if row not in bad]
    if bad and not (skip_bad and rows):
        raise DataError([bad[row] for row in sorted(bad)])

    settings = {"table": hashlib.sha256(csv.read_bytes()).hexdigest(), "home": str(listing.home.absolute()),
                "path": path, "frames": frames, "size": size, "fit": fit}
    with writing(out_root), atomic_folder(out_root.absolute(), resume=True) as folder:
        forget_other(folder, settings)
        taken, faults = take_all(listing, rows, folder, frames, size, FITS[fit], progress)
        if faults and not (skip_bad and taken):
            raise DataError(list(faults.values()))
        clips = _clip_table(listing.table.loc[list(taken)], class_ids, list(taken.values()))
        write_clips(folder, clips, chosen, {})
        if group is not None:
            _write_subjects(folder, listing.table["group"])
        if said is not None:
            _write_sentences(folder, said[list(taken)], csv, findings)
        if of_classes is not None:
            write_csv(of_classes, folder / CLASS_SENTENCES)
        bad |= faults
        write_not_imported(folder, [bad[row] for row in sorted(bad)])
    return Imported(out_root, len(taken), sum(taken.values()), tuple(findings.notes))


# -- what the tables say -----------------------------------------------------------------------------------------------


def _descriptions(csv: Path, table: pd.DataFrame, column: str, findings: Findings) -> pd.Series | None:
    """What is said of each row, "" for nothing; ``None`` without a column ``description``."""
    if column not in table:
        if column != "description":
            read_csv(csv, (column,), "Say which column describes a video with --description.")
        return None
    said = table[column].str.split().str.join(" ")
    refuse_cells(findings, csv, table[column][said.map(one_line) != said],
                 f"a sentence of at most {LONGEST:,} characters that can be printed", "Correct it.")
    return said.where(~said.isin(NOTHING), "")


def _labels(classes: pd.Series) -> Labels:
    """The classes that a table names: numbers in their order, then texts in theirs."""
    names = set(classes) - {""}
    numbers = sorted((text for text in names if digits([text])[0] >= 0), key=lambda text: (int(text), text))
    return Labels((*numbers, *sorted(names - set(numbers))))


def _class_ids(cells: pd.Series, labels: Labels, file: Path, findings: Findings) -> pd.Series:
    """Class ids 1..C of cells that have a class's name or its id; 0, and a fault, for any other."""
    names = {name.strip(): number for number, name in reversed(list(enumerate(labels.names, start=1)))}
    texts = cells.str.strip()
    numbers = pd.Series(digits(texts), texts.index)
    ids = texts.map(names).fillna(numbers.where(numbers.between(1, len(labels)), 0)).astype(int)
    refuse_cells(findings, file, cells[(ids == 0) & (texts != "")], f"one of the {len(labels)} classes",
                 "Correct it, or give all classes (id,name) with --labels.")
    return ids


def _class_table(file: Path, labels: Labels, findings: Findings) -> pd.DataFrame:
    """``class_id, number, sentence`` and columns for parts of the body, checked: each class has a sentence."""
    table = read_csv(file, ("class", "sentence"), _CLASS_REMEDY)
    ids = _class_ids(table["class"], labels, file, findings)
    made = pd.DataFrame({"class_id": ids, "number": ids.groupby(ids).cumcount() + 1})
    for name in ("class", "sentence"):
        refuse_cells(findings, file, table[name][table[name].str.strip() == ""], "a value in every row",
                     _CLASS_REMEDY, found="an empty cell")
    for name in ("sentence", *PARTS):
        if name in table:
            made[name] = table[name].str.split().str.join(" ")
            refuse_cells(findings, file, table[name][made[name].map(one_line) != made[name]],
                         f"a sentence of at most {LONGEST:,} characters that can be printed", "Correct it.")
    for class_id in sorted(set(range(1, len(labels) + 1)) - set(ids)):
        findings.fault(file, f"no sentence about {labels.name(class_id)!r}", "one about each class", _CLASS_REMEDY)
    return made


def _clip_table(table: pd.DataFrame, class_ids: pd.Series, frames: list[int]) -> pd.DataFrame:
    """The rows of ``clips.csv``, in the order of the array."""
    clips = pd.DataFrame({"clip_id": table.index})
    if "group" in table:
        clips["video_id"] = clips["subject_id"] = table["group"].map(numbered(table["group"])).to_numpy()
    clips["class_id"] = class_ids[table.index].to_numpy()
    clips["frames"] = frames
    names = table["source"].map(lambda text: os.path.splitext(text)[0])
    clips["name"] = (table["source"] if names.duplicated().any() else names).to_numpy()
    return clips


def _write_subjects(folder: Path, groups: pd.Series) -> None:
    """``subjects.csv``: which text an id stands for, where it is not the number itself."""
    ids = numbered(groups)
    if any(not text.isdigit() for text in ids):
        write_csv(pd.DataFrame({"subject_id": ids.values(), "source": ids.keys()}), folder / "subjects.csv")


def _write_sentences(folder: Path, said: pd.Series, csv: Path, findings: Findings) -> None:
    """``sentences.csv``, with an empty sentence where nothing is said."""
    silent = int((said == "").sum())
    if silent:
        findings.notes.append(f"nothing is said of {silent:,} of {len(said):,} clips: their sentence is empty")
    write_csv(pd.DataFrame({"clip_id": said.index, "number": 1, "sentence": said.to_numpy(), "source": csv.name}),
              folder / SENTENCES)
