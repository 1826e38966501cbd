"""Which moments of which video to take for which annotated gesture, and whether the videos are there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.data.images import in_threads
from mgutils.data.importers.annotations import FPS
from mgutils.data.video import SUFFIXES, probe
from mgutils.errors import DataError, Fault, data_error

SKIP = "Copy the video again, or leave it out with --skip-bad."
_MOST_PICTURES = 10_000_000


@dataclass(frozen=True)
class Cut:
    """What is wanted of one video.

    Parameters
    ----------
    video_id : int
    file : Path or None
        ``None`` where no file has the video's number.
    wanted : DataFrame
        ``time`` (seconds, rising), ``clip_id, frame_id, class_id, path, row``: one row for each picture.
    """

    video_id: int
    file: Path | None
    wanted: pd.DataFrame


def plan_cuts(annotations: pd.DataFrame, folder: Path, labels: Path, rate: float) -> list[Cut]:
    """The pictures to take from each annotated video, in the order of time.

    Parameters
    ----------
    annotations : DataFrame
        As ``read_annotations`` gives them.
    folder : Path
        Of the videos, at any depth.
    labels : Path
        The label CSV, for the faults.
    rate : float
        Pictures per second of a gesture, from its first frame on.

    Raises
    ------
    DataError
        If there is no such folder, two files have one number, or a gesture has millions of pictures.
    """
    files = _find_videos(folder)
    count = ((annotations["end_frame"] - annotations["start_frame"]) * rate // FPS + 1).astype("int64")
    if count.sum() > _MOST_PICTURES:
        raise data_error(labels, f"a gesture of {count.max():,} pictures", "gestures of seconds, counted in frames",
                         "Correct the frames, or lower the rate.", row=int(annotations["row"][count.idxmax()]),
                         column="end_frame")
    wanted = annotations.loc[annotations.index.repeat(count)].reset_index()
    wanted["frame_id"] = np.concatenate([np.arange(number) for number in count])
    wanted["time"] = wanted["start_frame"] / FPS + wanted["frame_id"] / rate
    names = zip(wanted["class_id"], wanted["clip_id"], wanted["frame_id"], strict=True)
    wanted["path"] = [f"{class_id}/{clip_id}.{frame_id}.jpg" for class_id, clip_id, frame_id in names]
    wanted = wanted.sort_values(["video_id", "time", "clip_id"], kind="stable")
    columns = ["time", "clip_id", "frame_id", "class_id", "path", "row"]
    return [Cut(int(video_id), files.get(video_id), rows[columns].reset_index(drop=True))
            for video_id, rows in wanted.groupby("video_id")]


def _find_videos(folder: Path) -> dict[int, Path]:
    """Files by the number in their name."""
    if not folder.is_dir():
        raise data_error(folder, "no such folder", "the folder of iMiGUE's videos", "Correct the path.")
    files: dict[int, Path] = {}
    for file in sorted(folder.rglob("*")):
        number = re.fullmatch(r"\D*([0-9]{1,15})\D*", file.stem, re.ASCII)
        if not number or file.suffix.lower() not in SUFFIXES or file.name.startswith("."):
            continue
        video_id = int(number[1])
        if video_id in files:
            raise data_error(file, f"video {video_id} again (also {files[video_id]})", "one file for each video",
                             "Move one of them away.")
        files[video_id] = file
    return files


def absent_videos(cuts: Sequence[Cut], folder: Path, labels: Path) -> dict[int, Fault]:
    """The videos that are not there or cannot be opened; one picture of each is decoded."""
    def look(cut: Cut) -> Fault | None:
        if cut.file is None:
            return Fault(str(labels), int(cut.wanted["row"].min()), "video_id", f"{cut.video_id}, of which there is no "
                         f"video in {folder}", f"a file such as {cut.video_id:04d}.mp4", SKIP)
        try:
            probe(cut.file)
        except DataError as error:
            return error.faults[0]
        return None

    faults = in_threads(look, cuts, description="look", progress=False)
    return {cut.video_id: fault for cut, fault in zip(cuts, faults, strict=True) if fault is not None}
