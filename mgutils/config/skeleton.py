"""The settings of the skeleton system: a network that reads joints, and word vectors beside its classes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from mgutils.limits import Count, Limits, Natural, NotNegative, Settings

WordKind = Literal["none", "words", "permuted", "random", "one_hot"]


@dataclass(frozen=True)
class SkeletonConfig(Settings):
    """What reads the joints of a clip, and how a clip is read."""

    network: Literal["transformer", "stgcn", "poseconv3d"] = "transformer"
    """Over coordinates, over the graph of the joints, or the original's, over heatmaps."""
    network_kwargs: dict[str, Any] = field(default_factory=dict)
    """Passed on to the network's class in :mod:`mgutils.models.skeleton`."""
    stream: Literal["joint", "limb"] = "joint"
    """Read the joints, or the limbs between them."""
    frames: Count = 16
    """Of a clip, that the network reads."""
    window: bool = False
    """Frames that follow each other, in place of one from each of as many equal segments."""
    views: Count = 1
    """Choices of frames that a test averages over."""
    flip: Literal["none", "pairs", "original"] = "none"
    """Mirror half of the clips while training: with the right pairs of joints, or with the original's wrong table."""
    flip_views: bool = False
    """In a test, average over each view and its mirror image."""
    words: WordKind = "none"
    """Targets of the second head: the classes' word vectors, or one of three controls."""
    word_weight: NotNegative = 20.0
    """Of the mean squared error beside cross entropy."""
    word_seed: Natural = 0
    """Of permuted and random targets."""
    dropout: Annotated[float, Limits("at least 0 and less than 1", lambda value: 0 <= value < 1)] = 0.5
