"""The claims of all four systems side by side: of this run where it tested them, else as they were published."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from mgutils.claims.registry import REPORT, SHOWN_FIRST
from mgutils.experiments.systems import SYSTEMS
from mgutils.report.markdown import markdown_table

PUBLISHED = Path(__file__).resolve().parents[2] / "figures"
"""Where ``mg publish`` puts the ledgers of the authors' run."""


class SystemLedger(NamedTuple):
    """The ledger of one system, as ``mg verify`` wrote it."""

    title: str
    rows: list[dict[str, Any]]
    own: bool
    """Whether this run tested it."""


def system_ledgers(figure_dir: Path | str, published: Path | str = PUBLISHED) -> list[SystemLedger]:
    """The ledgers of the originals, in the order of the course; one that is nowhere is left out.

    Parameters
    ----------
    figure_dir : path
        Where this run writes its ledgers.
    published : path
        Where those lie that are taken for a system that this run did not test.

    Taught in: 14, section 5.
    """
    found = []
    for system in SYSTEMS:
        name = "claims.json" if system.source == REPORT else f"claims_{system.source}.json"
        places = [Path(folder) / name for folder in (figure_dir, published)]
        file = next((place for place in places if place.exists()), None)
        if file is not None:
            rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
            found.append(SystemLedger(system.title, rows, file == places[0]))
    return found


def verdict_table(systems: list[SystemLedger]) -> pd.DataFrame:
    """How many claims of each system have which verdict: a row for each system, and ``together``.

    Taught in: 14, section 5.
    """
    rows = {title: {"claims": len(rows)} | {verdict: Counter(row["verdict"] for row in rows)[verdict]
                                            for verdict in SHOWN_FIRST} for title, rows, _ in systems}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.loc["together"] = table.sum()
    table["tested in"] = [*("this run" if own else "the published run" for *_, own in systems), ""]
    return table


def verdicts_in_markdown(table: pd.DataFrame) -> str:
    """The table of :func:`verdict_table` for a page."""
    rows = [(title, *row) for title, row in zip(table.index, table.astype(str).to_numpy(), strict=True)]
    return markdown_table(("System", *(name.capitalize() for name in table)), rows, "l" + "r" * table.shape[1])
