"""Calling a student's function with care, and saying in words how its answer differs from what was expected.

A checker calls ``student(arguments…, tried="…")`` and gets an :class:`Answer`, which it compares. Expected values are
computed after the call, so that they do not lie in a frame that the student's function could look into.
"""

from __future__ import annotations

import contextlib
import copy
import io
import linecache
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mgutils.exercises.limits import TimeUp, time_limit

SECONDS = 1.5
"""What all calls of one check may take together."""
_SHOWN = 300


class Wrong(Exception):
    """An answer that is not right: what was tried, what came back, what was expected, and a hint."""

    def __init__(self, tried: str, found: str, wanted: str, hint: str = "") -> None:
        super().__init__(tried, found, wanted, hint)
        self.tried, self.found, self.wanted, self.hint = tried, found, wanted, hint


class Failed(Exception):
    """A call that gave no answer. ``kind`` is ``error`` or ``time``."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(kind, text)
        self.kind, self.text = kind, text


class Student:
    """A student's function, called on copies of the arguments, with its time limited and its prints swallowed.

    Parameters
    ----------
    function : callable
    seconds : float
        For all calls together.
    seed : int
        Of :attr:`rng`, from which checkers draw their random trials.
    """

    def __init__(self, function: Callable, seconds: float = SECONDS, seed: int = 0) -> None:
        self.function, self.seconds, self.left = function, seconds, seconds
        self.rng, self.calls = np.random.default_rng(seed), 0
        self.last = ("", "")
        """What was tried last, and what came back."""

    def __call__(self, *arguments: Any, tried: str, gradient_of: int | None = None, **named: Any) -> Answer:
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
            self.last = tried, _brief(answer.value)
            return answer
        except Failed as failure:
            hint = ("A loop may never end, or the work may grow with every step. Is the condition of every `while` "
                    "false at some time?" if failure.kind == "time" else "Run the function on this input in a cell of "
                    "its own and read the whole message.")
            raise Wrong(tried, failure.text, "an answer", hint) from None

    def _call(self, arguments: tuple, named: Mapping[str, Any], gradient_of: int | None) -> Any:
        began = time.monotonic()
        try:
            return call_here(self.function, arguments, named, gradient_of, self.left, self.seconds)
        finally:
            self.left -= time.monotonic() - began


def call_here(function: Callable, arguments: tuple, named: Mapping[str, Any], gradient_of: int | None,
              left: float, seconds: float) -> Any:
    """One call in this process.

    Raises
    ------
    Failed
        If the function raises, exits or takes longer than ``left`` seconds; ``seconds`` is what the message says.
    """
    arguments, named = copy.deepcopy((arguments, dict(named)))
    try:
        with (contextlib.redirect_stdout(_Sink()), contextlib.redirect_stderr(_Sink()), warnings.catch_warnings(),
              np.errstate(all="ignore"), time_limit(left)):
            warnings.simplefilter("ignore")
            if gradient_of is None:
                return function(*arguments, **named)
            arguments[gradient_of].requires_grad_()
            return _gradient(function(*arguments, **named), arguments[gradient_of])
    except TimeUp:
        raise Failed("time", f"nothing: the function was stopped after {seconds:g} seconds") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: the kernel must live on
        raise Failed("error", _told(error, function)) from None


def _gradient(value: Any, argument: Any) -> Any:
    import torch

    if not isinstance(value, torch.Tensor):
        raise TypeError(f"the function returned {_brief(value)}; wanted a torch tensor, through which gradients flow")
    if not value.requires_grad:
        raise RuntimeError("the returned tensor has no gradient: something detached it or left torch on the way")
    (gradient,) = torch.autograd.grad(value.sum(), argument, allow_unused=True)
    return torch.zeros_like(argument) if gradient is None else gradient


class _Sink(io.TextIOBase):
    """Takes prints and keeps none: a loop that prints must not fill the memory."""

    def write(self, text: str) -> int:
        return len(text)


def _told(error: BaseException, function: Callable) -> str:
    """An error in one or two lines, with the line of the student's own code where it arose."""
    words = "".join(traceback.format_exception_only(error)).strip()[:_SHOWN]
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    own = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == file]
    if not own:
        return words
    text = linecache.getline(file, own[-1]).strip()
    return f"{words}\n(line {own[-1]} of the cell{': ' + text if text else ''})"


