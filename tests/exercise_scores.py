"""Graders are graded: does a checker accept every right solution and reject every planted mistake?

``python tests/exercise_scores.py`` prints the verdicts and writes the tables of ``INSTRUCTORS.md``.

``tests/exercises/<name>.py`` holds, for each exercise, functions ``right_…`` that its checker must accept, functions
``wrong_…`` that it must reject, and ``WRONG``: mistakes as edits ``(old text, new text)`` of the first right solution,
each of which must be rejected too.
"""

import inspect
import linecache
import runpy
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exercise_list import exercise_table, list_exercises

from mgutils.course.exercises.catalogue import Exercise, Result, all_exercises, judge
from mgutils.errors import ConfigError
from mgutils.report.markdown import markdown_table
from mgutils.report.readme import fill

LEAST_RIGHT, LEAST_WRONG = 3, 4
SOLUTIONS = Path(__file__).parent / "exercises"
GUIDE = Path(__file__).parents[1] / "INSTRUCTORS.md"


@dataclass(frozen=True)
class Score:
    """What a checker said to the solutions of its exercise."""

    task: Exercise
    right: Mapping[str, Result]
    """By the name of the function."""
    wrong: Mapping[str, Result]
    """By what the mistake is."""

    @property
    def refused(self) -> list[str]:
        """Right solutions that the checker does not accept."""
        return [name for name, result in self.right.items() if not result]

    @property
    def survived(self) -> list[str]:
        """Mistakes that the checker does not see."""
        return [name for name, result in self.wrong.items() if result]


def score(task: Exercise, file: Path | str) -> Score:
    """Try a checker on all solutions of a file.

    Raises
    ------
    ConfigError
        If the file is absent, has too few solutions, or an edit does not apply.
    """
    right, wrong = solutions(file)
    if len(right) < LEAST_RIGHT or len(wrong) < LEAST_WRONG:
        raise ConfigError(f"{file}: found {len(right)} right and {len(wrong)} wrong solutions; wanted at least "
                          f"{LEAST_RIGHT} and {LEAST_WRONG}. Add functions right_… and edits to WRONG.")
    return Score(task, _judged(task, right), _judged(task, wrong))


def _judged(task: Exercise, functions: Mapping[str, Callable]) -> dict[str, Result]:
    return {name: judge(task, function) for name, function in functions.items()}


def solutions(file: Path | str) -> tuple[dict[str, Callable], dict[str, Callable]]:
    """The right and the wrong solutions of a file, the edits among the wrong ones."""
    if not Path(file).exists():
        raise ConfigError(f"{file}: no such file; wanted the right and wrong solutions of the exercise.")
    scope = runpy.run_path(str(file))
    right = {name: value for name, value in scope.items() if name.startswith("right_")}
    wrong = {name[6:].replace("_", " "): value for name, value in scope.items() if name.startswith("wrong_")}
    if right:
        first = next(iter(right))
        wrong |= {words: _edited(scope, first, f"{file}, WRONG[{words!r}]", *edit)
                  for words, edit in scope["WRONG"].items()}
    return right, wrong


def _edited(scope: Mapping[str, Any], name: str, place: str, old: str, new: str) -> Callable:
    """A function with one piece of its text changed."""
    source = inspect.getsource(scope[name])
    if source.count(old) != 1:
        raise ConfigError(f"{place}: found {old!r} {source.count(old)} times in {name}; "
                          "wanted once. Choose a longer or another piece of the text.")
    text = source.replace(old, new)
    linecache.cache[place] = (len(text), None, text.splitlines(keepends=True), place)
    own = dict(scope)
    exec(compile(text, place, "exec"), own)  # our own file, not a student's
    return own[name]


def mutation_table(scores: list[Score]) -> str:
    """The mutation table in Markdown."""
    rows = [(f"`{one.task.name}`", one.task.notebook, *_counts([one])) for one in scores]
    rows.append((f"{len(scores)} exercises", "", *_counts(scores)))
    header = ("Exercise", "Notebook", "Right solutions accepted", "Planted mistakes rejected",
              "Mutation score")
    return markdown_table(header, rows, "llrrr")


def _counts(scores: list[Score]) -> tuple[str, str, str]:
    """Right solutions accepted, mistakes rejected, and the share of these."""
    right = [bool(result) for one in scores for result in one.right.values()]
    wrong = [not result for one in scores for result in one.wrong.values()]
    return f"{sum(right)} of {len(right)}", f"{sum(wrong)} of {len(wrong)}", f"{sum(wrong) / len(wrong):.0%}"


def main() -> int:
    """Grade all graders; the exit status is 1 if one errs."""
    scores = [score(task, SOLUTIONS / f"{name}.py") for name, task in all_exercises().items()]
    print(mutation_table(scores))
    bad = [f"{one.task.name}: refuses {one.refused}, accepts {one.survived}" for one in scores
           if one.refused or one.survived]
    print(*bad, sep="\n", end="")
    if not bad:
        fill(GUIDE, {"mutation": mutation_table(scores), "exercises": exercise_table(list_exercises())})
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
