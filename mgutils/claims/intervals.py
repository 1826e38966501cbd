"""Comparisons over seeds with three answers: yes, no, and not shown.

A trained number differs from seed to seed, so a verdict must not turn on a mean. Everything here
looks at the lowest and the highest seed. ``None`` means that the seeds do not agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

SHUFFLES = 20
"""Shuffles of the labels of one run. The highest of them is the control."""


def over_seeds(values: np.ndarray, digits: int = 1, unit: str = " %") -> str:
    """Mean of the seeds and, where there are several, the lowest and the highest."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}{unit}"
    low, high = values.min(), values.max()
    return f"{values.mean():.{digits}f}{unit} ({low:.{digits}f} to {high:.{digits}f})"


def spread(values: np.ndarray) -> tuple[float, float]:
    """The lowest and the highest."""
    return float(values.min()), float(values.max())


def above(ones: np.ndarray, others: np.ndarray) -> bool | None:
    """Whether the lowest of the ones is above the highest of the others.

    This is the only "better" that the ledger knows. ``None``, not shown, where the two overlap.
    """
    if ones.min() > others.max():
        return True
    return False if ones.max() <= others.min() else None


def not_above(ones: np.ndarray, others: np.ndarray) -> bool | None:
    """The contrary of :func:`above`; what is not shown stays so."""
    found = above(ones, others)
    return None if found is None else not found


def in_every_run(flags: Iterable[bool]) -> bool | None:
    """True where a thing holds in all runs, False where in none, ``None`` where in some."""
    found = {bool(flag) for flag in flags}
    return found.pop() if len(found) == 1 else None


def within(low: float, high: float, expected: float, tolerance: float) -> bool | None:
    """Whether the values lie inside ``expected`` +- ``tolerance``, outside, or across an edge."""
    bottom = expected - tolerance - 1e-12
    top = expected + tolerance + 1e-12
    if bottom <= low and high <= top:
        return True
    return False if high < bottom or low > top else None


def unless_control(found: bool | None, control: bool | None) -> bool | None:
    """What was found, but a "yes" is not shown where the control does not hold.

    Parameters
    ----------
    found : bool or None
        The comparison.
    control : bool or None
        Whether the same comparison fails, as it must, where there is nothing to find.
    """
    return None if found and control is not True else found


def label_shuffles(target: np.ndarray) -> Iterator[np.ndarray]:
    """The labels of N images in :data:`SHUFFLES` random orders, the same ones each time.

    A shuffle keeps how often each class occurs, and takes away which image has it. Shape: (N,).
    """
    rng = np.random.default_rng(0)
    for _ in range(SHUFFLES):
        yield rng.permutation(target)


def top_k(logits: np.ndarray, target: np.ndarray, k: int) -> float:
    """Share of images whose class is among the k highest logits, in percent. (N, C), (N,)."""
    answers = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    return 100 * float((answers == target[:, None]).any(axis=1).mean())


def over_shuffled(logits: np.ndarray, target: np.ndarray, k: int) -> float:
    """Points of top-k accuracy beyond the best of the shuffled labels; 0 where there are none.

    A constant answer has 0, since a shuffle does not change how often it is right.
    Shape: (N, C), (N,).
    """
    shuffled = max(top_k(logits, labels, k) for labels in label_shuffles(target))
    return max(0.0, top_k(logits, target, k) - shuffled)
