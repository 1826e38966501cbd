"""Scores of a classifier: top-1 (WAR), top-5, UAR, per-class recall and confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scores:
    """How well N samples of C classes were classified; all scores are in 0..1."""

    top1: float
    """Fraction of samples whose highest score is their class (accuracy, WAR)."""
    top5: float
    """Fraction of samples whose class is among the five highest scores."""
    uar: float
    """Mean recall over the classes that occur (unweighted average recall)."""
    recall: np.ndarray
    """(C,) recall of each class, NaN where the class does not occur."""
    support: np.ndarray
    """(C,) number of samples of each class."""
    confusion: np.ndarray
    """(C, C) counts; row: true class, column: predicted class."""

    @property
    def predicted_classes(self) -> int:
        """Number of classes that are predicted at all: 1 or 2 means a collapsed model."""
        return int((self.confusion.sum(axis=0) > 0).sum())

    def summary(self) -> dict[str, float | int]:
        """The scalars, for a JSON file or a table row."""
        return {
            "top1": self.top1,
            "top5": self.top5,
            "uar": self.uar,
            "samples": int(self.support.sum()),
            "predicted_classes": self.predicted_classes,
        }


def scores(logits: np.ndarray, target: np.ndarray) -> Scores:
    """Score a matrix of logits.

    Parameters
    ----------
    logits : ndarray (N, C)
        Higher is more likely. Among equal scores the lower class index comes first.
    target : ndarray (N,)
        True class indices 0..C-1.

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no samples, or a logit is not a number.

    Taught in: 07, section 1.
    """
    logits = np.asarray(logits)
    target = np.asarray(target)
    if logits.ndim != 2 or target.shape != (len(logits),) or not len(logits):
        raise ValueError(
            f"logits {logits.shape} and target {target.shape}: wanted (N, C) and (N,), N above 0")
    if np.isnan(logits).any():
        raise ValueError("a logit is not a number (NaN): the run diverged")
    classes = logits.shape[1]
    ranking = np.argsort(-logits, axis=1, kind="stable")[:, :5]  # (N, 5)
    hit = ranking == target[:, None]  # (N, 5)

    # count pairs of true and predicted class
    pairs = target * classes + ranking[:, 0]
    confusion = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    support = confusion.sum(axis=1)
    with np.errstate(invalid="ignore"):
        recall = confusion.diagonal() / support
    return Scores(
        top1=float(hit[:, 0].mean()),
        top5=float(hit.any(axis=1).mean()),
        uar=float(np.nanmean(recall)),
        recall=recall,
        support=support,
        confusion=confusion,
    )
