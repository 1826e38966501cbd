"""The errors that the kit raises for a user's mistake, and the faults of a dataset that they list.

All of them derive from :class:`MgError`. The command line prints such an error without a traceback and exits
with its status: 2, or 1 where a notebook failed. An error of any other type is a defect of the kit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

FIRST_ROW = 2
"""Row of the first line under the header, as a spreadsheet counts."""


class MgError(Exception):
    """Base of every error that the kit raises on purpose.

    The message says what was found, what was wanted and what to do next.
    """

    exit_status = 2

    def __init__(self, message: str = "") -> None:
        # a file name that is no UTF-8 cannot be printed as it is
        super().__init__(printable(str(message)))


def printable(text: str) -> str:
    """The text with what UTF-8 cannot hold as backslash escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class ConfigError(MgError):
    """A setting is unknown, out of range or contradicts another one."""


class CheckpointError(MgError):
    """A checkpoint cannot be read, or does not fit the model."""


class TrainingError(MgError):
    """A run cannot go on: its loss is no longer a number."""


class NotebookError(MgError):
    """A cell of a notebook failed, took too long, or ended its kernel."""

    exit_status = 1


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

    @property
    def kind(self) -> tuple[str | None, str]:
        """What faults that differ only in place and finding have in common."""
        return self.column, self.remedy

    def __str__(self) -> str:
        return self.line(self.file if self.row is None else f"{self.file}, row {self.row}")

    def line(self, place: str, times: str = "") -> str:
        """The fault in one line, as found at a place, or at several."""
        if self.column is not None:
            place += f", column {self.column!r}"
        return f"{place}: found {self.found}{times}; wanted {self.wanted}. {self.remedy}"


def fault_lines(faults: Sequence[Fault]) -> list[str]:
    """A line for each fault; four or more that differ in their row or their file alone share one, with their number."""
    alike: dict[tuple, list[Fault]] = {}
    for fault in faults:
        alike.setdefault((fault.found, fault.wanted), []).append(fault)
    lines = []
    for same in alike.values():
        if len(same) < 4:
            lines += map(str, same)
            continue
        files = list(dict.fromkeys(fault.file for fault in same))
        rows = [f"{fault.row}" for fault in same if fault.row is not None]
        in_rows = len(files) == 1 and bool(rows)
        names = rows if in_rows else files
        more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
        place = f"{files[0]}, rows " * in_rows + ", ".join(names[:5]) + more
        lines.append(same[0].line(place, f" ({len(same):,} times)"))
    return lines


@dataclass
class Findings:
    """Faults (they stop the work) and notes (they do not), in the order in which they were found."""

    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    images: dict[str, str] = field(default_factory=dict)
    """Images with a fault, by their path in the table, and what is wrong; ``--skip-bad`` leaves these out."""

    def fault(self, file: Path | str, found: str, wanted: str, remedy: str, *, row: int | None = None,
              column: str | None = None) -> None:
        """Add one fault."""
        self.faults.append(Fault(str(file), row, column, found, wanted, remedy))

    def rows(self, file: Path | str, column: str | None, positions: Iterable[int], found: Sequence[str], wanted: str,
             remedy: str) -> None:
        """Add a fault for each of the 0-based ``positions``; ``found[i]`` belongs to the i-th of them."""
        for position, text in zip(positions, found, strict=True):
            self.fault(file, text, wanted, remedy, row=int(position) + FIRST_ROW, column=column)


class DataError(MgError):
    """A dataset does not keep the data contract; lists every fault at once, at most 20 lines of a kind in the message.

    Parameters
    ----------
    faults : sequence of Fault
        At least one. All of them are kept in ``faults``.
    """

    printed_per_kind = 20

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        count = len(self.faults)
        lines = [f"{count:,} fault{'s' if count != 1 else ''} in the data"]
        kinds: dict[tuple, list[Fault]] = {}
        for fault in self.faults:
            kinds.setdefault(fault.kind, []).append(fault)
        for same in kinds.values():
            of_kind = fault_lines(same)
            lines += of_kind[:self.printed_per_kind]
            if len(of_kind) > self.printed_per_kind:
                lines.append(f"… and {len(of_kind) - self.printed_per_kind:,} more like the one before")
        super().__init__("\n  ".join(lines))

    def __reduce__(self) -> tuple:
        """Keep the faults when the error comes back from another process."""
        return type(self), (self.faults,)


def data_error(file: Path | str, found: str, wanted: str, remedy: str, *, row: int | None = None,
               column: str | None = None) -> DataError:
    """The error of a single fault."""
    return DataError([Fault(str(file), row, column, found, wanted, remedy)])
