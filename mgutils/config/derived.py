"""Modalities that no camera took: what a frozen encoder makes of frames, and of the sentences about a clip.

They are made once, before the first epoch, and kept; a run then reads them as it reads a camera. So the fourth system
is the third's space with one pair: what a clip shows, and what is said of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from mgutils.limits import Limits, Natural, Settings

TextKind = Literal["name", "class", "phrasings", "sample", "shuffled", "other"]
"""``name``: of the class. ``class``: one sentence about it. ``phrasings``: that sentence in several words. ``sample``:
the clip's own sentences. ``shuffled``: those of another clip of its class. ``other``: those of a clip of another class,
always the same one."""
Damage = Literal["words", "side", "part", "empty", "all"]
"""What a bad captioner does: it drops words, mistakes left for right or one part of the body for another, or says
nothing, in which case the original put the name of the class; or each of these in its turn."""
Share = Annotated[float, Limits("0 to 1", lambda value: 0 <= value <= 1)]


@dataclass(frozen=True)
class FrameFeatures(Settings):
    """Features of each frame of a modality, by an encoder that does not learn.

    Raises
    ------
    ConfigError
        If a setting is none of its choices.
    """

    name: str = "features"
    """The modality that a pair names."""
    of: str = "rgb"
    """The modality that the encoder looks at."""
    by: str = "tf_efficientnet_lite0"
    """A timm name, the hub name of a CLIP, a folder of a run of the first system; "": the numbers themselves."""
    order: Literal["kept", "shuffled"] = "kept"
    """``shuffled``: the frames of each clip in a random order, always the same: a control, without time."""


@dataclass(frozen=True)
class TextVectors(Settings):
    """Vectors of what is said of each clip, by a text encoder that does not learn.

    Raises
    ------
    ConfigError
        If a number is out of its limits, or a setting none of its choices.
    """

    name: str = "sentence"
    """The modality that a pair names."""
    text: TextKind = "sample"
    tower: str = "minilm"
    """``minilm``; ``random``: the same network with random weights; ``words``: counts of words, whose vectors a run
    then learns from nothing; or the hub name of a text encoder."""
    part: str = ""
    """Say only what this part of the body does: ``head``, ``hands``, ``arms`` or ``trunk``; "": everything."""
    damage: Damage = "all"
    rate: Share = 0.0
    """Of the damage: share of the words, or of the sentences."""
    seed: Natural = 0
    """Of what is shuffled and damaged."""


Derived = FrameFeatures | TextVectors


def derived_of(entries: Sequence[Derived | Mapping[str, Any]]) -> tuple[Derived, ...]:
    """The entries, those of a file made into what they describe."""
    return tuple(entry if isinstance(entry, Derived) else (FrameFeatures if "by" in entry else TextVectors)(**entry)
                 for entry in entries)
