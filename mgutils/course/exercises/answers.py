"""Calls a student's function, and says in words how its answer differs from what was expected.

A checker calls ``student(arguments…, tried="…")`` and gets an :class:`Answer`, which it compares.
Expected values are computed after the call, so that they do not lie in a frame that the student's
function could look into.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from mgutils.course.exercises.calls import Failed, brief, call_here, plain

SECONDS = 1.5
"""What all calls of one check may take together."""
Mistake = tuple[Any, str]
"""The answer that a known mistake gives, and the hint for it."""


def mistake(value: Any, message: str) -> Mistake:
    """One known mistake for ``likely=[...]``: the answer that it gives, and the hint for it."""
    return value, message


class Wrong(Exception):
    """A wrong answer: what was tried, what came back, what was expected, and a hint."""

    def __init__(self, tried: str, found: str, wanted: str, hint: str = "") -> None:
        super().__init__(tried, found, wanted, hint)
        self.tried = tried
        self.found = found
        self.wanted = wanted
        self.hint = hint


class Student:
    """A student's function: called on copies of the arguments, in limited time, without prints.

    Parameters
    ----------
    function : callable
    seconds : float
        For all calls together.
    seed : int
        Of :attr:`rng`, from which checkers draw their random trials.
    caller : callable
        Makes one call, as :func:`call_here` does; that of ``mg grade`` makes it in another process.
    """

    def __init__(
        self, function: Any, seconds: float = SECONDS, seed: int = 0, caller: Callable = call_here
    ) -> None:
        self.function = function
        self.seconds = seconds
        self.left = seconds
        self.caller = caller
        self.rng = np.random.default_rng(seed)
        self.calls = 0
        self.last = ("", "")
        """What was tried last, and what came back."""

    def __call__(
        self, *arguments: Any, tried: str, gradient_of: int | None = None, **named: Any
    ) -> Answer:
        """Call the function.

        Parameters
        ----------
        tried : str
            What is tried, for the message.
        gradient_of : int, optional
            Number of an argument: the answer is then the gradient of the returned scalar with
            respect to it.

        Raises
        ------
        Wrong
            If the call fails or takes too long.
        """
        self.calls += 1
        began = time.monotonic()
        try:
            value = self.caller(
                self.function, arguments, named, gradient_of, self.left, self.seconds
            )
        except Failed as failure:
            hint = "Run the function on this input in a cell of its own and read the whole message."
            if failure.kind == "time":
                hint = (
                    "A loop may never end, or the work may grow with every step. "
                    "Is the condition of every `while` false at some time?"
                )
            raise Wrong(tried, failure.text, "an answer", hint) from None
        finally:
            self.left -= time.monotonic() - began
        self.last = tried, brief(value)
        return Answer(value, tried)

    def trials(self, trials: Mapping[str, tuple]) -> Iterator[tuple]:
        """Call the function on one tuple of arguments after the other.

        Parameters
        ----------
        trials : mapping of str to tuple
            What is tried, and the arguments.

        Yields
        ------
        tuple
            The :class:`Answer`, and the arguments.
        """
        for tried, arguments in trials.items():
            yield self(*arguments, tried=tried), *arguments

    def tensor(self, *shape: int) -> Any:
        """A torch tensor of normal numbers, float64."""
        import torch

        return torch.from_numpy(self.rng.normal(size=shape))


class Answer:
    """What came back from one call. Every method that compares raises :class:`Wrong`."""

    def __init__(self, value: Any, tried: str) -> None:
        self.value = value
        self.tried = tried

    def wrong(self, wanted: str, hint: str = "") -> Wrong:
        """The verdict to raise, with the value shown."""
        if self.value is None:
            hint = "The function returned nothing. Does every path end in `return`?"
        return Wrong(self.tried, brief(self.value), wanted, hint)

    def close_to(
        self,
        wanted: Any,
        *,
        likely: Iterable[Mistake] = (),
        hint: str = "",
        tolerance: float = 1e-5,
    ) -> None:
        """Numbers of the same shape and value, within the tolerance (absolute and relative).

        Parameters
        ----------
        likely : iterable of Mistake
            Known mistakes, each written as :func:`mistake`.
        hint : str
            For any other answer.
        """
        found = self.numbers(brief(wanted))

        def near(value: Any) -> bool:
            value = _floats(value)
            return found.shape == value.shape and np.allclose(
                found, value, rtol=tolerance, atol=tolerance, equal_nan=True
            )

        if near(wanted):
            return
        messages = dict.fromkeys(message for value, message in likely if near(value))
        if messages:  # in a small trial two mistakes may give one answer
            raise self.wrong(brief(wanted), "\nOr: ".join([*messages][:3]))
        shape = _floats(wanted).shape
        if found.shape != shape:
            raise self.wrong(
                f"{brief(wanted)}, of shape {shape}",
                f"The shape is {found.shape}; it should be {shape}. {hint}",
            )
        raise self.wrong(brief(wanted), hint)

    def numbers(self, wanted: str = "numbers") -> np.ndarray:
        """The answer as an array of floats."""
        try:
            array = np.asarray(plain(self.value))
            if array.dtype.kind not in "biuf":
                raise TypeError
            return array.astype(float)
        except (TypeError, ValueError):
            raise self.wrong(
                wanted, "Return numbers: a NumPy array, a torch tensor, a list or a number."
            ) from None

    def equals(self, wanted: Any, *, likely: Iterable[Mistake] = (), hint: str = "") -> None:
        """The same things in the same order; lists, tuples and arrays may stand for one another."""
        if _same(self.value, wanted):
            return
        for value, message in likely:
            if _same(self.value, value):
                raise self.wrong(brief(wanted), message)
        raise self.wrong(brief(wanted), hint)

    def is_true(self, holds: bool, wanted: str, hint: str = "") -> None:
        """Any other property of the answer."""
        if not holds:
            raise self.wrong(wanted, hint)

    def follows_seed(self, first: Any, again: Any, other: Any) -> None:
        """What the same seed gave twice is the same, and what another one gave is not."""
        hint = "Draw from np.random.default_rng(seed), and from nothing else."
        self.is_true(_same(first, again), "the same result for the same seed", hint)
        self.is_true(not _same(first, other), "another result for another seed", hint)

    def items(self, count: int, wanted: str) -> list[Answer]:
        """The parts of a tuple or list of so many things, each an answer."""
        if not isinstance(self.value, tuple | list) or len(self.value) != count:
            raise self.wrong(wanted, f"Return {count} things: `return a, b`.")
        return [Answer(value, self.tried) for value in self.value]


def _floats(value: Any) -> np.ndarray:
    return np.asarray(plain(value), dtype=float)


def _same(found: Any, wanted: Any) -> bool:
    """Whether two things are equal; whole numbers and truth values are not."""
    try:
        found, wanted = (
            part.tolist() if isinstance(part, np.ndarray | np.generic) else part
            for part in (plain(found), plain(wanted))
        )
        if isinstance(wanted, list | tuple):
            return (
                isinstance(found, list | tuple)
                and len(found) == len(wanted)
                and all(map(_same, found, wanted))
            )
        if type(found) is bool and type(wanted) is int:
            return False
        return bool(found == wanted)
    except Exception:  # an answer whose comparison fails is not the answer
        return False
