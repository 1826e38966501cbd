"""Seeds, precision, optimizer and schedule: what every task is trained with."""

from __future__ import annotations

import math
import os
import random
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from mgutils.config import TrainConfig
from mgutils.errors import ConfigError


def seed_everything(seed: int, threads: int = 0) -> None:
    """Seed Python, NumPy and torch, and ask for deterministic kernels.

    ``threads`` above 0 sets torch's number of threads.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    # cuBLAS reads this when it starts, and needs it for equal bits
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    if torch.cuda.is_available():
        # the gradient of fused attention has no fixed order of addition
        for fused in ("cudnn", "flash", "mem_efficient"):
            getattr(torch.backends.cuda, f"enable_{fused}_sdp")(False)
    # a debugging aid that costs a tenth of a step
    torch.utils.deterministic.fill_uninitialized_memory = False
    if threads:
        torch.set_num_threads(threads)


def make_accelerator(precision: str) -> Accelerator:
    """Accelerate for a :attr:`mgutils.config.TrainConfig.precision`.

    Raises
    ------
    ConfigError
        If another precision is in use: a process has one.
    """
    if precision == "auto" and torch.cuda.is_available():
        precision = "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    short = {"bfloat16": "bf16", "float16": "fp16"}
    try:
        return Accelerator(mixed_precision=short.get(precision, "no"))
    except ValueError as error:
        raise ConfigError(
            f"precision: found {precision}, in a process that has trained with another precision "
            f"or on a device that lacks this one ({error}). Restart the kernel, or choose auto."
        ) from None


def make_optimizer(groups: list[dict[str, Any]], kind: str = "adamw") -> torch.optim.Optimizer:
    """AdamW, or SGD with a momentum of 0.9 (``sgd``), over the parameter groups of a task."""
    if kind == "sgd":
        return torch.optim.SGD(groups, momentum=0.9)
    return torch.optim.AdamW(groups, fused=True)


def make_scheduler(optimizer: torch.optim.Optimizer, settings: TrainConfig,
                   steps_per_epoch: int) -> torch.optim.lr_scheduler.LRScheduler:
    """The report's ReduceLROnPlateau, or a cosine from the first learning rate to zero.

    A cosine may begin with a warm-up, in which the rates rise linearly from zero.
    """
    if settings.schedule == "plateau":
        return torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, "min", factor=settings.plateau_factor, patience=settings.plateau_patience)
    steps = settings.epochs * steps_per_epoch
    warmup = round(settings.warmup * steps_per_epoch)
    if not warmup:
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
