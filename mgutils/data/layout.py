"""Write the tables of the original's layout. Equal tables give equal bytes: a workbook has no clock time."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from mgutils.data.check import COLUMNS
from mgutils.data.csv import guard, write_csv
from mgutils.data.labels import Labels, write_labels
from mgutils.data.splits import make_split
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

_FIELDS = ("path", "class_id", "clip_id", "frame_id", "caption")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip archive can hold


def write_tables(root: Path, frames: pd.DataFrame, labels: Labels, clips: pd.DataFrame | None = None) -> None:
    """Write ``train.xlsx``, ``validsubset.csv``, ``Clip_label.csv`` and, if given, ``clips.csv``.

    As in the original, ``validsubset.csv`` has the validation rows of the frame split; it is left out where the dataset
    is too small for that split.

    Parameters
    ----------
    root : Path
        Folder of the dataset.
    frames : DataFrame
        ``path, class_id, clip_id, frame_id``; the captions come from ``labels``.
    labels : Labels
    clips : DataFrame, optional
        ``clip_id, video_id, subject_id, class_id, start_frame, end_frame, description``.
    """
    (root / "training").mkdir(parents=True, exist_ok=True)
    captions = [labels.names[i] for i in labels.to_index(frames["class_id"])]
    frames = frames.assign(caption=captions)
    sheet = frames[list(_FIELDS)].set_axis(list(COLUMNS), axis=1)
    (root / "training" / "train.xlsx").write_bytes(_workbook(sheet))
    write_labels(labels, root / "Clip_label.csv")
    try:
        rows = sorted(make_split(Dataset(root, frames, labels), "frame").valid)
        write_csv(sheet.iloc[rows], root / "training" / "validsubset.csv")
    except ConfigError:
        pass
    if clips is not None:
        write_csv(clips, root / "clips.csv")


def _keep_texts(sheet: Worksheet) -> None:
    """Make every text a text: openpyxl takes ``=1+1`` for a formula and ``#N/A`` for an error.

    A cell can say so itself, so that its text stays as it is. ``quotePrefix`` is the apostrophe that a spreadsheet
    shows nobody, without which the text would become a formula when someone edits the cell.
    """
    for row in sheet.iter_rows():
        for cell in row:
            if isinstance(cell.value, str):
                cell.data_type = "s"
                if guard(cell.value) != cell.value:
                    cell.quotePrefix = True


def _workbook(sheet: pd.DataFrame) -> bytes:
    """An .xlsx file whose archive and whose document properties carry a fixed time."""
    raw, fixed = io.BytesIO(), io.BytesIO()
    with pd.ExcelWriter(raw, engine="openpyxl") as writer:
        sheet.to_excel(writer, sheet_name="train", index=False)
        _keep_texts(writer.sheets["train"])
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename == "docProps/core.xml":
                content = re.sub(rb"(?<=>)\d{4}-\d\d-\d\dT[\d:.]+Z?(?=<)", b"1980-01-01T00:00:00Z", content)
            target.writestr(zipfile.ZipInfo(entry.filename, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return fixed.getvalue()
