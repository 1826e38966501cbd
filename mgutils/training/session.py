"""A session: a task with its optimizer and schedule, on its device; saving and restoring it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from mgutils.config import RunConfig
from mgutils.data.splits import Split
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.losses.adjustment import log_shares
from mgutils.training.alignment import Alignment
from mgutils.training.batches import PixelLoader
from mgutils.training.classification import Classification
from mgutils.training.fusion import Fusion
from mgutils.training.grad_cache import rng_state, set_rng_state
from mgutils.training.image_text import ImageText
from mgutils.training.masked import Masked
from mgutils.training.optim import (
    make_accelerator,
    make_optimizer,
    make_scheduler,
    seed_everything,
)
from mgutils.training.skeleton import Skeleton
from mgutils.training.task import Task

TASKS = {"image-text": ImageText, "classification": Classification, "skeleton": Skeleton,
         "alignment": Alignment, "fusion": Fusion, "masked": Masked}
"""By the names of :attr:`mgutils.config.RunConfig.task`."""


@dataclass(frozen=True)
class Session:
    """What a run works with from its first step to its last."""

    config: RunConfig
    accelerator: Accelerator
    task: Task
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler


def open_session(config: RunConfig, dataset: Dataset, pixels: np.ndarray, split: Split) -> Session:
    """Seed everything, build the task, and put it on the device with its optimizer.

    Raises
    ------
    ConfigError
        If a network is unknown, or there is nothing to train or to validate on.
    """
    seed_everything(config.seed, config.train.threads)
    accelerator = make_accelerator(config.train.precision)
    loader = PixelLoader(pixels, accelerator.device)
    task = TASKS[config.task].build(config, dataset, loader, accelerator)
    task.learned = split.train
    if config.loss.logit_adjustment:
        shares = log_shares(dataset.target[split.train], len(dataset.labels))
        task.offset = config.loss.logit_adjustment * shares.to(accelerator.device)
    return make_session(task, accelerator, config, split)


def make_session(task: Task, accelerator: Accelerator, config: RunConfig, split: Split) -> Session:
    """Put a task on the device, and give it an optimizer and a schedule.

    Raises
    ------
    ConfigError
        If there is nothing to train or to validate on.
    """
    settings = config.train
    if len(split.train) < 2 or not len(split.valid):
        raise ConfigError(
            f"split {split.name!r}: found {len(split.train)} training and {len(split.valid)} "
            "validation rows; wanted at least 2 and 1. Make more data, or choose another split.")
    if settings.batch_size < 2 * accelerator.num_processes:
        raise ConfigError(
            f"batch_size: found {settings.batch_size} for {accelerator.num_processes} processes; "
            "wanted at least two images for each. A batch is shared by all processes.")
    optimizer = make_optimizer(task.parameter_groups(), settings.optimizer)
    steps = math.ceil(len(split.train) / settings.batch_size)
    scheduler = make_scheduler(optimizer, settings, steps)
    model = task.model.to(accelerator.device, memory_format=task.memory_format)
    forward = torch.compile(model) if settings.compile else model
    task.forward, optimizer = accelerator.prepare(forward, optimizer)
    return Session(config, accelerator, task, optimizer, scheduler)


def session_state(session: Session) -> dict[str, Any]:
    """All that a run needs besides its weights to go on as if it had not stopped."""
    scaler = session.accelerator.scaler
    return {
        "optimizer": session.optimizer.state_dict(),
        "scheduler": session.scheduler.state_dict(),
        "scaler": None if scaler is None else scaler.state_dict(),
        "random": _random_state(),
    }


def restore_session(session: Session, weights: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Put weights and :func:`session_state` back into a new session of the same configuration."""
    session.task.model.load_state_dict(weights)
    session.optimizer.load_state_dict(state["optimizer"])
    session.scheduler.load_state_dict(state["scheduler"])
    if state["scaler"] is not None:
        session.accelerator.scaler.load_state_dict(state["scaler"])
    _set_random_state(state["random"])


def _random_state() -> dict[str, Any]:
    kind, keys, *rest = np.random.get_state()
    on_cpu, on_gpus = rng_state()
    return {"python": random.getstate(), "numpy": (kind, keys.tolist(), *rest),
            "torch": on_cpu, "cuda": on_gpus}


def _set_random_state(state: dict[str, Any]) -> None:
    kind, keys, *rest = state["numpy"]
    random.setstate(state["python"])
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
    set_rng_state((state["torch"], state["cuda"]))
