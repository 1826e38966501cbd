"""The tables of notebook 12: arms on classes never seen, pairs of arms, what a sentence finds, published numbers.

Scores are shares. An interval is over people, whom no run has seen, and over seeds; about other classes it says
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.config import SpaceProfile
from mgutils.data.sentences import class_texts
from mgutils.data.table import Dataset
from mgutils.evaluation.questions import sentences_of
from mgutils.evaluation.unseen import Unseen, biased
from mgutils.evaluation.unseen_sets import (
    generalized_tally,
    harmonic_interval,
    harmonic_recall,
    seen_recall,
    unseen_recall,
    zero_shot_tally,
)
from mgutils.evaluation.video_text import answers, text_alone
from mgutils.evaluation.within_class import WithinClass
from mgutils.experiments.sentences import DAMAGE, SAMPLE, class_sets, joint_configs
from mgutils.metrics.intervals import DRAWS, Score, Tally, accuracy, interval, mean_recall
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
    """Every run of some arms asked about new people's clips.

    All are asked with all sentences about the classes, whatever they learned from; only a run on names with the names,
    as it has met no sentence.

    Taught in: 12, section 5.
    """
    texts = class_texts(dataset)
    return {arm: [[answers(run, dataset, None if sentences_of(run.config).text == "name" else texts)
                   for run in of_set] for of_set in sets]
            for arm, sets in runs.items()}


def text_alone_arms(dataset: Dataset, profile: SpaceProfile, towers: Sequence[str], cache_dir: Path, *,
                    seed: int = 0) -> Asked:
    """The class looked up by each clip's own sentence, without any film, for every set of classes.

    Taught in: 12, section 2.
    """
    configs = joint_configs(profile, class_sets(dataset, profile, seed), seed)[SAMPLE][::profile.seeds]
    return {tower: [[text_alone(config, dataset, tower, cache_dir)] for config in configs] for tower in towers}


def arm_table(asked: Asked, *, draws: int = DRAWS) -> pd.DataFrame:
    """UAR of each arm among five unseen classes: ``arm, seeds, value, low, high, war, sets`` (the sets' own UARs).

    Taught in: 12, section 5.
    """
    rows = []
    for arm, sets in asked.items():
        table = zero_shot_tally(sets)
        rows.append({"arm": arm, "seeds": len(sets[0]), **asdict(interval(table, mean_recall, draws=draws)),
                     "war": table.scores(accuracy).mean(),
                     "sets": [float(zero_shot_tally([of_set]).scores(mean_recall).mean()) for of_set in sets]})
    return pd.DataFrame(rows)


def arm_differences(asked: Asked, pairs: Sequence[tuple[str, str]], *, draws: int = DRAWS) -> pd.DataFrame:
    """The second arm's UAR less the first's, paired by person, class and seed, in percentage points.

    On the seeds that both have.

    Returns
    -------
    DataFrame
        By ``second less first``: ``seeds``; ``uar`` and ``beside``, the second's and the first's on these seeds, in %;
        then the columns of :func:`points`, ``shown`` with Holm's correction for the number of pairs, too.

    Taught in: 12, section 5.
    """
    rows = []
    for couple in pairs:
        seeds = min(len(asked[arm][0]) for arm in couple)
        first, second = (zero_shot_tally([of_set[:seeds] for of_set in asked[arm]]) for arm in couple)
        uar, beside = (100 * table.scores(mean_recall).mean() for table in (second, first))
        rows.append({"pair": f"{couple[1]} less {couple[0]}", "seeds": seeds, "uar": uar, "beside": beside,
                     **points(first, second, draws=draws)})
    table = pd.DataFrame(rows).set_index("pair")
    table["shown"] &= holm(table["p"]) < 0.05
    return table


def general_table(asked: Asked, *, draws: int = DRAWS) -> pd.DataFrame:
    """Seen and unseen classes among all, by arm: ``seen, unseen, harmonic``; ``low, high`` of the harmonic mean.

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


def never_shown(found: WithinClass, sets: Sequence[Sequence[int]]) -> WithinClass:
    """Of what an arm's runs find, that of each class in the runs that left it out.

    Parameters
    ----------
    found : WithinClass
        Of the runs in order: set of classes, then seed.
    sets : sequence of sequences of int
        Class ids that each set leaves out.

    Taught in: 12, section 6.
    """
    asked = np.zeros((len(sets), found.r1.counts.shape[1]))  # (sets, C)
    for place, left_out in enumerate(sets):
        asked[place, np.array(left_out) - 1] = 1

    def kept(table: Tally) -> Tally:
        hits = table.hits.reshape(len(sets), -1, *table.hits.shape[1:])  # (sets, seeds, people, C)
        return Tally((hits * asked[:, None, None]).sum(axis=0), table.counts * asked.any(axis=0))

    return WithinClass(*map(kept, found))


def within_arms(found: Mapping[str, WithinClass], sets: Sequence[Sequence[int]], *, draws: int = DRAWS) -> pd.DataFrame:
    """What each arm finds within a class: ``arm, classes`` (``all``, ``left out``), R@1 ``value, low, high, chance``.

    Parameters
    ----------
    found : mapping
        Of the runs in order: set of classes, then seed.
    sets : sequence of sequences of int
        Class ids that each set leaves out.

    Taught in: 12, section 6.
    """
    rows = []
    for arm, tallies in found.items():
        for classes, asked in (("all", tallies), ("left out", never_shown(tallies, sets))):
            rows.append({"arm": arm, "classes": classes, **asdict(interval(asked.r1, accuracy, draws=draws)),
                         "chance": asked.chance.scores(accuracy).mean()})
    return pd.DataFrame(rows)


def dial_table(asked: Asked, found: Mapping[str, WithinClass], *, draws: int = DRAWS) -> pd.DataFrame:
    """What a captioner's mistakes cost: ``damage, rate, score`` (``uar`` or ``r1``), ``value, low, high, chance``.

    Parameters
    ----------
    asked, found : mapping
        Of :data:`mgutils.experiments.sentences.DAMAGE` and of the sentences as they are: answers about unseen classes,
        and clips found within their class.

    Taught in: 12, section 8.
    """
    rows = []
    whole = {(damage, 0.0): SAMPLE for damage, _ in DAMAGE}
    for (damage, rate), arm in (whole | DAMAGE).items():
        tallies = {"uar": (zero_shot_tally(asked[arm]), mean_recall, asked[arm][0][0].chance),
                   "r1": (found[arm].r1, accuracy, found[arm].chance.scores(accuracy).mean())}
        rows += [{"damage": damage, "rate": rate, "score": score,
                  **asdict(interval(table, function, draws=draws)), "chance": chance}
                 for score, (table, function, chance) in tallies.items()]
    return pd.DataFrame(rows).sort_values(["damage", "rate"], kind="stable", ignore_index=True)


def bias_curves(sets: Sequence[Sequence[Unseen]], biases: Sequence[float]) -> pd.DataFrame:
    """What a number added to the scores of the unseen classes makes of an arm: ``bias, seen, unseen, harmonic``.

    With the bias 0 the row of :func:`general_table`. See :func:`mgutils.evaluation.unseen.biased`.

    Taught in: 12, section 7.
    """
    recalls = {"seen": seen_recall, "unseen": unseen_recall, "harmonic": harmonic_recall}
    rows = []
    for bias in biases:
        table = generalized_tally([[biased(run, bias) for run in of_set] for of_set in sets])
        rows.append({"bias": bias} | {name: table.scores(recall).mean() for name, recall in recalls.items()})
    return pd.DataFrame(rows)


def points(first: Tally, second: Tally, score: Score = mean_recall, *, draws: int = DRAWS) -> dict[str, float | bool]:
    """The second less the first, paired by person and seed, in percentage points.

    Returns
    -------
    dict
        ``difference, low, high``; ``detectable``, the smallest true difference that this design finds four times in
        five; ``p``; ``shown``. Of fewer seeds, those are compared that both have.

    Taught in: 12, section 6.
    """
    seeds = min(len(first.hits), len(second.hits))
    found = paired(first.first(seeds), second.first(seeds), score, draws=draws)
    return {"difference": 100 * found.value, "low": 100 * found.low, "high": 100 * found.high,
            "detectable": 100 * found.detectable, "p": found.p, "shown": found.shown}
