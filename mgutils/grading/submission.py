"""What is handed in: finding the submissions of a folder, reading their cells, and taking out of them what is needed.

A submission is a notebook, or a folder with one or several. Its file names, cell ids, tags and outputs do not matter:
only the functions in its code cells do. A notebook is not executed as a whole. For each exercise the function of that
name is taken, and with it the imports, functions, classes and variables that it uses, and theirs.
"""

from __future__ import annotations

import ast
import json
import symtable
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mgutils.errors import ConfigError, MgError

_DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
LARGEST = 50_000_000
"""Bytes of a notebook; with all figures the course's own have five million."""


@dataclass(frozen=True)
class Submission:
    """What one student handed in."""

    name: str
    files: tuple[Path, ...]


class Unreadable(MgError):
    """A file that is no notebook."""


def find_submissions(folder: Path | str) -> list[Submission]:
    """One submission for each file and each folder in a folder, in the order of their names; links are not followed.

    Raises
    ------
    ConfigError
        If the folder is absent or empty.
    """
    folder = Path(folder)
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else []
    if not entries:
        raise ConfigError(f"{folder}: found no submissions; wanted a folder with a notebook, or a folder of notebooks, "
                          "for each student.")
    stems = [path.stem if path.suffix == ".ipynb" else path.name for path in entries]
    names = [path.name if stems.count(stem) > 1 else stem for path, stem in zip(entries, stems, strict=True)]
    return [Submission(name, _files(path)) for name, path in zip(names, entries, strict=True)]


def _files(path: Path) -> tuple[Path, ...]:
    if path.is_dir() and not path.is_symlink():
        return tuple(sorted(file for file in path.rglob("*.ipynb") if ".ipynb_checkpoints" not in file.parts))
    return (path,)


def read_cells(file: Path) -> list[str]:
    """The texts of a notebook's code cells, read without trust: nothing is run.

    Raises
    ------
    Unreadable
        If the file is a link, too large, or no notebook.
    """
    if file.is_symlink() or not file.is_file():
        raise Unreadable(f"{file.name}: a link or no file; wanted a notebook of its own.")
    if file.stat().st_size > LARGEST:
        raise Unreadable(f"{file.name}: {file.stat().st_size:,} bytes; wanted at most {LARGEST:,}. Clear its outputs.")
    try:
        notebook = json.loads(file.read_bytes())
        cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        texts = [cell.get("source", cell.get("input", "")) for cell in code]
        return [text if isinstance(text, str) else "".join(map(str, text)) for text in texts]
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        raise Unreadable(f"{file.name}: no notebook, or a broken one; wanted a file that JupyterLab opens.") from None


# -- taking out what is needed (in the submission's own process) -------------------------------------------------------


@dataclass(frozen=True)
class Statement:
    """A statement at the top level of a cell."""

    node: ast.stmt
    place: str
    """Name of the cell, for messages."""
    binds: frozenset[str]
    uses: frozenset[str]


def statements(file: str, cells: Iterable[str]) -> tuple[list[Statement], dict[str, str]]:
    """All statements of all cells that are Python, and the text of each cell by its place; magics are translated."""
    from IPython.core.inputtransformer2 import TransformerManager

    found, texts = [], {}
    for number, cell in enumerate(cells, start=1):
        place = f"<{file}, code cell {number}>"
        try:
            texts[place] = TransformerManager().transform_cell(cell)
            body = ast.parse(texts[place]).body
            found += [Statement(node, place, _bound(node), _used(node)) for node in body]
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # a broken cell hides no other
    return found, texts


def needed(every: list[Statement], names: Iterable[str]) -> list[Statement]:
    """The statements that define functions of those names, and what they use, in the order of the notebook.

    What is imported under such a name, or a variable, is nobody's solution. For all that is used on the way: where a
    name is defined or imported, assignments to the same name elsewhere are left alone.
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
    return isinstance(node, ast.FunctionDef) or isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda)


def _bound(node: ast.stmt) -> frozenset[str]:
    """Names that a statement binds at the top level."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):  # its own names are not the cell's
        return frozenset([node.name])
    table = symtable.symtable(ast.unparse(node), "cell", "exec")
    return frozenset(one.get_name() for one in table.get_symbols() if one.is_assigned() or one.is_imported())


def _used(node: ast.stmt) -> frozenset[str]:
    """Global names that a statement, or a function in it, reads."""
    def of(table: symtable.SymbolTable, top: bool) -> Iterable[str]:
        for one in table.get_symbols():
            if one.is_referenced() and (top or one.is_global()):
                yield one.get_name()
        for inner in table.get_children():
            yield from of(inner, False)

    return frozenset(of(symtable.symtable(ast.unparse(node), "cell", "exec"), True))
