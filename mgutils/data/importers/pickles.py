"""A pickle of somebody else's as plain data: numbers, texts, lists, tuples, dictionaries and NumPy arrays.

A pickle is a program: to load it is to run it. This reader runs the part of the language that builds plain values and
refuses the rest by name. It never calls NumPy's own ``__setstate__``, which trusts what it is given: the few names that
a pickled array asks for lead to the functions below. Dictionaries have texts or whole numbers as keys.
"""

from __future__ import annotations

import math
import pickle
import pickletools
import re
from collections.abc import Callable
from pathlib import Path
from struct import unpack
from typing import Any, BinaryIO

import numpy as np
from numpy import ndarray

from mgutils.data.csv import describe
from mgutils.errors import MgError, data_error

_WANTED = "a pickle of numbers, texts, lists, dictionaries and NumPy arrays"
_REMEDY = "Copy the file again from its source. A pickle that asks for anything else may run a program: do not load it."
_KIND = re.compile(r"[<>|=]?(?:[biuf][1248]|f16|c8|c16|[SU][0-9]{1,6})")
_LARGEST = 10**15
_OPCODES = {opcode.code.encode("latin1")[0]: opcode.name for opcode in pickletools.opcodes}


class _RefusedError(Exception):
    """What the pickle asks for, as a sentence's object."""


class _Kind:
    """``numpy.dtype``, named by text alone."""

    def __init__(self, name: Any, *flags: Any) -> None:
        name = name.decode("latin1") if isinstance(name, bytes) else name
        if not isinstance(name, str) or not _KIND.fullmatch(name):
            raise _RefusedError(f"an array of {name!r:.60}")
        self.dtype = np.dtype(name)

    def set_state(self, state: Any) -> None:
        order = state[1].decode("latin1") if isinstance(state[1], bytes) else state[1]
        if order not in ("<", ">", "|", "="):
            raise ValueError("a byte order that does not exist")
        self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """An array before and after its state has come."""

    def __init__(self) -> None:
        self.array = np.zeros(0)

    def set_state(self, state: Any) -> None:
        _, shape, kind, is_fortran, content = state
        self.array = _array(content, kind, shape, "F" if is_fortran else "C")


class _Ndarray:
    """``numpy.ndarray``, which is only passed on to ``_reconstruct``."""


def _array(content: Any, kind: Any, shape: Any, order: str) -> ndarray:
    content = content.encode("latin1") if isinstance(content, str) else content
    if not isinstance(kind, _Kind) or not isinstance(content, bytes) or not isinstance(shape, tuple):
        raise _RefusedError("an array that does not hold numbers")
    if any(type(size) is not int or size < 0 for size in shape):
        raise ValueError("a shape that is none")
    if math.prod(shape) * kind.dtype.itemsize != len(content):
        raise ValueError("a shape that does not fit its numbers")
    return np.frombuffer(content, kind.dtype).reshape(shape, order=order) if content else np.zeros(shape, kind.dtype)


def _reconstruct(kind: Any, shape: Any, code: Any) -> _Array:
    if kind is not _Ndarray:
        raise _RefusedError("a subclass of numpy.ndarray")
    return _Array()


def _from_buffer(content: Any, kind: Any, shape: Any, order: Any, axes: Any = None) -> ndarray:
    if order == "K" and axes is not None:
        return _array(content, kind, shape, "C").transpose(axes)
    return _array(content, kind, shape, "F" if order == "F" else "C")


def _scalar(kind: Any, content: Any) -> Any:
    return _array(content, kind, (), "C").item()


def _encode(text: Any, encoding: Any) -> bytes:
    """Bytes in a pickle for Python 2, as OpenMMLab's tools write it."""
    if encoding != "latin1":
        raise _RefusedError(f"the encoding {encoding!r:.60}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    return b""


_NAMES: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _Ndarray,
    ("numpy", "dtype"): _Kind,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _no_bytes,
}
for _core in ("numpy.core", "numpy._core"):
    _NAMES[f"{_core}.multiarray", "_reconstruct"] = _reconstruct
    _NAMES[f"{_core}.multiarray", "scalar"] = _scalar
    _NAMES[f"{_core}.numeric", "_frombuffer"] = _from_buffer
_CALLABLE = tuple(value for value in _NAMES.values() if value is not _Ndarray)


