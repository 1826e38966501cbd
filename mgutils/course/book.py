"""The course as a static site: a page per executed notebook, an index, and the microscopes of the runs of Table 1.

It opens from a folder, without a server and without a network. One notebook's page is
:mod:`mgutils.course.pages`; one run's microscope is :mod:`mgutils.course.microscope`.
"""

from __future__ import annotations

import base64
import io
import math
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pandas as pd
from markupsafe import Markup
from nbformat import NotebookNode
from PIL import Image

from mgutils.config import OBJECTIVES, get_profile, run_config
from mgutils.course.manifest import complete_notebooks
from mgutils.course.map import PUBLISHED, read_minutes
from mgutils.course.notebooks import sources
from mgutils.course.pages import notebook_html
from mgutils.course.templates import jpeg_uri, read_web, render, write_page
from mgutils.errors import ConfigError, MgError

_PATTERN = "[0-9A][0-9]_*.ipynb"
_THUMBNAIL = (640, 300)


@dataclass(frozen=True)
class Chapter:
    """What the index says of a notebook."""

    page: str
    number: str
    title: str
    goals: str
    figures: int
    picture: str | None
    """One of its figures as a data URI."""
    minutes: str
    profile: str | None
    """What it was executed in; ``None`` where it was not."""


def write_book(notebook_dir: Path | str, book_dir: Path | str, *, profile: str = "cpu",
               out_dir: Path | str | None = None, data_root: Path | str | None = None,
               source_dir: Path | str | None = None) -> Path:
    """Write the site.

    Parameters
    ----------
    notebook_dir : path
        Holds ``NN_name.ipynb``.
    book_dir : path
        Receives ``index.html`` and the pages; files of the same names are replaced, others stay.
    profile : str
        Whose minutes and runs are shown.
    out_dir : path, optional
        What ``mg reproduce`` left: its ``tables/minutes.csv``, and its runs for the microscopes.
    data_root : path, optional
        The dataset of those runs; without it there are no microscopes.
    source_dir : path, optional
        Take the notebooks only as one complete reproduction of these sources; all of the folder if not given.

    Returns
    -------
    Path
        ``index.html``.

    Raises
    ------
    ConfigError
        If there is no notebook, no complete reproduction, or no such profile.
    MgError
        If a notebook or a formula in it cannot be read.
    """
    notebook_dir, book_dir = Path(notebook_dir), Path(book_dir)
    get_profile(profile)
    found = _find(notebook_dir) if source_dir is None else complete_notebooks(notebook_dir, sources(source_dir))
    minutes = _minutes(out_dir, profile)
    chapters = [_chapter(notebook, minutes.get(notebook.stem)) for notebook in found]
    neighbours = zip([None, *chapters], [*chapters[1:], None], strict=False)
    for notebook, chapter, (before, after) in zip(found, chapters, neighbours, strict=True):
        html = _with_nav(notebook_html(notebook), chapter.title, before, after)
        write_page(book_dir / chapter.page, _between(html, found))
    microscopes = []
    if out_dir is not None and data_root is not None and Path(data_root).exists():
        microscopes = _microscopes(Path(out_dir), Path(data_root), book_dir, profile)
    index = book_dir / "index.html"
    profiles = sorted({chapter.profile for chapter in chapters} - {None})
    style = Markup(read_web("book.css"))
    write_page(index, render("book.html", chapters=chapters, microscopes=microscopes, profiles=profiles, style=style))
    return index


def _find(notebook_dir: Path) -> list[Path]:
    found = sorted(path for path in notebook_dir.glob(_PATTERN) if "." not in path.stem)  # NN_name.failed is no chapter
    if not found:
        raise ConfigError(f"{notebook_dir}: found no notebook {_PATTERN}. Run `mg reproduce` first, or name the folder "
                          "of executed notebooks with --notebooks.")
    return found


# -- a chapter ---------------------------------------------------------------------------------------------------------


