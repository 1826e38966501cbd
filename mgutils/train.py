"""Training one model, to be read in one sitting.

A run reads rows of decoded pixels, embeds images and captions, and lowers one loss of :mod:`mgutils.losses`. After
every epoch it scores the validation rows, writes a line to ``log.jsonl``, and keeps the best and the last weights.
Many runs at once, and runs that are already there, are the business of :mod:`mgutils.runs`.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

from mgutils.augment import augment
from mgutils.captions import class_captions
from mgutils.checkpoint import save_weights
from mgutils.config import RunConfig, TrainConfig
from mgutils.data.splits import Split
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError, TrainingError
from mgutils.evaluate import Scores, encode_all, scores, write_scores
from mgutils.losses import LOSSES, Loss, similarity_logits
from mgutils.models.clip import VisualTextModel, build_model
from mgutils.models.encoders import tokenize
from mgutils.receipt import fingerprint, make_receipt

Checked = tuple[Scores, float, dict[str, np.ndarray]]
"""What a validation gives: the scores, the mean loss, and the arrays to keep."""


@dataclass(frozen=True)
class Session:
    """What a run works with from its first step to its last."""

    config: RunConfig
    accelerator: Accelerator
    model: VisualTextModel
    loss: Loss
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler
    pixels: np.ndarray
    """(N, S, S, 3) bytes, one image per row of the table."""
    target: Tensor
    """(N,) class indices."""
    tokens: dict[str, Tensor]
    """Token ids and mask of the C captions, each (C, L); empty where no text is read."""
    average: AveragedModel | None = None
    """Moving average of the weights, where the recipe asks for one."""

    @property
    def scored(self) -> VisualTextModel:
        """The model that is validated and saved: the averaged one where there is one."""
        return self.model if self.average is None else self.average.module


def fit(config: RunConfig, dataset: Dataset, pixels: np.ndarray, split: Split, directory: Path | str, *,
        progress: bool = True) -> Path:
    """Train one model and leave everything about it in a folder.

    Parameters
    ----------
    config : RunConfig
        Objective, model, training, seed.
    dataset : Dataset
        The table of frames and the labels.
    pixels : ndarray (N, S, S, 3), uint8
        One image per row of the table.
    split : Split
        Row positions to train on and to validate on.
    directory : path
        Receives ``config.json``, ``log.jsonl``, ``best.safetensors``, ``last.safetensors``, ``outputs.npz`` (logits and
        embeddings of the best epoch), ``metrics.json``, ``per_class.csv``, ``confusion.csv``, ``receipt.json``.
    progress : bool
        Show a bar.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ConfigError
        If an encoder is unknown, or there is nothing to train or to validate on.
    TrainingError
        If the loss is no longer a number.

    Taught in: 04, section 2.
    """
    return follow(open_session(config, dataset, pixels, split), dataset, split, directory, progress=progress)


def follow(session: Session, dataset: Dataset, split: Split, directory: Path | str, *,
           check: Callable[[Session, np.ndarray], Checked] | None = None, progress: bool = True) -> Path:
    """Take an open session through its epochs: train, validate, log, keep the best; :func:`fit` says what is left.

    ``check`` validates a session on rows; :func:`validate` if not given.
    """
    config, check, directory, started = session.config, check or validate, Path(directory), time.perf_counter()
    directory.mkdir(parents=True, exist_ok=True)
    _write_json(directory / "config.json", config.as_dict() | {"captions": list(dataset.labels.names)})
    best: dict[str, Any] = {"top1": -1.0}
    choice = split.valid if split.select is None else split.select
    bar = tqdm(range(1, config.train.epochs + 1), unit="epoch", disable=not progress, desc=config.objective)
    with (directory / "log.jsonl").open("w", encoding="utf-8") as log:
        for epoch in bar:
            clock = time.perf_counter()
            train_loss = train_epoch(session, split.train, seed=config.seed * 100_003 + epoch)
            result, valid_loss, outputs = check(session, choice)
            row = {"epoch": epoch, "train_loss": train_loss, "valid_loss": valid_loss, **result.summary(),
                   "lr_image": session.optimizer.param_groups[0]["lr"], "temperature": float(session.model.temperature)}
            if config.train.schedule == "plateau" and config.train.plateau_every == "epoch":
                session.scheduler.step(valid_loss)
            if result.top1 > best["top1"]:  # the report's rule: best top-1, the first time it is reached
                best = row
                if choice is not split.valid:
                    result, _, outputs = check(session, split.valid)
                np.savez(directory / "outputs.npz", valid=split.valid, target=dataset.target[split.valid], **outputs)
                write_scores(result, dataset.labels, directory)
                save_weights(session.scored, directory / "best.safetensors", {"epoch": str(epoch)})
            log.write(json.dumps(row | {"seconds": time.perf_counter() - clock}) + "\n")
            log.flush()
            bar.set_postfix(loss=f"{train_loss:.3f}", top1=f"{result.top1:.1%}")
    save_weights(session.scored, directory / "last.safetensors", {"epoch": str(config.train.epochs)})
    receipt = make_receipt(fingerprint(dataset, session.pixels), {"total": time.perf_counter() - started}, best)
    _write_json(directory / "receipt.json", receipt | {"config": config.as_dict()})  # last: the run is whole
    return directory


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
    session = make_session(config, dataset, pixels, split, model, make_optimizer(model, config.train),
                           LOSSES[config.loss.loss])
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
    accelerator = Accelerator(mixed_precision="fp16" if torch.cuda.is_available() else "no")
    scheduler = make_scheduler(optimizer, settings, math.ceil(len(split.train) / settings.batch_size))
    model, optimizer = accelerator.prepare(model.to(memory_format=torch.channels_last), optimizer)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(settings.ema)) if settings.ema else None
    return Session(config, accelerator, model, loss, optimizer, scheduler, pixels, torch.from_numpy(dataset.target),
                   {}, average)


def seed_everything(seed: int, threads: int = 0) -> None:
    """Seed Python, NumPy and torch, ask for deterministic kernels, and fix the number of threads if it is not 0."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    if threads:
        torch.set_num_threads(threads)


