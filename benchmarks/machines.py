"""Do the conclusions hold on other machines? A page that lays several reproductions side by side.

``python -m benchmarks.machines "published=figures" "baseline kernels=out/default" ...`` reads what ``mg reproduce``
left in each folder and writes ``docs/machines.md``: every number of Table 1 with its range over the machines, the four
findings and the verdict of every claim, with those that differ first. Nothing is trained here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    verdicts: dict[str, str]
    """Verdict by the claim's id."""


def read_machine(name: str, folder: Path | str) -> Machine:
    """Read the three files of a reproduction, from the project's ``figures`` or from an ``out`` folder.

    Raises
    ------
    ConfigError
        If one of them is not there or cannot be read.
    """
    table1 = {row["row"]: row for row in _read(folder, "table1.json")}
    claims = {row["id"]: row["verdict"] for row in _read(folder, "claims.json")["rows"]}
    return Machine(name, table1, _read(folder, "findings.json")["findings"], claims)


def _read(folder: Path | str, name: str) -> Any:
    places = [Path(folder) / part / name for part in ("", "tables", "figures")]
    for place in places:
        if place.is_file():
            return json.loads(place.read_text(encoding="utf-8"))
    raise ConfigError(f"{folder}: found no {name}; wanted a folder that `mg reproduce` left, or figures.")


def page(machines: Sequence[Machine], notes: str = "") -> str:
    """The whole page as Markdown; the first machine is the published one."""
    return "\n\n".join(["# The same conclusions on every machine", notes.strip(), "## Table 1", _numbers(machines),
                        "## Findings", _outcomes({m.name: m.findings for m in machines}),
                        "## Verdicts", _outcomes({m.name: m.verdicts for m in machines})]) + "\n"


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


def _outcomes(by_machine: dict[str, dict[str, str]]) -> str:
    """What differs between the machines, then what is equal on all of them."""
    first, names = next(iter(by_machine.values())), list(by_machine)
    found = {key: [outcomes.get(key, "no such row") for outcomes in by_machine.values()] for key in first}
    differ = {key: words for key, words in found.items() if len(set(words)) > 1}
    equal = [(key, words[0]) for key, words in found.items() if key not in differ]
    text = f"{len(equal)} of {len(found)} are equal on all {len(names)}.\n\n"
    if differ:
        text += markdown_table(("Differs", *names), ((key, *words) for key, words in differ.items())) + "\n\n"
    return text + markdown_table(("Equal on all", "Outcome"), equal)


def main(arguments: Sequence[str]) -> None:
    """Write the page for ``NAME=FOLDER`` arguments; what stands between the title and Table 1 stays as it is."""
    pairs = [argument.rpartition("=") for argument in arguments]
    if len(pairs) < 2 or not all(equals for _, equals, _ in pairs):
        raise SystemExit('usage: python -m benchmarks.machines "published=figures" "NAME=FOLDER" ...')
    machines = [read_machine(name, folder) for name, _, folder in pairs]
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(machines, old.partition("\n")[2].partition("## Table 1")[0]), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main(sys.argv[1:])
