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
        self._began = time.monotonic()
        in_log = not show or not sys.stderr.isatty()
        self._bar = tqdm(total=cells, desc=name, unit="cell", leave=False, disable=in_log)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_showing, daemon=True)

    def __enter__(self) -> CellProgress:
        if self._show:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._show:
            self._thread.join()
        self._bar.close()

    def cell_started(self, cell: Any, cell_index: int) -> None:
        """Note the next code cell; nbclient calls it as ``on_cell_execute``."""
        self.number += 1
        self.source = cell.source
        self._bar.update(self.number - 1 - self._bar.n)

    def _keep_showing(self) -> None:
        """Refresh the bar's clock, or write a line, until the notebook ends."""
        while not self._ended.wait(LOG_EVERY if self._bar.disable else BAR_EVERY):
            self._bar.refresh()
            minutes = (time.monotonic() - self._began) / 60
            if self._bar.disable:
                print(f"{self.name}: cell {self.number}/{self.cells}, {minutes:.1f} min",
                      file=sys.stderr, flush=True)
