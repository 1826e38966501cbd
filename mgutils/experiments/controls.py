"""The runs of notebook 08: what is compared with the contrastive model, and on which seeds.

What is trained is in :mod:`mgutils.training.loop` and :mod:`mgutils.evaluation.probes`, what is
made of it in :mod:`mgutils.evaluation.probes` and :mod:`mgutils.evaluation.zero_shot`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mgutils.config import Profile, RunConfig, SplitName, get_profile, run_config, vision_config
from mgutils.data.captions import describable
from mgutils.data.table import Dataset
from mgutils.evaluation.zero_shot import LEFT_OUT
from mgutils.experiments.runs import train_groups
from mgutils.models.hub import in_package
from mgutils.models.words import MINILM
from mgutils.training.run import Run

OBJECTIVE = "sound_ce"
"""The contrastive objective that everything here is compared with."""


@dataclass(frozen=True)
class ControlRuns:
    """The runs, by what they are for. Every list but AlexNet's has the same seeds in order."""

    contrastive: Mapping[SplitName, Sequence[Run]]
    """With its own captions, by split."""
    vision: Mapping[SplitName, Sequence[Run]]
    """The same image encoder without text, by split."""
    permuted: Sequence[Run]
    """Captions permuted between the classes; frame split."""
    zero_shot: Sequence[Run]
    """Five classes left out of training; frame split. Empty where the classes are not iMiGUE's."""
    pretrained: Mapping[str, Sequence[Run]]
    """The same with MiniLM as text encoder, by kind of caption (``own``, ``permuted``).
    Empty where the profile's own text encoder is pretrained, or MiniLM is not installed."""


def control_configs(profile: str | Profile, dataset: Dataset,
                    seed: int = 0) -> dict[str, list[RunConfig]]:
    """Every run, by ``contrastive frame``, ``vision subject``, ``zero_shot own``, ...

    As many seeds as Table 1 has: the runs of the subject split differ so much that none may be left
    out. MiniLM has two, for the sake of time.
    """
    profile = get_profile(profile)
    seeds = range(seed, seed + profile.seeds)
    splits: tuple[SplitName, ...] = ("frame", "subject") if dataset.has_groups else ("frame",)
    configs = {}
    for split in splits:
        configs[f"contrastive {split}"] = [run_config(profile, OBJECTIVE, split, number)
                                           for number in seeds]
    for split in splits:
        configs[f"vision {split}"] = [vision_config(profile, "resnet", split, number)
                                      for number in seeds]
    frame = configs["contrastive frame"]
    configs["permuted"] = [replace(config, captions="permuted") for config in frame]
    if describable(dataset.labels):
        configs["zero_shot own"] = [replace(config, left_out=LEFT_OUT) for config in frame]
        if has_english(profile):
            for kind in ("own", "permuted"):
                configs[f"pretrained {kind}"] = [
                    pretrained_text(replace(config, captions=kind, left_out=LEFT_OUT))
                    for config in frame[:2]
                ]
    return configs


def has_english(profile: Profile) -> bool:
    """Whether MiniLM is tried: its package is installed, and the profile has no pretrained encoder."""
    return not profile.model.pretrained and in_package(MINILM) is not None


def pretrained_text(config: RunConfig) -> RunConfig:
    """The same run with MiniLM as its text encoder: it knows English, and is not trained further.

    Taught in: 08, section 5.
    """
    model = replace(config.model, text_encoder=MINILM, text_kwargs={}, pretrained="text")
    return replace(config, model=model, train=replace(config.train, freeze="text"))


def control_runs(profile: str | Profile, dataset: Dataset, out_dir: Path | str, *, seed: int = 0,
                 jobs: int = 2) -> ControlRuns:
    """Train what is missing and return all runs.

    Taught in: 08, section 1.
    """
    configs = control_configs(profile, dataset, seed)
    runs = train_groups(configs, dataset.root, out_dir, jobs=jobs)

    def all_of(kind: str) -> dict[str, list[Run]]:
        return {
            name.removeprefix(kind).strip(): group
            for name, group in runs.items()
            if name.startswith(kind)
        }

    return ControlRuns(
        contrastive=all_of("contrastive"),
        vision=all_of("vision"),
        permuted=runs["permuted"],
        zero_shot=runs.get("zero_shot own", []),
        pretrained=all_of("pretrained"),
    )