class _Bounded:
    """A file that says at once where more is asked for than it has, so that no memory is set aside for it."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.left = file, size

    def read(self, count: int) -> bytes:
        if not 0 <= count <= self.left:
            raise EOFError
        self.left -= count
        return self.file.read(count)

    def readline(self) -> bytes:
        line = self.file.readline()
        self.left -= len(line)
        return line


class _Dispatch(dict):
    def __missing__(self, code: int) -> Any:
        raise _RefusedError(f"the operation {_OPCODES.get(code, hex(code))}")


class _PlainUnpickler(pickle._Unpickler):  # the one in Python: its memo is a dictionary, which no number makes huge
    dispatch = _Dispatch()

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _NAMES[module, name]
        except KeyError:
            raise _RefusedError(f"{module}.{name}"[:200]) from None

    def load_reduce(self) -> None:
        arguments = self.stack.pop()
        function = self.stack[-1]
        if not any(function is one for one in _CALLABLE) or not isinstance(arguments, tuple):
            raise _RefusedError("a call of what is no NumPy array")
        self.stack[-1] = function(*arguments)

    def load_build(self) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], _Array | _Kind):
            raise _RefusedError(f"a state for a value of the type {type(self.stack[-1]).__name__}")
        self.stack[-1].set_state(state)

    def load_bytearray8(self) -> None:
        size, = unpack("<Q", self.read(8))
        self.append(self.read(size))

    def load_setitem(self) -> None:
        value = self.stack.pop()
        key = self.stack.pop()
        self._fill([key, value])

    def load_setitems(self) -> None:
        items = self.pop_mark()
        self._fill(items)

    def load_dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._fill(items)

    def _fill(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or any(type(key) not in (str, int) for key in items[::2]):
            raise _RefusedError("a dictionary whose keys are no texts")
        target.update(zip(items[::2], items[1::2], strict=True))


_PLAIN = """PROTO FRAME MARK STOP POP POP_MARK DUP NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4
FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES
BINBYTES8 EMPTY_LIST LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT GET BINGET LONG_BINGET PUT
BINPUT LONG_BINPUT MEMOIZE GLOBAL STACK_GLOBAL""".split()
for _code, _name in _OPCODES.items():
    if _name in _PLAIN:
        _PlainUnpickler.dispatch[_code] = pickle._Unpickler.dispatch[_code]
for _name in ("reduce", "build", "bytearray8", "setitem", "setitems", "dict"):
    _code = next(code for code, name in _OPCODES.items() if name == _name.upper())
    _PlainUnpickler.dispatch[_code] = getattr(_PlainUnpickler, f"load_{_name}")


def read_pickle(file: Path) -> Any:
    """Load a pickle of plain values; nothing in it is run.

    Returns
    -------
    object
        Arrays are wrapped where the pickle fills them late: take them with :func:`as_array`.

    Raises
    ------
    DataError
        If the file is no pickle, or asks for anything but plain values and NumPy arrays; the message names it.
    """
    try:
        with open(file, "rb") as opened:
            bounded = _Bounded(opened, file.stat().st_size)
            return _PlainUnpickler(bounded, encoding="latin1").load()
    except MgError:
        raise
    except _RefusedError as error:
        raise data_error(file, f"a pickle that asks for {error}", _WANTED, _REMEDY) from None
    except OSError as error:
        raise data_error(file, error.strerror or "an error", "a file that can be read", "Check the path.") from None
    except Exception as error:  # a broken pickle makes the reader raise nearly anything
        raise data_error(file, f"no readable pickle ({type(error).__name__})", _WANTED, _REMEDY) from None


def as_array(value: Any) -> ndarray | None:
    """An array of a pickle, or a list of numbers, as an array of numbers; ``None`` where it is anything else."""
    value = value.array if isinstance(value, _Array) else value
    if isinstance(value, list | tuple):
        try:
            value = np.array(value)
        except (ValueError, TypeError, OverflowError, MemoryError, RecursionError):
            return None
    return value if isinstance(value, ndarray) and value.dtype.kind in "iuf" else None


def as_text(value: Any) -> str | None:
    """A text, or a whole number as one; ``None`` where a value is anything else."""
    if type(value) is int and abs(value) < _LARGEST:
        return str(value)
    return value if isinstance(value, str) else None


def in_words(value: Any) -> str:
    """A value of a pickle, short enough for a line however long or deep it is."""
    if isinstance(value, dict):
        return f"a dictionary with the keys {', '.join(map(in_words, list(value)[:5]))}"[:100]
    if isinstance(value, list | tuple):
        if 0 < len(value) < 5 and all(as_text(one) for one in value):
            return f"({', '.join(map(in_words, value))})"
        return f"a {type(value).__name__} of {len(value):,}"
    array = as_array(value)
    if array is not None:
        return f"an array of shape {array.shape}"
    if isinstance(value, str | float) or as_text(value) is not None:
        return describe(value)
    return f"a value of the type {type(value).__name__}"
