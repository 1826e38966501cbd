"""What a request to end (SIGTERM) does to a command: the same as Ctrl-C, with a status of its own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

STATUS = 128 + signal.SIGTERM
"""Exit status of a command that SIGTERM ended: 143, as shells count it."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came. Whatever cleans up after Ctrl-C cleans up after it too."""


@contextmanager
def sigterm_raises() -> Iterator[None]:
    """Raise :class:`Terminated` in the main thread on SIGTERM; the handler before is put back."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets the main thread alone set handlers
        return
    before = signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        # None: a handler that was not set from Python
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    # a second signal must not cut short the cleaning up after the first
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated
