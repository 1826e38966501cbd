"""The task without text: an image network and one linear layer, by cross entropy over all classes.

It goes through the same loop, batches and selection rule as every other run, and lies in the same
store. So it can be compared with the models that read text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn

from mgutils.config import RunConfig
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.metrics.scores import scores
from mgutils.models.classifier import Classifier, build_classifier
from mgutils.training.batches import PixelLoader, augment
from mgutils.training.distributed import gather, shard
from mgutils.training.encode import classify_all
from mgutils.training.start import model_to_build, take_weights
from mgutils.training.task import Batch, Task, Validation, full_precision


@dataclass
class Classification(Task):
    """Images and one logit for each class."""

    config: RunConfig
    accelerator: Accelerator
    model: Classifier
    loader: PixelLoader
    """Gives the pixels of some rows."""
    target: np.ndarray
    """(N,) class indices."""

    def __post_init__(self) -> None:
        self.forward: nn.Module = self.model

    @classmethod
    def build(cls, config: RunConfig, dataset: Dataset, loader: PixelLoader,
              accelerator: Accelerator) -> Classification:
        """Build the network.

        Raises
        ------
        ConfigError
            If the network is unknown, or to be frozen.
        """
        if config.train.freeze in ("image", "both"):
            raise ConfigError(
                f"freeze: found {config.train.freeze!r} for a classifier; wanted none. `mg probe` "
                "trains a linear layer on an encoder that stays as it is.")
        model = build_classifier(model_to_build(config), len(dataset.labels))
        take_weights(model, config, dataset.labels)
        return cls(config, accelerator, model, loader, dataset.target)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The rates of the image encoder and of the heads; only the linear layer decays."""
        settings = self.config.train
        return [
            {"params": list(self.model.network.parameters()),
             "lr": settings.lr_image, "weight_decay": 0.0},
            {"params": list(self.model.linear.parameters()),
             "lr": settings.lr_head, "weight_decay": settings.weight_decay_head},
        ]

    def batch(self, rows: np.ndarray, generator: torch.Generator) -> Batch:
        """This rank's images, augmented."""
        pixels = self.loader(shard(rows))
        images = augment(pixels, self.config.train.augment, generator)
        target = torch.from_numpy(self.target[rows]).to(images.device)
        return Batch(rows, target, {"image": images})

    def embed(self, batch: Batch) -> tuple[Tensor, ...]:
        """Logits (b, C)."""
        with self.accelerator.autocast():
            logits = self.forward(batch.inputs["image"])
        return (full_precision(logits),)

    def losses(self, batch: Batch, *embedded: Tensor) -> dict[str, Tensor]:
        """Cross entropy of the whole batch."""
        (logits,) = embedded
        logits = gather(logits, len(batch))  # (B, C), of all ranks
        if self.offset is not None:
            logits = logits + self.offset
        return {"cross_entropy": F.cross_entropy(logits, batch.target)}

    @torch.no_grad()
    def validate(self, rows: np.ndarray) -> Validation:
        """Score some rows; the arrays to keep are ``logits`` (N, C) alone."""
        logits = classify_all(self.model, self.loader, rows)
        target = self.target[rows]
        loss = F.cross_entropy(logits, torch.from_numpy(target).to(logits.device))
        kept = logits.cpu().numpy()
        return Validation(scores(kept, target), float(loss), {"logits": kept})
