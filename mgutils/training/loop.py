"""Training one model, to be read in one sitting.

A run reads rows of decoded pixels, embeds images and captions, and lowers one loss of :mod:`mgutils.losses`. After
every epoch it scores the validation rows, writes a line to ``log.jsonl``, and keeps the best and the last weights.
What a run works with is a :class:`mgutils.training.session.Session`; many runs at once, and runs that are already there, are
the business of :mod:`mgutils.training.store`.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mgutils.config import RunConfig
from mgutils.data.splits import Split
from mgutils.data.table import Dataset
from mgutils.errors import CheckpointError, TrainingError
from mgutils.files import locked, written_aside
from mgutils.losses import similarity_logits
from mgutils.losses.grouped import CLASS_LOSSES
from mgutils.metrics.scores import Scores, scores
from mgutils.progress import progress_bar
from mgutils.training.augment import augment
from mgutils.training.batches import ahead, balanced, batches
from mgutils.training.checkpoint import CAPTIONS, load_last, save_last, save_weights, written
from mgutils.training.distributed import gather, processes, share
from mgutils.training.encode import encode_all
from mgutils.training.grad_cache import exact_backward
from mgutils.training.receipt import continue_provenance, fingerprint, make_receipt
from mgutils.training.run import write_scores
from mgutils.training.session import Session, open_session, restore_session, session_state
from mgutils.training.whole import BEST_FILES, NEXT, adopt_best, describe_files

VALIDATION_ORDER = 0
"""Seed of the order in which validation rows are put into batches for the loss."""
Checked = tuple[Scores, float, dict[str, np.ndarray]]
"""What a validation gives: the scores, the mean loss, and the arrays to keep."""


def fit(config: RunConfig, dataset: Dataset, pixels: np.ndarray, split: Split, directory: Path | str, *,
        progress: bool = True, resume: bool = False) -> Path:
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
        Receives ``config.json``, ``log.jsonl``, ``best.safetensors`` (with the captions' embeddings, so that prediction
        needs no text encoder), ``last.safetensors`` and ``last.state`` (to go on from), ``outputs.npz`` (logits and
        embeddings of the best epoch), ``metrics.json``, ``per_class.csv``, ``confusion.csv``, ``receipt.json``.
    progress : bool
        Show a bar.
    resume : bool
        Go on after the last whole epoch that the folder holds. On the same CPU, with the same libraries and threads,
        the end is bit for bit that of a run that was not stopped; a change is recorded in the receipt.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ConfigError
        If an encoder is unknown, there is nothing to train or to validate on, or another process trains here.
    CheckpointError
        If the folder cannot be written to, or what it holds is of another run; the checkpoint before stays whole.
    TrainingError
        If the loss is no longer a number.

    Taught in: 04, section 2.
    """
    session = open_session(config, dataset, pixels, split)
    return follow(session, dataset, split, directory, progress=progress, resume=resume)


