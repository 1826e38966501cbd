"""Encode rows with a model: embeddings or logits of many images, in batches, on every rank."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from mgutils.models.classifier import Classifier
from mgutils.models.clip import VisualTextModel
from mgutils.models.encoders import as_images
from mgutils.training.batches import PixelLoader, prefetch
from mgutils.training.distributed import gather, shard


@torch.no_grad()
def encode_all(model: VisualTextModel, feed: PixelLoader, rows: np.ndarray, tokens: dict[str, Tensor],
               batch_size: int = 128) -> tuple[Tensor, Tensor]:
    """Embed the images of some rows, in batches, and every caption once; several processes share the rows.

    Returns
    -------
    image_embeddings : Tensor (N, D)
    caption_embeddings : Tensor (C, D)
    """
    model.eval()
    captions = model.encode_text(**{key: value.to(feed.device) for key, value in tokens.items()})
    return _in_batches(model.encode_image, feed, rows, batch_size), captions.float()


@torch.no_grad()
def classify_all(model: Classifier, feed: PixelLoader, rows: np.ndarray, batch_size: int = 128) -> Tensor:
    """Logits (N, C) of a classifier without text for some rows, in batches; several processes share the rows."""
    model.eval()
    return _in_batches(model, feed, rows, batch_size)


def _in_batches(apply: Callable[[Tensor], Tensor], feed: PixelLoader, rows: np.ndarray, batch_size: int) -> Tensor:
    mine = shard(rows)
    starts = range(0, max(len(mine), 1), batch_size)  # a process without rows still takes part
    fed = prefetch(feed, (mine[start:start + batch_size] for start in starts))
    parts = [apply(as_images(pixels)) for _, pixels in fed]
    return gather(torch.cat(parts).float(), len(rows))
