"""`mg train --task video-text`: the fourth system, an alignment of what a clip shows with what is said of it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from mgutils.cli.training import AskedTask, TrainSpace
from mgutils.config import (
    Damage,
    FrameFeatures,
    Pair,
    RunConfig,
    SpaceConfig,
    SpaceProfile,
    TextKind,
    TextVectors,
    TrainConfig,
    lasting,
)

EPOCHS = 20
"""Of a run, if nothing is said; in a profile of a few epochs, as few."""
FEATURES, SENTENCE = FrameFeatures.name, TextVectors.name
_SAID = ("text", "tower", "part", "damage", "rate")
_MADE = ("video", "features", "order", "text_seed", "loss", "temperature", *_SAID)
"""The options that the pair, and what is derived, are made from."""


@dataclass(frozen=True)
class TrainVideoText(TrainSpace):
    """Pull videos and sentences together in one space; print how well sentences about the classes find the videos."""

    task: AskedTask = "video-text"
    """Fixed: the options below are those of videos with sentences."""
    video: str = "joints"
    """What is seen of a clip: joints, another of its modalities, or features: what an image encoder makes of rgb."""
    features: str = FrameFeatures.by
    """That encoder, which does not learn: a timm name, the hub name of a CLIP, or a folder of a run on images."""
    order: Literal["kept", "shuffled"] = "kept"
    """shuffled: the frames of each clip in a random order: a control, without time."""
    text: TextKind = TextVectors.text
    """What is said: the name of the class, a sentence about it, several of them (phrasings); the clip's own sentences,
    those of another clip of its class (shuffled), or of another class (other)."""
    tower: str = TextVectors.tower
    """Text encoder, which does not learn: minilm, random, words, or a hub name."""
    part: str = TextVectors.part
    """Say only what the head, hands, arms or trunk does."""
    damage: Damage = TextVectors.damage
    """What a bad captioner does to the sentences."""
    rate: float = TextVectors.rate
    """How much of that, 0 to 1."""
    text_seed: int = TextVectors.seed
    """Of what is shuffled and damaged."""
    loss: Literal["infonce", "siglip", "dual_softmax"] = "infonce"
    """Of the pair."""
    temperature: float = 0.1
    """Divides the cosines."""
    learn_temperature: bool = True
    """Learn the temperature, from that one on."""
    frozen: tuple[str, ...] = ()
    """Modalities that keep the weights of --init, or random ones."""
    width: int = 64
    """Of the space."""
    frames: int = 8
    """Of a clip, that the network reads."""
    shuffled: bool = False
    """Pair each sentence with any video of the batch: a control."""
    kind = SpaceConfig

    def model(self) -> SpaceConfig:
        """The model of these options, its networks not yet said."""
        said = {name: getattr(self, name) for name in _SAID}
        derived: tuple[Any, ...] = (TextVectors(seed=self.text_seed, **said),)
        if self.video == FEATURES:
            derived = (FrameFeatures(by=self.features, order=self.order), *derived)
        elif self.order != "kept":
            derived = (FrameFeatures(self.video, self.video, "", self.order), *derived)
        pair = Pair(self.video, SENTENCE, self.loss, temperature=self.temperature)
        return SpaceConfig((pair,), derived=derived, **{name: getattr(self, name) for name in self.own()})

    @classmethod
    def own(cls) -> list[str]:
        """The settings that are options under the same name."""
        return [entry.name for entry in fields(SpaceConfig)
                if entry.name in cls.__dataclass_fields__ and entry.name not in ("pairs", "derived", "encoders")]

    @classmethod
    def options_of(cls, model: SpaceConfig) -> dict[str, Any]:
        """The options that a run had; of a list of pairs that options cannot say, the nearest."""
        said = next(entry for entry in model.derived if isinstance(entry, TextVectors))
        pair = next(pair for pair in model.pairs if said.name in (pair.a, pair.b))
        video = pair.a if pair.b == said.name else pair.b
        seen = next((entry for entry in model.derived if entry.name == video), FrameFeatures())
        return super().options_of(model) | {name: getattr(said, name) for name in _SAID} | {
            "video": video, "features": getattr(seen, "by", "") or FrameFeatures.by,
            "order": getattr(seen, "order", "kept"), "text_seed": said.seed, "loss": pair.loss,
            "temperature": pair.temperature}

    @classmethod
    def after(cls, before: RunConfig) -> dict[str, Any]:
        """The same people, frames and width: a projection comes over only to the same width."""
        width = {"width": before.model.width} if isinstance(before.model, SpaceConfig) else {}
        return super().after(before) | {"frames": before.model.frames} | width

    @staticmethod
    def schedule(profile: SpaceProfile) -> TrainConfig:
        """Some more epochs than those of cameras, which take seconds."""
        return replace(profile.train, **lasting(profile, EPOCHS))

    def changed(self, before: SpaceConfig) -> SpaceConfig:
        """A space with these options in place of its own; its pairs stay where no option is about them."""
        had, model = self.options_of(before), self.model()
        if all(getattr(self, name) == had[name] for name in _MADE):
            model = before
        return replace(before, pairs=model.pairs, derived=model.derived,
                       encoders=self.encoders(before, model.modalities),
                       **{name: getattr(self, name) for name in self.own()})

    def name_of(self, model: SpaceConfig) -> str:
        """Such as ``video_text_sample``."""
        return f"video_text_{self.text}"
