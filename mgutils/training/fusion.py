"""Train a head on the embeddings that an aligned space stored, with some modalities dropped now and then.

The encoders are done: the head reads what :mod:`mgutils.training.alignment` kept of its best epoch, so a run takes
seconds. In a test it is asked with every subset of its modalities.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn

from mgutils.config import FusionConfig, RunConfig
from mgutils.data.items import present
from mgutils.data.table import Dataset
from mgutils.errors import CheckpointError, ConfigError
from mgutils.metrics.cosine import unit
from mgutils.metrics.scores import scores
from mgutils.models.fusion import MaskedFusion, ZeroedFusion, drop_modalities
from mgutils.training.batches import PixelLoader
from mgutils.training.clips import refuse_unread
from mgutils.training.distributed import gather, shard
from mgutils.training.run import Run
from mgutils.training.start import check_unchanged
from mgutils.training.task import Batch, Task, Validation, full_precision

HEADS = {"masked": MaskedFusion, "zeroed": ZeroedFusion}


def subsets(count: int) -> np.ndarray:
    """All choices of at least one of M modalities, (2^M - 1, M) bool; the last row has them all."""
    return np.array(list(product((False, True), repeat=count))[1:])


@dataclass
class Fusion(Task):
    """Tokens of a clip's modalities in, logits out."""

    config: RunConfig
    accelerator: Accelerator
    model: MaskedFusion
    tokens: Tensor
    """(N, M, D), each of length sqrt(D)."""
    present: Tensor
    """(N, M) bool."""
    target: np.ndarray

    def __post_init__(self) -> None:
        self.forward: nn.Module = self.model
        self.memory_format = torch.preserve_format

    @classmethod
    def build(cls, config: RunConfig, dataset: Dataset, loader: PixelLoader, accelerator: Accelerator) -> Fusion:
        """Read the embeddings of the run that it starts from.

        Raises
        ------
        ConfigError
            If it starts from no run, or that has not all of the modalities.
        CheckpointError
            If they are of other clips, or no longer those of the run that the configuration names.
        """
        refuse_unread(config, adjusts=True)
        settings: FusionConfig = config.model
        if not config.init:
            raise ConfigError("init: found none for a fusion; wanted the run whose embeddings it reads. Give --init.")
        check_unchanged(config, "outputs.npz")
        run = Run(Path(config.init_from))
        missing = [name for name in settings.modalities if name not in run.arrays]
        if missing:
            raise ConfigError(f"modalities: found {missing[0]!r}, which {run.directory} has no embeddings of; wanted "
                              f"some of {', '.join(getattr(run.config.model, 'modalities', ())) or 'another run'}.")
        parts = [unit(run.arrays[name]) for name in settings.modalities]
        if len(parts[0]) != len(dataset):
            raise CheckpointError(f"{run.directory / 'outputs.npz'}: found embeddings of {len(parts[0]):,} clips; "
                                  f"wanted {len(dataset):,}. Give the folder of clips that the run was trained on.")
        tokens = np.stack(parts, axis=1) * parts[0].shape[1] ** 0.5
        there = np.stack([present(dataset, name) for name in settings.modalities], axis=1)
        model = HEADS[settings.head](tokens.shape[2], len(dataset.labels), settings.heads)
        return cls(config, accelerator, model, torch.from_numpy(tokens.astype(np.float32)), torch.from_numpy(there),
                   dataset.target)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """One rate for all of the head."""
        settings = self.config.train
        return [{"params": list(self.model.parameters()), "lr": settings.lr_head,
                 "weight_decay": settings.weight_decay_head}]

    def batch(self, rows: np.ndarray, generator: torch.Generator) -> Batch:
        """Tokens of this rank's clips, and which of them are left after the drops."""
        own = torch.from_numpy(shard(rows))
        settings = self.config.model
        kept = drop_modalities(self.present[own], settings.drop, generator, settings.per)
        device = self.accelerator.device
        inputs = {"tokens": self.tokens[own].to(device), "present": kept.to(device)}
        return Batch(rows, torch.from_numpy(self.target[rows]).to(device), inputs)

    def embed(self, batch: Batch) -> tuple[Tensor, ...]:
        """Logits of the shard (b, C)."""
        with self.accelerator.autocast():
            found = self.forward(**batch.inputs)
        return (full_precision(found),)

    def losses(self, batch: Batch, *embedded: Tensor) -> dict[str, Tensor]:
        """Cross entropy of the whole batch."""
        (found,) = embedded
        logits = gather(found, len(batch))
        if self.offset is not None:
            logits = logits + self.offset
        return {"cross_entropy": F.cross_entropy(logits, batch.target)}

    @torch.no_grad()
    def validate(self, rows: np.ndarray) -> Validation:
        """Score some rows with all that they have.

        Returns
        -------
        Validation
            Its arrays are ``logits`` (N, C) and ``subsets`` (2^M - 1, N, C): the logits where only some modalities
            are left, in the order of :func:`subsets`.
        """
        model = self.model.eval()
        device = self.accelerator.device
        tokens, there = self.tokens[rows].to(device), self.present[rows].to(device)
        target = torch.from_numpy(self.target[rows]).to(device)
        choices = torch.from_numpy(subsets(tokens.shape[1])).to(device)
        found = torch.stack([model(tokens, there & choice) for choice in choices]).float()
        loss = float(F.cross_entropy(found[-1], target))
        arrays = {"logits": found[-1].cpu().numpy(), "subsets": found.cpu().numpy()}
        return Validation(scores(arrays["logits"], self.target[rows]), loss, arrays)
