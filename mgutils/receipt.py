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
from mgutils.distributed import processes

NO_NAME = "unknown processor"
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
    return {"commit": commit(), "code_sha256": code_hash(), **environment(), "data_sha256": data, "seconds": timings,
            "metrics": metrics}


def environment() -> dict[str, Any]:
    """Versions, hardware and the switches that decide whether equal runs give equal bits, as this process has them."""
    return {
        "versions": {"python": platform.python_version(), **_versions(), "cuda": torch.version.cuda,
                     "cudnn": torch.backends.cudnn.version() if torch.cuda.is_available() else None},
        "hardware": {"system": platform.system(), "machine": platform.machine(), "processor": processor_name(),
                     "cpus": os.cpu_count(), "threads": torch.get_num_threads(),
                     "cpu_capability": torch.backends.cpu.get_cpu_capability(),
                     "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
                     "gpus": torch.cuda.device_count(), "processes": processes()[1]},
        "determinism": {"deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
                        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
                        "cudnn_deterministic": torch.backends.cudnn.deterministic,
                        "cudnn_benchmark": torch.backends.cudnn.benchmark,
                        "float32_matmul_precision": torch.get_float32_matmul_precision(),
                        "cublas_workspace": os.environ.get("CUBLAS_WORKSPACE_CONFIG")},
    }


def processor_name() -> str:
    """The processor's name as its maker writes it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or NO_NAME


def code_hash() -> str:
    """SHA-256 of the package's modules and tables: says whether two runs had the same code, with git or without."""
    here, digest = Path(__file__).parent, hashlib.sha256()
    for path in sorted(path for path in here.rglob("*") if path.suffix in (".py", ".csv")):
        digest.update(f"{path.relative_to(here).as_posix()}\n".encode())
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))  # git may write them with other line ends
    return digest.hexdigest()


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def commit() -> str | None:
    """Commit of the checkout that the package is imported from, ``+`` behind it where files were changed."""
    here = Path(__file__).parent
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True)
        dirty = subprocess.run(["git", "status", "--porcelain", "--untracked-files=no", "--", "."], cwd=here,
                               capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")
