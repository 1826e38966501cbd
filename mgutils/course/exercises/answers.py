"""Calling a student's function with care, and saying in words how its answer differs from what was expected.

A checker calls ``student(arguments…, tried="…")`` and gets an :class:`Answer`, which it compares. Expected values are
computed after the call, so that they do not lie in a frame that the student's function could look into.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from mgutils.course.exercises.calls import Failed, brief, call_here, plain

SECONDS = 1.5
"""What all calls of one check may take together."""


def mistake(value: Any, message: str) -> tuple[Any, str]:
    """A known mistake: the answer that it gives, and the hint for it."""
    return value, message


class Wrong(Exception):
    """An answer that is not right: what was tried, what came back, what was expected, and a hint."""

    def __init__(self, tried: str, found: str, wanted: str, hint: str = "") -> None:
        super().__init__(tried, found, wanted, hint)
        self.tried, self.found, self.wanted, self.hint = tried, found, wanted, hint


class Student:
    """A student's function, called on copies of the arguments, with its time limited and its prints swallowed.

    Parameters
    ----------
    function : callable
    seconds : float
        For all calls together.
    seed : int
        Of :attr:`rng`, from which checkers draw their random trials.
    caller : callable
        Makes one call, as :func:`call_here` does; ``mg grade`` has another, which makes it in another process.
    """

    def __init__(
        self, function: Any, seconds: float = SECONDS, seed: int = 0, caller: Callable = call_here
    ) -> None:
        self.function, self.seconds, self.left = function, seconds, seconds
        self.caller = caller
        self.rng, self.calls = np.random.default_rng(seed), 0
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
            Answer with the gradient of the returned scalar with respect to this argument, not with the scalar.

        Raises
        ------
        Wrong
            If the call fails or takes too long.
        """
        self.calls += 1
        try:
            answer = Answer(self._call(arguments, named, gradient_of), tried)
            self.last = tried, brief(answer.value)
            return answer
        except Failed as failure:
            hint = (
                "A loop may never end, or the work may grow with every step. Is the condition of every `while` "
                "false at some time?"
                if failure.kind == "time"
                else "Run the function on this input in a cell of "
                "its own and read the whole message."
            )
            raise Wrong(tried, failure.text, "an answer", hint) from None

    def tensor(self, *shape: int) -> Any:
        """A torch tensor of normal numbers, float64."""
        import torch

        return torch.from_numpy(self.rng.normal(size=shape))

    def _call(self, arguments: tuple, named: Mapping[str, Any], gradient_of: int | None) -> Any:
        began = time.monotonic()
        try:
            return self.caller(
                self.function, arguments, named, gradient_of, self.left, self.seconds
            )
        finally:
            self.left -= time.monotonic() - began


class Answer:
    """What came back from one call. Every method raises :class:`Wrong` if the answer is not as it should be."""

    def __init__(self, value: Any, tried: str) -> None:
        self.value, self.tried = value, tried

    def wrong(self, wanted: str, hint: str = "") -> Wrong:
        """The verdict to raise, with the value shown."""
        if self.value is None:
            hint = "The function returned nothing. Does every path end in `return`?"
        return Wrong(self.tried, brief(self.value), wanted, hint)

    def close_to(
        self,
        wanted: Any,
        *,
        likely: Iterable[tuple[Any, str]] = (),
        hint: str = "",
        tolerance: float = 1e-5,
    ) -> None:
        """Numbers of the same shape and value, within the tolerance (absolute and relative).

        Parameters
        ----------
        likely : iterable of (value, str)
            Known mistakes, each made by :func:`mistake`.
        hint : str
            For any other answer.
        """
        wanted, found = np.asarray(plain(wanted), dtype=float), self.numbers(brief(wanted))
        if found.shape == wanted.shape and _near(found, wanted, tolerance):
            return
        messages = []
        for value, message in likely:
            value = np.asarray(plain(value), dtype=float)
            if found.shape == value.shape and _near(found, value, tolerance):
                messages.append(message)
        if messages:  # in a small trial two mistakes may give one answer
            raise self.wrong(brief(wanted), "\nOr: ".join(messages[:3]))
        if found.shape != wanted.shape:
            raise self.wrong(
                f"{brief(wanted)}, of shape {wanted.shape}",
                f"The shape is {found.shape}; it should be {wanted.shape}. " + hint,
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

    def equals(
        self, wanted: Any, *, likely: Iterable[tuple[Any, str]] = (), hint: str = ""
    ) -> None:
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

    def items(self, count: int, wanted: str) -> list[Answer]:
        """The parts of a tuple or list of so many things, each an answer."""
        if not isinstance(self.value, tuple | list) or len(self.value) != count:
            raise self.wrong(wanted, f"Return {count} things: `return a, b`.")
        return [Answer(value, self.tried) for value in self.value]


def _near(found: np.ndarray, wanted: np.ndarray, tolerance: float) -> bool:
    return bool(np.allclose(found, wanted, rtol=tolerance, atol=tolerance, equal_nan=True))


def _same(found: Any, wanted: Any) -> bool:
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
        return (
            type(found) is not bool and bool(found == wanted)
            if type(wanted) is int
            else bool(found == wanted)
        )
    except Exception:  # an answer whose comparison fails is not the answer
        return False
