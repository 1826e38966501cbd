"""Why two runs differ: in code, data, environment, configuration or seed, or by noise alone.

What two runs were made with, as ``receipt.json`` and ``config.json`` say, is compared field by field,
and so are their results. Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mgutils.errors import ConfigError
from mgutils.training.run import Run
from mgutils.training.whole import find_fault

CAUSES = ("code", "data", "environment", "config", "seed")
_ENVIRONMENT = (
    "versions", "hardware", "instructions", "libraries", "variables", "determinism")
_RECORDED = ("commit", "code_sha256", "data_sha256", "machines", "files", *_ENVIRONMENT)
"""What is compared of two receipts."""
_NOISE = (
    "Noise: nothing differs but the results. On a GPU that is expected, unless only deterministic "
    "kernels were allowed: some kernels add in no fixed order. Compare means over seeds, not single "
    "runs. On a CPU it is not expected: with equal processor, libraries and threads a CPU gives "
    "equal bits. Look for code outside the package, or for a fault of the machine.")


class Difference(NamedTuple):
    """A field in which two runs differ; its group is one of :data:`CAUSES` or ``results``."""

    group: str
    field: str
    a: Any
    b: Any


@dataclass(frozen=True)
class RunDiff:
    """The differences between two runs."""

    differences: tuple[Difference, ...]

    @property
    def causes(self) -> list[str]:
        """The groups, results left aside, in which the runs differ."""
        found = {item.group for item in self.differences}
        return [cause for cause in CAUSES if cause in found]

    @property
    def changed(self) -> list[Difference]:
        """The results that differ."""
        return [item for item in self.differences if item.group == "results"]

    @property
    def reason(self) -> str:
        """The verdict in a sentence."""
        if self.causes:
            alone = " alone" if len(self.causes) == 1 else ""
            results = "the results differ" if self.changed else "the results are equal all the same"
            return f"The runs differ in {' and '.join(self.causes)}{alone}; {results}."
        return _NOISE if self.changed else "Nothing differs."

    def report(self) -> str:
        """One line for each field that differs, run A before run B, then the reason."""
        lines = []
        width = max((len(item.field) for item in self.differences), default=0)
        for group in (*CAUSES, "results"):
            own = [item for item in self.differences if item.group == group]
            lines.append(f"{group:<12}{'differs' if own else 'same'}")
            for item in own:
                lines.append(f"  {item.field:<{width}}  {_short(item.a)} | {_short(item.b)}")
        return "\n".join([*lines, "", self.reason])


def diff_runs(run_a: Path | str, run_b: Path | str) -> RunDiff:
    """Compare two finished runs.

    Parameters
    ----------
    run_a, run_b : path
        Folders that ``mg train`` left. Seconds, dates and folder names are not compared.

    Raises
    ------
    ConfigError
        If a folder holds no finished run, a file is not as the run's receipt lists it, or the
        receipt is one of an older version, which records less.
    """
    runs = [Run(Path(run_a)), Run(Path(run_b))]
    for run in runs:
        fault = find_fault(run.directory)
        if fault:
            raise ConfigError(
                f"{fault}. Name the folder of a whole run that `mg train` left, such as those in "
                "out/runs.")
        absent = [name for name in _RECORDED if name not in run.receipt]
        if absent:
            raise ConfigError(
                f"{run.directory / 'receipt.json'}: found no {', '.join(absent)}; wanted the receipt of "
                "a run by this version. Train the run again.")
    logs = [run.log.filter(regex="^(?!seconds)").to_dict("records") for run in runs]
    differing = [row for row, pair in enumerate(zip(*logs, strict=False)) if changed_fields(*pair)]
    row = differing[0] if differing else 0
    facts = [_facts(run, log, row) for run, log in zip(runs, logs, strict=True)]
    codes = [fact["code"] for fact in facts]
    if codes[0]["code_sha256"] == codes[1]["code_sha256"]:  # then the commit says nothing
        codes[0]["commit"] = codes[1]["commit"]
    return RunDiff(tuple(
        Difference(group, field, *values) for group in (*CAUSES, "results")
        for field, values in changed_fields(facts[0][group], facts[1][group]).items()))


def changed_fields(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Both values of every field in which two nested dicts differ.

    >>> changed_fields({"hardware": {"threads": 1}}, {"hardware": {"threads": 2}})
    {'hardware.threads': [1, 2]}
    """
    changed = {}
    for name in a | b:
        pair = [a.get(name), b.get(name)]
        if all(isinstance(value, Mapping) for value in pair):
            inner = changed_fields(*pair)
            changed |= {f"{name}.{field}": values for field, values in inner.items()}
        elif pair[0] != pair[1] and not all(value != value for value in pair):  # NaN equals NaN
            changed[name] = pair
    return changed


def _facts(run: Run, log: Sequence[Mapping[str, Any]], row: int) -> dict[str, dict[str, Any]]:
    """What is compared of a run, by group; of its log, one row."""
    receipt = run.receipt
    config = run.config.as_dict()
    environment = {name: receipt[name] for name in _ENVIRONMENT}
    hashes = {name: entry["sha256"] for name, entry in receipt["files"].items()}
    return {
        "code": {
            "code_sha256": receipt["code_sha256"],
            "commit": receipt["commit"],
            "machines": _changes(receipt["machines"], code=True),
        },
        "data": {"data_sha256": receipt["data_sha256"]},
        "environment": {**environment, "machines": _changes(receipt["machines"], code=False)},
        "seed": {"seed": config.pop("seed")},
        "config": {"config": config},
        "results": {
            "metrics": run.metrics,
            "log": {"epochs": len(log), f"epoch {row + 1}": log[row]},
            "weights": {name: hashes[name] for name in hashes if name.endswith(".safetensors")},
        },
    }


def _changes(sessions: Sequence[Mapping[str, Any]], code: bool) -> str:
    """What changed from one session of a run to the next: in its code, or in its environment."""
    changes = []
    for session in sessions:
        changed = session["changes"]
        if changed is None:  # the session before kept no record
            changed = {"code_sha256" if code else "environment": ["not recorded", "recorded"]}
        changes += [f"{field} {_short(before)} -> {_short(now)} from epoch {session['first_epoch']}"
                    for field, (before, now) in changed.items() if (field == "code_sha256") == code]
    return ", ".join(changes) or "no change"


def _short(value: Any) -> str:
    """A number in six digits, a hash in twelve."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    is_hash = len(text) >= 40 and " " not in text
    return text[:12] if is_hash else text
