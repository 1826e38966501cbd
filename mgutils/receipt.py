"""The receipt of a run: what was run, on what, with what, and what came out."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mgutils.data.table import Dataset

_PACKAGES = ("torch", "torchvision", "timm", "transformers", "accelerate", "numpy", "pandas", "scikit-learn", "mgutils")


def fingerprint(dataset: Dataset, pixels: np.ndarray) -> str:
    """SHA-256 of a dataset's table, class names and decoded pixels: equal data, equal text."""
    digest = hashlib.sha256()
    digest.update(dataset.frames.to_csv(index=False).encode())
    digest.update("\n".join(dataset.labels.names).encode())
    for start in range(0, len(pixels), 1024):
        digest.update(np.ascontiguousarray(pixels[start:start + 1024]).data)
    return digest.hexdigest()


def make_receipt(data: str, timings: dict[str, float], metrics: dict[str, Any]) -> dict[str, Any]:
    """Everything that someone would ask about a result.

    Parameters
    ----------
    data : str
        The data's :func:`fingerprint`.
    timings : dict
        Seconds.
    metrics : dict
        The result itself.
    """
    return {
        "commit": _commit(),
        "versions": {"python": platform.python_version(), **_versions()},
        "hardware": {"machine": platform.machine(), "cpus": os.cpu_count(), "threads": torch.get_num_threads(),
                     "cpu_capability": torch.backends.cpu.get_cpu_capability(),
                     "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None},
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "data_sha256": data, "seconds": timings, "metrics": metrics,
    }


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def _commit() -> str | None:
    """Commit of the checkout that the package is imported from, ``+`` behind it where files were changed."""
    here = Path(__file__).parent
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True)
        dirty = subprocess.run(["git", "status", "--porcelain", "--untracked-files=no", "--", "."], cwd=here,
                               capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit.stdout.strip() + ("+" if dirty.stdout.strip() else "")
