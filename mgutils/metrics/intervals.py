"""How certain a score is: correct answers by subject and class, and bootstrap intervals.

Every score here adds up correct answers, so one small table is enough: how often each run was right
about each class of each subject. The bootstrap resamples subjects, never single images, because the
images of one person resemble each other. :mod:`mgutils.metrics.paired` compares two sets of runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from mgutils.errors import ConfigError

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From correct answers (..., C) and images (..., C) of each class to scores (...).

It must be linear in the correct answers.
"""
DRAWS = 40_000
"""Bootstrap draws: with few subjects the interval ends far out in the tails, where few lie."""
_BLOCK = 4000
"""Draws in memory at once, each a number for every subject."""


def accuracy(hits: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Fraction of images that are answered correctly. Shape: (..., C), (..., C) -> (...)."""
    right = hits.sum(axis=-1)
    return _ratio(right, counts.sum(axis=-1))


def mean_recall(hits: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """UAR: mean recall of the classes that occur. Shape: (..., C), (..., C) -> (...)."""
    recall = _ratio(hits, counts)
    occur = np.isfinite(recall).sum(axis=-1)
    return _ratio(np.nansum(recall, axis=-1), occur)


SCORES: dict[str, Score] = {"top1": accuracy, "uar": mean_recall}


def accuracy_without(skipped: int) -> Score:
    """Accuracy on the images of all classes but one. Predicting that one is an error, too."""
    def score(hits: np.ndarray, counts: np.ndarray) -> np.ndarray:
        kept = np.delete(hits, skipped, axis=-1)
        images = np.delete(counts, skipped, axis=-1)
        return accuracy(kept, images)

    return score


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part by whole, NaN where the whole is 0."""
    part, whole = np.broadcast_arrays(part, whole)
    unknown = np.full(part.shape, np.nan)
    return np.divide(part, whole, out=unknown, where=whole > 0)


@dataclass(frozen=True)
class Tally:
    """Correct answers of S runs on the same images, by G subjects (or clips) and C classes."""

    hits: np.ndarray
    """(S, G, C) number of correct answers."""
    counts: np.ndarray
    """(G, C) number of images."""

    def scores(self, score: Score) -> np.ndarray:
        """Score of each run, (S,)."""
        hits = self.hits.sum(axis=1)  # (S, C)
        return score(hits, self.counts.sum(axis=0))

    def first(self, runs: int) -> Tally:
        """The table of the first ``runs`` runs."""
        return Tally(self.hits[:runs], self.counts)


def tally(answers: ArrayLike, target: ArrayLike, subjects: ArrayLike, classes: int) -> Tally:
    """Count correct answers by run, subject and class.

    Parameters
    ----------
    answers : array (S, N)
        Class index that each run predicted for each image.
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
    answers = np.atleast_2d(answers)
    target = np.asarray(target)
    subjects = np.asarray(subjects)
    same_rows = answers.shape[1:] == target.shape == subjects.shape
    if target.ndim != 1 or not len(target) or not same_rows:
        raise ConfigError(
            f"tally: found answers {answers.shape}, target {target.shape}, subjects "
            f"{subjects.shape}; wanted (S, N), (N,) and (N,), N at least 1. Give runs that were "
            "scored on the same rows.")
    names, subject = np.unique(subjects, return_inverse=True)
    cell = subject * classes + target  # (N,) position in a flat (G, C) table

    def count(cells: np.ndarray) -> np.ndarray:
        flat = np.bincount(cells, minlength=len(names) * classes)
        return flat.reshape(len(names), classes)

    hits = [count(cell[row == target]) for row in answers]
    return Tally(np.stack(hits), count(cell))


def effective_subjects(counts: np.ndarray, score: Score) -> float:
    """Number of equally weighted subjects that a score rests on: 1 / sum of squared weights.

    Source: Kish 1965, Survey Sampling.

    Parameters
    ----------
    counts : ndarray (G, C)
    """
    weight = score(counts, counts.sum(axis=0))  # (G,), sums to 1
    return float(1 / np.square(weight).sum())


@dataclass(frozen=True)
class Interval:
    """A mean over runs and the interval around it; NaN where it is unknown."""

    value: float
    low: float
    high: float


def interval(
    table: Tally,
    score: Score,
    *,
    draws: int = DRAWS,
    level: float = 0.95,
    seed: int = 0,
    widen: bool = True,
) -> Interval:
    """Mean score of the runs, with a percentile interval of the crossed bootstrap.

    Each draw takes G subjects and S runs, with replacement, and scores those runs on those
    subjects.

    Parameters
    ----------
    table : Tally
    score : callable
    draws : int
    level : float
        Fraction of intervals that should contain the true score.
    seed : int
        Equal arguments give equal intervals.
    widen : bool
        Take the percentiles farther out, see :func:`tail`. Without it the interval is too short for
        few subjects.

    References
    ----------
    Efron and Tibshirani 1993, An introduction to the bootstrap, chapter 13; Owen 2007, The
    pigeonhole bootstrap.

    Taught in: 09, section 4.
    """
    hits, counts = resample([table], draws, seed)
    sample = score(hits[0], counts)  # (draws,)
    subjects = effective_subjects(table.counts, score)
    side = tail(subjects, level) if widen else (1 - level) / 2
    low, high = ends(sample, side, len(table.counts))
    value = table.scores(score).mean()
    return Interval(float(value), low, high)


def resample(tables: Sequence[Tally], draws: int, seed: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Draw subjects and runs, the same for all tables.

    Returns
    -------
    hits : list of ndarray (B, C)
        Correct answers of each table in each draw, as a mean over its runs.
    counts : ndarray (B, C)
        Images in each draw.
    """
    rng = np.random.default_rng(seed)
    runs, subjects, _ = tables[0].hits.shape
    parts = []
    for size in np.diff([*range(0, draws, _BLOCK), draws]):
        # how often each subject is drawn (b, G), and the weight of each run (b, S)
        times = rng.multinomial(subjects, np.full(subjects, 1 / subjects), size)
        times = times.astype(float)
        weight = rng.multinomial(runs, np.full(runs, 1 / runs), size) / runs
        part = []
        for table in tables:
            hits = 0  # (b, C)
            for run in range(runs):
                hits = hits + weight[:, run, None] * (times @ table.hits[run].astype(float))
            part.append(hits)
        part.append(times @ tables[0].counts.astype(float))
        parts.append(part)
    *hits, counts = (np.concatenate(part) for part in zip(*parts, strict=True))
    return hits, counts


def ends(sample: np.ndarray, side: float, subjects: int) -> tuple[float, float]:
    """The two percentiles of a bootstrap sample; NaN if there is one subject."""
    if subjects < 2:
        return float("nan"), float("nan")
    low, high = np.nanquantile(sample, [side, 1 - side])
    return float(low), float(high)


def tail(subjects: float, level: float = 0.95) -> float:
    """Fraction of a bootstrap sample to cut off at each end, adjusted for few subjects.

    The bootstrap's spread is too small by sqrt((n - 1) / n), and its tails are those of a normal
    and not of a t distribution. The fraction is Phi(-t sqrt(n / (n - 1))), with t of n - 1 degrees
    of freedom.

    References
    ----------
    Hesterberg 2015, What teachers should know about the bootstrap, American Statistician 69.
    """
    n = max(subjects, 2.0)
    t = stats.t.isf((1 - level) / 2, n - 1)
    cut = -t * np.sqrt(n / (n - 1))
    return float(stats.norm.cdf(cut))


def difference_of(first: Interval, second: Interval) -> Interval:
    """Interval of ``second - first`` for two independent scores, from their intervals alone.

    References
    ----------
    Zou and Donner 2008, Statistics in Medicine 27 (MOVER).
    """
    value = second.value - first.value
    down = np.hypot(second.value - second.low, first.high - first.value)
    up = np.hypot(second.high - second.value, first.value - first.low)
    return Interval(value, float(value - down), float(value + up))


def coverage(
    images: ArrayLike,
    rate: float,
    spread: float,
    *,
    widen: bool = True,
    trials: int = 200,
    draws: int = 1000,
    seed: int = 0,
) -> float:
    """How often the interval contains the truth, on simulated results of a known accuracy.

    Parameters
    ----------
    images : array (G,)
        Images of each subject.
    rate, spread : float
        True accuracy, and the standard deviation of the subjects' own accuracies around it (a beta
        distribution).

    Taught in: A2, section 3.
    """
    images = np.asarray(images)
    rng = np.random.default_rng(seed)
    # the beta distribution's a + b, from its mean and its standard deviation
    weight = max(rate * (1 - rate) / max(spread, 1e-6) ** 2 - 1, 1e-6)
    inside = 0
    for trial in range(trials):
        rates = rng.beta(rate * weight, (1 - rate) * weight, len(images))
        hits = rng.binomial(images, rates)
        table = Tally(hits[None, :, None], images[:, None])
        found = interval(table, accuracy, draws=draws, seed=trial, widen=widen)
        inside += found.low <= rate <= found.high
    return inside / trials


def spread_of_subjects(table: Tally) -> float:
    """Standard deviation of the subjects' own accuracies, with the binomial noise taken off."""
    images = table.counts.sum(axis=1)  # (G,)
    hits = table.hits.mean(axis=0).sum(axis=1)  # (G,)
    rates = _ratio(hits, images)
    mean = np.average(rates, weights=images)
    noise = np.average(mean * (1 - mean) / images, weights=images)
    variance = np.average((rates - mean) ** 2, weights=images) - noise
    return float(np.sqrt(max(variance, 0)))
