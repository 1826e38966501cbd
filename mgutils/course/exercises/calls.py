"""Calls somebody else's function in this process: in limited time, without prints, errors in words.

The box of a submission (:mod:`mgutils.course.grading`) has this file without the rest, so it
imports nothing of the kit.

On the main thread of a POSIX system, where a kernel runs its cells, an alarm signal interrupts the
function; elsewhere a watching thread does, through the interpreter. Both act between two steps of
Python: a loop around NumPy or torch calls is stopped, a single call into compiled code only once it
returns. Code that swallows every exception is interrupted again and again. What no limit in the
same process can stop is a compiled call that never returns, or a crash of the interpreter; ``mg
grade`` has other processes for that.
"""

from __future__ import annotations

import contextlib
import copy
import ctypes
import io
import linecache
import signal
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

_AGAIN = 0.05
"""Seconds until an interruption that was swallowed is repeated."""
_SHOWN = 300


class TimeUp(BaseException):
    """Not an ``Exception``: a function that catches all of those is stopped too."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise :class:`TimeUp` inside the block once it has taken so many seconds."""
    on_main = threading.current_thread() is threading.main_thread()
    with _by_alarm(seconds) if on_main and hasattr(signal, "setitimer") else _by_thread(seconds):
        yield


@contextmanager
def _by_alarm(seconds: float) -> Iterator[None]:
    running = True

    def stop(*_: object) -> None:
        if running:
            raise TimeUp

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3), _AGAIN)
    try:
        yield
    finally:
        running = False  # first of all: an alarm from here on must not hit our own lines
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if before is None else before)


@contextmanager
def _by_thread(seconds: float) -> Iterator[None]:
    target = ctypes.c_ulong(threading.get_ident())
    done = threading.Event()
    lock = threading.Lock()

    def watch() -> None:
        wait = max(seconds, 1e-3)
        while not done.wait(wait):
            with lock:
                if not done.is_set():
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(target, ctypes.py_object(TimeUp))
            wait = _AGAIN

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        with lock:
            done.set()
            ctypes.pythonapi.PyThreadState_SetAsyncExc(target, None)
        watcher.join()


class Failed(Exception):
    """A call that gave no answer. ``kind`` is ``error`` or ``time``."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


def call_here(
    function: Callable,
    arguments: tuple,
    named: Mapping[str, Any],
    gradient_of: int | None,
    left: float,
    seconds: float,
) -> Any:
    """One call in this process, on copies of the arguments; one of a read-only array is read-only.

    Raises
    ------
    Failed
        If the function raises, exits or takes longer than ``left`` seconds; the message says
        ``seconds``.
    """
    given = arguments
    arguments, named = copy.deepcopy((arguments, dict(named)))
    for old, new in zip(given, arguments, strict=True):
        if isinstance(old, np.ndarray):  # a copy is writable, unless it is told not to be
            new.flags.writeable = old.flags.writeable
    try:
        with (
            contextlib.redirect_stdout(_Sink()),
            contextlib.redirect_stderr(_Sink()),
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
            time_limit(left),
        ):
            warnings.simplefilter("ignore")
            if gradient_of is None:
                return function(*arguments, **named)
            arguments[gradient_of].requires_grad_()
            return _gradient(function(*arguments, **named), arguments[gradient_of])
    except TimeUp:
        text = f"nothing: the function was stopped after {seconds:g} seconds"
        raise Failed("time", text) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: the kernel must live on
        raise Failed("error", _told(error, function)) from None


def _gradient(value: Any, argument: Any) -> Any:
    import torch

    if not isinstance(value, torch.Tensor):
        raise TypeError(
            f"the function returned {brief(value)}; "
            "wanted a torch tensor, through which gradients flow"
        )
    if value.grad_fn is None:  # a new tensor may require a gradient, and hangs on nothing
        raise RuntimeError(
            "the returned tensor has no gradient: something detached it or left torch on the way"
        )
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
    steps = traceback.walk_tb(error.__traceback__)
    own = [line for frame, line in steps if frame.f_code.co_filename == file]
    if not own:
        return words
    text = linecache.getline(file, own[-1]).strip()
    return f"{words}\n(line {own[-1]} of the cell{': ' + text if text else ''})"


def plain(value: Any) -> Any:
    """Tensors and tables as arrays, sequences of them too; everything else as it is."""
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if hasattr(value, "detach"):
        return value.detach().cpu().numpy()
    return value.to_numpy() if hasattr(value, "to_numpy") else value


def brief(value: Any) -> str:
    """A value as a student would write it, cut to a few lines."""
    value = plain(value)
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    try:
        if isinstance(value, list | tuple) and any(isinstance(part, np.ndarray) for part in value):
            text = ", ".join(map(brief, value))
        elif isinstance(value, np.ndarray):
            text = np.array2string(
                value, precision=4, suppress_small=True, threshold=60, separator=", "
            )
        else:
            text = repr(value)
    except Exception:
        text = f"a {type(value).__name__} that cannot be printed"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + " …"
