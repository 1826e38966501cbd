"""The runs behind Table 1: every objective from every seed of a profile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mgutils.config import OBJECTIVES, SplitName, get_profile, run_config
from mgutils.experiments.runs import train_groups
from mgutils.training.run import Run


def table1_runs(
    profile: str,
    data_root: Path | str,
    out_dir: Path | str,
    *,
    split: SplitName = "frame",
    seed: int = 0,
    objectives: Sequence[str] = tuple(OBJECTIVES),
    jobs: int = 2,
) -> dict[str, list[Run]]:
    """The runs behind Table 1: each objective from the profile's number of seeds.

    Parameters
    ----------
    seed : int
        The first seed; the next ones follow.

    Returns
    -------
    dict
        Objective name to its runs, in the order of the seeds.
    """
    seeds = range(seed, seed + get_profile(profile).seeds)
    configs = {
        objective: [run_config(profile, objective, split, number) for number in seeds]
        for objective in objectives
    }
    return train_groups(configs, data_root, out_dir, jobs=jobs)
