"""Fill the generated parts of the project's pages: numbers there are copied by code, never typed.

A part stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``. Its text is ``figures/NAME.md``,
or what :mod:`mgutils.course.front_page` makes of the published results. A part is filled on whichever
page it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mgutils.errors import ConfigError

_PART = re.compile(
    r"(?P<begin><!-- begin (?P<name>\w+) -->\n)(?P<text>.*?)(?P<end><!-- end (?P=name) -->)",
    re.DOTALL)


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
    for name in parts.keys() - read_parts(path).keys():
        raise ConfigError(f"{path}: found no part {name!r}; wanted the lines <!-- begin {name} --> "
                          f"and <!-- end {name} -->. Put them where the part shall stand.")

    def new_part(match: re.Match) -> str:
        text = parts.get(match["name"], match["text"])
        return f"{match['begin']}{text.strip()}\n{match['end']}"

    path.write_text(_PART.sub(new_part, text), encoding="utf-8")


def pages(root: Path | str) -> list[Path]:
    """The pages of a project that may have generated parts: ``README.md`` and ``docs/*.md``."""
    root = Path(root)
    listed = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    return [page for page in listed if page.exists()]


def fill_pages(root: Path | str, parts: Mapping[str, str]) -> list[Path]:
    """Fill parts on every page of a project where they stand.

    Returns
    -------
    list of Path
        The pages that have one of the parts.

    Raises
    ------
    ConfigError
        If a part stands on no page; then no page is changed.
    """
    by_page = {page: read_parts(page).keys() & parts.keys() for page in pages(root)}
    homeless = sorted(parts.keys() - set().union(*by_page.values()))
    if homeless:
        raise ConfigError(f"{root}: found no page with the part {homeless[0]!r}; wanted the lines "
                          f"<!-- begin {homeless[0]} --> and <!-- end {homeless[0]} --> in README.md or docs/*.md.")
    filled = [page for page, names in by_page.items() if names]
    for page in filled:
        fill(page, {name: parts[name] for name in by_page[page]})
    return filled


def read_parts(path: Path | str) -> dict[str, str]:
    """The parts of a file, by name."""
    text = Path(path).read_text(encoding="utf-8")
    return {match["name"]: match["text"].strip() for match in _PART.finditer(text)}
