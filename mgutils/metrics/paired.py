"""Whether one set of runs is better than another: paired tests and minimum detectable difference.

Both sets predict the same images from the same seeds, so what makes an image or a subject hard
cancels out. The tables and the bootstrap are those of :mod:`mgutils.metrics.intervals`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from mgutils.errors import ConfigError
from mgutils.metrics.intervals import (
    DRAWS,
    Score,
    Tally,
    effective_subjects,
    ends,
    resample,
    tail,
)

_EXACT = 14
"""Up to 14 subjects, all 2^14 sign patterns are tried; for more subjects, as many are drawn."""
_POWER = 0.8


@dataclass(frozen=True)
class Difference:
    """Second minus first, on the same images and from the same seeds."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided, by swapping the two within subjects."""
    detectable: float
    """The smallest true difference that this design would find with power 0.8."""
    by_seed: tuple[float, ...]
    """The difference of each pair of runs."""

    @property
    def shown(self) -> bool:
        """Whether the interval excludes zero and ``p`` is below 0.05."""
        return self.p < 0.05 and not self.low <= 0 <= self.high


def paired(first: Tally, second: Tally, score: Score, *, draws: int = DRAWS,
           seed: int = 0) -> Difference:
    """Compare two sets of runs, paired by seed and by subject.

    The bootstrap draws the same subjects and seeds for both. ``p`` asks how often a difference as
    large would occur if a coin had decided, for each subject, which set is called the first.

    Raises
    ------
    ConfigError
        If the two are not of the same images or not of as many runs.

    References
    ----------
    Ernst 2004, Permutation methods, Statistical Science 19; Bloom 1995, Minimum detectable effects,
    Evaluation Review 19.

    Taught in: 09, section 6.
    """
    same_design = first.hits.shape == second.hits.shape
    if not same_design or (first.counts != second.counts).any():
        raise ConfigError(
            f"paired: found {first.hits.shape} and {second.hits.shape} (runs, subjects, classes); "
            "wanted the same rows and as many runs. Compare runs of one split and the same seeds.")
    # the interval, from the bootstrap
    subjects = effective_subjects(first.counts, score)
    hits, counts = resample([first, second], draws, seed)
    sample = score(hits[1], counts) - score(hits[0], counts)  # (draws,)
    low, high = ends(sample, tail(subjects), len(first.counts))

    # the test, from what each subject contributes to the difference
    more_hits = (second.hits - first.hits).mean(axis=0)  # (G, C)
    gain = score(more_hits, first.counts.sum(axis=0))  # (G,)
    by_seed = second.scores(score) - first.scores(score)  # (S,)
    return Difference(
        value=float(by_seed.mean()),
        low=low,
        high=high,
        p=sign_flip(gain),
        detectable=detectable(float(np.nanstd(sample)), subjects),
        by_seed=tuple(by_seed.tolist()),
    )


def sign_flip(gains: ArrayLike, *, draws: int = 2 ** _EXACT, seed: int = 0) -> float:
    """Two-sided p value of a sign-flip test on the subjects' gains (G,).

    It is the fraction of sign patterns whose sum is at least as far from zero as the observed one:
    exact for few subjects; for more, from ``draws`` random patterns, the observed one among them.
    ``scipy.stats.permutation_test(permutation_type="samples")`` gives the same exact values, but
    takes 30 to 500 times as long.
    """
    gains = np.asarray(gains, dtype=float)
    gains = gains[gains != 0]
    count = len(gains)
    if count <= _EXACT:
        # the bits of 0 .. 2^count - 1 are all patterns: (2^count, count) of -1 and 1
        bits = np.arange(2**count)[:, None] >> np.arange(count) & 1
        patterns = 2 * bits - 1
    else:
        rng = np.random.default_rng(seed)
        patterns = rng.choice([-1, 1], (draws, count))
        patterns[0] = 1
    sums = patterns @ gains
    as_far = np.abs(sums) >= abs(gains.sum()) - 1e-12
    return float(as_far.mean())


def detectable(spread: float, subjects: float) -> float:
    """Smallest difference found with probability 0.8, from a bootstrap's standard deviation.

    NaN with one subject, or if the two never differ.
    """
    if subjects <= 1 or spread == 0:
        return float("nan")
    n = max(subjects, 2.0)
    t = stats.t(n - 1)
    quantiles = t.isf(0.025) + t.ppf(_POWER)
    return float(quantiles * spread * np.sqrt(n / (n - 1)))


def holm(p: Sequence[float]) -> np.ndarray:
    """Correct the p values of several tests for the number of tests (Holm's step-down method).

    References
    ----------
    Holm 1979, Scandinavian Journal of Statistics 6.
    """
    p = np.asarray(p, dtype=float)
    order = p.argsort(kind="stable")
    times = np.arange(len(p), 0, -1)
    stepped = np.maximum.accumulate(p[order] * times)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1)
    return corrected
