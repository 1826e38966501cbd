"""The exercises listed in the notebooks' sources: title, kind, minutes, function."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from mgutils.course.notebooks import SOURCES, read_source, sources
from mgutils.course.versions import tags
from mgutils.errors import MgError
from mgutils.report.markdown import markdown_table

KINDS = {"Easy": 1, "Medium": 2, "Project": 4}
"""Kind of an exercise to its points."""
_HEAD = re.compile(r"### (?:Exercise|Project): (?P<title>.+)\n"
                   r"\*(?P<core>Core\. )?(?P<kind>Easy|Medium|Project), (?P<minutes>\d+) minutes\.\*")


@dataclass(frozen=True)
class ExerciseInfo:
    """An exercise as its source describes it."""

    notebook: str
    title: str
    kind: str
    minutes: int
    name: str
    """Of the function to write."""
    core: bool
    """Whether everybody should solve it; the others are for those who want more."""


def list_exercises(source_dir: Path | str = SOURCES) -> list[ExerciseInfo]:
    """Every exercise of the sources, in their order.

    Raises
    ------
    MgError
        If a solution has no text before it, or no check of its function after it, in the course's form.
    """
    return [one for source in sources(source_dir) for one in _exercises_of(source)]


def _exercises_of(source: Path) -> list[ExerciseInfo]:
    cells, found = read_source(source, "instructor").cells, []
    for before, cell, after in zip(cells, cells[1:], cells[2:], strict=False):
        if "solution" not in tags(cell):
            continue
        name = next(node.name for node in ast.parse(cell.source).body if isinstance(node, ast.FunctionDef))
        head = _HEAD.match(before.source)
        if head is None or "You will see" not in " ".join(before.source.split()):
            raise MgError(f"{source.name}, solution of {name}: found {before.source.splitlines()[:2]} before it; "
                          "wanted '### Exercise: title', '*Easy, 10 minutes.* Write …', and 'You will see …'.")
        if f'check("{name}", {name})' not in after.source:
            raise MgError(f'{source.name}, solution of {name}: wanted check("{name}", {name}) in the cell after it.')
        found.append(ExerciseInfo(source.name[:2], head["title"], head["kind"], int(head["minutes"]), name,
                                  bool(head["core"])))
    return found


def exercise_table(every: list[ExerciseInfo]) -> str:
    """All exercises in Markdown, with the minutes of each notebook."""
    rows = []
    for notebook in sorted({one.notebook for one in every}):
        own = [one for one in every if one.notebook == notebook]
        rows += [(notebook, one.title[0].upper() + one.title[1:], f"`{one.name}`",
                  f"{one.kind.lower()}, core" if one.core else one.kind.lower(), one.minutes,
                  KINDS[one.kind]) for one in own]
        minutes = sum(one.minutes for one in own)
        points = sum(KINDS[one.kind] for one in own)
        rows.append((notebook, "*together*", "", "", f"*{minutes}*", f"*{points}*"))
    header = ("Notebook", "Exercise", "Function", "Kind", "Minutes", "Points")
    return markdown_table(header, rows, "llllrr")
