"""Is the second of two groups of runs better than the first? By the interval over people and seeds: yes, no, not shown.

Both groups were asked about the same clips, so that they are compared in pairs: :mod:`mgutils.metrics.paired`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mgutils.claims.intervals import unless_control
from mgutils.metrics.intervals import SCORES, Score, Tally
from mgutils.metrics.paired import Difference, paired

Pairs = Mapping[str, tuple[Tally, Tally]]
"""What is compared, by name: right answers of the first and of the second."""
Judge = Callable[[Difference], bool | None]


def compare(pairs: Pairs, judge: Judge, scores: Mapping[str, Score] = SCORES) -> tuple[str, dict[str, bool | None]]:
    """The second of each pair less the first, in words, and what is made of it, by name and score."""
    texts, checks = [], {}
    for name, (first, second) in pairs.items():
        for score, function in scores.items():
            found = paired(first, second, function)
            one, two, gain, low, high = (100 * float(number) for number in (
                first.scores(function).mean(), second.scores(function).mean(), found.value, found.low, found.high))
            unseen = f"; could have detected {100 * found.detectable:.1f}" if found.detectable > 0 else ""
            texts.append(f"{name}, {score}: {two:.1f} against {one:.1f}, {gain:+.1f} ({low:.1f} to {high:.1f}{unseen})")
            checks[f"{name} in {score}"] = judge(found)
    return "; ".join(texts), checks


def better(found: Difference) -> bool | None:
    """Whether the second is better; ``None`` where that is not shown."""
    return found.value > 0 if found.shown else None


def costs_less_than(margin: float) -> Judge:
    """Whether the second is worse by less than a margin, in points: the whole interval has to say so."""
    def judge(found: Difference) -> bool | None:
        if 100 * found.low > -margin:
            return True
        return False if found.shown and found.value < 0 else None

    return judge


def cost(pairs: Pairs, margin: float, scores: Mapping[str, Score] = SCORES) -> tuple[str, dict[str, bool | None]]:
    """Whether the second of each pair costs less than a margin; who knows nothing has nothing to lose."""
    text, checks = compare(pairs, costs_less_than(margin), scores)
    for name, (first, _) in pairs.items():
        for score, function in scores.items():
            key = f"{name} in {score}"
            checks[key] = unless_control(checks[key], _knows(first, function))
    return text, checks


def _knows(table: Tally, function: Score) -> bool:
    """Whether answers are better than that of the commonest class."""
    commonest = table.counts.sum(axis=0).argmax()
    hits = np.zeros(table.hits.shape)
    hits[..., commonest] = table.counts[:, commonest]
    found = paired(Tally(hits, table.counts), table, function)
    return found.shown and found.value > 0
