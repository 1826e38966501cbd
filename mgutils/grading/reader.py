"""Reads a notebook: what must be run for the exercises, and facts about the code.

It runs in a box of its own, because a notebook may be made to break parsers, and none of the
student's code runs there, so nobody can patch it. A notebook is not executed as a whole: for each
exercise the function of that name is taken, with the imports, functions, classes and variables that
it uses, and theirs. Statements are compiled, and their byte code is read.
"""

from __future__ import annotations

import ast
import dis
import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from mgutils.exercises.inspection import codes, is_stub

_DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
_BROKEN = (SyntaxError, ValueError, RecursionError, MemoryError)
# what IPython understands and Python does not: %magic, !command, x = !command, name?
_MAGIC = re.compile(r"^([ \t]*)(?:[%!?].*|[\w, ]+=[ \t]*[%!].*|[\w.]+\?+)[ \t]*$", re.MULTILINE)


class Statement(NamedTuple):
    """A statement at the top level of a cell, or one name of an import, and its place."""

    cell: int
    index: int
    node: ast.stmt
    code: CodeType
    binds: set[str]
    """Global names that it gives a value."""
    uses: set[str]
    """Global names that it reads."""

    @property
    def function(self) -> CodeType | None:
        """Of the function that it writes by a ``def``, or by a name for a ``lambda``."""
        lambdas = isinstance(getattr(self.node, "value", None), ast.Lambda)
        if not lambdas and not isinstance(self.node, ast.FunctionDef):
            return None
        return [part for part in self.code.co_consts if isinstance(part, CodeType)][-1]


def cells(notebook: Any) -> list[str]:
    """The texts of a notebook's code cells, as Python; those of old formats too."""
    found = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
    code = [cell for cell in found if cell["cell_type"] == "code"]
    texts = [cell.get("source", cell.get("input", "")) for cell in code]
    return [python(text if isinstance(text, str) else "".join(map(str, text))) for text in texts]


def python(text: str) -> str:
    """The text with ``pass`` for magics; empty if it is no Python, for it must hide no other."""
    for candidate in (text, _MAGIC.sub(r"\1pass", text)):
        with suppress(*_BROKEN):
            ast.parse(candidate)
            return candidate
    return ""


def statements(texts: Iterable[str]) -> list[Statement]:
    """All statements of all cells that can be compiled; an import of several names as several."""
    found = []
    for cell, text in enumerate(texts):
        for index, whole in enumerate(ast.parse(text).body):
            for node in _parts(whole):
                with suppress(*_BROKEN):
                    module = ast.Module([node], [])
                    code = compile(module, "", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
                    binds = _names([code], "STORE_NAME", "STORE_GLOBAL")
                    uses = _names(codes(code), "LOAD_NAME", "LOAD_GLOBAL")
                    found.append(Statement(cell, index, node, code, binds, uses))
    return found


def _parts(node: ast.stmt) -> Iterator[ast.stmt]:
    if not isinstance(node, ast.Import | ast.ImportFrom):
        yield node
        return
    for alias in node.names:
        yield type(node)(**{**vars(node), "names": [alias]})


def _names(every: Iterable[CodeType], *operations: str) -> set[str]:
    """What these operations of the byte code work on."""
    steps = [step for code in every for step in dis.get_instructions(code)]
    return {step.argval for step in steps if step.opname in operations}


def needed(every: list[Statement], names: Iterable[str]) -> list[Statement]:
    """The statements that define functions of those names, and what they use, in their order.

    What is imported under such a name, or a variable, is nobody's solution. For all that is used on
    the way: where a name is defined or imported, assignments to it elsewhere are left alone.
    """
    seen = set(names)
    chosen = {place for place, one in enumerate(every) if one.function and one.binds & seen}
    waiting = [name for place in chosen for name in every[place].uses]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        places = [place for place, one in enumerate(every) if name in one.binds]
        defining = [place for place in places if isinstance(every[place].node, _DEFINITIONS)]
        for place in set(defining or places) - chosen:
            chosen.add(place)
            waiting += every[place].uses
    return [every[place] for place in sorted(chosen)]


def facts(every: list[Statement], name: str) -> tuple[bool, list[str]] | None:
    """Whether a function is a stub, and the names in it and in what it uses; None if absent."""
    reached = needed(every, [name])
    own = [one.function for one in reached if one.function and name in one.binds]
    if not own:
        return None
    mentioned = set().union(*map(_mentions, reached))
    return is_stub(FunctionType(own[-1], {})), sorted(mentioned)


def _mentions(one: Statement) -> set[str]:
    """Names in a statement, but for those that it binds, and texts: ``getattr(torch, "exp")``."""
    every = list(codes(one.code))
    words = {word for code in every for name in code.co_names for word in name.split(".")}
    texts = {text[:40] for code in every for text in code.co_consts if isinstance(text, str)}
    return words - one.binds | texts


def read(notebook: str, names: list[str]) -> dict[str, Any] | None:
    """What has to be run and imported of a notebook, and the facts; None if it is broken."""
    try:
        texts = cells(json.loads(notebook))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return None
    every = statements(texts)
    found = {name: fact for name in names if (fact := facts(every, name))}
    chosen = needed(every, found)
    places: dict[int, set[int]] = {}
    for one in chosen:
        places.setdefault(one.cell, set()).add(one.index)
    imported = _names((code for one in chosen for code in codes(one.code)), "IMPORT_NAME")
    return {"code": bool(texts), "facts": found, "modules": sorted(imported),
            "cells": [(cell + 1, texts[cell], sorted(at)) for cell, at in places.items()]}


def main() -> None:
    """Answer one line of JSON with another."""
    print(json.dumps(read(**json.loads(sys.stdin.readline()))))
