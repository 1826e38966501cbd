"""Classifiers of embeddings that are given: a linear layer, nearest neighbours, and few labels to learn from.

NumPy and scikit-learn only. Where the embeddings come from, a run or an encoder, is in ``probes``,
``few_shot`` and ``space``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

NEIGHBOURS = 5
"""Training images that vote for a class."""
DRAWS = 3
"""Draws of so few images; their scores are averaged."""


def linear_probe(train: np.ndarray, target: np.ndarray, valid: np.ndarray,
                 classes: int) -> np.ndarray:
    """Log probabilities (N, C) of a logistic regression on standardised embeddings.

    A class without a training row gets -inf. One thread adds, so that the number of threads changes no bit.

    Parameters
    ----------
    train, valid : ndarray (n, D), (N, D)
        Embeddings to learn from and to predict.
    target : ndarray (n,)
        Class indices 0..C-1 of the first.
    classes : int
        C.

    References
    ----------
    Alain and Bengio 2016, arXiv:1610.01644.
    """
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    with threadpool_limits(1), warnings.catch_warnings():
        # scikit-learn takes few labels of many classes for a regression
        warnings.filterwarnings("ignore", message="The number of unique classes")
        probe.fit(train, target)
    answers = np.full((len(valid), classes), -np.inf)
    with threadpool_limits(1), np.errstate(divide="ignore"):  # a probability of 0 is -inf
        answers[:, probe.classes_] = probe.predict_log_proba(valid)
    return answers


def nearest(train: np.ndarray, target: np.ndarray, valid: np.ndarray, classes: int,
            k: int = NEIGHBOURS) -> np.ndarray:
    """Votes (N, C) of the k nearest training embeddings by cosine; a tie goes to the nearer ones.

    Parameters and shapes as in :func:`linear_probe`.

    Taught in: 08, section 3.
    """
    train = train / np.maximum(np.linalg.norm(train, axis=1, keepdims=True), 1e-12)
    valid = valid / np.maximum(np.linalg.norm(valid, axis=1, keepdims=True), 1e-12)
    cosine = valid @ train.T  # (N, n)
    closest = np.argsort(-cosine, axis=1, kind="stable")[:, :k]  # (N, k)

    # a vote weighs 1, and a little more the nearer it is
    weight = 1 + 1e-3 * np.take_along_axis(cosine, closest, axis=1)
    votes = np.zeros((len(valid), classes))
    np.add.at(votes, (np.arange(len(valid))[:, None], target[closest]), weight)
    return votes


def few_of_each(target: np.ndarray, count: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Positions of ``count`` rows of each class, drawn anew each time; 0: all rows, once.

    A class with fewer rows gives all that it has.
    """
    if not count:
        yield np.arange(len(target))
        return
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        order = rng.permutation(len(target))
        rank = pd.Series(target[order]).groupby(target[order]).cumcount().to_numpy()
        yield np.sort(order[rank < count])
