"""Read the CSV tables of body measures and gestures that lie beside the code."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pandas as pd
from numpy import ndarray


def read_table(path: str, vectors: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a table of this package.

    Parameters
    ----------
    path : str
        Below ``mgutils/synth``.
    vectors : tuple of str
        Columns whose cells hold several numbers; they become float64 arrays.
    """
    with resources.files("mgutils.synth").joinpath(path).open(encoding="utf-8") as file:
        table = pd.read_csv(file, keep_default_na=False, float_precision="round_trip")
    for name in vectors:
        table[name] = table[name].astype(str).map(_vector)
    return table


def _vector(cell: str) -> ndarray:
    return np.array(cell.split(), dtype=np.float64)
