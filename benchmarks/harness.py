"""Time contenders in turn, say by how much one beats the other, and keep the rows of the table.

A ratio is that of two contenders in the same round, so that a machine that slows down slows both. What is timed is the
business of the other modules.
"""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from mgutils.report.markdown import markdown_table

Kind = Literal["cpu", "gpu"]


@dataclass(frozen=True)
class Bar:
    """A line of the table: what is measured, and what it should be."""

    key: str
    kind: Kind
    """The hardware that the bar is meant for: two CPU cores, or one large GPU."""
    measure: str
    wanted: float | None
    """``None``: reported, no bar."""
    at_least: bool = True
    """False: the bar is a limit from above."""
    unit: str = ""

    def met(self, value: float) -> bool | None:
        """``None`` where there is no bar."""
        if self.wanted is None:
            return None
        return value >= self.wanted if self.at_least else value < self.wanted

    @property
    def text(self) -> str:
        """The bar in words."""
        if self.wanted is None:
            return "reported"
        return f"{'at least' if self.at_least else 'under'} {self.wanted:g}{self.unit}"


@dataclass(frozen=True)
class Result:
    """What was found for a bar."""

    key: str
    value: float
    """The median."""
    low: float | None = None
    high: float | None = None
    """Lowest and highest of the rounds."""
    detail: dict[str, Any] = field(default_factory=dict)
    """How it was measured, and the medians behind a ratio."""


def alternate(contenders: Mapping[str, Callable[[], object]], rounds: int,
              synchronize: Callable[[], None] = lambda: None) -> dict[str, list[float]]:
    """Seconds of each contender in each round; every other round goes backwards.

    Parameters
    ----------
    contenders : mapping
        Name to what is timed; each has been warmed up.
    rounds : int
    synchronize : callable
        Waits for the device.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds):
        for name in list(contenders)[::-1 if turn % 2 else 1]:
            synchronize()
            start = time.perf_counter()
            contenders[name]()
            synchronize()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def faster(key: str, ours: list[float], other: list[float], **detail: Any) -> Result:
    """How many times as fast the first is: the median over rounds, with the lowest and the highest."""
    ratios = [there / here for here, there in zip(ours, other, strict=True)]
    return Result(key, statistics.median(ratios), min(ratios), max(ratios), detail)


def rate(units: int, seconds: list[float]) -> float:
    """Units per second in the median round, to three digits."""
    return float(f"{units / statistics.median(seconds):.3g}")


def clean_name(name: str) -> str:
    """A hardware's name as a file name: ``Intel(R) Core(TM) i7 CPU @ 2.6GHz`` becomes ``intel-core-i7``."""
    name = re.sub(r"\((r|tm|c)\)", " ", name.lower()).partition("@")[0]
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"\bcpu\b", " ", name)).strip("-") or "unknown"


def keep(folder: Path, name: str, about: dict[str, Any], results: list[Result]) -> dict[str, Result]:
    """Add results to ``<name>.json``, each with what it was measured with; those of other parts stay. Returns all."""
    file = folder / f"{name}.json"
    rows = _rows(file) if file.exists() else {}
    rows |= {result.key: asdict(result) | {"measured_with": about} for result in results}
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"hardware": name, "results": rows}, indent=2) + "\n", encoding="utf-8")
    return {key: _result(row) for key, row in rows.items()}


def elsewhere(folder: Path, keys: Collection[str]) -> dict[str, tuple[Result, dict[str, Any]]]:
    """What the files of all machines have for some keys, and what it was measured with."""
    return {key: (_result(row), row["measured_with"]) for file in sorted(folder.glob("*.json"))
            for key, row in _rows(file).items() if key in keys}


def _rows(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))["results"]


def _result(row: dict[str, Any]) -> Result:
    return Result(**{name: row[name] for name in ("key", "value", "low", "high", "detail")})


def table(bars: list[Bar], results: Mapping[str, Result], missing: Mapping[Kind, str]) -> str:
    """The bars with what was found, in Markdown; ``missing`` says why a kind's bars were not measured."""
    rows = []
    for bar in bars:
        result = results.get(bar.key)
        if result is None:
            rows.append((bar.measure, bar.text, missing[bar.kind], "–"))
            continue
        spread = "" if result.low is None else f" ({digits(result.low)} to {digits(result.high)})"
        met = {True: "yes", False: "**no**", None: "–"}[bar.met(result.value)]
        found = digits(result.value) + bar.unit + spread
        rows.append((bar.measure, bar.text, found, met))
    header = ("Measure", "Bar", "Measured (lowest to highest)", "Met")
    return markdown_table(header, rows, "lrrl") + "\n"


def digits(value: float) -> str:
    """Three digits, none after the point from 100 on."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
