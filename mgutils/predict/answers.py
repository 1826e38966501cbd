"""Answers as files: ``predictions.csv``, the course's submission file, and the list of images to answer for.

Files are written row by row, aside, and renamed when they are whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd

from mgutils.data.csv import CsvWriter, describe, digits, read_table
from mgutils.data.labels import ILLUSTRATIVE, RAW_ILLUSTRATIVE, Labels
from mgutils.errors import DataError, Findings, printable
from mgutils.files import atomic_file

_TABLE_REMEDY = "Name the table with --imagepathscsv and its columns with --columnname and --labelcolumn."


class Rows:
    """A CSV that is being written; :func:`csv_rows` makes one."""

    def __init__(self, file: TextIO, columns: Sequence[str]) -> None:
        self._writer, self._columns, self.count = CsvWriter(file), tuple(columns), 0
        self._writer.writerow(columns)

    def add(self, row: dict[str, Any]) -> None:
        """Write one row; keys that are absent are left empty."""
        if unknown := sorted(row.keys() - set(self._columns)):
            raise ValueError(f"row: found {unknown[0]!r}; wanted some of {', '.join(self._columns)}.")
        self._writer.writerow(row.get(column, "") for column in self._columns)
        self.count += 1


@contextmanager
def csv_rows(path: Path, columns: Sequence[str]) -> Iterator[Rows]:
    """Write a CSV row by row; it has its name when the block ends, and nothing is left where an error ended it.

    Raises
    ------
    ConfigError
        If the file cannot be written.
    """
    with atomic_file(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        yield Rows(file, columns)


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
            yield from (printable(f"  {path}: {why}") for path, why in self.files)


@dataclass(frozen=True)
class ImageList:
    """A table of images to answer for.

    Parameters
    ----------
    file : Path
        The CSV.
    cells : tuple of str
        Paths as they stand there.
    paths : tuple of Path
        Where the images are.
    target : ndarray (N,)
        Class indices 0..C-1, -1 where the table does not say.
    """

    file: Path
    cells: tuple[str, ...]
    paths: tuple[Path, ...]
    target: np.ndarray


def read_image_list(file: Path, column: str, labels: Labels, *, label_column: str = "Class",
                    root: Path | None = None, missing: bool = False) -> ImageList:
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

    Raises
    ------
    DataError
        With every row whose image is not there or whose class is none.
    """
    findings = Findings()
    table = read_table(file, (column,), _TABLE_REMEDY, findings)
    if table is None:
        raise DataError(findings.faults)
    cells = table[column].str.strip()
    home = root or _home(file, cells.iloc[0])
    paths = [home / cell for cell in cells]
    if not missing:
        lost = [place for place, path in enumerate(paths) if not cells.iloc[place] or not _is_file(path)]
        findings.rows(file, column, table.index[lost], [describe(cells.iloc[place]) for place in lost],
                      f"an image in {home}", "Restore the image, name its folder with --root, or leave it out with "
                      "--skip-bad.")
    target = np.full(len(table), -1)
    if label_column in table:
        target = _classes(file, table[label_column], labels, findings)
    if findings.faults:
        raise DataError(findings.faults)
    return ImageList(file, tuple(cells), tuple(paths), target)


def _home(file: Path, first: str) -> Path:
    homes = (file.parent, file.parent / "training", Path("training"), Path("."))
    return next((home for home in homes if first and _is_file(home / first)), file.parent)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _classes(file: Path, cells: pd.Series, labels: Labels, findings: Findings) -> np.ndarray:
    """Class indices, -1 for an empty cell; a fault for anything that is no class id."""
    ids = digits(cells)
    if len(labels) == ILLUSTRATIVE:
        ids = np.where(ids == RAW_ILLUSTRATIVE, ILLUSTRATIVE, ids)
    given = cells.str.strip().ne("").to_numpy(dtype=bool)
    bad = np.flatnonzero(given & ((ids < 1) | (ids > len(labels))))
    findings.rows(file, str(cells.name), cells.index[bad], [describe(cells.iloc[place]) for place in bad],
                  f"a class id in 1..{len(labels)}", "Correct the class, empty the cell, or name another column with "
                  "--labelcolumn.")
    return np.where(given, ids - 1, -1)


def check_submission(images: ImageList) -> None:
    """A submission names images by their file name alone, so each must be there once.

    Raises
    ------
    DataError
        With every row whose file name an earlier row has.
    """
    names = pd.Series([submission_name(cell) for cell in images.cells])
    again = np.flatnonzero(names.duplicated())
    if len(again):
        findings = Findings()
        findings.rows(images.file, None, again, [f"the file name {names[place]!r} again" for place in again],
                      "each file name once, for --submission names no folders", "Leave --submission out, or rename.")
        raise DataError(findings.faults)


def submission_name(cell: str) -> str:
    """The file name in a path with slashes of either kind."""
    return cell.replace("\\", "/").rsplit("/", 1)[-1]


def write_submission(path: Path, rows: Iterable[tuple[str, int]]) -> int:
    """Write the course's file, ``filename,class``; returns the number of rows."""
    with csv_rows(path, ("filename", "class")) as file:
        for cell, class_id in rows:
            file.add({"filename": submission_name(cell), "class": class_id})
    return file.count
