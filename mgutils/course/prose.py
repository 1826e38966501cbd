"""The numbers and the conclusions in a notebook's text, and the results that they rest on.

The text of a notebook is written for its published run and says that run's numbers. Each carries an invisible mark
with the expression that gave it, evaluated in the notebook itself: ``95.7<!--= 100 * best["sound_ce"] --> %``. A
sentence that draws a conclusion carries the condition on which it is true:
``On new people little is left.<!--? new < known / 2 -->``. The cell that :func:`with_comparison` adds evaluates all
marks of a notebook, so that a run on another machine or with another profile says how far its own numbers lie from the
printed ones, and which sentences are not true of it. Nothing stops where they differ.
"""

from __future__ import annotations

import html
import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import pandas as pd
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

MIME = "application/vnd.mgutils.numbers+json"
"""Kind of output that holds the numbers which a run found for the marks."""
BANNER = "banner"
"""Tag of the cell that a run adds under the title where its numbers are not those of the text."""
_MARK = re.compile(r"(?P<number>[-−]?\d[\d,]*(?:\.\d+)?)<!--=\s*(?P<expression>.+?)\s*-->", re.DOTALL)
_CONDITION = re.compile(r"<!--\?\s*(?P<condition>.+?)\s*-->", re.DOTALL)
_HEADING = r"^#+ (?P<heading>[^\n]*)$"
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_SENTENCE_START = re.compile(r"(?<=[.!?*])\s+(?=[^a-z])|\n\s*\n|^#+ [^\n]*\n|^\s*(?:[*>-]|\d+\.) ", re.MULTILINE)
_NO_PROSE = re.compile("|".join([
    r"```.*?```", r"`[^`]*`", r"\$\$.*?\$\$", r"\$[^$]*\$",  # code and formulas
    r"^#+ [^\n]*$", r"^\s*\d+\.(?= )",  # headings, list numbers
    r"\]\([^)]*\)", r"<!--.*?-->", r"<[^>]*>", r"arXiv:\S+",  # links, comments, tags
    r"\*[^*]*\bminutes?\b[^*]*\*",  # *Easy, 10 minutes.*
    r"\b(?:notebook|section|class|exercise|figure|table|equation|issue|item|seed|page|level)(?:e?s)? \(?[A-Z]?\d+"
    r"(?:(?:, | and | or | to |, and )[A-Z]?\d+)*",
    r"\b(?:19|20)\d\d\b",  # years
    r"\b\d+ x \d+(?: x \d+)*\b",  # sizes
    r"\b[A-Za-z][\w@]*-?\d[\w.-]*", r"\b\d+-?[A-Za-z]\w*",  # ResNet-50, L2, 3-D
    r"(?<![\d.,])[01](?![\d]|[.,]\d)",
]), re.DOTALL | re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Mark:
    """A number of the text and the expression that gives it."""

    section: str
    """Heading above it, without its number signs."""
    number: str
    """As it stands in the text."""
    expression: str

    @property
    def printed(self) -> float:
        """The number."""
        return float(self.number.replace(",", "").replace("−", "-"))

    @property
    def is_literal(self) -> bool:
        """Whether the expression names no result, such as ``100``."""
        return not re.search(r"[A-Za-z]", self.expression)

    def fits(self, found: float | None) -> bool:
        """Whether a found value rounds to the number."""
        decimals = len(self.number.partition(".")[2])
        return found is not None and abs(found - self.printed) <= 0.5 * 10**-decimals + 1e-9


@dataclass(frozen=True)
class Conclusion:
    """A sentence of the text and the condition on which it is true."""

    section: str
    """Heading above it."""
    sentence: str
    """Without its marks."""
    condition: str
    """A Python expression."""


def marks(notebook: NotebookNode) -> list[Mark]:
    """All marked numbers of a notebook's text, in its order."""
    return [Mark(section, found["number"], " ".join(found["expression"].split()))
            for section, _, found in _with_section(notebook, _MARK)]


def conclusions(notebook: NotebookNode) -> list[Conclusion]:
    """All sentences of a notebook's text that carry a condition, in its order."""
    return [Conclusion(section, _last_sentence(before), " ".join(found["condition"].split()))
            for section, before, found in _with_section(notebook, _CONDITION)]


def _with_section(notebook: NotebookNode, pattern: re.Pattern[str]) -> Iterator[tuple[str, str, re.Match[str]]]:
    """What a pattern finds in the text: the heading above it, the cell's text before it, the match."""
    section = ""
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        for found in re.finditer(f"{_HEADING}|{pattern.pattern}", cell.source, re.MULTILINE | re.DOTALL):
            if found["heading"]:
                section = found["heading"]
            else:
                yield section, cell.source[:found.start()], found


def _last_sentence(text: str) -> str:
    return " ".join(_SENTENCE_START.split(_COMMENT.sub("", text).rstrip())[-1].split())


def unmarked(notebook: NotebookNode) -> list[str]:
    """Numbers of a notebook's text that carry no mark, each with the words around it.

    Code, formulas, headings, years, sizes such as 3 x 3, names such as "class 32" and "notebook 04, section 2", the
    estimated minutes of an exercise, and 0 and 1 need none.
    """
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = _NO_PROSE.sub(" ", _MARK.sub(" ", cell.source))
            found += [" ".join(text[max(0, number.start() - 40):number.end() + 20].split())
                      for number in re.finditer(r"\d[\d.,]*", text)]
    return found


# -- in the notebook ---------------------------------------------------------------------------------------------------


def with_comparison(notebook: NotebookNode, name: str) -> None:
    """Add the cell that compares text and run, before the exercises; none where the text has no mark."""
    if not marks(notebook) and not conclusions(notebook):
        return
    cell = new_code_cell(f'from mgutils.course.prose import compare_text\n\ncompare_text("{name}", globals())',
                         id=f"{name}-numbers", metadata={"tags": ["hidden"]})
    places = [place for place, other in enumerate(notebook.cells) if other.source.startswith("## Exercises")]
    notebook.cells.insert(places[0] if places else len(notebook.cells), cell)


class Comparison:
    """What a run found for the text; a notebook shows it as a sentence and stores the values.

    Parameters
    ----------
    every_mark, found
        The marked numbers, and what the run has for each; ``None`` where it has nothing.
    run : str
        Profile and seed.
    every_conclusion, holds
        The conclusions, and whether each is true of the run; ``None`` where it has nothing to tell by.
    """

    def __init__(self, every_mark: Iterable[Mark], found: Iterable[float | None], run: str,
                 every_conclusion: Iterable[Conclusion] = (), holds: Iterable[bool | None] = ()) -> None:
        self.marks = list(every_mark)
        self.found = list(found)
        self.run = run
        self.conclusions = list(every_conclusion)
        self.holds = list(holds)

    @property
    def table(self) -> pd.DataFrame:
        """Marks that this run does not confirm: ``section``, ``text``, ``this run``; the furthest first."""
        rows = [(abs(_relative(mark, value)), mark.section, mark.number, _show(value, mark))
                for mark, value in zip(self.marks, self.found, strict=True) if not mark.fits(value)]
        rows.sort(key=lambda row: -row[0])
        return pd.DataFrame([row[1:] for row in rows], columns=["section", "text", "this run"])

    @property
    def untrue(self) -> list[Conclusion]:
        """Conclusions that do not hold for this run, or of which it cannot tell."""
        return [one for one, holds in zip(self.conclusions, self.holds, strict=True) if not holds]

    def __str__(self) -> str:
        apart, untrue = self.table, self.untrue
        said = f"All {len(self.marks)} numbers in the text are those of this run."
        if len(apart):
            said = (f"This run ({self.run}) is not the one that the text describes: {len(apart)} of the "
                    f"{len(self.marks)} numbers in the text came out otherwise here.")
        if not self.conclusions:
            return said
        tested = f"{len(self.conclusions)} conclusions that were put to the test"
        return f"{said} Not so here: {len(untrue)} of {tested}." if untrue else f"{said} All {tested} hold here."

    def banner(self) -> str | None:
        """The line for the top of the notebook, in Markdown; ``None`` where text and run agree."""
        if self.table.empty and not self.untrue:
            return None
        line = f"> **{self}**"
        if len(self.table):
            furthest = "; ".join(f"{row['text']} in “{row['section']}” is {row['this run']}"
                                 for _, row in self.table.head(3).iterrows())
            line += f" Furthest apart: {furthest}."
        return line + "".join(f"\n>\n> Not so here (“{one.section}”): *{one.sentence}*" for one in self.untrue[:5])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        data = {"run": self.run, "numbers": [
            {"section": mark.section, "text": mark.number, "expression": mark.expression, "found": value}
            for mark, value in zip(self.marks, self.found, strict=True)], "conclusions": [
            {"section": one.section, "sentence": one.sentence, "condition": one.condition, "holds": holds}
            for one, holds in zip(self.conclusions, self.holds, strict=True)]}
        page = f"<p>{html.escape(str(self))}</p>"
        if len(apart := self.table):
            page += f"<details><summary>Which numbers</summary>{apart.to_html(index=False)}</details>"
        if untrue := self.untrue:
            listed = "".join(f"<li>{html.escape(one.sentence)}</li>" for one in untrue)
            page += f"<details><summary>Which conclusions</summary><ul>{listed}</ul></details>"
        return {MIME: data, "text/plain": str(self), "text/html": page}


def _relative(mark: Mark, found: float | None) -> float:
    return math.inf if found is None else (found - mark.printed) / max(abs(mark.printed), 1e-9)


def _show(found: float | None, mark: Mark) -> str:
    decimals = len(mark.number.partition(".")[2])
    return "not measured" if found is None else f"{found:,.{decimals}f}"


def compare_text(name: str, namespace: Mapping[str, Any]) -> Comparison:
    """Evaluate the marks of a notebook's text in its own variables.

    Parameters
    ----------
    name : str
        Of the notebook, such as ``07_evaluation``.
    namespace : mapping
        Its ``globals()``. An expression may also use ``claimed``, the report's numbers by the names in claims.toml.

    Returns
    -------
    Comparison
        A mark whose expression fails here, such as one of a row that another profile has, counts as not measured.
    """
    from mgutils.course.notebooks import SOURCES

    beside = Path("src", f"{name}.py")  # a kernel runs in the folder of the notebooks
    notebook = jupytext.read(beside if beside.exists() else SOURCES / beside.name, fmt="py:percent")
    claims = tomllib.loads((SOURCES.parents[1] / "claims.toml").read_text(encoding="utf-8"))["claim"]
    known = {"claimed": {claim["id"]: claim.get("expected") for claim in claims}, **namespace}
    every_mark, every_conclusion = marks(notebook), conclusions(notebook)
    holds = [_evaluate(one.condition, known) for one in every_conclusion]
    return Comparison(every_mark, [_evaluate(mark.expression, known) for mark in every_mark],
                      f"profile {namespace.get('profile')}, seed {namespace.get('seed')}",
                      every_conclusion, [None if value is None else bool(value) for value in holds])


def _evaluate(expression: str, known: dict[str, Any]) -> float | None:
    try:
        value = float(eval(expression, known))
    except Exception:  # whatever a row that this run lacks raises
        return None
    return value if math.isfinite(value) else None


# -- in an executed notebook -------------------------------------------------------------------------------------------


def stored_comparison(notebook: NotebookNode) -> Comparison | None:
    """What the last execution of a notebook found for its text; ``None`` where it has not been executed."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if MIME in output.get("data", {}):
                data = output["data"][MIME]
                every_mark = [Mark(row["section"], row["text"], row["expression"]) for row in data["numbers"]]
                told = data.get("conclusions", [])
                return Comparison(
                    every_mark, [row["found"] for row in data["numbers"]], data["run"],
                    [Conclusion(row["section"], row["sentence"], row["condition"]) for row in told],
                    [row["holds"] for row in told])
    return None


def with_banner(notebook: NotebookNode) -> None:
    """Say under the title what in the text is not so for this run, if anything."""
    comparison = stored_comparison(notebook)
    if comparison and (line := comparison.banner()):
        notebook.cells.insert(1, new_markdown_cell(line, id=BANNER, metadata={"tags": [BANNER]}))
