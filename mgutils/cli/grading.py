"""The command that grades submissions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Grade:
    """Grade a folder of submissions, each behind a wall; write grades.csv and a page for each."""

    submissions: Annotated[Path, tyro.conf.Positional]
    """Folder with a notebook, or a folder of notebooks, for each student."""
    out_dir: Path = Path("out/grades")
    """Receives grades.csv and feedback/."""
    jobs: Annotated[int, tyro.conf.arg(aliases=["-j"])] = 2
    """Submissions at a time."""
    notebooks: tuple[str, ...] = ()
    """Numbers of the notebooks whose exercises count, such as 01 03; all if not given."""
    seconds: float = 3.0
    """That all calls of one check may take together."""
    total: float = 45.0
    """Seconds for one submission."""
    memory: int = 1000
    """Megabytes for one submission, beyond what Python and torch take."""
    seed: int | None = None
    """Of the random trials; drawn if not given. The one in grades.csv repeats a grading."""
    unconfined: bool = False
    """Without the wall: a submission can do whatever you can. Only for code that you trust."""

    def run(self) -> None:
        from mgutils.course.grading.grade import Limits, grade, printable

        limits = Limits(seconds=self.seconds, total=self.total, memory=self.memory * 1_000_000,
                        confined=not self.unconfined)
        graded = grade(self.submissions, self.out_dir, jobs=self.jobs, notebooks=self.notebooks,
                       seed=self.seed, limits=limits)
        for one in graded:
            print(f"{one.name:<30} {one.status:<10} {one.points:>3} of {one.most} points  "
                  f"{printable(one.note[:60])}")
        print(self.out_dir / "grades.csv")
