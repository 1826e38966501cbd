"""How sure a score is: right answers by subject and class, and intervals by the bootstrap over subjects.

Every score here adds up right answers, so one small table is enough: how often each run was right
about each class of each subject. Subjects are drawn again, never single images, because the images
of one person resemble each other. Two sets of runs are compared in :mod:`mgutils.metrics.paired`;
what the numbers are of is decided in :mod:`mgutils.experiments.generalization`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from mgutils.errors import ConfigError

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From right answers (..., C) and images (..., C) of each class to scores (...), linear in the right answers."""
DRAWS = 40_000
"""Of a bootstrap: few subjects have the interval cut far out in the tails, where draws are rare."""
_BLOCK = 4000  # draws in memory at once, each a number for every subject


def accuracy(hits: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Share of images that are right. Shape: (..., C), (..., C) -> (...)."""
    return _ratio(hits.sum(axis=-1), counts.sum(axis=-1))


def mean_recall(hits: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """UAR: mean recall of the classes that occur. Shape: (..., C), (..., C) -> (...)."""
    recall = _ratio(hits, counts)
    return _ratio(np.nansum(recall, axis=-1), np.isfinite(recall).sum(axis=-1))


def accuracy_without(skipped: int) -> Score:
    """Accuracy on the images of all classes but one; answering that one is wrong there like any other error."""
    def score(hits: np.ndarray, counts: np.ndarray) -> np.ndarray:
        return accuracy(np.delete(hits, skipped, axis=-1), np.delete(counts, skipped, axis=-1))
    return score


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part by whole, NaN where the whole is 0."""
    part, whole = np.broadcast_arrays(part, whole)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


@dataclass(frozen=True)
class Tally:
    """Right answers of S runs on the same images, by G subjects (or clips) and C classes."""

    hits: np.ndarray
    """(S, G, C) number of right answers."""
    counts: np.ndarray
    """(G, C) number of images."""

    def scores(self, score: Score) -> np.ndarray:
        """(S,) the score of each run."""
        return score(self.hits.sum(axis=1), self.counts.sum(axis=0))

    def first(self, runs: int) -> Tally:
        """The first so many runs."""
        return Tally(self.hits[:runs], self.counts)


def tally(answers: ArrayLike, target: ArrayLike, subjects: ArrayLike, classes: int) -> Tally:
    """Count right answers.

    Parameters
    ----------
    answers : array (S, N)
        Class index that each run answered for each image.
    target : array (N,)
        True class indices 0..C-1.
    subjects : array (N,)
        Whose image it is; any values.
    classes : int
        C.

    Raises
    ------
    ConfigError
        If the shapes do not fit or there are no images.
    """
    answers, target, subjects = np.atleast_2d(answers), np.asarray(target), np.asarray(subjects)
    if target.ndim != 1 or not len(target) or answers.shape[1:] != target.shape or subjects.shape != target.shape:
        raise ConfigError(f"tally: found answers {answers.shape}, target {target.shape}, subjects {subjects.shape}; "
                          "wanted (S, N), (N,) and (N,), N at least 1. Give runs that were scored on the same rows.")
    names, place = np.unique(subjects, return_inverse=True)
    cell, shape = place * classes + target, (len(names), classes)
    hits = [np.bincount(cell[row == target], minlength=len(names) * classes).reshape(shape) for row in answers]
    return Tally(np.stack(hits), np.bincount(cell, minlength=len(names) * classes).reshape(shape))


def effective_subjects(counts: np.ndarray, score: Score) -> float:
    """How many subjects of equal weight a score rests on: 1 / sum of squared weights (Kish 1965).

    Parameters
    ----------
    counts : ndarray (G, C)
    """
    weight = score(counts, counts.sum(axis=0))  # (G,), sums to 1
    return float(1 / np.square(weight).sum())


@dataclass(frozen=True)
class Interval:
    """A mean over runs and the interval around it; NaN where it cannot be known."""

    value: float
    low: float
    high: float


def interval(table: Tally, score: Score, *, draws: int = DRAWS, level: float = 0.95, seed: int = 0,
             widen: bool = True) -> Interval:
    """Mean score of the runs with a percentile interval of the bootstrap over subjects, crossed with runs.

    Each draw takes G subjects and S runs, with replacement, and scores those runs on those subjects.

    Parameters
    ----------
    table : Tally
    score : callable
    draws : int
    level : float
        Share of intervals that shall hold the true score.
    seed : int
        Equal arguments give equal intervals.
    widen : bool
        Take the percentiles farther out, see :func:`tail`; without it the interval is too short for few subjects.

    References
    ----------
    Efron and Tibshirani 1993, An introduction to the bootstrap, chapter 13; Owen 2007, The pigeonhole bootstrap.

    Taught in: 07, section 3.
    """
    hits, counts = resample([table], draws, seed)
    side = tail(effective_subjects(table.counts, score), level) if widen else (1 - level) / 2
    return Interval(float(table.scores(score).mean()), *ends(score(hits[0], counts), side, len(table.counts)))


def resample(tables: Sequence[Tally], draws: int, seed: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Right answers (B, C) of each table, as a mean over its runs, and images (B, C), in B draws common to all."""
    rng, (runs, subjects, _) = np.random.default_rng(seed), tables[0].hits.shape
    parts = []
    for size in np.diff([*range(0, draws, _BLOCK), draws]):
        times = rng.multinomial(subjects, np.full(subjects, 1 / subjects), size).astype(float)  # (b, G)
        share = rng.multinomial(runs, np.full(runs, 1 / runs), size) / runs  # (b, S)
        parts.append([sum(share[:, s, None] * (times @ table.hits[s].astype(float)) for s in range(runs))
                      for table in tables] + [times @ tables[0].counts.astype(float)])
    *hits, counts = (np.concatenate(part) for part in zip(*parts, strict=True))
    return hits, counts


def ends(sample: np.ndarray, side: float, subjects: int) -> tuple[float, float]:
    """The two percentiles of a bootstrap sample; unknown where there is one subject."""
    if subjects < 2:
        return float("nan"), float("nan")
    low, high = np.nanquantile(sample, [side, 1 - side])
    return float(low), float(high)


def tail(subjects: float, level: float = 0.95) -> float:
    """Share of a bootstrap sample to cut off at each end, so that few subjects give an interval wide enough.

    The bootstrap's spread is too small by sqrt((n - 1) / n) and its tails are those of a normal and not of a
    t distribution; the share is Phi(-t sqrt(n / (n - 1))), with t of n - 1 degrees of freedom.

    References
    ----------
    Hesterberg 2015, What teachers should know about the bootstrap, American Statistician 69.
    """
    n = max(subjects, 2.0)
    return float(stats.norm.cdf(-stats.t.isf((1 - level) / 2, n - 1) * np.sqrt(n / (n - 1))))


def difference_of(first: Interval, second: Interval) -> Interval:
    """``second - first`` of two independent scores, from their intervals alone.

    References
    ----------
    Zou and Donner 2008, Statistics in Medicine 27 (MOVER).
    """
    value = second.value - first.value
    down = np.hypot(second.value - second.low, first.high - first.value)
    up = np.hypot(second.high - second.value, first.value - first.low)
    return Interval(value, float(value - down), float(value + up))


def coverage(images: ArrayLike, rate: float, spread: float, *, widen: bool = True, trials: int = 200, draws: int = 1000,
             seed: int = 0) -> float:
    """How often the interval holds the truth, tried on invented results of a known accuracy.

    Parameters
    ----------
    images : array (G,)
        Images of each subject.
    rate, spread : float
        True accuracy, and the standard deviation of the subjects' own accuracies around it (a beta distribution).

    Taught in: 07, section 3.
    """
    images, rng = np.asarray(images), np.random.default_rng(seed)
    weight = max(rate * (1 - rate) / max(spread, 1e-6) ** 2 - 1, 1e-6)
    inside = 0
    for trial in range(trials):
        hits = rng.binomial(images, rng.beta(rate * weight, (1 - rate) * weight, len(images)))
        found = interval(Tally(hits[None, :, None], images[:, None]), accuracy, draws=draws, seed=trial, widen=widen)
        inside += found.low <= rate <= found.high
    return inside / trials


def spread_of_subjects(table: Tally) -> float:
    """Standard deviation of the subjects' own accuracies, less what chance alone gives subjects of their sizes."""
    images = table.counts.sum(axis=1)
    rates = _ratio(table.hits.mean(axis=0).sum(axis=1), images)
    mean = np.average(rates, weights=images)
    noise = np.average(mean * (1 - mean) / images, weights=images)
    return float(np.sqrt(max(np.average((rates - mean) ** 2, weights=images) - noise, 0)))
