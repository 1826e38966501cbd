"""Reads one notebook from stdin: what must be run for each exercise, and facts about its code.

It runs as a process in a box of its own (a notebook may be made to break parsers), before any of
the student's code has run, so nobody can patch it. A notebook is not executed as a whole. For each
exercise the function of that name is taken, and with it the imports, functions, classes and
variables that it uses, and theirs. Only the standard library is imported here.
"""

from __future__ import annotations

import ast
import json
import re
import symtable
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

_DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
# lines that IPython understands and Python does not: %magic, !command, name?, x = !command
_MAGIC = re.compile(r"^([ \t]*)(?:[%!?].*|[\w, ]+=[ \t]*[%!].*|[\w.]+\?+)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Statement:
    """A statement at the top level of a cell."""

    node: ast.stmt
    cell: int
    index: int
    """Its place among the statements of the cell."""
    binds: frozenset[str]
    uses: frozenset[str]
    """Global names that it, or a function in it, reads."""


def cells(notebook: Any) -> list[str]:
    """The texts of a notebook's code cells; those of old formats too."""
    found = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
    code = [cell for cell in found if cell["cell_type"] == "code"]
    texts = [cell.get("source", cell.get("input", "")) for cell in code]
    return [text if isinstance(text, str) else "".join(map(str, text)) for text in texts]


def statements(texts: list[str]) -> list[Statement]:
    """All statements of all cells that are Python; puts ``pass`` for magics in ``texts``."""
    found = []
    for cell, text in enumerate(texts):
        for candidate in (text, _MAGIC.sub(r"\1pass", text)):
            try:
                body = ast.parse(candidate).body
                found += [Statement(node, cell, index, *_names(node))
                          for index, node in enumerate(body)]
                texts[cell] = candidate
                break
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue  # a broken cell hides no other
    return found


def _names(node: ast.stmt) -> tuple[frozenset[str], frozenset[str]]:
    """Names that a statement binds at the top level, and global names that it reads."""
    top = symtable.symtable(ast.unparse(node), "cell", "exec")
    binds = {one.get_name() for one in top.get_symbols() if one.is_assigned() or one.is_imported()}
    if hasattr(node, "name"):  # the decorators' and defaults' names are not the cell's
        binds = {node.name}
    return frozenset(binds), frozenset(_read(top))


def _read(table: symtable.SymbolTable) -> Iterator[str]:
    for one in table.get_symbols():
        if one.is_referenced() and (table.get_type() == "module" or one.is_global()):
            yield one.get_name()
    for inner in table.get_children():
        yield from _read(inner)


def needed(every: list[Statement], names: Iterable[str]) -> list[Statement]:
    """The statements that define functions of those names, and what they use, in their order.

    What is imported under such a name, or a variable, is nobody's solution. For all that is used on
    the way: where a name is defined or imported, assignments to it elsewhere are left alone.
    """
    wanted = set(names)
    chosen = {place for place, one in enumerate(every) if _writes(one.node) and one.binds & wanted}
    waiting = [name for place in chosen for name in every[place].uses]
    while waiting:
        name = waiting.pop()
        if name in wanted:
            continue
        wanted.add(name)
        places = [place for place, statement in enumerate(every) if name in statement.binds]
        defining = [place for place in places if isinstance(every[place].node, _DEFINITIONS)]
        for place in set(defining or places) - chosen:
            chosen.add(place)
            waiting += every[place].uses
    return [every[place] for place in sorted(chosen)]


def _writes(node: ast.stmt) -> bool:
    """Whether a statement writes a function: a `def`, or a name for a `lambda`."""
    return isinstance(node, ast.FunctionDef) or (
        isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda))


def facts(every: list[Statement], name: str) -> tuple[bool, str | None, list[str]] | None:
    """Of a function with its helpers: whether it is a stub, what it takes from the kit, its names.

    None if no function of that name is written.
    """
    reached = needed(every, [name])
    own = [one.node for one in reached if _writes(one.node) and name in one.binds]
    if not own:
        return None
    reads = {name for one in reached for name in one.uses}
    names, borrowed = set(reads), None
    for top, node in ((one.node, node) for one in reached for node in ast.walk(one.node)):
        if isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.update([node.value] if node.value.isidentifier() else [])  # getattr(x, "softmax")
        elif isinstance(node, ast.Import | ast.ImportFrom):
            module = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for alias in node.names:
                if node is not top or (alias.asname or alias.name).split(".")[0] in reads:
                    names.update(alias.name.split("."))
                    full = ".".join([*module, alias.name])
                    borrowed = full if full.split(".")[0] == "mgutils" else borrowed
    return _is_stub(own[-1]), borrowed, sorted(names)


def _is_stub(node: ast.stmt) -> bool:
    """Whether a function's body is empty but for a docstring, ``...``, ``pass``, ``return None``."""
    if isinstance(node, ast.Assign):
        return isinstance(node.value.body, ast.Constant) and node.value.body.value in (None, ...)
    return all(isinstance(part, ast.Pass)
               or isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
               or isinstance(part, ast.Return) and (part.value is None or isinstance(
                   part.value, ast.Constant) and part.value.value in (None, ...))
               for part in node.body)


def read(notebook: Any, names: list[str]) -> dict[str, Any]:
    """What the grader has to know of a notebook."""
    texts = cells(notebook)
    every = statements(texts)
    found = {name: fact for name in names if (fact := facts(every, name))}
    chosen = needed(every, found)
    run = {cell: [one.index for one in chosen if one.cell == cell] for cell in range(len(texts))}
    imports = [node for one in chosen for node in ast.walk(one.node)]
    modules = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in imports if isinstance(node, ast.ImportFrom)}
    return {"code": bool(texts), "facts": found, "modules": sorted(modules),
            "cells": [[cell + 1, texts[cell], indices] for cell, indices in run.items() if indices]}


def main(names: str) -> None:
    """Write what :func:`read` found as one line of JSON."""
    try:
        answer = read(json.loads(sys.stdin.buffer.read()), names.split())
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        answer = None
    print(json.dumps(answer))
