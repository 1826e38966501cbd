"""Scorers: images in, one score for each class out.

A trained model becomes a scorer when its captions are embedded once and kept. Prediction,
attribution and export work on scorers alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor, nn

from mgutils.losses import similarity_logits

if TYPE_CHECKING:
    from mgutils.models.classifier import Classifier
    from mgutils.models.clip import VisualTextModel


class CaptionScorer(nn.Module):
    """Images (B, 3, S, S) -> similarity (B, C) to C embedded captions.

    Parameters
    ----------
    image_encoder, image_projection : nn.Module
        The image half of a visual-text model.
    captions : Tensor (C, D)
        Embeddings of the captions.
    temperature : float
        Divides the dot products.
    normalize : bool
        L2-normalise the image embeddings; the captions come as they are compared.
    """

    def __init__(self, image_encoder: nn.Module, image_projection: nn.Module, captions: Tensor,
                 temperature: float, normalize: bool) -> None:
        super().__init__()
        self.image_encoder = image_encoder
        self.image_projection = image_projection
        self.register_buffer("captions", captions.detach().float().clone())
        self.temperature = float(temperature)
        self.normalize = normalize

    @classmethod
    def of(cls, model: VisualTextModel, captions: Tensor) -> CaptionScorer:
        """The scorer of a model whose text encoder gave ``captions`` (C, D)."""
        temperature = model.temperature.item()
        return cls(
            model.image_encoder, model.image_projection, captions, temperature, model.normalize)

    @property
    def network(self) -> nn.Module:
        """The image network."""
        return self.image_encoder

    def forward(self, images: Tensor) -> Tensor:
        embedding = self.image_projection(self.image_encoder(images))  # (B, D)
        if self.normalize:
            embedding = F.normalize(embedding, dim=1)
        return similarity_logits(embedding, self.captions, self.temperature)  # (B, C)


class PlainScorer(nn.Module):
    """Images (B, 3, S, S) -> logits (B, C) of a classifier without text."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    @property
    def network(self) -> nn.Module:
        """The image network."""
        return self.classifier.network

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(images)


Scorer = CaptionScorer | PlainScorer
