"""What one space gives to a modality that never saw a label: probes, and emergent classes.

A modality is asked in two ways. *Its own* probe learns from its own embeddings and labels: a linear
layer or nearest neighbours, from a few clips of each class or from all. *Emergent* classes are
learned from the anchor's embeddings alone, and then asked with the other modality's, which works
only where the space is truly shared. A linear probe with all labels hardly tells a trained anchor
from a random one; few labels and emergent classes do.

The probes are those of :mod:`mgutils.evaluation.few_labels`. Rows are the clips that have the modality.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from mgutils.errors import ConfigError
from mgutils.evaluation.few_labels import DRAWS, few_of_each, linear_probe, nearest
from mgutils.metrics.cosine import emergent
from mgutils.metrics.intervals import DRAWS as BOOTSTRAP
from mgutils.metrics.intervals import Tally, accuracy, interval, mean_recall, tally

SHOTS = (5, 0)
"""Labels of each class that a modality's own probe gets; 0: all."""


@dataclass(frozen=True)
class Embedded:
    """One modality of the clips that have it, embedded by one run.

    Parameters
    ----------
    train, valid : ndarray (n, D), (N, D)
        To learn from, and to be asked about.
    train_target, valid_target : ndarray (n,), (N,)
        Class indices 0..C-1.
    subjects : ndarray (N,)
        Whose clips the second are.
    """

    train: np.ndarray
    train_target: np.ndarray
    valid: np.ndarray
    valid_target: np.ndarray
    subjects: np.ndarray


def embedded(embeddings: Mapping[str, np.ndarray], present: Mapping[str, np.ndarray],
             target: np.ndarray, subjects: np.ndarray, train: np.ndarray,
             valid: np.ndarray) -> dict[str, Embedded]:
    """Of stored embeddings (N, D), the rows to learn from and to ask that have each modality.

    Parameters
    ----------
    embeddings, present : mapping
        Modality to (N, D), and to (N,) bool.
    target, subjects : ndarray (N,)
    train, valid : ndarray
        Row positions.
    """
    spaces = {}
    for name, vectors in embeddings.items():
        learned, asked = (rows[present[name][rows]] for rows in (train, valid))
        spaces[name] = Embedded(vectors[learned], target[learned], vectors[asked], target[asked],
                                subjects[asked])
    return spaces


# -- all questions to all modalities ---------------------------------------------------------------


def answer(space: Embedded, anchor: Embedded, classes: int, shots: Sequence[int] = SHOTS,
           draws: int = DRAWS, seed: int = 0) -> dict[tuple[str, int], np.ndarray]:
    """Predicted classes of one modality's clips, by every method.

    Parameters
    ----------
    space, anchor : Embedded
        The modality, and the one that the emergent classes are learned from.
    classes : int
    shots : sequence of int
        Labels of each class for the modality's own probes; 0: all.
    draws : int
        Of so few labels; all labels are a single draw.

    Returns
    -------
    dict
        (method, shots) to (draws, N) class indices; methods ``linear_probe, nearest, emergent``.
    """
    answers = {}
    train = space.train
    target = space.train_target
    for count in shots:
        some = list(few_of_each(target, count, draws, seed))
        for method, probe in (("linear_probe", linear_probe), ("nearest", nearest)):
            logits = [probe(train[rows], target[rows], space.valid, classes) for rows in some]
            answers[method, count] = np.stack([each.argmax(axis=1) for each in logits])
    found = emergent(anchor.train, anchor.train_target, space.valid, classes)
    answers["emergent", 0] = found.argmax(axis=1)[None]
    return answers


def tally_draws(answers: Sequence[np.ndarray], space: Embedded, classes: int) -> Tally:
    """Count correct answers, (draws, N) of each run.

    The draws of a run are averaged: they are no new runs, and an interval must not take them for some.
    """
    tables = [tally(each, space.valid_target, space.subjects, classes) for each in answers]
    return Tally(np.stack([table.hits.mean(axis=0) for table in tables]), tables[0].counts)


def tallies_of(spaces: Sequence[Mapping[str, Embedded]], name: str, anchor: str, classes: int,
               shots: Sequence[int] = SHOTS, draws: int = DRAWS,
               seed: int = 0) -> dict[tuple[str, int], Tally]:
    """Right answers to every question to one modality, by run and person.

    Parameters
    ----------
    spaces : sequence of mapping
        Modality to what one run made of the same clips.
    name, anchor : str
        The modality that is asked, and the one that emergent classes are learned from.
    classes, shots, draws, seed
        See :func:`answer`.

    Returns
    -------
    dict
        (method, shots) to the tally of all runs. The first, ``constant``, always answers the most common
        class in training; the others are those of :func:`answer`.
    """
    first = spaces[0][name]
    constant = np.bincount(first.train_target, minlength=classes).argmax()
    answers = [{("constant", 0): np.full((1, len(first.valid_target)), constant)}
               | answer(space[name], space[anchor], classes, shots, draws, seed) for space in spaces]
    return {question: tally_draws([each[question] for each in answers], first, classes)
            for question in answers[0]}


def space_table(runs: Sequence[Mapping[str, Embedded]], anchor: str, classes: int,
                shots: Sequence[int] = SHOTS, *, draws: int = DRAWS, seed: int = 0,
                bootstrap: int = BOOTSTRAP) -> pd.DataFrame:
    """Score every modality by its own probes and by the anchor's classes.

    Parameters
    ----------
    runs : sequence of mapping
        Modality to what one run made of the same clips (other seeds of one setting).
    anchor : str
        The modality that emergent classes are learned from.
    classes, shots, draws, seed
        See :func:`answer`.
    bootstrap : int
        Draws of people and runs for the intervals.

    Returns
    -------
    DataFrame
        ``modality, method, shots, clips, score, value, low, high``; scores ``top1`` and ``uar``,
        with 95 % intervals. The first row of each modality, ``constant``, always answers its most common
        class in training.

    Raises
    ------
    ConfigError
        If there is no such anchor.
    """
    if anchor not in runs[0]:
        raise ConfigError(f"anchor: found {anchor!r}; wanted one of {', '.join(runs[0])}.")
    rows = []
    for name, first in runs[0].items():
        found = tallies_of(runs, name, anchor, classes, shots, draws, seed)
        for (method, count), table in found.items():
            for score, function in (("top1", accuracy), ("uar", mean_recall)):
                certain = interval(table, function, draws=bootstrap)
                rows.append({
                    "modality": name,
                    "method": method,
                    "shots": count,
                    "clips": len(first.valid_target),
                    "score": score,
                    **asdict(certain),
                })
    return pd.DataFrame(rows)
