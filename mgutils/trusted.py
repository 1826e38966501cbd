"""What the settings that come with a checkpoint may ask for, when nobody knows who wrote them.

Limits of the kit's own settings are in ``settings``; these are narrower, and are checked before a model is built.
"""

from __future__ import annotations

import json
from pathlib import Path

from mgutils.config import RunConfig
from mgutils.errors import ConfigError

_REFUSED = {"checkpoint_path", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "cache_dir"}
"""What timm takes and a stranger's settings must not ask for: it would read other files."""
_LARGEST_SIDE, _MOST_LAYERS, _LARGEST_NUMBER = 1024, 256, 2**16
"""Of what a stranger's settings may ask for: side of an image, layers in all, any other whole number."""


def trusted(config: RunConfig, source: str) -> RunConfig:
    """Return settings that a stranger may send; nothing is built to find out.

    Raises
    ------
    ConfigError
        If timm would read other files, or the model would take all memory or minutes to build.
    """
    asked = _REFUSED & set(config.model.image_kwargs)
    if asked:
        raise ConfigError(f"{source}: image_kwargs asks for {', '.join(sorted(asked))}, which makes timm read other "
                          "files; refused. Delete it there.")
    if not 1 <= config.train.image_size <= _LARGEST_SIDE:
        raise ConfigError(f"{source}: image_size: found {config.train.image_size}; wanted 1 to {_LARGEST_SIDE} pixels. "
                          "Correct it there.")
    channels = config.model.image_kwargs.get("in_chans", 3)
    if type(channels) is not int or channels != 3:
        raise ConfigError(f"{source}: image_kwargs, in_chans: found {channels!r}; wanted 3, for the images are RGB. "
                          "Correct it there.")
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


def recorded_temperature(text: str, source: Path | str) -> float:
    """Return the temperature that an exported file's settings record.

    Raises
    ------
    ConfigError
        If it is absent, or no number above 0.
    """
    found = json.loads(text).get("temperature")
    fits = isinstance(found, int | float) and not isinstance(found, bool) and 0 < found < float("inf")
    if not fits:
        raise ConfigError(f"{source}: temperature: found {str(found)[:40]}; wanted a number more than 0. "
                          "Export the run again.")
    return float(found)
