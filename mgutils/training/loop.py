"""The training loop: one run of one task, to be read in one sitting.

The loop asks a task for batches, named losses and a validation (:mod:`mgutils.training.task`), and
knows nothing else of what is trained. It logs every epoch, keeps the best one, and saves after
each epoch all that a stopped run needs to go on.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mgutils.config import RunConfig
from mgutils.data.pixels import fingerprint
from mgutils.data.splits import Split
from mgutils.data.table import Dataset
from mgutils.errors import TrainingError
from mgutils.files import atomic_file, locked
from mgutils.progress import progress_bar
from mgutils.training.batches import batches, prefetch
from mgutils.training.checkpoint import (
    CAPTIONS,
    atomic_write_text,
    save_last,
    save_weights,
)
from mgutils.training.distributed import rank_and_world_size
from mgutils.training.grad_cache import grad_cache_backward
from mgutils.training.provenance import make_receipt, record_session
from mgutils.training.resume import go_on
from mgutils.training.run import write_scores
from mgutils.training.session import Session, open_session, session_state
from mgutils.training.task import Batch, Validation
from mgutils.training.trackers import finish_trackers, log_epoch, start_tracker
from mgutils.training.whole import BEST_FILES, NEXT, adopt_best, describe_files


def fit(config: RunConfig, dataset: Dataset, pixels: np.ndarray, split: Split,
        directory: Path | str, *, progress: bool = True, resume: bool = False,
        log_with: str = "") -> Path:
    """Train one run, whatever its task.

    Parameters
    ----------
    config : RunConfig
        All that decides the outcome, but for the data.
    dataset : Dataset
        Labels and class of every row.
    pixels : ndarray (N, S, S, 3), uint8
        Decoded images of all rows.
    split : Split
        Rows to train on and to validate on.
    directory : path
        Receives ``config.json``, ``log.jsonl``, ``best.safetensors`` (with the embeddings of the
        captions, so that prediction needs no text encoder), ``last.safetensors`` and ``last.state``
        (to go on from), ``outputs.npz`` (logits and embeddings of the best epoch),
        ``metrics.json``, ``per_class.csv``, ``confusion.csv``, ``receipt.json``.
    progress : bool
        Show a bar.
    resume : bool
        Go on after the last whole epoch that the folder holds. On the same CPU, with the same
        libraries and threads, the end is bit for bit that of a run that was not stopped; a change
        is recorded in the receipt.
    log_with : str
        A tracker that accelerate knows, such as ``tensorboard``; its files go into the folder.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ConfigError
        If a network is unknown, there is nothing to train or to validate on, or another process
        trains here.
    CheckpointError
        If the folder cannot be written to, or what it holds is of another run; the checkpoint
        before stays whole.
    TrainingError
        If the loss is no longer a number.
    """
    session = open_session(config, dataset, pixels, split)
    if log_with:
        start_tracker(session.accelerator, log_with, Path(directory))
    try:
        return run_epochs(session, dataset, pixels, split, directory,
                          progress=progress, resume=resume)
    finally:
        finish_trackers(session.accelerator)


def run_epochs(session: Session, dataset: Dataset, pixels: np.ndarray, split: Split,
               directory: Path | str, *, progress: bool = True, resume: bool = False) -> Path:
    """Take an open session through its epochs: train, validate, log, keep the best.

    Parameters and errors are those of :func:`fit`. Of several ranks the first one writes.
    """
    directory = Path(directory)
    config = session.config
    first = rank_and_world_size()[0] == 0
    content = describe(config, dataset)
    choice = split.valid if split.select is None else split.select
    with locked(directory, first):
        before = go_on(session, directory, content) if resume else {}
        log = before.get("log", [])
        best = before.get("best", {"top1": -1.0})
        kept = before.get("kept", {})  # sizes and hashes of the best epoch's files
        epochs = range(len(log) + 1, config.train.epochs + 1)
        if stops_early(log, best, config.train.early_stop):
            epochs = epochs[:0]
        provenance = record_session(before.get("provenance"), epochs)
        if first:
            atomic_write_text(directory / "config.json", json.dumps(content, indent=2) + "\n")
            _write_log(log, directory)  # a stop may have come between a checkpoint and its line

        bar = progress_bar(
            total=config.train.epochs, initial=len(log), unit="epoch", desc=config.objective,
            disable=not progress or not first)
        for epoch in epochs:
            clock = time.perf_counter()
            row, found = _run_epoch(session, split.train, choice, epoch, directory, log)

            # the report's rule: the best top-1, the first time that it is reached
            better = found is not None and (config.train.select == "last" or row["top1"] > best["top1"])
            if better:
                best = row
                if choice is not split.valid:
                    found = session.task.validate(split.valid)
            log.append(row | {"seconds": time.perf_counter() - clock})
            log_epoch(session.accelerator, log[-1])

            # the files of a new best epoch wait aside until the checkpoint that describes them
            if first:
                if better:
                    _write_best(session, found, dataset, split, content, directory / NEXT)
                    kept = describe_files(directory / NEXT, BEST_FILES)
                progress_so_far = {"epoch": epoch, "log": log, "best": best, "kept": kept,
                                   "provenance": provenance}
                save_last(directory, session.task.model, session_state(session) | progress_so_far)
                if better:
                    adopt_best(directory, kept)
                _write_log(log, directory)
            bar.update()
            bar.set_postfix(loss=f"{row['train_loss']:.3f}", **{"top1": f"{row['top1']:.1%}"} if found else {})
            if stops_early(log, best, config.train.early_stop):
                break
        bar.close()

        # the last epoch on the reported rows, beside the best one
        last = log[-1]
        if choice is not split.valid:
            last = {"epoch": len(log), **session.task.validate(split.valid).scores.summary()}
        if first:
            chosen_on = [config.train.select, len(choice) * (config.train.select != "last")]
            receipt = make_receipt(provenance, fingerprint(dataset, pixels), log, best)
            receipt |= {"last": last, "chosen_on": chosen_on, "config": config.as_dict()}
            _write_receipt(receipt, directory)
    return directory


def stops_early(log: list[dict[str, Any]], best: dict[str, Any], patience: int) -> bool:
    """Whether the score to choose on has not risen for ``patience`` epochs; 0: never."""
    return 0 < patience <= len(log) - best.get("epoch", 0)


def _run_epoch(session: Session, rows: np.ndarray, choice: np.ndarray, epoch: int, directory: Path,
               log: list[dict[str, Any]]) -> tuple[dict[str, Any], Validation | None]:
    """Train on some rows, validate on others where it is time to, and move the schedule. Returns the log's row."""
    settings = session.config.train
    try:
        means = train_epoch(session, rows, seed=session.config.seed * 100_003 + epoch)
    except TrainingError as error:
        last = directory / "last.safetensors" if log else "none, as no epoch has ended"
        raise TrainingError(f"epoch {epoch}, {error} Last good checkpoint: {last}.") from None
    due = epoch % settings.validate_every == 0 or epoch == settings.epochs
    found = session.task.validate(choice) if due else None
    row = {
        "epoch": epoch,
        "train_loss": sum(means.values()),
        **({"valid_loss": found.loss, **found.scores.summary()} if found else {}),
        "lr_image": session.optimizer.param_groups[0]["lr"],
        **session.task.record(),
    }
    if len(means) > 1:
        row |= {f"train_{name}": mean for name, mean in means.items()}
    if settings.schedule == "plateau" and settings.plateau_every == "epoch":
        session.scheduler.step(found.loss)
    return row, found


