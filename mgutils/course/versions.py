"""The student's and the instructor's version of a notebook, derived from its one source.

A cell tagged ``solution`` holds the solution of an exercise. The instructor's version keeps it. The student's version
gets a stub: imports, signature and docstring of each function, its body replaced by ``...``, so that nothing fails
where it is not solved. Lines ``# Hint: …`` fold under the text before it. A solution with a line ``# student: other
code`` is an exercise of the bug zoo: there the student gets the whole program, with the other code in place of the line
before.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import re
from typing import Literal

from nbformat import NotebookNode

from mgutils.errors import MgError

Version = Literal["student", "instructor"]
_PLANTED = re.compile(r"[^\n]*\n([ ]*)# student: ([^\n]*)")
_HINT = re.compile(r"^\s*# Hint: (.*)")
_FOLDED = "\n\n<details><summary>Hint</summary>\n\n{}\n\n</details>"
_ADDED = {"injected-parameters", "banner"}


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return cell.metadata.get("tags", [])


def own_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells without those that an execution adds."""
    return [cell for cell in notebook.cells if not _ADDED.intersection(tags(cell))]


def keep_tags(cell: NotebookNode) -> None:
    """Drop all other metadata of a cell but ``alt``; JupyterLab folds the code of one tagged ``hidden``."""
    kept = {"tags": tags(cell), "alt": cell.metadata.get("alt")}
    cell.metadata = NotebookNode({name: value for name, value in kept.items() if value})
    if "hidden" in tags(cell):
        cell.metadata["jupyter"] = NotebookNode(source_hidden=True)


def derive(notebook: NotebookNode, version: Version, name: str) -> NotebookNode:
    """A version of a notebook as :func:`mgutils.course.notebooks.read_source` reads it from a source.

    Parameters
    ----------
    notebook : NotebookNode
        With solutions; it is not changed.
    version : str
        ``student`` or ``instructor``.
    name : str
        Of the source, for messages.

    Raises
    ------
    MgError
        If a solution is not Python, or defines no function.
    """
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            task = cell  # the text of the exercise that comes next
        if "solution" not in tags(cell):
            continue
        hints = [found[1] for line in cell.source.splitlines() if (found := _HINT.match(line))]
        if version == "student":
            cell.source = student_source(cell.source, name)
            cell.metadata["tags"] = ["exercise" if tag == "solution" else tag for tag in tags(cell)]
        else:
            cell.source = re.sub(r"\n *# (?:student|Hint): [^\n]*", "", cell.source)
            cell.metadata["tags"] = [*tags(cell), "hidden"]
        task.source += "".join(_FOLDED.format(hint) for hint in hints)
        keep_tags(cell)
    notebook.metadata["mgutils"] = NotebookNode(version=version, cells=fingerprint(notebook))
    return notebook


def student_source(solution: str, name: str) -> str:
    """What a student finds in place of a solution.

    Raises
    ------
    MgError
        If the solution is not Python, or defines no function.
    """
    try:
        body = ast.parse(solution).body
    except SyntaxError as error:
        raise MgError(f"{name}: a solution is not Python: {error}. Correct the cell tagged 'solution'.") from None
    if not any(isinstance(node, ast.FunctionDef) for node in body):
        raise MgError(f"{name}: found a solution without a function ({solution.splitlines()[:1]}); wanted one `def` at "
                      "least. Tag only cells that define what a student shall write.")
    if _PLANTED.search(solution):
        return _PLANTED.sub(r"\1\2", solution)
    lines = solution.splitlines()
    imports = [ast.get_source_segment(solution, node) for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    stubs = [_stub(node, lines) for node in body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    return "\n\n\n".join((["\n".join(imports)] if imports else []) + stubs)


def _stub(function: ast.FunctionDef, lines: list[str]) -> str:
    """Signature, docstring, hints and dots."""
    first, documented = function.body[0], ast.get_docstring(function) is not None
    start = min([function.lineno, *(node.lineno for node in function.decorator_list)])
    end = first.end_lineno if documented else first.lineno - 1
    return "\n".join([*lines[start - 1:end], "    ..."])


def fingerprint(notebook: NotebookNode) -> str:
    """Hash of the kinds and texts of the cells, without outputs and without the cell that papermill adds."""
    cells = (f"{cell.cell_type}\0{cell.source.strip()}" for cell in own_cells(notebook))
    return hashlib.sha256("\1".join(cells).encode()).hexdigest()[:16]


def is_as_built(notebook: NotebookNode) -> bool:
    """Whether nobody has changed the cells since the notebook was built; running them changes nothing."""
    return notebook.metadata.get("mgutils", {}).get("cells") == fingerprint(notebook)


def keep_outputs(new: NotebookNode, old: NotebookNode) -> None:
    """Give the new notebook the old one's outputs up to the first code cell that differs: so far they hold."""
    before = [cell for cell in own_cells(old) if cell.cell_type == "code"]
    for cell, earlier in zip((cell for cell in new.cells if cell.cell_type == "code"), before, strict=False):
        if cell.source.strip() != earlier.source.strip():
            return
        cell.outputs, cell.execution_count = earlier.outputs, earlier.execution_count
    if "papermill" in old.metadata:
        new.metadata["papermill"] = old.metadata["papermill"]
