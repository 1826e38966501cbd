"""Read the CSV tables of body measures and gestures that lie beside the code."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def read_table(path: str, vectors: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table of this package.

    Parameters
    ----------
    path : str
        Below ``mgutils/synth``.
    vectors : sequence of str
        Columns whose cells hold several numbers; they become float64 arrays.
    """
    file = Path(__file__).parent / path
    table = pd.read_csv(file, keep_default_na=False, dtype=str)
    for name in table.columns:
        with suppress(ValueError):  # a column of texts
            table[name] = table[name].astype(float if "." in "".join(table[name]) else int)
    for name in vectors:
        table[name] = [np.array(cell.split(), dtype=np.float64) for cell in table[name].astype(str)]
    return table


def read_groups(path: str, key: str, vectors: Sequence[str] = ()) -> dict[str, list[Any]]:
    """The rows of a table by the value of a column, as named tuples."""
    return {value: list(rows.itertuples()) for value, rows in read_table(path, vectors).groupby(key)}