def train_epoch(session: Session, rows: np.ndarray, seed: int) -> dict[str, float]:
    """One pass over the training rows. Returns the mean of each named loss over the rows.

    Raises
    ------
    TrainingError
        If a loss is no longer a number.
    """
    settings = session.config.train
    session.task.forward.train()
    totals: dict[str, float] = {}
    waiting = None
    for step, batch in enumerate(_batches(session, rows, seed), start=1):
        values = train_step(session, batch)
        if settings.schedule == "plateau" and settings.plateau_every == "batch":
            session.scheduler.step(sum(values.values()).item())
        # add up the step before: reading a loss waits for the device, which has this step to do
        if waiting is not None:
            _add(totals, *waiting)
        waiting = step, batch, values
    if waiting is not None:
        _add(totals, *waiting)
    return {name: total / len(rows) for name, total in totals.items()}


def _batches(session: Session, rows: np.ndarray, seed: int) -> Iterator[Batch]:
    """Shuffled batches; the next one is read and augmented while this one is worked on."""
    rank, world = rank_and_world_size()
    generator = torch.Generator().manual_seed(seed + rank * 1_000_003)
    order = batches(rows, session.config.train.batch_size, seed, least=2 * world)
    for _, batch in prefetch(lambda part: session.task.batch(part, generator), order):
        yield batch


