"""Logit adjustment: what is rare in training counts for more, without drawing or weighting rows.

A softmax learns a class's share of the training images along with what the class looks like. With
``tau log share`` added to the logits while training, and nothing added when the model answers, that
part of the answer is the same for all classes. ``tau = 1`` aims at the mean recall of the classes.

A contrastive loss compares an image with the captions of its batch, each as often as the batch has
it. From image to caption it so has ``tau = 1`` already, with the batch's own shares; an adjustment
comes on top of that. From caption to image nothing changes: the same number is added to all logits.

Source: Menon et al. 2021, Long-tail learning via logit adjustment, arXiv:2007.07314, equation 10.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def log_shares(target: np.ndarray, classes: int) -> Tensor:
    """Logarithm of each class's share of the rows. A class without a row counts as having one.

    Shape: (N,) class indices -> (C,).
    """
    counts = np.bincount(target, minlength=classes).clip(min=1)
    return torch.from_numpy(np.log(counts / counts.sum())).float()


def adjust_embeddings(image: Tensor, captions: Tensor, offset: Tensor,
                      temperature: Tensor | float) -> tuple[Tensor, Tensor]:
    """Give embeddings one more dimension, which adds ``offset`` to the logits of each caption.

    Every loss of embeddings then sees the adjusted logits: ``(x . t + 1 (tau o)) / tau``.

    Shape: image (B, D), captions (C, D), offset (C,) -> (B, D + 1), (C, D + 1).
    """
    ones = image.new_ones(len(image), 1)
    extra = (offset * temperature).to(captions.dtype)[:, None]  # (C, 1)
    return torch.cat([image, ones], dim=1), torch.cat([captions, extra], dim=1)
