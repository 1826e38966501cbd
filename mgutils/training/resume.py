"""Go on with a stopped run: restore a session from what its folder holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mgutils.errors import CheckpointError
from mgutils.training.checkpoint import load_last
from mgutils.training.session import Session, restore_session
from mgutils.training.whole import adopt_best


def resume_run(session: Session, directory: Path, content: dict[str, Any]) -> dict[str, Any]:
    """Restore the session from a folder. Returns its state, empty where no epoch had ended."""
    found = load_last(directory)
    if found is None:
        return {}
    recorded = {"task": content["task"]} | _recorded(directory / "config.json")
    if recorded != json.loads(json.dumps(content)):
        raise CheckpointError(f"{directory}: holds a run of another configuration. "
                              "Name another folder, or train anew.")
    weights, state = found
    adopt_best(directory, state.get("kept", {}))
    restore_session(session, weights, state)
    return state


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