def _chapter(notebook: Path, minutes: float | None) -> Chapter:
    try:
        node = nbformat.read(notebook, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError) as error:
        raise MgError(f"{notebook}: not a readable notebook ({error}). Make it again with `mg reproduce`.") from None
    opening = node.cells[0].source if node.cells else ""
    heading = re.match(r"#\s+([0-9A]\d)?\s*(.+)", opening)
    pictures = _figures(node)
    return Chapter(
        page=f"{notebook.stem}.html",
        number=notebook.stem[:2],
        title=heading[2].strip() if heading else notebook.stem,
        goals=_goals(opening),
        figures=len(pictures),
        picture=_thumbnail(pictures) if pictures else None,
        minutes="" if minutes is None or pd.isna(minutes) else f"{minutes:.1f}",
        profile=node.metadata.get("papermill", {}).get("parameters", {}).get("profile"),
    )


def _goals(opening: str) -> str:
    """The first two of *You will be able to*, as one sentence."""
    listed = re.search(r"\*\*You will be able to\*\*\s*\n((?:[*-] .*\n(?:  .*\n)*)+)", opening + "\n")
    if not listed:
        return ""
    goals = [" ".join(goal.split()).rstrip(";.") for goal in re.split(r"^[*-] ", listed[1], flags=re.MULTILINE)[1:]]
    return "; ".join(re.sub(r"[*`]|(?<!\w)_|_(?!\w)", "", goal) for goal in goals[:2]) + "."


def _figures(node: NotebookNode) -> list[str]:
    """The PNG or JPEG outputs of a notebook, in base64."""
    return [output["data"][kind] for cell in node.cells for output in cell.get("outputs", [])
            for kind in ("image/png", "image/jpeg") if kind in output.get("data", {})]


def _thumbnail(figures: list[str]) -> str:
    """The figure that fits the place in the index best, small."""
    images = [Image.open(io.BytesIO(base64.b64decode(figure))) for figure in figures]
    wanted = math.log(_THUMBNAIL[0] / _THUMBNAIL[1])
    image = min(images, key=lambda image: abs(math.log(image.width / image.height) - wanted)).convert("RGB")
    return jpeg_uri(image, _THUMBNAIL, quality=85)


def _minutes(out_dir: Path | str | None, profile: str) -> dict[str, float]:
    own = PUBLISHED if out_dir is None else Path(out_dir, "tables", "minutes.csv")
    table = read_minutes(own if own.exists() else PUBLISHED)
    table = table[table["profile"] == profile]
    return dict(zip(table["notebook"], table["minutes"], strict=True))


# -- from page to page -------------------------------------------------------------------------------------------------


def _with_nav(html: str, title: str, before: Chapter | None = None, after: Chapter | None = None) -> str:
    """The page with a bar at its top: contents, the page before, the page after."""
    body = re.search(r"<body\b[^>]*>", html)
    bar = render("nav.html", title=title, before=before, after=after)
    return f"{html[:body.end()]}\n<style>{read_web('nav.css')}</style>\n{bar}{html[body.end():]}"


def _between(html: str, notebooks: list[Path]) -> str:
    """Links to the course's notebooks lead to their pages."""
    known = {notebook.stem for notebook in notebooks}
    return re.sub(r'href="([0-9A]\d_\w+)\.ipynb(#[^"]*)?"',
                  lambda link: f'href="{link[1]}.html{link[2] or ""}"' if link[1] in known else link[0], html)


def _microscopes(out_dir: Path, data_root: Path, book_dir: Path, profile: str) -> list[dict[str, str]]:
    """One page for each objective of Table 1 whose first run is in the store: ``page``, ``name``, ``note``."""
    from mgutils.course.microscope import write_microscope
    from mgutils.training.run import Run

    found = []
    for objective in OBJECTIVES:
        wanted = run_config(profile, objective)
        runs = [Run(receipt.parent) for receipt in sorted(out_dir.glob(f"runs/{objective}-frame-*/receipt.json"))]
        for run in [run for run in runs if run.config == wanted][:1]:
            page = write_microscope(run.directory, data_root, book_dir / f"microscope-{objective}.html")
            write_page(page, _with_nav(page.read_text(encoding="utf-8"), f"run {run.directory.name}"))
            note = f"top-1 {100 * run.metrics['top1']:.1f} %, split by frame"
            found.append({"page": page.name, "name": objective, "note": note})
    return found
