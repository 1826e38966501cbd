"""Image encoder, text encoder, projection head and tokenizer: the parts of the visual-text model.

Attribute names are those of the original's checkpoints (``image_encoder.model.*``, ``image_projection.fc.*``), so that
its files load. How the parts work together is in ``clip``.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import timm
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import Tensor, nn
from transformers import DistilBertConfig, DistilBertModel, DistilBertTokenizerFast, PreTrainedTokenizerFast

from mgutils.errors import ConfigError
from mgutils.models.hub import hub_files

SCRATCH = "scratch"
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


class ImageEncoder(nn.Module):
    """Any timm network without its classifier: images (B, 3, S, S) -> features (B, ``width``).

    Parameters
    ----------
    name : str
        A timm model name; ``resnet50`` gives the report's 2048 features.
    pretrained : bool
        Load weights from the hub.
    kwargs : dict, optional
        Passed on to ``timm.create_model``.

    Raises
    ------
    ConfigError
        If timm does not know the name, or the weights cannot be had.
    """

    def __init__(self, name: str, pretrained: bool, kwargs: dict[str, Any] | None = None) -> None:
        super().__init__()
        if not timm.is_model(name):
            raise ConfigError(f"image encoder: found {name!r}; wanted a name that timm knows (timm.list_models()).")
        with hub_files("image encoder", name) if pretrained else nullcontext():
            self.model = timm.create_model(name, pretrained=pretrained, num_classes=0, global_pool="avg",
                                           **(kwargs or {}))
        self.width: int = self.model.num_features

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images)


class TextEncoder(nn.Module):
    """DistilBERT read at its first token: token ids (B, L) -> features (B, ``width``).

    Parameters
    ----------
    name : str
        A DistilBERT on the hub (768 features), or ``scratch``.
    pretrained : bool
        Load weights from the hub; else start from random ones.
    kwargs : dict, optional
        Passed on to ``DistilBertConfig`` where the weights are random.
    vocab_size : int, optional
        Size of the tokenizer's vocabulary, needed for ``scratch``; a larger one in ``kwargs`` wins.

    Raises
    ------
    ConfigError
        If the weights cannot be had.
    """

    def __init__(self, name: str, pretrained: bool, kwargs: dict[str, Any] | None = None,
                 vocab_size: int | None = None) -> None:
        super().__init__()
        if pretrained and name != SCRATCH:
            with hub_files("text encoder", name):
                self.model = DistilBertModel.from_pretrained(name)
        else:
            config = ({} if vocab_size is None else {"vocab_size": vocab_size}) | (kwargs or {})
            self.model = DistilBertModel(DistilBertConfig(**config))
        self.width: int = self.model.config.dim

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # (B, L, width)
        return states[:, 0]  # the [CLS] token


class ProjectionHead(nn.Module):
    """Map an encoder's features into the shared space: (B, ``width``) -> (B, ``projection``).

    ``p = projection(x)``; ``out = layer_norm(dropout(fc(gelu(p))) + p)``: the residual is around the projected vector.

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
    """DistilBERT's tokenizer from the hub, or for ``scratch`` a WordPiece one made from the captions.

    The made one knows every word of the captions whole and spells any other word in single letters, in an order that
    depends on the captions alone.

    Raises
    ------
    ConfigError
        If the hub's files cannot be had.
    """
    if name != SCRATCH:
        with hub_files("tokenizer", name):
            tokenizer = DistilBertTokenizerFast.from_pretrained(name)
            if len(tokenizer) == len(tokenizer.all_special_tokens):  # what transformers makes where it finds no files
                raise OSError("no file has its vocabulary")
            return tokenizer
    normalizer, splitter = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    words = {word for text in captions for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text))}
    letters = sorted(set("".join(words)) | set("abcdefghijklmnopqrstuvwxyz0123456789"))
    pieces = [*_SPECIAL, *sorted(words - set(letters)), *letters, *("##" + letter for letter in letters)]
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", pieces.index("[SEP]")),
                                                         ("[CLS]", pieces.index("[CLS]")))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]",
                                   cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")


def tokenize(tokenizer: PreTrainedTokenizerFast, captions: Sequence[str], max_length: int = 64) -> dict[str, Tensor]:
    """Captions to ``input_ids`` and ``attention_mask``, both (N, L), padded to the longest."""
    tokens = tokenizer(list(captions), padding=True, truncation=True, max_length=max_length, return_tensors="pt")
    return {key: tokens[key] for key in ("input_ids", "attention_mask")}


def count_parameters(module: nn.Module) -> int:
    """Number of trainable numbers in a module."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def as_images(pixels: Tensor) -> Tensor:
    """Bytes (B, S, S, 3) to floats (B, 3, S, S), normalised as ImageNet's, channels last in memory."""
    mean = torch.tensor([0.485, 0.456, 0.406], device=pixels.device)
    deviation = torch.tensor([0.229, 0.224, 0.225], device=pixels.device)
    scaled = pixels.float().sub(255 * mean).div_(255 * deviation)
    return scaled.permute(0, 3, 1, 2)  # a view of channels-last memory
