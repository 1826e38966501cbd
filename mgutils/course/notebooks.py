"""The notebooks as files: built from their sources and executed by papermill.

A source is a jupytext ``py:percent`` file ``NN_name.py`` with the solutions of its exercises; what
students and instructors get of it is decided in :mod:`mgutils.course.versions`. Pages are made in
:mod:`mgutils.course.pages`; the whole course is run by :mod:`mgutils.course.reproduce`.
"""

from __future__ import annotations

import ast
import difflib
import os
import sys
from collections.abc import Awaitable, Iterable, Mapping
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill
from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient.exceptions import CellTimeoutError
from nbformat import NotebookNode
from traitlets import default

from mgutils.course.cell_progress import CellProgress
from mgutils.course.executed import tidied
from mgutils.course.prose import with_comparison
from mgutils.course.versions import Version, derive, is_as_built, keep_outputs, keep_tags, tags
from mgutils.errors import ConfigError, MgError, NotebookError

SOURCES = Path(__file__).resolve().parents[2] / "notebooks" / "src"
_KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
_PATTERN = "[0-9A][0-9]_*.py"


# -- building ----------------------------------------------------------------------------------------------------------


def sources(source_dir: Path | str = SOURCES) -> list[Path]:
    """The sources of a folder, in the order of their numbers.

    Raises
    ------
    MgError
        If there is none.
    """
    found = sorted(Path(source_dir).glob(_PATTERN))
    if not found:
        raise MgError(f"{source_dir}: found no notebook source; wanted files {_PATTERN}. "
                      "The sources are in notebooks/src of a clone of the project.")
    return found


def read_source(source: Path | str, version: Version = "student") -> NotebookNode:
    """A version of a source as a notebook without outputs.

    Cell ids are ``<stem>-<position>``, the tags stay, all other metadata of cells goes. Same text, same notebook.

    Raises
    ------
    MgError
        If a solution cannot be turned into a stub.
    """
    source = Path(source)
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata = NotebookNode(kernelspec=dict(_KERNELSPEC), language_info={"name": "python"})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for position, cell in enumerate(notebook.cells):
        cell.id = f"{source.stem}-{position:03d}"
        keep_tags(cell)
    with_comparison(notebook, source.stem)
    return derive(notebook, version, source.name)


def build(source_dir: Path | str = SOURCES, out_dir: Path | str = SOURCES.parent, *, version: Version = "student",
          overwrite: bool = False) -> list[Path]:
    """Write ``out_dir/NN_name.ipynb`` from every ``source_dir/NN_name.py``; the same bytes every time.

    A notebook that is there already and that nobody has changed keeps its outputs up to the first cell that is new.

    Parameters
    ----------
    version : str
        ``student`` (exercises as stubs) or ``instructor`` (with their solutions).
    overwrite : bool
        Also replace notebooks that somebody has changed since they were built.

    Raises
    ------
    MgError
        If there is no source, or a notebook has been changed; then nothing is written.
    """
    out_dir = Path(out_dir)
    new = {out_dir / f"{source.stem}.ipynb": read_source(source, version) for source in sources(source_dir)}
    old = {path: _existing(path) for path in new if path.exists()}
    if not overwrite:
        refuse_changed(new, "build into another folder with --out-dir, or give --overwrite.")
    out_dir.mkdir(parents=True, exist_ok=True)
    for path, notebook in new.items():
        if path in old:
            keep_outputs(notebook, old[path])
        _write(notebook, path)
    return list(new)


def refuse_changed(paths: Iterable[Path], remedy: str) -> None:
    """Guard a student's own work.

    Raises
    ------
    MgError
        If one of the files is there and is not as it was built.
    """
    if changed := [str(path) for path in paths if path.exists() and not is_as_built(_existing(path))]:
        raise MgError(f"{', '.join(changed)}: changed since it was built; a student's own work is not overwritten. "
                      f"Copy it elsewhere, {remedy}")


def _existing(path: Path) -> NotebookNode:
    """The notebook in a file; an empty one if it cannot be read."""
    try:
        return nbformat.read(path, as_version=4)
    except Exception:  # nbformat raises many kinds; whatever it is, it is not what we built
        return nbformat.v4.new_notebook()


def _write(notebook: NotebookNode, path: Path) -> None:
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")


def _read(notebook: Path) -> NotebookNode:
    return read_source(notebook) if notebook.suffix == ".py" else nbformat.read(notebook, as_version=4)


# -- parameters --------------------------------------------------------------------------------------------------------


