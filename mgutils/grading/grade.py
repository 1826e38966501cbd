"""Grading a folder: every submission in a box of its own, a row and a page of feedback for each.

A submission is a notebook, or a folder with one or several. File names, cell ids, tags and outputs
do not matter: only the functions in the code cells do (:mod:`mgutils.grading.reader`).
"""

from __future__ import annotations

import csv
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mgutils.errors import ConfigError, MgError
from mgutils.exercises.answers import Student
from mgutils.exercises.calls import Failed
from mgutils.exercises.catalogue import Exercise, Result, all_exercises, verdict
from mgutils.exercises.inspection import Facts
from mgutils.grading.box import Box, Dead, Limits, why_open
from mgutils.grading.feedback import page_name, write_page
from mgutils.grading.values import pack, unpack

LARGEST = 50_000_000
"""Bytes of a notebook; with all figures the course's own have five million."""
_HIDING = ("getattr", "eval", "exec", "__import__", "import_module", "globals", "vars", "__dict__",
           "__getattribute__", "attrgetter", "methodcaller")
"""Ways to use a name without writing it, refused where the name is."""


@dataclass(frozen=True)
class Graded:
    """What became of one submission."""

    name: str
    status: str
    """``graded``, ``empty`` (no function of any exercise), ``unreadable`` or ``died``."""
    note: str
    """What an instructor should know."""
    results: dict[str, Result]
    """By exercise."""
    tasks: tuple[Exercise, ...]

    @property
    def points(self) -> int:
        """Of the solved exercises."""
        return sum(task.points for task in self.tasks if self.results[task.name])

    @property
    def most(self) -> int:
        """Points that could be had."""
        return sum(task.points for task in self.tasks)


def grade(folder: Path | str, out_dir: Path | str, *, jobs: int = 1, notebooks: Sequence[str] = (),
          limits: Limits = Limits(), seed: int | None = None) -> list[Graded]:  # noqa: B008 (frozen)
    """Grade every submission; write ``grades.csv`` and ``feedback/<submission>.html``.

    Parameters
    ----------
    folder : path
        With a notebook, or a folder of notebooks, for each student.
    out_dir : path
        Receives the pages, in place of old ones, and the table, each row as soon as it is known.
    jobs : int
        Submissions at a time.
    notebooks : sequence of str
        Numbers of the notebooks whose exercises count; all if empty.
    limits : Limits
        Of one submission.
    seed : int, optional
        Of the checkers' random trials; drawn if not given. The table has it.

    Raises
    ------
    ConfigError
        If there are no submissions, no such notebook, or no wall can be put up.
    """
    known = {task.notebook for task in all_exercises().values()}
    if unknown := sorted(set(notebooks) - known):
        raise ConfigError(f"notebooks: found {unknown[0]!r}; wanted some of {', '.join(sorted(known))}.")
    if jobs < 1:
        raise ConfigError(f"jobs: found {jobs}; wanted at least 1.")
    submissions, pages = find_submissions(folder), Path(out_dir) / "feedback"
    if limits.confined and (reason := why_open()):
        raise ConfigError(f"no wall around submissions: {reason}. Install bubblewrap (Linux), grade in "
                          "a container (INSTRUCTORS.md), or say --unconfined if you trust them all.")
    tasks = tuple(one for one in all_exercises().values() if not notebooks or one.notebook in notebooks)
    seed = secrets.randbits(32) if seed is None else seed
    pages.mkdir(parents=True, exist_ok=True)
    for old in pages.glob("[0-9][0-9][0-9]_*.html"):
        old.unlink()
    graded: dict[int, Graded] = {}
    with (ThreadPoolExecutor(jobs) as pool, (Path(out_dir) / "grades.csv").open(
            "w", encoding="utf-8", newline="", errors="backslashreplace") as table):
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["submission", "status", "solved", "exercises", "points", "of", "note", "seed",
                         *(task.name for task in tasks)])
        waiting = {pool.submit(_safely, *submission, tasks, limits, seed): number
                   for number, submission in enumerate(submissions, start=1)}
        for future in as_completed(waiting):
            number, one = waiting[future], future.result()
            graded[number] = one
            write_page(one, pages / page_name(one.name, number))
            solved = sum(map(bool, one.results.values()))
            writer.writerow([_cell(one.name), one.status, solved, len(tasks), one.points, one.most,
                             _cell(one.note), seed, *(one.results[task.name].status for task in tasks)])
            table.flush()
    return [graded[number] for number in sorted(graded)]


def find_submissions(folder: Path | str) -> list[tuple[str, list[Path]]]:
    """Name and notebooks of each submission; links are not followed.

    Raises
    ------
    ConfigError
        If the folder is absent or empty.
    """
    found = Path(folder).iterdir() if Path(folder).is_dir() else ()
    entries = sorted(path for path in found if not path.name.startswith("."))
    if not entries:
        raise ConfigError(f"{folder}: found no submissions; wanted a folder with a notebook, or a "
                          "folder of notebooks, for each student.")
    stems = [path.stem if path.suffix == ".ipynb" else path.name for path in entries]
    names = [path.name if stems.count(stem) > 1 else stem
             for path, stem in zip(entries, stems, strict=True)]
    return [(printable(name), sorted(file for file in path.rglob("*.ipynb") if ".ipynb_checkpoints"
                                     not in file.parts) if path.is_dir() and not path.is_symlink()
             else [path]) for name, path in zip(names, entries, strict=True)]


