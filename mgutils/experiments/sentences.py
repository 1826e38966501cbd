"""The runs of notebook 12: what does a sentence about each clip teach beside one about its class?

Five sets of five classes are left out of training, each in runs of its own, so that each of 25 classes is asked once
for every seed. Every arm has the same sets and seeds in order, and only what is said of a clip differs: the name of its
class, a sentence about it, the clip's own sentences, and as controls those of another clip of its class, and those of
another class. How the runs are scored is in :mod:`mgutils.experiments.sentence_tables`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mgutils.config import (
    FrameFeatures,
    Pair,
    RunConfig,
    SpaceConfig,
    SpaceProfile,
    TextVectors,
    get_skeleton_profile,
    get_space_profile,
    lasting,
    space_config,
)
from mgutils.data.items import read_clip_dataset
from mgutils.data.labels import ILLUSTRATIVE
from mgutils.data.splits import make_split
from mgutils.data.table import Dataset
from mgutils.evaluation.unseen_sets import disjoint_sets
from mgutils.experiments.runs import train_groups
from mgutils.training.run import Run

SETS, SIZE = 5, 5
"""Sets of classes that are left out of training, and classes of a set: chance is a fifth."""
NAMES, CLASS, PHRASINGS, SAMPLE, SHUFFLED, OTHER = (
    "class names", "class sentences", "phrasings", "own sentences", "shuffled sentences", "another class's sentences")
TEXTS = {NAMES: "name", CLASS: "class", PHRASINGS: "phrasings", SAMPLE: "sample", SHUFFLED: "shuffled", OTHER: "other"}
"""What is said of a clip in each arm: see :data:`mgutils.config.derived.TextKind`."""
RANDOM = f"{SAMPLE}, random network"
WORDS = {text: f"{text}, counts of words" for text in (CLASS, SAMPLE)}
DAMAGE = {(kind, rate): f"own sentences, {rate:.0%} {words}"
          for kind, words in (("side", "with sides exchanged"), ("empty", "replaced by the name"))
          for rate in (0.5, 1.0)}
"""Two dials of a bad captioner; of one seed. Other damage makes thousands of new sentences, which would have to be
encoded."""
ORDERS = {"frames in order": {}, "frames shuffled": {"order": "shuffled"}, "mean of the frames": {"kind": "mean"}}
"""What is made of time; of one seed, on joints and on the colour camera's features."""
PICTURES = {name: f"colour, {name}" for name in ORDERS}
TEMPERATURE = 0.1
"""Where the learned temperature of the pair starts."""
SEEDED = (CLASS, SAMPLE, SHUFFLED)
"""The arms that the claim is about: each has all the seeds of the profile, the others the first."""
EPOCHS, RATE, BATCH = 8, 2e-3, 64
"""Of a run, chosen on 14 people of the training list who were held out, with other sets of classes and one seed. Ten
epochs were two points better on the average of class and own sentences, and take a quarter more time; twice as many,
half the rate or half the temperature were at most one point better than ten. Twice the batch is seven points worse."""

Runs = dict[str, list[list[Run]]]
"""Arm to its runs: a list for each set of classes, in it one run for each seed."""


def class_sets(dataset: Dataset, profile: SpaceProfile, seed: int = 0) -> list[tuple[int, ...]]:
    """Disjoint sets of class ids, drawn from the 25 classes with the most clips of new people.

    A class of a few clips would say little; the class of all illustrative gestures is always learned. A profile of a
    few epochs, in which no number means anything, has two sets.

    Taught in: 12, section 4.
    """
    reported = make_split(dataset, "official").valid
    clips = np.bincount(dataset.target[reported], minlength=len(dataset.labels))
    if len(dataset.labels) == ILLUSTRATIVE:
        clips[ILLUSTRATIVE - 1] = -1
    most = 1 + np.argsort(-clips, kind="stable")[:SETS * SIZE]
    return disjoint_sets(most.tolist(), SIZE, SETS, seed)[:SETS if profile.train.epochs > 2 else 2]


def sentence_model(text: str = "sample", tower: str = "minilm", *, damage: str = "all",
                   rate: float = 0.0, order: str | None = None, of: str = "joints", by: str = "",
                   kind: str = "") -> SpaceConfig:
    """A space of one pair: what a clip shows, and what is said of it.

    Parameters
    ----------
    text, tower, damage, rate
        See :class:`mgutils.config.TextVectors`.
    order : str, optional
        Read the frames as features, ``kept`` in their order or ``shuffled``; if not given, the modality ``of`` itself.
    of, by : str
        See :class:`mgutils.config.FrameFeatures`.
    kind : str
        Of the encoder; the profile's if not given.

    Taught in: 12, section 3.
    """
    sentence = TextVectors(text=text, tower=tower, damage=damage, rate=rate)
    video, derived = of, (sentence,)
    if order is not None:
        video, derived = "features", (FrameFeatures(of=of, by=by, order=order), sentence)
    encoders = {video: {"kind": kind}} if kind else {}
    pair = Pair(video, "sentence", temperature=TEMPERATURE)
    return SpaceConfig((pair,), learn_temperature=True, encoders=encoders, derived=derived)


