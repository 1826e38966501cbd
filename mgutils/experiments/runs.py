"""Train several groups of runs in one go."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from mgutils.config import RunConfig
from mgutils.training.run import Run
from mgutils.training.store import train_all

_Name = TypeVar("_Name", bound=Hashable)


def train_groups(groups: Mapping[_Name, Sequence[RunConfig]], data_root: Path | str,
                 out_dir: Path | str, *, jobs: int = 2) -> dict[_Name, list[Run]]:
    """Train what is missing, all groups together so that processes share the work evenly.

    Returns
    -------
    dict
        The runs of each group, in its order.
    """
    configs = [config for group in groups.values() for config in group]
    runs = iter(train_all(configs, data_root, out_dir, jobs=jobs))
    return {name: [next(runs) for _ in group] for name, group in groups.items()}