def follow(session: Session, dataset: Dataset, split: Split, directory: Path | str, *,
           check: Callable[[Session, np.ndarray], Checked] | None = None, progress: bool = True,
           resume: bool = False) -> Path:
    """Take an open session through its epochs: train, validate, log, keep the best; :func:`fit` says what is left.

    ``check`` validates a session on rows; :func:`validate` if not given. Of several processes the first one writes.
    """
    config, check, directory = session.config, check or validate, Path(directory)
    first, epochs = processes()[0] == 0, range(1, config.train.epochs + 1)
    content = config.as_dict() | {"captions": list(dataset.labels.names)}
    choice = split.valid if split.select is None else split.select
    with locked(directory, first):
        before = _go_on(session, directory, content) if resume else {}
        log, best = before.get("log", []), before.get("best", {"top1": -1.0})
        kept = before.get("kept", {})  # sizes and hashes of the best epoch's files
        provenance = continue_provenance(before.get("provenance"), epochs[len(log):])
        if first:
            written(directory / "config.json", json.dumps(content, indent=2) + "\n")
            _write_log(log, directory)  # a stop may have come between a checkpoint and its line
        bar = progress_bar(epochs, unit="epoch", disable=not progress or not first, desc=config.objective,
                           initial=len(log))
        for epoch in epochs[len(log):]:
            clock = time.perf_counter()
            try:
                train_loss = train_epoch(session, split.train, seed=config.seed * 100_003 + epoch)
            except TrainingError as error:
                kept = directory / "last.safetensors" if log else "none, as no epoch has ended"
                raise TrainingError(f"epoch {epoch}, {error} Last good checkpoint: {kept}.") from None
            result, valid_loss, outputs = check(session, choice)
            row = {"epoch": epoch, "train_loss": train_loss, "valid_loss": valid_loss, **result.summary(),
                   "lr_image": session.optimizer.param_groups[0]["lr"],
                   "temperature": _number(session.model.temperature)}
            if config.train.schedule == "plateau" and config.train.plateau_every == "epoch":
                session.scheduler.step(valid_loss)
            better = result.top1 > best["top1"]  # the report's rule: best top-1, the first time it is reached
            if better and choice is not split.valid:
                result, _, outputs = check(session, split.valid)
            best = row if better else best
            log.append(row | {"seconds": time.perf_counter() - clock})
            if first:
                if better:
                    _keep_best(session, result, outputs, dataset, split, content, directory / NEXT)
                    kept = describe_files(directory / NEXT, BEST_FILES)
                state = session_state(session) | {"epoch": epoch, "log": log, "best": best, "kept": kept,
                                                  "provenance": provenance}
                save_last(directory, session.scored, state)
                if better:
                    adopt_best(directory, kept)
                _write_log(log, directory)
            bar.update()
            bar.set_postfix(loss=f"{train_loss:.3f}", top1=f"{row['top1']:.1%}")
        bar.close()
        if first:
            seconds = {"total": sum(line["seconds"] for line in log)}
            receipt = make_receipt(fingerprint(dataset, session.feed.pixels), seconds, best, provenance)
            more = {"config": config.as_dict(), "files": describe_files(directory)}
            text = json.dumps(receipt | more, indent=2) + "\n"
            written(directory / "receipt.json", text)  # last: the run is whole
    return directory


def _go_on(session: Session, directory: Path, content: dict[str, Any]) -> dict[str, Any]:
    """Restore the session from a folder; returns its state, empty where no epoch had ended."""
    found = load_last(directory)
    if found is None:
        return {}
    if _recorded(directory / "config.json") != json.loads(json.dumps(content)):
        raise CheckpointError(f"{directory}: holds a run of another configuration. Name another folder, or train anew.")
    weights, state = found
    adopt_best(directory, state.get("kept", {}))
    restore_session(session, weights, state)
    return state


def _write_log(log: list[dict[str, Any]], directory: Path) -> None:
    written(directory / "log.jsonl", "".join(json.dumps(line) + "\n" for line in log))


