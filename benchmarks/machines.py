"""Do the conclusions hold on other machines? A page that lays several reproductions side by side.

``python -m benchmarks.machines "published=." "baseline kernels=out/default" ...`` reads what ``mg reproduce --all``
left in each folder and writes ``docs/machines.md``: every number of Table 1 with its range over the machines, the four
findings, the verdicts of every original's claims, and which numbers and conclusions of the notebooks' text each machine
does not give. Nothing is trained here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from mgutils.claims.systems import system_ledgers
from mgutils.course.prose import Comparison, stored_comparison
from mgutils.errors import ConfigError
from mgutils.report.markdown import markdown_table

PAGE = Path("docs/machines.md")
SCORES = ("top1", "top5", "uar")


@dataclass(frozen=True)
class Machine:
    """The results of one reproduction."""

    name: str
    table1: dict[str, dict[str, Any]]
    """Row of Table 1 by its name."""
    findings: dict[str, str]
    verdicts: dict[str, dict[str, str]]
    """Verdict by the claim's id, by original."""
    texts: dict[str, Comparison]
    """What the machine found for the text of a notebook, by its name."""


def read_machine(name: str, folder: Path | str) -> Machine:
    """Read a reproduction: the project's own folder, which has the published one, or a folder under ``out``.

    Raises
    ------
    ConfigError
        If Table 1, the findings or every ledger is missing.
    """
    table1 = {row["row"]: row for row in _read(folder, "table1.json")}
    ledgers = [ledger for ledger in system_ledgers(Path(folder) / "figures") if ledger.own]
    if not ledgers:
        raise ConfigError(f"{folder}: found no figures/claims.json; wanted a folder that `mg reproduce` left.")
    verdicts = {ledger.title: {row["id"]: row["verdict"] for row in ledger.rows} for ledger in ledgers}
    paths = sorted((Path(folder) / "notebooks").glob("[0-9A][0-9]_*.ipynb"))
    texts = {path.stem: stored_comparison(nbformat.read(path, as_version=4)) for path in paths}
    texts = {stem: found for stem, found in texts.items() if found}
    return Machine(name, table1, _read(folder, "findings.json")["findings"], verdicts, texts)


def _read(folder: Path | str, name: str) -> Any:
    for place in (Path(folder) / part / name for part in ("tables", "figures")):
        if place.is_file():
            return json.loads(place.read_text(encoding="utf-8"))
    raise ConfigError(f"{folder}: found no {name} in tables or figures; wanted a folder that `mg reproduce` left.")


def page(machines: Sequence[Machine], notes: str = "") -> str:
    """The whole page as Markdown; the first machine is the published one."""
    return "\n\n".join(["# The same conclusions on every machine", notes.strip(), "## Table 1", _numbers(machines),
                        "## Findings", _outcomes({m.name: m.findings for m in machines}),
                        "## Verdicts", *_verdicts(machines), "## The notebooks' text", _text(machines)]) + "\n"


def _numbers(machines: Sequence[Machine]) -> str:
    """One line for each number: mean over the seeds on every machine, the range of these means, the seeds' range."""
    header = ("Row", "Score", *(m.name for m in machines), "Range of the means", "Seeds, published")
    lines = []
    for row, published in machines[0].table1.items():
        for score in SCORES:
            means = [m.table1[row].get(score) for m in machines]
            if None in means:
                continue
            seeds = [published.get(f"{score}_{end}") for end in ("min", "max")]
            spread = f"{seeds[0]:.1f} to {seeds[1]:.1f}" if None not in seeds else "–"
            lines.append((published["method"], score, *(f"{mean:.1f}" for mean in means),
                          f"{max(means) - min(means):.1f}", spread))
    return markdown_table(header, lines)


def _outcomes(by_machine: Mapping[str, Mapping[str, str]]) -> str:
    """How many outcomes are equal on all machines, and those that are not."""
    first, names = next(iter(by_machine.values())), list(by_machine)
    found = {key: [outcomes.get(key, "no such row") for outcomes in by_machine.values()] for key in first}
    differ = [(key, *words) for key, words in found.items() if len(set(words)) > 1]
    text = f"{len(found) - len(differ)} of {len(found)} are equal on all {len(names)}."
    return text + ("\n\n" + markdown_table(("Differs", *names), differ) if differ else "")


def _verdicts(machines: Sequence[Machine]) -> Iterator[str]:
    """A paragraph for each original, of the machines that have its ledger."""
    for title in machines[0].verdicts:
        having = {m.name: m.verdicts[title] for m in machines if title in m.verdicts}
        yield f"**{title}** ({'; '.join(having)}): {_outcomes(having)}"


def _text(machines: Sequence[Machine]) -> str:
    """One line for each notebook: what the published text says, and how much of it each machine gives otherwise."""
    lines, untrue = [], []
    for notebook, published in machines[0].texts.items():
        found = [machine.texts.get(notebook) for machine in machines]
        otherwise = [_otherwise(published, told) if told else "–" for told in found]
        lines.append((notebook, str(len(published.marks)), str(len(published.conclusions)), *otherwise))
        untrue += [f"* {machine.name}, {notebook}: {one.sentence}"
                   for machine, told in zip(machines, found, strict=True) if told for one in told.untrue]
    header = ("Notebook", "Numbers", "Conclusions", *(f"Otherwise: {machine.name}" for machine in machines))
    return "\n\n".join([markdown_table(header, lines), "\n".join(untrue)]).strip()


def _otherwise(published: Comparison, told: Comparison) -> str:
    """Numbers of the published text that a machine gives otherwise, and conclusions that are not true of it."""
    values = {mark.expression: value for mark, value in zip(told.marks, told.found, strict=True)}
    apart = sum(not mark.fits(values[mark.expression]) for mark in published.marks if mark.expression in values)
    tested = told.conclusions or not published.conclusions  # an older text of the notebook has none
    return f"{apart}, {len(told.untrue) if tested else '–'}"


def main(arguments: Sequence[str]) -> None:
    """Write the page for ``NAME=FOLDER`` arguments; what stands between the title and Table 1 stays as it is."""
    pairs = [argument.rpartition("=") for argument in arguments]
    if len(pairs) < 2 or not all(equals for _, equals, _ in pairs):
        raise SystemExit('usage: python -m benchmarks.machines "published=." "NAME=FOLDER" ...')
    machines = [read_machine(name, folder) for name, _, folder in pairs]
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(machines, old.partition("\n")[2].partition("## Table 1")[0]), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main(sys.argv[1:])
