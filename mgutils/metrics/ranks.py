"""Retrieval by rank: how far down the list stands the first right item?

A model gives every query a score for every item. The rank of the first right item, 1 at best, gives
R@1, R@5 and R@10 (the fraction of queries whose rank is at most 1, 5, 10) and the median and mean
rank. Two things decide what such numbers mean.

**What is right.** Where several items have the same text, a query cannot tell them apart, so each of
them is right: see :func:`same_text`.

**How ties count.** Among items of equal score the order is anybody's choice, and four are in use:

* ``expected``: the mean over all orders. A model that scores everything alike is at chance.
* ``optimistic``: the right item first. A model that scores everything alike is perfect.
* ``pessimistic``: the right item last.
* ``original``: that of the original (from CLIP-ViP), which puts *every* position of the tie on the
  list of ranks. Of n equal captions the first is found once in n, so a perfect model scores 1 / n.

With 3 clips that share a caption and are scored 1, 1, 1 for it, before all others, the expected rank
of one of them is 2, the optimistic 1, the pessimistic 3, and the original lists 1, 2 and 3.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

Ties = Literal["expected", "optimistic", "pessimistic", "original"]


@dataclass(frozen=True)
class Retrieval:
    """How well Q queries found what they asked for."""

    r1: float
    """Fraction of the queries whose first right item is the first of all, 0..1."""
    r5: float
    r10: float
    median_rank: float
    mean_rank: float

    def summary(self) -> dict[str, float]:
        """Field names and values, for a table row."""
        return asdict(self)


def same_text(query: ArrayLike, item: ArrayLike) -> np.ndarray:
    """Mark every item of a query's own text (or class, or clip) as right.

    Shape: (Q,), (K,) -> (Q, K) bool.
    """
    return np.asarray(query)[:, None] == np.asarray(item)


def retrieval(similarity: np.ndarray, right: np.ndarray, ties: Ties = "expected") -> Retrieval:
    """Score a matrix of similarities.

    Parameters
    ----------
    similarity : ndarray (Q, K)
        Higher is more alike.
    right : ndarray (Q, K) of bool
        The items that are right for each query; ``np.eye(Q, dtype=bool)`` where each has its own.
    ties : {"expected", "optimistic", "pessimistic", "original"}

    Raises
    ------
    ValueError
        See :func:`ranks`.
    """
    found = ranks(similarity, right, ties)
    if ties == "expected":
        recall = [hits(similarity, right, k).mean() for k in (1, 5, 10)]
    else:
        recall = [(found <= k).mean() for k in (1, 5, 10)]
    return Retrieval(*map(float, recall), float(np.median(found)), float(found.mean()))


def ranks(similarity: np.ndarray, right: np.ndarray, ties: Ties = "expected") -> np.ndarray:
    """Rank of the first right item of each query, 1 at best.

    With one right item, the expected rank is ``scipy.stats.rankdata``'s average rank.

    Parameters
    ----------
    See :func:`retrieval`.

    Returns
    -------
    ndarray (Q,)
        Of ``original``, as many as there are tied positions: at least Q.

    Raises
    ------
    ValueError
        If the shapes do not fit, a similarity is not a number, a query has no right item, or, with
        ``original``, more than one.
    """
    better, wrong, tied = _counts(similarity, right)
    if ties == "optimistic":
        return better + 1.0
    if ties == "pessimistic":
        return better + wrong + 1.0
    if ties == "expected":
        # g right and w wrong items in random order: w / (g + 1) of the wrong ones come first
        return better + wrong / (tied + 1) + 1
    if ties != "original":
        raise ValueError(f"ties: found {ties!r}; wanted expected, optimistic, pessimistic or original")
    if (right.sum(axis=1) != 1).any():
        raise ValueError("right: found queries with several right items; the original's counting knows "
                         "one, on the diagonal")
    places = zip(better, wrong + tied, strict=True)
    return np.concatenate([first + 1.0 + np.arange(count) for first, count in places])


def hits(similarity: np.ndarray, right: np.ndarray, k: int) -> np.ndarray:
    """Probability that the first k items hold a right one, if a coin orders equal scores.

    Its mean is R@k. An item tied with one other for the first place is a hit by half.

    Parameters
    ----------
    similarity, right : ndarray (Q, K)
        See :func:`retrieval`.
    k : int

    Returns
    -------
    ndarray (Q,)
    """
    better, wrong, tied = _counts(similarity, right)
    places = k - better  # of the first k, those that are left for the tie
    miss = np.ones(len(better))
    for drawn in range(k):
        # one more place: it goes to a wrong item if one is left, and else to a right one
        left = np.maximum(wrong - drawn, 0)
        chance = left / np.maximum(left + tied, 1)
        miss *= np.where(drawn < places, chance, 1.0)
    return 1 - miss


def _counts(similarity: np.ndarray,
            right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Items above the best right one; wrong and right items with its score. Each (Q,)."""
    similarity = np.asarray(similarity)
    right = np.asarray(right, dtype=bool)
    if similarity.ndim != 2 or similarity.shape != right.shape or not similarity.size:
        raise ValueError(f"similarity {similarity.shape} and right {right.shape}: wanted both (Q, K), "
                         "Q and K above 0")
    if np.isnan(similarity).any():
        raise ValueError("a similarity is not a number (NaN): the run diverged")
    if not right.any(axis=1).all():
        raise ValueError(f"right: found {(~right.any(axis=1)).sum()} queries without a right item; "
                         "leave them out")
    best = np.where(right, similarity, -np.inf).max(axis=1, keepdims=True)  # (Q, 1)
    equal = similarity == best
    better = (similarity > best).sum(axis=1)
    return better, (equal & ~right).sum(axis=1), (equal & right).sum(axis=1)
