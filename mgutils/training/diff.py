"""Why two runs differ: in code, data, environment, configuration or seed, or by noise alone.

A run's ``receipt.json`` and ``config.json`` say what went in; what came out is compared in ``outcome``. Nothing here
imports torch; what a receipt holds is decided in ``receipt``. Equal runs give equal bits only on equal processors,
instruction sets, libraries and threads, so each of these is an environment difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mgutils.config import read_config
from mgutils.errors import ConfigError
from mgutils.training.outcome import Number, compare_outcomes, read_json
from mgutils.training.whole import check_run

Cause = Literal["code", "data", "environment", "config", "seed"]
CAUSES: tuple[Cause, ...] = ("code", "data", "environment", "config", "seed")
_NOT_RECORDED = "not recorded"
_SECTIONS = ("versions", "hardware", "instructions", "libraries", "variables", "determinism")
"""The parts of a receipt that are the environment."""


@dataclass(frozen=True)
class Difference:
    """A field in which two runs differ."""

    cause: Cause
    field: str
    a: Any
    b: Any

    @property
    def known(self) -> bool:
        """False where one run did not write the field down."""
        return _NOT_RECORDED not in (self.a, self.b)


@dataclass(frozen=True)
class RunDiff:
    """What :func:`diff_runs` found.

    Parameters
    ----------
    differences : tuple of Difference
        Of what went in.
    numbers : tuple of Number
        What came out.
    noise : str
        Whether numbers of equal runs may differ on this hardware, and why.
    notes : tuple of str
        A sentence for each change of a run's environment between two sessions.
    """

    differences: tuple[Difference, ...]
    numbers: tuple[Number, ...]
    noise: str
    notes: tuple[str, ...] = ()

    @property
    def causes(self) -> tuple[Cause, ...]:
        """What differs of what went in, where both runs wrote it down."""
        found = {difference.cause for difference in self.differences if difference.known}
        return tuple(cause for cause in CAUSES if cause in found)

    @property
    def unknown(self) -> tuple[Cause, ...]:
        """What may differ for all that the receipts say."""
        found = {difference.cause for difference in self.differences if not difference.known}
        return tuple(cause for cause in CAUSES if cause in found and cause not in self.causes)

    @property
    def changed(self) -> tuple[Number, ...]:
        """The results that differ."""
        return tuple(number for number in self.numbers if not number.equal)

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
        if self.causes:
            return self._reason_of_causes()
        if not self.changed:
            return "Nothing differs" + (f" of what was recorded{self._but()}." if self.unknown else ".")
        if self.unknown:
            return f"The results differ, and the receipts do not say why{self._but()}."
        return f"Noise: nothing differs but the results. {self.noise}"

    def _reason_of_causes(self) -> str:
        alone = " alone" if len(self.causes) == 1 else ""
        outcome = "the results differ" if self.changed else "the results are equal all the same"
        sentences = [f"The runs differ in {_and(self.causes)}{alone}{self._but()}; {outcome}."]
        if self.changed and not alone:
            sentences.append("Several things changed at once: none of them alone explains it.")
        if self.changed and "environment" in self.causes:
            fields = [item.field for item in self.differences if item.cause == "environment" and item.known]
            sentences.append(
                f"Another processor, instruction set, library, setting or number of threads (here {_some(fields)}) "
                "changes the last bits of a sum, and a training makes them grow: compare means over seeds, "
                "not single runs.")
        return " ".join(sentences)

    def _but(self) -> str:
        return f" ({_and(self.unknown)} cannot be compared: a receipt lacks it)" if self.unknown else ""

    def report(self) -> str:
        """All of it, one field a line, run A before run B."""
        width = max((len(item.field if isinstance(item, Difference) else item.name)
                     for item in (*self.differences, *self.numbers)), default=0)
        lines = []
        for cause in CAUSES:
            own = [difference for difference in self.differences if difference.cause == cause]
            lines.append(f"{cause:<12}{'same' if not own else 'differs' if cause in self.causes else _NOT_RECORDED}")
            lines += [f"  {item.field:<{width}}  {_short(item.a)} | {_short(item.b)}" for item in own]
        lines.append(f"{'results':<12}{'differ' if self.changed else 'same'}")
        lines += [f"  {item.name:<{width}}  {_short(item.a)} | {_short(item.b)}{_distance(item)}"
                  for item in self.changed]
        return "\n".join([*lines, "", self.reason, *self.notes])


def diff_runs(run_a: Path | str, run_b: Path | str) -> RunDiff:
    """Compare two finished runs.

    Parameters
    ----------
    run_a, run_b : path
        Folders that ``mg train`` left. Hours of day, seconds and folder names are not compared.

    Raises
    ------
    ConfigError
        If a folder holds no finished run.
    CheckpointError
        If a file is not as the run's receipt lists it.
    """
    folders = Path(run_a), Path(run_b)
    receipts = [_read_receipt(folder) for folder in folders]
    configs = [read_config(folder / "config.json").as_dict() for folder in folders]
    data = [{"sha256": receipt.get("data_sha256")} for receipt in receipts]
    differences = [
        *_code(*receipts),
        *(Difference("data", name, *values) for name, values in changed_fields(*data).items()),
        *_environment(*receipts),
        *_sessions(*receipts),
        *(Difference("seed" if name.endswith("seed") else "config", name, *values)
          for name, values in changed_fields(*configs).items()),
    ]
    notes = tuple(note for name, receipt in zip("AB", receipts, strict=True) for note in _notes(name, receipt))
    return RunDiff(tuple(differences), tuple(compare_outcomes(*folders)), _expected_noise(receipts), notes)


def changed_fields(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Both values of every field in which two nested records differ, in the order of ``a``, then of ``b``.

    >>> changed_fields({"hardware": {"threads": 1}}, {"hardware": {"threads": 2}})
    {'hardware.threads': [1, 2]}
    """
    left, right = dict(_flat(a)), dict(_flat(b))
    pairs = {name: [left.get(name, _NOT_RECORDED), right.get(name, _NOT_RECORDED)] for name in left | right}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