def printable(text: str) -> str:
    """The text with all that could act on a terminal, or cannot be written, escaped."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _safely(name: str, files: list[Path], tasks: tuple[Exercise, ...], limits: Limits,
            seed: int) -> Graded:
    """Grade one submission; whatever happens with it, the others are graded."""
    notes, nothing = [], {one.name: Result(one.name, "missing", f"{one.name}: missing.") for one in tasks}
    try:
        status, results = _grade(files, tasks, limits, seed, notes)
    except Exception as error:
        status, results = "died", {}
        notes.append(f"grading it failed: {type(error).__name__}: {error}")
    return Graded(name, status, "; ".join(map(str, notes)), nothing | results, tasks)


def _grade(files: list[Path], tasks: tuple[Exercise, ...], limits: Limits, seed: int,
           notes: list[str]) -> tuple[str, dict[str, Result]]:
    found, functions = [], {}
    for file in files:
        try:
            found.append(read_notebook(file, [task.name for task in tasks], limits))
        except MgError as error:
            notes.append(str(error))
    for number, one in enumerate(found):  # of several functions, the last one that is no stub counts
        functions |= {name: (number, Facts(stub, None, frozenset(names)))
                      for name, (stub, names) in one["facts"].items() if name not in functions or not stub}
    if not functions:
        return "unreadable" if notes and not any(one["code"] for one in found) else "empty", {}
    modules = {module for one in found for module in one["modules"]} | {
        "torch" for task in tasks if task.name in functions  # for tensors among the arguments
        and hasattr(sys.modules[task.checker.__module__], "torch")}
    notebooks = [{"file": one["file"], "cells": one["cells"]} for one in found]
    box = Box("worker", "", limits, boot={"notebooks": notebooks, "modules": sorted(modules)})
    try:
        notes += box.start()
        return "graded", {task.name: verdict(
            replace(task, by_hand=task.by_hand + _HIDING) if task.by_hand else task, facts,
            _Boxed(box, task.name, number, seed)) for task in tasks if task.name in functions
            for number, facts in [functions[task.name]]}
    finally:
        box.end()


def read_notebook(file: Path, names: Sequence[str], limits: Limits) -> dict[str, Any]:
    """What :mod:`mgutils.grading.reader` says of a notebook, and the file's name.

    Raises
    ------
    MgError
        If the file is a link, too large, or no notebook.
    """
    name = printable(file.name)
    if file.is_symlink() or not file.is_file():
        raise MgError(f"{name}: a link or no file; wanted a notebook of its own.")
    if (size := file.stat().st_size) > LARGEST:
        raise MgError(f"{name}: {size:,} bytes; wanted at most {LARGEST:,}. Clear its outputs.")
    with file.open("rb") as content:
        box = Box("reader", " ".join(names), replace(limits, starts=20), stdin=content)
        try:
            found = box.start()
        except Dead as dead:
            raise MgError(f"{name}: cannot be read: {dead}.") from None
        finally:
            box.end()
    if found is None:
        raise MgError(f"{name}: no notebook, or a broken one; wanted a file that JupyterLab opens.")
    return found | {"file": name}


class _Boxed(Student):
    """Calls a function in a submission's box."""

    def __init__(self, box: Box, name: str, notebook: int, seed: int) -> None:
        super().__init__(lambda: None, box.limits.seconds, seed)
        self.box, self.function = box, {"name": name, "notebook": notebook}

    def _call(self, arguments: tuple, named: Mapping[str, Any], gradient_of: int | None) -> Any:
        began = time.monotonic()
        call = (tuple(map(_layers, arguments)), dict(named), gradient_of, self.left, self.seconds)
        try:
            # the box stops a function by itself; what it cannot stop is ended a little later
            kind, *answer = self.box.ask(self.function | {"call": pack(call)}, self.left + 1.5)
            if kind == "value":
                return unpack(*answer)
            raise Failed("time" if answer[0] == "time" else "error", str(answer[1])[:600])
        except (Dead, ValueError, TypeError, LookupError) as error:
            raise Failed("time" if "in time" in str(error) else "error", f"nothing: {error}") from None
        finally:
            self.left -= time.monotonic() - began


def _layers(value: Any) -> Any:
    """An argument; a sequence of torch layers as their names, settings and numbers."""
    if not hasattr(value, "state_dict"):
        return value
    return {"training": value.training, "layers": [
        (type(layer).__name__, {name: getattr(layer, name) for name in layer.__constants__},
         dict(layer.state_dict())) for layer in value]}


def _cell(text: str) -> str:
    """Text of a student, which a spreadsheet must not take for a formula, on one line."""
    text = " ".join(text.split())
    return f"'{text}" if text[:1] in tuple("=+-@") else text
