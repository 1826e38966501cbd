"""What is handed in: finding the submissions of a folder, and having their notebooks read in a box.

A submission is a notebook, or a folder with one or several. File names, cell ids, tags and outputs
do not matter: only the functions in the code cells do (:mod:`mgutils.grading.reader`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mgutils.errors import ConfigError, MgError
from mgutils.grading.box import Box, Dead, Limits

LARGEST = 50_000_000
"""Bytes of a notebook; with all figures the course's own have five million."""


@dataclass(frozen=True)
class Submission:
    """What one student handed in."""

    name: str
    """Printable: a student chose the file's name."""
    files: tuple[Path, ...]


class Unreadable(MgError):
    """A file that is no notebook."""


def printable(text: str) -> str:
    """The text on one line, with what could act on a terminal or cannot be written escaped."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def find_submissions(folder: Path | str) -> list[Submission]:
    """One submission for each file and folder in a folder, by name; links are not followed.

    Raises
    ------
    ConfigError
        If the folder is absent or empty.
    """
    folder = Path(folder)
    found = folder.iterdir() if folder.is_dir() else ()
    entries = sorted(path for path in found if not path.name.startswith("."))
    if not entries:
        raise ConfigError(f"{folder}: found no submissions; wanted a folder with a notebook, or a "
                          "folder of notebooks, for each student.")
    stems = [path.stem if path.suffix == ".ipynb" else path.name for path in entries]
    names = [path.name if stems.count(stem) > 1 else stem
             for path, stem in zip(entries, stems, strict=True)]
    return [Submission(printable(name), _files(path))
            for name, path in zip(names, entries, strict=True)]


def _files(path: Path) -> tuple[Path, ...]:
    if path.is_dir() and not path.is_symlink():
        return tuple(sorted(file for file in path.rglob("*.ipynb")
                            if ".ipynb_checkpoints" not in file.parts))
    return (path,)


def read_notebook(file: Path, names: Iterable[str], confined: bool = True) -> dict[str, Any]:
    """What :func:`mgutils.grading.reader.read` says of a notebook, and the file's name.

    Raises
    ------
    Unreadable
        If the file is a link, too large, or no notebook.
    """
    name = printable(file.name)
    if file.is_symlink() or not file.is_file():
        raise Unreadable(f"{name}: a link or no file; wanted a notebook of its own.")
    if file.stat().st_size > LARGEST:
        raise Unreadable(f"{name}: {file.stat().st_size:,} bytes; wanted at most {LARGEST:,}. "
                         "Clear its outputs.")
    with file.open("rb") as content:
        box = Box("reader", " ".join(names), Limits(starts=20, confined=confined), stdin=content)
        try:
            found = box.start()
        except Dead as dead:
            raise Unreadable(f"{name}: cannot be read: {dead}.") from None
        finally:
            box.end()
    if found is None:
        raise Unreadable(f"{name}: no notebook, or a broken one; wanted a file that JupyterLab opens.")
    return found | {"file": name}
