"""The process in a submission's box: it runs the student's definitions, then answers calls.

It knows no checker, no seed and no expected value. Who takes it over can forge the answers of the
own functions, and has to know the right ones for that.
"""

from __future__ import annotations

import importlib
import json
import os
from contextlib import suppress
from typing import Any

from mgutils.exercises.calls import Failed, TimeUp, call_here, time_limit
from mgutils.grading.reader import cells, named, needed, statements
from mgutils.grading.values import LARGEST, pack, unpack


def main() -> None:
    """Take the notebooks, answer with notes; then answer calls until stdin is closed."""
    requests = os.fdopen(os.dup(0))
    answers = os.fdopen(os.dup(1), "w")
    for stream in (0, 1):  # the student's prints go where errors go: nowhere
        os.dup2(2, stream)
    scopes, notes = define(**json.loads(requests.readline()))
    print(json.dumps(notes), file=answers, flush=True)
    for line in requests:
        print(json.dumps(respond(scopes, *json.loads(line))), file=answers, flush=True)


def define(notebooks: list[list[str]], names: list[str],
           modules: list[str]) -> tuple[list[dict], list[str]]:
    """Run what the functions need; return each notebook's variables, and what failed."""
    chosen = [needed(statements(cells(json.loads(text)), file), names) for file, text in notebooks]
    imports = named((code for every in chosen for one in every for code in one.codes), "IMPORT_NAME")
    for module in (*modules, *imports):  # large ones take seconds, which are not the student's
        with suppress(Exception):
            importlib.import_module(module)
    scopes = [{"__name__": "student"} for _ in notebooks]
    notes = []
    try:
        with time_limit(5):
            for one, scope in ((one, scope) for every, scope in zip(chosen, scopes, strict=True) for one in every):
                try:
                    exec(one.codes[0], scope)
                except Exception as error:
                    notes.append(f"{one.place}, line {one.node.lineno}: {error!r:.200}")
    except TimeUp:
        notes.append("stopped while its definitions were read")
    except BaseException as error:  # it may exit, too
        notes.append(f"{error!r:.200}")
    return scopes, notes


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
