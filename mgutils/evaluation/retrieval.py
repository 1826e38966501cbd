"""Retrieval across modalities: given a clip in one of them, find it in another.

The embeddings are those that runs stored; a caption is a modality, too. Only clips that have both
modalities are asked for, and searched among. How ties and equal texts count is in
:mod:`mgutils.metrics.ranks`.

R@k adds up hits, so its interval comes from the same bootstrap over people as that of an accuracy.
It speaks about other people who ask; the clips that are searched stay the same, and with twice as
many of them R@k would be lower. A median rank adds nothing up, and has no interval here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Literal

import numpy as np
import pandas as pd

from mgutils.errors import ConfigError
from mgutils.metrics.cosine import cosine_similarity
from mgutils.metrics.intervals import DRAWS, Interval, Tally, accuracy, interval
from mgutils.metrics.ranks import Ties, hits, retrieval, same_text

Embeddings = Mapping[str, np.ndarray]
"""Modality -> (N, D), rows as in the table of clips; where a clip lacks it, any numbers."""
GroupBy = Literal["clip", "caption"]
"""What is right for a clip: itself, or all with its caption."""


def retrieval_tally(similarities: Sequence[np.ndarray], right: np.ndarray, subjects: np.ndarray,
                    k: int = 1) -> Tally:
    """Count the hits among the first k items by run and subject, for intervals and paired tests.

    Parameters
    ----------
    similarities : sequence of ndarray (Q, K)
        Of each run.
    right : ndarray (Q, K) of bool
        See :func:`mgutils.metrics.ranks.retrieval`.
    subjects : ndarray (Q,)
        Whose clip each query is.
    k : int

    Returns
    -------
    Tally
        Of a single class; a hit by a coin's choice among equal scores counts as its probability.
    """
    names, subject = np.unique(subjects, return_inverse=True)

    def add(numbers: np.ndarray) -> np.ndarray:
        return np.bincount(subject, weights=numbers, minlength=len(names))[:, None]

    found = [add(hits(similarity, right, k)) for similarity in similarities]
    return Tally(np.stack(found), add(np.ones(len(subject))))


def retrieval_table(runs: Sequence[Embeddings], present: Mapping[str, np.ndarray],
                    subjects: np.ndarray, groups: np.ndarray | None = None, *,
                    pairs: Sequence[tuple[str, str]] = (), ties: Ties = "expected",
                    draws: int = DRAWS) -> pd.DataFrame:
    """Ask each modality for the clips of each other one.

    Parameters
    ----------
    runs : sequence of mapping
        Embeddings of the same N clips, from one run each (other seeds of one setting).
    present : mapping
        Modality to (N,) bool: the clips that have it.
    subjects : ndarray (N,)
    groups : ndarray (N,), optional
        Clips of the same number are right for each other, such as those with the same caption; by
        default each only for itself.
    pairs : sequence of (query, item)
        All that there are if not given.
    ties : {"expected", "optimistic", "pessimistic", "original"}
        See :mod:`mgutils.metrics.ranks`. Others than the expected rank flatter or punish a model for
        scores that it cannot tell apart, and have no interval here.
    draws : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        ``query, item, clips``; ``chance``, R@1 of a model that scores all alike; ``r1``, with
        ``low`` and ``high`` of its 95 % interval over people and runs, or NaN; ``r5, r10, median_rank,
        mean_rank``: means over the runs.

    Raises
    ------
    ConfigError
        If no clip has both of two modalities.
    """
    rows = []
    groups = np.arange(len(subjects)) if groups is None else np.asarray(groups)
    for query, item in pairs or permutations(runs[0], 2):
        both = np.flatnonzero(present[query] & present[item])
        if not len(both):
            raise ConfigError(f"retrieval: found no clip with {query} and {item}; wanted some. "
                              "Leave one of them out.")
        right = same_text(groups[both], groups[both])
        similarities = [cosine_similarity(run[query][both], run[item][both]) for run in runs]
        found = pd.DataFrame([retrieval(each, right, ties).summary() for each in similarities]).mean()
        certain = Interval(found["r1"], np.nan, np.nan)
        if ties == "expected":
            table = retrieval_tally(similarities, right, np.asarray(subjects)[both])
            certain = interval(table, accuracy, draws=draws)
        rows.append({
            "query": query,
            "item": item,
            "clips": len(both),
            "chance": retrieval(np.zeros(right.shape), right).r1,
            "r1": found["r1"],
            "low": certain.low,
            "high": certain.high,
            **found.drop("r1"),
        })
    return pd.DataFrame(rows)


def ordered_pairs(modalities: Sequence[str], tables: Sequence[str], query: str = "",
                  item: str = "") -> list[tuple[str, str]]:
    """Query and item of all that is asked of a space; "" stands for each of its modalities.

    Parameters
    ----------
    modalities, tables : sequence of str
        Of a :class:`mgutils.config.SpaceConfig`; what is only in the second has to be named.
    query, item : str

    Raises
    ------
    ConfigError
        If a name is unknown, or no two are left.
    """
    known = (*modalities, *tables)
    for setting, name in (("query", query), ("item", item)):
        if name and name not in known:
            raise ConfigError(f"{setting}: found {name!r}; wanted one of {', '.join(known)}, which the run has.")
    chosen = [name for name in known if name in (*modalities, query, item)]
    pairs = [pair for pair in permutations(chosen, 2) if query in ("", pair[0]) and item in ("", pair[1])]
    if not pairs:
        raise ConfigError(f"query, item: found {query or 'any'} and {item or 'any'} in a run of {', '.join(known)}; "
                          "wanted two different ones.")
    return pairs


def check_ties(ties: Ties, group_by: GroupBy) -> None:
    """Refuse the original's way to count ties where a query has several right answers."""
    if ties == "original" and group_by != "clip":
        raise ConfigError(f"ties: found 'original' beside group_by {group_by!r}; wanted expected, optimistic or "
                          "pessimistic, as the original's counting knows one right clip.")
