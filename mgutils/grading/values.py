"""Values on their way into a box and back: JSON, arrays as base64 ``.npy``; nothing is pickled."""

from __future__ import annotations

import base64
import io
import math
from typing import Any

import numpy as np

from mgutils.exercises.calls import plain

LARGEST = 8_000_000
"""Characters of one answer."""
_KINDS = "biufU"  # of arrays: truth values, whole numbers, floats, text
_GROUPS = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}


class Other:
    """A value that is not plain data; it knows only how it was printed."""

    def __init__(self, words: str) -> None:
        self.words = words

    def __repr__(self) -> str:
        return self.words


def pack(value: Any) -> Any:
    """Return the value as JSON has it; a list begins with what it stands for."""
    if type(value) in (bool, int, float, str, type(None)):
        return value
    if type(value) in _GROUPS.values():
        return [type(value).__name__, *map(pack, value)]
    if type(value) is dict:
        return ["dict", *map(pack, value.items())]
    array = plain(value)
    if not isinstance(array, np.ndarray | np.generic):
        return ["other", repr(value)[:300]]
    if array.dtype.kind == "O":
        return pack(array.tolist())
    if array.dtype.kind not in _KINDS or array.nbytes > LARGEST // 2:
        return ["other", repr(value)[:300]]
    kind = "scalar" if isinstance(value, np.generic) else "array"
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    text = base64.b64encode(file.getvalue()).decode()
    return ["tensor" if hasattr(value, "detach") else kind, text]


def unpack(part: Any) -> Any:
    """Return the value that :func:`pack` was given.

    Raises
    ------
    ValueError
        If :func:`pack` cannot have written this.
    """
    if not isinstance(part, list):
        return part
    try:
        kind, *parts = part
        if kind in _GROUPS:
            return _GROUPS[kind](map(unpack, parts))
        if kind == "dict":
            return dict(map(unpack, parts))
        if kind == "other":
            return Other(str(parts[0])[:300])
        return _array(kind, *parts)
    except Exception as error:  # a forged header or an endless nesting raises many sorts
        raise ValueError(f"an answer that cannot be read ({type(error).__name__})") from None


def _array(kind: str, text: str) -> Any:
    file = io.BytesIO(base64.b64decode(text))
    array = np.lib.format.read_array(file, allow_pickle=False)
    # empty arrays and texts of no width may have endless shapes
    if array.dtype.kind not in _KINDS or math.prod(max(1, size) for size in array.shape) > LARGEST:
        raise ValueError
    if kind == "tensor":
        import torch

        return torch.from_numpy(array)
    return array[()] if kind == "scalar" else array
