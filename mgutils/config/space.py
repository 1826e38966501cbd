"""The settings of the third system: one space for several modalities, a head over them, a masked autoencoder.

``SpaceConfig`` aligns modalities, ``FusionConfig`` trains a head on embeddings that such a run stored, and
``MaskedConfig`` pre-trains the encoder of one camera.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from mgutils.config.alignment import Pair, check_pairs, star
from mgutils.config.derived import Derived, derived_of
from mgutils.errors import ConfigError
from mgutils.limits import Count, Limits, Settings

Share = Annotated[float, Limits("at least 0 and less than 1", lambda value: 0 <= value < 1)]
TABLES = ("class", "caption")
"""What a pair may name beside modalities: a learned vector for each class, or the word vector of its name."""
RESERVED = ("file", "logits", "target", "valid")
"""Names that a run's arrays have beside the embeddings of its modalities."""
PICTURE = 16
"""Side from which on an array of two or three dimensions is taken for a picture."""
HeadName = Literal["masked", "zeroed"]


@dataclass(frozen=True)
class SpaceConfig(Settings):
    """An encoder for each modality into one space, and the pairs that are pulled together there.

    The first system is the case of the one pair (image, caption); what the second adds to its classifier is that of a
    clip's joints with the word vector of its class. A supervised encoder is one modality paired with ``class``.

    Raises
    ------
    ConfigError
        If a pair occurs twice, a pair with ``class`` has another loss than ``class_ce``, a modality is named that no
        pair has or that cannot be a name, or nothing is left to learn.
    """

    pairs: tuple[Pair, ...] = star("rgb", ("depth", "infrared", "joints"))
    width: Count = 64
    """Of the space, D."""
    frames: Count = 8
    """Of a clip, that the networks read."""
    frozen: tuple[str, ...] = ()
    """Modalities whose encoder and projection keep the weights that the run starts from, both of them."""
    encoders: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Modality to what is passed on to its network's class; ``kind`` names it, see :mod:`mgutils.models.space`."""
    learn_temperature: bool = False
    """Learn a temperature for each pair, from its own on; SigLIP's pairs learn theirs, and a bias, in any case."""
    moved_alike: bool = True
    """Turn and shift all modalities of a clip alike; else each for itself, as the original did."""
    shuffled: bool = False
    """Pair the anchor, the first modality, with any clip of the batch: a control, in which no pair says anything."""
    derived: tuple[Derived, ...] = ()
    """Those of the modalities that are made of others, or of sentences, once and before the first epoch."""

    def __post_init__(self) -> None:
        pairs = tuple(pair if isinstance(pair, Pair) else Pair(**pair) for pair in self.pairs)
        object.__setattr__(self, "pairs", pairs)
        object.__setattr__(self, "frozen", tuple(self.frozen))
        object.__setattr__(self, "derived", derived_of(self.derived))
        super().__post_init__()
        check_pairs(self.pairs)
        for pair in self.pairs:
            if pair.a in TABLES:
                raise ConfigError(f"pair {pair.name}: found {pair.a!r} in front; wanted a modality there. Give the two "
                                  "in the other order.")
            if pair.b == "class" and pair.loss != "class_ce":
                raise ConfigError(f"pair {pair.name}: found the loss {pair.loss!r}; wanted 'class_ce': every clip is "
                                  "compared with the vectors of all classes.")
            if pair.loss == "class_ce" and pair.b not in TABLES:
                raise ConfigError(f"pair {pair.name}: found the loss 'class_ce'; wanted it beside 'class' or "
                                  "'caption', or another loss.")
        known = f"one of {', '.join(self.modalities)}"
        made = [entry.name for entry in self.derived]
        for setting, names in (("frozen", self.frozen), ("encoders", self.encoders), ("derived", made)):
            unknown = [name for name in names if name not in self.modalities]
            if unknown:
                raise ConfigError(f"{setting}: found {unknown[0]!r}; wanted {known}, which the pairs have.")
        for name in self.modalities:
            if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) or name in RESERVED:
                raise ConfigError(f"pairs: found the modality {name!r}; wanted a name of letters, digits and _, other "
                                  f"than {', '.join(RESERVED)}.")
        if not self.tables and set(self.frozen) == set(self.modalities):
            raise ConfigError(f"frozen: found all modalities, {', '.join(self.frozen)}; wanted one that learns, or a "
                              "pair with 'class' or 'caption'.")

    @property
    def modalities(self) -> tuple[str, ...]:
        """What is read of a clip, in the order in which the pairs name it; the first is the anchor."""
        names = [name for pair in self.pairs for name in (pair.a, pair.b)]
        return tuple(dict.fromkeys(name for name in names if name not in TABLES))

    @property
    def encoded(self) -> tuple[Derived, ...]:
        """Those of the derived modalities that a frozen encoder makes; the others are read as they are."""
        return tuple(entry for entry in self.derived if getattr(entry, "by", True))

    @property
    def tables(self) -> tuple[str, ...]:
        """Those of :data:`TABLES` that a pair names."""
        return tuple(name for name in TABLES if any(pair.b == name for pair in self.pairs))


@dataclass(frozen=True)
class FusionConfig(Settings):
    """A head over the embeddings of several modalities, of which some may be missing."""

    modalities: tuple[str, ...]
    """Those of the run that it starts from, or some of them."""
    head: HeadName = "masked"
    """Leave a missing token out, or take zeros for a token, as the original: :mod:`mgutils.models.fusion`."""
    heads: Count = 4
    """Of the attention."""
    drop: Share = 0.3
    """Chance of each modality to be dropped while training."""
    per: Literal["sample", "batch"] = "sample"
    """One draw for each clip, or for the whole batch, as the original."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "modalities", tuple(self.modalities))
        super().__post_init__()
        if len(set(self.modalities)) < max(2, len(self.modalities)):
            raise ConfigError(f"modalities: found {', '.join(self.modalities) or 'none'}; wanted at least two, each "
                              "once.")


@dataclass(frozen=True)
class MaskedConfig(Settings):
    """A masked autoencoder of one camera's clips."""

    camera: Literal["rgb", "depth", "infrared"] = "depth"
    frames: Count = 8
    mask: Literal["tube", "random"] = "tube"
    """Hide the same places in all frames, or anywhere."""
    ratio: Annotated[float, Limits("more than 0 and less than 1", lambda value: 0 < value < 1)] = 0.75
    """Share of the patches that are hidden."""
    scrambled: bool = False
    """Have numbers guessed in the order of memory, as the original by mistake: a control."""
    network_kwargs: dict[str, Any] = field(default_factory=dict)
    """Passed on to :class:`mgutils.models.masked.MaskedVideo`."""


def modalities_of(model: SpaceConfig | FusionConfig | MaskedConfig) -> tuple[str, ...]:
    """What a run of this system reads of a clip."""
    return (model.camera,) if isinstance(model, MaskedConfig) else model.modalities


def is_picture(shape: Sequence[int]) -> bool:
    """Whether a frame of this shape is looked at as a picture: (H, W) or (H, W, C), neither side small."""
    return len(shape) in (2, 3) and min(shape[:2]) >= PICTURE
