"""Several sets of unseen classes as one design: tallies by seed, person and class, for intervals.

Each set leaves other classes out and has a run for each seed. Stacked, every clip of all those
classes is asked once for each seed, so a single :class:`mgutils.metrics.intervals.Tally` holds the
answers. The UAR of sets of equal size is then the mean of the sets' own, and it gets an interval
over people; two such tallies, of two ways to train, are compared by
:func:`mgutils.metrics.paired.paired`, which also says what the design could have detected.

The intervals speak about other people. About other classes they say nothing: these are the same in
every draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from mgutils.errors import ConfigError
from mgutils.evaluation.unseen import Unseen, harmonic
from mgutils.metrics.intervals import (
    DRAWS,
    Interval,
    Tally,
    accuracy,
    effective_subjects,
    ends,
    interval,
    mean_recall,
    resample,
    tail,
    tally,
)

Sets = Sequence[Sequence[Unseen]]
"""Set of unseen classes -> seed -> the answers of that run; all of the same clips."""


def disjoint_sets(classes: Sequence[int], size: int, count: int,
                  seed: int = 0) -> list[tuple[int, ...]]:
    """Draw ``count`` sets of ``size`` classes each, no class twice, each set in rising order.

    Raises
    ------
    ConfigError
        If there are too few classes.

    Examples
    --------
    >>> disjoint_sets(range(1, 7), 2, 3)
    [(3, 4), (5, 6), (1, 2)]
    """
    classes = np.unique(list(classes))
    if size * count > len(classes):
        raise ConfigError(f"unseen classes: found {len(classes)} to draw from; wanted {size * count}, "
                          f"for {count} sets of {size}. Draw fewer.")
    drawn = np.random.default_rng(seed).permutation(classes)[:size * count]
    return [tuple(sorted(part.tolist())) for part in drawn.reshape(count, size)]


def zero_shot_tally(sets: Sets) -> Tally:
    """Right answers among each set's own unseen classes, every class in the set that left it out.

    Returns
    -------
    Tally
        (seeds, people, C); people are all who have a clip, C all classes. Score it with
        ``mean_recall`` (UAR) or ``accuracy`` (WAR).

    Raises
    ------
    ConfigError
        If a class is unseen in two sets, or the runs are not of the same clips and of as many seeds.
    """
    _check(sets)
    hits = counts = 0
    for runs in sets:
        first = runs[0]
        table = _tally([run.answers(run.classes) for run in runs], first)
        unseen = np.isin(np.arange(first.logits.shape[1]), first.classes)  # (C,)
        hits = hits + table.hits  # no answer among the unseen classes is right about another one
        counts = counts + table.counts * unseen
    return Tally(hits, counts)


def generalized_tally(sets: Sets) -> Tally:
    """Right answers among all classes, of each class when it was seen and when it was not.

    Returns
    -------
    Tally
        (seeds, people, 2 C): first the classes as seen ones, where a class that several sets have
        seen counts as their mean, then as unseen ones. Score it with :func:`seen_recall`,
        :func:`unseen_recall` or :func:`harmonic_recall`.

    Raises
    ------
    ConfigError
        As :func:`zero_shot_tally`.
    """
    _check(sets)
    classes = sets[0][0].logits.shape[1]
    unseen = np.stack([np.isin(np.arange(classes), runs[0].classes) for runs in sets])  # (sets, C)
    tables = [_tally([run.answers() for run in runs], runs[0]) for runs in sets]
    hits = np.stack([table.hits for table in tables])  # (sets, S, G, C)
    times_seen = (~unseen).sum(axis=0)  # (C,)
    as_seen = (hits * ~unseen[:, None, None]).sum(axis=0) / np.maximum(times_seen, 1)
    as_unseen = (hits * unseen[:, None, None]).sum(axis=0)
    counts = tables[0].counts
    return Tally(
        np.concatenate([as_seen, as_unseen], axis=2),
        np.concatenate([counts * (times_seen > 0), counts * unseen.any(axis=0)], axis=1),
    )


def _tally(answers: Sequence[np.ndarray], run: Unseen) -> Tally:
    return tally(np.stack(answers), run.target, run.subjects, run.logits.shape[1])


def _check(sets: Sets) -> None:
    """Refuse sets that overlap, and runs of other clips or of another number of seeds."""
    sizes = [len(runs) for runs in sets]
    if len(set(sizes)) != 1 or not sizes[0]:
        raise ConfigError(f"unseen sets: found {sizes} runs in the sets; wanted at least one set, and "
                          "a run for each seed in each.")
    first = sets[0][0]
    for runs in sets:
        for run in runs:
            same_clips = (run.logits.shape == first.logits.shape
                          and np.array_equal(run.target, first.target)
                          and np.array_equal(run.subjects, first.subjects))
            if not same_clips:
                raise ConfigError(f"unseen sets: found answers {run.logits.shape} and "
                                  f"{first.logits.shape}, of different clips; wanted the same clips of all runs.")
            if not np.array_equal(run.classes, runs[0].classes):
                raise ConfigError("unseen sets: found runs of one set that left different classes out; "
                                  "wanted the same.")
    left_out = np.concatenate([runs[0].classes for runs in sets])
    again = len(left_out) - len(np.unique(left_out))
    if again:
        raise ConfigError(f"unseen sets: found {again} classes in two sets; wanted each in one of them.")


# -- scores of a generalised tally -----------------------------------------------------------------


def seen_recall(hits: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """UAR of the classes as seen ones. Shape: (..., 2 C), (..., 2 C) -> (...)."""
    half = hits.shape[-1] // 2
    return mean_recall(hits[..., :half], counts[..., :half])


def unseen_recall(hits: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """UAR of the classes as unseen ones. Shape: (..., 2 C), (..., 2 C) -> (...)."""
    half = hits.shape[-1] // 2
    return mean_recall(hits[..., half:], counts[..., half:])


def harmonic_recall(hits: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Harmonic mean of the two. Not linear in the hits: its interval is :func:`harmonic_interval`."""
    return harmonic(seen_recall(hits, counts), unseen_recall(hits, counts))


