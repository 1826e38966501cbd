"""The process that runs a submission's functions: it reads them, then answers calls until the pipe is closed.

It knows no checker. It gets arguments and sends back plain data, so that nothing in it decides about a verdict.
"""

from __future__ import annotations

import ast
import builtins
import linecache
import pickle
import time
from collections.abc import Mapping
from dataclasses import asdict
from multiprocessing.connection import Connection
from types import FunctionType
from typing import Any

# imported before the fork, so that every submission's process has them at once
import IPython.core.inputtransformer2
import numpy as np
import pandas as pd
import scipy.special
import torch
import torch.nn.functional

from mgutils.exercises.answers import Failed, call_here
from mgutils.exercises.inspection import is_stub, read
from mgutils.exercises.limits import TimeUp, time_limit
from mgutils.grading.guard import confine
from mgutils.grading.submission import Statement, needed, statements
from mgutils.grading.wire import pack

Notebooks = list[tuple[str, list[str]]]
"""File name and code cells of each."""
PRELOADED = (IPython, np, pd, scipy, torch)


def serve(pipe: Connection, notebooks: Notebooks, names: list[str], folder: str, limits: Mapping[str, int]) -> None:
    """Read the functions of those names out of the notebooks, report on them, then answer calls.

    Every message to the instructor's process is a text made by :func:`mgutils.grading.wire.pack`: first one dictionary
    of facts by function, then for each call ``["value", answer]`` or ``["failed", kind, words]``.
    """
    torch.set_num_threads(1)
    confine(folder, **limits)
    functions, notes = load(notebooks, names)
    facts = {name: asdict(read(function)) for name, function in functions.items()}
    pipe.send_bytes(pack({"facts": facts, "notes": notes}).encode())
    while True:
        try:
            request: dict[str, Any] = pickle.loads(pipe.recv_bytes())  # from the instructor, who is trusted
        except EOFError:
            return
        pipe.send_bytes(_answer(functions[request.pop("name")], request).encode())


def _answer(function: FunctionType, request: dict[str, Any]) -> str:
    try:
        return pack(["value", call_here(function, **request)])
    except Failed as failure:
        return pack(["failed", failure.kind, failure.text])
    except BaseException as error:  # an answer that cannot be packed
        return pack(["failed", "error", f"{type(error).__name__}: {str(error)[:300]}"])


def load(notebooks: Notebooks, names: list[str],
         seconds: float = 5.0) -> tuple[dict[str, FunctionType], list[str]]:
    """The functions of those names, with what they need executed; and what went wrong on the way.

    Each notebook has its own variables. Of a function that several have, the last one counts that is no stub.
    """
    found, notes = {}, []
    for file, cells in notebooks:
        scope: dict[str, Any] = {"__name__": "student", "__builtins__": builtins}
        every, texts = statements(file, cells)
        for place, text in texts.items():
            linecache.cache[place] = (len(text), None, text.splitlines(keepends=True), place)
        began = time.monotonic()
        try:
            with time_limit(seconds):
                for statement in needed(every, names):
                    notes += _run(statement, scope)
        except TimeUp:
            notes.append(f"{file}: stopped while its definitions were read")
        seconds -= time.monotonic() - began
        for name in names:
            if isinstance(scope.get(name), FunctionType) and (name not in found or not is_stub(scope[name])):
                found[name] = scope[name]
    return found, notes[:20]


def _run(statement: Statement, scope: dict[str, Any]) -> list[str]:
    try:
        exec(compile(ast.Module([statement.node], []), statement.place, "exec"), scope)
    except (TimeUp, KeyboardInterrupt):
        raise
    except BaseException as error:
        return [f"{statement.place}, line {statement.node.lineno}: {type(error).__name__}: {str(error)[:200]}"]
    return []
