"""Retrieval within a class: does a clip's own sentence find it among the clips of its class?

Across classes a sentence that names the gesture is enough to be near the right clip. Within a class
it is not: all candidates show the same gesture, and only what this person did differently, with
which hand and where, tells them apart. So this is where a sentence about a *sample* can show that
it says more than a sentence about a *class*.

Clips of which the same is said are right for each other. Where that holds of all clips of a class,
there is nothing to find, and nothing is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from mgutils.errors import ConfigError
from mgutils.metrics.cosine import cosine_similarity
from mgutils.metrics.intervals import DRAWS, Tally, accuracy, interval
from mgutils.metrics.ranks import hits, same_text


class WithinClass(NamedTuple):
    """Tallies (runs, people, C) of the clips that were asked for; score them with ``accuracy``.

    All three are of the same clips, so that :func:`mgutils.metrics.paired.paired` compares two runs,
    or a run with chance.
    """

    r1: Tally
    """Queries whose right clip comes first; a tie counts as the probability."""
    percentile: Tally
    """Share of the wrong clips that come after a right one: 1 at best, 0.5 by chance."""
    chance: Tally
    """R@1 of a model that scores all clips alike."""


def within_class(queries: Sequence[np.ndarray], items: Sequence[np.ndarray], texts: Sequence[str],
                 target: np.ndarray, subjects: np.ndarray, classes: int) -> WithinClass:
    """Search for each clip among the clips of its class, by its own sentence.

    Parameters
    ----------
    queries, items : sequence of ndarray (N, D)
        What each run makes of the sentences, and of the clips.
    texts : sequence of str
        The N sentences.
    target : ndarray (N,)
        Class indices 0..C-1.
    subjects : ndarray (N,)
        Whose clip it is.
    classes : int
        C.

    Raises
    ------
    ConfigError
        If no class has two clips of which different things are said.
    """
    said = np.unique(texts, return_inverse=True)[1]  # (N,) a number for each different sentence
    parts = [np.flatnonzero(target == index) for index in range(classes)]
    parts = [rows for rows in parts if len(np.unique(said[rows])) > 1]
    if not parts:
        raise ConfigError(f"within class: found {len(said)} clips and no class with two of which different "
                          "things are said; wanted one. Give sentences about each clip.")
    asked = np.concatenate(parts)  # (Q,)
    first, share, chance = [], [], []
    for query, item in zip(queries, items, strict=True):
        found = [_search(query[rows], item[rows], same_text(said[rows], said[rows])) for rows in parts]
        for each, part in zip((first, share, chance), zip(*found, strict=True), strict=True):
            each.append(np.concatenate(part))
    people = np.unique(subjects[asked], return_inverse=True)[1]
    cells = people * classes + target[asked]  # (Q,) position in a flat (G, C) table

    def add(numbers: np.ndarray) -> np.ndarray:
        flat = np.bincount(cells, numbers, minlength=(people.max() + 1) * classes)
        return flat.reshape(-1, classes)

    counts = add(np.ones(len(asked)))
    return WithinClass(*(Tally(np.stack([add(run) for run in part]), counts) for part in (first, share, chance)))


def _search(queries: np.ndarray, items: np.ndarray,
            right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hits at 1, percentiles, and hits by chance (n,) of the clips of one class."""
    cosine = cosine_similarity(queries, items)  # (n, n)
    # Mann and Whitney: from the sum of the ranks of the right clips to the share of pairs in order
    ranks = rankdata(cosine, axis=1)
    many = right.sum(axis=1)
    wrong = len(right) - many
    behind = (ranks * right).sum(axis=1) - many * (many + 1) / 2
    return hits(cosine, right, 1), behind / (many * wrong), many / len(right)


def within_table(groups: Mapping[str, WithinClass], *, draws: int = DRAWS) -> pd.DataFrame:
    """One row for each group of runs.

    Returns
    -------
    DataFrame
        ``group, clips, classes, chance``; ``r1`` with ``low, high``, and ``percentile`` with
        ``percentile_low, percentile_high``: means over the runs with 95 % intervals over people.
    """
    rows = []
    for name, found in groups.items():
        first = interval(found.r1, accuracy, draws=draws)
        share = interval(found.percentile, accuracy, draws=draws)
        rows.append({
            "group": name,
            "clips": int(found.r1.counts.sum()),
            "classes": int((found.r1.counts.sum(axis=0) > 0).sum()),
            "chance": found.chance.scores(accuracy).mean(),
            "r1": first.value,
            "low": first.low,
            "high": first.high,
            "percentile": share.value,
            "percentile_low": share.low,
            "percentile_high": share.high,
        })
    return pd.DataFrame(rows)
