"""The visual-text model: two encoders, two projection heads, a temperature."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from mgutils.config.settings import ModelConfig, Objective
from mgutils.models.encoders import ImageEncoder, ProjectionHead, TextEncoder, make_tokenizer
from mgutils.models.pretrained import tokenizer_in

LOWEST_TEMPERATURE = 0.01
"""A learned temperature keeps logits within 100 cosines (Radford et al. 2021, arXiv:2103.00020)."""


class VisualTextModel(nn.Module):
    """Put images and captions into one space of ``projection`` dimensions.

    The original's setting is ``normalize=False, temperature=0.05``; the sound one is
    ``normalize=True, temperature=0.07``.

    Parameters
    ----------
    image_encoder, text_encoder : nn.Module
        With an attribute ``width``, the size of their features.
    projection : int
        Dimensions of the shared space.
    dropout : float
        Of the projection heads.
    normalize : bool
        L2-normalise the embeddings.
    temperature : float
        Divides the dot products.
    learn_temperature : bool
        Train its logarithm. The task calls :meth:`limit_temperature` after each step.

    Taught in: 02, section 3.
    """

    def __init__(self, image_encoder: ImageEncoder, text_encoder: TextEncoder,
                 projection: int = 256, dropout: float = 0.1, *, normalize: bool = True,
                 temperature: float = 0.07, learn_temperature: bool = False) -> None:
        super().__init__()
        self.image_encoder = image_encoder
        self.text_encoder = text_encoder
        self.image_projection = ProjectionHead(image_encoder.width, projection, dropout)
        self.text_projection = ProjectionHead(text_encoder.width, projection, dropout)
        self.normalize = normalize
        log_temperature = torch.tensor(math.log(temperature))
        if learn_temperature:
            self.log_temperature = nn.Parameter(log_temperature)
        else:  # not saved: the original's checkpoints have none
            self.register_buffer("log_temperature", log_temperature, persistent=False)

    @property
    def temperature(self) -> Tensor:
        """The positive number that divides the dot products, a scalar tensor."""
        return self.log_temperature.exp()

    @torch.no_grad()
    def limit_temperature(self) -> None:
        """Raise a learned temperature to at least 0.01, in place, as CLIP does.

        The parameter is clamped, not the value that the loss sees: a clamp in the forward pass has
        gradient 0 below its bound, and a temperature below it could never come back.
        """
        if self.log_temperature.requires_grad:
            self.log_temperature.clamp_(min=math.log(LOWEST_TEMPERATURE))

    def encode_image(self, images: Tensor) -> Tensor:
        """Images (B, 3, S, S) -> embeddings (B, projection)."""
        return self.project_image(self.image_encoder(images))

    def encode_text(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Token ids and mask, both (B, L) -> embeddings (B, projection)."""
        return self.project_text(self.text_encoder(input_ids, attention_mask))

    def project_image(self, features: Tensor) -> Tensor:
        """Features of the image encoder (B, width) -> embeddings (B, projection)."""
        return self._finish(self.image_projection(features))

    def project_text(self, features: Tensor) -> Tensor:
        """Features of the text encoder (B, width) -> embeddings (B, projection)."""
        return self._finish(self.text_projection(features))

    def forward(self, images: Tensor | None = None, input_ids: Tensor | None = None,
                attention_mask: Tensor | None = None, *, image_features: Tensor | None = None,
                text_features: Tensor | None = None) -> tuple[Tensor, ...]:
        """Embeddings of B images (B, projection) and, if C texts are given, of those.

        Either side comes as images or token ids, or as the features of an encoder that is frozen.
        """
        if image_features is None:
            image_features = self.image_encoder(images)
        image = self.project_image(image_features)
        if input_ids is not None:
            text_features = self.text_encoder(input_ids, attention_mask)
        if text_features is None:
            return (image,)
        return image, self.project_text(text_features)

    def _finish(self, embedding: Tensor) -> Tensor:
        return F.normalize(embedding, dim=1) if self.normalize else embedding


def build_model(config: ModelConfig, objective: Objective, captions: Sequence[str],
                tokenizer: Path | None = None) -> tuple[VisualTextModel, PreTrainedTokenizerFast]:
    """Build the model of a configuration, and the tokenizer for its captions.

    Parameters
    ----------
    tokenizer : Path, optional
        Folder with the tokenizer's files; if not given, it is found by the text encoder's name.

    Raises
    ------
    ConfigError
        If an encoder is unknown, or its weights cannot be loaded.
    """
    if tokenizer is None:
        tokenizer = make_tokenizer(config.text_encoder, captions)
    else:
        tokenizer = tokenizer_in(tokenizer)
    image_encoder = ImageEncoder(
        config.image_encoder, config.pretrained is True, config.image_kwargs)
    text_encoder = TextEncoder(
        config.text_encoder, bool(config.pretrained), config.text_kwargs, len(tokenizer))
    model = VisualTextModel(
        image_encoder, text_encoder, config.projection, config.dropout,
        normalize=objective.normalize, temperature=objective.temperature,
        learn_temperature=objective.learn_temperature)
    return model, tokenizer
