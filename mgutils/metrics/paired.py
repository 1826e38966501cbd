"""Is one set of runs better than another: paired tests, and the smallest difference that a design could find.

Both sets answer the same images from the same seeds, so what makes an image or a subject hard cancels out. The tables
and the bootstrap are those of :mod:`mgutils.metrics.intervals`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from mgutils.errors import ConfigError
from mgutils.metrics.intervals import DRAWS, Score, Tally, effective_subjects, ends, resample, tail

_EXACT = 14
"""Up to so many subjects all sign patterns are tried, 2^14 of them; for more, as many are drawn."""


@dataclass(frozen=True)
class Difference:
    """Second less first, on the same images and from the same seeds."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided, by swapping the two within subjects."""
    detectable: float
    """The smallest true difference that this design would find four times out of five."""
    by_seed: tuple[float, ...]
    """The difference of each pair of runs."""

    @property
    def shown(self) -> bool:
        """Whether the interval leaves out zero and ``p`` is below 0.05."""
        return self.p < 0.05 and not self.low <= 0 <= self.high


def paired(first: Tally, second: Tally, score: Score, *, draws: int = DRAWS, level: float = 0.95, power: float = 0.8,
           seed: int = 0) -> Difference:
    """Compare two sets of runs, paired by seed and by subject.

    The interval draws subjects and seeds, the same for both. ``p`` asks how often a difference as large would come up
    if, for each subject, chance had decided which of the two is called the first.

    Raises
    ------
    ConfigError
        If the two are not of the same images or not of as many runs.

    References
    ----------
    Ernst 2004, Permutation methods, Statistical Science 19; Bloom 1995, Minimum detectable effects, Evaluation Review
    19.

    Taught in: 07, section 5.
    """
    if first.hits.shape != second.hits.shape or (first.counts != second.counts).any():
        raise ConfigError(f"paired: found {first.hits.shape} and {second.hits.shape} (runs, subjects, classes); wanted "
                          "the same rows and as many runs. Compare runs of one split, from the same seeds.")
    subjects = effective_subjects(first.counts, score)
    hits, counts = resample([first, second], draws, seed)
    sample = score(hits[1], counts) - score(hits[0], counts)
    by_seed = second.scores(score) - first.scores(score)
    gain = score((second.hits - first.hits).mean(axis=0), first.counts.sum(axis=0))  # (G,) of each subject
    return Difference(float(by_seed.mean()), *ends(sample, tail(subjects, level), len(gain)), sign_flip(gain),
                      detectable(float(np.nanstd(sample)), subjects, level, power), tuple(by_seed.tolist()))


def sign_flip(gains: ArrayLike, *, draws: int = 2 ** _EXACT, seed: int = 0) -> float:
    """Share of sign patterns of the subjects' gains (G,) whose sum is as far from zero as the one found.

    Exact for few subjects; for more, ``draws`` patterns and the one found.
    """
    gains = np.asarray(gains, dtype=float)
    gains = gains[gains != 0]
    if len(gains) <= _EXACT:
        patterns = 2 * (np.arange(2 ** len(gains))[:, None] >> np.arange(len(gains)) & 1) - 1
    else:
        patterns = np.random.default_rng(seed).choice([-1, 1], (draws, len(gains)))
        patterns[0] = 1
    return float((np.abs(patterns @ gains) >= abs(gains.sum()) - 1e-12).mean())


def detectable(spread: float, subjects: float, level: float = 0.95, power: float = 0.8) -> float:
    """Smallest difference found with probability ``power``, from a bootstrap's standard deviation.

    NaN where that is unknown: with one subject, or where the two never differ.
    """
    if subjects <= 1 or spread == 0:
        return float("nan")
    n = max(subjects, 2.0)
    quantiles = stats.t.isf((1 - level) / 2, n - 1) + stats.t.ppf(power, n - 1)
    return float(quantiles * spread * np.sqrt(n / (n - 1)))


def holm(p: Sequence[float]) -> np.ndarray:
    """The p values of several tests, corrected so that one false finding among all is as rare as the level says.

    References
    ----------
    Holm 1979, Scandinavian Journal of Statistics 6.
    """
    p = np.asarray(p, dtype=float)
    order = p.argsort(kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1)
    return corrected
