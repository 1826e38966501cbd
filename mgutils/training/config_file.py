"""Read the ``config.json`` that a run left; :meth:`mgutils.config.RunConfig.as_dict` is what stands there."""

from __future__ import annotations

import json
from pathlib import Path

from mgutils.config.settings import (
    RETIRED,
    WRITTEN,
    ModelConfig,
    Objective,
    Protocol,
    RunConfig,
    TaskName,
    TrainConfig,
)
from mgutils.config.skeleton import SkeletonConfig
from mgutils.config.space import FusionConfig, MaskedConfig, SpaceConfig
from mgutils.errors import ConfigError

_MARKS = {"network": SkeletonConfig, "pairs": SpaceConfig, "head": FusionConfig, "ratio": MaskedConfig}
"""The field that only this kind of model has."""
_ASKED = {"alignment": "`mg probe` and `mg retrieve` ask this one.", "masked": "`mg probe` asks this one.",
          "fusion": "The scores of this one are in its metrics.json."}
"""What to do with a run that others have no use for."""
_NO_CONFIG = "{}: not the configuration of a run ({!r}). Name a folder that `mg train` left."


def read_config(path: Path | str) -> RunConfig:
    """Read the configuration that a run left in its ``config.json``; :class:`ConfigError` if there is none."""
    try:
        return parse_config(Path(path).read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeError) as error:
        raise ConfigError(_NO_CONFIG.format(path, error)) from error


def parse_config(text: str, source: str) -> RunConfig:
    """Parse the text of a ``config.json``; ``source`` names the file in the :class:`ConfigError`."""
    try:
        plain = json.loads(text)
        train = dict(plain["train"])
        for name, value in RETIRED.items():
            if train.pop(name, value) != value:
                raise ConfigError(f"{name}: found a setting that no longer exists; wanted {value!r}.")
        loss = dict(plain["loss"])
        loss["loss"] = {old: name for name, old in WRITTEN.items()}.get(loss["loss"], loss["loss"])
        kind = next((kind for mark, kind in _MARKS.items() if mark in plain["model"]), ModelConfig)
        return RunConfig(plain["objective"], Objective(**loss), kind(**plain["model"]),
                         TrainConfig(**train), plain["split"], plain["seed"],
                         plain.get("caption_kind", "own"), tuple(plain.get("left_out", ())),
                         Protocol(**plain.get("protocol", {})), plain.get("init", ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ConfigError) as error:
        raise ConfigError(_NO_CONFIG.format(source, error)) from error


def check_task(config: RunConfig, source: Path | str, *tasks: TaskName) -> None:
    """Raise a :class:`ConfigError` if a run is of another task than those that its reader has a use for."""
    if config.task not in tasks:
        remedy = _ASKED.get(config.task, f"`mg train --task {tasks[0]}` makes one.")
        wanted = f"one of {', '.join(tasks)}" if len(tasks) > 1 else tasks[0]
        raise ConfigError(f"{source}: found a run of the task {config.task!r}; wanted {wanted}. {remedy}")
