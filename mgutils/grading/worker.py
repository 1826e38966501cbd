"""The process in a submission's box: it runs the student's definitions, then answers calls.

It knows no checker, no seed and no expected value. Who takes it over can forge the answers of the
own functions, and has to know the right ones for that.
"""

from __future__ import annotations  # holds for the student's code as well

import ast
import contextlib
import importlib
import json
import linecache
import os
from collections.abc import Mapping
from typing import Any

from calls import Failed, TimeUp, call_here, time_limit
from values import LARGEST, pack, unpack


def main(_: str) -> None:
    """Take what the reader chose, answer with notes; then answer calls until stdin is closed."""
    # the student's prints go nowhere: the real streams move to other numbers
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    scopes, notes = define(**json.loads(requests.readline()))
    print(json.dumps(notes[:20]), file=answers, flush=True)
    for line in requests:
        print(json.dumps(respond(scopes, json.loads(line))), file=answers, flush=True)


def define(notebooks: list[dict], modules: list[str]) -> tuple[list[dict], list[str]]:
    """Run the chosen statements; return each notebook's variables, and what failed."""
    for module in modules:  # large packages take seconds, which are not the student's
        with contextlib.suppress(Exception):
            importlib.import_module(module)
    scopes, notes = [{"__name__": "student"} for _ in notebooks], []
    try:
        with time_limit(5):
            for notebook, scope in zip(notebooks, scopes, strict=True):
                for number, text, indices in notebook["cells"]:
                    place = f"<{notebook['file']}, code cell {number}>"
                    linecache.cache[place] = len(text), None, text.splitlines(True), place
                    body = ast.parse(text).body
                    for node in (body[index] for index in indices):
                        try:
                            exec(compile(ast.Module([node], []), place, "exec"), scope)
                        except Exception as error:
                            notes.append(f"{place}, line {node.lineno}: {error!r:.200}")
    except BaseException as error:  # it may exit, too
        notes.append("stopped while its definitions were read" if isinstance(error, TimeUp)
                     else f"{error!r:.200}")
    return scopes, notes


def respond(scopes: list[dict], request: Mapping[str, Any]) -> list[Any]:
    """The answer to one call: ``["value", …]``, or ``["failed", kind, text]``."""
    try:
        arguments, *settings = unpack(request["call"])
        function = scopes[request["notebook"]][request["name"]]
        answer = pack(call_here(function, tuple(map(_model, arguments)), *settings))
        if len(json.dumps(answer)) > LARGEST:
            raise ValueError("the answer is too large")
        return ["value", answer]
    except Failed as failure:
        return ["failed", failure.kind, failure.text]
    except BaseException as error:  # no such function, or an answer that cannot be packed
        return ["failed", "error", f"{type(error).__name__}: {str(error)[:300]}"]


def _model(value: Any) -> Any:
    """An argument; a model is built from its layers as they print themselves, and their numbers."""
    if not isinstance(value, dict) or "layers" not in value:
        return value
    import torch

    model = torch.nn.Sequential(*(eval(words, vars(torch.nn)) for words in value["layers"]))
    model.load_state_dict(value["state"], assign=True)
    return model.train(value["training"])
