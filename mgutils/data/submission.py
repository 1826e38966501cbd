"""The MiGA challenge's files: the ids of the test clips, and the answers that are handed in.

Both years want one line a clip, its id and its 0-based class, in the order of the ids; a zip archive holds that CSV and
nothing else. 2023: ``Submission.csv`` without a header in ``Submission.zip``. 2025: ``prediction.csv`` with the header
``Id,Target`` in ``prediction.zip``. Equal answers give equal bytes: the archive has no clock time.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import ndarray

from mgutils.data.csv import CsvWriter, describe
from mgutils.errors import ConfigError, DataError, Findings, data_error
from mgutils.files import atomic_file

CLASSES = 32
"""Classes of iMiGUE, which both challenges ask for."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")  # never what a spreadsheet takes for a formula
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip archive can hold
_MOST_BYTES = 2**26
_READ = "Give the challenge's list of test clips: ids with commas or line breaks between them."
_WRITE = "Write the file again with `mg submit`."


@dataclass(frozen=True)
class Format:
    """How a year's answers are written.

    Parameters
    ----------
    table : str
        Name of the CSV in the archive.
    archive : str
        Name of the archive.
    header : tuple of str
        Of the CSV; empty where it has none.
    """

    table: str
    archive: str
    header: tuple[str, ...]


FORMATS = {
    2023: Format("Submission.csv", "Submission.zip", ()),
    2025: Format("prediction.csv", "prediction.zip", ("Id", "Target")),
}
"""Year of the challenge to its format."""


@dataclass(frozen=True)
class Submission:
    """Answers, in the order of their file.

    Parameters
    ----------
    ids : tuple of str
        Names of the clips, ``<video>_<clip>``.
    classes : ndarray
        ``(N,)`` int64, 0-based.
    year : int or None
        Year whose format it is; ``None`` for a CSV by itself without a header, such as a list of labels.
    """

    ids: tuple[str, ...]
    classes: ndarray
    year: int | None = None


def read_ids(file: Path | str) -> list[str]:
    """Read the ids of the challenge's clips (``test_id.txt``), in their order.

    Parameters
    ----------
    file : path
        UTF-8 text; ids with commas or line breaks between them.

    Raises
    ------
    DataError
        If there is no such file; with a fault for each id that is no id or that comes twice.
    """
    file, findings = Path(file), Findings()
    text = _text(_content(file, _READ), file, _READ)
    ids = [word.strip() for word in re.split(r"[,\n]", text) if word.strip()]
    if not ids:
        raise data_error(file, "no id", "at least one", _READ)
    seen: set[str] = set()
    for number, name in enumerate(ids, start=1):
        if not _ID.fullmatch(name):
            findings.fault(file, f"{describe(name)} as id {number:,}", "a name such as 0054_0", _READ)
        elif name in seen:
            findings.fault(file, f"{name!r} again, as id {number:,}", "each id once", "Delete one of the two.")
        seen.add(name)
    if findings.faults:
        raise DataError(findings.faults)
    return ids


def write_submission(folder: Path | str, ids: Sequence[str], classes: Sequence[int] | ndarray, year: int, *,
                     count: int = CLASSES) -> Path:
    """Write the archive that is handed in; an earlier one is replaced.

    Parameters
    ----------
    folder : path
        Where ``Submission.zip`` or ``prediction.zip`` is put; made if it is not there.
    ids : sequence of str
        In the challenge's order: that of :func:`read_ids`.
    classes : sequence of int
        0-based class of each id.
    year : int
        2023 or 2025.
    count : int
        Number of classes.

    Returns
    -------
    Path
        The archive; :func:`check_submission` finds nothing wrong with it.

    Raises
    ------
    ConfigError
        If there is no such year, or the folder cannot be written to.
    DataError
        If the ids are not unique, or a class is out of range or missing.

    Taught in: 10, section 9.
    """
    if year not in FORMATS:
        raise ConfigError(f"year: found {year!r}; wanted one of {', '.join(map(str, FORMATS))}.")
    kind = FORMATS[year]
    archive = Path(folder) / kind.archive
    rows = [(str(name), str(index)) for name, index in zip(ids, classes, strict=False)]
    if len(ids) != len(classes):
        raise data_error(archive, f"{len(classes):,} answers", f"one for each of {len(ids):,} ids", "Give both alike.")
    submission = _parse(rows, archive, year)
    _check(submission, archive, [str(name) for name in ids], count)
    table = io.StringIO(newline="")
    writer = CsvWriter(table)
    for row in ([kind.header] if kind.header else []) + rows:
        writer.writerow(row)
    entry = zipfile.ZipInfo(kind.table, _EPOCH)
    entry.compress_type = zipfile.ZIP_STORED  # libraries differ in what they compress to
    entry.create_system = 3  # nor do the bytes tell the system
    entry.external_attr = 0o644 << 16
    with atomic_file(archive) as aside, zipfile.ZipFile(aside, "w") as opened:
        opened.writestr(entry, table.getvalue())
    return archive


