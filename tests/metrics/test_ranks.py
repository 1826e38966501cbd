"""Ranks against SciPy's, all orders of the ties, and the models whose score is known."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import rankdata

from mgutils.metrics.ranks import hits, ranks, retrieval, same_text

RNG = np.random.default_rng(0)
OWN = np.eye(12, dtype=bool)
MATRICES = {
    "random": RNG.normal(size=(12, 12)),
    "perfect": np.eye(12),
    "constant": np.zeros((12, 12)),
    "tied": RNG.integers(0, 3, (12, 12)).astype(float),
}


@pytest.mark.parametrize("similarity", MATRICES.values(), ids=MATRICES)
def test_the_expected_rank_is_scipys_average_rank(similarity):
    wanted = [rankdata(-row, method="average")[query] for query, row in enumerate(similarity)]
    assert np.allclose(ranks(similarity, OWN), wanted)
    for ties, method in (("optimistic", "min"), ("pessimistic", "max")):
        wanted = [rankdata(-row, method=method)[query] for query, row in enumerate(similarity)]
        assert np.array_equal(ranks(similarity, OWN, ties), wanted)


cases = st.integers(2, 6).flatmap(lambda items: st.tuples(
    hnp.arrays(float, (1, items), elements=st.integers(0, 2).map(float)),
    hnp.arrays(bool, (1, items)).filter(lambda right: right.any()), st.integers(1, 7)))


@given(cases)
def test_equal_to_the_mean_over_all_orders(case):
    """Every order of the items, sorted by score without changing the order of equals."""
    similarity, right, k = case
    first = []
    for order in permutations(range(similarity.shape[1])):
        ranked = sorted(order, key=lambda item: -similarity[0, item])
        first.append(1 + min(place for place, item in enumerate(ranked) if right[0, item]))
    assert ranks(similarity, right)[0] == pytest.approx(np.mean(first))
    assert ranks(similarity, right, "optimistic")[0] == min(first)
    assert ranks(similarity, right, "pessimistic")[0] == max(first)
    assert hits(similarity, right, k)[0] == pytest.approx(np.mean(np.array(first) <= k))


def original(similarity):
    """CLIP-ViP's lines: sort, subtract the diagonal, and take every zero."""
    ordered = np.sort(-similarity, axis=1)
    places = np.nonzero(ordered - np.diag(-similarity)[:, None] == 0)[1]
    return {"r1": np.mean(places < 1), "r5": np.mean(places < 5), "r10": np.mean(places < 10),
            "median_rank": np.median(places) + 1, "mean_rank": np.mean(places) + 1}


@pytest.mark.parametrize("similarity", MATRICES.values(), ids=MATRICES)
def test_the_originals_counting_is_the_originals(similarity):
    assert retrieval(similarity, OWN, "original").summary() == pytest.approx(original(similarity))


@pytest.mark.parametrize("count", [1, 2, 10])
def test_a_perfect_model_with_n_equal_captions(count):
    """It knows the caption of every clip; each of 6 captions belongs to n clips."""
    text = np.repeat(np.arange(6), count)
    similarity = same_text(text, text).astype(float)
    own = np.eye(len(text), dtype=bool)
    grouped = retrieval(similarity, same_text(text, text))
    assert (grouped.r1, grouped.median_rank, grouped.mean_rank) == (1, 1, 1)
    assert retrieval(similarity, own, "original").r1 == pytest.approx(1 / count)
    assert retrieval(similarity, own, "original").r5 == pytest.approx(min(5 / count, 1))
    assert retrieval(similarity, own).r1 == pytest.approx(1 / count)  # a coin finds one of n
    assert retrieval(similarity, own, "optimistic").r1 == 1
    assert retrieval(similarity, own, "pessimistic").r1 == (count == 1)
    assert retrieval(similarity, own).median_rank == (count + 1) / 2


@pytest.mark.parametrize(("ties", "r1", "r5", "rank"), [
    ("expected", 1 / 12, 5 / 12, 6.5), ("optimistic", 1, 1, 1), ("pessimistic", 0, 0, 12),
    ("original", 1 / 12, 5 / 12, 6.5)])
def test_a_model_that_scores_everything_alike(ties, r1, r5, rank):
    found = retrieval(MATRICES["constant"], OWN, ties)
    assert (found.r1, found.r5, found.median_rank, found.mean_rank) == pytest.approx((r1, r5, rank, rank))


def test_without_ties_all_countings_agree():
    found = {retrieval(MATRICES["random"], OWN, ties) for ties in ("expected", "optimistic", "pessimistic", "original")}
    assert len(found) == 1


def test_the_first_right_item_counts_and_the_others_do_not():
    similarity = np.array([[0.9, 0.8, 0.7, 0.6]])
    assert ranks(similarity, np.array([[False, True, False, True]])).tolist() == [2]
    assert ranks(similarity, np.array([[False, False, False, True]])).tolist() == [4]


@pytest.mark.parametrize(("similarity", "right", "ties"), [
    (np.zeros(3), np.ones(3, bool), "expected"), (np.zeros((2, 3)), np.ones((3, 2), bool), "expected"),
    (np.zeros((0, 3)), np.ones((0, 3), bool), "expected"), (np.full((1, 2), np.nan), np.ones((1, 2), bool), "expected"),
    (np.zeros((2, 2)), np.array([[True, False], [False, False]]), "expected"),
    (np.zeros((2, 2)), np.ones((2, 2), bool), "original"), (np.zeros((2, 2)), np.eye(2, dtype=bool), "random")])
def test_nonsense_is_refused(similarity, right, ties):
    with pytest.raises(ValueError):
        ranks(similarity, right, ties)
