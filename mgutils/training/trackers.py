"""Follow a run in TensorBoard or another tracker, through accelerate. Nothing of it decides a result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.tracking import filter_trackers

from mgutils.errors import ConfigError

PROJECT = "mgutils"
"""Name of the project, and of the folder inside a run's that holds its events."""


def start_tracker(accelerator: Accelerator, name: str, directory: Path) -> None:
    """Start a tracker whose files go into the folder of a run.

    Raises
    ------
    ConfigError
        If accelerate does not know it, or its package is not installed.
    """
    try:
        found = filter_trackers([name], str(directory))
    except ValueError as error:
        raise ConfigError(f"log_with: found {name!r}; {error}.") from None
    if not found:
        raise ConfigError(f"log_with: found {name!r}, which is not installed; wanted a tracker that "
                          "is. Install its package, or leave --log-with out.")
    accelerator.log_with = found
    accelerator.project_configuration.set_directories(str(directory))
    accelerator.init_trackers(PROJECT)


def log_epoch(accelerator: Accelerator, row: dict[str, Any]) -> None:
    """Send one row of the log to the trackers, if there are any."""
    values = {name: value for name, value in row.items() if name != "epoch"}
    accelerator.log(values, step=row["epoch"])


def finish_trackers(accelerator: Accelerator) -> None:
    """Close the trackers. Not ``end_training``, which also ends the group of processes."""
    if accelerator.is_main_process:
        for tracker in getattr(accelerator, "trackers", []):
            tracker.finish()
