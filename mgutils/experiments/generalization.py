"""Generalization to new people: which runs it needs, and its tables.

One recipe under every split, and a ladder of recipes under the hardest one. The best epoch of all
these runs is chosen on part of the training rows, never on the rows that are reported. How sure the
numbers are is computed in :mod:`mgutils.metrics.intervals` and :mod:`mgutils.metrics.paired`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mgutils.config import Profile, RunConfig, SplitName, get_profile
from mgutils.data.audit import trivial_answers
from mgutils.data.labels import ILLUSTRATIVE
from mgutils.data.splits import Split, available_splits, hold_out, make_split
from mgutils.data.table import Dataset
from mgutils.experiments.recipes import LADDER, OURS, recipe_config
from mgutils.metrics.intervals import (
    Interval,
    Score,
    Tally,
    accuracy,
    accuracy_without,
    difference_of,
    effective_subjects,
    interval,
    mean_recall,
    tally,
)
from mgutils.metrics.paired import holm, paired

if TYPE_CHECKING:
    from mgutils.training.run import Run

SPLITS: tuple[SplitName, ...] = ("frame", "clip", "video", "subject")
"""From the report's to the hardest."""
BASE_RECIPE = "sound"
"""The recipe that is tried under every split."""
SCORE_NAMES = {
    "top1": "accuracy",
    "uar": "UAR",
    "top1_micro": f"accuracy without class {ILLUSTRATIVE}",
}


def score_functions(classes: int) -> dict[str, Score]:
    """The scores of this evaluation; ``top1_micro`` only where there is a class 32 to leave out."""
    scores: dict[str, Score] = {"top1": accuracy, "uar": mean_recall}
    if classes == ILLUSTRATIVE:
        scores["top1_micro"] = accuracy_without(ILLUSTRATIVE - 1)
    return scores


# -- runs ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GeneralizationRuns:
    """The runs of one recipe by split, and those of every recipe on the hardest split."""

    by_split: Mapping[str, Sequence[Run]]
    by_recipe: Mapping[str, Sequence[Run]]


def usable_splits(dataset: Dataset) -> tuple[SplitName, ...]:
    """The splits that a dataset allows, from the report's to the hardest."""
    available = available_splits(dataset)
    return tuple(name for name in SPLITS if name in available)


def all_configs(profile: str | Profile, splits: Sequence[SplitName],
                seed: int = 0) -> dict[tuple[str, SplitName], list[RunConfig]]:
    """Every run of the evaluation, by recipe and split.

    Both ends of the ladder and :data:`BASE_RECIPE` have the profile's ``generalization_seeds``, the steps
    between ``ladder_seeds``; all count from ``seed``, so that any two recipes share their first
    seeds.
    """
    profile = get_profile(profile)
    epochs = profile.generalization_epochs or profile.train.epochs
    wanted = [(BASE_RECIPE, split) for split in splits]
    wanted += [(recipe, splits[-1]) for recipe in LADDER if recipe != BASE_RECIPE]
    configs = {}
    for recipe, split in wanted:
        ends = recipe in ("report", BASE_RECIPE, OURS)
        count = profile.generalization_seeds if ends else profile.ladder_seeds
        configs[recipe, split] = [
            recipe_config(profile, recipe, split, number, select="held_out", epochs=epochs)
            for number in range(seed, seed + count)
        ]
    return configs


def all_runs(profile: str | Profile, data_root: Path | str, out_dir: Path | str,
             splits: Sequence[SplitName], *, seed: int = 0, jobs: int = 2) -> GeneralizationRuns:
    """Train what is missing and return all runs.

    Taught in: 09, section 2.
    """
    from mgutils.experiments.runs import train_groups

    runs = train_groups(all_configs(profile, splits, seed), data_root, out_dir, jobs=jobs)
    return GeneralizationRuns(
        by_split={split: runs[BASE_RECIPE, split] for split in splits},
        by_recipe={recipe: runs[recipe, splits[-1]] for recipe in LADDER},
    )


def reported_split(dataset: Dataset, name: str) -> Split:
    """A split as these runs see it: rows to train on, to choose the epoch on, to report."""
    return hold_out(dataset, make_split(dataset, name))


