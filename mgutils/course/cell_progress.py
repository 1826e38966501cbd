"""Progress of a notebook that is executed: a bar in a terminal, a line a minute in a log file.

The bars of a training loop stay inside the notebook's kernel, so a cell that trains is silent
outside for many minutes. A thread here says in the meantime which cell it is. Standard error
decides between bar and lines.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

from tqdm import tqdm

LOG_EVERY = 60.0
"""Seconds between two lines in a log file."""
BAR_EVERY = 1.0
"""Seconds between two looks at the clock of a bar."""


class CellProgress:
    """Follow the code cells of one notebook, from the block's beginning to its end.

    Parameters
    ----------
    name : str
        Shown before each line.
    cells : int
        Number of code cells that will be executed.
    show : bool
        Whether to write to standard error; the cell is followed in any case.

    Attributes
    ----------
    number : int
        Of the code cell that is running, counted from 1 as in its ``[1]``; 0 before the first.
    source : str
        Text of that cell.
    """

    def __init__(self, name: str, cells: int, *, show: bool = True) -> None:
        self.name = name
        self.cells = cells
        self.number = 0
        self.source = ""
        self._show = show
        self._bar: tqdm | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_showing, daemon=True)

    def __enter__(self) -> CellProgress:
        self._began = time.monotonic()
        if self._show:
            if sys.stderr.isatty():
                self._bar = tqdm(total=self.cells, desc=self.name, unit="cell", leave=False)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._show:
            self._thread.join()
        if self._bar is not None:
            self._bar.close()

    def cell_started(self, cell: Any, cell_index: int) -> None:
        """Note the next code cell; nbclient calls it as ``on_cell_execute``."""
        self.number += 1
        self.source = cell.source
        if self._bar is not None:
            self._bar.update(self.number - 1 - self._bar.n)

    def _keep_showing(self) -> None:
        """Refresh the bar's clock, or write a line, until the notebook ends."""
        while not self._ended.wait(LOG_EVERY if self._bar is None else BAR_EVERY):
            if self._bar is not None:
                self._bar.refresh()
                continue
            minutes = (time.monotonic() - self._began) / 60
            print(f"{self.name}: cell {self.number}/{self.cells}, {minutes:.1f} min",
                  file=sys.stderr, flush=True)
