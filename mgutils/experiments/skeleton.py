"""The runs of notebook 10, and the tables made of them: do words help a skeleton, do two streams, does a mirror?

Each claim has its control: other words than the class's own, noise, one axis for each class; two seeds of one stream
beside two streams; a weight that other people chose; the mirror without pairs. Every group has the same seeds in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier

from mgutils.config import (
    POSECONV3D_LITE,
    RunConfig,
    SkeletonProfile,
    get_skeleton_profile,
    skeleton_config,
)
from mgutils.data.splits import make_split, subjects_of
from mgutils.data.table import Dataset
from mgutils.evaluation.ensemble import best_weight, chosen_apart, mix
from mgutils.experiments.runs import train_groups
from mgutils.losses.semantic import class_vectors
from mgutils.metrics.intervals import Score, Tally, accuracy, interval, mean_recall, tally
from mgutils.metrics.paired import paired
from mgutils.metrics.scores import scores
from mgutils.models.words import word_vectors
from mgutils.training.run import Run

SCORES: dict[str, Score] = {"top1": accuracy, "uar": mean_recall}
WORD_ARMS = {"cross entropy": {"words": "none"}, "words": {"words": "words"}, "permuted words": {"words": "permuted"},
             "random vectors": {"words": "random"}, "one-hot": {"words": "one_hot"}}
"""What the second head is to hit, by the name of the group; weight 20, as in the original."""
WEIGHTS = {"words x 1": 1.0, "words x 50": 50.0}
FLIPS = {"mirror, right pairs": "pairs", "mirror, the original's pairs": "original"}
SHOTS = (5, 10)
"""Clips of each class, where words might help most."""
FEW_ARMS = ("cross entropy", "words", "permuted words")
FEW_SEEDS = 3
MOST_EPOCHS = 12
"""Of PoseConv3D, one of whose epochs takes as long as twenty of the transformer's."""
PADDED = 90
"""Frames to which the challenge's arrays are filled up with zeros, whatever the length of the clip."""


def clips_of(profile: str | SkeletonProfile, root: Path | str) -> Path:
    """The profile's synthetic clips, made where they are not there.

    Taught in: 10, section 1.
    """
    from mgutils.synth.clips import make_clips  # the studio is large, and most who ask have their clips

    return make_clips(get_skeleton_profile(profile).clips, root)


def clips_beside(data_root: Path | str) -> Path:
    """Where the clips lie that belong to a dataset of images: ``data/cpu_clips`` beside ``data/cpu``.

    Taught in: 10, section 1.
    """
    data_root = Path(data_root)
    return data_root.with_name(f"{data_root.name}_clips")


def skeleton_configs(profile: str | SkeletonProfile, seed: int = 0) -> dict[str, list[RunConfig]]:
    """Every run, by the name of its group."""
    profile = get_skeleton_profile(profile)
    seeds = range(seed, seed + profile.seeds)

    def group(**model: object) -> list[RunConfig]:
        return [skeleton_config(profile, "official", number, **model) for number in seeds]

    groups = {name: group(**model) for name, model in WORD_ARMS.items()}
    groups |= {name: group(words="words", word_weight=weight) for name, weight in WEIGHTS.items()}
    groups["limbs"] = group(stream="limb")
    groups |= {name: group(flip=table) for name, table in FLIPS.items()}
    for shots in SHOTS:
        for arm in FEW_ARMS:
            groups[f"{arm}, {shots} clips a class"] = [
                replace(config, protocol=replace(config.protocol, limit=0, per_class=shots))
                for config in groups[arm][:FEW_SEEDS]]
    for stream in ("joint", "limb"):
        model = replace(POSECONV3D_LITE, stream=stream)
        base = skeleton_config(profile, "official", seed)
        base = replace(base, train=replace(base.train, epochs=min(base.train.epochs, MOST_EPOCHS)))
        groups[f"PoseConv3D, {stream}s"] = [replace(base, objective=f"poseconv3d_{stream}", model=model)]
    return groups


def skeleton_runs(profile: str | SkeletonProfile, clips: Path | str, out_dir: Path | str, *, seed: int = 0,
                  jobs: int = 2) -> dict[str, list[Run]]:
    """Train what is missing, and return the runs of each group.

    Taught in: 10, section 4.
    """
    return train_groups(skeleton_configs(profile, seed), clips, out_dir, jobs=jobs)


# -- answers -----------------------------------------------------------------------------------------------------------


def trivial_rows(dataset: Dataset) -> pd.DataFrame:
    """What can be had without looking at a joint: ``row, top1, uar``, on the official test people.

    The commonest class; the five commonest, counted as right where the class is among them; the class that clips with
    as many empty frames have, in arrays that are filled up to :data:`PADDED` frames.

    Taught in: 10, section 2.
    """
    split = make_split(dataset, "official")
    train, target = dataset.target[split.train], dataset.target[split.valid]
    common = np.bincount(train, minlength=len(dataset.labels))
    constant = scores(np.tile(common, (len(target), 1)), target)
    empty = PADDED - dataset.frames["length"].to_numpy()[:, None]
    counter = KNeighborsClassifier(25).fit(empty[split.train], train)
    answer = counter.predict(empty[split.valid])
    counted = scores(np.eye(len(dataset.labels))[answer], target)
    return pd.DataFrame([
        {"row": "the commonest class", "top1": constant.top1, "uar": constant.uar},
        {"row": "the five commonest classes, top-5", "top1": constant.top5, "uar": np.nan},
        {"row": "number of empty frames", "top1": counted.top1, "uar": counted.uar},
    ])


