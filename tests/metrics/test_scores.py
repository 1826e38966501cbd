"""Scores against a slow twin in plain loops, closed forms and properties."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mgutils.data.labels import Labels
from mgutils.metrics.scores import scores
from mgutils.training.run import write_scores


def slow_scores(logits, target):
    """Top-1, top-5 and UAR as a person would count them."""
    top1 = top5 = 0
    seen, right = {}, {}
    for row, truth in zip(logits.tolist(), target.tolist(), strict=True):
        order = sorted(range(len(row)), key=lambda c: (-row[c], c))
        top1 += order[0] == truth
        top5 += truth in order[:5]
        seen[truth] = seen.get(truth, 0) + 1
        right[truth] = right.get(truth, 0) + (order[0] == truth)
    return top1 / len(target), top5 / len(target), sum(right[c] / seen[c] for c in seen) / len(seen)


cases = st.integers(2, 9).flatmap(lambda classes: st.integers(1, 30).flatmap(lambda n: st.tuples(
    hnp.arrays(np.float32, (n, classes), elements=st.integers(-3, 3).map(float)),
    hnp.arrays(np.int64, n, elements=st.integers(0, classes - 1)))))


@pytest.mark.slow
@given(cases)
def test_equal_to_the_slow_twin_ties_included(case):
    logits, target = case
    result = scores(logits, target)
    assert (result.top1, result.top5, result.uar) == pytest.approx(slow_scores(logits, target))
    assert result.confusion.sum() == len(target)
    assert result.top1 <= result.top5 <= 1


@pytest.mark.parametrize("classes", [32, 500])
def test_among_equal_scores_of_many_classes_the_first_comes_first(classes):
    target = np.arange(8)
    logits = np.zeros((8, classes))
    result = scores(logits, target)
    assert (result.top1, result.top5) == (1 / 8, 5 / 8)
    logits[:, classes // 2:] = 1
    assert scores(logits, target + classes // 2).top5 == 5 / 8


def test_constant_prediction_scores_the_class_share_and_one_over_c():
    logits = np.zeros((10, 4))
    logits[:, 2] = 1
    result = scores(logits, np.array([0, 1, 2, 2, 2, 2, 3, 0, 1, 3]))
    assert result.top1 == 0.4
    assert result.uar == 0.25
    assert result.predicted_classes == 1


def test_absent_classes_are_left_out_of_the_uar_and_marked():
    result = scores(np.eye(3)[[0, 1, 1]], np.array([0, 1, 0]))
    assert result.uar == pytest.approx((0.5 + 1) / 2)
    assert math.isnan(result.recall[2])


@pytest.mark.parametrize(("logits", "target"), [
    (np.zeros((2, 3)), np.zeros(3, int)), (np.zeros(3), np.zeros(3, int)), (np.zeros((0, 3)), np.zeros(0, int)),
    (np.full((1, 3), np.nan), np.zeros(1, int))])
def test_nonsense_is_refused(logits, target):
    with pytest.raises(ValueError):
        scores(logits, target)


def test_written_files_read_back(tmp_path):
    result = scores(np.eye(3)[[0, 1, 1]], np.array([0, 1, 0]))
    write_scores(result, Labels(("a", "b ", "c, d")), tmp_path)
    per_class = pd.read_csv(tmp_path / "per_class.csv")
    assert per_class["class_id"].tolist() == [1, 2, 3]
    assert per_class["name"].tolist() == ["a", "b ", "c, d"]
    confusion = pd.read_csv(tmp_path / "confusion.csv", index_col=0)
    assert (confusion.to_numpy() == result.confusion).all()
    assert pd.read_json(tmp_path / "metrics.json", typ="series")["top1"] == pytest.approx(2 / 3)
