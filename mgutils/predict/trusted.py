"""What the settings that come with a checkpoint may ask for, when nobody knows who wrote them.

Limits of the kit's own settings are in ``config``; these are narrower, and are checked before a model is built. What
settings ask for together is found with torch's ``meta`` device, whose tensors have shapes and no memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_parameter_registration_hook

from mgutils.config import RunConfig
from mgutils.errors import ConfigError
from mgutils.models.classifier import build_classifier
from mgutils.models.encoders import ImageEncoder, ProjectionHead, TextEncoder
from mgutils.predict.weights import Weights
from mgutils.training.config_file import check_task

_REFUSED = {"checkpoint_path", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "cache_dir"}
"""What timm takes and a stranger's settings must not ask for: it would read other files."""
_LARGEST_SIDE, _MOST_LAYERS, _LARGEST_NUMBER = 1024, 256, 2**16
"""Of what a stranger's settings may ask for: side of an image, layers in all, any other whole number."""
_MOST_PARAMETERS = 2**27
"""Of a model, unless its file holds more: half a gigabyte. Torchvision's AlexNet is built with 2**26 and then cut."""
_LARGEST_OUTPUT = 2**26
"""Numbers that a layer may make of one image: a quarter of a gigabyte. ResNet-50 makes 2**24 at 1024 pixels."""


def trusted(config: RunConfig, source: str) -> RunConfig:
    """Return settings that a stranger may send; nothing is built to find out.

    Raises
    ------
    ConfigError
        If the run reads no images, timm would read other files, or the model would take all memory or minutes to build.
    """
    check_task(config, source, "image-text", "classification")
    asked = _REFUSED & set(config.model.image_kwargs)
    if asked:
        raise ConfigError(f"{source}: image_kwargs asks for {', '.join(sorted(asked))}, which makes timm read other "
                          "files; refused. Delete it there.")
    if not 1 <= config.train.image_size <= _LARGEST_SIDE:
        raise ConfigError(f"{source}: image_size: found {config.train.image_size}; wanted 1 to {_LARGEST_SIDE} pixels. "
                          "Correct it there.")
    if config.model.text_kwargs.get("sinusoidal_pos_embds"):
        raise ConfigError(f"{source}: text_kwargs asks for sinusoidal_pos_embds, a table that takes minutes to "
                          "compute; refused. Delete it there.")
    asked = {"projection": config.model.projection} | config.model.image_kwargs | config.model.text_kwargs
    for name, value in asked.items():
        _check_size(name, value, source)
    return config


def _check_size(name: str, value: object, source: str) -> None:
    """Refuse a number with which building the model would take all memory, or minutes."""
    numbers = [value] if not isinstance(value, list | tuple) else value
    whole = [abs(number) for number in numbers if isinstance(number, int)]
    most = _MOST_LAYERS if "layer" in name or "depth" in name else _LARGEST_NUMBER
    if sum(whole) > most or len(numbers) > _MOST_LAYERS:
        raise ConfigError(f"{source}: {name}: found {str(value)[:60]}; wanted at most {most:,} in all. "
                          "Correct it there.")


def measure(config: RunConfig, classes: int, weights: Weights, *, text: bool) -> int:
    """Build the image network, and the text encoder if asked for, without memory, and show it one image.

    Settings that are each allowed may together ask for any size: wide layers, a large image, a large projection.

    Returns
    -------
    int
        How many numbers the largest output of a layer has for one image.

    Raises
    ------
    ConfigError
        If the model has more parameters than :data:`_MOST_PARAMETERS` and than its file, or a layer makes more than
        :data:`_LARGEST_OUTPUT` numbers of one image.
    """
    model, source = replace(config.model, pretrained=False), str(weights.path)
    with torch.device("meta"), _few_parameters(max(_MOST_PARAMETERS, _stored(weights)), source):
        if config.reads_text:
            network: nn.Module = ImageEncoder(model.image_encoder, False, model.image_kwargs)
            ProjectionHead(network.width, model.projection)
        else:
            network = build_classifier(model, classes)
        if text:
            ProjectionHead(TextEncoder(model.text_encoder, False, model.text_kwargs, 1).width, model.projection)
    image = torch.empty(1, 3, config.train.image_size, config.train.image_size, device="meta")
    with torch.no_grad(), _small_outputs(source) as sizes:
        network.eval()(image)
    return max(sizes)


@contextmanager
def _few_parameters(most: int, source: str) -> Iterator[None]:
    """Count the parameters that the block makes."""
    count = 0

    def add(module: nn.Module, name: str, parameter: nn.Parameter) -> None:
        nonlocal count
        count += parameter.numel()
        if count > most:
            raise ConfigError(f"{source}: found settings of a model of more than {most:,} parameters; wanted at most "
                              "as many, or as the file holds numbers. Name the run's own config.json with --config.")

    hook = register_module_parameter_registration_hook(add)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def _small_outputs(source: str) -> Iterator[list[int]]:
    """Sizes of the outputs of all layers that the block runs."""
    sizes = [1]

    def note(module: nn.Module, inputs: object, output: object) -> None:
        sizes.append(output.numel() if isinstance(output, Tensor) else 0)
        if sizes[-1] > _LARGEST_OUTPUT:
            raise ConfigError(f"{source}: found settings with which a layer makes {sizes[-1]:,} numbers of one image; "
                              f"wanted at most {_LARGEST_OUTPUT:,}. Name the run's own config.json with --config.")

    hook = register_module_forward_hook(note)
    try:
        yield sizes
    finally:
        hook.remove()


def _stored(weights: Weights) -> int:
    """How many numbers lie in a file; tensors may share them."""
    held = {value.untyped_storage().data_ptr(): value.untyped_storage().nbytes() // value.element_size()
            for value in weights.tensors.values()}
    return sum(held.values())
