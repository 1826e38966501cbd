"""Go on with a stopped run: what its folder holds, if it is a run of the same configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from mgutils.errors import CheckpointError
from mgutils.training.checkpoint import load_last
from mgutils.training.whole import adopt_best


def find_stopped(directory: Path,
                 content: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Weights and state after the last whole epoch of a folder; ``None`` where none had ended.

    The best epoch's files are put where they belong. ``content`` is the run's ``config.json``.

    Raises
    ------
    CheckpointError
        If the folder holds a run of another configuration, or is damaged.
    """
    found = load_last(directory)
    if found is None:
        return None
    recorded = {"task": content["task"]} | _recorded(directory / "config.json")
    if recorded != json.loads(json.dumps(content)):
        raise CheckpointError(f"{directory}: holds a run of another configuration. "
                              "Name another folder, or train anew.")
    adopt_best(directory, found[1].get("kept", {}))
    return found


def _recorded(file: Path) -> dict[str, Any]:
    """The configuration that a stopped run left beside its checkpoint."""
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        found = ("no such file" if isinstance(error, FileNotFoundError)
                 else f"no configuration ({error})")
        raise CheckpointError(
            f"{file}: found {found}; wanted the configuration of the checkpoint beside it. "
            "Restore the file, or train anew with --no-resume.") from None
