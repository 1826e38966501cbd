"""The command that writes the checkers for otter-grader."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


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
