"""Several runs that answer together: a weighted mean of their probabilities.

The original weighs the joints' stream 0.4 and the limbs' 0.6, and does not say on which clips the weights were found. A
weight that is chosen on the clips it is reported on is a parameter learned from the test. So :func:`chosen_apart`
chooses it on half of the people, and reports it on the other half.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy import ndarray
from scipy.special import softmax

from mgutils.errors import ConfigError
from mgutils.metrics.scores import scores
from mgutils.training.run import Run

GRID = np.linspace(0, 1, 21)
"""Weights of the first of two runs that are tried."""


def mix(logits: Sequence[ndarray], weights: Sequence[float]) -> ndarray:
    """Weighted mean of the runs' probabilities.

    Parameters
    ----------
    logits : sequence of array (N, C)
        Of each run, on the same rows.
    weights : sequence of float
        At least 0, not all 0; their sum does not matter.

    Returns
    -------
    array (N, C)
        Each row sums to 1.

    Raises
    ------
    ConfigError
        If the weights are not as many as the runs, or one is negative, or all are 0.

    Taught in: 10, section 7.
    """
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (len(logits),) or not np.isfinite(weights).all() or (weights < 0).any() or not weights.sum():
        raise ConfigError(f"weights: found {weights.tolist()}; wanted {len(logits)} numbers from 0, one for each run, "
                          "and not all of them 0.")
    probs = np.stack([softmax(each, axis=1) for each in logits])
    return np.tensordot(weights / weights.sum(), probs, axes=1)


def best_weight(first: ndarray, second: ndarray, target: ndarray, score: str = "top1") -> float:
    """The weight of the first run, from :data:`GRID`, with the best score; of equal ones the nearest to a half."""
    found = [getattr(scores(mix([first, second], [weight, 1 - weight]), target), score) for weight in GRID]
    best = np.flatnonzero(np.isclose(found, max(found)))
    return float(GRID[best[np.abs(GRID[best] - 0.5).argmin()]])


def chosen_apart(first: ndarray, second: ndarray, target: ndarray, subject: ndarray, *, seed: int = 0,
                 score: str = "top1") -> tuple[ndarray, tuple[float, float]]:
    """Mix two runs by weights that no reported row had a say in.

    The people are dealt into two halves; the rows of each half are weighted as suits the other half best.

    Parameters
    ----------
    first, second : array (N, C)
        Logits.
    target, subject : array (N,)

    Returns
    -------
    probs : array (N, C)
    weights : (float, float)
        Of the first run, for the first and for the second half of the people.
    """
    people = np.random.default_rng(seed).permutation(np.unique(subject))
    half = np.isin(subject, people[:len(people) // 2])
    probs = np.empty_like(first, dtype=np.float64)
    weights = []
    for rows in (half, ~half):
        weight = best_weight(first[~rows], second[~rows], target[~rows], score)
        probs[rows] = mix([first[rows], second[rows]], [weight, 1 - weight])
        weights.append(weight)
    return probs, (weights[0], weights[1])


def mix_runs(runs: Sequence[Run], weights: Sequence[float]) -> ndarray:
    """:func:`mix` of what finished runs answered on the rows that they report.

    Raises
    ------
    ConfigError
        If there are not two runs, or they report different rows of different data.
    """
    if len(runs) < 2:
        raise ConfigError(f"runs: found {len(runs)}; wanted at least 2.")
    for run in runs[1:]:
        same = (run.receipt.get("data_sha256") == runs[0].receipt.get("data_sha256")
                and np.array_equal(run.valid, runs[0].valid))
        if not same:
            raise ConfigError(f"{run.directory}: found other data, or another split, than those of "
                              f"{runs[0].directory}; wanted runs that report the same rows.")
    return mix([run.logits for run in runs], weights)
