"""The settings and the classes of a checkpoint: those that came with it, those that were named, or the original's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from mgutils.config import OBJECTIVES, PROFILES, RunConfig
from mgutils.data.labels import Labels, imigue_labels, read_labels
from mgutils.errors import CheckpointError, ConfigError
from mgutils.predict.trusted import trusted
from mgutils.predict.weights import Weights
from mgutils.training.config_file import parse_config

ORIGINAL_CONFIG = RunConfig("report_js", OBJECTIVES["report_js"], PROFILES["imigue"].model, PROFILES["imigue"].train)
"""What the original's checkpoints do not say: ResNet-50, DistilBERT, 224 px, no normalisation, 0.05."""


def found_settings(weights: Weights, config: Path | str | None) -> tuple[RunConfig, Labels | None]:
    """The configuration and, where they were recorded, the classes."""
    text = weights.metadata.get("config")
    source = weights.path
    if config is not None or text is None:
        source = source.with_name("config.json") if config is None else Path(config)
        source = source / "config.json" if source.is_dir() else source
        if config is None and not source.exists():
            return ORIGINAL_CONFIG, None
        if not source.is_file():
            raise ConfigError(f"{source}: found no file; wanted the config.json of a run. Name it with --config.")
        text = source.read_text(encoding="utf-8", errors="replace")
    settings = trusted(parse_config(text, str(source)), str(source))
    captions, own = (_texts(json.loads(text).get(name)) for name in ("captions", "classes"))
    return settings, Labels(captions, own if len(own) == len(captions) else ()) if captions else None


def _texts(value: object) -> tuple[str, ...]:
    """A list of texts, none of them empty; else nothing."""
    fits = isinstance(value, list) and all(isinstance(text, str) and text for text in value)
    return tuple(value) if fits else ()


def found_labels(weights: Weights, given: Path | str | None, recorded: Labels | None) -> tuple[Labels, str]:
    """The classes, and where they were found."""
    if given is None and recorded is not None:
        return recorded, "the checkpoint's own"
    here = Path("Clip_label.csv")
    if given is None and not here.exists():
        return imigue_labels(), "iMiGUE's, under the original's names"
    labels = read_labels(given or here)
    if recorded is not None and labels.captions != recorded.captions:
        raise CheckpointError(f"{weights.path}: trained on {len(recorded)} classes, which are not the {len(labels)} of "
                              f"{given}. Leave --labels out: the checkpoint has its own.")
    return (labels if recorded is None else replace(recorded, own=labels.own or recorded.own)), str(given or here)
