"""On which machines the runs of a store were trained, read from their receipts.

A trained number differs between processors, numbers of threads and versions of torch, so the
published results say where they come from: ``figures/made_on.json``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FILE = "made_on.json"
_SHOWN = {"processor": "{}", "cpu_capability": "{}", "threads": "threads: {}", "gpu": "{}",
          "torch": "torch {}"}


def read_json(file: Path) -> Any:
    """The content of a JSON file; ``None`` where it is not there or not whole."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def machines(out_dir: Path) -> list[dict[str, Any]]:
    """The machines of all runs in ``out_dir/runs``, the one with the most runs first.

    Returns
    -------
    list of dict
        ``processor``, ``cpu_capability`` (the vector instructions that torch uses), ``threads``,
        ``gpu`` and ``torch``, each where a receipt has it, and the number of ``runs``.
    """
    counted: Counter[tuple] = Counter()
    for file in sorted(out_dir.glob("runs/*/receipt.json")):
        receipt = read_json(file) or {}
        facts = receipt.get("hardware", {}) | {"torch": receipt.get("versions", {}).get("torch")}
        counted[tuple((name, facts[name]) for name in _SHOWN if facts.get(name) is not None)] += 1
    return [dict(facts) | {"runs": runs} for facts, runs in counted.most_common() if facts]


def write_machines(out_dir: Path, directory: Path) -> list[Path]:
    """Write ``made_on.json`` for the runs of a store, and ``made_on.md`` for docs/results.md.

    Returns
    -------
    list of Path
        The two files; none without runs.
    """
    found = machines(out_dir)
    if not found:
        return []
    files = [directory / FILE, (directory / FILE).with_suffix(".md")]
    files[0].write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    files[1].write_text(f"Published numbers made on: {describe(found)}.\n", encoding="utf-8")
    return files


def describe(found: Sequence[Mapping[str, Any]] | None) -> str:
    """The machines in one line."""
    if not found:
        return "not recorded"
    lines = [_describe(machine) for machine in found]
    if len(found) > 1:
        counts = [machine.get("runs") for machine in found]
        lines = [f"{line} (runs: {count})" for line, count in zip(lines, counts, strict=True)]
    return "; ".join(lines)


def _describe(machine: Mapping[str, Any]) -> str:
    return ", ".join(text.format(machine[name]) for name, text in _SHOWN.items() if name in machine)
