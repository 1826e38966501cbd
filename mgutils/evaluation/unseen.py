"""Classes of which a model has seen no clip: zero-shot, generalised zero-shot, and leave-one-out.

A model gives each clip a score for the text of every class, those that it was trained on (*seen*)
and those that it was not (*unseen*). The same scores answer three questions:

* **Zero-shot**: which of the k unseen classes is it? Asked of clips of these classes alone, so
  chance is 1 / k.
* **Generalised zero-shot**: which of all C classes is it? Models prefer what they have seen, so the
  recall of the seen and of the unseen classes stand side by side, with their harmonic mean.
* **Leave-one-out**, as the original reports it: of the clips of one unseen class, how many are
  recognised among all classes? The test has no clip of another class, so there are no false
  alarms, and whoever always answers that class scores 100 %.

Several sets of unseen classes, each with a run for each seed, are one design: every clip of their
classes is asked once for each seed. ``unseen_sets`` tallies them, for intervals over people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mgutils.evaluation.zero_shot import ZeroShot, score_left_out
from mgutils.metrics.scores import scores


@dataclass(frozen=True)
class Unseen:
    """The scores of N clips for the texts of all C classes, by a model that never saw some of them.

    Parameters
    ----------
    logits : ndarray (N, C)
        Higher is more alike: the cosine of a clip with the text of each class.
    target : ndarray (N,)
        Class indices 0..C-1.
    subjects : ndarray (N,)
        Whose clip it is.
    classes : ndarray (k,)
        The unseen ones, class indices.

    Raises
    ------
    ValueError
        If the shapes do not fit, there is no unseen class or no clip of one, or a score is not a number.
    """

    logits: np.ndarray
    target: np.ndarray
    subjects: np.ndarray
    classes: np.ndarray

    def __post_init__(self) -> None:
        count = len(self.target)
        if self.logits.shape[:1] + self.subjects.shape != (count, count) or self.logits.ndim != 2:
            raise ValueError(f"logits {self.logits.shape}, target {self.target.shape} and subjects "
                             f"{self.subjects.shape}: wanted (N, C), (N,) and (N,)")
        if not len(self.classes) or not self.asked.any():
            raise ValueError(f"found no clip of the {len(self.classes)} unseen classes; wanted some")
        if np.isnan(self.logits).any():
            raise ValueError("a score is not a number (NaN): the run diverged")

    @property
    def asked(self) -> np.ndarray:
        """Which clips are of an unseen class, (N,) bool."""
        return np.isin(self.target, self.classes)

    @property
    def chance(self) -> float:
        """UAR of a guess among the unseen classes."""
        return 1 / len(self.classes)

    def answers(self, among: Sequence[int] | None = None) -> np.ndarray:
        """The class (N,) of the highest score: among the classes given, or among all."""
        if among is None:
            return self.logits.argmax(axis=1)
        among = np.asarray(among)
        return among[self.logits[:, among].argmax(axis=1)]

    def zero_shot(self) -> ZeroShot:
        """UAR, WAR and the rest of the scores, and what a permutation test of the texts needs."""
        return score_left_out(self.logits, self.target, self.classes)


# -- generalised zero-shot -------------------------------------------------------------------------


class Generalized(NamedTuple):
    """Recall among all classes, in 0..1."""

    seen: float
    """UAR of the clips of classes that were trained on; NaN without such a clip."""
    unseen: float
    """UAR of the clips of those that were not."""
    harmonic: float
    """The harmonic mean of the two: 0 if either is."""


def generalized(answers: Unseen) -> Generalized:
    """Score a model among all classes, seen and unseen.

    References
    ----------
    Xian et al. 2018, Zero-shot learning: a comprehensive evaluation, arXiv:1707.00600.
    """
    asked = answers.asked
    unseen = scores(answers.logits[asked], answers.target[asked]).uar
    if asked.all():
        return Generalized(np.nan, unseen, np.nan)
    seen = scores(answers.logits[~asked], answers.target[~asked]).uar
    return Generalized(seen, unseen, float(harmonic(seen, unseen)))


def harmonic(first: ArrayLike, second: ArrayLike) -> np.ndarray:
    """Harmonic mean 2ab / (a + b) of two recalls, 0 where both are 0. Shape: (...), (...) -> (...)."""
    first, second = np.broadcast_arrays(first, second)
    total = first + second
    return np.divide(2 * first * second, total, out=np.zeros(total.shape), where=total != 0)


def biased(answers: Unseen, bias: float) -> Unseen:
    """Add a number to the scores of the unseen classes, which moves answers towards them.

    A small bias makes up for a model's preference of what it has seen; one that is large enough gives
    an unseen class to every clip.

    References
    ----------
    Chao et al. 2016, An empirical study and analysis of generalized zero-shot learning,
    arXiv:1605.04253, which calls it calibrated stacking.
    """
    logits = answers.logits.astype(float)  # a copy
    logits[:, answers.classes] += bias
    return replace(answers, logits=logits)


# -- leave-one-out, as published -------------------------------------------------------------------


def leave_one_out(answers: Sequence[Unseen], left_out: int | None = None) -> pd.DataFrame:
    """The published test of each unseen class, beside what it does not count.

    Parameters
    ----------
    answers : sequence of Unseen
        Of the same clips, by several epochs or several runs. The original reports the best of them,
        chosen by this very score.
    left_out : int, optional
        This class alone; by default each unseen one.

    Returns
    -------
    DataFrame
        ``class_index, clips``; ``recall``, the published score, on the average, and ``best``;
        ``published_uar``, which divides the recall by the number of classes that occur among
        labels and answers; ``false_alarms``, the share of all other clips that get this class;
        ``constant``, the recall of always answering it. All in 0..1. A class without a clip has no row.
    """
    rows = []
    for index in answers[0].classes if left_out is None else [left_out]:
        own = answers[0].target == index
        if not own.any():
            continue
        found = [each.answers() == index for each in answers]  # each (N,)
        recall = [hit[own].mean() for hit in found]
        named = [len({index, *each.answers()[own]}) for each in answers]
        rows.append({
            "class_index": int(index),
            "clips": int(own.sum()),
            "recall": np.mean(recall),
            "best": max(recall),
            "published_uar": np.mean([part / count for part, count in zip(recall, named, strict=True)]),
            "false_alarms": np.mean([hit[~own].mean() for hit in found]) if not own.all() else np.nan,
            "constant": (constant(answers[0], index).answers()[own] == index).mean(),
        })
    return pd.DataFrame(rows)


def constant(answers: Unseen, index: int) -> Unseen:
    """A model that answers one class whatever it is shown."""
    logits = np.zeros(answers.logits.shape)
    logits[:, index] = 1
    return replace(answers, logits=logits)
