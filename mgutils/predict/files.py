"""What ``mg predict`` does: stream images and videos through a predictor, and write down the answers.

Nothing grows with the number of pictures, and tables appear when they are whole. Answers for a table of images are in
``answer_table``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, count, groupby
from pathlib import Path
from typing import TextIO

import numpy as np
from PIL import Image

from mgutils.data import video
from mgutils.data.pictures import Picture, Rejected, find_files, is_video, read_pictures, read_video
from mgutils.errors import ConfigError, DataError, Fault
from mgutils.evaluation.attribution import overlay
from mgutils.predict.annotate import AnnotatedVideo
from mgutils.predict.answers import LeftOut, Rows, csv_rows
from mgutils.predict.predictor import Predictor, answer_columns, answer_row
from mgutils.predict.timeline import Thinned, Timeline
from mgutils.progress import progress_bar

_SHEET, _THUMBNAILS, _THUMBNAIL = 12, 9, 240
"""Pictures on the sheet of heat and above a timeline, and their longest side in pixels."""


@dataclass(frozen=True)
class Wishes:
    """What is wanted of ``mg predict`` beside the table."""

    rate: float | None = 2.0
    """Frames per second of a video; ``None``: all."""
    annotate: bool = False
    gradcam: bool = False
    skip_bad: bool = False
    batch_size: int = 64


def answer_files(predictor: Predictor, inputs: Sequence[str], out_dir: Path, wishes: Wishes, *, stdin: TextIO,
                 progress: bool = True) -> list[str]:
    """Answer for files: ``predictions.csv``, for each video a timeline, and what else is wished.

    Parameters
    ----------
    predictor : Predictor
    inputs : sequence of str
        Images, videos, folders, or ``-`` for paths from ``stdin``.
    out_dir : Path
        Receives ``predictions.csv`` with ``path, frame, time_s`` and the five likeliest classes;
        ``<video>-timeline.png`` and, if wished, ``<video>-answers.mp4``; with Grad-CAM ``gradcam.png`` and
        ``gradcam/``.

    Returns
    -------
    list of str
        Lines to print.

    Raises
    ------
    DataError
        If a file cannot be read and ``skip_bad`` is not wished; no table is left then.
    ConfigError
        If a file cannot be written.
    """
    if wishes.rate is not None and not 0 < wishes.rate < float("inf"):
        raise ConfigError(f"rate: found {wishes.rate}; wanted more than 0 frames per second, or 0 for all of them.")
    left_out = LeftOut()
    rejected = left_out if wishes.skip_bad else None
    lines = [f"{predictor.weights.path}: {len(predictor.labels)} classes, names: {predictor.labels_from}"]
    heat = HeatWriter(predictor, out_dir) if wishes.gradcam else None
    columns = ["path", "frame", "time_s", *answer_columns(predictor.labels)]
    with csv_rows(out_dir / "predictions.csv", columns) as table:
        names = FreeNames()
        for moving, paths in groupby(find_files(inputs, stdin, rejected), is_video):
            if not moving:
                _answer_images(predictor, paths, table, wishes, heat, rejected, progress)
                continue
            for path in paths:
                lines += _answer_video(predictor, path, out_dir, names, table, wishes, heat, rejected, progress)
        if not table.count:
            raise DataError([Fault(" ".join(inputs)[:80], None, None, "no picture that can be read", "at least one",
                                   "Name images, folders or videos; - reads paths from standard input.")])
    lines.insert(1, f"{out_dir / 'predictions.csv'}: {table.count:,} pictures answered")
    return [*lines, *(heat.finish() if heat else []), *left_out.lines()]


def _answer_images(predictor: Predictor, paths: Iterator[Path], table: Rows, wishes: Wishes,
                   heat: HeatWriter | None, rejected: Rejected | None, progress: bool) -> None:
    answers = predictor.stream(read_pictures(paths, rejected), wishes.batch_size)
    for picture, shares in progress_bar(answers, unit="image", disable=not progress, leave=False):
        table.add({"path": picture.path} | answer_row(shares, predictor.labels))
        if heat:
            heat.add(picture, shares)


def _answer_video(predictor: Predictor, path: Path, out_dir: Path, names: FreeNames, table: Rows, wishes: Wishes,
                  heat: HeatWriter | None, rejected: Rejected | None, progress: bool) -> list[str]:
    """Answer for one video; the paths of its pictures, as lines."""
    from mgutils.predict.figure import timeline_figure
    from mgutils.style import save, use_style

    try:
        info = video.probe(path)
    except DataError as error:
        if rejected is None:
            raise
        rejected(path, error.faults[0].found)
        return []
    rate = wishes.rate or info.fps or 25.0
    timeline, thumbnails = Timeline(len(predictor.labels), 1 / rate), Thinned(_THUMBNAILS)
    name, written = names.of(path), []
    expected = int(info.duration * rate) + 1 if info.duration else None
    with ExitStack() as stack:
        film = stack.enter_context(AnnotatedVideo(out_dir / f"{name}-answers.mp4", predictor.labels, rate)) \
            if wishes.annotate else None
        frames = _until_fault(read_video(path, wishes.rate), path, rejected)
        for picture, shares in progress_bar(predictor.stream(frames, wishes.batch_size), total=expected, unit="frame",
                                    desc=path.name, disable=not progress, leave=False):
            table.add({"path": picture.path, "frame": picture.frame, "time_s": round(picture.time, 3)}
                      | answer_row(shares, predictor.labels))
            timeline.add(picture.time, shares)
            thumbnails.add((picture.time, _small(picture.image)) if thumbnails.due() else None)
            if film:
                film.add(picture.image, shares, picture.time)
            if heat:
                heat.add(picture, shares)
    use_style()
    figure = timeline_figure(timeline, predictor.labels, thumbnails.items, title=path.name)
    written.append(f"{save(figure, out_dir / (name + '-timeline.png'))}: its classes over time")
    if film:
        written.append(f"{film.path}: the video with the answers")
    return written


def _until_fault(pictures: Iterator[Picture], path: Path, rejected: Rejected | None) -> Iterator[Picture]:
    """The frames before a fault, where a fault may be left out."""
    try:
        yield from pictures
    except DataError as error:
        if rejected is None:
            raise
        rejected(path, error.faults[0].found + "; the frames before are answered")


def _small(image: Image.Image) -> Image.Image:
    copy = image.copy()
    copy.thumbnail((_THUMBNAIL, _THUMBNAIL))
    return copy


class FreeNames:
    """Gives each file a name of its own: two videos in two folders may have the same."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def of(self, path: Path) -> str:
        """The file's name without suffix, numbered where it was given before."""
        stem = path.stem or "video"
        names = chain([stem], (f"{stem}-{number}" for number in count(2)))
        name = next(name for name in names if name.casefold() not in self._given)
        self._given.add(name.casefold())
        return name


