"""The runs of notebook 13: the report's loss on skeletons, with a sentence for each part of the body.

A classifier of joints learns from labels. Beside it, as in GAP (Xiang et al. 2023, arXiv:2208.05318), its embedding is
pulled to sentences about the head, the hands, the arms and the trunk, with the forward KL to targets of the classes
that the report calls Jensen-Shannon. The text is not read in a test. All arms have the same clips and seeds, in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd

from mgutils.config import (
    Pair,
    Protocol,
    RunConfig,
    SpaceConfig,
    SpaceProfile,
    TextVectors,
    get_skeleton_profile,
    get_space_profile,
    lasting,
    space_config,
    star,
)
from mgutils.data.sentences import PARTS
from mgutils.data.table import Dataset
from mgutils.experiments.cameras import TEMPERATURE
from mgutils.experiments.generalization import tally_runs
from mgutils.experiments.runs import train_groups
from mgutils.metrics.intervals import DRAWS, SCORES, interval
from mgutils.metrics.paired import holm, paired
from mgutils.training.run import Run

ARMS = LABELS, CLASSES, CLIPS, OTHER, NAMES = (
    "labels alone", "class sentences", "clip sentences", "another class", "class name")
"""What is said of the parts of each clip beside its label."""
LOSS, WEIGHT = "cosine_kl", 1.0
"""The report's loss, on cosines as GAP has it, and what all sentences together weigh beside the label."""
EPOCHS = 40


def with_parts(text: str, *, weight: float = WEIGHT, seed: int = 0) -> SpaceConfig:
    """A classifier of joints, and beside it the joints paired with a sentence about each part of the body.

    Taught in: 13, section 2.
    """
    said = tuple(TextVectors(part, text, part=part, seed=seed) for part in PARTS)
    pairs = star("joints", PARTS, loss=LOSS, weight=weight / len(PARTS), temperature=TEMPERATURE)
    return SpaceConfig((labels(), *pairs), learn_temperature=True, derived=said)


def labels() -> Pair:
    """The classifier alone."""
    return Pair("joints", "class", "class_ce", temperature=TEMPERATURE)


def bridge_configs(profile: str | SpaceProfile, seed: int = 0) -> dict[str, list[RunConfig]]:
    """The runs of each arm, on as many clips as those of notebook 10."""
    profile = get_space_profile(profile)
    limit = get_skeleton_profile(profile.name).limit
    name = Pair("joints", "name", LOSS, weight=WEIGHT, temperature=TEMPERATURE)

    def model(arm: str, number: int) -> SpaceConfig:
        if arm == LABELS:
            return SpaceConfig((labels(),), learn_temperature=True)
        if arm == NAMES:
            return SpaceConfig((labels(), name), learn_temperature=True, derived=(TextVectors("name", "name"),))
        return {CLASSES: with_parts("class"), CLIPS: with_parts("sample"), OTHER: with_parts("other", seed=number)}[arm]

    def run(arm: str, number: int) -> RunConfig:
        config = space_config(profile, model(arm, number), "bridge", seed=number, **lasting(profile, EPOCHS))
        return replace(config, protocol=Protocol(limit=limit))

    return {arm: [run(arm, number) for number in range(seed, seed + profile.seeds)] for arm in ARMS}


def bridge_runs(profile: str | SpaceProfile, clips: Path | str, out_dir: Path | str, *, seed: int = 0,
                jobs: int = 2) -> dict[str, list[Run]]:
    """Train what is missing on a folder of clips with sentences, and return the runs of each arm.

    Taught in: 13, section 3.
    """
    return train_groups(bridge_configs(profile, seed), clips, out_dir, jobs=jobs)


def bridge_table(dataset: Dataset, runs: Mapping[str, Sequence[Run]], *, draws: int = DRAWS) -> pd.DataFrame:
    """Scores of every arm on new people: ``arm, score, value, low, high``; shares.

    Taught in: 13, section 3.
    """
    tables = {arm: tally_runs(dataset, group) for arm, group in runs.items()}
    return pd.DataFrame([{"arm": arm, "score": score, **asdict(interval(table, function, draws=draws))}
                         for arm, table in tables.items() for score, function in SCORES.items()])


def bridge_differences(dataset: Dataset, runs: Mapping[str, Sequence[Run]], pairs: Sequence[tuple[str, str]], *,
                       draws: int = DRAWS) -> pd.DataFrame:
    """The second arm less the first, paired by seed and person, in percentage points.

    Returns
    -------
    DataFrame
        By ``arm`` (the second), ``less`` (the first) and ``score``: ``difference, low, high, detectable, p, shown``.
        ``p`` is not corrected. ``shown`` if the interval leaves out 0, and p is below 0.05 with Holm's correction for
        the number of pairs.

    Taught in: 13, section 3.
    """
    tables = {arm: tally_runs(dataset, group) for arm, group in runs.items()}
    rows = []
    for score, function in SCORES.items():
        found = [paired(tables[first], tables[second], function, draws=draws) for first, second in pairs]
        for (first, second), each, p in zip(pairs, found, holm([each.p for each in found]), strict=True):
            rows.append({"arm": second, "less": first, "score": score, "difference": 100 * each.value,
                         "low": 100 * each.low, "high": 100 * each.high, "detectable": 100 * each.detectable,
                         "p": each.p, "shown": bool(each.shown and p < 0.05)})
    return pd.DataFrame(rows).set_index(["arm", "less", "score"])
