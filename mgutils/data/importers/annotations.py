"""iMiGUE's label CSV, as its licence holders have it: one row for each annotated gesture.

A row's 0-based number is the clip id that the original's ``train.xlsx`` calls "Video ID". Frames are counted at
:data:`FPS`; class 99 is 32; annotations of one video may overlap in time. No row of the file is in this repository.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.data.csv import read_csv, read_numbers, refuse_cells
from mgutils.data.labels import ILLUSTRATIVE, RAW_ILLUSTRATIVE, Labels
from mgutils.data.sidecar import IMIGUE
from mgutils.errors import FIRST_ROW, DataError, Findings

FPS = 25
"""Frames per second in which the annotations count."""
COLUMNS = ("video_id", "start_frame", "end_frame", "class", "subject_id")
"""The columns that are read; the file also has label_id, times in seconds, and facts about subject and match."""
_REMEDY = "Give the label CSV as iMiGUE's authors hand it out."


def read_annotations(file: Path) -> pd.DataFrame:
    """Read and check the label CSV.

    Parameters
    ----------
    file : Path

    Returns
    -------
    DataFrame
        Indexed by ``clip_id`` 0..: ``video_id, subject_id, class_id`` (1..32), ``start_frame, end_frame`` (both
        included), ``row`` in the file, ``overlaps`` (1 where it starts before an earlier annotation of the video ends).

    Raises
    ------
    DataError
        With every fault of the file.
    """
    table = read_csv(file, COLUMNS, _REMEDY)
    findings = Findings()
    whole = read_numbers(table, COLUMNS, file, _REMEDY, findings, decimals=True)
    class_id = np.where(whole["class"] == RAW_ILLUSTRATIVE, ILLUSTRATIVE, whole["class"])
    refuse_cells(findings, file, table["class"][(whole["class"] >= 0) & ((class_id < 1) | (class_id > ILLUSTRATIVE))],
                 f"1..{ILLUSTRATIVE - 1}, or {RAW_ILLUSTRATIVE} for illustrative gestures", _REMEDY)
    reversed_ = table[(whole["end_frame"] >= 0) & (whole["end_frame"] < whole["start_frame"])]
    findings.rows(file, "end_frame", reversed_.index,
                  reversed_["end_frame"] + ", before the start " + reversed_["start_frame"],
                  "a frame from the start on", "Swap the two, or correct them.")
    if findings.faults:
        raise DataError(findings.faults)
    annotations = whole[["video_id", "subject_id", "start_frame", "end_frame"]].assign(
        class_id=class_id, row=table.index + FIRST_ROW).reset_index(drop=True)
    annotations["overlaps"] = _overlaps(annotations)
    return annotations.rename_axis("clip_id")


def _overlaps(annotations: pd.DataFrame) -> pd.Series:
    ordered = annotations.sort_values(["video_id", "start_frame"], kind="stable")
    ended = ordered.groupby("video_id")["end_frame"].cummax().groupby(ordered["video_id"]).shift()
    return (ordered["start_frame"] < ended).astype("int64").reindex(annotations.index)


def sidecar_of(annotations: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """``clips.csv`` of these annotations: the caption serves as the description, the subjects have iMiGUE's numbers."""
    captions = [labels.names[i].strip() for i in labels.to_index(annotations["class_id"])]
    columns = ["clip_id", "video_id", "subject_id", "class_id", "start_frame", "end_frame"]
    clips = annotations.reset_index()
    return clips[columns].assign(description=captions, overlaps=clips["overlaps"], numbering=IMIGUE)
