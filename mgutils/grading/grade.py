"""Grading a folder: every submission in a process of its own, a row of a table and a page of feedback for each."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mgutils.errors import ConfigError
from mgutils.exercises.catalogue import Exercise, Result, all_exercises, verdict
from mgutils.grading.feedback import page_name, write_page
from mgutils.grading.remote import Dead, Limits, Process, RemoteStudent
from mgutils.grading.submission import Submission, Unreadable, find_submissions, read_cells


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
          limits: Limits = Limits(), seed: int = 0) -> list[Graded]:  # noqa: B008 (frozen)
    """Grade every submission; write ``grades.csv`` and ``feedback/<submission>.html``.

    Parameters
    ----------
    folder : path
        With a notebook, or a folder of notebooks, for each student.
    out_dir : path
        Receives the table and the pages.
    jobs : int
        Submissions at a time.
    notebooks : sequence of str
        Numbers of the notebooks whose exercises count; all if empty.
    limits : Limits
        Of one submission.
    seed : int
        Of the checkers' random trials; another seed than 0 tries other numbers than the students saw.

    Raises
    ------
    ConfigError
        If there are no submissions, or no such notebook.
    """
    tasks = tuple(task for task in all_exercises().values() if not notebooks or task.notebook in notebooks)
    known = {task.notebook for task in all_exercises().values()}
    if unknown := sorted(set(notebooks) - known):
        raise ConfigError(f"notebooks: found {unknown[0]!r}; wanted some of {', '.join(sorted(known))}.")
    if jobs < 1:
        raise ConfigError(f"jobs: found {jobs}; wanted at least 1.")
    submissions, out_dir = find_submissions(folder), Path(out_dir)
    (out_dir / "feedback").mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(jobs) as pool:
        graded = list(pool.map(lambda one: _safely(one, tasks, limits, seed), submissions))
    for number, one in enumerate(graded, start=1):
        write_page(one, out_dir / "feedback" / page_name(one.name, number))
    write_table(graded, tasks, out_dir / "grades.csv")
    return graded


def _safely(submission: Submission, tasks: tuple[Exercise, ...], limits: Limits, seed: int) -> Graded:
    """Whatever happens with one submission, the others are graded."""
    try:
        return grade_one(submission, tasks, limits, seed)
    except Exception as error:
        return _nothing(submission, "died", f"grading it failed: {type(error).__name__}: {error}", tasks)


def grade_one(submission: Submission, tasks: tuple[Exercise, ...], limits: Limits, seed: int = 0) -> Graded:
    """Grade one submission."""
    notebooks, notes = [], []
    for file in submission.files:
        try:
            notebooks.append((file.name, read_cells(file)))
        except Unreadable as error:
            notes.append(str(error))
    if not any(cells for _, cells in notebooks):
        words = "; ".join(notes) or "no notebook with code in it"
        return _nothing(submission, "unreadable" if notes else "empty", words, tasks)
    with Process(notebooks, [task.name for task in tasks], limits) as process:
        try:
            process.start()
        except Dead as dead:
            return _nothing(submission, "died", f"reading its definitions: {dead}", tasks)
        notes += process.notes
        facts = dict(process.facts)
        results = {task.name: _one(task, facts, process, seed) for task in tasks}
    status = "graded" if facts else "empty"
    return Graded(submission.name, status, "; ".join(notes), results, tasks)


def _one(task: Exercise, facts: dict, process: Process, seed: int) -> Result:
    if task.name not in facts:
        return Result(task.name, "missing", f"{task.name}: missing. There is no function of that name.")
    return verdict(task, facts[task.name], RemoteStudent(process, task.name, seed))


def _nothing(submission: Submission, status: str, note: str, tasks: tuple[Exercise, ...]) -> Graded:
    results = {task.name: Result(task.name, "missing", f"{task.name}: missing.") for task in tasks}
    return Graded(submission.name, status, note, results, tasks)


def write_table(graded: Iterable[Graded], tasks: Sequence[Exercise], path: Path) -> None:
    """Write ``grades.csv``: a row for each submission, a column for each exercise."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["submission", "status", "solved", "exercises", "points", "of", "note",
                         *(task.name for task in tasks)])
        for one in graded:
            solved = sum(map(bool, one.results.values()))
            writer.writerow([_cell(one.name), one.status, solved, len(tasks), one.points, one.most, _cell(one.note),
                             *(one.results[task.name].status for task in tasks)])


def _cell(text: str) -> str:
    """Text of a student, which a spreadsheet must not take for a formula, on one line."""
    text = " ".join(text.split())
    return f"'{text}" if text[:1] in tuple("=+-@") else text
