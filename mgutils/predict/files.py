"""What ``mg predict`` does: stream images and videos through a predictor, and write down the answers.

Pictures are gone when they are answered, and files appear when they are whole. Answers for a table of images are in
``table``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count, groupby
from pathlib import Path
from typing import TextIO

import numpy as np
from PIL import Image

from mgutils.data import video
from mgutils.data.pictures import Picture, find_files, is_video, read_pictures, read_video
from mgutils.errors import ConfigError, DataError, Fault
from mgutils.evaluation.attribution import overlay
from mgutils.predict.annotate import annotated_video
from mgutils.predict.answers import LeftOut, Rows, csv_rows
from mgutils.predict.predictor import Predictor, answer_columns, answer_row
from mgutils.predict.timeline import Thinned, make_timeline
from mgutils.progress import progress_bar

_SHEET = 12
"""Pictures on the sheet of Grad-CAM heat."""
_THUMBNAILS = 9
"""Pictures above a timeline."""
_THUMBNAIL = 240
"""Their longest side in pixels."""


@dataclass(frozen=True)
class PredictOptions:
    """What ``mg predict`` writes beside the table, and how it reads."""

    rate: float | None = 2.0
    """Frames per second of a video; ``None``: all."""
    annotate: bool = False
    gradcam: bool = False
    skip_bad: bool = False
    batch_size: int = 64


def answer_files(predictor: Predictor, inputs: Sequence[str], out_dir: Path, options: PredictOptions, *,
                 stdin: TextIO, progress: bool = True) -> list[str]:
    """Answer for files: ``predictions.csv``, for each video a timeline, and what else is asked for.

    Parameters
    ----------
    predictor : Predictor
    inputs : sequence of str
        Images, videos, folders, or ``-`` for paths from ``stdin``.
    out_dir : Path
        Receives ``predictions.csv`` with ``path, frame, time_s`` and the five likeliest classes;
        ``<video>-timeline.png`` and, if asked for, ``<video>-answers.mp4``; with Grad-CAM ``gradcam.png`` and
        ``gradcam/``.

    Returns
    -------
    list of str
        Lines to print.

    Raises
    ------
    DataError
        If a file cannot be read and ``skip_bad`` is off; no table is left then.
    ConfigError
        If a file cannot be written.
    """
    if options.rate is not None and not 0 < options.rate < float("inf"):
        raise ConfigError(f"rate: found {options.rate}; wanted more than 0 frames per second, or 0 for all of them.")
    left_out = LeftOut()
    rejected = left_out if options.skip_bad else None
    columns = ["path", "frame", "time_s", *answer_columns(predictor.labels)]
    lines = []
    with csv_rows(out_dir / "predictions.csv", columns) as table:
        answers = _Answers(predictor, out_dir, options, table, rejected, progress)
        for moving, paths in groupby(find_files(inputs, stdin, rejected), is_video):
            if moving:
                for path in paths:
                    lines += answers.video(path)
            else:
                answers.images(paths)
        if not table.count:
            raise DataError([Fault(" ".join(inputs)[:80], None, None, "no picture that can be read", "at least one",
                                   "Name images, folders or videos; - reads paths from standard input.")])
    return [
        f"{predictor.weights.path}: {len(predictor.labels)} classes, names: {predictor.labels_from}",
        f"{out_dir / 'predictions.csv'}: {table.count:,} pictures answered",
        *lines,
        *answers.heat_sheet(),
        *left_out.lines(),
    ]


class _Answers:
    """The answers of one call of :func:`answer_files`, as they are written."""

    def __init__(self, predictor: Predictor, out_dir: Path, options: PredictOptions, table: Rows,
                 rejected: LeftOut | None, progress: bool) -> None:
        self._predictor = predictor
        self._labels = predictor.labels
        self._out_dir = out_dir
        self._options = options
        self._table = table
        self._rejected = rejected
        self._progress = progress
        self._names: set[str] = set()
        self._heat_names: set[str] = set()
        self._sheet: Thinned[tuple[Image.Image, np.ndarray, str]] = Thinned(_SHEET)

    def images(self, paths: Iterator[Path]) -> None:
        """Answer for image files."""
        pictures = read_pictures(paths, self._rejected)
        for picture, probs in self._stream(pictures, unit="image"):
            self._table.add({"path": picture.path} | answer_row(probs, self._labels))

    def video(self, path: Path) -> list[str]:
        """Answer for the frames of one video; returns lines about the files beside the table."""
        try:
            info = video.probe(path)
        except DataError as error:
            self._reject(path, error)
            return []
        rate = self._options.rate or info.fps or 25.0
        expected = int(info.duration * rate) + 1 if info.duration else None
        name = _free_name(path.stem or "video", self._names)
        film_path = self._out_dir / f"{name}-answers.mp4"
        times, answers, thumbnails = [], [], Thinned(_THUMBNAILS)
        with ExitStack() as stack:
            film = None
            if self._options.annotate:
                film = stack.enter_context(annotated_video(film_path, self._labels, rate))
            for picture, probs in self._stream(self._frames(path), unit="frame", total=expected, desc=path.name):
                self._table.add({"path": picture.path, "frame": picture.frame, "time_s": round(picture.time, 3)}
                                | answer_row(probs, self._labels))
                times.append(picture.time)
                answers.append(probs)
                thumbnails.add((picture.time, _small(picture.image)) if thumbnails.due() else None)
                if film:
                    film.add(picture.image, probs, picture.time)
        if not times:  # damaged before its first frame
            return []
        lines = [self._timeline(path, name, np.array(times), np.stack(answers), 1 / rate, thumbnails.items)]
        if film:
            lines.append(f"{film_path}: the video with the answers")
        return lines

    def heat_sheet(self) -> list[str]:
        """Write the sheet of pictures with their Grad-CAM heat, if asked for; returns lines to print."""
        from mgutils.predict.figure import heat_sheet
        from mgutils.style import save, use_style

        if not self._options.gradcam:
            return []
        use_style()
        sheet = save(heat_sheet(self._sheet.items), self._out_dir / "gradcam.png")
        return [f"{sheet}: {len(self._sheet.items)} of {len(self._heat_names):,} pictures with what raised their "
                f"scores; all in {self._out_dir / 'gradcam'}"]

    def _stream(self, pictures: Iterator[Picture], **bar: object) -> Iterator[tuple[Picture, np.ndarray]]:
        """Pictures with their probabilities, each with its heat written if asked for."""
        answers = self._predictor.stream(pictures, self._options.batch_size)
        for picture, probs in progress_bar(answers, disable=not self._progress, leave=False, **bar):
            yield picture, probs
            if self._options.gradcam:
                self._write_heat(picture, probs)

    def _frames(self, path: Path) -> Iterator[Picture]:
        """The frames before a fault, where faults may be left out."""
        try:
            yield from read_video(path, self._options.rate)
        except DataError as error:
            self._reject(path, error, "; the frames before are answered")

    def _reject(self, path: Path, error: DataError, more: str = "") -> None:
        if self._rejected is None:
            raise error
        self._rejected(path, error.faults[0].found + more)

    def _timeline(self, path: Path, name: str, times: np.ndarray, probs: np.ndarray, stretch: float,
                  thumbnails: list[tuple[float, Image.Image]]) -> str:
        from mgutils.predict.figure import timeline_figure
        from mgutils.style import save, use_style

        use_style()
        figure = timeline_figure(make_timeline(times, probs, stretch), self._labels, thumbnails, title=path.name)
        return f"{save(figure, self._out_dir / (name + '-timeline.png'))}: its classes over time"

    def _write_heat(self, picture: Picture, probs: np.ndarray) -> None:
        """Write one picture with its heat, and keep some for the sheet."""
        heat = self._predictor.heat([picture.image])[0]
        suffix = "" if picture.frame is None else f"-{picture.frame:06d}"
        name = _free_name(f"{Path(picture.path).stem}{suffix}", self._heat_names)
        path = self._out_dir / "gradcam" / f"{name}-heat.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        overlay(picture.image, heat).save(path, quality=88)
        best = int(probs.argmax())
        text = f"{self._labels.display[best]}, {probs[best]:.0%}"
        self._sheet.add((_small(picture.image), heat, text) if self._sheet.due() else None)


def _small(image: Image.Image) -> Image.Image:
    copy = image.copy()
    copy.thumbnail((_THUMBNAIL, _THUMBNAIL))
    return copy


def _free_name(stem: str, taken: set[str]) -> str:
    """The stem, numbered if taken: two files in two folders may have the same. Marks it as taken."""
    numbers = count(2)
    name = stem
    while name.casefold() in taken:
        name = f"{stem}-{next(numbers)}"
    taken.add(name.casefold())
    return name
