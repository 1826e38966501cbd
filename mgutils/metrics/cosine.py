"""Cosines of embeddings, and the mean direction of a class."""

from __future__ import annotations

import numpy as np


def cosine_similarity(queries: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Cosine of each query with each item, in float64.

    Shape: (Q, D), (K, D) -> (Q, K).
    """
    return unit(queries) @ unit(items).T


def unit(embeddings: np.ndarray) -> np.ndarray:
    """Rows of length 1, float64; a row of zeros stays zero. Shape: (N, D) -> (N, D)."""
    embeddings = np.asarray(embeddings, dtype=np.float64)
    return embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)


def prototypes(train: np.ndarray, target: np.ndarray, classes: int) -> np.ndarray:
    """Mean direction of each class's embeddings, (C, D) of length 1; a class without rows is zeros.

    References
    ----------
    Snell et al. 2017, arXiv:1703.05175, which calls them prototypes.
    """
    sums = np.zeros((classes, train.shape[1]))
    np.add.at(sums, target, unit(train))
    return unit(sums)


def emergent(anchor: np.ndarray, target: np.ndarray, asked: np.ndarray, classes: int) -> np.ndarray:
    """Cosine (N, C) of one modality's embeddings with class vectors of another one's.

    A class without a row of the anchor gets -inf.

    Parameters
    ----------
    anchor, target : ndarray (n, D), (n,)
        Embeddings and classes that the vectors are learned from.
    asked : ndarray (N, D)
        Embeddings of any modality in the same space.
    classes : int
        C.

    References
    ----------
    Girdhar et al. 2023, arXiv:2305.05665, which calls it emergent zero-shot classification.
    """
    cosine = cosine_similarity(asked, prototypes(anchor, target, classes))
    cosine[:, np.bincount(target, minlength=classes) == 0] = -np.inf
    return cosine
