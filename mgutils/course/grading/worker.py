"""The process in a submission's box: it reads notebooks, runs their definitions, and answers calls.

It knows no checker, no seed and no expected value. Who takes it over can forge answers, and has to
know the right ones. Values travel as JSON, arrays as base64 ``.npy``; nothing is pickled.
"""

from __future__ import annotations

import base64
import importlib
import io
import json
import math
import os
from contextlib import suppress
from typing import Any

import numpy as np

from mgutils.course.exercises.calls import Failed, TimeUp, call_here, plain, time_limit
from mgutils.course.grading.reader import facts, named, needed, statements

LARGEST = 8_000_000  # characters of one answer
_KINDS = "biufU"  # of arrays: truth values, whole numbers, floats, text
_GROUPS = {kind.__name__: kind for kind in (list, tuple, set, frozenset, dict)}


def main() -> None:
    """Answer each line with another, until stdin is closed."""
    requests = os.fdopen(os.dup(0))
    answers = os.fdopen(os.dup(1), "w")
    for stream in (0, 1):  # the student's prints go where errors go: nowhere
        os.dup2(2, stream)
    submission = Submission()
    for line in requests:
        kind, *values = json.loads(line)
        print(json.dumps(getattr(submission, kind)(*values)), file=answers, flush=True)


class Submission:
    """The notebooks that were read, as statements, and the variables of each."""

    def __init__(self) -> None:
        self.notebooks = []
        self.scopes = []

    def read(self, file: str, text: str, names: list[str]) -> dict[str, list] | None:
        """The facts of each function in a notebook, by name; None if it is broken."""
        try:
            every = statements(json.loads(text), file)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return None
        self.notebooks.append(every)
        found = {name: fact for name in names if (fact := facts(every, name))}
        return {name: [one.stub, one.borrowed, sorted(one.names)] for name, one in found.items()}

    def define(self, names: list[str], modules: list[str]) -> list[str]:
        """Run what these functions need; return what failed."""
        self.scopes = [{"__name__": "student"} for _ in self.notebooks]
        chosen = [(one, scope) for every, scope in zip(self.notebooks, self.scopes, strict=True)
                  for one in needed(every, names)]
        imports = named((code for one, _ in chosen for code in one.codes), "IMPORT_NAME")
        for module in (*modules, *imports):
            with suppress(Exception):  # large ones take seconds, which are not the student's
                importlib.import_module(module)
        notes = []
        try:
            with time_limit(5):
                for one, scope in chosen:
                    try:
                        exec(one.codes[0], scope)
                    except Exception as error:
                        notes.append(f"{one.place}, line {one.node.lineno}: {error!r:.200}")
        except BaseException as error:  # it may exit, too
            late = isinstance(error, TimeUp)
            notes.append("stopped while its definitions were read" if late else f"{error!r:.200}")
        return notes

    def call(self, notebook: int, name: str, packed: Any) -> tuple[str, Any]:
        """``"value"`` and what a function returned, or ``"error"`` or ``"time"`` and words."""
        try:
            arguments, *settings = unpack(packed)
            function = self.scopes[notebook][name]
            answer = pack(call_here(function, tuple(map(_model, arguments)), *settings))
            if len(json.dumps(answer)) > LARGEST:
                raise ValueError("the answer is too large")
            return "value", answer
        except Failed as failure:
            return failure.kind, failure.text
        except BaseException as error:  # no such function, or an answer that cannot be packed
            return "error", f"{type(error).__name__}: {str(error)[:300]}"


def _model(value: Any) -> Any:
    """An argument; a model is built from its layers as they print themselves, and their numbers."""
    if not isinstance(value, dict) or "layers" not in value:
        return value
    torch = importlib.import_module("torch")
    model = torch.nn.Sequential(*(eval(words, vars(torch.nn)) for words in value["layers"]))
    model.load_state_dict(value["state"], assign=True)
    return model.train(value["training"])


def pack(value: Any) -> Any:
    """Return the value as JSON has it; a list begins with what it stands for."""
    if type(value) in (bool, int, float, str, type(None)):
        return value
    if type(value) in _GROUPS.values():
        return [type(value).__name__, *map(pack, value.items() if type(value) is dict else value)]
    if hasattr(value, "state_dict"):  # a sequence of torch layers
        return pack({"layers": list(map(repr, value)), "state": dict(value.state_dict()),
                     "training": value.training})
    array = plain(value)
    data = isinstance(array, np.ndarray | np.generic)
    if data and array.dtype.kind == "O":
        return pack(array.tolist())
    if not data or array.dtype.kind not in _KINDS or array.nbytes > LARGEST // 2:
        return ["other", repr(value)[:300]]
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    fixed = isinstance(value, np.ndarray) and not value.flags.writeable
    kind = "tensor" if hasattr(value, "detach") else "read-only" if fixed else "array"
    return [kind, base64.b64encode(file.getvalue()).decode()]


def unpack(part: Any) -> Any:
    """Return the value that :func:`pack` was given; a forged one raises errors of many sorts."""
    if not isinstance(part, list):
        return part
    kind, *parts = part
    if kind in _GROUPS:
        return _GROUPS[kind](map(unpack, parts))
    (text,) = parts
    if kind == "other":  # it knows only how it was printed
        return type("Other", (), {"__repr__": lambda _: str(text)[:300]})()
    file = io.BytesIO(base64.b64decode(text))
    array = np.lib.format.read_array(file, allow_pickle=False)
    # empty arrays and texts of no width may have endless shapes
    if array.dtype.kind not in _KINDS or math.prod(max(1, size) for size in array.shape) > LARGEST:
        raise ValueError("no such array is packed")
    if kind == "read-only":
        array.flags.writeable = False
    return importlib.import_module("torch").from_numpy(array) if kind == "tensor" else array[()]
