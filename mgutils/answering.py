"""What ``mg test`` and ``mg predict`` do: stream pictures through a predictor, and write down the answers.

Nothing grows with the number of pictures. Tables appear when they are whole. Each function gives the lines to print.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, count, groupby
from pathlib import Path
from typing import TextIO

import numpy as np
import torch
from PIL import Image
from tqdm.auto import tqdm

from mgutils.annotate import AnnotatedVideo
from mgutils.answers import RowFile, check_submission, read_image_list, write_submission
from mgutils.data import video
from mgutils.data.pictures import Picture, Rejected, find_files, is_video, read_pictures, read_video
from mgutils.errors import DataError, Fault
from mgutils.evaluate import scores
from mgutils.gradcam import grad_cam, overlay
from mgutils.models.encoders import as_images
from mgutils.predict import Predictor, answer_columns, answer_row
from mgutils.timeline import Thinned, Timeline

_ROOT = "Name the images' folder with --root."
_SHEET, _THUMBNAILS, _THUMBNAIL = 12, 9, 240


@dataclass(frozen=True)
class Wishes:
    """What is wanted of ``mg predict`` beside the table."""

    rate: float | None = 2.0
    """Frames per second of a video; ``None``: all."""
    annotate: bool = False
    gradcam: bool = False
    skip_bad: bool = False
    batch_size: int = 64


@dataclass
class LeftOut:
    """Files that could not be read, where they may be left out."""

    files: list[tuple[Path, str]] = field(default_factory=list)

    def __call__(self, path: Path, why: str) -> None:
        self.files.append((path, why))

    def lines(self) -> Iterator[str]:
        """What to print."""
        if self.files:
            yield f"left out: {len(self.files):,} files that cannot be read"
            yield from (f"  {path}: {why}" for path, why in self.files)


def answer_table(predictor: Predictor, file: Path, column: str, out_dir: Path, *, label_column: str = "Class",
                 root: Path | None = None, submission: Path | None = None, skip_bad: bool = False,
                 batch_size: int = 64, progress: bool = True) -> list[str]:
    """Answer for the images that a table lists: ``predictions.csv``, scores, and the submission if it is wanted.

    Parameters
    ----------
    predictor : Predictor
    file, column, label_column, root
        As :func:`mgutils.answers.read_image_list` takes them.
    out_dir : Path
        Receives ``predictions.csv``: ``path`` as in the table, ``true_class_id`` where the table has classes, and the
        five likeliest classes with their probabilities.
    submission : Path, optional
        Receives ``filename,class``.
    skip_bad : bool
        Leave out images that cannot be read. A submission then has the most frequent answer for them.

    Returns
    -------
    list of str
        Lines to print: where the files are, the scores, what was left out.

    Raises
    ------
    DataError
        If the table cannot be used or, without ``skip_bad``, an image cannot be read; nothing is left then.
    ConfigError
        If a file cannot be written.
    """
    images = read_image_list(file, column, predictor.labels, label_column=label_column, root=root, missing=skip_bad)
    if submission is not None:
        check_submission(images)
    left_out, labelled = LeftOut(), (images.target >= 0).any()
    columns = ["path", *(["true_class_id"] if labelled else []), *answer_columns(predictor.labels)]
    ranked = np.full((len(images.paths), len(predictor.labels)), np.nan, dtype=np.float32)
    with RowFile(out_dir / "predictions.csv", columns) as table:
        pictures = read_pictures(images.paths, left_out if skip_bad else None)
        answers, rows = predictor.stream(pictures, batch_size), iter(range(len(images.paths)))
        for picture, shares in tqdm(answers, total=len(images.paths), unit="image", disable=not progress, leave=False):
            row = next(row for row in rows if str(images.paths[row]) == picture.path)  # bad ones are passed over
            known = {"true_class_id": int(images.target[row]) + 1} if images.target[row] >= 0 else {}
            table.add({"path": images.cells[row]} | known | answer_row(shares, predictor.labels))
            ranked[row] = shares
        if not table.rows:
            raise DataError([Fault(str(file), None, column, "no image that can be read", "at least one", _ROOT)])
    answered = ~np.isnan(ranked[:, 0])
    lines = [f"{predictor.weights.path}: {len(predictor.labels)} classes, {predictor.labels_from}",
             f"{table.path}: {table.rows:,} of {len(images.paths):,} images answered"]
    rows = answered & (images.target >= 0)
    lines.append(_score_line(ranked[rows], images.target[rows]) if rows.any() else
                 f"no scores: {file} has no column {label_column!r} with classes")
    if submission is not None:
        best = ranked.argmax(axis=1)
        best[~answered] = np.bincount(best[answered]).argmax()
        written = write_submission(submission, zip(images.cells, (best + 1).tolist(), strict=True))
        lines.append(f"{submission}: {written:,} rows")
    return [*lines, *left_out.lines()]


def _score_line(shares: np.ndarray, target: np.ndarray) -> str:
    result = scores(shares, target)
    return (f"top-1 {result.top1:.2%}, top-5 {result.top5:.2%}, UAR {result.uar:.2%} over {len(target):,} images with "
            f"a class; the most frequent class is {result.support.max() / len(target):.2%} of them")


# -- images, folders, videos -------------------------------------------------------------------------------------------


def answer_files(predictor: Predictor, inputs: Sequence[str], out_dir: Path, wishes: Wishes, *, stdin: TextIO,
                 progress: bool = True) -> list[str]:
    """Answer for files: ``predictions.csv``, for each video a timeline, and what else is wished.

    Parameters
    ----------
    predictor : Predictor
    inputs : sequence of str
        Images, videos, folders, or ``-`` for paths from ``stdin``.
    out_dir : Path
        Receives ``predictions.csv`` with ``path, frame, time_s`` and the five likeliest classes; ``<video>.png`` and,
        if wished, ``<video>.mp4``; with Grad-CAM ``gradcam.png`` and ``gradcam/``.

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
    left_out = LeftOut()
    rejected = left_out if wishes.skip_bad else None
    lines = [f"{predictor.weights.path}: {len(predictor.labels)} classes, {predictor.labels_from}"]
    heat = HeatWriter(predictor, out_dir) if wishes.gradcam else None
    columns = ["path", "frame", "time_s", *answer_columns(predictor.labels)]
    with RowFile(out_dir / "predictions.csv", columns) as table:
        names = FreeNames(out_dir)
        for moving, paths in groupby(find_files(inputs, stdin), is_video):
            if not moving:
                _answer_images(predictor, paths, table, wishes, heat, rejected, progress)
                continue
            for path in paths:
                lines += _answer_video(predictor, path, names, table, wishes, heat, rejected, progress)
        if not table.rows:
            raise DataError([Fault(" ".join(inputs)[:80], None, None, "no picture that can be read", "at least one",
                                   "Name images, folders or videos; - reads paths from standard input.")])
    lines.insert(1, f"{table.path}: {table.rows:,} pictures answered")
    return [*lines, *(heat.finish() if heat else []), *left_out.lines()]


