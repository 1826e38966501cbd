"""The exercises by name, and ``check``, which a notebook calls."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from mgutils.course.exercises.answers import SECONDS, Student, Wrong
from mgutils.course.exercises.inspection import Facts, read
from mgutils.errors import ConfigError

Status = Literal["solved", "not solved yet", "wrong", "missing"]
Checker = Callable[[Student], None]
MODULES = {
    "data": "01",
    "model": "02",
    "scratch": "03",
    "distributions": "04",
    "loss": "05",
    "training": "06",
    "scoring": "07",
    "controls": "08",
    "generalization": "09",
    "skeletons": "10",
    "cameras": "11",
    "sentences": "12",
}
"""Module with checkers to the number of its notebook."""
_EXERCISES: dict[str, Exercise] = {}


@dataclass(frozen=True)
class Exercise:
    """A function to write, and how it is checked."""

    name: str
    """Of the function."""
    notebook: str
    """Number of the notebook that asks for it."""
    points: int
    """1 easy, 2 medium, 4 a project."""
    checker: Checker
    """Calls the student's function; raises :class:`Wrong` if an answer is not right."""
    by_hand: tuple[str, ...] = ()
    """Names that do the work and may not be used."""


@dataclass(frozen=True)
class Result:
    """What ``check`` found. True if the exercise is solved."""

    name: str
    status: Status
    message: str

    def __bool__(self) -> bool:
        return self.status == "solved"

    def _ipython_display_(self) -> None:
        """Nothing: ``check`` has printed the message."""


def exercise(*, points: int, by_hand: tuple[str, ...] = ()) -> Callable[[Checker], Checker]:
    """Register a checker: ``_leak`` checks ``leak``, for the notebook of its module."""
    def register(checker: Checker) -> Checker:
        name = checker.__name__.removeprefix("_")
        module = checker.__module__.rpartition(".")[2]
        _EXERCISES[name] = Exercise(name, MODULES[module], points, checker, by_hand)
        return checker
    return register


def all_exercises() -> Mapping[str, Exercise]:
    """Every exercise by name, in the order of the notebooks."""
    for module in MODULES:
        importlib.import_module(f"mgutils.course.exercises.{module}")
    # sorted() is stable: within a notebook they stay as written
    order = sorted(_EXERCISES.values(), key=lambda one: one.notebook)
    return {one.name: one for one in order}


def find(name: str) -> Exercise:
    """The exercise of that name.

    Raises
    ------
    ConfigError
        If there is none.
    """
    for module in MODULES:  # one after the other: the first ones need no torch
        if name not in _EXERCISES:
            importlib.import_module(f"mgutils.course.exercises.{module}")
    if name not in _EXERCISES:
        known = ", ".join(all_exercises())
        raise ConfigError(f"check: found no exercise {name!r}; wanted one of {known}.")
    return _EXERCISES[name]


def check(name: str, function: Callable, *, seconds: float = SECONDS) -> Result:
    """Check a function that a student wrote; print what is right or wrong with it.

    The function given is the one that is checked, whatever has the same name elsewhere.

    Parameters
    ----------
    name : str
        Of the exercise.
    function : callable
        The student's.
    seconds : float
        For all calls of the function together.

    Returns
    -------
    Result
        True if the exercise is solved.

    Raises
    ------
    ConfigError
        If there is no such exercise.
    """
    result = judge(find(name), function, seconds)
    print(result.message)
    return result


def judge(task: Exercise, function: Callable, seconds: float = SECONDS) -> Result:
    """The verdict on a function in this process."""
    if not callable(function):
        hint = f'Give the function itself: check("{task.name}", {task.name}).'
        found = f"a {type(function).__name__}"
        return not_solved(task, Wrong("calling it", found, "a function", hint))
    return verdict(task, read(function), Student(function, seconds))


def verdict(task: Exercise, facts: Facts, student: Student) -> Result:
    """The verdict on a function that was read; ``student`` makes the calls, here or elsewhere."""
    if facts.stub:
        message = f"{task.name}: not solved yet. Replace the dots by your own lines."
        return Result(task.name, "not solved yet", message)
    try:
        _check_names(task, facts)
        task.checker(student)
    except Wrong as wrong:
        return not_solved(task, wrong)
    except Exception as error:  # an answer of a kind that its checker did not foresee
        hint = f"The checker could not make sense of it ({type(error).__name__}: {error})."
        wanted = "an answer of the kind that the text asks for"
        return not_solved(task, Wrong(*student.last, wanted, hint))
    return Result(task.name, "solved", f"{task.name}: solved ({student.calls} trials).")


def _check_names(task: Exercise, facts: Facts) -> None:
    """Refuse what others wrote."""
    tried = "reading your function"
    if facts.borrowed:
        hint = "That is the kit's own. Write the steps yourself."
        raise Wrong(tried, f"it uses {facts.borrowed}", "your own code", hint)
    if used := sorted(facts.names & set(task.by_hand)):
        hint = "This exercise is about what that function does inside."
        raise Wrong(tried, f"it uses {', '.join(used)}", "the steps by hand", hint)


def not_solved(task: Exercise, wrong: Wrong) -> Result:
    """What went wrong, in words."""
    rows = {
        "tried": wrong.tried,
        "came back": wrong.found,
        "expected": wrong.wanted,
        "hint": wrong.hint,
    }
    lines = [
        f"  {label + ':':<11}{text.strip()}".replace("\n", "\n" + 13 * " ")
        for label, text in rows.items()
        if text
    ]
    return Result(task.name, "wrong", "\n".join([f"{task.name}: not solved yet.", *lines]))
