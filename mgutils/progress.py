"""Progress bars for notebooks, terminals and log files. Nothing here imports torch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from tqdm import tqdm

_EVERY = 10
"""Seconds between two lines in a log."""


def _kernel() -> Any:
    """The Jupyter kernel that runs this code, or ``None``."""
    if "IPython" not in sys.modules:  # no kernel starts without it
        return None
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None)


def interactive() -> bool:
    """Whether a person sits before this kernel, and ipywidgets is there to show them something.

    A front end that a person uses allows the kernel to ask for input; papermill and nbconvert do not.
    """
    kernel = _kernel()
    if kernel is None or not kernel.get_parent("shell").get("content", {}).get("allow_stdin", False):
        return False
    try:
        import ipywidgets  # noqa: F401
    except ImportError:
        return False
    return True


class LogBar(tqdm):
    """A bar for a log file: a line every ten seconds at most, and a last one."""

    def __init__(self, *args: Any, **options: Any) -> None:
        interval = max(_EVERY, options.get("mininterval", 0))
        super().__init__(*args, **options | {"mininterval": interval, "ascii": True, "ncols": 80, "leave": True})

    def refresh(self, *args: Any, **options: Any) -> bool:
        """Write a line, unless the last one is too young."""
        if self.disable:
            return False
        now = self._time()
        if now - getattr(self, "last_print_t", -self.mininterval) < self.mininterval:
            return False
        self.last_print_t = now
        return super().refresh(*args, **options)

    @staticmethod
    def status_printer(file: TextIO) -> Callable[[str], None]:
        written: list[str] = []

        def show(text: str) -> None:
            if text.strip() and written[-1:] != [text]:
                file.write(("\n" if written else "") + text)
                file.flush()
                written[:] = [text]

        return show


def progress_bar(iterable: Iterable | None = None, **options: Any) -> tqdm:
    """A tqdm bar where it can be seen; ``options`` as tqdm takes them.

    A widget in a notebook that a person uses; a moving line in a terminal; a line every ten seconds in a log; nothing
    in a notebook that papermill executes, where it would stay behind as a dead widget.
    """
    if interactive():
        from tqdm.notebook import tqdm as widget

        return widget(iterable, **options)
    if _kernel() is not None:
        return tqdm(iterable, **options | {"disable": True})
    return (tqdm if sys.stderr.isatty() else LogBar)(iterable, **options)
