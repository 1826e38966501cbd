"""Grading a folder: every submission in a box of its own, a row and a page of feedback for each.

A submission is a notebook, or a folder with one or several. File names, cell ids, tags and outputs
do not matter: only the functions in the code cells do (:mod:`mgutils.grading.reader`).
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mgutils.csvfile import CsvWriter
from mgutils.errors import ConfigError, MgError
from mgutils.exercises.answers import Student
from mgutils.exercises.calls import Failed
from mgutils.exercises.catalogue import Exercise, Result, all_exercises, verdict
from mgutils.exercises.inspection import Facts
from mgutils.grading.box import Box, Dead, Limits, why_open
from mgutils.grading.feedback import page_name, write_page
from mgutils.grading.values import pack, unpack
from mgutils.lock import locked

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
          limits: Limits = Limits(),  # noqa: B008 (frozen)
          seed: int | None = None) -> list[Graded]:
    """Grade every submission; write ``grades.csv`` and ``feedback/<submission>.html``.

    Parameters
    ----------
    folder : path
        With a notebook, or a folder of notebooks, for each student.
    out_dir : path
        Receives the pages, in place of old ones, and the table, each row as soon as it is known;
        it is named ``grades.partial.csv`` until the last one is.
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
        If there are no submissions, no such notebook, no wall can be put up, or another process
        grades into the folder.
    """
    exercises = all_exercises().values()
    if unknown := sorted(set(notebooks) - (known := {task.notebook for task in exercises})):
        raise ConfigError(f"notebooks: found {unknown[0]!r}; wanted some of "
                          f"{', '.join(sorted(known))}.")
    if jobs < 1:
        raise ConfigError(f"jobs: found {jobs}; wanted at least 1.")
    submissions = find_submissions(folder)
    if limits.confined and (reason := why_open()):
        raise ConfigError(f"no wall around submissions: {reason}. Install bubblewrap (Linux), "
                          "grade in a container (INSTRUCTORS.md), or say --unconfined.")
    tasks = tuple(one for one in exercises if not notebooks or one.notebook in notebooks)
    seed = secrets.randbits(32) if seed is None else seed
    with locked(Path(out_dir)):
        return _grade_all(submissions, Path(out_dir), tasks, jobs, limits, seed)


def _grade_all(submissions: Sequence[tuple[str, list[Path]]], out_dir: Path,
               tasks: tuple[Exercise, ...], jobs: int, limits: Limits, seed: int) -> list[Graded]:
    """Put the table and the pages in place of those of an earlier grading."""
    pages, aside = out_dir / "feedback", out_dir / "grades.partial.csv"
    pages.mkdir(exist_ok=True)
    for old in (out_dir / "grades.csv", *pages.glob("[0-9][0-9][0-9]_*.html")):
        old.unlink(missing_ok=True)
    graded: dict[int, Graded] = {}
    with (ThreadPoolExecutor(jobs) as pool, aside.open(
            "w", encoding="utf-8", newline="", errors="backslashreplace") as table):
        writer = CsvWriter(table)
        writer.writerow(["submission", "status", "solved", "exercises", "points", "of", "note",
                         "seed", *(task.name for task in tasks)])
        waiting = {pool.submit(_safely, *submission, tasks, limits, seed): number
                   for number, submission in enumerate(submissions, start=1)}
        for future in as_completed(waiting):
            number, one = waiting[future], future.result()
            graded[number] = one
            write_page(one, pages / page_name(one.name, number))
            states = [one.results[task.name].status for task in tasks]
            writer.writerow([_cell(one.name), one.status, states.count("solved"), len(tasks),
                             one.points, one.most, _cell(one.note), seed, *states])
            table.flush()
    os.replace(aside, out_dir / "grades.csv")
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
    return [(printable(path.name if stems.count(stem) > 1 else stem), _files(path))
            for path, stem in zip(entries, stems, strict=True)]


def _files(path: Path) -> list[Path]:
    if path.is_symlink() or not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*.ipynb") if ".ipynb_checkpoints" not in file.parts)


def printable(text: str) -> str:
    """The text with all that could act on a terminal, or cannot be written, escaped."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _safely(name: str, files: list[Path], tasks: tuple[Exercise, ...], limits: Limits,
            seed: int) -> Graded:
    """Grade one submission; whatever happens with it, the others are graded."""
    words = "missing. There is no function of that name."
    nothing = {one.name: Result(one.name, "missing", f"{one.name}: {words}") for one in tasks}
    notes: list[str] = []
    try:
        status, results = _grade(files, tasks, limits, seed, notes)
    except Exception as error:
        status, results = "died", {}
        notes.append(f"grading it failed: {type(error).__name__}: {error}")
    return Graded(name, status, "; ".join(notes), nothing | results, tasks)


