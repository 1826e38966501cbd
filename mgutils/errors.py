"""The errors that the kit raises for a user's mistake, and nothing else.

All of them derive from :class:`MgError`. The command line prints such an error without a traceback and exits
with status 2. An error of any other type is a defect of the kit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class MgError(Exception):
    """Base of every error that the kit raises on purpose.

    The message says what was found, what was wanted and what to do next.
    """

    exit_status = 2


class ConfigError(MgError):
    """A setting is unknown, out of range or contradicts another one."""


class CheckpointError(MgError):
    """A checkpoint cannot be read, or does not fit the model."""


class TrainingError(MgError):
    """A run cannot go on: its loss is no longer a number."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a dataset.

    Parameters
    ----------
    file : str
        File as the user would type it.
    row : int or None
        Row as a spreadsheet counts it: the header is row 1. ``None`` for a fault of the whole file.
    column : str or None
        Name of the column, ``None`` for a fault of the whole row.
    found, wanted, remedy : str
        What stands there, what should, and what to do next.
    """

    file: str
    row: int | None
    column: str | None
    found: str
    wanted: str
    remedy: str

    def __str__(self) -> str:
        place = self.file
        if self.row is not None:
            place += f", row {self.row}"
        if self.column is not None:
            place += f", column {self.column!r}"
        return f"{place}: found {self.found}; wanted {self.wanted}. {self.remedy}"


class DataError(MgError):
    """A dataset does not keep the data contract; lists every fault at once.

    Parameters
    ----------
    faults : sequence of Fault
        At least one.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        count = len(self.faults)
        lines = [f"{count} fault{'s' if count != 1 else ''} in the data"]
        super().__init__("\n  ".join([*lines, *map(str, self.faults)]))