def parameters_of(notebook: Path | str) -> dict[str, Any]:
    """Names and default values of the cell tagged ``parameters``, in its order.

    Raises
    ------
    MgError
        If there is not exactly one such cell, or a line of it is not ``name = constant``.
    """
    notebook = Path(notebook)
    tagged = [cell for cell in _read(notebook).cells if "parameters" in tags(cell)]
    if len(tagged) != 1:
        raise MgError(f"{notebook}: found {len(tagged)} cells tagged 'parameters'; wanted one.")
    parameters = {}
    for statement in ast.parse(tagged[0].source).body:
        try:
            (target,) = statement.targets
            parameters[target.id] = ast.literal_eval(statement.value)
        except (AttributeError, ValueError):
            raise MgError(f"{notebook}, parameters cell: found {ast.unparse(statement)!r}; "
                          "wanted lines of the form name = constant.") from None
    return parameters


def _check_names(notebook: Path, parameters: Mapping[str, Any]) -> None:
    """Unknown names are an error; papermill only warns of them."""
    known = list(parameters_of(notebook))
    unknown = [name for name in parameters if name not in known]
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=1)
        raise ConfigError(f"{notebook.stem}: found the parameter {', '.join(map(repr, unknown))}; "
                          f"wanted some of {', '.join(known)}." + (f" Did you mean {near[0]}?" if near else ""))


# -- executing ---------------------------------------------------------------------------------------------------------


class _ThisInterpreter(AsyncKernelManager):
    """Starts the kernel with the Python that runs the kit, whatever kernels the machine knows by the same name."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())

    @default("transport_encryption")
    def _encrypt(self) -> str:  # the kernel listens on a port that other users of the machine can reach
        return "auto"

    def shutdown_kernel(self, now: bool = False, restart: bool = False) -> Awaitable[None]:
        # after Ctrl-C or SIGTERM: asked to end in the middle of a cell, a kernel would print a traceback
        return super().shutdown_kernel(now or isinstance(sys.exception(), KeyboardInterrupt), restart)


def execute(notebook: Path | str, out: Path | str, parameters: Mapping[str, Any] | None = None, *,
            cwd: Path | str | None = None, timeout: float | None = None, progress: bool = False) -> Path:
    """Execute a notebook with papermill.

    Parameters
    ----------
    notebook : path
        A source or an ``.ipynb``; it is not changed.
    out : path
        The executed notebook. It exists only once every cell has run: until then, and after a failure, what there is
        lies beside it as ``NN_name.failed.ipynb``.
    parameters : mapping, optional
        Values for names of the parameters cell.
    cwd : path, optional
        Where the kernel runs; the folder of the course's notebooks if not given, as in JupyterLab.
    timeout : float, optional
        Seconds that one cell may take; no limit if not given.
    progress : bool
        Show on standard error which cell is running.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    ConfigError
        If the notebook lacks one of the parameters.
    NotebookError
        If a cell fails, takes too long or ends the kernel; the message names the cell.
    """
    notebook, out = Path(notebook), Path(out).absolute()
    parameters = {name: value.as_posix() if isinstance(value, Path) else value
                  for name, value in (parameters or {}).items()}
    _check_names(notebook, parameters)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.unlink(missing_ok=True)
    unfinished = out.with_suffix(".failed.ipynb")
    node = _read(notebook)
    with CellProgress(notebook.stem, _count_cells(node, parameters), show=progress) as running:
        try:
            executed = papermill.execute_notebook(
                node, unfinished, parameters, kernel_name="python3", kernel_manager_class=_ThisInterpreter,
                cwd=cwd or SOURCES.parent, execution_timeout=timeout, progress_bar=False,
                on_cell_execute=running.cell_started)
        except papermill.PapermillExecutionError as error:
            found = f"{error.ename}: {error.evalue}"
        except (CellTimeoutError, RuntimeError) as error:  # RuntimeError: the kernel died, or did not start
            found = str(error).strip().partition("\n")[0]
        else:
            _write(tidied(executed), unfinished)
            os.replace(unfinished, out)
            return out
    raise NotebookError(_failure(running, found, unfinished))


def _count_cells(node: NotebookNode, parameters: Mapping[str, Any]) -> int:
    """Code cells that the kernel will get; papermill adds one with the parameters."""
    return sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in node.cells) + bool(parameters)


def _failure(running: CellProgress, found: str, unfinished: Path) -> str:
    """Where and how a cell failed, in a few lines."""
    lines = running.source.strip().splitlines()
    shown = [f"    {line}" for line in lines[:5]] + ["    ..."] * (len(lines) > 5)
    place = f"{running.name} failed before its first cell:"
    if running.number:
        place = f"{running.name}, cell [{running.number}] failed:"
    return "\n".join([place, *shown, found, f"The notebook as far as it came: {unfinished}"])
