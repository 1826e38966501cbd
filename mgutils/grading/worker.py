"""The process in a submission's box: it reads notebooks, runs their definitions, and answers calls.

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
from mgutils.grading.reader import Statement, facts, named, needed, statements
from mgutils.grading.values import LARGEST, pack, unpack


def main() -> None:
    """Answer each line with another, until stdin is closed."""
    requests = os.fdopen(os.dup(0))
    answers = os.fdopen(os.dup(1), "w")
    for stream in (0, 1):  # the student's prints go where errors go: nowhere
        os.dup2(2, stream)
    submission = Submission()
    for line in requests:
        kind, *values = json.loads(line)
        answer = getattr(submission, kind)(*values)
        print(json.dumps(answer), file=answers, flush=True)


class Submission:
    """The notebooks that were read, as statements, and the variables of each."""

    def __init__(self) -> None:
        self.notebooks = []
        self.scopes = []

    def read(self, file: str, text: str, names: list[str]) -> dict[str, Any] | None:
        """The facts of each function in a notebook, by name; None if it is broken."""
        try:
            every = statements(json.loads(text), file)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return None
        self.notebooks.append(every)
        return {name: fact for name in names if (fact := facts(every, name))}

    def define(self, names: list[str], modules: list[str]) -> list[str]:
        """Run what these functions need; return what failed."""
        chosen = [needed(every, names) for every in self.notebooks]
        codes = [code for every in chosen for one in every for code in one.codes]
        for module in (*modules, *named(codes, "IMPORT_NAME")):
            with suppress(Exception):  # large ones take seconds, which are not the student's
                importlib.import_module(module)
        self.scopes = [{"__name__": "student"} for _ in chosen]
        notes = []
        try:
            with time_limit(5):
                for every, scope in zip(chosen, self.scopes, strict=True):
                    notes += filter(None, (_run(one, scope) for one in every))
        except TimeUp:
            notes.append("stopped while its definitions were read")
        except BaseException as error:  # it may exit, too
            notes.append(f"{error!r:.200}")
        return notes

    def call(self, notebook: int, name: str, packed: Any) -> tuple[str, Any]:
        """The answer to one call as ``"value"``, or why there is none, as ``"error"``, ``"time"``."""
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


def _run(one: Statement, scope: dict) -> str | None:
    try:
        exec(one.codes[0], scope)
    except Exception as error:
        return f"{one.place}, line {one.node.lineno}: {error!r:.200}"


def _model(value: Any) -> Any:
    """An argument; a model is built from its layers as they print themselves, and their numbers."""
    if not isinstance(value, dict) or "layers" not in value:
        return value
    import torch

    model = torch.nn.Sequential(*(eval(words, vars(torch.nn)) for words in value["layers"]))
    model.load_state_dict(value["state"], assign=True)
    return model.train(value["training"])
