"""Grading a folder: every submission in a box of its own, a row and a page of feedback for each."""

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

from mgutils.errors import ConfigError
from mgutils.exercises.answers import Student
from mgutils.exercises.calls import Failed
from mgutils.exercises.catalogue import Exercise, Result, all_exercises, verdict
from mgutils.exercises.inspection import Facts
from mgutils.grading.box import Box, Dead, Limits, why_open
from mgutils.grading.feedback import page_name, write_page
from mgutils.grading.submission import Submission, Unreadable, find_submissions, read_notebook
from mgutils.grading.values import pack, unpack

_HIDING = ("getattr", "eval", "exec", "__import__", "import_module", "globals", "vars", "__dict__",
           "__getattribute__", "attrgetter", "methodcaller")
"""Ways to use a name without writing it, refused where a name is."""


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
        Receives the table, a row as soon as it is known, and the pages; old pages are removed.
    jobs : int
        Submissions at a time.
    notebooks : sequence of str
        Numbers of the notebooks whose exercises count; all if empty.
    limits : Limits
        Of one submission; also whether it is confined.
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
    submissions, out_dir = find_submissions(folder), Path(out_dir)
    if limits.confined and (reason := why_open()):
        raise ConfigError(f"no wall around submissions: {reason}. Install bubblewrap (Linux), grade in "
                          "a container (INSTRUCTORS.md), or say --unconfined if you trust them all.")
    tasks = tuple(task for task in all_exercises().values()
                  if not notebooks or task.notebook in notebooks)
    seed = secrets.randbits(32) if seed is None else seed
    (out_dir / "feedback").mkdir(parents=True, exist_ok=True)
    for old in (out_dir / "feedback").glob("[0-9][0-9][0-9]_*.html"):
        old.unlink()
    graded: dict[int, Graded] = {}
    with (ThreadPoolExecutor(jobs) as pool,
          (out_dir / "grades.csv").open("w", encoding="utf-8", newline="",
                                        errors="backslashreplace") as table):
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["submission", "status", "solved", "exercises", "points", "of", "note", "seed",
                         *(task.name for task in tasks)])
        waiting = {pool.submit(_safely, one, tasks, limits, seed): number
                   for number, one in enumerate(submissions, start=1)}
        for future in as_completed(waiting):
            one = graded[waiting[future]] = future.result()
            write_page(one, out_dir / "feedback" / page_name(one.name, waiting[future]))
            solved = sum(map(bool, one.results.values()))
            writer.writerow([_cell(one.name), one.status, solved, len(tasks), one.points, one.most,
                             _cell(one.note), seed, *(one.results[task.name].status for task in tasks)])
            table.flush()
    return [graded[number] for number in sorted(graded)]


def _safely(submission: Submission, tasks: tuple[Exercise, ...], limits: Limits, seed: int) -> Graded:
    """Whatever happens with one submission, the others are graded."""
    try:
        return grade_one(submission, tasks, limits, seed)
    except Exception as error:
        return _nothing(submission, "died", f"grading it failed: {type(error).__name__}: {error}", tasks)


def grade_one(submission: Submission, tasks: tuple[Exercise, ...], limits: Limits, seed: int) -> Graded:
    """Grade one submission."""
    found, notes, facts = [], [], {}
    for file in submission.files:
        try:
            found.append(read_notebook(file, [task.name for task in tasks], limits.confined))
        except Unreadable as error:
            notes.append(str(error))
    if not any(one["code"] for one in found):
        words = "; ".join(notes) or "no notebook with code in it"
        return _nothing(submission, "unreadable" if notes else "empty", words, tasks)
    for number, one in enumerate(found):  # of several functions, the last one that is no stub counts
        facts |= {name: (Facts(stub, borrowed, frozenset(names)), number)
                  for name, (stub, borrowed, names) in one["facts"].items()
                  if name not in facts or not stub}
    if not facts:
        return _nothing(submission, "empty", "; ".join(notes), tasks)
    modules = {module for one in found for module in one["modules"]}
    modules |= {"torch" for task in tasks if task.name in facts  # for tensors among the arguments
                and hasattr(sys.modules[task.checker.__module__], "torch")}
    box = Box("worker", "", limits, boot={"notebooks": found, "modules": sorted(modules)})
    try:
        notes += map(str, box.start()["notes"])
        results = {task.name: _one(task, facts, box, seed) for task in tasks}
    except (Dead, KeyError, TypeError) as error:
        return _nothing(submission, "died", f"reading its definitions: {error}", tasks)
    finally:
        box.end()
    return Graded(submission.name, "graded", "; ".join(notes), results, tasks)


def _one(task: Exercise, facts: Mapping[str, tuple[Facts, int]], box: Box, seed: int) -> Result:
    if task.name not in facts:
        return Result(task.name, "missing", f"{task.name}: missing. There is no function of that name.")
    strict = replace(task, by_hand=task.by_hand + _HIDING) if task.by_hand else task
    fact, notebook = facts[task.name]
    return verdict(strict, fact, _Boxed(box, {"name": task.name, "notebook": notebook}, seed))


class _Boxed(Student):
    """Calls a function in a submission's box."""

    def __init__(self, box: Box, function: Mapping[str, Any], seed: int) -> None:
        super().__init__(lambda: None, box.limits.seconds, seed)
        self.box, self.which = box, function

    def _call(self, arguments: tuple, named: Mapping[str, Any], gradient_of: int | None) -> Any:
        began = time.monotonic()
        call = (tuple(map(_layers, arguments)), dict(named), gradient_of, self.left, self.seconds)
        try:
            # the box stops a function by itself; what it cannot stop is ended a little later
            answer = self.box.ask({**self.which, "call": pack(call)}, self.left + 1.5)
            if "value" in answer:
                return unpack(answer["value"])
            raise Failed("time" if answer["failed"] == "time" else "error", str(answer["text"])[:600])
        except (Dead, ValueError, KeyError, TypeError) as error:
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


def _nothing(submission: Submission, status: str, note: str, tasks: tuple[Exercise, ...]) -> Graded:
    results = {task.name: Result(task.name, "missing", f"{task.name}: missing.") for task in tasks}
    return Graded(submission.name, status, note, results, tasks)


def _cell(text: str) -> str:
    """Text of a student, which a spreadsheet must not take for a formula, on one line."""
    text = " ".join(text.split())
    return f"'{text}" if text[:1] in tuple("=+-@") else text
