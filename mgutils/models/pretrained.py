"""Networks that others have trained: built by name, with their weights and their normalisation.

Where the files come from is the business of :mod:`mgutils.models.hub`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import timm
import torch
from huggingface_hub import hf_hub_download
from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer, PretrainedConfig, PreTrainedTokenizerBase
from transformers.utils import logging

from mgutils.errors import ConfigError
from mgutils.models.hub import find_weights

logging.disable_progress_bar()  # a bar for each file read would stand in notebooks and logs

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and deviation of each colour, in 0..1: what images are normalised with unless a network wants another."""
_LITE = (127 / 255,) * 3, (128 / 255,) * 3
_CLIP = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
_HALF = (0.5,) * 3, (0.5,) * 3

Colours = tuple[float, float, float]


def normalisation(name: str) -> tuple[Colours, Colours]:
    """Mean and deviation that a network was trained with, whether or not its weights are loaded."""
    if name.startswith("tf_efficientnet_lite"):
        return _LITE  # TensorFlow's (byte - 127) / 128; timm says (byte - 127.5) / 127.5
    if timm.is_model(name):
        settings = timm.get_pretrained_cfg(name)
        return IMAGENET if settings is None else (settings.mean, settings.std)
    return _HALF if "siglip" in name.lower() else _CLIP


def image_network(name: str, pretrained: bool, kwargs: dict[str, Any]) -> nn.Module:
    """A timm network without its classifier: images (B, 3, S, S) -> features (B, ``num_features``).

    Raises
    ------
    ConfigError
        If the weights are wanted and cannot be found.
    """
    def build(**weights: Any) -> nn.Module:
        return timm.create_model(name, num_classes=0, global_pool="avg", **weights, **kwargs)

    def load(source: str | Path, local_files_only: bool) -> nn.Module:
        if isinstance(source, Path):
            return _load_by_order(build(), source)
        return build(pretrained=True, pretrained_cfg_overlay=_weights_file(name, local_files_only))

    return find_weights("image encoder", name, load) if pretrained else build()


def _weights_file(name: str, local_files_only: bool) -> dict[str, str]:
    """Where the weights of a timm network lie, as timm wants it said."""
    source = timm.get_pretrained_cfg(name)
    if source is None or not source.hf_hub_id:
        return {}  # not on the hub: timm says so
    file = source.hf_hub_filename or "model.safetensors"
    return {"file": hf_hub_download(source.hf_hub_id, file, local_files_only=local_files_only)}


def _load_by_order(network: nn.Module, file: Path) -> nn.Module:
    """Load the weights of the same network under other names: both list the same tensors in the same order."""
    tensors = torch.load(file, map_location="cpu", weights_only=True).values()
    names = network.state_dict()  # the classifier, at the end of the file, is not among them
    network.load_state_dict(dict(zip(names, tensors, strict=False)))
    return network


def transformer(part: str, name: str, pretrained: bool) -> nn.Module:
    """Any network of the transformers library by its name on the hub.

    Without ``pretrained`` it has random weights; its configuration is looked for all the same.

    Raises
    ------
    ConfigError
        If its files cannot be found.
    """
    if pretrained:
        return find_weights(part, name, lambda source, local: AutoModel.from_pretrained(
            source, local_files_only=local))
    return AutoModel.from_config(_configuration(part, name))


def _configuration(part: str, name: str) -> PretrainedConfig:
    return find_weights(part, name, lambda source, local: AutoConfig.from_pretrained(
        source, local_files_only=local))


def tower(part: str, name: str, pretrained: bool, dropped: str) -> nn.Module:
    """One tower of a network that has two, such as CLIP or SigLIP; ``dropped`` is the other one.

    Raises
    ------
    ConfigError
        If its files cannot be found, or it has no two towers.
    """
    network = transformer(part, name, pretrained)
    if not hasattr(network, "get_image_features") or not hasattr(network, dropped):
        raise ConfigError(
            f"{part}: found {name!r}, a {type(network).__name__}; wanted a name that timm knows "
            "(timm.list_models()), or a network with an image and a text tower, such as CLIP or SigLIP.")
    setattr(network, dropped, None)
    return network


def tokenizer_of(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a text network.

    Raises
    ------
    ConfigError
        If its files cannot be found.
    """
    return find_weights("tokenizer", name, _load_tokenizer)


def _load_tokenizer(source: str | Path, local_files_only: bool) -> PreTrainedTokenizerBase:
    found = AutoTokenizer.from_pretrained(source, local_files_only=local_files_only, trust_remote_code=False)
    # without its files, transformers makes a tokenizer of the special tokens alone
    if len(found) == len(found.all_special_tokens):
        raise OSError("no file has its vocabulary")
    return found


def tokenizer_in(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer whose files lie in a folder, as the hub has them.

    Raises
    ------
    ConfigError
        If they are not there, or damaged.
    """
    try:
        return _load_tokenizer(folder, True)
    except Exception as error:  # a reader raises whatever its broken input makes it raise
        raise ConfigError(
            f"tokenizer: found no tokenizer in {folder} ({type(error).__name__}); wanted tokenizer.json, or "
            "vocab.txt with tokenizer_config.json. Copy the files of the text encoder's page on the hub there."
            ) from None
