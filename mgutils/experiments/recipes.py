"""Recipes: from the report's settings to ours, one change at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mgutils.config import ObjectiveName, Profile, RunConfig, SplitName, run_config
from mgutils.errors import ConfigError


@dataclass(frozen=True)
class Recipe:
    """An objective, and what a recipe changes in the :class:`TrainConfig` of a profile."""

    objective: ObjectiveName
    train: Mapping[str, Any] = field(default_factory=dict)


RECIPES = {
    "report": Recipe("report_js"),
    "sound": Recipe("sound_ce"),
    "ours": Recipe("sound_ce", {"augment": "affine"}),
}
"""From the report's recipe to ours, one change at a time: CLIP's loss, then small turns, shifts and zooms."""
ENDS = ("report", "ours")
"""The two that are compared on new people."""


def recipe_config(profile: str | Profile, recipe: str, split: SplitName = "subject", seed: int = 0,
                  **train: Any) -> RunConfig:
    """The run of a profile with a recipe.

    Further words change its :class:`TrainConfig` after the recipe did.

    Raises
    ------
    ConfigError
        If there is no recipe of that name.
    """
    if recipe not in RECIPES:
        raise ConfigError(f"recipe: found {recipe!r}; wanted one of {', '.join(RECIPES)}.")
    found = RECIPES[recipe]
    return run_config(profile, found.objective, split, seed, **{**found.train, **train})