def train_step(session: Session, batch: Batch) -> dict[str, Tensor]:
    """One optimisation step on this rank's shard of the batch. Returns the losses, detached."""
    settings, task, accelerator = session.config.train, session.task, session.accelerator
    session.optimizer.zero_grad()

    if 0 < settings.micro_batch < math.ceil(len(batch) / rank_and_world_size()[1]):
        # its graph does not fit into memory: two passes over its parts, on all ranks or on none
        losses = {}

        def total(*embedded: Tensor) -> Tensor:
            losses.update(task.losses(batch, *embedded))
            return sum(losses.values())

        parts = batch.split(settings.micro_batch)
        grad_cache_backward(task.embed, parts, total, accelerator.backward,
                            lambda: accelerator.no_sync(task.forward), model=task.model)
    else:
        losses = task.training_step(batch)
        accelerator.backward(sum(losses.values()))

    session.optimizer.step()
    task.after_step()
    if settings.schedule == "cosine":
        session.scheduler.step()
    return {name: value.detach() for name, value in losses.items()}


def _add(totals: dict[str, float], step: int, batch: Batch, values: dict[str, Tensor]) -> None:
    """Add a step's losses, times its rows, to the totals of the epoch."""
    for name, value in values.items():
        if not torch.isfinite(value):
            shown = ", ".join(str(row + 2) for row in batch.rows[:5])
            raise TrainingError(
                f"step {step}: the loss is {value.item()}, on a batch of {len(batch)} images (rows "
                f"{shown} … of the table). Lower --lr-image, --lr-text and --lr-head.")
        totals[name] = totals.get(name, 0.0) + value.item() * len(batch)


# -- the folder of a run -------------------------------------------------------------------------


def describe(config: RunConfig, dataset: Dataset) -> dict[str, Any]:
    """What ``config.json`` holds: the settings, the task and the names of the classes."""
    started = {"init_run": Path(config.init_from).name} if config.init else {}
    return config.as_dict() | started | {"task": config.task} | dataset.labels.record


def _write_best(session: Session, found: Validation, dataset: Dataset, split: Split,
                content: dict[str, Any], directory: Path) -> None:
    """Write outputs, scores and weights of the best epoch so far."""
    write_scores(found.scores, dataset.labels, directory)
    with atomic_file(directory / "outputs.npz") as aside:
        np.savez(aside, valid=split.valid, target=dataset.target[split.valid], **found.arrays)
    header = {"config": json.dumps(content | session.task.record())}
    save_weights(session.task.model, directory / "best.safetensors", header,
                 found.arrays.get(CAPTIONS))


def _write_receipt(receipt: dict[str, Any], directory: Path) -> None:
    """Write the receipt, with the hashes of all files, as the last of them: then the run is whole."""
    text = json.dumps(receipt | {"files": describe_files(directory)}, indent=2) + "\n"
    atomic_write_text(directory / "receipt.json", text)


def _write_log(log: list[dict[str, Any]], directory: Path) -> None:
    lines = [json.dumps(line) + "\n" for line in log]
    atomic_write_text(directory / "log.jsonl", "".join(lines))
