"""Image encoder, text encoder, projection head and tokenizer: the parts of the visual-text model.

Attribute names are those of the original's checkpoints (``image_encoder.model.*``,
``image_projection.fc.*``), so that its files load. How the parts work together is in ``clip``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import timm
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import Tensor, nn
from transformers import DistilBertConfig, DistilBertModel, PreTrainedTokenizerFast

from mgutils.errors import ConfigError
from mgutils.models.pretrained import (
    IMAGENET,
    image_network,
    normalisation,
    tokenizer_of,
    tower,
    transformer,
)

SCRATCH = "scratch"
DISTILBERT = "distilbert-base-uncased"
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


class ImageEncoder(nn.Module):
    """An image network without its classifier: images (B, 3, S, S) -> features (B, ``width``).

    Images come as :func:`as_images` makes them, normalised with ImageNet's mean and deviation. A
    network that was trained with others gets them: the encoder knows which, no caller has to.

    Parameters
    ----------
    name : str
        A timm model name (``resnet50`` gives the report's 2048 features), or the name on the hub
        of a CLIP or SigLIP, whose image tower it is.
    pretrained : bool
        Load weights, from the disk or from the hub.
    kwargs : dict, optional
        Passed on to ``timm.create_model``.

    Raises
    ------
    ConfigError
        If nobody knows the name, or the weights cannot be found.
    """

    def __init__(self, name: str, pretrained: bool, kwargs: dict[str, Any] | None = None) -> None:
        super().__init__()
        if timm.is_model(name):
            self.model = image_network(name, pretrained, kwargs or {})
            self.width: int = self.model.num_features
        elif "/" in name:
            self.model = tower("image encoder", name, pretrained, dropped="text_model")
            self.width = _shared_width(self.model, "vision_config")
        else:
            raise ConfigError(
                f"image encoder: found {name!r}; wanted a name that timm knows "
                "(timm.list_models()), or that of a CLIP or SigLIP on the hub (owner/name).")
        self._of_timm = timm.is_model(name)
        self._normalize_anew(*normalisation(name))

    def forward(self, images: Tensor) -> Tensor:
        if self._factor is not None:
            images = images * self._factor + self._shift
        if self._of_timm:
            return self.model(images)
        found = self.model.get_image_features(pixel_values=images, interpolate_pos_encoding=True)
        return found.pooler_output

    def _normalize_anew(self, mean: Sequence[float], deviation: Sequence[float]) -> None:
        """From ImageNet's normalisation to another: one factor and one shift for each colour."""
        factor = shift = None
        if (tuple(mean), tuple(deviation)) != IMAGENET:
            old_mean, old_deviation = (torch.tensor(part).view(3, 1, 1) for part in IMAGENET)
            new_mean, new_deviation = (
                torch.tensor(part).view(3, 1, 1) for part in (mean, deviation))
            factor = old_deviation / new_deviation
            shift = (old_mean - new_mean) / new_deviation
        self.register_buffer("_factor", factor, persistent=False)
        self.register_buffer("_shift", shift, persistent=False)


class TextEncoder(nn.Module):
    """A text network: token ids (B, L) -> features (B, ``width``).

    DistilBERT is read at its first token, as in the report; a network of sentence-transformers has
    the mean over its tokens; a CLIP or SigLIP its own pooling.

    Parameters
    ----------
    name : str
        A name on the hub, or ``scratch`` for a small DistilBERT.
    pretrained : bool
        Load weights, from the disk or from the hub; else start from random ones.
    kwargs : dict, optional
        Passed on to ``DistilBertConfig`` if a DistilBERT's weights are random.
    vocab_size : int, optional
        Size of the tokenizer's vocabulary, needed for ``scratch``; one in ``kwargs`` wins.

    Raises
    ------
    ConfigError
        If the files cannot be found.
    """

    def __init__(self, name: str, pretrained: bool, kwargs: dict[str, Any] | None = None,
                 vocab_size: int | None = None) -> None:
        super().__init__()
        if name == SCRATCH or (name == DISTILBERT and not pretrained):
            settings = {} if vocab_size is None else {"vocab_size": vocab_size}
            settings |= kwargs or {}
            self.model = DistilBertModel(DistilBertConfig(**settings))
        else:
            self.model = transformer("text encoder", name, pretrained)
        self.pooling = "mean" if name.startswith("sentence-transformers/") else "first"
        if hasattr(self.model, "get_text_features"):
            self.pooling = "own"
            self.model.vision_model = None
            self.width: int = _shared_width(self.model, "text_config")
        else:
            self.width = self.model.config.hidden_size

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        if self.pooling == "own":
            found = self.model.get_text_features(
                input_ids=input_ids, attention_mask=attention_mask)
            return found.pooler_output
        output = self.model(input_ids=input_ids, attention_mask=attention_mask)
        states = output.last_hidden_state  # (B, L, width)
        if self.pooling == "first":
            return states[:, 0]  # the [CLS] token
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        return (states * mask).sum(1) / mask.sum(1)


def _shared_width(network: nn.Module, part: str) -> int:
    """Width of what a tower ends in: of the projection where there is one."""
    settings = network.config
    return getattr(settings, "projection_dim", None) or getattr(settings, part).hidden_size


class ProjectionHead(nn.Module):
    """Map an encoder's features into the shared space: (B, ``width``) -> (B, ``projection``).

    ``p = projection(x)``; ``out = layer_norm(dropout(fc(gelu(p))) + p)``: the residual is around
    the projected vector.

    References
    ----------
    M. Shariatnia, "Simple implementation of OpenAI CLIP model", ``modules.py`` at commit 73fea1f.

    Taught in: 02, section 2.
    """

    def __init__(self, width: int, projection: int = 256, dropout: float = 0.1) -> None:
        super().__init__()
        self.projection = nn.Linear(width, projection)
        self.gelu = nn.GELU()
        self.fc = nn.Linear(projection, projection)
        self.dropout = nn.Dropout(dropout)
        self.layer_norm = nn.LayerNorm(projection)

    def forward(self, features: Tensor) -> Tensor:
        projected = self.projection(features)  # (B, projection)
        refined = self.dropout(self.fc(self.gelu(projected)))
        return self.layer_norm(refined + projected)


def make_tokenizer(name: str, captions: Sequence[str]) -> PreTrainedTokenizerFast:
    """A text network's own tokenizer, or for ``scratch`` a WordPiece one made of the captions.

    Raises
    ------
    ConfigError
        If the tokenizer's files cannot be found.
    """
    return _scratch_tokenizer(captions) if name == SCRATCH else tokenizer_of(name)


def _scratch_tokenizer(captions: Sequence[str]) -> PreTrainedTokenizerFast:
    """A tokenizer that knows the captions' words whole and spells any other word in letters."""
    normalizer = normalizers.BertNormalizer(lowercase=True)
    splitter = pre_tokenizers.BertPreTokenizer()
    words: set[str] = set()
    for text in captions:
        words |= {word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text))}

    # special tokens, words, letters, letters inside a word: sorted, whatever the captions' order
    letters = sorted(set("".join(words)) | set("abcdefghijklmnopqrstuvwxyz0123456789"))
    inner = ["##" + letter for letter in letters]
    pieces = [*_SPECIAL, *sorted(words - set(letters)), *letters, *inner]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}

    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = splitter
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"]))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]")


def tokenize(tokenizer: PreTrainedTokenizerFast, captions: Sequence[str],
             max_length: int = 64) -> dict[str, Tensor]:
    """Captions to ``input_ids`` and ``attention_mask``, both (N, L), padded to the longest."""
    tokens = tokenizer(
        list(captions), padding=True, truncation=True, max_length=max_length, return_tensors="pt")
    return {key: tokens[key] for key in ("input_ids", "attention_mask")}


def count_parameters(module: nn.Module) -> int:
    """Number of trainable weights of a module."""
    return sum(part.numel() for part in module.parameters() if part.requires_grad)


def as_images(pixels: Tensor) -> Tensor:
    """Bytes (B, S, S, 3) to floats (B, 3, S, S), normalised with ImageNet's mean and deviation."""
    mean, deviation = (torch.tensor(part, device=pixels.device) for part in IMAGENET)
    scaled = pixels.float().sub(255 * mean).div_(255 * deviation)
    return scaled.permute(0, 3, 1, 2)  # a view: channels last in memory
