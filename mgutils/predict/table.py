"""What ``mg test`` does: answer for the images that a table lists, score the answers, write the submission."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mgutils.data.pictures import read_pictures
from mgutils.errors import DataError, Fault
from mgutils.metrics.scores import scores
from mgutils.predict.answers import LeftOut, check_submission, csv_rows, read_image_list, write_submission
from mgutils.predict.predictor import Predictor, answer_columns, answer_row
from mgutils.progress import progress_bar

_ROOT = "Name the images' folder with --root."


def answer_table(predictor: Predictor, file: Path, column: str, out_dir: Path, *, label_column: str = "Class",
                 root: Path | None = None, submission: Path | None = None, skip_bad: bool = False,
                 batch_size: int = 64, progress: bool = True) -> list[str]:
    """Answer for the images that a table lists: ``predictions.csv``, scores, and the submission if it is wanted.

    Parameters
    ----------
    predictor : Predictor
    file, column, label_column, root
        As :func:`mgutils.predict.answers.read_image_list` takes them.
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
    with csv_rows(out_dir / "predictions.csv", columns) as table:
        pictures = read_pictures(images.paths, left_out if skip_bad else None)
        answers, rows = predictor.stream(pictures, batch_size), iter(range(len(images.paths)))
        for picture, probs in progress_bar(answers, total=len(images.paths), unit="image", disable=not progress,
                                            leave=False):
            row = next(row for row in rows if str(images.paths[row]) == picture.path)  # bad ones are passed over
            known = {"true_class_id": int(images.target[row]) + 1} if images.target[row] >= 0 else {}
            table.add({"path": images.cells[row]} | known | answer_row(probs, predictor.labels))
            ranked[row] = probs
        if not table.count:
            raise DataError([Fault(str(file), None, column, "no image that can be read", "at least one", _ROOT)])
    answered = ~np.isnan(ranked[:, 0])
    lines = [f"{predictor.weights.path}: {len(predictor.labels)} classes, names: {predictor.labels_from}",
             f"{out_dir / 'predictions.csv'}: {table.count:,} of {len(images.paths):,} images answered"]
    rows = answered & (images.target >= 0)
    lines.append(_score_line(ranked[rows], images.target[rows]) if rows.any() else
                 f"no scores: {file} has no column {label_column!r} with classes")
    if submission is not None:
        best = ranked.argmax(axis=1)
        best[~answered] = np.bincount(best[answered]).argmax()
        written = write_submission(submission, zip(images.cells, (best + 1).tolist(), strict=True))
        lines.append(f"{submission}: {written:,} rows")
    return [*lines, *left_out.lines()]


def _score_line(probs: np.ndarray, target: np.ndarray) -> str:
    result = scores(probs, target)
    return (f"top-1 {result.top1:.2%}, top-5 {result.top5:.2%}, UAR {result.uar:.2%} over {len(target):,} images with "
            f"a class; the most frequent class is {result.support.max() / len(target):.2%} of them")