def tally_answers(dataset: Dataset, runs: Sequence[Run], answers: Sequence[np.ndarray]) -> Tally:
    """Right answers by subject and class; one array of answers (N,) for each seed."""
    first = runs[0]
    return tally(np.stack(answers), first.target, subjects_of(dataset, first.valid), len(dataset.labels))


def own_answers(runs: Sequence[Run]) -> list[np.ndarray]:
    """The class that each run answers."""
    return [run.logits.argmax(axis=1) for run in runs]


def head_answers(dataset: Dataset, runs: Sequence[Run]) -> list[np.ndarray]:
    """The class whose vector lies nearest to what the second head says: that head as a classifier of its own.

    Taught in: 10, section 5.
    """
    words, answers = word_vectors(dataset.labels.names), []
    for run in runs:
        settings = run.config.model
        vectors = class_vectors(settings.words, words, settings.word_seed)
        said = run.arrays["words"]
        distance = np.square(said[:, None, :] - vectors).sum(axis=2)
        answers.append(distance.argmin(axis=1))
    return answers


def score_table(dataset: Dataset, groups: Mapping[str, Sequence[Run]],
                answers: Mapping[str, Sequence[np.ndarray]] | None = None) -> pd.DataFrame:
    """Scores of each group on people it has not seen.

    Returns
    -------
    DataFrame
        ``group, score, value, low, high`` (95 % interval over people and seeds), ``seed_low, seed_high``.

    Taught in: 10, section 5.
    """
    rows = []
    for name, runs in groups.items():
        table = tally_answers(dataset, runs, own_answers(runs) if answers is None else answers[name])
        for score, function in SCORES.items():
            found, by_seed = interval(table, function), table.scores(function)
            rows.append({"group": name, "score": score, "value": by_seed.mean(), "low": found.low, "high": found.high,
                         "seed_low": by_seed.min(), "seed_high": by_seed.max()})
    return pd.DataFrame(rows)


def difference_table(dataset: Dataset, runs: Sequence[Run], answers: Mapping[str, Sequence[np.ndarray]],
                     *pairs: tuple[str, str]) -> pd.DataFrame:
    """The second of each pair of names less the first, paired by seed and subject.

    Parameters
    ----------
    runs : sequence of Run
        Any group that reports the same rows.
    answers : mapping
        Name to the answers of each seed.

    Returns
    -------
    DataFrame
        ``first, second, score, difference, low, high, p, detectable, shown``.

    Taught in: 10, section 5.
    """
    rows = []
    for pair in pairs:
        seeds = min(len(answers[name]) for name in pair)
        tables = [tally_answers(dataset, runs, answers[name][:seeds]) for name in pair]
        for score, function in SCORES.items():
            found = paired(*tables, function)
            rows.append({"first": pair[0], "second": pair[1], "score": score, "difference": found.value,
                         "low": found.low, "high": found.high, "p": found.p, "detectable": found.detectable,
                         "shown": found.shown})
    return pd.DataFrame(rows)


def ensemble_answers(dataset: Dataset, joint: Sequence[Run], limb: Sequence[Run]) -> dict[str, list[np.ndarray]]:
    """What two runs answer together, in every way that the claim needs; seed i beside seed i + 1 of a stream.

    Taught in: 10, section 7.
    """
    seeds = range(len(joint))
    after = [(number + 1) % len(joint) for number in seeds]
    subject = subjects_of(dataset, joint[0].valid)

    def together(first: Sequence[Run], second: Sequence[Run], weights: tuple[float, float]) -> list[np.ndarray]:
        return [mix([first[i].logits, second[j].logits], weights).argmax(axis=1)
                for i, j in zip(seeds, after, strict=True)]

    chosen, peeked = [], []
    for i, j in zip(seeds, after, strict=True):
        one, two, target = joint[i].logits, limb[j].logits, joint[i].target
        chosen.append(chosen_apart(one, two, target, subject)[0].argmax(axis=1))
        weight = best_weight(one, two, target)
        peeked.append(mix([one, two], [weight, 1 - weight]).argmax(axis=1))
    return {
        "joints": own_answers(joint), "limbs": own_answers(limb),
        "joints + limbs": together(joint, limb, (0.5, 0.5)),
        "joints + limbs, 0.4 and 0.6": together(joint, limb, (0.4, 0.6)),
        "two seeds of joints": together(joint, joint, (0.5, 0.5)),
        "two seeds of limbs": together(limb, limb, (0.5, 0.5)),
        "weight chosen on other people": chosen,
        "weight chosen on the test people": peeked,
    }
