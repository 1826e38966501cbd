"""Answers on their way from a submission's process: plain data as JSON, never pickled, because unpickling runs code.

What is not plain data arrives as an :class:`Other`, which knows only how it was printed.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

LARGEST = 8_000_000
"""Characters of one answer."""
_KINDS = "biufU"
"""Of arrays: truth values, whole numbers, floats, text."""


class Other:
    """A value that is not plain data."""

    def __init__(self, words: str) -> None:
        self.words = words

    def __repr__(self) -> str:
        return self.words


def pack(value: Any) -> str:
    """A value as text.

    Raises
    ------
    ValueError
        If it is too large or too deeply nested.
    """
    try:
        text = json.dumps(_plain(value))
    except RecursionError:
        raise ValueError("the answer contains itself, or is nested too deeply") from None
    if len(text) > LARGEST:
        raise ValueError(f"the answer is too large ({len(text):,} characters)")
    return text


def unpack(text: str) -> Any:
    """The value back.

    Raises
    ------
    ValueError
        If the text was not made by :func:`pack`.
    """
    try:
        return _value(json.loads(text))
    except (KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise ValueError(f"an answer that cannot be read ({type(error).__name__})") from None


def _plain(value: Any) -> Any:
    if type(value) in (bool, int, float, str, type(None)):
        return value
    for kind, name in ((list, "list"), (tuple, "tuple"), (set, "set"), (frozenset, "set")):
        if type(value) is kind:
            return {"kind": name, "parts": [_plain(part) for part in value]}
    if type(value) is dict:
        return {"kind": "dict", "parts": [[_plain(key), _plain(part)] for key, part in value.items()]}
    if hasattr(value, "detach") and hasattr(value, "numpy"):
        return _array(value.detach().cpu().resolve_conj().to_dense().numpy(), "tensor", value)
    if isinstance(value, np.ndarray | np.generic):
        return _array(np.asarray(value), "array" if isinstance(value, np.ndarray) else "scalar", value)
    if hasattr(value, "to_numpy"):
        return _array(value.to_numpy(), "array", value)
    return {"kind": "other", "words": _words(value)}


def _array(array: np.ndarray, kind: str, value: Any) -> dict[str, Any]:
    if array.dtype.kind == "O":
        return {"kind": "list", "parts": [_plain(part) for part in array.tolist()]}
    if array.dtype.kind not in _KINDS or array.nbytes > LARGEST // 2:
        return {"kind": "other", "words": _words(value)}
    if array.dtype == np.float16 or array.dtype.itemsize > 8 and array.dtype.kind == "f":
        array = array.astype(float)
    text = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"kind": kind, "type": array.dtype.str, "shape": list(array.shape), "bytes": text}


def _words(value: Any) -> str:
    try:
        return repr(value)[:300]
    except Exception:
        return f"a {type(value).__name__} that cannot be printed"


def _value(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    kind = part["kind"]
    if kind in ("list", "tuple", "set"):
        values = [_value(one) for one in part["parts"]]
        return {"list": list, "tuple": tuple, "set": set}[kind](values)
    if kind == "dict":
        return {_value(key): _value(one) for key, one in part["parts"]}
    if kind == "other":
        return Other(str(part["words"])[:300])
    dtype = np.dtype(str(part["type"]))
    if dtype.kind not in _KINDS:
        raise ValueError(f"an array of the type {dtype}")
    array = np.frombuffer(base64.b64decode(part["bytes"]), dtype=dtype).reshape([int(size) for size in part["shape"]])
    if kind == "tensor":
        import torch

        return torch.from_numpy(array.copy())
    return array.copy() if kind == "array" else array.reshape(())[()]
