"""The runs of notebook 11: what does a frozen anchor give to other cameras?

Each claim has its control: an anchor of random weights, pairs of clips that do not belong together, an encoder of the
same size that saw the labels; a head's answers beside the mean of probabilities; a masked autoencoder beside one whose
targets are scrambled, and beside a small network that was never pre-trained. All groups have the same seeds, in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mgutils.config import (
    FusionConfig,
    MaskedConfig,
    Pair,
    RunConfig,
    SpaceConfig,
    SpaceProfile,
    SplitName,
    all_pairs,
    get_space_profile,
    lasting,
    space_config,
    star,
)
from mgutils.experiments.runs import train_groups
from mgutils.training.run import Run
from mgutils.training.start import WEIGHTS
from mgutils.training.whole import hash_file

ANCHOR, OTHERS = "joints", ("depth", "infrared", "rgb")
"""The original's anchor is the colour camera, whose network had learned from millions of pictures. One that starts from
random weights learns nothing of gestures in our minutes, so the anchor is what does: the joints."""
CONTROLS, WEAK = ("depth",), ("depth", "infrared")
"""What is aligned in the controls, and in a space of all pairs; a pair weighs there what it weighs in the star."""
TEMPERATURE = 0.1
"""Of every pair, the original's."""
HEADS: dict[str, dict[str, Any]] = {
    "the original's: zeros, dropout by batch": {"head": "zeroed", "drop": 0.1, "per": "batch"},
    "zeros, no dropout": {"head": "zeroed", "drop": 0.0},
    "masked, no dropout": {"head": "masked", "drop": 0.0},
    "masked, dropout": {"head": "masked", "drop": 0.3},
}
"""What is trained on the star's embeddings."""
LABELS = {name: f"{name}, labels" for name in (ANCHOR, *WEAK)}
"""Names of the supervised groups."""
SCRATCH, MAE, SCRAMBLED, SMALL = "no pre-training", "masked autoencoder", "scrambled targets", "small network"
ANCHOR_EPOCHS, HEAD_EPOCHS, MASKED_EPOCHS, TUNED_EPOCHS, TUNED_SHOTS = 60, 40, 20, 12, 10
"""Of the joints; of the heads; of the autoencoders; of what is fine-tuned on so many labels of each class."""


def cameras_of(profile: str | SpaceProfile, root: Path | str) -> Path:
    """The profile's synthetic clips, made where they are not there.

    Taught in: 11, section 1.
    """
    from mgutils.synth.clips import make_clips  # the studio is large, and most who ask have their clips

    return make_clips(get_space_profile(profile).clips, root)


def cameras_beside(data_root: Path | str) -> Path:
    """Where the clips lie that belong to a dataset of images: ``data/cpu_cameras`` beside ``data/cpu``.

    Taught in: 11, section 1.
    """
    data_root = Path(data_root)
    return data_root.with_name(f"{data_root.name}_cameras")


def supervised(name: str) -> SpaceConfig:
    """An encoder that is trained with labels: one modality and the vectors of the classes."""
    return SpaceConfig((Pair(name, "class", "class_ce", temperature=TEMPERATURE),))


def aligned(others: Sequence[str] = OTHERS, kind: str = "star", **settings: Any) -> SpaceConfig:
    """A space around the frozen anchor: its pairs with the others (``star``), or all pairs (``all``)."""
    weighed = {"temperature": TEMPERATURE, "weight": 1 / len(OTHERS)}
    pairs = star(ANCHOR, others, **weighed) if kind == "star" else all_pairs((ANCHOR, *others), **weighed)
    return SpaceConfig(pairs, **{"frozen": (ANCHOR,)} | settings)


def first_configs(profile: SpaceProfile, seed: int = 0) -> dict[str, list[RunConfig]]:
    """Runs that start from nothing: supervised encoders, the random anchor, and autoencoders."""
    seeds = range(seed, seed + profile.seeds)

    def labelled(name: str, split: SplitName = "official") -> list[RunConfig]:
        length = lasting(profile, ANCHOR_EPOCHS) if name == ANCHOR else {}
        return [space_config(profile, supervised(name), f"{name}_labels", split, number, **length) for number in seeds]

    groups = {group: labelled(name) for name, group in LABELS.items()}
    groups[f"{LABELS[ANCHOR]}, people shared"] = labelled(ANCHOR, "clip")
    groups["star, random anchor"] = [space_config(profile, aligned(CONTROLS), "star_random", seed=number)
                                     for number in seeds]
    for name, scrambled in ((MAE, False), (SCRAMBLED, True)):
        model = MaskedConfig("depth", scrambled=scrambled)
        groups[name] = [space_config(profile, model, "masked_scrambled" if scrambled else "masked", seed=seed,
                                     augment="none", **lasting(profile, MASKED_EPOCHS))]
    return groups


def second_configs(profile: SpaceProfile, first: Mapping[str, list[Run]], seed: int = 0) -> dict[str, list[RunConfig]]:
    """Runs that start from the weights of a first one, and those that these are compared with."""
    anchors = first[LABELS[ANCHOR]]

    def group(name: str, model: SpaceConfig) -> list[RunConfig]:
        return [after(space_config(profile, model, name, seed=seed + place), run) for place, run in enumerate(anchors)]

    groups = {
        "star": group("star", aligned()),
        "star, shuffled pairs": group("star_shuffled", aligned(CONTROLS, shuffled=True)),
        "all pairs": group("all_pairs", aligned(WEAK, "all")),
        "star, moved apart": group("star_apart", aligned(CONTROLS, moved_alike=False)),
    }
    for name, network in ((SCRATCH, "masked"), (MAE, "masked"), (SCRAMBLED, "masked"), (SMALL, "frames")):
        encoder = {"kind": "masked"} | profile.masked if network == "masked" else profile.encoders["depth"]
        model = replace(supervised("depth"), encoders={"depth": encoder})
        run = space_config(profile, model, "tuned", seed=seed, **lasting(profile, TUNED_EPOCHS))
        run = replace(run, protocol=replace(run.protocol, per_class=TUNED_SHOTS))
        groups[f"{name}, tuned"] = [after(run, first[name][0]) if name in (MAE, SCRAMBLED) else run]
    return groups


def fusion_configs(profile: SpaceProfile, stars: list[Run], seed: int = 0) -> dict[str, list[RunConfig]]:
    """Heads over the star's embeddings."""
    return {name: [after(space_config(profile, FusionConfig((ANCHOR, *OTHERS), **head), "fusion", seed=seed + place,
                                      lr_head=1e-3, **lasting(profile, HEAD_EPOCHS)), run)
                   for place, run in enumerate(stars)]
            for name, head in HEADS.items()}


def after(config: RunConfig, run: Run) -> RunConfig:
    """A run that starts from the weights of another one."""
    return replace(config, init=hash_file(run.directory / WEIGHTS), init_from=str(run.directory))


def camera_runs(profile: str | SpaceProfile, clips: Path | str, out_dir: Path | str, *, seed: int = 0,
                jobs: int = 2) -> dict[str, list[Run]]:
    """Train what is missing, in three goes, and return the runs of each group.

    Taught in: 11, section 3.
    """
    profile = get_space_profile(profile)
    runs = train_groups(first_configs(profile, seed), clips, out_dir, jobs=jobs)
    runs |= train_groups(second_configs(profile, runs, seed), clips, out_dir, jobs=jobs)
    return runs | train_groups(fusion_configs(profile, runs["star"], seed), clips, out_dir, jobs=jobs)
