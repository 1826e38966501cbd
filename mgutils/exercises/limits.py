"""A time limit for somebody else's function in this process, where a notebook's kernel has to run it.

On the main thread of a POSIX system, where a kernel runs its cells, an alarm signal interrupts the function;
elsewhere a watching thread does, through the interpreter. Both act between two steps of Python: a loop around NumPy
or torch calls is stopped, a single call into compiled code only once it returns. Code that swallows every exception
is interrupted again and again. What no limit in the same process can stop is a compiled call that never returns, or a
crash of the interpreter; ``mg grade`` has other processes for that.
"""

from __future__ import annotations

import ctypes
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_AGAIN = 0.05
"""Seconds until an interruption that was swallowed is repeated."""


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
    target, done, lock = ctypes.c_ulong(threading.get_ident()), threading.Event(), threading.Lock()

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
