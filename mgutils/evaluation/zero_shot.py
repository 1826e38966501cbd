"""Classes of which a model has seen no image: does their text alone find them?

A run with ``left_out`` in its configuration is scored on all images of those classes. Its logits are asked twice: among
the classes left out, where chance is 1 / k, and among all classes. Whether the *meaning* of the texts did it is then
tested: the texts are dealt out to the classes in every possible way, and the right way is compared with the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pandas as pd

from mgutils.errors import ConfigError
from mgutils.metrics.scores import Scores, scores
from mgutils.training.run import Run

LEFT_OUT = (9, 11, 12, 22, 24)
"""Touching ears, touching jaw, touching neck, touching arms, crossing fingers: what touches, and what is touched, other
classes show too."""
REGIONS = (0, 0, 0, 1, 1)
"""Where the hand is in these classes: 0 at the head or the neck, 1 before the body."""
_MOST = 8
"""Classes left out at most for the test of all ways of dealing out: 8! = 40,320."""


@dataclass(frozen=True)
class ZeroShot:
    """What a run makes of classes without training images.

    Parameters
    ----------
    classes : ndarray (k,)
        Class indices left out.
    logits : ndarray (n, k)
        Scores of their images for their own texts.
    target : ndarray (n,)
        Position of the true class, 0..k-1.
    among_left_out, among_all, seen : Scores
        Of their images among the k classes; of their images among all classes; of the other validated images among all.
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

    Taught in: 06, section 5.
    """
    if not run.config.left_out:
        raise ConfigError(f"{run.directory.name}: found no class left out; wanted a run with left_out in its settings.")
    classes = np.array(run.config.left_out) - 1
    out = np.isin(run.target, classes)
    if not out.any() or out.all():
        raise ConfigError(f"{run.directory.name}: found {out.sum()} of {len(out)} scored images of the classes left "
                          "out; wanted some of theirs and some of others.")
    place = np.full(run.logits.shape[1], -1)
    place[classes] = np.arange(len(classes))
    target, logits = place[run.target[out]], run.logits[out][:, classes]
    return ZeroShot(classes, logits, target, scores(logits, target), scores(run.logits[out], run.target[out]),
                    scores(run.logits[~out], run.target[~out]))


def zero_shot_table(runs: Sequence[Run]) -> pd.DataFrame:
    """One row for each run, shares in 0..1.

    Returns
    -------
    DataFrame
        ``captions, seed, classes, images``; ``uar, top1`` among the classes left out; ``all_top1, all_top5`` of the
        same images among all classes; ``seen_top1`` of the other images.

    Taught in: 06, section 5.
    """
    rows = []
    for run in runs:
        result = zero_shot(run)
        rows.append({"captions": run.config.captions, "seed": run.config.seed, "classes": len(result.classes),
                     "images": len(result.target), "uar": result.among_left_out.uar,
                     "top1": result.among_left_out.top1, "all_top1": result.among_all.top1,
                     "all_top5": result.among_all.top5, "seen_top1": result.seen.top1})
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Dealt:
    """Mean recall under every way of dealing the k texts out to the k classes.

    Parameters
    ----------
    right : float
        With each text at its own class, the mean over the runs.
    all : ndarray (k!,)
        Under every way, the right one first. Their mean is chance.
    """

    right: float
    all: np.ndarray

    @property
    def p(self) -> float:
        """Share of the ways that score no less than the right one: exact, if texts mean nothing; at least 1 / k!."""
        return float((self.all >= self.right - 1e-12).mean())


def deal_out(results: Sequence[ZeroShot], regions: Sequence[int] | None = None) -> Dealt:
    """Ask whether the right texts name the classes better than the same texts at the wrong classes.

    A model that prefers one text whatever the image scores 1 / k under every dealing, and so shows nothing.

    Parameters
    ----------
    results : sequence of ZeroShot
        Of the same k classes.
    regions : sequence of int, optional
        A number for each class: an answer is right if its class has the same number. If not given, only the class
        itself.

    Raises
    ------
    ConfigError
        If there are no results, they differ in their classes, or there are more than 8 classes.

    References
    ----------
    Ernst 2004, Permutation methods, Statistical Science 19.

    Taught in: 06, section 5.
    """
    if len({tuple(result.classes) for result in results}) != 1 or len(results[0].classes) > _MOST:
        raise ConfigError(f"deal_out: found {len(results)} results; wanted at least one, all of the same classes, "
                          f"{_MOST} of them at most.")
    shares = np.mean([answer_shares(result) for result in results], axis=0)  # (k, k), rows: true class
    ways = np.array(list(permutations(range(len(shares)))))  # (k!, k), the first is the right one
    region = np.arange(len(shares)) if regions is None else np.asarray(regions)
    right = (region[:, None] == region).astype(float)  # (k, k), rows: true class, columns: answered class
    recalls = np.einsum("tc,twc->w", right, shares[:, ways]) / len(shares)
    return Dealt(float(recalls[0]), recalls)


def answer_shares(result: ZeroShot) -> np.ndarray:
    """Share of each class's images (row) that were answered with each text (column), (k, k); empty rows are 1 / k."""
    counts = result.among_left_out.confusion.astype(float)
    images = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, images, out=np.full(counts.shape, 1 / len(counts)), where=images > 0)
