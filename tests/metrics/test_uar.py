"""UAR is scikit-learn's balanced accuracy wherever the kit computes it, with absent and with invented classes."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from mgutils.metrics.intervals import mean_recall, tally
from mgutils.metrics.scores import scores

CLASSES = 6


def wanted(target, answers):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that are answered and do not occur
        return balanced_accuracy_score(target, answers)


@given(st.lists(st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=40))
def test_everywhere_the_same(pairs):
    target, answers = np.array(pairs).T
    assert scores(np.eye(CLASSES)[answers], target).uar == pytest.approx(wanted(target, answers))
    subjects = np.arange(len(target)) % 3
    assert tally(answers[None], target, subjects, CLASSES).scores(mean_recall)[0] == pytest.approx(
        wanted(target, answers))


def test_an_invented_class_does_not_lower_it():
    """Six of ten clips of the one class that occurs are right; the others are taken for four more classes."""
    target, answers = np.zeros(10, dtype=int), np.array([0] * 6 + [1, 2, 3, 4])
    assert scores(np.eye(CLASSES)[answers], target).uar == pytest.approx(0.6)
