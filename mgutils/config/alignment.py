"""Which modalities a run pulls together in one space, and with which loss.

Every system of the kit is a list of pairs. The first aligns an image with its caption; the second, beside its class
head, a clip's joints with the word vector of its class; the third each camera with the RGB anchor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

from mgutils.errors import ConfigError
from mgutils.limits import NotNegative, Positive, Settings

PairLossName = Literal["infonce", "siglip", "dual_softmax", "mse", "class_ce", "cosine_kl", "cosine_js",
                       "cosine_multi_positive", "original_ce", "original_kl", "identity_ce", "multi_positive_ce", "js"]
"""Those of a pair, then those of the first system, which read dot products: see :mod:`mgutils.losses.alignment`."""


@dataclass(frozen=True)
class Pair(Settings):
    """Two modalities whose embeddings of the same clip are to agree.

    Raises
    ------
    ConfigError
        If a modality is paired with itself, the loss is unknown, or a number is out of its limits.
    """

    a: str
    """A modality of the data set, ``caption``, or ``class``: the vector of the clip's class."""
    b: str
    loss: PairLossName = "infonce"
    weight: NotNegative = 1.0
    temperature: Positive = 0.1
    """Divides the cosines, unless the run learns it; the original's is fixed. ``mse`` does not read it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.a == self.b:
            raise ConfigError(f"pair: found {self.a!r} with itself; wanted two modalities.")

    @property
    def name(self) -> str:
        """Of its loss in the log: ``rgb-depth``."""
        return f"{self.a}-{self.b}"


def star(anchor: str, others: Sequence[str], **settings: Any) -> tuple[Pair, ...]:
    """The anchor with each of the others. The weights sum to 1, unless ``settings`` has a weight.

    Raises
    ------
    ConfigError
        If a name occurs twice, or a setting of :class:`Pair` is wrong.

    Examples
    --------
    >>> [pair.name for pair in star("rgb", ["depth", "joints"])]
    ['rgb-depth', 'rgb-joints']
    """
    return _mean_of([(anchor, other) for other in others], settings)


def all_pairs(names: Sequence[str], **settings: Any) -> tuple[Pair, ...]:
    """Each modality with each other one, as the original has it. The weights sum to 1, as in :func:`star`.

    The original's frozen anchor is this list with the RGB encoder frozen: the pairs without RGB are still optimised.

    Raises
    ------
    ConfigError
        If a name occurs twice, or a setting of :class:`Pair` is wrong.

    Examples
    --------
    >>> [pair.name for pair in all_pairs(["rgb", "depth", "joints"])]
    ['rgb-depth', 'rgb-joints', 'depth-joints']
    """
    return _mean_of(list(combinations(names, 2)), settings)


def _mean_of(couples: list[tuple[str, str]], settings: dict[str, Any]) -> tuple[Pair, ...]:
    """Pairs of equal weight, whose weighted sum is the mean of their losses."""
    settings = {"weight": 1 / max(len(couples), 1)} | settings
    pairs = tuple(Pair(a, b, **settings) for a, b in couples)
    check_pairs(pairs)
    return pairs


def check_pairs(pairs: Sequence[Pair]) -> None:
    """Refuse a list that has no pair, or one pair twice, in whichever order.

    Raises
    ------
    ConfigError
        The message names the pair.
    """
    if not pairs:
        raise ConfigError("pairs: found none; wanted at least one. Name two modalities or more.")
    seen: set[frozenset[str]] = set()
    for pair in pairs:
        couple = frozenset((pair.a, pair.b))
        if couple in seen:
            raise ConfigError(f"pairs: found {pair.name} twice; wanted each pair once. Delete one, or add its weight.")
        seen.add(couple)
