"""The word loss of MiGA 2023: a clip's vector is regressed onto the word vector of its class.

Beside the loss are the vectors that can take the words' place: if these help as much, the words did
not help. No negatives, no cosine, no similarity: that is in ``image_text``.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy import ndarray
from torch import Tensor

from mgutils.errors import ConfigError

Vectors = Literal["words", "permuted", "random", "one_hot"]


def semantic_loss(embedded: Tensor, target: Tensor, vectors: Tensor) -> Tensor:
    """Mean squared error to the vector of one's own class, over batch and dimensions.

    The best answer to a clip x is the mean vector under p(y|x), ``sum_c p(c|x) v_c``: a linear
    image of what a classifier learns anyway. With one-hot vectors it is p(y|x), scaled (Brier score).

    Parameters
    ----------
    embedded : Tensor
        What the word head says, ``(B, W)``.
    target : Tensor
        Classes 0..C-1, ``(B,)``.
    vectors : Tensor
        One for each class, ``(C, W)``.

    Returns
    -------
    Tensor
        A scalar. The original weights it with 20.

    References
    ----------
    Li et al. 2023, arXiv:2307.10624, MiGA2023_Track1, ``mse_loss.py`` at commit fe362d7.

    Taught in: 10, section 5.
    """
    return (embedded - vectors[target]).square().mean()


def class_vectors(kind: Vectors, words: ndarray, seed: int = 0) -> ndarray:
    """The word vectors of the classes, or one of three controls with the same mean square.

    Parameters
    ----------
    kind : {"words", "permuted", "random", "one_hot"}
        The words as they are; the words dealt to other classes, so that none keeps its own;
        Gaussian noise; or an axis for each class, which knows nothing but that classes differ.
    words : ndarray
        ``(C, W)``.
    seed : int
        Of ``permuted`` and ``random``.

    Returns
    -------
    ndarray
        ``(C, W)``, or ``(C, C)`` for ``one_hot``, in the type of ``words``.

    Raises
    ------
    ConfigError
        If the kind is unknown, or a single class has its words permuted.

    Examples
    --------
    >>> class_vectors("one_hot", np.ones((2, 3)))  # each of 4 entries has 1 as its mean square
    array([[1.41421356, 0.        ],
           [0.        , 1.41421356]])

    Taught in: 10, section 5.
    """
    if kind not in get_args(Vectors):
        known = ", ".join(get_args(Vectors))
        raise ConfigError(f"class vectors: found {kind!r}; wanted one of {known}.")
    random = np.random.default_rng(seed)
    classes = len(words)
    if kind == "words":
        return words.copy()
    if kind == "permuted":
        return words[_derangement(classes, random)]
    vectors = np.eye(classes) if kind == "one_hot" else random.standard_normal(words.shape)
    power = np.square(words, dtype=float).mean() / np.square(vectors).mean()
    return (vectors * np.sqrt(power)).astype(words.dtype)


def _derangement(count: int, random: np.random.Generator) -> ndarray:
    """A permutation that leaves nothing in its place, each of them with the same probability."""
    if count < 2:
        raise ConfigError(
            f"permuted words: found {count} class; wanted at least 2, so that one takes another's.")
    while True:  # more than one in three permutations is one
        order = random.permutation(count)
        if not np.any(order == np.arange(count)):
            return order
