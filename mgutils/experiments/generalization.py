"""Generalization to new people: which runs it needs, and its tables.

One objective under every split, and the report's recipe beside ours under the hardest one. The first
share runs with Table 1, so their best epoch is chosen on the rows that are reported; that of the
recipes is chosen on part of the training rows. How sure the numbers are is computed in
:mod:`mgutils.metrics.intervals` and :mod:`mgutils.metrics.paired`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mgutils.config import Profile, RunConfig, SplitName, get_profile, run_config
from mgutils.data.audit import trivial_answers
from mgutils.data.labels import ILLUSTRATIVE
from mgutils.data.splits import Split, available_splits, hold_out, make_split, subjects_of
from mgutils.data.table import Dataset
from mgutils.experiments.recipes import ENDS, recipe_config
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
BASE = "sound_ce"
"""The objective that is trained under every split."""
MIDDLE_SEEDS = 1
"""Seeds of the splits between the first and the hardest, which have those of Table 1."""
PART_NAMES = {
    "constant": "constant class",
    "subject": "gain on new subjects",
    "video": "subject known",
    "clip": "video known",
    "frame": "clip known",
}
"""The parts of an accuracy, in the order in which they add up: a split's is what its leak adds."""
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


def usable_splits(dataset: Dataset) -> tuple[SplitName, ...]:
    """The splits that a dataset allows, from the report's to the hardest."""
    available = available_splits(dataset)
    return tuple(name for name in SPLITS if name in available)


def split_configs(profile: str | Profile, splits: Sequence[SplitName],
                  seed: int = 0) -> dict[SplitName, list[RunConfig]]:
    """The runs of :data:`BASE` under every split.

    The first and the hardest split have the runs of notebooks 06 and 07, the others
    :data:`MIDDLE_SEEDS` of their seeds.
    """
    profile = get_profile(profile)
    counts = dict.fromkeys(splits, MIDDLE_SEEDS)
    counts |= {splits[0]: profile.seeds, splits[-1]: profile.seeds}
    return {name: [run_config(profile, BASE, name, number) for number in range(seed, seed + count)]
            for name, count in counts.items()}


def recipe_configs(profile: str | Profile, split: SplitName,
                   seed: int = 0) -> dict[str, list[RunConfig]]:
    """The runs of the report's recipe, as long as its loss needs, and of ours, a third as long.

    Ours learns sooner, and what it does better in a third of the time it does not owe to time. The epoch is chosen on
    held-out training rows.
    """
    profile = get_profile(profile)
    epochs = profile.report_epochs or profile.train.epochs
    lengths = dict(zip(ENDS, (epochs, max(1, epochs // 3)), strict=True))
    return {name: [recipe_config(profile, name, split, number, select="held_out", epochs=length)
                   for number in range(seed, seed + profile.seeds)] for name, length in lengths.items()}


def reported_split(dataset: Dataset, name: str) -> Split:
    """A split in three parts: rows to train on, to choose the epoch on, to report.

    Taught in: 09, section 3.
    """
    return hold_out(dataset, make_split(dataset, name))


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

    Taught in: 09, section 5.
    """
    rows = []
    for name, runs in by_split.items():
        table = tally_runs(dataset, runs)
        split = make_split(dataset, name)
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
        ``part, name, value, low, high``, shares; ``part`` is ``constant`` or the name of a split:
        what is gained on it over the next harder one. ``name`` says it in words.

    Taught in: 09, section 5.
    """
    rows = table[table["score"] == "top1"]
    constant = float(rows["constant"].iloc[0])
    parts = {"constant": Interval(constant, constant, constant)}
    harder = Interval(0, 0, 0)
    for row in rows[::-1].itertuples():
        gain = Interval(row.gain, row.gain_low, row.gain_high)
        parts[row.split] = difference_of(harder, gain)
        harder = gain
    hardest = rows["split"].iloc[-1]
    names = PART_NAMES | {hardest: f"gain on new {hardest}s"}
    return pd.DataFrame([{"part": part, "name": names[part], **asdict(found)}
                         for part, found in parts.items()])


def compare(dataset: Dataset, by_recipe: Mapping[str, Sequence[Run]],
            pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Differences between recipes, paired by seed and subject.

    Returns
    -------
    DataFrame
        ``first, second, score, first_value, second_value, difference, low, high, p, detectable,
        seeds, seeds_in_favour, shown, p_holm`` (corrected for the number of rows).

    Taught in: 09, section 6.
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

    Taught in: 09, section 7.
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
