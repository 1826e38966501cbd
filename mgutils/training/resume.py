"""Go on with a stopped run: what its folder holds, if it is a run of the same configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mgutils.errors import CheckpointError
from mgutils.training.checkpoint import load_last
from mgutils.training.session import Session, restore_session
from mgutils.training.whole import adopt_best


def go_on(session: Session, directory: Path, content: dict[str, Any]) -> dict[str, Any]:
    """Put a session where a stopped run had got to, after its last whole epoch.

    The best epoch's files are put where they belong.

    Parameters
    ----------
    session : Session
        Open, and not trained.
    directory : path
        Of the run.
    content : dict
        Its ``config.json``.

    Returns
    -------
    dict
        The state that the run left; empty where no epoch had ended.

    Raises
    ------
    CheckpointError
        If the folder holds a run of another configuration, or is damaged.
    """
    found = load_last(directory)
    if found is None:
        return {}
    weights, state = found
    recorded = {"task": content["task"]} | _recorded(directory / "config.json")
    if recorded != json.loads(json.dumps(content)):
        raise CheckpointError(f"{directory}: holds a run of another configuration. "
                              "Name another folder, or train anew.")
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
