"""Grading a folder: every submission in a box of its own, a row and a page of feedback for each.

A submission is a notebook, or a folder with one or several. File names, cell ids, tags and outputs
do not matter: only the functions in the code cells do (:mod:`mgutils.course.grading.reader`).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from mgutils.course.exercises.answers import Student
from mgutils.course.exercises.calls import Failed
from mgutils.course.exercises.catalogue import Exercise, Result, all_exercises, verdict
from mgutils.course.exercises.inspection import Facts
from mgutils.course.grading.box import Box, Limits, why_open
from mgutils.course.templates import render
from mgutils.data.csv import CsvWriter
from mgutils.errors import ConfigError, MgError
from mgutils.files import atomic_file, locked

LARGEST = 50_000_000  # bytes of a notebook; with all figures the course's own have five million
# ways to use a name without writing it, refused where the name is
_HIDING = ("getattr", "eval", "exec", "__import__", "import_module", "globals", "vars", "__dict__",
           "__getattribute__", "attrgetter", "methodcaller")
_COLUMNS = ("submission", "status", "solved", "exercises", "points", "of", "note", "seed")


@dataclass(frozen=True)
class Graded:
    """What became of one submission."""

    name: str
    status: str  # graded, empty (no function of any exercise), unreadable or died
    note: str  # what an instructor should know
    results: dict[str, Result]  # by exercise
    tasks: tuple[Exercise, ...]
    points: int  # of the solved exercises
    most: int  # that could be had


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
        If there are no submissions, no such notebook, no wall, or another process grades here.
    """
    exercises = all_exercises().values()
    known = sorted({one.notebook for one in exercises})
    if unknown := sorted(set(notebooks) - set(known)):
        raise ConfigError(f"notebooks: found {unknown[0]!r}; wanted some of {', '.join(known)}.")
    if jobs < 1:
        raise ConfigError(f"jobs: found {jobs}; wanted at least 1.")
    submissions = find_submissions(folder)
    if limits.confined and (reason := why_open()):
        raise ConfigError(f"no wall around submissions: {reason}. Install bubblewrap (Linux), "
                          "grade in a container (INSTRUCTORS.md), or say --unconfined.")
    tasks = tuple(one for one in exercises if not notebooks or one.notebook in notebooks)
    seed = secrets.randbits(32) if seed is None else seed
    whole, aside = Path(out_dir, "grades.csv"), Path(out_dir, "grades.partial.csv")
    pages = Path(out_dir, "feedback")
    with (locked(Path(out_dir)), ThreadPoolExecutor(jobs) as pool,
          aside.open("w", encoding="utf-8", newline="", errors="backslashreplace") as table):
        pages.mkdir(exist_ok=True)
        for old in (whole, *pages.glob("[0-9][0-9][0-9]_*.html")):
            old.unlink(missing_ok=True)
        writer = CsvWriter(table)
        writer.writerow([*_COLUMNS, *(task.name for task in tasks)])
        waiting = {pool.submit(_grade, *submission, tasks, limits, seed): number
                   for number, submission in enumerate(submissions, start=1)}
        for future in as_completed(waiting):
            one = future.result()
            _write_page(one, pages, waiting[future])
            states = [result.status for result in one.results.values()]
            writer.writerow([one.name, one.status, states.count("solved"), len(tasks), one.points,
                             one.most, " ".join(one.note.split()), seed, *states])
            table.flush()
        aside.replace(whole)
    return [future.result() for future in waiting]


def find_submissions(folder: Path | str) -> list[tuple[str, list[Path]]]:
    """Name and notebooks of each submission, links not followed; a ConfigError if there is none."""
    entries = sorted(Path(folder).glob("[!.]*"))
    if not entries:
        raise ConfigError(f"{folder}: found no submissions; wanted a notebook, or a folder, for each.")
    found = []
    for path in entries:
        name = path.name if path.with_suffix("") in entries else path.name.removesuffix(".ipynb")
        files = sorted(path.rglob("*.ipynb")) if path.is_dir() and not path.is_symlink() else [path]
        files = [file for file in files if ".ipynb_checkpoints" not in file.parts]
        found.append((printable(name), files))
    return found


def printable(text: str) -> str:
    """The text with all that could act on a terminal, or cannot be written, escaped."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _grade(name: str, files: list[Path], tasks: tuple[Exercise, ...], limits: Limits,
           seed: int) -> Graded:
    """Grade one submission; whatever happens with it, the others are graded."""
    words = "missing. There is no function of that name."
    results = {one.name: Result(one.name, "missing", f"{one.name}: {words}") for one in tasks}
    functions, notes = {}, []
    try:
        with closing(Box(limits)) as box:
            for file in files:
                try:
                    found = _read(file, list(results), box)
                except (MgError, Failed) as error:
                    notes.append(f"{printable(file.name)}: {error}")
                    continue
                # of several, the last one that is no stub counts
                functions |= {name: (len(box.boot) - 1, facts) for name, facts in found.items()
                              if name not in functions or not facts.stub}
            status = "unreadable" if notes and not box.boot else "empty"
            if functions:
                results |= _judge(functions, tasks, box, seed, notes)
                status = "graded"
    except Exception as error:
        status = "died"
        notes.append(f"grading it failed: {type(error).__name__}: {error}")
    points = sum(task.points for task in tasks if results[task.name])
    most = sum(task.points for task in tasks)
    return Graded(name, status, "; ".join(notes), results, tasks, points, most)


def _read(file: Path, names: list[str], box: Box) -> dict[str, Facts]:
    """The facts of each function in a notebook; raises :class:`MgError` if it is none."""
    if file.is_symlink() or not file.is_file():
        raise MgError("a link or no file; wanted a notebook of its own.")
    if (size := file.stat().st_size) > LARGEST:
        raise MgError(f"{size:,} bytes; wanted at most {LARGEST:,}. Clear its outputs.")
    request = ["read", printable(file.name), file.read_text("utf-8-sig", "replace"), names]
    found = box.ask(request, 20)
    if found is None:
        raise MgError("no notebook, or a broken one; wanted what JupyterLab opens.")
    box.boot.append(request)
    return {name: Facts(stub, kit, frozenset(words)) for name, (stub, kit, words) in found.items()}


def _judge(functions: dict[str, tuple[int, Facts]], tasks: tuple[Exercise, ...], box: Box,
           seed: int, notes: list[str]) -> dict[str, Result]:
    """The verdicts on the functions that are there, by their notebooks' numbers."""
    tasks = [task for task in tasks if task.name in functions]
    torch = any("torch" in task.checker.__globals__ for task in tasks)
    box.boot.append(["define", list(functions), ["torch"] if torch else []])
    notes += [str(note)[:300] for note in box.ask(box.boot[-1], box.limits.starts)[:20]]
    results = {}
    for task in tasks:
        number, facts = functions[task.name]
        strict = replace(task, by_hand=task.by_hand + _HIDING) if task.by_hand else task
        student = Student((number, task.name), box.limits.seconds, seed, box.call)
        results[task.name] = verdict(strict, facts, student)
    return results


def _write_page(graded: Graded, folder: Path, number: int) -> None:
    """Write a submission's page of feedback, in HTML that fetches nothing and runs nothing."""
    path = folder / f"{number:03d}_{re.sub('[^A-Za-z0-9-]+', '_', graded.name)[:60]}.html"
    with atomic_file(path) as aside:
        aside.write_text(render("feedback.html", graded=graded), "utf-8", "backslashreplace")