class Answer:
    """What came back from one call. Every method raises :class:`Wrong` if the answer is not as it should be."""

    def __init__(self, value: Any, tried: str) -> None:
        self.value, self.tried = value, tried

    def wrong(self, wanted: str, hint: str = "") -> Wrong:
        """The verdict to raise, with the value shown."""
        if self.value is None:
            hint = "The function returned nothing. Does every path end in `return`?"
        return Wrong(self.tried, _brief(self.value), wanted, hint)

    def close_to(self, wanted: Any, *, likely: Mapping[str, Any] | None = None, hint: str = "",
                 tolerance: float = 1e-5) -> None:
        """Numbers of the same shape and value, within the tolerance (absolute and relative).

        Parameters
        ----------
        likely : mapping of str to value, optional
            Hint to the answer that a known mistake gives.
        hint : str
            For any other answer.
        """
        wanted, found = np.asarray(plain(wanted), dtype=float), self.numbers(_brief(wanted))
        if found.shape == wanted.shape and _near(found, wanted, tolerance):
            return
        known = {words: np.asarray(plain(value), dtype=float) for words, value in (likely or {}).items()}
        fitting = [words for words, value in known.items()
                   if found.shape == value.shape and _near(found, value, tolerance)]
        if fitting:  # in a small trial two mistakes may give one answer
            raise self.wrong(_brief(wanted), "\nOr: ".join(fitting[:3]))
        if found.shape != wanted.shape:
            raise self.wrong(f"{_brief(wanted)}, of shape {wanted.shape}",
                             f"The shape is {found.shape}; it should be {wanted.shape}. " + hint)
        raise self.wrong(_brief(wanted), hint)

    def numbers(self, wanted: str = "numbers") -> np.ndarray:
        """The answer as an array of floats."""
        try:
            array = np.asarray(plain(self.value))
            if array.dtype.kind not in "biuf":
                raise TypeError
            return array.astype(float)
        except (TypeError, ValueError):
            raise self.wrong(wanted, "Return numbers: a NumPy array, a torch tensor, a list or a number.") from None

    def equals(self, wanted: Any, *, likely: Mapping[str, Any] | None = None, hint: str = "") -> None:
        """The same things in the same order; lists, tuples and arrays may stand for one another."""
        if _same(self.value, wanted):
            return
        for words, value in (likely or {}).items():
            if _same(self.value, value):
                raise self.wrong(_brief(wanted), words)
        raise self.wrong(_brief(wanted), hint)

    def is_true(self, holds: bool, wanted: str, hint: str = "") -> None:
        """Any other property of the answer."""
        if not holds:
            raise self.wrong(wanted, hint)

    def items(self, count: int, wanted: str) -> list[Answer]:
        """The parts of a tuple or list of so many things, each an answer."""
        if not isinstance(self.value, tuple | list) or len(self.value) != count:
            raise self.wrong(wanted, f"Return {count} things: `return a, b`.")
        return [Answer(value, self.tried) for value in self.value]


def plain(value: Any) -> Any:
    """Tensors and tables as arrays, sequences of them too; everything else as it is."""
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if hasattr(value, "detach"):
        return value.detach().cpu().numpy()
    return value.to_numpy() if hasattr(value, "to_numpy") else value


def _near(found: np.ndarray, wanted: np.ndarray, tolerance: float) -> bool:
    return bool(np.allclose(found, wanted, rtol=tolerance, atol=tolerance, equal_nan=True))


def _same(found: Any, wanted: Any) -> bool:
    try:
        found, wanted = (part.tolist() if isinstance(part, np.ndarray | np.generic) else part
                         for part in (plain(found), plain(wanted)))
        if isinstance(wanted, list | tuple):
            return isinstance(found, list | tuple) and len(found) == len(wanted) and all(map(_same, found, wanted))
        return type(found) is not bool and bool(found == wanted) if type(wanted) is int else bool(found == wanted)
    except Exception:  # an answer whose comparison fails is not the answer
        return False


def _brief(value: Any) -> str:
    """A value as a student would write it, cut to a few lines."""
    value = plain(value)
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    try:
        if isinstance(value, list | tuple) and any(isinstance(part, np.ndarray) for part in value):
            text = ", ".join(map(_brief, value))
        elif isinstance(value, np.ndarray):
            text = np.array2string(value, precision=4, suppress_small=True, threshold=60, separator=", ")
        else:
            text = repr(value)
    except Exception:
        text = f"a {type(value).__name__} that cannot be printed"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + " …"
