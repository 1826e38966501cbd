"""One page of feedback for each submission, in HTML that fetches nothing and runs nothing."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mgutils.grading.grade import Graded

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{name}</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 50em; margin: 2em auto; padding: 0 1em; color: #222 }}
pre {{ background: #f4f4f4; padding: .6em 1em; white-space: pre-wrap; overflow-wrap: anywhere; margin: .3em 0 1.2em }}
h3 {{ margin-bottom: 0 }} .solved {{ color: #00612e }} .wrong {{ color: #9c2a00 }}
</style>
<h1>{name}</h1>
<p>{summary}</p>
{parts}
</html>
"""


def page_name(name: str, number: int) -> str:
    """A file name for a submission's page: of harmless characters, and no other submission's."""
    return f"{number:03d}_{re.sub(r'[^A-Za-z0-9-]+', '_', name)[:60]}.html"


def write_page(graded: Graded, path: Path) -> None:
    """Write the page of one submission."""
    solved = sum(map(bool, graded.results.values()))
    summary = (f"{solved} of {len(graded.tasks)} exercises solved, {graded.points} of {graded.most} points "
               f"({graded.status}).")
    parts = [f"<p>Note: {html.escape(graded.note)}</p>"] if graded.note else []
    for notebook in sorted({task.notebook for task in graded.tasks}):
        parts.append(f"<h2>Notebook {notebook}</h2>")
        for task in graded.tasks:
            if task.notebook == notebook:
                parts.append(_part(graded, task.name, task.points))
    page = _PAGE.format(name=html.escape(graded.name), summary=html.escape(summary), parts="\n".join(parts))
    path.write_text(page, encoding="utf-8", errors="backslashreplace")


def _part(graded: Graded, name: str, points: int) -> str:
    result = graded.results[name]
    kind = {"solved": "solved", "wrong": "wrong"}.get(result.status, "open")
    plural = "" if points == 1 else "s"
    return (f'<h3 class="{kind}">{name}: {result.status} ({points} point{plural})</h3>\n'
            f"<pre>{html.escape(result.message)}</pre>")
