"""Encode rows with a model: embeddings or logits of many images, in batches, on every rank."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mgutils.models.encoders import as_images
from mgutils.training.batches import PixelLoader, prefetch
from mgutils.training.distributed import gather, shard

if TYPE_CHECKING:
    from mgutils.models.classifier import Classifier
    from mgutils.models.clip import VisualTextModel


@torch.no_grad()
def encode_all(model: VisualTextModel, loader: PixelLoader, rows: np.ndarray,
               tokens: dict[str, Tensor], batch_size: int = 128) -> tuple[Tensor, Tensor]:
    """Embed the images of some rows, in batches, and every caption once.

    Returns
    -------
    image_embeddings : Tensor (N, D)
        Of all ranks.
    caption_embeddings : Tensor (C, D)
    """
    model.eval()
    captions = model.encode_text(**{key: value.to(loader.device) for key, value in tokens.items()})
    return encode_images(model, loader, rows, batch_size), captions.float()


@torch.no_grad()
def encode_images(model: VisualTextModel, loader: PixelLoader, rows: np.ndarray,
                  batch_size: int = 128) -> Tensor:
    """Embed the images of some rows, in batches: (N, D), of all ranks."""
    model.eval()
    return apply_all(model.encode_image, loader, rows, batch_size)


@torch.no_grad()
def classify_all(model: Classifier, loader: PixelLoader, rows: np.ndarray,
                 batch_size: int = 128) -> Tensor:
    """Logits (N, C) of a classifier without text for some rows, in batches."""
    model.eval()
    return apply_all(model, loader, rows, batch_size)


def apply_all(apply: Callable[[Tensor], Tensor], loader: PixelLoader, rows: np.ndarray,
              batch_size: int = 128) -> Tensor:
    """Apply a network to this rank's shard of the rows, and gather the shards of all ranks."""
    own = shard(rows)
    starts = range(0, max(len(own), 1), batch_size)  # a rank without rows still takes part
    parts = [own[start:start + batch_size] for start in starts]
    outputs = [apply(as_images(pixels)) for _, pixels in prefetch(loader, parts)]
    return gather(torch.cat(outputs).float(), len(rows))