def _grade(files: list[Path], tasks: tuple[Exercise, ...], limits: Limits, seed: int,
           notes: list[str]) -> tuple[str, dict[str, Result]]:
    found, functions = [], {}
    for file in files:
        try:
            found.append(read_notebook(file, [task.name for task in tasks], limits))
        except MgError as error:
            notes.append(str(error))
    for number, one in enumerate(found):
        for name, (stub, names) in one["facts"].items():
            if name not in functions or not stub:  # of several, the last one that is no stub counts
                functions[name] = number, Facts(stub, None, frozenset(names))
    if not functions:
        coded = any(one["code"] for one in found)
        return "unreadable" if notes and not coded else "empty", {}
    asked = [task for task in tasks if task.name in functions]
    modules = {module for one in found for module in one["modules"]} | {
        "torch" for task in asked if hasattr(sys.modules[task.checker.__module__], "torch")}
    box = Box("worker", "", limits, boot={"modules": sorted(modules), "notebooks": [
        {"file": one["file"], "cells": one["cells"]} for one in found]})
    try:
        notes += [str(note)[:300] for note in box.start()[:20]]
        return "graded", {task.name: _judge(task, *functions[task.name], box, seed)
                          for task in asked}
    finally:
        box.end()


def _judge(task: Exercise, notebook: int, facts: Facts, box: Box, seed: int) -> Result:
    strict = replace(task, by_hand=task.by_hand + _HIDING) if task.by_hand else task
    return verdict(strict, facts, _Boxed(box, task.name, notebook, seed))


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
        raise MgError(f"{name}: no notebook, or a broken one; wanted what JupyterLab opens.")
    return found | {"file": name}


class _Boxed(Student):
    """Calls a function in a submission's box."""

    def __init__(self, box: Box, name: str, notebook: int, seed: int) -> None:
        super().__init__(lambda: None, box.limits.seconds, seed)
        self.box, self.function = box, {"name": name, "notebook": notebook}

    def _call(self, arguments: tuple, named: Mapping[str, Any], gradient_of: int | None) -> Any:
        began = time.monotonic()
        call = (tuple(map(_model, arguments)), dict(named), gradient_of, self.left, self.seconds)
        try:
            # the box stops a function by itself; what it cannot stop is ended a little later
            kind, *answer = self.box.ask(self.function | {"call": pack(call)}, self.left + 1.5)
            if kind == "value":
                return unpack(*answer)
            raise Failed("time" if answer[0] == "time" else "error", str(answer[1])[:600])
        except (Dead, ValueError, TypeError, LookupError) as error:
            kind = "time" if "in time" in str(error) else "error"
            raise Failed(kind, f"nothing: {error}") from None
        finally:
            self.left -= time.monotonic() - began


def _model(value: Any) -> Any:
    """An argument; a sequence of torch layers as they print themselves, and their numbers."""
    return {"layers": list(map(repr, value)), "state": dict(value.state_dict()),
            "training": value.training} if hasattr(value, "state_dict") else value


def _cell(text: str) -> str:
    """Text of a student on one line; the writer guards it from being taken for a formula."""
    return " ".join(text.split())
