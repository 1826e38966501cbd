"""Why two runs differ: in code, data, environment, configuration or seed, or by noise alone.

What ``receipt.json``, ``config.json``, ``metrics.json`` and ``log.jsonl`` of two runs say is laid
flat, ``{"hardware.threads": 1}``, and compared field by field. Nothing here imports torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mgutils.config_file import read_config
from mgutils.errors import ConfigError
from mgutils.training.whole import check_run

CAUSES = ("code", "data", "environment", "config", "seed")
NOT_RECORDED = "not recorded"
_GROUP_OF = {
    "code_sha256": "code", "commit": "code", "data_sha256": "data", "seed": "seed",
    "config": "config", "metrics": "results", "log": "results", "weights": "results",
}
"""Group of a field by its first word; every other field is of the environment."""
_FIELDS = (
    "code_sha256", "commit", "data_sha256",
    "versions", "hardware", "instructions", "libraries", "variables", "determinism", "machines",
)
"""What is compared of two receipts."""


@dataclass(frozen=True)
class Difference:
    """A field in which two runs differ; its group is one of :data:`CAUSES` or ``results``."""

    group: str
    field: str
    a: Any
    b: Any

    @property
    def known(self) -> bool:
        """False where a run did not record the field."""
        return NOT_RECORDED not in (self.a, self.b)


@dataclass(frozen=True)
class RunDiff:
    """The differences between two runs.

    Parameters
    ----------
    differences : tuple of Difference
    noise : str
        Whether equal runs may differ on this hardware.
    notes : tuple of str
        A sentence for each run that was made in several environments.
    """

    differences: tuple[Difference, ...]
    noise: str
    notes: tuple[str, ...] = ()

    @property
    def causes(self) -> list[str]:
        """The groups, results left aside, in which the runs are known to differ."""
        found = {item.group for item in self.differences if item.known}
        return [cause for cause in CAUSES if cause in found]

    @property
    def unknown(self) -> list[str]:
        """The other groups of which a run did not record a field."""
        found = {item.group for item in self.differences if not item.known}
        return [cause for cause in CAUSES if cause in found and cause not in self.causes]

    @property
    def changed(self) -> list[Difference]:
        """The results that differ."""
        return [item for item in self.differences if item.group == "results"]

    @property
    def verdict(self) -> str:
        """``equal``, ``noise``, ``unknown``, or the causes."""
        if self.causes:
            return ", ".join(self.causes)
        if not self.changed:
            return "equal"
        return "unknown" if self.unknown else "noise"

    @property
    def reason(self) -> str:
        """The verdict in a sentence."""
        names = " and ".join(self.unknown)
        gap = f" ({names} cannot be compared: a receipt lacks it)" if names else ""
        if self.causes:
            alone = " alone" if len(self.causes) == 1 else ""
            results = "the results differ" if self.changed else "the results are equal all the same"
            return f"The runs differ in {' and '.join(self.causes)}{alone}{gap}; {results}."
        if not self.changed:
            return f"Nothing differs of what was recorded{gap}." if gap else "Nothing differs."
        if self.unknown:
            return f"The results differ, and the receipts do not say why{gap}."
        return f"Noise: nothing differs but the results. {self.noise}"

    def report(self) -> str:
        """One line for each field that differs, run A before run B, then the reason."""
        lines = []
        width = max((len(item.field) for item in self.differences), default=0)
        for group in (*CAUSES, "results"):
            own = [item for item in self.differences if item.group == group]
            state = "same" if not own else NOT_RECORDED if group in self.unknown else "differs"
            lines.append(f"{group:<12}{state}")
            for item in own:
                lines.append(f"  {item.field:<{width}}  {_short(item.a)} | {_short(item.b)}")
        return "\n".join([*lines, "", self.reason, *self.notes])


def diff_runs(run_a: Path | str, run_b: Path | str) -> RunDiff:
    """Compare two finished runs.

    Parameters
    ----------
    run_a, run_b : path
        Folders that ``mg train`` left. Seconds, dates and folder names are not compared.

    Raises
    ------
    ConfigError
        If a folder holds no finished run.
    CheckpointError
        If a file is not as the run's receipt lists it.
    """
    folders = Path(run_a), Path(run_b)
    receipts = [_read_receipt(folder) for folder in folders]
    facts = [_inputs(*pair) for pair in zip(folders, receipts, strict=True)]
    # A receipt of an older version lacks whole sections: name the section, not all its fields.
    for section in facts[0]:
        if NOT_RECORDED in (facts[0][section], facts[1][section]):
            for fact in facts:
                fact[section] = fact[section] if fact[section] == NOT_RECORDED else "recorded"
    # Another commit with the same package is the same code; without git there is no commit.
    if any(facts[0][name] == facts[1][name] for name in ("code_sha256", "commit")):
        for fact in facts:
            fact.pop("commit")
    sessions = [{"machines": dict(_sessions(receipt))} for receipt in receipts]
    changes = {
        **changed_fields(*facts),
        **changed_fields(*sessions, missing="no change"),
        **changed_fields(*_results(folders, receipts)),
    }
    differences = [Difference(_group(name), name, *values) for name, values in changes.items()]
    notes = (*_notes("A", receipts[0]), *_notes("B", receipts[1]))
    return RunDiff(tuple(differences), _expected_noise(receipts), notes)


def changed_fields(a: Mapping[str, Any], b: Mapping[str, Any],
                   missing: str = NOT_RECORDED) -> dict[str, list[Any]]:
    """Both values of every field in which two nested dicts differ.

    >>> changed_fields({"hardware": {"threads": 1}}, {"hardware": {"threads": 2}})
    {'hardware.threads': [1, 2]}
    """
    left = dict(_flat(a))
    right = dict(_flat(b))
    pairs = {
        name: [left.get(name, missing), right.get(name, missing)]
        for name in left | right
    }
    return {name: pair for name, pair in pairs.items() if not _same(*pair)}


def read_json(file: Path, text: str | None = None) -> dict[str, Any]:
    """A JSON object of a run: of the file, or of one of its lines.

    Raises
    ------
    ConfigError
        If it is something else.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8") if text is None else text)
        found = f"a {type(content).__name__}"
    except ValueError as error:
        content = None
        found = f"no JSON ({error})"
    if isinstance(content, dict):
        return content
    raise ConfigError(
        f"{file}: found {found}; wanted the JSON object that a run writes. Train the run again.")


