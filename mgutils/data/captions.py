"""The text that stands for a class in a run: its name, another class's name, or a sentence that describes it.

The sentences are in ``descriptions.csv``. They say which hand touches what, in a small common vocabulary, so that a
sentence about a new gesture is made of words that other gestures have taught. What a run does with a text is in
:mod:`mgutils.models.clip`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources

import numpy as np
import pandas as pd

from mgutils.config.settings import CaptionKind
from mgutils.data.labels import Labels, imigue_labels
from mgutils.errors import ConfigError


def class_captions(labels: Labels, kind: CaptionKind = "own", seed: int = 0) -> tuple[str, ...]:
    """The texts of all C classes in the order of their ids, those of classes left out of training included.

    Parameters
    ----------
    labels : Labels
    kind : str
        ``own``: the names, byte for byte. ``permuted``: the same names, none with its own class. ``descriptions``: one
        sentence each.
    seed : int
        Of the permutation.

    Raises
    ------
    ConfigError
        If there is no such kind, fewer than two classes to permute, or descriptions are wanted of other classes than
        iMiGUE's.

    Taught in: 08, section 4.
    """
    if kind == "own":
        return labels.names
    if kind == "permuted":
        return tuple(labels.names[index] for index in derangement(len(labels), seed))
    if kind == "descriptions":
        if not describable(labels):
            raise ConfigError(f"captions: found 'descriptions' for {len(labels)} classes that are not iMiGUE's 32; "
                              "wanted 'own' or 'permuted'. The kit's sentences describe iMiGUE's classes.")
        return descriptions()
    raise ConfigError(f"captions: found {kind!r}; wanted own, permuted or descriptions.")


def derangement(count: int, seed: int) -> np.ndarray:
    """A random order of ``count`` things in which none is in its own place: one cycle through all of them.

    Raises
    ------
    ConfigError
        If there are fewer than two.

    References
    ----------
    Sattolo 1986, Information Processing Letters 22.
    """
    if count < 2:
        raise ConfigError(f"captions: found {count} class; wanted at least 2 to permute their captions.")
    order, rng = np.arange(count), np.random.default_rng([seed, count])
    for last in range(count - 1, 0, -1):
        other = rng.integers(last)
        order[[last, other]] = order[[other, last]]
    return order


@cache
def descriptions() -> tuple[str, ...]:
    """One sentence for each of iMiGUE's 32 classes, written for this kit: what touches what, and where.

    Taught in: 08, section 5.
    """
    with resources.files("mgutils.data").joinpath("descriptions.csv").open(encoding="utf-8") as file:
        return tuple(pd.read_csv(file, index_col="class_id").sort_index()["description"])


def describable(labels: Labels) -> bool:
    """Whether the classes are iMiGUE's, spaces at the ends aside."""
    return labels.captions == imigue_labels().captions


def words(text: str) -> set[str]:
    """The different words of a text, in lower case."""
    return set(re.findall(r"[a-z]+", text.lower()))


def known_words(captions: Sequence[str], left_out: Iterable[int]) -> float:
    """Share of the words in the captions of the classes left out that the other classes' captions have too.

    Parameters
    ----------
    captions : sequence of str
        Of all C classes.
    left_out : iterable of int
        Class ids 1..C, at least one. A word counts once for each caption that has it.

    Taught in: 08, section 6.
    """
    left_out = set(left_out)
    taught = set().union(*(words(text) for class_id, text in enumerate(captions, start=1) if class_id not in left_out))
    asked = [word for class_id in left_out for word in words(captions[class_id - 1])]
    return sum(word in taught for word in asked) / len(asked)