def read_submission(file: Path | str) -> Submission:
    """Read an archive of either year, or a CSV by itself: ids and 0-based classes.

    Raises
    ------
    DataError
        If there is no such file, an archive holds anything but one of the two tables, or a line is no id and class.
    """
    file = Path(file)
    content = _content(file, _WRITE)
    year = None
    if zipfile.is_zipfile(io.BytesIO(content)):
        year, content = _unpack(content, file)
    elif file.suffix.lower() == ".zip":
        raise data_error(file, "no zip archive", f"{' or '.join(kind.table for kind in FORMATS.values())} in one",
                         _WRITE)
    try:
        rows = [row for row in csv.reader(io.StringIO(_text(content, file, _WRITE), newline=""), strict=True) if row]
    except csv.Error as error:
        raise data_error(file, f"an unreadable table: {error}", "lines of id and class", _WRITE) from None
    has_header = bool(rows) and tuple(rows[0]) == FORMATS[2025].header
    if year is not None and has_header != bool(FORMATS[year].header):
        found = "a header" if has_header else "no header"
        raise data_error(file, f"{found} in {FORMATS[year].table}",
                         f"the header {','.join(FORMATS[2025].header)} in {FORMATS[2025].table} only", _WRITE)
    return _parse(rows[has_header:], file, year or (2025 if has_header else None))


def check_submission(file: Path | str, ids: Sequence[str], *, count: int = CLASSES,
                     year: int | None = None) -> Submission:
    """Check that a file can be handed in: one answer for each id, in their order, and nothing else in the archive.

    Parameters
    ----------
    file : path
        Archive or CSV.
    ids : sequence of str
        The challenge's, as :func:`read_ids` gives them.
    count : int
        Number of classes; answers are 0..count-1.
    year : int, optional
        2023 or 2025, where it must be that year's archive.

    Raises
    ------
    DataError
        With every fault.
    """
    submission = read_submission(file)
    if year is not None and submission.year != year:
        raise data_error(file, f"the format of {submission.year or 'no year'}",
                         f"{FORMATS[year].table} alone in a zip archive", _WRITE)
    _check(submission, Path(file), ids, count)
    return submission


def _check(submission: Submission, file: Path, ids: Sequence[str], count: int) -> None:
    """Raise every fault of the answers."""
    findings, wanted, seen = Findings(), set(ids), set()
    first = _first_row(submission.year)
    for name in wanted.difference(submission.ids):
        findings.fault(file, f"no line for {name!r}", f"an answer for each of {len(ids):,} ids", _WRITE)
    findings.faults.sort(key=str)
    for row, name in enumerate(submission.ids, start=first):
        if name in seen or name not in wanted:
            found = "again" if name in seen else "which is no id of the challenge"
            findings.fault(file, f"{name!r}, {found}", "each id of the challenge once", _WRITE, row=row)
        seen.add(name)
    if not findings.faults and submission.ids != tuple(ids):
        place, pair = next((place, pair) for place, pair in enumerate(zip(submission.ids, ids, strict=True))
                           if pair[0] != pair[1])
        findings.fault(file, f"{pair[0]!r}", f"{pair[1]!r}, as in the challenge's list",
                       "Write the lines in the order of the ids.", row=place + first)
    for place in np.flatnonzero((submission.classes < 0) | (submission.classes >= count)):
        findings.fault(file, f"class {submission.classes[place]}", f"0..{count - 1}",
                       "Classes of the challenge count from 0: take 1 off the kit's class ids.",
                       row=int(place) + first)
    if findings.faults:
        raise DataError(findings.faults)


def _first_row(year: int | None) -> int:
    """Row of the first answer, as a spreadsheet counts."""
    return 2 if year is not None and FORMATS[year].header else 1


def _content(file: Path, remedy: str) -> bytes:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise data_error(file, f"{file.stat().st_size:,} bytes", f"at most {_MOST_BYTES:,}", remedy)
        return file.read_bytes()
    except (OSError, ValueError) as error:
        raise data_error(file, getattr(error, "strerror", None) or "an error", "a file that can be read", remedy
                         ) from None


def _text(content: bytes, file: Path, remedy: str) -> str:
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise data_error(file, f"the byte 0x{content[error.start]:02x}", "UTF-8 text", remedy,
                         row=content[:error.start].count(b"\n") + 1) from None


def _unpack(content: bytes, file: Path) -> tuple[int, bytes]:
    """The year and the table of an archive."""
    tables = {kind.table: year for year, kind in FORMATS.items()}
    wanted = f"{' or '.join(tables)}, and nothing else"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if len(names) != 1 or names[0] not in tables:
                raise data_error(file, f"{', '.join(map(describe, names[:5])) or 'nothing'} in the archive"
                                 + f" and {len(names) - 5:,} more" * (len(names) > 5), wanted, _WRITE)
            if archive.getinfo(names[0]).file_size > _MOST_BYTES:
                raise data_error(file, f"a table of {archive.getinfo(names[0]).file_size:,} bytes",
                                 f"at most {_MOST_BYTES:,}", _WRITE)
            return tables[names[0]], archive.read(names[0])
    except DataError:
        raise
    except Exception as error:  # zipfile raises whatever the broken part of a file makes it raise
        raise data_error(file, f"no readable archive ({type(error).__name__})", wanted, _WRITE) from None


def _parse(rows: Sequence[Sequence[str]], file: Path, year: int | None) -> Submission:
    findings, ids, classes = Findings(), [], []
    for row, fields in enumerate(rows, start=_first_row(year)):
        answer = fields[-1].strip()
        if len(fields) != 2 or not _ID.fullmatch(fields[0]) or not re.fullmatch(r"-?[0-9]{1,9}", answer, re.ASCII):
            findings.fault(file, describe(",".join(fields)), "id,class", _WRITE, row=row)
            continue
        ids.append(fields[0])
        classes.append(int(answer))
    if not ids and not findings.faults:
        findings.fault(file, "no answers", "a line of id and class for each clip", _WRITE)
    if findings.faults:
        raise DataError(findings.faults)
    return Submission(tuple(ids), np.array(classes, dtype=np.int64), year)
