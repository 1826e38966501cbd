"""Class ids, class names, and the only conversion between them.

Class ids are 1..C in files and tables and 0..C-1 in tensors. The raw iMiGUE annotation code 99 is class 32, the
class of illustrative gestures, which is not a micro-gesture.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.data.csv import digits, read_csv, refuse_cells, write_csv
from mgutils.errors import DataError, Findings, data_error

RAW_ILLUSTRATIVE = 99
ILLUSTRATIVE = 32
LONGEST_NAME = 1000
"""Characters of a caption; a cell of a workbook holds 32,767."""
UNPRINTABLE = re.compile(r"[\x00-\x1f\ufffe\uffff]")
"""Characters that a workbook cannot hold, or that break a line."""


@dataclass(frozen=True)
class Labels:
    """The classes of a dataset, in the order of their ids.

    Parameters
    ----------
    names : tuple of str
        ``names[i]`` is the caption of class id ``i + 1``, byte for byte (trailing spaces included).
    own : tuple of str, optional
        What whoever imported the images calls the classes; empty where nobody says.
    """

    names: tuple[str, ...]
    own: tuple[str, ...] = field(default=(), compare=False)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def display(self) -> tuple[str, ...]:
        """Names for pictures and prints: the own ones, else the captions."""
        return self.own or self.captions

    @property
    def captions(self) -> tuple[str, ...]:
        """Captions without surrounding spaces, with a capital first letter."""
        return tuple(name.strip()[:1].upper() + name.strip()[1:] for name in self.names)

    @property
    def record(self) -> dict[str, list[str]]:
        """What the settings of a run keep of its classes."""
        return {"captions": list(self.names)} | ({"classes": list(self.own)} if self.own else {})

    def name(self, class_id: int) -> str:
        """Caption of a class id, byte for byte."""
        return self.names[self.to_index([class_id])[0]]

    def to_index(self, class_ids: Iterable[int]) -> np.ndarray:
        """Class ids 1..C (99 is read as 32 where there are 32 classes) to tensor indices 0..C-1.

        Raises
        ------
        ValueError
            If an id is outside the range.
        """
        ids = np.asarray(list(class_ids), dtype=np.int64)
        if len(self) == ILLUSTRATIVE:
            ids = np.where(ids == RAW_ILLUSTRATIVE, ILLUSTRATIVE, ids)
        outside = ids[(ids < 1) | (ids > len(self))]
        if outside.size:
            raise ValueError(f"class id {outside[0]} is outside 1..{len(self)}")
        return ids - 1

    def to_id(self, indices: Iterable[int]) -> np.ndarray:
        """Tensor indices 0..C-1 to class ids 1..C.

        Raises
        ------
        ValueError
            If an index is outside the range.
        """
        index = np.asarray(list(indices), dtype=np.int64)
        outside = index[(index < 0) | (index >= len(self))]
        if outside.size:
            raise ValueError(f"class index {outside[0]} is outside 0..{len(self) - 1}")
        return index + 1


def read_labels(path: Path | str) -> Labels:
    """Read ``Clip_label.csv`` (columns ``id,name``; ids 1..C without gaps, in any order).

    The own names are those of ``classes.csv`` beside it, where `mg import folders` wrote one.

    Raises
    ------
    DataError
        With every fault of the file.
    """
    path = Path(path)
    table = read_csv(path, ("id", "name"), "Copy the original's Clip_label.csv there, or make data with `mg synth`.")
    numbers, names = pd.Series(digits(table["id"]), table.index), table["name"]
    findings = Findings()
    outside = (numbers < 1) | (numbers > len(table))
    refuse_cells(findings, path, table["id"][outside], f"a whole number in 1..{len(table)}, without gaps",
                 "Number the classes from 1.")
    refuse_cells(findings, path, table["id"][~outside & numbers.duplicated()], "each id once",
                 "Renumber one of the two rows.", found="{} again")
    strange = (names.str.strip() == "") | (names.str.len() > LONGEST_NAME)
    strange |= names.map(lambda name: bool(UNPRINTABLE.search(name)))  # not `str.contains`: pyarrow has its own dialect
    refuse_cells(findings, path, names[strange], f"the class's caption: one line, at most {LONGEST_NAME:,} characters",
                 "Write it in.")
    if findings.faults:
        raise DataError(findings.faults)
    return Labels(tuple(names[numbers.sort_values().index]), _own_names(path.with_name("classes.csv"), len(table)))


def _own_names(file: Path, count: int) -> tuple[str, ...]:
    if not file.exists():
        return ()
    remedy = "Import the images again, or delete the file to call the classes by their captions."
    table = read_csv(file, ("class_id", "source"), remedy)
    own = pd.Series(table["source"].to_numpy(), digits(table["class_id"])).sort_index()
    if list(own.index) != list(range(1, count + 1)):
        raise data_error(file, f"{len(own)} ids", f"each of 1..{count} once", remedy, column="class_id")
    return tuple(own)


def write_labels(labels: Labels, path: Path | str) -> None:
    """Write ``Clip_label.csv``; :func:`read_labels` gives back the names byte for byte."""
    write_csv(pd.DataFrame({"id": range(1, len(labels) + 1), "name": labels.names}), path)


@cache
def imigue_classes() -> pd.DataFrame:
    """Facts about the 32 iMiGUE classes: aggregate counts, names, groups (no row of the dataset itself).

    Returns
    -------
    DataFrame
        Indexed by ``class_id`` 1..32; columns ``official_name, group, original_caption, clips_all, …``. Class 32 has an
        empty group.
    """
    with resources.files("mgutils.data").joinpath("imigue_classes.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file, keep_default_na=False, index_col="class_id")


def imigue_labels() -> Labels:
    """The original's 32 captions, byte for byte."""
    return Labels(tuple(imigue_classes()["original_caption"]))


GROUPS = ("Head", "Head-Hand", "Body-Hand", "Body", "Hand", "none")
"""Groups of gestures in the order of every figure; ``none`` is class 32, which is not a micro-gesture."""


def gesture_groups(labels: Labels) -> tuple[str, ...]:
    """Group of each class, one of :data:`GROUPS`; ``none`` throughout where the classes are not iMiGUE's."""
    if labels != imigue_labels():
        return ("none",) * len(labels)
    return tuple(group or "none" for group in imigue_classes()["group"])


def group_order(labels: Labels) -> list[int]:
    """Class indices 0..C-1 sorted by group and then by id: the order of rows in figures that show groups."""
    groups = gesture_groups(labels)
    return sorted(range(len(labels)), key=lambda index: GROUPS.index(groups[index]))