# -- what went in ------------------------------------------------------------------------------------------------------


def _read_receipt(folder: Path) -> dict[str, Any]:
    """The receipt of a finished run."""
    file = folder / "receipt.json"
    if not file.is_file():
        if (folder / "config.json").is_file():
            raise ConfigError(f"{folder}: found a run without receipt.json, which is written last: it has not ended; "
                              "wanted a finished run. Let it end, or go on with `mg train`.")
        found = "a folder without receipt.json" if folder.is_dir() else "no folder"
        raise ConfigError(f"{folder}: found {found}; wanted the folder of a finished run. Name one that `mg train` "
                          "left, such as those in out/runs.")
    receipt = read_json(file)
    check_run(folder)
    return receipt


def _environment(*receipts: Mapping[str, Any]) -> Iterator[Difference]:
    """What differs where both receipts have the section; else that one lacks it."""
    for section in _SECTIONS:
        parts = [{section: receipt[section]} for receipt in receipts if section in receipt]
        if len(parts) == 2:
            for name, values in changed_fields(*parts).items():
                yield Difference("environment", name, *values)
        else:
            yield _lacking(section, *receipts)


def _sessions(*receipts: Mapping[str, Any]) -> Iterator[Difference]:
    """Changes of the environment within a run; a run that went on with nothing changed is as one in one piece."""
    if not all("machines" in receipt for receipt in receipts):
        yield _lacking("machines", *receipts)
        return
    a, b = ({f"from epoch {epoch}: {field}": change for epoch, changes in _changes(receipt)
             for field, change in changes.items()} for receipt in receipts)
    for name in {**a, **b}:
        values = [changes.get(name, "no change") for changes in (a, b)]
        if values[0] != values[1]:
            yield Difference("code" if name.endswith("code_sha256") else "environment", name, *values)


def _changes(receipt: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, str]]]:
    """First epoch of each session that had another environment than the one before, and what changed."""
    for machine in receipt.get("machines", ()):
        if machine["changes"] is None:
            yield machine["first_epoch"], {"the sessions before": _NOT_RECORDED}
        elif machine["changes"]:
            yield machine["first_epoch"], {name: f"{_short(before)} -> {_short(now)}"
                                           for name, (before, now) in machine["changes"].items()}


def _notes(name: str, receipt: Mapping[str, Any]) -> Iterator[str]:
    for epoch, fields in _changes(receipt):
        if _NOT_RECORDED in fields.values():
            yield f"Run {name} went on from epoch {epoch}; the machine that it was begun on is not recorded."
        else:
            yield (f"Run {name} was made on several machines or with several settings: its environment changed from "
                   f"epoch {epoch} ({_some(list(fields))}), so no single machine gives its bits.")


def _lacking(section: str, *receipts: Mapping[str, Any]) -> Difference:
    values = ["recorded" if section in receipt else _NOT_RECORDED for receipt in receipts]
    return Difference("environment", section, *values)


def _code(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Difference]:
    """The package's hash decides; where one run has none, the commit does if no file was changed on top of it."""
    commits = [receipt.get("commit") for receipt in (a, b)]
    hashes = [receipt.get("code_sha256") for receipt in (a, b)]
    if all(hashes):
        if hashes[0] != hashes[1]:
            yield Difference("code", "code_sha256", *hashes)
            if commits[0] != commits[1]:
                yield Difference("code", "commit", *(commit or "no git" for commit in commits))
    elif commits[0] != commits[1] and all(commits):
        yield Difference("code", "commit", *commits)
    elif None in commits or commits[0].endswith("+"):
        yield Difference("code", "code_sha256", *(value or _NOT_RECORDED for value in hashes))


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, list(value) if isinstance(value, tuple) else value


def _expected_noise(receipts: list[dict[str, Any]]) -> str:
    if not any(receipt.get("hardware", {}).get("gpu") for receipt in receipts):
        return ("It is not expected: processor, instruction sets, libraries and threads are equal as far as they are "
                "recorded, and with all of them equal a CPU gives equal bits. Look for code outside the package, "
                "for a library or variable that the receipt does not list, or for a fault of the machine.")
    strict = [receipt.get("determinism", {}) for receipt in receipts]
    if all(flags.get("deterministic_algorithms") and not flags.get("warn_only") for flags in strict):
        return ("It is not expected: only deterministic kernels were allowed on the GPU. Look for a fault of the "
                "machine.")
    return ("It is expected on a GPU: some of its kernels add in no fixed order, and the run was allowed to use them. "
            "Compare means over seeds, not single runs.")


def _and(words: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _some(names: list[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _short(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    is_hash = len(text) >= 40 and set(text.rstrip("+")) <= set("0123456789abcdef")
    return text[:12] + "+" * text.endswith("+") if is_hash else text


def _distance(number: Number) -> str:
    return "" if number.distance is None else f"  (by {number.distance:.2g})"
