"""Commands on the exercises: test the checkers, write them for otter-grader."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class ExercisesScore:
    """Grade the graders: do the checkers accept what is right and reject what is wrong."""

    solutions: Path = Path("tests/exercises")
    """Folder of the right and wrong solutions."""
    guide: Path | None = None
    """Markdown file whose parts `mutation` and `exercises` are filled with tables, such as INSTRUCTORS.md."""

    def run(self) -> None:
        from mgutils.course.exercises import all_exercises, listing
        from mgutils.course.exercises.mutation import score, table
        from mgutils.errors import MgError
        from mgutils.report.readme import fill

        scores = [score(task, self.solutions / f"{name}.py") for name, task in all_exercises().items()]
        print(table(scores))
        bad = [f"{one.task.name}: refuses {one.refused}, accepts {one.survived}" for one in scores
               if one.refused or one.survived]
        if bad:
            raise MgError("\n  ".join(["checkers that err:", *bad]))
        if self.guide is not None:
            fill(self.guide, {"mutation": table(scores), "exercises": listing.table(listing.list_exercises())})


@dataclass(frozen=True)
class ExercisesOtter:
    """Write the checks as test files of otter-grader."""

    out_dir: Annotated[Path, tyro.conf.Positional]
    """Folder to write, such as tests/."""
    notebooks: tuple[str, ...] = ()
    """Numbers of the notebooks whose exercises count; all if not given."""

    def run(self) -> None:
        from mgutils.course.exercises.otter import export

        for path in export(self.out_dir, self.notebooks):
            print(path)
