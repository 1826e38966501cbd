"""Publish a reproduction: its notebooks, figures and tables go to where git keeps them, its numbers into the pages."""

from __future__ import annotations

import shutil
from pathlib import Path

from mgutils.course.front_page import MAKERS
from mgutils.course.manifest import complete_notebooks
from mgutils.course.notebooks import refuse_changed, sources
from mgutils.errors import ConfigError
from mgutils.report.made_on import write_machines
from mgutils.report.readme import fill_pages, pages, read_parts


def publish(out_dir: Path | str, root: Path | str) -> list[Path]:
    """Copy a reproduction's notebooks, figures and tables to where git keeps them, and fill the pages from them.

    Parameters
    ----------
    out_dir : path
        What ``mg reproduce`` left.
    root : path
        The project: receives ``notebooks/*.ipynb``, ``figures/*`` and the parts of :func:`pages`.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    ConfigError
        If the notebooks are not those of one complete reproduction of the project's sources, or a result is missing;
        nothing has been copied then.
    MgError
        If somebody has changed a notebook of the project since it was built.
    """
    out_dir, root = Path(out_dir), Path(root)
    notebooks = complete_notebooks(out_dir / "notebooks", sources(root / "notebooks" / "src"))
    if not (out_dir / "tables" / "findings.json").exists():
        raise ConfigError(f"{out_dir}: found no tables/findings.json, which the last notebook writes. "
                          "Run `mg reproduce` to its end first.")
    refuse_changed([root / "notebooks" / path.name for path in notebooks], "or restore the project's own with git.")
    copies = {"notebooks": notebooks, "figures": [*_files(out_dir / "figures"), *_files(out_dir / "tables")]}
    written = []
    for target, files in copies.items():
        (root / target).mkdir(exist_ok=True)
        written += [Path(shutil.copy(path, root / target)) for path in files]
    written += write_machines(out_dir, root / "figures")
    return [*written, *fill_pages(root, generate(root))]


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*")) if path.is_file()]


def generate(root: Path | str) -> dict[str, str]:
    """The text of every part that stands on a page, from the published results of a project.

    A part without a source, such as one that somebody writes by hand, is left out.

    Raises
    ------
    ConfigError
        If a part of the front page lacks one of its files.
    """
    root, texts = Path(root), {}
    for name in {name for page in pages(root) for name in read_parts(page)}:
        file = root / "figures" / f"{name}.md"
        if name in MAKERS:
            try:
                texts[name] = MAKERS[name](root)
            except FileNotFoundError as error:
                raise ConfigError(f"{error.filename}: not there; wanted it for the part {name!r}. Restore the "
                                  "project's figures with git, or reproduce and publish all notebooks.") from error
        elif file.exists():
            texts[name] = file.read_text(encoding="utf-8")
    return texts
