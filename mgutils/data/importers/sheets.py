"""iMiGUE's sheets of points: ``<video>_openpose.xlsx`` or ``.csv``, and ``<video>_label.csv`` with the clips in it."""

from __future__ import annotations

import csv
import math
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
from numpy import ndarray

from mgutils.data.csv import describe
from mgutils.data.importers.skeleton_clip import LAYOUTS, REMEDY, SkeletonClip, is_name, is_sound, place_of
from mgutils.data.labels import ILLUSTRATIVE, RAW_ILLUSTRATIVE
from mgutils.errors import DataError, Findings, data_error

SHEETS = (".xlsx", ".csv")
_END = "_openpose"
_COLUMNS = 411
_MOST_BYTES = 2**32  # unpacked; an hour of video has about half of it
_USED = (3 * LAYOUTS[137][:, None] + np.arange(3)).ravel()  # columns of the 22 joints
_WANTED = f"rows of {_COLUMNS} numbers: x, y and score of 137 points"
_SAVE = "Save it as iMiGUE's authors hand it out: one row for each frame, without a header."
_LABEL_WANTED = "class,start_frame,end_frame in each row, without a header"


def read_sheet_clips(file: Path, findings: Findings, size: tuple[int, int]) -> Iterator[SkeletonClip]:
    """Yield the clips of one video: those of its label file, or the whole sheet where there is none.

    A clip is called ``<video>_<row>``, from row 0 of the label file on. Faults of the files are added to ``findings``
    too, so that the next video is read.
    """
    video = file.stem.removesuffix(_END)
    if not is_name(video):
        findings.fault(file, "a name that is no line of text", "<video>_openpose.xlsx", "Rename it.")
        return
    label_file = file.with_name(f"{video}_label.csv")
    try:
        joints = _read_points(file)
        labels = _read_labels(label_file, len(joints)) if label_file.is_file() else None
    except DataError as error:
        findings.faults.extend(error.faults)
        return
    clips = [(video, None, 0, len(joints) - 1)] if labels is None else [
        (f"{video}_{row}", *label) for row, label in enumerate(labels)]
    for name, class_index, start, end in clips:
        clip = joints[start:end + 1]
        if is_sound(place_of(file, name), clip, size, findings):
            yield SkeletonClip(name, clip, *size, class_index, video, start=start)


def _read_points(file: Path) -> ndarray:
    """The 22 joints of every frame, ``(T, 22, 3)`` float32; NaN where a cell is empty or no number."""
    rows = _csv_rows(file) if file.suffix.lower() == ".csv" else _workbook_rows(file)
    points: list[ndarray] = []
    try:
        for number, cells in enumerate(rows, start=1):
            if number == 1 and _is_header(cells):
                continue
            if len(cells) != _COLUMNS:
                raise data_error(file, f"{len(cells)} cells", _WANTED, _SAVE, row=number)
            points.append(np.array([_number(cells[column]) for column in _USED], dtype=np.float32))
    except DataError:
        raise
    except Exception as error:  # openpyxl raises whatever the broken part of a file makes it raise
        found = getattr(error, "strerror", None) or f"no readable sheet ({type(error).__name__})"
        raise data_error(file, found, _WANTED, _SAVE) from None
    if not points:
        raise data_error(file, "no rows", _WANTED, _SAVE)
    return np.stack(points).reshape(-1, 22, 3)


def _csv_rows(file: Path) -> Iterator[list[str]]:
    with open(file, encoding="utf-8-sig", newline="") as opened:
        yield from (row for row in csv.reader(opened, strict=True) if row)


def _workbook_rows(file: Path) -> Iterator[tuple[Any, ...]]:
    with zipfile.ZipFile(file) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > _MOST_BYTES:
        raise data_error(file, f"a workbook that unpacks to {size:,} bytes", f"at most {_MOST_BYTES:,}", _SAVE)
    with closing(openpyxl.load_workbook(file, read_only=True, keep_links=False)) as book:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a file says of its size need not be so
        for cells in sheet.iter_rows(max_col=_COLUMNS + 1, values_only=True):
            yield cells[:_COLUMNS] if len(cells) > _COLUMNS and cells[_COLUMNS] is None else cells


def _is_header(cells: Iterable[Any]) -> bool:
    """Whether the first row names the columns: texts, or their numbers 0..410 as pandas writes them."""
    numbers = [_number(cell) for cell in cells]
    return all(map(math.isnan, numbers)) or numbers == list(range(_COLUMNS))


def _number(cell: Any) -> float:
    """A cell as a number within what float32 holds; NaN where it is none."""
    try:
        number = math.nan if isinstance(cell, bool) or cell is None else float(cell)
    except (ValueError, TypeError, OverflowError):
        return math.nan
    return number if abs(number) < 1e30 or math.isnan(number) else math.copysign(math.inf, number)


def _read_labels(file: Path, frames: int) -> list[tuple[int, int, int]]:
    """0-based class, first and last frame of each clip of a video."""
    findings, labels = Findings(), []
    try:
        with open(file, encoding="utf-8-sig", newline="") as opened:
            rows = list(csv.reader(opened, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise data_error(file, f"an unreadable file ({type(error).__name__})", _LABEL_WANTED, _SAVE) from None
    for number, cells in enumerate(rows, start=1):
        values = [_number(cell) for cell in cells]
        if not cells:
            continue
        if len(values) != 3 or not all(value >= 0 and value.is_integer() for value in values):
            findings.fault(file, describe(",".join(cells)), _LABEL_WANTED, _SAVE, row=number)
            continue
        code, start, end = map(int, values)
        code = ILLUSTRATIVE if code == RAW_ILLUSTRATIVE else code
        if code < 1:
            findings.fault(file, f"class {code}", f"1.., or {RAW_ILLUSTRATIVE} for illustrative gestures", REMEDY,
                           row=number)
        elif not start <= end < frames:
            findings.fault(file, f"frames {start}..{end}", f"frames within 0..{frames - 1}, the rows of the sheet",
                           REMEDY, row=number)
        labels.append((code - 1, start, end))
    if findings.faults:
        raise DataError(findings.faults)
    return labels
