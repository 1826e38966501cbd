"""What came out of two runs, number by number: metrics, the log's first line that differs, weights.

Why they differ is the business of ``diff``. Nothing here imports torch.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mgutils.errors import CheckpointError, ConfigError

NOT_THERE = "not there"
WEIGHTS = ("best.safetensors", "last.safetensors")


@dataclass(frozen=True)
class Number:
    """A result of two runs; of weights, the hashes of their files."""

    name: str
    a: Any
    b: Any
    distance: float | None = None
    """By how much they differ, where that can be said; of weights, the largest difference of one of them."""

    @property
    def equal(self) -> bool:
        """To the last bit; a NaN equals a NaN."""
        return self.a == self.b or (self.a != self.a and self.b != self.b)


def compare_outcomes(run_a: Path, run_b: Path) -> Iterator[Number]:
    """Metrics, number of epochs, the values of the first epoch that differs, weights. Seconds are no results.

    Raises
    ------
    ConfigError, CheckpointError
        If a file is not what a run leaves.
    """
    yield from _metrics(run_a, run_b)
    yield from _logs(run_a, run_b)
    yield from _weights(run_a, run_b)


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object that a run left.

    Raises
    ------
    ConfigError
        If the file holds something else.
    """
    return _parse(file, file.read_text(encoding="utf-8", errors="replace"))


def _parse(file: Path, text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
        if isinstance(content, dict):
            return content
        found = f"a {type(content).__name__}"
    except ValueError as error:
        found = f"no JSON ({error})"
    raise ConfigError(f"{file}: found {found}; wanted the JSON object that a run writes. Train the run again.")


def _metrics(*folders: Path) -> Iterator[Number]:
    values = [read_json(folder / "metrics.json") if (folder / "metrics.json").is_file() else {} for folder in folders]
    for name in {**values[0], **values[1]}:
        yield _number(name, *(value.get(name, NOT_THERE) for value in values))


def _logs(*folders: Path) -> Iterator[Number]:
    logs = [_read_log(folder / "log.jsonl") for folder in folders]
    yield _number("epochs logged", *map(len, logs))
    for a, b in zip(*logs, strict=False):
        numbers = [_number(f"epoch {a.get('epoch', '?')}: {name}", a[name], b[name]) for name in a
                   if name in b and "second" not in name]
        if not all(number.equal for number in numbers):
            yield from numbers
            return


def _read_log(file: Path) -> list[dict[str, Any]]:
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []
    return [_parse(file, line) for line in lines if line.strip()]


def _number(name: str, a: Any, b: Any) -> Number:
    both = all(isinstance(value, int | float) for value in (a, b))
    return Number(name, a, b, abs(a - b) if both and math.isfinite(a) and math.isfinite(b) else None)


def _weights(*folders: Path) -> Iterator[Number]:
    for name in WEIGHTS:
        files = [folder / name for folder in folders]
        if all(file.is_file() for file in files):
            hashes = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
            yield Number(name, *hashes, None if hashes[0] == hashes[1] else _largest_difference(*files))


def _largest_difference(file_a: Path, file_b: Path) -> float | None:
    """None where they are the weights of different models."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        a, b = load_file(file_a), load_file(file_b)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{file_a} or {file_b}: not a readable safetensors file ({error}). "
                              "Train again, or compare other runs.") from error
    if {name: value.shape for name, value in a.items()} != {name: value.shape for name, value in b.items()}:
        return None
    return max((float(np.abs(a[name].astype(np.float64) - b[name]).max()) for name in a if a[name].size), default=0.0)
