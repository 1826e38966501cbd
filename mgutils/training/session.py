"""What a training run works with: the model, its optimizer and schedule, the images, the captions; all seeded."""

from __future__ import annotations

import math
import os
import random
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from mgutils.config import RunConfig, TrainConfig
from mgutils.data.captions import class_captions
from mgutils.data.splits import Split
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.losses import LOSSES, Loss
from mgutils.losses.grouped import CLASS_LOSSES
from mgutils.models.clip import VisualTextModel, build_model
from mgutils.models.encoders import tokenize
from mgutils.training.batches import Feed


@dataclass(frozen=True)
class Session:
    """What a run works with from its first step to its last."""

    config: RunConfig
    accelerator: Accelerator
    model: VisualTextModel
    forward: nn.Module
    """The model as training calls it: compiled, or in several processes, where asked for."""
    loss: Loss
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler
    feed: Feed
    """Gives the images of some rows."""
    target: np.ndarray
    """(N,) class indices."""
    tokens: dict[str, Tensor]
    """Token ids and mask of the C captions, each (C, L); empty where no text is read."""
    average: AveragedModel | None = None
    """Moving average of the weights, where the recipe asks for one."""

    @property
    def scored(self) -> VisualTextModel:
        """The model that is validated and saved: the averaged one where there is one."""
        return self.model if self.average is None else self.average.module


def open_session(config: RunConfig, dataset: Dataset, pixels: np.ndarray, split: Split) -> Session:
    """Seed everything, build the model, its optimizer and its scheduler, and put them on the device.

    Raises
    ------
    ConfigError
        If an encoder is unknown, or there is nothing to train or to validate on.
    """
    captions = class_captions(dataset.labels, config.captions, config.seed)
    seed_everything(config.seed, config.train.threads)
    model, tokenizer = build_model(config.model, config.loss, captions)
    losses = CLASS_LOSSES if config.train.captions_once else LOSSES
    session = make_session(config, dataset, pixels, split, model, make_optimizer(model, config.train),
                           losses[config.loss.loss])
    return replace(session, tokens={key: value.to(session.accelerator.device)
                                    for key, value in tokenize(tokenizer, captions).items()})


def make_session(config: RunConfig, dataset: Dataset, pixels: np.ndarray, split: Split, model: nn.Module,
                 optimizer: torch.optim.Optimizer, loss: Loss) -> Session:
    """A session without texts around a model and its optimizer; :func:`open_session` makes all three.

    Raises
    ------
    ConfigError
        If there is nothing to train or to validate on.
    """
    if len(split.train) < 2 or not len(split.valid):
        raise ConfigError(f"split {split.name!r}: found {len(split.train)} training and {len(split.valid)} validation "
                          "rows; wanted at least 2 and 1. Make more data, or choose another split.")
    settings = config.train
    accelerator = make_accelerator(settings.precision)
    if settings.batch_size < 2 * accelerator.num_processes:
        raise ConfigError(f"batch_size: found {settings.batch_size} for {accelerator.num_processes} processes; wanted "
                          "at least two images for each. A batch is shared by all processes.")
    scheduler = make_scheduler(optimizer, settings, math.ceil(len(split.train) / settings.batch_size))
    model = model.to(accelerator.device, memory_format=torch.channels_last)
    forward = torch.compile(model) if settings.compile else model
    forward, optimizer = accelerator.prepare(forward, optimizer)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(settings.ema)) if settings.ema else None
    return Session(config, accelerator, model, forward, loss, optimizer, scheduler, Feed(pixels, accelerator.device),
                   dataset.target, {}, average)


def seed_everything(seed: int, threads: int = 0) -> None:
    """Seed Python, NumPy and torch, ask for deterministic kernels, and fix the number of threads if it is not 0."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS needs for equal bits, read at its start
    torch.use_deterministic_algorithms(True, warn_only=True)
    if torch.cuda.is_available():  # there, the gradients of fused attention have no fixed order of addition
        for fused in ("cudnn", "flash", "mem_efficient"):
            getattr(torch.backends.cuda, f"enable_{fused}_sdp")(False)
    torch.utils.deterministic.fill_uninitialized_memory = False  # a debugging aid that costs a tenth of a step
    if threads:
        torch.set_num_threads(threads)


def make_accelerator(precision: str) -> Accelerator:
    """Accelerate for a :attr:`TrainConfig.precision`.

    Raises
    ------
    ConfigError
        If another precision is in use: a process has one.
    """
    if precision == "auto" and torch.cuda.is_available():
        precision = "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    try:
        return Accelerator(mixed_precision={"bfloat16": "bf16", "float16": "fp16"}.get(precision, "no"))
    except ValueError as error:
        raise ConfigError(f"precision: found {precision}, in a process that has trained with another precision or on a "
                          f"device that lacks this one ({error}). Restart the kernel, or use `mg train`.") from None


def make_optimizer(model: VisualTextModel, settings: TrainConfig) -> torch.optim.AdamW:
    """AdamW with a learning rate for each part; weight decay on the heads alone (the report's recipe).

    A learned temperature has the heads' rate and no decay, which would pull its logarithm to 0, that is tau to 1.
    """
    heads = [*model.image_projection.parameters(), *model.text_projection.parameters()]
    groups = [
        {"params": list(model.image_encoder.parameters()), "lr": settings.lr_image, "weight_decay": 0.0},
        {"params": list(model.text_encoder.parameters()), "lr": settings.lr_text, "weight_decay": 0.0},
        {"params": heads, "lr": settings.lr_head, "weight_decay": settings.weight_decay_head},
    ]
    if model.log_temperature.requires_grad:
        groups.append({"params": [model.log_temperature], "lr": settings.lr_head, "weight_decay": 0.0})
    return torch.optim.AdamW(groups, fused=True)


def make_scheduler(optimizer: torch.optim.Optimizer, settings: TrainConfig,
                   steps_per_epoch: int) -> torch.optim.lr_scheduler.LRScheduler:
    """The report's ReduceLROnPlateau, or a cosine from the first learning rate to zero over all steps."""
    if settings.schedule == "plateau":
        return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "min", factor=settings.plateau_factor,
                                                          patience=settings.plateau_patience)
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.epochs * steps_per_epoch)


def session_state(session: Session) -> dict[str, Any]:
    """All that a run needs besides its weights to go on as if it had not stopped: plain types and tensors."""
    scaler = session.accelerator.scaler
    return {"optimizer": session.optimizer.state_dict(), "scheduler": session.scheduler.state_dict(),
            "scaler": None if scaler is None else scaler.state_dict(),
            "average": None if session.average is None else session.average.state_dict(),
            "model": None if session.average is None else session.model.state_dict(),  # the average is what is saved
            "random": {"python": random.getstate(), "numpy": _numpy_state(), "torch": torch.get_rng_state(),
                       "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []}}


def restore_session(session: Session, weights: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Put the weights and :func:`session_state` back into a freshly opened session of the same configuration."""
    session.model.load_state_dict(state["model"] or weights)
    session.optimizer.load_state_dict(state["optimizer"])
    session.scheduler.load_state_dict(state["scheduler"])
    if state["scaler"] is not None:
        session.accelerator.scaler.load_state_dict(state["scaler"])
    if session.average is not None:
        session.average.load_state_dict(state["average"])
    chance = state["random"]
    random.setstate(chance["python"])
    kind, keys, *rest = chance["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(chance["torch"])
    if chance["cuda"]:
        torch.cuda.set_rng_state_all(chance["cuda"])


def _numpy_state() -> tuple[Any, ...]:
    kind, keys, *rest = np.random.get_state()
    return (kind, keys.tolist(), *rest)
