"""The process in a submission's box: it runs the student's definitions, then answers calls.

It knows no checker, no seed and no expected value. Who takes it over can forge the answers of the
own functions, and has to know the right ones for that.
"""

from __future__ import annotations  # holds for the student's code as well

import ast
import importlib
import json
import linecache
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from mgutils.exercises.calls import Failed, TimeUp, call_here, time_limit
from mgutils.grading.values import LARGEST, pack, unpack


def main() -> None:
    """Take what the reader chose, answer with notes; then answer calls until stdin is closed."""
    # the student's prints go nowhere: the real streams move to other numbers
    requests = os.fdopen(os.dup(0))
    answers = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    scopes, notes = define(**json.loads(requests.readline()))
    print(json.dumps(notes), file=answers, flush=True)
    for line in requests:
        print(json.dumps(respond(scopes, *json.loads(line))), file=answers, flush=True)


def define(notebooks: list[dict], modules: list[str]) -> tuple[list[dict], list[str]]:
    """Run the chosen statements; return each notebook's variables, and what failed."""
    for module in modules:  # large packages take seconds, which are not the student's
        with suppress(Exception):
            importlib.import_module(module)
    scopes = [{"__name__": "student"} for _ in notebooks]
    notes = []
    try:
        with time_limit(5):
            for notebook, scope in zip(notebooks, scopes, strict=True):
                for number, text, chosen in notebook["cells"]:
                    place = f"<{notebook['file']}, code cell {number}>"
                    notes += _run(text, chosen, place, scope)
    except TimeUp:
        notes.append("stopped while its definitions were read")
    except BaseException as error:  # it may exit, too
        notes.append(f"{error!r:.200}")
    return scopes, notes


def _run(text: str, chosen: list[int], place: str, scope: dict) -> Iterator[str]:
    """Run a cell's chosen statements, and tell which failed."""
    linecache.cache[place] = len(text), None, text.splitlines(True), place
    body = ast.parse(text).body
    for node in (body[index] for index in chosen):
        try:
            exec(compile(ast.Module([node], []), place, "exec"), scope)
        except Exception as error:
            yield f"{place}, line {node.lineno}: {error!r:.200}"


def respond(scopes: list[dict], address: list, call: Any) -> list[Any]:
    """The answer to one call: ``["value", …]``, ``["error", text]`` or ``["time", text]``."""
    try:
        notebook, name = address
        arguments, *settings = unpack(call)
        value = call_here(scopes[notebook][name], tuple(map(_model, arguments)), *settings)
        answer = pack(value)
        if len(json.dumps(answer)) > LARGEST:
            raise ValueError("the answer is too large")
        return ["value", answer]
    except Failed as failure:
        return [failure.kind, failure.text]
    except BaseException as error:  # no such function, or an answer that cannot be packed
        return ["error", f"{type(error).__name__}: {str(error)[:300]}"]


def _model(value: Any) -> Any:
    """An argument; a model is built from its layers as they print themselves, and their numbers."""
    if not isinstance(value, dict) or "layers" not in value:
        return value
    import torch

    model = torch.nn.Sequential(*(eval(words, vars(torch.nn)) for words in value["layers"]))
    model.load_state_dict(value["state"], assign=True)
    return model.train(value["training"])
