"""The list of images that ``mg test`` answers for, and the course's submission file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.data.csv import describe, digits, read_csv, write_csv
from mgutils.data.labels import ILLUSTRATIVE, RAW_ILLUSTRATIVE, Labels
from mgutils.errors import DataError, Findings, printable
from mgutils.files import atomic_file

_TABLE_REMEDY = "Name the table with --imagepathscsv and its columns with --columnname and --labelcolumn."


def left_out_lines(rejected: Sequence[tuple[Path, str]] | None) -> Iterator[str]:
    """What to print about files that could not be read: pairs of path and reason."""
    if rejected:
        yield f"left out: {len(rejected):,} files that cannot be read"
        yield from (printable(f"  {path}: {why}") for path, why in rejected)


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
        Holds class ids where there is such a column; empty cells are images without a class.
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
    """Class indices, -1 for an empty cell; a fault for anything that is no class id."""
    ids = digits(cells)
    if len(labels) == ILLUSTRATIVE:
        ids = np.where(ids == RAW_ILLUSTRATIVE, ILLUSTRATIVE, ids)
    bad = cells[(cells != "") & ((ids < 1) | (ids > len(labels)))]
    findings.rows(file, str(cells.name), bad.index, bad.map(describe), f"a class id in 1..{len(labels)}",
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