def _recorded(file: Path) -> Any:
    """The configuration that a stopped run left beside its checkpoint."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        found = "no such file" if isinstance(error, FileNotFoundError) else f"no configuration ({error})"
        raise CheckpointError(f"{file}: found {found}; wanted the configuration of the checkpoint beside it. "
                              "Restore the file, or train anew with --no-resume.") from None


def _keep_best(session: Session, result: Scores, outputs: dict[str, np.ndarray], dataset: Dataset, split: Split,
               content: dict[str, Any], directory: Path) -> None:
    with written_aside(directory / "outputs.npz") as aside:
        np.savez(aside, valid=split.valid, target=dataset.target[split.valid], **outputs)
    write_scores(result, dataset.labels, directory)
    settings = content | {"temperature": _number(session.scored.temperature)}
    save_weights(session.scored, directory / "best.safetensors", {"config": json.dumps(settings)},
                 outputs.get(CAPTIONS))


def _number(temperature: Tensor | float) -> float:
    """A model without text has a plain number."""
    return torch.as_tensor(temperature).item()


def train_epoch(session: Session, rows: np.ndarray, seed: int) -> float:
    """One pass over the training rows; returns the mean loss per sample.

    Raises
    ------
    TrainingError
        If the loss is no longer a number.
    """
    settings = session.config.train
    session.forward.train()
    rank, world = processes()
    generator = torch.Generator().manual_seed(seed + rank * 1_000_003)
    if settings.sampling == "balanced":
        rows = balanced(rows, session.target, seed)
    total, before = 0.0, None
    order = batches(rows, settings.batch_size, seed, least=2 * world)
    for step, (batch, pixels) in enumerate(ahead(lambda batch: session.feed(share(batch)), order), start=1):
        value = train_step(session, batch, augment(pixels, settings.augment, generator))
        if settings.plateau_every == "batch" and settings.schedule == "plateau":
            session.scheduler.step(value.item())
        total += _checked(before)  # of the step before: the device has this one to do meanwhile
        before = step, batch, value
    return (total + _checked(before)) / len(rows)


def train_step(session: Session, batch: np.ndarray, images: Tensor) -> Tensor:
    """Lower the loss of one batch, of which this process holds the given images; returns the loss, without a graph."""
    settings, model, accelerator = session.config.train, session.model, session.accelerator
    classes = session.target[batch]
    present, target = np.unique(classes, return_inverse=True) if settings.captions_once else (classes, classes)
    tokens = [part[torch.from_numpy(present)] for part in session.tokens.values()]
    target = torch.from_numpy(target if tokens else classes).to(images.device)

    def embed(*inputs: Tensor) -> list[Tensor]:
        with accelerator.autocast():
            return [part if part.dtype == torch.float64 else part.float() for part in session.forward(*inputs)]

    def loss(image: Tensor, *captions: Tensor) -> Tensor:
        return session.loss(gather(image, len(batch)), *captions, target, model.temperature)

    session.optimizer.zero_grad()
    if 0 < settings.micro_batch < len(images):
        parts = images.tensor_split(math.ceil(len(images) / settings.micro_batch))  # even: none is a single image
        value = exact_backward(embed, parts, tokens, loss, accelerator.backward,
                               lambda: accelerator.no_sync(session.forward), norms=model)
    else:
        value = loss(*embed(images, *tokens))
        accelerator.backward(value)
    session.optimizer.step()
    model.limit_temperature()
    if session.average is not None:
        session.average.update_parameters(model)
    if settings.schedule == "cosine":
        session.scheduler.step()
    return value.detach()


def _checked(step: tuple[int, np.ndarray, Tensor] | None) -> float:
    """The loss of a step, summed over its samples."""
    if step is None:
        return 0.0
    number, batch, value = step
    if not torch.isfinite(value):
        shown = ", ".join(str(row + 2) for row in batch[:5])
        raise TrainingError(f"step {number}: the loss is {value.item()}, on a batch of {len(batch)} images (rows "
                            f"{shown} … of the table). Lower the learning rates or raise the temperature.")
    return value.item() * len(batch)


@torch.no_grad()
def validate(session: Session, rows: np.ndarray) -> Checked:
    """Score the validation rows: every caption encoded once, images in batches.

    A contrastive loss depends on which rows share a batch. Stored order is often sorted by class, and a batch of one
    class has an easy or an absurd loss, so the loss is taken over batches in one fixed shuffled order, the same in
    every epoch and for every seed. The original takes them in stored order.

    Returns
    -------
    scores : Scores
    valid_loss : float
        Mean over batches of the training batch size; the plateau schedule follows it.
    outputs : dict of ndarray
        ``logits`` (N, C), ``image_embeddings`` (N, D), ``caption_embeddings`` (C, D), all float32.
    """
    model, size = session.scored, session.config.train.batch_size
    with session.accelerator.autocast():
        images, captions = encode_all(model, session.feed, rows, session.tokens)
    temperature, loss = model.temperature, CLASS_LOSSES[session.config.loss.loss]
    target = torch.from_numpy(session.target[rows]).to(images.device)
    order = torch.from_numpy(np.random.default_rng(VALIDATION_ORDER).permutation(len(rows))).to(images.device)
    total = 0.0
    for image, classes in zip(images[order].split(size), target[order].split(size), strict=True):
        present, position = classes.unique(return_inverse=True)
        total += float(loss(image, captions[present], position, temperature)) * len(classes)
    outputs = {"logits": similarity_logits(images, captions, temperature),  # (N, C)
               "image_embeddings": images, "caption_embeddings": captions}
    arrays = {name: tensor.cpu().numpy() for name, tensor in outputs.items()}
    return scores(arrays["logits"], session.target[rows]), total / len(rows), arrays
