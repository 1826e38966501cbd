"""Reads a notebook from stdin: what must be run for the exercises, and facts about the code.

It runs in a box of its own, because a notebook may be made to break parsers, and none of the
student's code runs there, so nobody can patch it. A notebook is not executed as a whole: for each
exercise the function of that name is taken, with the imports, functions, classes and variables that
it uses, and theirs. Only the standard library is imported here.
"""

from __future__ import annotations

import ast
import json
import re
import symtable
import sys
from collections import namedtuple
from collections.abc import Iterable, Iterator
from typing import Any

_DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
# what IPython understands and Python does not: %magic, !command, x = !command, name?
_MAGIC = re.compile(r"^([ \t]*)(?:[%!?].*|[\w, ]+=[ \t]*[%!].*|[\w.]+\?+)[ \t]*$", re.MULTILINE)

Statement = namedtuple("Statement", "node cell index binds uses")
"""A statement at the top level of a cell, its place, and global names that it binds and reads."""


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
                found += [Statement(node, cell, place, *_names(node))
                          for place, node in enumerate(body)]
                texts[cell] = candidate
                break
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue  # a broken cell hides no other
    return found


def _names(node: ast.stmt) -> tuple[set[str], set[str]]:
    """Names that a statement binds at the top level, and global names that it reads."""
    top = symtable.symtable(ast.unparse(node), "cell", "exec")
    binds = {one.get_name() for one in top.get_symbols() if one.is_assigned() or one.is_imported()}
    # of a function or class, what its head assigns is not the cell's
    return {node.name} if hasattr(node, "name") else binds, set(_read(top))


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
    return isinstance(node, ast.FunctionDef) or isinstance(getattr(node, "value", None), ast.Lambda)


def facts(every: list[Statement], name: str) -> tuple[bool, list[str]] | None:
    """Whether a function is a stub, and the names in it and in what it uses; None if absent."""
    reached = needed(every, [name])
    own = [one.node for one in reached if _writes(one.node) and name in one.binds]
    reads = set().union(*(one.uses for one in reached))
    names = set(reads)
    for top, node in ((one.node, node) for one in reached for node in ast.walk(one.node)):
        if isinstance(node, ast.Attribute | ast.Constant):  # and in getattr(torch, "softmax")
            names.add(str(getattr(node, "attr", getattr(node, "value", "")))[:40])
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(*(alias.name.split(".") for alias in node.names if node is not top
                           or (alias.asname or alias.name).split(".")[0] in reads))
    return (_is_stub(own[-1]), sorted(names)) if own else None


def _is_stub(node: ast.stmt) -> bool:
    """Whether the body is empty but for a docstring, ``...``, ``pass``, ``return None``."""
    body = node.body if hasattr(node, "body") else [ast.Return(node.value.body)]
    ends = [part.value for part in body if isinstance(part, ast.Return)]
    return all(isinstance(part, ast.Pass | ast.Return) or isinstance(part, ast.Expr) and isinstance(
        part.value, ast.Constant) for part in body) and all(
        getattr(value, "value", value) in (None, ...) for value in ends)


def main(names: str) -> None:
    """Write a line of JSON: what has to be run and imported, and the facts; null if broken."""
    try:
        texts = cells(json.loads(sys.stdin.buffer.read()))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        print("null")
        return
    every = statements(texts)
    found = {name: fact for name in names.split() if (fact := facts(every, name))}
    chosen = needed(every, found)
    imports = [node for one in chosen for node in ast.walk(one.node)]
    modules = {one.name for node in imports if isinstance(node, ast.Import) for one in node.names}
    modules |= {node.module or "" for node in imports if isinstance(node, ast.ImportFrom)}
    run = {one.cell: [other.index for other in chosen if other.cell == one.cell] for one in chosen}
    print(json.dumps({"code": bool(texts), "facts": found, "modules": sorted(modules),
                      "cells": [(cell + 1, texts[cell], places) for cell, places in run.items()]}))
