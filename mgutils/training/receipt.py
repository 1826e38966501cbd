"""The receipt of a run: what was run, on what, with what, and what came out.

Equal runs give equal bits only on equal processors, instruction sets, libraries and threads, so all of
these are recorded. How two receipts differ is found in ``diff``.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_info

from mgutils.data.table import Dataset
from mgutils.training.diff import changed_fields
from mgutils.training.distributed import processes

NO_NAME = "unknown processor"
_PACKAGES = ("torch", "torchvision", "timm", "transformers", "accelerate", "numpy", "pandas", "scikit-learn", "mgutils")
_VARIABLES = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE",
              "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES",
              "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Environment variables that choose kernels or the order of a sum."""


def fingerprint(dataset: Dataset, pixels: np.ndarray) -> str:
    """SHA-256 of a dataset's table, class names and decoded pixels: equal data, equal text."""
    digest = hashlib.sha256()
    digest.update(dataset.frames.to_csv(index=False).encode())
    digest.update("\n".join(dataset.labels.names).encode())
    for start in range(0, len(pixels), 1024):
        digest.update(np.ascontiguousarray(pixels[start:start + 1024]).data)
    return digest.hexdigest()


def make_receipt(data: str, timings: dict[str, float], metrics: dict[str, Any],
                 provenance: dict[str, Any]) -> dict[str, Any]:
    """Everything that someone would ask about a result.

    Parameters
    ----------
    data : str
        The data's :func:`fingerprint`.
    timings : dict
        Seconds.
    metrics : dict
        The result itself.
    provenance : dict
        What :func:`continue_provenance` gave to the run's last session.
    """
    return {"commit": commit(), **provenance["environment"], "machines": provenance["machines"],
            "data_sha256": data, "seconds": timings, "metrics": metrics}


def continue_provenance(before: dict[str, Any] | None, epochs: range) -> dict[str, Any]:
    """Record the environment of a session and how it differs from the session before.

    Parameters
    ----------
    before : dict or None
        The record as the last session left it; ``None`` if there was none or it kept none.
    epochs : range
        The epochs that this session will train, counted from 1.

    Returns
    -------
    dict
        ``environment``, and ``machines``: for every session its first epoch and the fields that
        changed, ``{field: [before, now]}``, or ``None`` where the session before kept no record.
    """
    if before and not epochs:  # nothing is left to train here
        return before
    now = {"code_sha256": code_hash(), **environment()}
    if before is None:
        changes = {} if epochs.start == 1 else None
        return {"environment": now, "machines": [{"first_epoch": epochs.start, "changes": changes}]}
    changes = changed_fields(before["environment"], now)
    machines = [*before["machines"], {"first_epoch": epochs.start, "changes": changes}]
    return {"environment": now, "machines": machines}


def environment() -> dict[str, Any]:
    """Versions, hardware, libraries and switches that decide the bits of a result, as this process has them."""
    cuda = torch.cuda.is_available()
    return {
        "versions": {"python": platform.python_version(), **_versions(), "cuda": torch.version.cuda,
                     "cudnn": torch.backends.cudnn.version() if cuda else None},
        "hardware": {"system": platform.system(), "machine": platform.machine(), "processor": processor_name(),
                     "cpus": os.cpu_count(), "threads": torch.get_num_threads(),
                     "interop_threads": torch.get_num_interop_threads(),
                     "cpu_capability": torch.backends.cpu.get_cpu_capability(),
                     "gpu": torch.cuda.get_device_name() if cuda else None,
                     "gpus": torch.cuda.device_count(), "processes": processes()[1]},
        "instructions": _instructions(),
        "libraries": _libraries(),
        "variables": {name: os.environ.get(name) for name in _VARIABLES},
        "determinism": {"deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
                        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
                        "cudnn_deterministic": torch.backends.cudnn.deterministic,
                        "cudnn_benchmark": torch.backends.cudnn.benchmark,
                        "float32_matmul_precision": torch.get_float32_matmul_precision(),
                        "cublas_workspace": os.environ.get("CUBLAS_WORKSPACE_CONFIG")},
    }


def _instructions() -> dict[str, bool | int]:
    """Instruction sets and cache sizes; a virtual machine's processor name does not tell them."""
    found = getattr(torch.cpu, "get_capabilities", dict)()  # not in every version of torch
    return {name: found[name] for name in sorted(found)
            if not isinstance(found[name], str) and not name.startswith("num_")}


def _libraries() -> dict[str, str | int | None]:
    """The libraries that multiply matrices: those built into torch, and the one that NumPy loaded."""
    built = torch.__config__.show()
    patterns = {"torch_blas": r"BLAS_INFO=(\w+)", "mkl": r"Math Kernel Library Version (\S+)",
                "onednn": r"(?:MKL-DNN|oneDNN) v(\S+)"}
    found = {name: re.search(pattern, built) for name, pattern in patterns.items()}
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    # SciPy may have loaded one of its own
    numpy_blas = min(pools, key=lambda pool: "numpy" not in pool["filepath"], default={})
    return {**{name: match and match[1] for name, match in found.items()},
            "numpy_blas": numpy_blas.get("internal_api"), "numpy_blas_version": numpy_blas.get("version"),
            "numpy_blas_architecture": numpy_blas.get("architecture"),
            "numpy_blas_threads": numpy_blas.get("num_threads")}


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
    here, digest = Path(__file__).parents[1], hashlib.sha256()
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
    here = Path(__file__).parents[1]
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True)
        dirty = subprocess.run(["git", "status", "--porcelain", "--untracked-files=no", "--", "."], cwd=here,
                               capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")
