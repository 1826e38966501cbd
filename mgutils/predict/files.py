"""What ``mg predict`` does: stream images and videos through a predictor, and write down the answers.

Pictures are gone when they are answered, and files appear when they are whole. Answers for a table of images are in
``table``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, groupby
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np
import pandas as pd
from PIL import Image

from mgutils.data import video
from mgutils.data.csv import write_csv
from mgutils.data.pictures import Picture, Rejected, find_files, is_video, left_out_lines, read_pictures
from mgutils.errors import ConfigError, DataError, data_error
from mgutils.evaluation.attribution import overlay
from mgutils.files import atomic_file
from mgutils.predict.annotate import annotated_video
from mgutils.predict.predictor import Predictor, likeliest
from mgutils.predict.timeline import Thinned, make_timeline
from mgutils.progress import progress_bar

if TYPE_CHECKING:
    from mgutils.predict.films import FilmPredictor

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


def answer_files(predictor: Predictor | FilmPredictor, inputs: Sequence[str], out_dir: Path, options: PredictOptions, *,
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
    rejected = [] if options.skip_bad else None
    answers = _Answers(predictor, out_dir, options, rejected, progress)
    lines = []
    with atomic_file(out_dir / "predictions.csv") as aside:
        aside.touch()  # before the long work: can it be written at all?
        for moving, paths in groupby(find_files(inputs, stdin, rejected), is_video):
            if moving:
                for path in paths:
                    lines += answers.video(path)
            else:
                answers.images(paths)
        if not answers.rows:
            raise data_error(" ".join(inputs)[:80], "no picture that can be read", "at least one",
                             "Name images, folders or videos; - reads paths from standard input.")
        write_csv(answers.table(), aside)
    return [
        f"{predictor.path}: {len(predictor.labels)} classes, names: {predictor.labels_from}",
        f"{out_dir / 'predictions.csv'}: {len(answers.rows):,} pictures answered",
        *lines,
        *answers.heat_sheet(),
        *left_out_lines(rejected),
    ]


@dataclass
class _Answers:
    """The answers of one call of :func:`answer_files`, and the files beside their table."""

    predictor: Predictor | FilmPredictor
    out_dir: Path
    options: PredictOptions
    rejected: Rejected | None
    progress: bool
    rows: list[tuple[str, int | None, float | None]] = field(default_factory=list)
    """Path, frame and time of each picture."""
    probs: list[np.ndarray] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    heat_names: set[str] = field(default_factory=set)
    sheet: Thinned[tuple[Image.Image, np.ndarray, str]] = field(default_factory=lambda: Thinned(_SHEET))

    def table(self) -> pd.DataFrame:
        """All answers; frame and time are empty for image files."""
        places = pd.DataFrame(self.rows, columns=["path", "frame", "time_s"])
        places["frame"] = places["frame"].astype("Int64")
        places["time_s"] = places["time_s"].astype(float).round(3)
        return places.join(likeliest(np.stack(self.probs), self.predictor.labels))

    def images(self, paths: Iterator[Path]) -> None:
        """Answer for image files."""
        for _ in self._stream(read_pictures(paths, self.rejected), unit="image"):
            pass

    def video(self, path: Path) -> list[str]:
        """Answer for the frames of one video; returns lines about the files beside the table."""
        from mgutils.predict.figure import timeline_figure
        from mgutils.style import save, use_style

        try:
            info = video.probe(path)
        except DataError as error:
            self._reject(path, error)
            return []
        labels = self.predictor.labels
        rate = self.options.rate or info.fps or 25.0
        expected = int(info.duration * rate) + 1 if info.duration else None
        name = _free_name(path.stem or "video", self.names)
        first = len(self.rows)
        thumbnails = Thinned(_THUMBNAILS)
        for picture, _ in self._stream(self._frames(path), unit="frame", total=expected, desc=path.name):
            thumbnails.add((picture.time, _small(picture.image)) if thumbnails.due() else None)
        if len(self.rows) == first:  # damaged before its first frame
            return []
        times = np.array([time for _, _, time in self.rows[first:]])
        probs = np.stack(self.probs[first:])
        timeline = make_timeline(times, probs, 1 / rate)
        use_style()
        figure = timeline_figure(timeline, labels, thumbnails.items, title=path.name)
        lines = [f"{save(figure, self.out_dir / (name + '-timeline.png'))}: its classes over time"]
        if self.options.annotate:
            film = self.out_dir / f"{name}-answers.mp4"
            self._annotate(path, film, times, probs, info.fps or rate)
            lines.append(f"{film}: the video with the answers")
        return lines

    def _annotate(self, path: Path, film_path: Path, times: np.ndarray, probs: np.ndarray, fps: float) -> None:
        """Write every frame of a video with the answer (C,) of the last frame before it that was asked about."""
        frames = progress_bar(video.read_frames(path), disable=not self.progress, leave=False, unit="frame",
                              desc=film_path.name)
        # a fault in the video has been told when its frames were answered
        with annotated_video(film_path, self.predictor.labels, fps) as film, suppress(DataError):
            for frame in frames:
                film.add(frame.image, probs[np.searchsorted(times, frame.time, side="right") - 1], frame.time)

    def heat_sheet(self) -> list[str]:
        """Write the sheet of pictures with their Grad-CAM heat, if asked for; returns lines to print."""
        from mgutils.predict.figure import heat_sheet
        from mgutils.style import save, use_style

        if not self.options.gradcam:
            return []
        use_style()
        sheet = save(heat_sheet(self.sheet.items), self.out_dir / "gradcam.png")
        return [f"{sheet}: {len(self.sheet.items)} of {len(self.heat_names):,} pictures with what raised their "
                f"scores; all in {self.out_dir / 'gradcam'}"]

    def _stream(self, pictures: Iterator[Picture], **bar: object) -> Iterator[tuple[Picture, np.ndarray]]:
        """Pictures with their probabilities; keeps the answers, and writes the heat if asked for."""
        answers = self.predictor.stream(pictures, self.options.batch_size)
        for picture, probs in progress_bar(answers, disable=not self.progress, leave=False, **bar):
            self.rows.append((picture.path, picture.frame, picture.time))
            self.probs.append(probs)
            yield picture, probs
            if self.options.gradcam:
                self._write_heat(picture, probs)

    def _frames(self, path: Path) -> Iterator[Picture]:
        """The frames before a fault, where faults may be left out."""
        try:
            for frame in video.read_frames(path, self.options.rate):
                yield Picture(str(path), frame.image, frame.index, frame.time)
        except DataError as error:
            self._reject(path, error, "; the frames before are answered")

    def _reject(self, path: Path, error: DataError, more: str = "") -> None:
        if self.rejected is None:
            raise error
        self.rejected.append((path, error.faults[0].found + more))

    def _write_heat(self, picture: Picture, probs: np.ndarray) -> None:
        """Write one picture with its heat, and keep some for the sheet."""
        heat = self.predictor.heat([picture.image])[0]
        suffix = "" if picture.frame is None else f"-{picture.frame:06d}"
        name = _free_name(f"{Path(picture.path).stem}{suffix}", self.heat_names)
        path = self.out_dir / "gradcam" / f"{name}-heat.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        overlay(picture.image, heat).save(path, quality=88)
        best = int(probs.argmax())
        text = f"{self.predictor.labels.display[best]}, {probs[best]:.0%}"
        self.sheet.add((_small(picture.image), heat, text) if self.sheet.due() else None)


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
