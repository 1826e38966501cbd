"""Values on their way into a submission's box and back: JSON, arrays as base64 ``.npy``.

Nothing is pickled, because unpickling runs code. The box has this file as a module of its own, so
it imports nothing of the kit. What is not plain data arrives as an :class:`Other`.
"""

from __future__ import annotations

import base64
import io
import math
from typing import Any

import numpy as np

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
    """Return the value as something that JSON can write."""
    if type(value) in (bool, int, float, str, type(None)):
        return value
    if type(value) in _GROUPS.values():
        return {"kind": type(value).__name__, "parts": [pack(part) for part in value]}
    if type(value) is dict:
        return {"kind": "dict", "parts": [[pack(key), pack(part)] for key, part in value.items()]}
    if hasattr(value, "detach") and hasattr(value, "numpy"):
        return _array(value.detach().cpu().resolve_conj().to_dense().numpy(), "tensor")
    if isinstance(value, np.ndarray | np.generic):
        return _array(np.asarray(value), "array" if isinstance(value, np.ndarray) else "scalar")
    if hasattr(value, "to_numpy"):
        return _array(value.to_numpy(), "array")
    return {"kind": "other", "words": repr(value)[:300]}


def _array(array: np.ndarray, kind: str) -> Any:
    if array.dtype.kind == "O":
        return pack(array.tolist())
    if array.dtype.kind not in _KINDS or array.nbytes > LARGEST // 2:
        return {"kind": "other", "words": f"{array.nbytes:,} bytes of {array.dtype}"}
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return {"kind": kind, "npy": base64.b64encode(file.getvalue()).decode()}


def unpack(part: Any) -> Any:
    """Return the value that :func:`pack` was given.

    Raises
    ------
    ValueError
        If :func:`pack` cannot have written this.
    """
    try:
        return _value(part)
    except Exception as error:  # of which a forged header or an endless nesting raises many sorts
        raise ValueError(f"an answer that cannot be read ({type(error).__name__})") from None


def _value(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    kind = part["kind"]
    if kind in _GROUPS:
        return _GROUPS[kind](_value(one) for one in part["parts"])
    if kind == "dict":
        return {_value(key): _value(one) for key, one in part["parts"]}
    if kind == "other":
        return Other(str(part["words"])[:300])
    file = io.BytesIO(base64.b64decode(part["npy"]))
    np.lib.format.read_magic(file)
    shape, by_column, dtype = np.lib.format.read_array_header_1_0(file)
    # the size is checked before anything is allocated: a header may promise more than follows
    if dtype.kind not in _KINDS or math.prod(max(1, size) for size in shape) > LARGEST:
        raise ValueError(f"an array of type {dtype} and shape {shape}")
    array = np.ndarray(shape, dtype, bytearray(file.read()), order="F" if by_column else "C")
    if kind == "tensor":
        import torch

        return torch.from_numpy(array)
    return array if kind == "array" else array[()]
