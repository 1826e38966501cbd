"""An executed notebook as it is kept: without the traces of its execution, with texts for its pictures.

Executing is :mod:`mgutils.course.notebooks`.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from nbformat import NotebookNode

from mgutils.course.prose import with_banner
from mgutils.course.versions import fingerprint, is_as_built, keep_tags, own_cells, tags


def tidied(notebook: NotebookNode) -> NotebookNode:
    """Drop the clock times and paths that papermill leaves in the metadata, and the cell that it adds.

    What that cell says goes into the one cell of parameters, which a reader would else change in vain.
    """
    kept, built = notebook.metadata.papermill, is_as_built(notebook)
    notebook.metadata.papermill = NotebookNode(parameters=kept.parameters, duration=round(kept.duration, 1))
    notebook.cells = own_cells(notebook)
    place = 0
    for cell in notebook.cells:
        keep_tags(cell)
        if cell.cell_type != "code":
            continue
        if "parameters" in tags(cell):
            cell.source = _with_values(cell.source, kept.parameters)
        place += 1
        for counted in (cell, *cell.outputs):
            if "execution_count" in counted:
                counted.execution_count = place
    describe_pictures(notebook)
    if built:  # and still nobody's own work
        notebook.metadata["mgutils"]["cells"] = fingerprint(notebook)
        without_answers(notebook)
        with_banner(notebook)
    return notebook


def _with_values(source: str, values: Mapping[str, Any]) -> str:
    """The cell of parameters with other values."""
    lines = []
    for statement in ast.parse(source).body:
        name = statement.targets[0].id
        value = values.get(name, ast.literal_eval(statement.value))
        lines.append(f"{name} = {json.dumps(value) if isinstance(value, str) else repr(value)}")
    return "\n".join(lines)


def describe_pictures(notebook: NotebookNode) -> None:
    """Give each picture the text of its cell, ``# %% alt="…"`` in the source, for readers who do not see it."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for kind in {"image/png", "image/jpeg"}.intersection(output.get("data", {})):
                if "alt" in cell.metadata:
                    output.metadata.setdefault(kind, NotebookNode())["alt"] = cell.metadata.alt


def without_answers(notebook: NotebookNode) -> None:
    """Shorten what ``check`` said of unsolved exercises to its verdict: a stored output gives no answer away."""
    for exercise, cell in pairwise(notebook.cells):
        for output in cell.get("outputs", []):
            if "exercise" in tags(exercise) and "not solved yet" in output.get("text", ""):
                output.text = output.text.splitlines(keepends=True)[0]