class HeatWriter:
    """Writes each picture with its Grad-CAM heat to ``gradcam/``, and a sheet of twelve, evenly chosen."""

    def __init__(self, predictor: Predictor, out_dir: Path) -> None:
        self._predictor, self._out_dir, self._sheet = predictor, out_dir, Thinned(_SHEET)
        self._names, self._count = FreeNames(), 0

    def add(self, picture: Picture, shares: np.ndarray) -> None:
        """Explain the answer for one picture."""
        heat = self._predictor.heat([picture.image])[0]
        suffix = "" if picture.frame is None else f"-{picture.frame:06d}"
        name = self._names.of(Path(f"{Path(picture.path).stem}{suffix}.jpg"))
        path = self._out_dir / "gradcam" / f"{name}-heat.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        overlay(picture.image, heat).save(path, quality=88)
        self._count += 1
        best = int(shares.argmax())
        text = f"{self._predictor.labels.display[best]}, {shares[best]:.0%}"
        self._sheet.add((_small(picture.image), heat, text) if self._sheet.due() else None)

    def finish(self) -> list[str]:
        """Write the sheet; lines to print."""
        from mgutils.predict.figure import heat_sheet
        from mgutils.style import save, use_style

        use_style()
        sheet = save(heat_sheet(self._sheet.items), self._out_dir / "gradcam.png")
        return [f"{sheet}: {len(self._sheet.items)} of {self._count:,} pictures with what raised their scores; all in "
                f"{self._out_dir / 'gradcam'}"]
