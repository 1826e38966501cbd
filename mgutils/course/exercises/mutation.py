"""Graders are graded: does a checker accept every right solution and reject every planted mistake?

``tests/exercises/<name>.py`` holds, for each exercise, functions ``right_…`` that its checker must accept, functions
``wrong_…`` that it must reject, and ``WRONG``: mistakes as edits ``(old text, new text)`` of the first right solution,
each of which must be rejected too.
"""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from mgutils.course.exercises.answers import SECONDS
from mgutils.course.exercises.catalogue import Exercise, Result, judge
from mgutils.errors import ConfigError
from mgutils.report.markdown import markdown_table

LEAST_RIGHT, LEAST_WRONG = 3, 4


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

    @property
    def caught(self) -> float:
        """Share of the mistakes that are rejected."""
        return 1 - len(self.survived) / len(self.wrong)


def score(task: Exercise, file: Path | str, seconds: float = SECONDS) -> Score:
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
    right, wrong = ({name: judge(task, function, seconds) for name, function in group.items()}
                    for group in (right, wrong))
    return Score(task, right, wrong)


def solutions(file: Path | str) -> tuple[dict[str, Callable], dict[str, Callable]]:
    """The right and the wrong solutions of a file, the edits among the wrong ones."""
    module = _load(Path(file))
    functions = {name: value for name, value in vars(module).items() if inspect.isfunction(value)}
    right = {name: value for name, value in functions.items() if name.startswith("right_")}
    wrong = {name[6:].replace("_", " "): value for name, value in functions.items() if name.startswith("wrong_")}
    if right:
        first = next(iter(right))
        wrong = {words: _edited(module, first, words, *edit) for words, edit in module.WRONG.items()} | wrong
    return right, wrong


def _load(file: Path) -> ModuleType:
    if not file.exists():
        raise ConfigError(f"{file}: no such file; wanted the right and wrong solutions of the exercise {file.stem!r}.")
    spec = spec_from_file_location(f"solutions_of_{file.stem}", file)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _edited(module: ModuleType, name: str, words: str, old: str, new: str) -> Callable:
    """A function of the module with one piece of its text changed."""
    source = inspect.getsource(getattr(module, name))
    if source.count(old) != 1:
        raise ConfigError(f"{module.__file__}, WRONG[{words!r}]: found {old!r} {source.count(old)} times in {name}; "
                          "wanted once. Choose a longer or another piece of the text.")
    text, place = source.replace(old, new), f"<{module.__name__}: {words}>"
    linecache.cache[place] = (len(text), None, text.splitlines(keepends=True), place)
    scope = dict(vars(module))
    exec(compile(text, place, "exec"), scope)  # our own file, not a student's
    return scope[name]


def table(scores: list[Score]) -> str:
    """The mutation table in Markdown."""
    rows = [(f"`{one.task.name}`", one.task.notebook, *_counts([one])) for one in scores]
    rows.append((f"{len(scores)} exercises", "", *_counts(scores)))
    header = ("Exercise", "Notebook", "Right solutions accepted", "Planted mistakes rejected",
              "Mutation score")
    return markdown_table(header, rows, "llrrr")


def _counts(scores: list[Score]) -> tuple[str, str, str]:
    """Right solutions accepted, mistakes rejected, and the share of these."""
    right = sum(len(one.right) for one in scores)
    wrong = sum(len(one.wrong) for one in scores)
    accepted = right - sum(len(one.refused) for one in scores)
    rejected = wrong - sum(len(one.survived) for one in scores)
    return f"{accepted} of {right}", f"{rejected} of {wrong}", f"{rejected / wrong:.0%}"
