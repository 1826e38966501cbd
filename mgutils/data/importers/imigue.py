"""iMiGUE's videos and annotations, cut into the original's layout.

Of each annotated gesture pictures are taken at a fixed rate from its first frame on; where gestures overlap, the same
moment is taken for each. Videos are read in parallel threads (decoding leaves Python's lock) into a hidden folder that
is renamed when it is whole; a run that was killed goes on with the videos that are still missing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pandas as pd

from mgutils.data.importers.annotations import FPS, read_annotations, sidecar_of
from mgutils.data.importers.cuts import SKIP, Cut, absent_videos, plan_cuts
from mgutils.data.importers.place import check_place, forget_other, save_jpeg, write_not_imported, writing
from mgutils.data.labels import imigue_labels
from mgutils.data.layout import write_tables
from mgutils.data.video import frames_at
from mgutils.errors import ConfigError, DataError, Fault
from mgutils.files import STATE, atomic_file, atomic_folder
from mgutils.progress import progress_bar

RATE = 2.0
"""Frames per second; the original kept about every 13th of 25."""


def import_imigue(videos: Path | str, labels: Path | str, out_root: Path | str, *, rate: float = RATE,
                  size: int | None = None, workers: int | None = None, skip_bad: bool = False,
                  progress: bool = True) -> Path:
    """Make a dataset from iMiGUE's videos and its label CSV; subjects keep their numbers, so all splits can be made.

    Parameters
    ----------
    videos : path
        Folder of the videos, at any depth, each named by its number (``0001.mp4``).
    labels : path
        The label CSV; see ``annotations``.
    out_root : path
        Folder to make; must not exist, or be empty.
    rate : float
        Frames per second, at most 25. A gesture shorter than ``1 / rate`` gets its first frame.
    size : int, optional
        Longest side of the pictures in pixels. ``None``: as in the video.
    workers : int, optional
        Videos at a time; as many as there are processors, at most 8, if not given. The bytes do not depend on it.
    skip_bad : bool
        Leave out videos that are absent or cannot be read, and list them in ``not_imported.csv``. Otherwise the run
        stops before it starts; a fault found later stops it at the end, and what was read is kept for the next run.
    progress : bool
        Show a bar in frames.

    Returns
    -------
    Path
        ``out_root``. ``not_imported.csv`` also lists gestures that go on after the end of their video.

    Raises
    ------
    ConfigError
        If an option is out of range, ``out_root`` is not free, or another process is making it.
    DataError
        With every fault of the annotations, or of the videos.
    """
    out_root = Path(out_root)
    check_place(out_root, size)
    workers = min(8, os.cpu_count() or 1) if workers is None else workers
    if not 0 < rate <= FPS or workers < 1:
        raise ConfigError(f"rate, workers: found {rate} and {workers}; wanted more than 0 and at most {FPS} frames per "
                          "second, and at least 1 video at a time.")
    annotations = read_annotations(Path(labels))
    cuts = plan_cuts(annotations, Path(videos), Path(labels), rate)
    absent = absent_videos(cuts, Path(videos), Path(labels))
    if absent and (not skip_bad or len(absent) == len(cuts)):
        raise DataError(list(absent.values()))
    settings = {"labels": hashlib.sha256(Path(labels).read_bytes()).hexdigest(), "rate": rate, "size": size}
    with writing(out_root), atomic_folder(out_root, resume=True) as folder:
        forget_other(folder, settings)
        cuts = [cut for cut in cuts if cut.video_id not in absent]
        taken, faults = _take_all(cuts, folder, size, workers, progress)
        if faults and (not skip_bad or not taken):
            raise DataError(faults)
        _write(folder, cuts, taken, annotations, [*absent.values(), *faults])
    return out_root


def _take_all(cuts: Sequence[Cut], folder: Path, size: int | None, workers: int,
              progress: bool) -> tuple[dict[int, int], list[Fault]]:
    """Take the pictures of every video; returns how many each had, and the faults of those that could not be read."""
    for class_id in {class_id for cut in cuts for class_id in cut.wanted["class_id"]}:
        (folder / "training" / str(class_id)).mkdir(parents=True, exist_ok=True)
    taken, faults, stop = {}, [], Event()
    total = sum(len(cut.wanted) for cut in cuts)
    with (ThreadPoolExecutor(workers) as pool,
          progress_bar(total=total, unit="frame", desc="import", disable=not progress) as bar):
        futures = {cut.video_id: pool.submit(_take, cut, folder, size, stop, bar) for cut in cuts}
        try:
            for video_id, future in futures.items():
                try:
                    taken[video_id] = future.result()
                except DataError as error:
                    faults += [replace(fault, remedy=f"{SKIP} What was read is kept for the next run.")
                               for fault in error.faults]
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
    return taken, faults


def _take(cut: Cut, folder: Path, size: int | None, stop: Event, bar: Any) -> int:
    """Write the pictures of one video, unless an earlier run has; returns how many there are."""
    record, count = folder / STATE / f"{cut.video_id}.json", 0
    if record.exists():
        count = json.loads(record.read_text(encoding="utf-8"))
        bar.update(count)
        return count
    with closing(frames_at(cut.file, cut.wanted["time"])) as frames:
        for path, frame in zip(cut.wanted["path"], frames, strict=False):
            if stop.is_set():
                return count
            save_jpeg(frame.image, folder / "training" / path, size)
            count += 1
            bar.update()
    with atomic_file(record) as whole:
        whole.write_text(json.dumps(count), encoding="utf-8")
    return count


def _write(folder: Path, cuts: Sequence[Cut], taken: dict[int, int], annotations: pd.DataFrame,
           faults: list[Fault]) -> None:
    """The tables, the list of what is missing, and nothing that they do not name."""
    frames = pd.concat([cut.wanted[:taken.get(cut.video_id, 0)] for cut in cuts])
    frames = frames.sort_values(["clip_id", "frame_id"], ignore_index=True)
    for cut in cuts:
        if cut.video_id in taken:
            short = cut.wanted[taken[cut.video_id]:].drop_duplicates("clip_id")
            faults += [Fault(str(cut.file), int(row), None, f"the end of the video before the end of clip {clip_id}",
                             "a video as long as its gestures", SKIP)
                       for row, clip_id in zip(short["row"], short["clip_id"], strict=True)]
    if frames.empty:
        raise DataError(faults)
    listed = set(frames["path"])
    for file in (folder / "training").glob("*/*"):
        if f"{file.parent.name}/{file.name}" not in listed:
            file.unlink()
    write_tables(folder, frames, imigue_labels(), sidecar_of(annotations.loc[frames["clip_id"].unique()],
                                                            imigue_labels()))
    write_not_imported(folder, faults)