def _answer_images(predictor: Predictor, paths: Iterator[Path], table: RowFile, wishes: Wishes,
                   heat: HeatWriter | None, rejected: Rejected | None, progress: bool) -> None:
    for picture, shares in tqdm(predictor.stream(read_pictures(paths, rejected), wishes.batch_size), unit="image",
                                disable=not progress, leave=False):
        table.add({"path": picture.path} | answer_row(shares, predictor.labels))
        if heat:
            heat.add(picture, shares)


def _answer_video(predictor: Predictor, path: Path, names: FreeNames, table: RowFile, wishes: Wishes,
                  heat: HeatWriter | None, rejected: Rejected | None, progress: bool) -> list[str]:
    """Answer for one video; the paths of its pictures, as lines."""
    from mgutils.report.figures_predict import timeline_figure
    from mgutils.report.style import save, use_style

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
        film = stack.enter_context(AnnotatedVideo(name.with_suffix(".mp4"), predictor.labels, rate)) \
            if wishes.annotate else None
        frames = _until_fault(read_video(path, wishes.rate), path, rejected)
        for picture, shares in tqdm(predictor.stream(frames, wishes.batch_size), total=expected, unit="frame",
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
    written.append(f"{save(figure, name.with_suffix('.png'))}: its classes over time")
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
    """Names in a folder for what belongs to a file, each given once: two videos may have one name."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._given = folder, set()

    def of(self, path: Path) -> Path:
        """A path without suffix that no other file was given."""
        stem = path.stem.replace(".", "_") or "video"
        names = chain([stem], (f"{stem}-{number}" for number in count(2)))
        name = next(name for name in names if name.casefold() not in self._given)
        self._given.add(name.casefold())
        return self._folder / name


class HeatWriter:
    """Writes each picture with its Grad-CAM heat to ``gradcam/``, and a sheet of twelve, evenly chosen."""

    def __init__(self, predictor: Predictor, out_dir: Path) -> None:
        self._predictor, self._out_dir, self._sheet = predictor, out_dir, Thinned(_SHEET)
        self._names, self._count = FreeNames(out_dir / "gradcam"), 0

    def add(self, picture: Picture, shares: np.ndarray) -> None:
        """Explain the answer for one picture."""
        pixels = torch.from_numpy(self._predictor.pixels([picture.image])).to(self._predictor.device)
        heat = grad_cam(self._predictor.scorer, as_images(pixels))[0]
        suffix = "" if picture.frame is None else f"-{picture.frame:06d}"
        path = self._names.of(Path(f"{Path(picture.path).stem.replace('.', '_')}{suffix}.jpg")).with_suffix(".jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        overlay(picture.image, heat).save(path, quality=88)
        self._count += 1
        best = int(shares.argmax())
        text = f"{self._predictor.labels.display[best]}, {shares[best]:.0%}"
        self._sheet.add((_small(picture.image), heat, text) if self._sheet.due() else None)

    def finish(self) -> list[str]:
        """Write the sheet; lines to print."""
        from mgutils.report.figures_predict import heat_sheet
        from mgutils.report.style import save, use_style

        use_style()
        sheet = save(heat_sheet(self._sheet.items), self._out_dir / "gradcam.png")
        return [f"{sheet}: {len(self._sheet.items)} of {self._count:,} pictures with what raised their scores; all in "
                f"{self._out_dir / 'gradcam'}"]