def joint_configs(profile: SpaceProfile, sets: Sequence[tuple[int, ...]], seed: int = 0) -> dict[str, list[RunConfig]]:
    """The runs on joints, by arm: of each set of classes one for each seed, or one alone."""
    models = {arm: sentence_model(TEXTS[arm]) for arm in SEEDED}
    configs = {arm: _configs(profile, model, sets, range(seed, seed + profile.seeds)) for arm, model in models.items()}
    once = {arm: sentence_model(text) for arm, text in TEXTS.items() if arm not in SEEDED}
    once[RANDOM] = sentence_model(TEXTS[SAMPLE], "random")
    once |= {name: sentence_model(TEXTS[arm], "words") for arm, name in WORDS.items()}
    once |= {name: sentence_model(damage=damage, rate=rate) for (damage, rate), name in DAMAGE.items()}
    once |= {name: sentence_model("class", **({"order": "kept"} | settings)) for name, settings in ORDERS.items()}
    return configs | {arm: _configs(profile, model, sets, [seed]) for arm, model in once.items()}


def picture_configs(profile: SpaceProfile, sets: Sequence[tuple[int, ...]], seed: int = 0,
                    by: str = "tf_efficientnet_lite0") -> dict[str, list[RunConfig]]:
    """The runs on what a frozen image encoder makes of the colour camera's frames."""
    return {name: _configs(profile, sentence_model("class", of="rgb", by=by, **({"order": "kept"} | ORDERS[order])),
                           sets, [seed])
            for order, name in PICTURES.items()}


def _configs(profile: SpaceProfile, model: SpaceConfig, sets: Sequence[tuple[int, ...]],
             seeds: Sequence[int]) -> list[RunConfig]:
    """For each set of classes, a run without it for each seed."""
    settings: dict[str, Any] = {"lr_image": RATE, "lr_head": RATE, "batch_size": BATCH} | lasting(profile, EPOCHS)
    return [replace(space_config(profile, _drawn(model, number), "video_text", seed=number, **settings),
                    left_out=left_out)
            for left_out in sets for number in seeds]


def _drawn(model: SpaceConfig, seed: int) -> SpaceConfig:
    """The model with what is drawn of its sentences drawn anew for each seed: who gets whose, and what is damaged."""
    *video, sentence = model.derived
    if sentence.text in ("shuffled", "other") or sentence.rate:
        return replace(model, derived=(*video, replace(sentence, seed=seed)))
    return model


def sentence_runs(profile: str | SpaceProfile, clips: Path | str, out_dir: Path | str, *, seed: int = 0,
                  jobs: int = 2) -> Runs:
    """Train what is missing on the joints of a folder of clips with sentences, and return the runs of each arm.

    Taught in: 12, section 4.
    """
    profile = get_space_profile(profile)
    sets = class_sets(read_clip_dataset(clips), profile, seed)
    return _by_set(train_groups(joint_configs(profile, sets, seed), clips, out_dir, jobs=jobs), len(sets))


def picture_runs(profile: str | SpaceProfile, clips: Path | str, out_dir: Path | str, *, seed: int = 0,
                 jobs: int = 2) -> Runs:
    """Train what is missing on the colour camera of a folder of clips with sentences.

    Taught in: 12, section 8.
    """
    profile = get_space_profile(profile)
    sets = class_sets(read_clip_dataset(clips), profile, seed)
    return _by_set(train_groups(picture_configs(profile, sets, seed), clips, out_dir, jobs=jobs), len(sets))


def _by_set(groups: dict[str, list[Run]], sets: int) -> Runs:
    found = {}
    for arm, runs in groups.items():
        seeds = len(runs) // sets
        found[arm] = [runs[first:first + seeds] for first in range(0, len(runs), seeds)]
    return found


def spoken_clips(profile: str, root: Path | str, cameras: bool = False) -> Path:
    """The profile's synthetic clips with their sentences, made where they are not there.

    Taught in: 12, section 1.
    """
    from mgutils.experiments.cameras import cameras_of  # here: no longer chain of imports than other notebooks have
    from mgutils.experiments.skeleton import clips_of

    clips = cameras_of(profile, root) if cameras else clips_of(get_skeleton_profile(profile), root)
    _write_once(clips, (clips / "clips.csv").stat().st_mtime_ns)
    return clips


@cache
def _write_once(clips: Path, changed: int) -> None:
    """Sentences about clips that were ``changed`` at that time: a second call of a process finds them written."""
    from mgutils.synth.sentences import write_sentences  # as in `clips_of`: the studio is large

    write_sentences(clips)
