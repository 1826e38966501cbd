"""Fill the generated parts of a Markdown file: numbers in the README are copied by code, never typed.

A part stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from mgutils.course.manifest import complete_notebooks
from mgutils.errors import ConfigError
from mgutils.report.machines import write_machines


def fill(path: Path | str, parts: Mapping[str, str]) -> None:
    """Replace the parts of a file by new text.

    Parameters
    ----------
    path : path
        The Markdown file.
    parts : mapping of str to str
        Name of a part to its text.

    Raises
    ------
    ConfigError
        If the file has no part of a name.
    """
    path = Path(path)
    text = path.read_text(encoding="utf-8")
    for name, part in parts.items():
        pattern = re.compile(rf"(<!-- begin {re.escape(name)} -->\n).*?(<!-- end {re.escape(name)} -->)", re.DOTALL)
        if not pattern.search(text):
            raise ConfigError(f"{path}: found no part {name!r}; wanted the lines <!-- begin {name} --> and "
                              f"<!-- end {name} -->. Put them where the part shall stand.")
        text = pattern.sub(lambda match, part=part: match[1] + part.strip() + "\n" + match[2], text)
    path.write_text(text, encoding="utf-8")


def publish(out_dir: Path | str, root: Path | str) -> list[Path]:
    """Copy a reproduction's notebooks, figures and tables to where git keeps them, and fill the README from them.

    Parameters
    ----------
    out_dir : path
        What ``mg reproduce`` left.
    root : path
        The project: receives ``notebooks/*.ipynb``, ``figures/*`` and the parts of ``README.md``.

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
    from mgutils.course.notebooks import refuse_changed, sources

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
    wanted = read_parts(root / "README.md")
    parts = {name: (root / "figures" / f"{name}.md").read_text(encoding="utf-8") for name in wanted
             if (root / "figures" / f"{name}.md").exists()}
    fill(root / "README.md", parts)
    return [*written, root / "README.md"]


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*")) if path.is_file()]


def read_parts(path: Path | str) -> dict[str, str]:
    """The parts of a file, by name."""
    found = re.findall(r"<!-- begin (\w+) -->\n(.*?)<!-- end \1 -->", Path(path).read_text(encoding="utf-8"), re.DOTALL)
    return {name: part.strip() for name, part in found}
