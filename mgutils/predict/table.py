"""What ``mg test`` does: answer for the images that a table lists, score the answers, write the submission."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mgutils.data.csv import write_csv
from mgutils.data.pictures import read_pictures
from mgutils.errors import data_error
from mgutils.files import atomic_file
from mgutils.metrics.scores import scores
from mgutils.predict.answers import check_submission, left_out_lines, read_image_list, write_submission
from mgutils.predict.predictor import Predictor, likeliest
from mgutils.progress import progress_bar


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
        check_submission(images, file)
    rejected = [] if skip_bad else None
    with atomic_file(out_dir / "predictions.csv") as aside:
        aside.touch()  # before the long work: can it be written at all?
        answers = predictor.stream(read_pictures(images["path"], rejected), batch_size)
        answers = progress_bar(answers, total=len(images), unit="image", disable=not progress, leave=False)
        probs = [probs for _, probs in answers]
        if not probs:
            raise data_error(file, "no image that can be read", "at least one", "Name the images' folder with --root.",
                             column=column)
        answered = ~images["path"].isin([path for path, _ in rejected or ()])
        known = images[answered]
        table = likeliest(np.stack(probs), predictor.labels).set_index(known.index)
        if (images["target"] >= 0).any():
            class_ids = (known["target"] + 1).astype("Int64")
            table.insert(0, "true_class_id", class_ids.mask(class_ids == 0))
        table.insert(0, "path", known["cell"])
        write_csv(table, aside)
    lines = [f"{predictor.weights.path}: {len(predictor.labels)} classes, names: {predictor.labels_from}",
             f"{out_dir / 'predictions.csv'}: {len(known):,} of {len(images):,} images answered"]
    rows = (known["target"] >= 0).to_numpy()
    lines.append(_score_line(np.stack(probs)[rows], known["target"].to_numpy()[rows]) if rows.any() else
                 f"no scores: {file} has no column {label_column!r} with classes")
    if submission is not None:
        usual = table["class_id"].mode()[0]  # for the images that cannot be read
        write_submission(submission, images["cell"], table["class_id"].reindex(images.index, fill_value=usual))
        lines.append(f"{submission}: {len(images):,} rows")
    return [*lines, *left_out_lines(rejected)]


def _score_line(probs: np.ndarray, target: np.ndarray) -> str:
    result = scores(probs, target)
    return (f"top-1 {result.top1:.2%}, top-5 {result.top5:.2%}, UAR {result.uar:.2%} over {len(target):,} images with "
            f"a class; the most frequent class is {result.support.max() / len(target):.2%} of them")
