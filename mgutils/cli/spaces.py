"""`mg train` for the third system: modalities in one space, a head over them, a masked autoencoder of one camera.

Each class has the options of one task.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from mgutils.cli.paths import side_of, start_of
from mgutils.cli.training import AskedTask, TrainSpace
from mgutils.config import (
    FusionConfig,
    HeadName,
    MaskedConfig,
    Pair,
    Protocol,
    RunConfig,
    SpaceConfig,
    SpaceProfile,
    TrainConfig,
    all_pairs,
    lasting,
    star,
)
from mgutils.errors import ConfigError
from mgutils.training.config_file import read_config

SIDE = 48
"""Of the pictures that a masked autoencoder reads if nothing is said, in pixels."""
_PAIRS = ("anchor", "others", "pairs", "loss", "labels", "temperature")
"""The options that a list of pairs is made from."""


@dataclass(frozen=True)
class TrainAlignment(TrainSpace):
    """Pull the modalities of clips together in one space; print how well the anchor's classes fit the others."""

    task: AskedTask = "alignment"
    """Fixed: the options below are those of an alignment."""
    anchor: str = "rgb"
    """The modality that comes first: the others are asked with the classes of its embeddings."""
    others: tuple[str, ...] = ("depth", "infrared", "joints")
    """Further modalities; none beside --loss class_ce trains the anchor alone."""
    pairs: Literal["star", "all"] = "star"
    """The anchor with each of the others, or each modality with each other one."""
    loss: Literal["infonce", "siglip", "dual_softmax", "mse", "class_ce"] = "infonce"
    """Of every pair. class_ce: each modality with its class, and with nothing else."""
    labels: bool = False
    """Beside the pairs, pair each modality with its class."""
    temperature: float = 0.1
    """Divides the cosines."""
    learn_temperature: bool = False
    """Learn a temperature for each pair, from that one on."""
    frozen: tuple[str, ...] = ()
    """Modalities that keep the weights of --init, or random ones (--freeze is for images)."""
    width: int = 64
    """Of the space."""
    frames: int = 8
    """Of a clip, that the networks read."""
    shuffled: bool = False
    """Pair the anchor with any clip of the batch: a control."""
    moved_alike: bool = True
    """Turn and shift all modalities of a clip alike; --no-moved-alike each for itself, as the original did."""
    kind = SpaceConfig

    def model(self) -> SpaceConfig:
        """The model of these options, its networks not yet said."""
        return SpaceConfig(self.list_of_pairs(), **{name: getattr(self, name) for name in self.own()})

    @classmethod
    def own(cls) -> list[str]:
        """All but the pairs, which a few options are made into, and the encoders."""
        return [name for name in super().own() if name != "pairs"]

    @classmethod
    def options_of(cls, model: SpaceConfig) -> dict[str, Any]:
        """The options that a run had; of a list of pairs that options cannot say, the nearest."""
        between = [pair for pair in model.pairs if pair.b != "class"]
        names = [name for pair in model.pairs for name in (pair.a, pair.b) if name != "class"]
        anchor, *others = dict.fromkeys(names)
        return super().options_of(model) | {
            "anchor": anchor, "others": tuple(others), "pairs": "all" if len(between) > len(others) else "star",
            "loss": between[0].loss if between else "class_ce", "labels": 0 < len(between) < len(model.pairs),
            "temperature": model.pairs[0].temperature}

    @classmethod
    def after(cls, before: RunConfig) -> dict[str, Any]:
        """The same people, frames and width: a projection comes over only to the same width."""
        width = {"width": before.model.width} if isinstance(before.model, SpaceConfig) else {}
        return super().after(before) | {"frames": before.model.frames} | width

    def list_of_pairs(self) -> tuple[Pair, ...]:
        """The pairs that the options describe; the weights of a kind of pair sum to 1."""
        names, settings = (self.anchor, *self.others), {"temperature": self.temperature}
        pairs: tuple[Pair, ...] = ()
        if self.loss != "class_ce":
            if not self.others:
                raise ConfigError(f"others: found none beside {self.anchor} and --loss {self.loss}; wanted at least "
                                  "one. --loss class_ce trains a modality alone, with its labels.")
            settings |= {"loss": self.loss}
            pairs = (all_pairs(names, **settings) if self.pairs == "all" else
                     star(self.anchor, self.others, **settings))
        if self.labels or self.loss == "class_ce":
            taught = [name for name in names if name != "caption"]
            pairs += tuple(Pair(name, "class", "class_ce", 1 / len(taught), self.temperature) for name in taught)
        return pairs

    def changed(self, before: SpaceConfig) -> SpaceConfig:
        """A space with these options in place of its own; its list of pairs stays where no option is about it."""
        had = self.options_of(before)
        same = all(getattr(self, name) == had[name] for name in _PAIRS)
        model = self.model() if not same else replace(self.model(), pairs=before.pairs)
        made = tuple(entry for entry in before.derived if entry.name in model.modalities)
        return replace(model, encoders=self.encoders(before, model.modalities), derived=made)

    def name_of(self, model: SpaceConfig) -> str:
        """Such as ``star_random``: the anchor is frozen, and has learned nothing."""
        if self.loss == "class_ce":
            return f"{'_'.join(model.modalities)}_labels"
        marks = {"shuffled": model.shuffled, "apart": not model.moved_alike, "labels": self.labels,
                 "random": model.frozen and self.init is None}
        return "_".join(["star" if self.pairs == "star" else "all_pairs", *(mark for mark in marks if marks[mark])])


