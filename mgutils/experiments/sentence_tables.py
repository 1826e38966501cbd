"""The tables of notebook 12: arms on classes never seen, pairs of arms, what a sentence finds, published numbers.

Scores are shares. An interval is over people, whom no run has seen, and over seeds; about other classes it says
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from mgutils.data.table import Dataset
from mgutils.evaluation.unseen import Unseen, answers
from mgutils.evaluation.unseen_sets import (
    generalized_tally,
    harmonic_interval,
    seen_recall,
    unseen_recall,
    zero_shot_tally,
)
from mgutils.metrics.intervals import DRAWS, Tally, accuracy, interval, mean_recall
from mgutils.metrics.paired import holm, paired
from mgutils.training.run import Run

Asked = dict[str, list[list[Unseen]]]
"""Arm to its answers: set of classes, then seed."""

PUBLISHED = pd.DataFrame([
    ("CLIP B/32, no training", 22.08, 21.30, 18.12, 17.38, 13.39, 15.48, 28.59, 28.87),
    ("X-CLIP B/32", 20.03, 16.06, 16.80, 12.50, 11.51, 13.53, 21.81, 22.05),
    ("CLIP L/14", 32.02, 38.12, 21.97, 28.99, 20.42, 25.58, 35.50, 38.32),
    ("the original: CLIP B/32, captions of MAFW", 36.76, 46.27, 26.73, 35.30, 25.86, 33.49, 36.13, 39.90),
    ("Exp-CLIP B/32", 24.25, 25.87, 21.48, 21.25, 17.53, 20.27, 29.72, 31.23),
    ("Exp-CLIP L/14", 40.16, 47.09, 27.45, 31.07, 23.95, 26.98, 38.72, 40.42),
    ("DFER-CLIP, with labels", 59.61, 71.25, 41.27, 51.65, 39.89, 52.55, np.nan, np.nan),
], columns=pd.MultiIndex.from_tuples(
    [("", "system")] + [(data, score) for data in ("DFEW", "FERV39k", "MAFW", "AFEW") for score in ("UAR", "WAR")]),
).set_index(("", "system")).rename_axis("system")
"""Expressions of faces in films, % as published: Exp-CLIP's table (WACV 2025), and DFER-CLIP's paper."""


def ask_arms(dataset: Dataset, runs: Mapping[str, Sequence[Sequence[Run]]]) -> Asked:
    """Every run of some arms asked with the classes' sentences.

    Taught in: 12, section 5.
    """
    return {arm: [[answers(run, dataset) for run in of_set] for of_set in sets] for arm, sets in runs.items()}


def arm_table(asked: Asked, *, draws: int = DRAWS) -> pd.DataFrame:
    """UAR of each arm among five unseen classes: ``arm, value, low, high, war, sets`` (a list: the sets' own UARs).

    Taught in: 12, section 5.
    """
    rows = []
    for arm, sets in asked.items():
        table = zero_shot_tally(sets)
        rows.append({"arm": arm, **asdict(interval(table, mean_recall, draws=draws)),
                     "war": table.scores(accuracy).mean(),
                     "sets": [float(zero_shot_tally([of_set]).scores(mean_recall).mean()) for of_set in sets]})
    return pd.DataFrame(rows)


def arm_differences(asked: Asked, pairs: Sequence[tuple[str, str]], *, draws: int = DRAWS) -> pd.DataFrame:
    """The second arm's UAR less the first's, paired by person, class and seed, in percentage points.

    Returns
    -------
    DataFrame
        By ``second less first``: ``difference, low, high``; ``detectable``, the smallest true difference that this
        design finds four times in five; ``p``; ``shown``, by the interval and by p with Holm's correction for the
        number of pairs. Arms of fewer seeds are compared on those that both have.

    Taught in: 12, section 5.
    """
    rows = []
    for first, second in pairs:
        tables = [zero_shot_tally(asked[arm]) for arm in (first, second)]
        seeds = min(len(table.hits) for table in tables)
        found = paired(*(table.first(seeds) for table in tables), mean_recall, draws=draws)
        rows.append({"pair": f"{second} less {first}", "difference": 100 * found.value, "low": 100 * found.low,
                     "high": 100 * found.high, "detectable": 100 * found.detectable, "p": found.p,
                     "shown": found.shown})
    table = pd.DataFrame(rows).set_index("pair")
    table["shown"] &= holm(table["p"]) < 0.05
    return table


def general_table(asked: Asked, *, draws: int = DRAWS) -> pd.DataFrame:
    """Seen and unseen classes, each among all: by arm ``seen, unseen, harmonic, low, high``, the last two of its interval.

    Taught in: 12, section 7.
    """
    rows = []
    for arm, sets in asked.items():
        table = generalized_tally(sets)
        found = harmonic_interval(table, draws=draws)
        rows.append({"arm": arm, "seen": table.scores(seen_recall).mean(),
                     "unseen": table.scores(unseen_recall).mean(), "harmonic": found.value, "low": found.low,
                     "high": found.high})
    return pd.DataFrame(rows).set_index("arm")


def difference_table(tables: Mapping[str, Tally], first: str, second: str, score=accuracy) -> pd.Series:
    """The second tally less the first, paired, in percentage points: ``difference, low, high, detectable, p, shown``."""
    found = paired(tables[first], tables[second], score)
    return pd.Series({"difference": 100 * found.value, "low": 100 * found.low, "high": 100 * found.high,
                      "detectable": 100 * found.detectable, "p": found.p, "shown": found.shown})
