"""Reads notebooks: the statements that must be run for the exercises, and facts about functions.

A notebook is not executed as a whole: for each exercise the function of that name is taken, with
all that it uses. Statements are compiled, and their byte code is read before any of it runs.
"""

from __future__ import annotations  # holds for the student's code as well

import ast
import dis
import linecache
import re
from collections.abc import Iterable
from contextlib import suppress
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from mgutils.course.exercises.inspection import Facts, codes, is_stub

_DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
_BROKEN = (SyntaxError, ValueError, RecursionError, MemoryError)
# what IPython understands and Python does not: %magic, !command, x = !command, name?
_MAGIC = re.compile(r"^([ \t]*)(?:[%!?].*|[\w, ]+=[ \t]*[%!].*|[\w.]+\?+)[ \t]*$", re.MULTILINE)
_USES = ("LOAD_NAME", "LOAD_GLOBAL")
# also texts, which may be names: getattr(torch, "softmax")
_MENTIONS = (*_USES, "LOAD_ATTR", "LOAD_METHOD", "LOAD_CONST", "IMPORT_NAME", "IMPORT_FROM")


class Statement(NamedTuple):
    """A statement at the top level of a cell, or one name of an import."""

    place: str
    node: ast.stmt
    codes: list[CodeType]  # compiled, and what is inside
    binds: set[str]  # global names that it gives a value
    uses: set[str]  # global names that it reads
    writes: bool  # a function, by a ``def`` or a name for a ``lambda``


def statements(notebook: Any, file: str) -> list[Statement]:
    """All statements of all cells that can be compiled; an import of two names is two."""
    sheets = notebook.get("worksheets", [notebook])  # of old formats
    cells = [cell for sheet in sheets for cell in sheet["cells"] if cell["cell_type"] == "code"]
    found = []
    for number, cell in enumerate(cells, start=1):
        text = "".join(cell.get("source", cell.get("input", "")))
        place = f"<{file}, code cell {number}>"
        linecache.cache[place] = len(text), None, text.splitlines(True), place  # for tracebacks
        for node in _parsed(text):
            kind = type(node)
            parts = [kind(**vars(node) | {"names": [one]}) for one in getattr(node, "names", [])]
            for part in parts or [node]:
                with suppress(*_BROKEN):
                    code = compile(ast.Module([part], []), place, "exec")
                    every = list(codes(code))
                    binds = named([code], "STORE_NAME", "STORE_GLOBAL")
                    writes = isinstance(getattr(part, "value", part), ast.FunctionDef | ast.Lambda)
                    uses = named(every, *_USES)
                    found.append(Statement(place, part, every, binds, uses, writes))
    return found


def _parsed(text: str) -> list[ast.stmt]:
    """The statements of a cell, ``pass`` for magics; none if it is broken."""
    for candidate in (text, _MAGIC.sub(r"\1pass", text)):
        with suppress(*_BROKEN):
            return ast.parse(candidate).body
    return []


def named(every: Iterable[CodeType], *operations: str) -> set[str]:
    """Names and texts, cut, on which these operations of the byte code work."""
    steps = [step for code in every for step in dis.get_instructions(code)]
    found = {step.argval for step in steps if step.opname in operations}
    return {name[:60] for name in found if isinstance(name, str)}


def needed(every: list[Statement], names: Iterable[str]) -> list[Statement]:
    """The statements that define functions of those names, and what they use, in their order.

    What is imported under such a name, or a variable, is nobody's solution. For all that is used on
    the way: where a name is defined or imported, assignments to it elsewhere are left alone.
    """
    seen = set(names)
    defined = set().union(*(one.binds for one in every if isinstance(one.node, _DEFINITIONS)))
    fresh = chosen = {place for place, one in enumerate(every) if one.writes and one.binds & seen}
    while fresh:
        wanted = set().union(*(every[place].uses for place in fresh)) - seen
        seen |= wanted
        fresh = {place for place, one in enumerate(every) if one.binds & (
                 wanted if isinstance(one.node, _DEFINITIONS) else wanted - defined)}
        chosen = chosen | fresh
    return [every[place] for place in sorted(chosen)]


def facts(every: list[Statement], name: str) -> Facts | None:
    """What a function is made of, with all that it uses; None if it is absent."""
    reached = needed(every, [name])
    own = [one for one in reached if one.writes and name in one.binds]
    if not own:
        return None
    inner = [part for part in own[-1].codes[0].co_consts if isinstance(part, CodeType)]
    names = named((code for one in reached for code in one.codes), *_MENTIONS)
    kit = next((word for word in sorted(names) if word.split(".")[0] == "mgutils"), None)
    return Facts(is_stub(FunctionType(inner[-1], {})), kit, frozenset(names))