@dataclass(frozen=True)
class TrainFusion(TrainSpace):
    """Train a head on the embeddings of an alignment run, of which some may be missing, and print its scores."""

    task: AskedTask = "fusion"
    """Fixed: the options below are those of a fusion."""
    logit_adjustment: float = 0.0
    """Times the logarithm of a class's share to add to its logits while training: rare classes count for more."""
    init: Path | None = None
    """The alignment run whose embeddings the head reads: needed."""
    modalities: tuple[str, ...] = ()
    """Some of that run's; all of them if not given."""
    head: HeadName = "masked"
    """Leave a missing token out; or take zeros for it, as the original."""
    heads: int = 4
    """Of the attention."""
    drop: float = 0.3
    """Chance of each modality to be dropped while training."""
    per: Literal["sample", "batch"] = "sample"
    """One draw for each clip, or for the whole batch, as the original."""
    kind = FusionConfig

    def model(self) -> FusionConfig:
        """The model of these options: all of it is options."""
        start = start_of(self.init)
        known = start.model.modalities if start and start.task == "alignment" else ("rgb", "depth")  # refused later
        return FusionConfig(self.modalities or known, self.head, self.heads, self.drop, self.per)

    def changed(self, before: FusionConfig) -> FusionConfig:
        """A head of these options."""
        return self.model()

    @staticmethod
    def schedule(profile: SpaceProfile) -> TrainConfig:
        """That of notebook 11: many epochs, which take seconds."""
        from mgutils.experiments.cameras import HEAD_EPOCHS

        return replace(profile.train, lr_head=1e-3, **lasting(profile, HEAD_EPOCHS))

    def settings(self, protocol: Protocol) -> RunConfig:
        """The run that these options describe."""
        if self.init is None and not (self.config and read_config(self.config).init):
            raise ConfigError("init: found none for a fusion; wanted the alignment run whose embeddings it reads. Give "
                              "it with --init.")
        run = super().settings(protocol)
        known = read_config(self.init / "config.json").model.modalities
        unknown = [name for name in run.model.modalities if name not in known]
        if unknown:
            raise ConfigError(f"modalities: found {unknown[0]!r}; wanted some of {', '.join(known)}, which {self.init} "
                              "has.")
        return run


@dataclass(frozen=True)
class TrainMasked(TrainSpace):
    """Pre-train an encoder of one camera: hide most patches of its clips, and have them guessed."""

    task: AskedTask = "masked"
    """Fixed: the options below are those of a masked autoencoder."""
    camera: Literal["rgb", "depth", "infrared"] = "depth"
    """Whose clips are read."""
    frames: int = 8
    """Of a clip, that the network reads."""
    mask: Literal["tube", "random"] = "tube"
    """Hide the same places in all frames, or anywhere."""
    ratio: float = 0.75
    """Share of the patches that are hidden."""
    scrambled: bool = False
    """Have numbers guessed in the order of memory, as the original by mistake: a control."""
    kind = MaskedConfig

    @staticmethod
    def schedule(profile: SpaceProfile) -> TrainConfig:
        """That of notebook 11: many epochs, without augmentation."""
        from mgutils.experiments.cameras import MASKED_EPOCHS

        return replace(profile.train, augment="none", **lasting(profile, MASKED_EPOCHS))

    def changed(self, before: MaskedConfig) -> MaskedConfig:
        """A network of these options for pictures of the clips' own size."""
        model, kwargs = super().changed(before), before.network_kwargs
        side = side_of(self.data_root, model.camera)
        if side != kwargs.get("size", SIDE):
            model = replace(model, network_kwargs=kwargs | {"size": side})
        return model

    def name_of(self, model: MaskedConfig) -> str:
        """Which of the two targets it has."""
        return "masked_scrambled" if model.scrambled else "masked"


SPACES: dict[str, type[TrainSpace]] = {"alignment": TrainAlignment, "fusion": TrainFusion, "masked": TrainMasked}
"""The options of `mg train` by its task."""