def make_optimizer(model: VisualTextModel, settings: TrainConfig) -> torch.optim.AdamW:
    """AdamW with a learning rate for each part; weight decay on the heads alone (the report's recipe)."""
    heads = [*model.image_projection.parameters(), *model.text_projection.parameters()]
    if model.log_temperature.requires_grad:
        heads.append(model.log_temperature)
    return torch.optim.AdamW(fused=True, params=[
        {"params": list(model.image_encoder.parameters()), "lr": settings.lr_image, "weight_decay": 0.0},
        {"params": list(model.text_encoder.parameters()), "lr": settings.lr_text, "weight_decay": 0.0},
        {"params": heads, "lr": settings.lr_head, "weight_decay": settings.weight_decay_head}])


def make_scheduler(optimizer: torch.optim.Optimizer, settings: TrainConfig,
                   steps_per_epoch: int) -> torch.optim.lr_scheduler.LRScheduler:
    """The report's ReduceLROnPlateau, or a cosine from the first learning rate to zero over all steps."""
    if settings.schedule == "plateau":
        return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "min", factor=settings.plateau_factor,
                                                          patience=settings.plateau_patience)
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.epochs * steps_per_epoch)


def batches(rows: np.ndarray, batch_size: int, seed: int) -> Iterator[np.ndarray]:
    """Shuffled rows in batches; the last may be smaller, but a single row joins the batch before it."""
    rows = np.random.default_rng(seed).permutation(rows)
    stops = list(range(batch_size, len(rows) - 1, batch_size))
    return iter(np.split(rows, stops))


def balanced(rows: np.ndarray, target: np.ndarray, seed: int) -> np.ndarray:
    """As many rows again, drawn with replacement so that every class that occurs is drawn alike often."""
    classes, counts = np.unique(target[rows], return_counts=True)
    share = 1 / (len(classes) * counts[np.searchsorted(classes, target[rows])])
    return np.random.default_rng([seed, 1]).choice(rows, len(rows), p=share)


def train_epoch(session: Session, rows: np.ndarray, seed: int) -> float:
    """One pass over the training rows; returns the mean loss per sample.

    Raises
    ------
    TrainingError
        If the loss is no longer a number.
    """
    model, device, settings = session.model.train(), session.accelerator.device, session.config.train
    generator = torch.Generator().manual_seed(seed)
    total = 0.0
    if settings.sampling == "balanced":
        rows = balanced(rows, session.target.numpy(), seed)
    for step, batch in enumerate(batches(rows, settings.batch_size, seed), start=1):
        images = augment(torch.from_numpy(session.pixels[batch]).to(device), settings.augment, generator)
        classes = session.target[batch].to(device)  # (B,)
        with session.accelerator.autocast():
            embeddings = model(images, *(tokens[classes] for tokens in session.tokens.values()))  # of images, of texts
        value = session.loss(*(part.float() for part in embeddings), classes, model.temperature)
        if not torch.isfinite(value):
            raise TrainingError(f"step {step}: the loss is {value.item()}. Lower the learning rates or raise the "
                                "temperature; the weights of the best epoch so far are kept.")
        session.optimizer.zero_grad()
        session.accelerator.backward(value)
        session.optimizer.step()
        if session.average is not None:
            session.average.update_parameters(model)
        if settings.schedule == "cosine":
            session.scheduler.step()
        elif settings.plateau_every == "batch":
            session.scheduler.step(value.item())
        total += value.item() * len(batch)
    return total / len(rows)


@torch.no_grad()
def validate(session: Session, rows: np.ndarray) -> Checked:
    """Score the validation rows: every caption encoded once, images in batches.

    Returns
    -------
    scores : Scores
    valid_loss : float
        Mean over batches of the training batch size, as the seed computes it.
    outputs : dict of ndarray
        ``logits`` (N, C), ``image_embeddings`` (N, D), ``caption_embeddings`` (C, D), all float32.
    """
    model, size = session.scored, session.config.train.batch_size
    images, captions = encode_all(model, session.pixels, rows, session.tokens)
    temperature = model.temperature
    target = session.target[rows].to(images.device)
    total = sum(float(session.loss(image, captions[classes], classes, temperature)) * len(classes)
                for image, classes in zip(images.split(size), target.split(size), strict=True))
    outputs = {"logits": similarity_logits(images, captions, temperature),  # (N, C)
               "image_embeddings": images, "caption_embeddings": captions}
    arrays = {name: tensor.cpu().numpy() for name, tensor in outputs.items()}
    return scores(arrays["logits"], target.cpu().numpy()), total / len(rows), arrays


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
