"""One page of feedback for each submission, in HTML that fetches nothing and runs nothing."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mgutils.files import written_aside

if TYPE_CHECKING:
    from mgutils.grading.grade import Graded

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{name}</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 50em; margin: 2em auto; padding: 0 1em; color: #222 }}
pre {{ background: #f4f4f4; padding: .6em 1em; white-space: pre-wrap; overflow-wrap: anywhere }}
h3 {{ margin: 1.2em 0 0 }} .solved {{ color: #00612e }} .wrong {{ color: #9c2a00 }}
</style>
<h1>{name}</h1>
"""


def page_name(name: str, number: int) -> str:
    """A file name for a submission's page: of harmless characters, and no other submission's."""
    return f"{number:03d}_{re.sub(r'[^A-Za-z0-9-]+', '_', name)[:60]}.html"


def write_page(graded: Graded, path: Path) -> None:
    """Write the page of one submission."""
    solved, escape = sum(map(bool, graded.results.values())), html.escape
    parts = [_PAGE.format(name=escape(graded.name)),
             f"<p>{solved} of {len(graded.tasks)} exercises solved, "
             f"{graded.points} of {graded.most} points ({graded.status}).</p>",
             f"<p>{escape(graded.note)}</p>"]
    before = None
    for task in graded.tasks:
        result = graded.results[task.name]
        parts += [] if task.notebook == before else [f"<h2>Notebook {task.notebook}</h2>"]
        heading = f"{task.name}: {result.status} (points: {task.points})"
        parts += [f'<h3 class="{result.status}">{heading}</h3>',
                  f"<pre>{escape(result.message)}</pre>"]
        before = task.notebook
    with written_aside(path) as aside:
        aside.write_text("\n".join([*parts, "</html>\n"]), encoding="utf-8", errors="backslashreplace")
