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


def pages(root: Path | str) -> list[Path]:
    """The pages of a project that may have generated parts: ``README.md`` and ``docs/*.md``."""
    root = Path(root)
    return [page for page in (root / "README.md", *sorted((root / "docs").glob("*.md"))) if page.exists()]


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
    found = re.findall(r"<!-- begin (\w+) -->\n(.*?)<!-- end \1 -->", Path(path).read_text(encoding="utf-8"), re.DOTALL)
    return {name: part.strip() for name, part in found}
