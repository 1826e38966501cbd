"""What ``mg test`` does: answer for the images that a table lists, score the answers, write the submission."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.data.csv import describe, digits, read_csv, write_csv
from mgutils.data.labels import ILLUSTRATIVE, RAW_ILLUSTRATIVE, Labels
from mgutils.data.pictures import left_out_lines, read_pictures
from mgutils.errors import DataError, Findings, data_error
from mgutils.files import atomic_file
from mgutils.metrics.scores import scores
from mgutils.predict.predictor import Predictor, likeliest
from mgutils.progress import progress_bar

_IDS = "Class"
_TABLE_REMEDY = "Name the table with --imagepathscsv and its columns with --columnname and --labelcolumn."


def answer_table(predictor: Predictor, file: Path, column: str, out_dir: Path, *, label_column: str = "Class",
                 root: Path | None = None, submission: Path | None = None, skip_bad: bool = False,
                 batch_size: int = 64, progress: bool = True) -> list[str]:
    """Answer for the images that a table lists: ``predictions.csv``, scores, and the submission if it is wanted.

    Parameters
    ----------
    predictor : Predictor
    file, column, label_column, root
        As :func:`read_image_list` takes them.
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


def read_image_list(file: Path, column: str, labels: Labels, *, label_column: str = "Class",
                    root: Path | None = None, missing: bool = False) -> pd.DataFrame:
    """Read a table of images, and find them and their classes.

    Parameters
    ----------
    file : Path
        CSV with a header.
    column : str
        Holds the paths.
    labels : Labels
        The model's classes.
    label_column : str
        Holds class ids, or own names, where there is such a column; empty cells are images without a class.
    root : Path, optional
        Folder of relative paths. If not given, the first of these in which the first image is: the folder of the CSV,
        ``training`` in it, ``training`` in the current folder, as the original has it, and the current folder.
    missing : bool
        Let images be missing; who decodes them finds out.

    Returns
    -------
    DataFrame
        ``cell`` (the path as it stands there), ``path`` (where the image is), ``target`` (class index 0..C-1, -1 where
        the table does not say).

    Raises
    ------
    DataError
        With every row whose image is not there or whose class is none.
    """
    findings = Findings()
    table = read_csv(file, (column,), _TABLE_REMEDY)
    cells = table[column].str.strip()
    home = root or _home(file, cells.iloc[0])
    images = pd.DataFrame({"cell": cells, "path": [home / cell for cell in cells], "target": -1})
    if not missing:
        lost = cells[[not cell or not os.path.isfile(home / cell) for cell in cells]]
        findings.rows(file, column, lost.index, lost.map(describe), f"an image in {home}",
                      "Restore the image, name its folder with --root, or leave it out with --skip-bad.")
    if label_column in table:
        images["target"] = _classes(file, table[label_column].str.strip(), labels, findings)
    if findings.faults:
        raise DataError(findings.faults)
    return images


def _home(file: Path, first: str) -> Path:
    homes = (file.parent, file.parent / "training", Path("training"), Path("."))
    return next((home for home in homes if first and os.path.isfile(home / first)), file.parent)


def _classes(file: Path, cells: pd.Series, labels: Labels, findings: Findings) -> np.ndarray:
    """Class indices, -1 for an empty cell; a fault for anything that is neither a class id nor an own name.

    Own names may be numbers too: in a column ``Class``, which the kit's tables have, ids are looked for first.
    """
    ids, own = digits(cells), {name: class_id for class_id, name in enumerate(labels.own, start=1)}
    known = cells.isin(["", *own])
    if known.all() and (cells.name != _IDS or not np.isin(ids[cells != ""], list(own.values())).all()):
        ids = cells.map(own).fillna(0).to_numpy(np.int64)
    if len(labels) == ILLUSTRATIVE:
        ids = np.where(ids == RAW_ILLUSTRATIVE, ILLUSTRATIVE, ids)
    bad = cells[(cells != "") & ((ids < 1) | (ids > len(labels)))]
    wanted = f"a class id in 1..{len(labels)}" + ", or an own name in every row" * bool(own)
    findings.rows(file, str(cells.name), bad.index, bad.map(describe), wanted,
                  "Correct the class, empty the cell, or name another column with --labelcolumn.")
    return np.where(cells == "", -1, ids - 1)


def check_submission(images: pd.DataFrame, file: Path) -> None:
    """A submission names images by their file name alone, so each must be there once.

    Raises
    ------
    DataError
        With every row whose file name an earlier row has.
    """
    names = images["cell"].map(_file_name)
    again = names[names.duplicated()]
    if len(again):
        findings = Findings()
        findings.rows(file, None, again.index, [f"the file name {name!r} again" for name in again],
                      "each file name once, for --submission names no folders", "Leave --submission out, or rename.")
        raise DataError(findings.faults)


def _file_name(cell: str) -> str:
    """The file name in a path with slashes of either kind."""
    return cell.replace("\\", "/").rsplit("/", 1)[-1]


def write_submission(path: Path, cells: pd.Series, class_ids: np.ndarray) -> None:
    """Write the course's file, ``filename,class``."""
    with atomic_file(path) as aside:
        write_csv(pd.DataFrame({"filename": cells.map(_file_name), "class": class_ids}), aside)
