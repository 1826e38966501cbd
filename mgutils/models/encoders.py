"""Image encoder, text encoder, projection head and tokenizer: the parts of the visual-text model.

Attribute names are those of the original's checkpoints (``image_encoder.model.*``,
``image_projection.fc.*``), so that its files load. How the parts work together is in ``clip``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import timm
import torch
from huggingface_hub import hf_hub_download
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import Tensor, nn
from transformers import (
    DistilBertConfig,
    DistilBertModel,
    DistilBertTokenizerFast,
    PreTrainedTokenizerFast,
)

from mgutils.errors import ConfigError
from mgutils.models.hub import from_hub

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
        If timm does not know the name, or the weights cannot be loaded.
    """

    def __init__(self, name: str, pretrained: bool, kwargs: dict[str, Any] | None = None) -> None:
        super().__init__()
        if not timm.is_model(name):
            raise ConfigError(
                f"image encoder: found {name!r}; wanted a name that timm knows "
                "(timm.list_models()).")

        def build(**weights: Any) -> nn.Module:
            return timm.create_model(
                name, num_classes=0, global_pool="avg", **weights, **(kwargs or {}))

        if pretrained:
            self.model = from_hub("image encoder", name, lambda local: build(
                pretrained=True, pretrained_cfg_overlay=_weights_file(name, local)))
        else:
            self.model = build()
        self.width: int = self.model.num_features

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images)


def _weights_file(name: str, local_files_only: bool) -> dict[str, str]:
    """Where the weights of a timm network lie, as timm wants it said."""
    source = timm.get_pretrained_cfg(name)
    if source is None or not source.hf_hub_id:
        return {}  # not on the hub: timm says so
    file = source.hf_hub_filename or "model.safetensors"
    return {"file": hf_hub_download(source.hf_hub_id, file, local_files_only=local_files_only)}


class TextEncoder(nn.Module):
    """DistilBERT read at its first token: token ids (B, L) -> features (B, ``width``).

    Parameters
    ----------
    name : str
        A DistilBERT on the hub (768 features), or ``scratch``.
    pretrained : bool
        Load weights from the hub; else start from random ones.
    kwargs : dict, optional
        Passed on to ``DistilBertConfig`` if the weights are random.
    vocab_size : int, optional
        Size of the tokenizer's vocabulary, needed for ``scratch``; one in ``kwargs`` wins.

    Raises
    ------
    ConfigError
        If the weights cannot be loaded.
    """

    def __init__(self, name: str, pretrained: bool, kwargs: dict[str, Any] | None = None,
                 vocab_size: int | None = None) -> None:
        super().__init__()
        if pretrained and name != SCRATCH:
            self.model = from_hub("text encoder", name, lambda local: (
                DistilBertModel.from_pretrained(name, local_files_only=local)))
        else:
            settings = {} if vocab_size is None else {"vocab_size": vocab_size}
            settings |= kwargs or {}
            self.model = DistilBertModel(DistilBertConfig(**settings))
        self.width: int = self.model.config.dim

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        output = self.model(input_ids=input_ids, attention_mask=attention_mask)
        states = output.last_hidden_state  # (B, L, width)
        return states[:, 0]  # the [CLS] token


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
    """DistilBERT's tokenizer from the hub, or for ``scratch`` a WordPiece one made of the captions.

    Raises
    ------
    ConfigError
        If the hub's files cannot be loaded.
    """
    if name == SCRATCH:
        return _scratch_tokenizer(captions)

    def load(local_files_only: bool) -> PreTrainedTokenizerFast:
        found = DistilBertTokenizerFast.from_pretrained(name, local_files_only=local_files_only)
        # without its files, transformers makes a tokenizer of the special tokens alone
        if len(found) == len(found.all_special_tokens):
            raise OSError("no file has its vocabulary")
        return found

    return from_hub("tokenizer", name, load)


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
    mean = torch.tensor([0.485, 0.456, 0.406], device=pixels.device)
    deviation = torch.tensor([0.229, 0.224, 0.225], device=pixels.device)
    scaled = pixels.float().sub(255 * mean).div_(255 * deviation)
    return scaled.permute(0, 3, 1, 2)  # a view: channels last in memory