def harmonic_interval(table: Tally, *, draws: int = DRAWS, seed: int = 0) -> Interval:
    """The harmonic mean of the runs, with its 95 % interval over people and runs.

    The draws are those of :func:`mgutils.metrics.intervals.interval`; the percentiles are those of the
    score of the two that rests on fewer people.
    """
    hits, counts = resample([table], draws, seed)
    subjects = min(effective_subjects(table.counts, score) for score in (seen_recall, unseen_recall))
    low, high = ends(harmonic_recall(hits[0], counts), tail(subjects), len(table.counts))
    return Interval(float(table.scores(harmonic_recall).mean()), low, high)


# -- a table ---------------------------------------------------------------------------------------


def set_table(sets: Sets, *, draws: int = DRAWS) -> pd.DataFrame:
    """Zero-shot scores of each set, and of all sets stacked.

    Returns
    -------
    DataFrame
        ``set`` (1, 2, ... or ``all``), ``classes`` (indices, with spaces between), ``clips, chance``;
        ``uar`` with ``low, high``, and ``war``: means over the seeds, with 95 % intervals over people;
        ``constant_war``, the WAR of who always answers the class with the most clips.
    """
    rows = []
    parts = [[runs] for runs in sets]
    for name, part in zip([*range(1, len(sets) + 1), "all"], [*parts, sets], strict=True):
        table = zero_shot_tally(part)
        uar = asdict(interval(table, mean_recall, draws=draws))
        rows.append({
            "set": str(name),
            "classes": " ".join(str(index) for runs in part for index in runs[0].classes),
            "clips": int(table.counts.sum()),
            "chance": np.mean([runs[0].chance for runs in part]),
            "uar": uar.pop("value"),
            **uar,
            "war": table.scores(accuracy).mean(),
            "constant_war": sum(_most_clips(runs[0]) for runs in part) / table.counts.sum(),
        })
    return pd.DataFrame(rows)


def _most_clips(run: Unseen) -> int:
    """Of how many clips an unseen class has at most."""
    return np.unique(run.target[run.asked], return_counts=True)[1].max()
