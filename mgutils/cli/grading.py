"""Commands for instructors: grade submissions, test the checkers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Grade:
    """Grade a folder of submissions; write grades.csv and a page of feedback for each."""

    submissions: Annotated[Path, tyro.conf.Positional]
    """Folder with a notebook, or a folder of notebooks, for each student."""
    out_dir: Path = Path("out/grades")
    """Receives grades.csv and feedback/."""
    jobs: Annotated[int, tyro.conf.arg(aliases=["-j"])] = 1
    """Submissions at a time."""
    notebooks: tuple[str, ...] = ()
    """Numbers of the notebooks whose exercises count, such as 01 03; all if not given."""
    seconds: float = 3.0
    """That all calls of one check may take together."""
    total: float = 60.0
    """Seconds for one submission."""
    memory: int = 1000
    """Megabytes for one submission, beyond what Python and torch take."""
    seed: int = 0
    """Of the random trials; another one tries other numbers than the students saw."""

    def run(self) -> None:
        from mgutils.grading.grade import grade
        from mgutils.grading.guard import landlock_version
        from mgutils.grading.remote import Limits

        if not landlock_version():
            print("note: no Landlock in this kernel; files are guarded in Python alone (INSTRUCTORS.md)")
        graded = grade(self.submissions, self.out_dir, jobs=self.jobs, notebooks=self.notebooks, seed=self.seed,
                       limits=Limits(self.seconds, self.total, self.memory * 1_000_000))
        for one in graded:
            print(f"{one.name:<30} {one.status:<10} {one.points:>3} of {one.most} points  {one.note[:60]}")
        print(self.out_dir / "grades.csv")


@dataclass(frozen=True)
class ExercisesScore:
    """Grade the graders: do the checkers accept what is right and reject what is wrong."""

    solutions: Path = Path("tests/exercises")
    """Folder of the right and wrong solutions."""
    guide: Path | None = None
    """Markdown file whose parts `mutation` and `exercises` are filled with tables, such as INSTRUCTORS.md."""

    def run(self) -> None:
        from mgutils.errors import MgError
        from mgutils.exercises import all_exercises, listing
        from mgutils.exercises.mutation import score, table
        from mgutils.report.readme import fill

        scores = [score(task, self.solutions / f"{name}.py") for name, task in all_exercises().items()]
        print(table(scores))
        bad = [f"{one.task.name}: refuses {one.refused}, accepts {one.survived}" for one in scores
               if one.refused or one.survived]
        if bad:
            raise MgError("\n  ".join(["checkers that err:", *bad]))
        if self.guide is not None:
            fill(self.guide, {"mutation": table(scores), "exercises": listing.table(listing.told())})


@dataclass(frozen=True)
class ExercisesOtter:
    """Write the checks as test files of otter-grader."""

    out_dir: Annotated[Path, tyro.conf.Positional]
    """Folder to write, such as tests/."""
    notebooks: tuple[str, ...] = ()
    """Numbers of the notebooks whose exercises count; all if not given."""

    def run(self) -> None:
        from mgutils.grading.otter import export

        for path in export(self.out_dir, self.notebooks):
            print(path)
