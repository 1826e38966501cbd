"""Classes of which a model has seen no image: does their text alone find them?

A run with ``left_out`` in its configuration is scored on all images of those classes, twice: among
the k classes left out, where chance is 1 / k, and among all classes. A permutation test then asks
whether the *meaning* of the texts did it: the texts are assigned to the classes in every possible
way, and the right assignment is compared with the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mgutils.errors import ConfigError
from mgutils.metrics.scores import Scores, scores

if TYPE_CHECKING:
    from mgutils.training.run import Run

LEFT_OUT = (9, 11, 12, 22, 24)
"""Touching ears, touching jaw, touching neck, touching arms, crossing fingers.

What touches, and what is touched, occurs in other classes too.
"""
REGIONS = (0, 0, 0, 1, 1)
"""Where the hand is in these classes: 0 at the head or the neck, 1 before the body."""
MOST = 8
"""Most classes for which all assignments are tried: 8! = 40,320."""


@dataclass(frozen=True)
class ZeroShot:
    """Scores of a run on classes without training images.

    Parameters
    ----------
    classes : ndarray (k,)
        Class indices left out.
    logits : ndarray (n, k)
        Scores of their images for their own texts.
    target : ndarray (n,)
        Position of the true class, 0..k-1.
    among_left_out, among_all : Scores
        Of their images among the k classes, and among all classes.
    seen : Scores
        Of the other validation images, among all classes.
    """

    classes: np.ndarray
    logits: np.ndarray
    target: np.ndarray
    among_left_out: Scores
    among_all: Scores
    seen: Scores


def zero_shot(run: Run) -> ZeroShot:
    """Score a run on the classes that it was not trained on.

    Raises
    ------
    ConfigError
        If the run left no class out.

    Taught in: 08, section 6.
    """
    if not run.config.left_out:
        raise ConfigError(
            f"{run.directory.name}: found no class left out; wanted a run that `mg train "
            "--left-out` made, with the ids of some classes.")
    classes = np.array(run.config.left_out) - 1
    out = np.isin(run.target, classes)
    if not out.any() or out.all():
        raise ConfigError(
            f"{run.directory.name}: found {out.sum()} of {len(out)} scored images of the classes "
            "left out; wanted some of theirs and some of others.")
    return score_left_out(run.logits, run.target, classes)


def score_left_out(logits: np.ndarray, target: np.ndarray, classes: np.ndarray) -> ZeroShot:
    """Score logits (N, C) of images, some of which are of the k classes left out.

    Without an image of another class, ``seen`` is ``among_all``.

    Parameters
    ----------
    target : ndarray (N,)
        Class indices 0..C-1, some of those left out.
    classes : ndarray (k,)
        Class indices left out.
    """
    out = np.isin(target, classes)
    kept = out if out.all() else ~out
    # class index -> position among the classes left out
    position = np.full(logits.shape[1], -1)
    position[classes] = np.arange(len(classes))
    among = logits[out][:, classes]  # (n, k)
    return ZeroShot(
        classes=classes,
        logits=among,
        target=position[target[out]],
        among_left_out=scores(among, position[target[out]]),
        among_all=scores(logits[out], target[out]),
        seen=scores(logits[kept], target[kept]),
    )


def zero_shot_table(runs: Sequence[Run]) -> pd.DataFrame:
    """One row for each run, scores in 0..1.

    Returns
    -------
    DataFrame
        ``captions, seed, classes, images``; ``uar, top1`` among the classes left out;
        ``all_top1, all_top5`` of the same images among all classes; ``seen_top1`` of the other
        images.

    Taught in: 08, section 6.
    """
    rows = []
    for run in runs:
        result = zero_shot(run)
        rows.append({
            "captions": run.config.captions,
            "seed": run.config.seed,
            "classes": len(result.classes),
            "images": len(result.target),
            "uar": result.among_left_out.uar,
            "top1": result.among_left_out.top1,
            "all_top1": result.among_all.top1,
            "all_top5": result.among_all.top5,
            "seen_top1": result.seen.top1,
        })
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class LabelPermutationTest:
    """Mean recall under every assignment of the k texts to the k classes.

    Parameters
    ----------
    right : float
        With each text at its own class, the mean over the runs.
    all : ndarray (k!,)
        Under every assignment, the right one first. Their mean is chance.
    """

    right: float
    all: np.ndarray

    @property
    def p(self) -> float:
        """Exact p value: fraction of assignments that score no less than the right one."""
        return float((self.all >= self.right - 1e-12).mean())


def label_permutation_test(results: Sequence[ZeroShot],
                           regions: Sequence[int] | None = None) -> LabelPermutationTest:
    """Test whether the texts find the classes better than the same texts at the wrong classes.

    A model that prefers one text whatever the image scores 1 / k under every assignment.

    Parameters
    ----------
    results : sequence of ZeroShot
        Of the same k classes.
    regions : sequence of int, optional
        A number for each class: a prediction is right if its class has the same number. By default
        only the class itself is right.

    Raises
    ------
    ConfigError
        If there are no results, they differ in their classes, or there are more than 8 classes.

    References
    ----------
    Ernst 2004, Permutation methods, Statistical Science 19.

    Taught in: 08, section 6.
    """
    if len({tuple(result.classes) for result in results}) != 1 or len(results[0].classes) > MOST:
        raise ConfigError(
            f"label_permutation_test: found {len(results)} results; wanted at least one, all of "
            f"the same classes, {MOST} of them at most.")
    shares = np.mean([answer_shares(result) for result in results], axis=0)  # (k, k)
    count = len(shares)
    ways = np.array(list(permutations(range(count))))  # (k!, k), the first is the right one
    region = np.arange(count) if regions is None else np.asarray(regions)
    right = (region[:, None] == region).astype(float)  # (k, k): true class, predicted class

    # mean recall of way w: sum over true class t and class c of right[t, c] shares[t, ways[w, c]]
    recalls = np.einsum("tc,twc->w", right, shares[:, ways]) / count
    return LabelPermutationTest(float(recalls[0]), recalls)


def answer_shares(result: ZeroShot) -> np.ndarray:
    """Confusion matrix (k, k) of the classes left out, rows divided by their sums.

    A class without images has 1 / k everywhere.
    """
    counts = result.among_left_out.confusion.astype(float)
    images = counts.sum(axis=1, keepdims=True)
    chance = np.full(counts.shape, 1 / len(counts))
    return np.divide(counts, images, out=chance, where=images > 0)
