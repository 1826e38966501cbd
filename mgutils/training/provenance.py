"""What a run was made with: code, data, versions, hardware, switches. Goes into ``receipt.json``.

Equal runs give equal bits only on equal processors, instruction sets, libraries and threads, so all
of these are recorded. Two receipts are compared in ``diff``.
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

import torch
from threadpoolctl import threadpool_info

from mgutils import __version__
from mgutils.training.diff import changed_fields
from mgutils.training.distributed import rank_and_world_size

_PACKAGES = (
    "torch", "torchvision", "timm", "transformers", "accelerate",
    "numpy", "pandas", "scikit-learn",
)
_VARIABLES = (
    "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE",
    "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES",
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUBLAS_WORKSPACE_CONFIG",
)
"""Environment variables that choose kernels or the order of a sum."""
_BUILT_WITH = r"BLAS_INFO=\w+|Math Kernel Library Version \S+|(?:MKL-DNN|oneDNN) v\S+"
"""Where torch's build description names the libraries that multiply matrices."""


def record_session(before: dict[str, Any] | None, epochs: range) -> dict[str, Any]:
    """Record the environment of a session and how it differs from the session before.

    Parameters
    ----------
    before : dict or None
        The record of the previous session; ``None`` if there was none or it kept none.
    epochs : range
        The epochs that this session will train, counted from 1.

    Returns
    -------
    dict
        ``environment``, and ``machines``: for each session its first epoch and the fields that
        changed, ``{field: [before, now]}``, or ``None`` where the session before kept no record.
    """
    if before and not epochs:  # nothing is left to train
        return before
    now = {"code_sha256": code_hash(), **environment()}
    if before:
        changes = changed_fields(before["environment"], now)
    else:
        changes = {} if epochs.start == 1 else None
    machines = before["machines"] if before else []
    session = {"first_epoch": epochs.start, "changes": changes}
    return {"environment": now, "machines": [*machines, session]}


def make_receipt(record: dict[str, Any], data: str, log: list[dict[str, Any]],
                 best: dict[str, Any]) -> dict[str, Any]:
    """What a finished run says of itself.

    Parameters
    ----------
    record : dict
        Of the last session, by :func:`record_session`.
    data : str
        The data's :func:`mgutils.data.pixels.fingerprint`.
    log : list of dict
        One row for each epoch.
    best : dict
        The row of the best epoch.
    """
    return {
        "commit": commit(),
        **record["environment"],
        "machines": record["machines"],
        "data_sha256": data,
        "seconds": {"total": sum(row["seconds"] for row in log)},
        "metrics": best,
    }


def environment() -> dict[str, Any]:
    """Versions, hardware, libraries and switches that decide the bits of a result."""
    cuda = torch.cuda.is_available()
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()  # not in every version of torch
    return {
        "versions": {
            "python": platform.python_version(),
            **{package: metadata.version(package) for package in _PACKAGES},
            "mgutils": __version__,
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version() if cuda else None,
        },
        "hardware": {
            "system": platform.system(),
            "machine": platform.machine(),
            "processor": _processor_name(),
            "cpus": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "interop_threads": torch.get_num_interop_threads(),
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
            "gpu": torch.cuda.get_device_name() if cuda else None,
            "gpus": torch.cuda.device_count(),
            "processes": rank_and_world_size()[1],
        },
        # a virtual machine's processor name does not tell its instruction sets and cache sizes
        "instructions": {
            name: value for name, value in sorted(capabilities.items())
            if not isinstance(value, str) and not name.startswith("num_")},
        "libraries": _libraries(),
        "variables": {name: os.environ.get(name) for name in _VARIABLES},
        "determinism": {
            "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
            "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
            "cudnn_deterministic": torch.backends.cudnn.deterministic,
            "cudnn_benchmark": torch.backends.cudnn.benchmark,
            "float32_matmul_precision": torch.get_float32_matmul_precision(),
        },
    }


def _processor_name() -> str:
    """The processor's name as its maker writes it."""
    cpuinfo = Path("/proc/cpuinfo")  # Linux only
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.is_file() else ""
    named = re.search(r"^model name\s*: *(.+)$", text, re.MULTILINE)
    return named[1].strip() if named else platform.processor() or "unknown processor"


def _libraries() -> dict[str, str]:
    """The BLAS libraries: those built into torch, and the one that NumPy loaded."""
    # SciPy may have loaded a BLAS of its own: prefer the one that lies in NumPy's folder.
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    blas = min(pools, key=lambda pool: "numpy" not in pool["filepath"], default={})
    facts = ("internal_api", "version", "architecture", "num_threads")
    return {
        "torch": ", ".join(re.findall(_BUILT_WITH, torch.__config__.show())),
        "numpy": " ".join(str(blas.get(fact)) for fact in facts),
    }


def code_hash() -> str:
    """SHA-256 of the package's modules and tables: whether two runs had the same code."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.suffix in (".py", ".csv"):
            digest.update(f"{path.relative_to(root).as_posix()}\n".encode())
            digest.update(path.read_bytes().replace(b"\r\n", b"\n"))  # as git may check it out
    return digest.hexdigest()


def commit() -> str | None:
    """Commit of the checkout that the package lies in, with ``+`` if files were changed since."""
    command = ["git", "status", "--porcelain=v2", "--branch", "--untracked-files=no", "--", "."]
    root = Path(__file__).parents[1]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):  # no git, or no checkout
        return None
    head, *others = done.stdout.splitlines()
    changed = any(not line.startswith("#") for line in others)
    return head.removeprefix("# branch.oid ") + ("+" if changed else "")
