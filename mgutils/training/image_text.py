"""The task of the report: bring images and the captions of their classes together.

An image encoder and a text encoder put both into one space; a contrastive loss compares every
image of the batch with every caption of the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from mgutils.config import RunConfig, TrainConfig
from mgutils.data.captions import class_captions
from mgutils.data.table import Dataset
from mgutils.losses import LOSSES, Loss, similarity_logits
from mgutils.losses.adjustment import adjust_embeddings
from mgutils.losses.grouped import CLASS_LOSSES
from mgutils.metrics.scores import scores
from mgutils.models.clip import VisualTextModel, build_model
from mgutils.models.encoders import tokenize
from mgutils.training.batches import PixelLoader, augment
from mgutils.training.distributed import gather, shard
from mgutils.training.encode import encode_images
from mgutils.training.features import Features, image_features
from mgutils.training.start import model_to_build, take_weights
from mgutils.training.task import Batch, Task, Validation, full_precision

VALIDATION_ORDER = 0
"""Seed of the order in which validation rows are put into batches for the loss."""


@dataclass
class ImageText(Task):
    """Images and captions in one space."""

    config: RunConfig
    accelerator: Accelerator
    model: VisualTextModel
    loss: Loss
    loader: PixelLoader
    """Gives the pixels of some rows."""
    target: np.ndarray
    """(N,) class indices."""
    tokens: dict[str, Tensor]
    """The C captions as the model reads them: token ids and mask, each (C, L), or the features
    ``text_features`` (C, width) of a frozen text encoder."""
    features: Features | None = None
    """Of a frozen image encoder."""

    def __post_init__(self) -> None:
        self.forward: nn.Module = self.model

    @classmethod
    def build(cls, config: RunConfig, dataset: Dataset, loader: PixelLoader,
              accelerator: Accelerator) -> ImageText:
        """Build the model, tokenize the captions, and run the encoders that are frozen.

        Raises
        ------
        ConfigError
            If an encoder is unknown.
        """
        captions = class_captions(dataset.labels, config.captions, config.seed)
        model, tokenizer = build_model(model_to_build(config), config.loss, captions)
        take_weights(model, config, dataset.labels)
        tokens = tokenize(tokenizer, captions)
        features = None
        if config.train.freeze in ("text", "both"):
            encoder = model.text_encoder.requires_grad_(False).eval()
            with torch.no_grad():
                tokens = {"text_features": encoder(**tokens)}
        if config.train.freeze in ("image", "both"):
            encoder = model.image_encoder.requires_grad_(False).to(accelerator.device)
            features = image_features(encoder, loader, config.train.augment, config.train.copies)
        tokens = {name: part.to(accelerator.device) for name, part in tokens.items()}
        registry = CLASS_LOSSES if config.train.captions_once else LOSSES
        return cls(config, accelerator, model, registry[config.loss.loss], loader, dataset.target,
                   tokens, features)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """See :func:`parameter_groups`."""
        return parameter_groups(self.model, self.config.train)

    def batch(self, rows: np.ndarray, generator: torch.Generator) -> Batch:
        """This rank's images, augmented, and the captions that occur in the batch."""
        if self.features is None:
            pixels = self.loader(shard(rows))
            inputs = {"images": augment(pixels, self.config.train.augment, generator)}
        else:
            inputs = {"image_features": self.features.draw(shard(rows), generator)}
        captions = classes = self.target[rows]
        if self.config.train.captions_once:
            # each caption once: the target is a position among those that occur
            captions, classes = np.unique(classes, return_inverse=True)
        shared = {name: part[torch.from_numpy(captions)] for name, part in self.tokens.items()}
        target = torch.from_numpy(classes).to(self.accelerator.device)
        return Batch(rows, target, inputs, shared)

    def embed(self, batch: Batch) -> tuple[Tensor, ...]:
        """Embeddings of the images (b, D), and of the captions (C, D) where the batch has them."""
        with self.accelerator.autocast():
            embedded = self.forward(**batch.inputs, **batch.shared)
        return tuple(full_precision(part) for part in embedded)

    def losses(self, batch: Batch, *embedded: Tensor) -> dict[str, Tensor]:
        """The contrastive loss of all images against all captions of the batch."""
        image, captions = embedded
        images = gather(image, len(batch))  # (B, D), of all ranks
        if self.offset is not None:
            classes = self.target[batch.rows]
            present = np.unique(classes) if self.config.train.captions_once else classes
            offset = self.offset[torch.from_numpy(present)]  # of each caption of the batch
            images, captions = adjust_embeddings(
                images, captions, offset, self.model.temperature)
        value = self.loss(images, captions, batch.target, self.model.temperature)
        return {"contrastive": value}

    @torch.no_grad()
    def validate(self, rows: np.ndarray) -> Validation:
        """Score some rows: every caption encoded once, images in batches.

        A contrastive loss depends on which rows share a batch. Stored order is often sorted by
        class, and a batch of one class has an easy or an absurd loss. So the loss is taken over
        batches in one fixed shuffled order, the same in every epoch and for every seed. The
        original takes them in stored order.

        Returns
        -------
        Validation
            Its loss is the mean over batches of the training batch size; the plateau schedule
            follows it. Its arrays are ``logits`` (N, C), ``image_embeddings`` (N, D) and
            ``caption_embeddings`` (C, D), all float32.
        """
        images, captions = self._encode(rows)
        temperature = self.model.temperature
        target = torch.from_numpy(self.target[rows]).to(images.device)
        loss = self._batched_loss(images, captions, target)
        outputs = {
            "logits": similarity_logits(images, captions, temperature),  # (N, C)
            "image_embeddings": images,
            "caption_embeddings": captions,
        }
        arrays = {name: tensor.cpu().numpy() for name, tensor in outputs.items()}
        return Validation(scores(arrays["logits"], self.target[rows]), loss, arrays)

    def _encode(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Embeddings of the images of some rows (N, D), and of all captions (C, D), in float32."""
        model = self.model.eval()
        with self.accelerator.autocast():
            if "text_features" in self.tokens:
                captions = model.project_text(self.tokens["text_features"])
            else:
                captions = model.encode_text(**self.tokens)
            if self.features is None:
                images = encode_images(model, self.loader, rows)
            else:
                images = model.project_image(self.features(rows))
        return images.float(), captions.float()

    def _batched_loss(self, images: Tensor, captions: Tensor, target: Tensor) -> float:
        size = self.config.train.batch_size
        compare = CLASS_LOSSES[self.config.loss.loss]
        order = np.random.default_rng(VALIDATION_ORDER).permutation(len(target))
        shuffled = torch.from_numpy(order).to(images.device)
        total = 0.0
        parts = zip(images[shuffled].split(size), target[shuffled].split(size), strict=True)
        for image, classes in parts:
            present, position = classes.unique(return_inverse=True)
            value = compare(image, captions[present], position, self.model.temperature)
            total += float(value) * len(classes)
        return total / len(target)

    def after_step(self) -> None:
        """Keep a learned temperature at 0.01 or more."""
        self.model.limit_temperature()

    def record(self) -> dict[str, float]:
        """The temperature."""
        return {"temperature": self.model.temperature.item()}


def parameter_groups(model: VisualTextModel, settings: TrainConfig) -> list[dict[str, Any]]:
    """A rate for each encoder and for the heads; only the heads decay, as in the report.

    A learned temperature has the heads' rate and no decay, which would pull tau towards 1.
    """
    heads = [*model.image_projection.parameters(), *model.text_projection.parameters()]
    groups = [
        {"params": list(model.image_encoder.parameters()),
         "lr": settings.lr_image, "weight_decay": 0.0},
        {"params": list(model.text_encoder.parameters()),
         "lr": settings.lr_text, "weight_decay": 0.0},
        {"params": heads,
         "lr": settings.lr_head, "weight_decay": settings.weight_decay_head},
    ]
    if model.log_temperature.requires_grad:
        groups.append({"params": [model.log_temperature],
                       "lr": settings.lr_head, "weight_decay": 0.0})
    return groups