# -- what goes into the comparison -----------------------------------------------------------------


def _read_receipt(folder: Path) -> dict[str, Any]:
    file = folder / "receipt.json"
    if not file.is_file():
        found = "a folder without receipt.json" if folder.is_dir() else "no folder"
        raise ConfigError(
            f"{folder}: found {found}; wanted the folder of a finished run (it writes receipt.json "
            "last). Name one that `mg train` left, such as those in out/runs.")
    receipt = read_json(file)
    check_run(folder)
    return receipt


def _inputs(folder: Path, receipt: Mapping[str, Any]) -> dict[str, Any]:
    """What went into a run, by the names of its receipt."""
    config = read_config(folder / "config.json").as_dict()
    facts = {name: receipt.get(name) or NOT_RECORDED for name in _FIELDS}
    if "machines" in receipt:
        facts["machines"] = "recorded"  # what changed from session to session is compared apart
    return {**facts, "config": config, "seed": config.pop("seed")}


def _sessions(receipt: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The sessions of a run whose environment was not that of the session before."""
    for session in receipt.get("machines", ()):
        name = f"from epoch {session['first_epoch']}"
        if session["changes"] is None:
            yield name, NOT_RECORDED
        elif session["changes"]:
            yield name, {field: " -> ".join(map(_short, values))
                         for field, values in session["changes"].items()}


def _results(folders: tuple[Path, Path],
             receipts: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Scores, the first lines of the logs that differ, and the hashes of the weights."""
    logs = [_read_log(folder / "log.jsonl") for folder in folders]
    pairs = zip(*logs, strict=False)
    first = next((pair for pair in pairs if changed_fields(*pair)), ({}, {}))
    for folder, receipt, log, line in zip(folders, receipts, logs, first, strict=True):
        metrics = folder / "metrics.json"
        yield {
            "metrics": read_json(metrics) if metrics.is_file() else {},
            "log": {"epochs": len(log), f"epoch {line.get('epoch')}": line},
            "weights": {name: entry["sha256"] for name, entry in receipt.get("files", {}).items()
                        if name.endswith(".safetensors")},
        }


def _read_log(file: Path) -> list[dict[str, Any]]:
    """The epochs of a log, without the seconds that they took."""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    lines = [read_json(file, line) for line in text.splitlines() if line.strip()]
    return [{name: value for name, value in line.items() if "second" not in name} for line in lines]


def _notes(name: str, receipt: Mapping[str, Any]) -> Iterator[str]:
    for epoch, changes in _sessions(receipt):
        fields = changes if changes == NOT_RECORDED else ", ".join(changes)
        yield (f"Run {name} was made on several machines or with several settings: its environment "
               f"changed {epoch} ({fields}), so no single machine gives its bits.")


def _expected_noise(receipts: list[dict[str, Any]]) -> str:
    if any(receipt.get("hardware", {}).get("gpu") for receipt in receipts):
        return ("It is expected on a GPU, unless only deterministic kernels were allowed: some "
                "kernels add in no fixed order. Compare means over seeds, not single runs.")
    return ("It is not expected: with equal processor, libraries and threads a CPU gives equal "
            "bits. Look for code outside the package, or for a fault of the machine.")


# -- fields ----------------------------------------------------------------------------------------


def _group(field: str) -> str:
    if field.startswith("machines") and field.endswith("code_sha256"):
        return "code"
    return _GROUP_OF.get(field.partition(".")[0], "environment")


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, list(value) if isinstance(value, tuple) else value


def _same(a: Any, b: Any) -> bool:
    """To the last bit. A NaN equals a NaN; two values that were not recorded may differ."""
    return (a == b and a != NOT_RECORDED) or (a != a and b != b)


def _short(value: Any) -> str:
    """A number in six digits, a hash in twelve."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    is_hash = len(text) >= 40 and " " not in text
    return text[:12] if is_hash else text