def subjects_of(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """Subject of each row, or its clip where there is no sidecar."""
    column = "subject_id" if dataset.has_groups else "clip_id"
    return dataset.frames[column].to_numpy()[rows]


def tally_runs(dataset: Dataset, runs: Sequence[Run]) -> Tally:
    """Right answers of runs that were scored on the same rows."""
    answers = np.stack([run.logits.argmax(axis=1) for run in runs])
    subjects = subjects_of(dataset, runs[0].valid)
    return tally(answers, runs[0].target, subjects, len(dataset.labels))


def tally_trivial(dataset: Dataset, split: Split, score: str = "top1") -> dict[str, Tally]:
    """Right answers of ``constant`` and ``lookup``, each as strong as it can be for the score."""
    without = ILLUSTRATIVE if score == "top1_micro" else None
    subjects = subjects_of(dataset, split.valid)
    target = dataset.target[split.valid]
    return {
        name: tally(answers, target, subjects, len(dataset.labels))
        for name, answers in trivial_answers(dataset, split, without).items()
    }


# -- tables ----------------------------------------------------------------------------------------


def split_table(dataset: Dataset, by_split: Mapping[str, Sequence[Run]]) -> pd.DataFrame:
    """Each score under each split, with its interval, beside the trivial classifiers.

    Returns
    -------
    DataFrame
        ``split, score, value, low, high, seed_low, seed_high, constant, lookup`` (shares),
        ``gain, gain_low, gain_high`` (over the constant class), ``seeds, images, subjects,
        effective_subjects, classes``.

    Taught in: 09, section 2.
    """
    rows = []
    for name, runs in by_split.items():
        table = tally_runs(dataset, runs)
        split = reported_split(dataset, name)
        for score, function in score_functions(len(dataset.labels)).items():
            trivial = tally_trivial(dataset, split, score)
            by_seed = table.scores(function)
            # the constant class is right as often under every seed
            hits = np.broadcast_to(trivial["constant"].hits, table.hits.shape)
            gain = paired(Tally(hits, table.counts), table, function)
            rows.append({
                "split": name,
                "score": score,
                **asdict(interval(table, function)),
                "seed_low": by_seed.min(),
                "seed_high": by_seed.max(),
                "constant": trivial["constant"].scores(function)[0],
                "lookup": trivial["lookup"].scores(function)[0],
                "gain": gain.value,
                "gain_low": gain.low,
                "gain_high": gain.high,
                "seeds": len(runs),
                "images": table.counts.sum(),
                "subjects": len(table.counts),
                "effective_subjects": effective_subjects(table.counts, function),
                "classes": (table.counts.sum(axis=0) > 0).sum(),
            })
    return pd.DataFrame(rows)


def accuracy_sources(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracy on the first split as a sum of parts.

    They are the constant class, what is left on the hardest split, and what each leak adds. The
    splits report different images, some with more of the most common class than others, so what is
    compared is the gain over the constant class. The parts add up to the accuracy of the first
    split.

    Parameters
    ----------
    table : DataFrame
        Of :func:`split_table`; splits from the most to the least leaking.

    Returns
    -------
    DataFrame
        ``part, value, low, high``, shares; ``part`` is ``constant`` or the name of a split: what is
        gained on it over the next harder one.

    Taught in: 09, section 4.
    """
    rows = table[table["score"] == "top1"]
    constant = float(rows["constant"].iloc[0])
    parts = {"constant": Interval(constant, constant, constant)}
    harder = Interval(0, 0, 0)
    for row in rows[::-1].itertuples():
        gain = Interval(row.gain, row.gain_low, row.gain_high)
        parts[row.split] = difference_of(harder, gain)
        harder = gain
    return pd.DataFrame([{"part": part, **asdict(found)} for part, found in parts.items()])


def compare(dataset: Dataset, by_recipe: Mapping[str, Sequence[Run]],
            pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Differences between recipes, paired by seed and subject.

    Returns
    -------
    DataFrame
        ``first, second, score, first_value, second_value, difference, low, high, p, detectable,
        seeds, seeds_in_favour, shown, p_holm`` (corrected for the number of rows).

    Taught in: 09, section 5.
    """
    rows = []
    for score, function in score_functions(len(dataset.labels)).items():
        for names in pairs:
            # on the seeds that both recipes have
            seeds = min(len(by_recipe[name]) for name in names)
            first, second = (tally_runs(dataset, by_recipe[name][:seeds]) for name in names)
            found = paired(first, second, function)
            rows.append({
                "first": names[0],
                "second": names[1],
                "score": score,
                "first_value": first.scores(function).mean(),
                "second_value": second.scores(function).mean(),
                "difference": found.value,
                "low": found.low,
                "high": found.high,
                "p": found.p,
                "detectable": found.detectable,
                "seeds": seeds,
                "seeds_in_favour": sum(value > 0 for value in found.by_seed),
                "shown": found.shown,
            })
    table = pd.DataFrame(rows)
    table["p_holm"] = holm(table["p"])
    table["shown"] &= table["p_holm"] < 0.05
    return table


def recall_table(dataset: Dataset, runs: Sequence[Run], split: Split) -> pd.DataFrame:
    """Recall of each class, beside how much of it there was to learn from and to test on.

    Returns
    -------
    DataFrame
        ``class_id, name, clips`` (in training), ``images, subjects`` (reported), ``recall`` (mean
        over the runs, NaN where the class is not among the reported images).

    Taught in: 09, section 6.
    """
    table = tally_runs(dataset, runs)
    images = table.counts.sum(axis=0)
    with np.errstate(invalid="ignore"):
        recall = table.hits.sum(axis=1).mean(axis=0) / images
    ids = dataset.labels.to_id(range(len(dataset.labels)))
    clips = dataset.frames.iloc[split.train].groupby("class_id")["clip_id"].nunique()
    return pd.DataFrame({
        "class_id": ids,
        "name": dataset.labels.display,
        "clips": clips.reindex(ids, fill_value=0).to_numpy(),
        "images": images,
        "subjects": (table.counts > 0).sum(axis=0),
        "recall": recall,
    })


def write_results(path: Path | str, **results: Any) -> Path:
    """Write tables and facts as JSON: a DataFrame becomes a list of rows, NaN ``null``."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=2, default=_as_rows)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def _as_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return json.loads(table.to_json(orient="records"))
