"""The runs behind Table 1: every objective from every seed of a profile.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mgutils.config import OBJECTIVES, SplitName, get_profile, run_config
from mgutils.training.run import Run
from mgutils.training.store import train_all


def table1_runs(profile: str, data_root: Path | str, out_dir: Path | str, *, split: SplitName = "frame", seed: int = 0,
                objectives: Sequence[str] = tuple(OBJECTIVES), jobs: int = 2) -> dict[str, list[Run]]:
    """The runs behind Table 1: each objective from the profile's number of seeds, counted from ``seed``.

    Returns
    -------
    dict
        Objective name to its runs, in the order of the seeds.
    """
    seeds = range(seed, seed + get_profile(profile).seeds)
    configs = [run_config(profile, objective, split, s) for s in seeds for objective in objectives]
    runs = train_all(configs, data_root, out_dir, jobs=jobs)
    return {objective: [run for run in runs if run.config.objective == objective] for objective in objectives}
