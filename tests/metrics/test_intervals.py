"""Scores, intervals and tests of a table of right answers, by closed forms and simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mgutils.errors import ConfigError
from mgutils.metrics import intervals as un
from mgutils.metrics import paired as comparison
from mgutils.metrics.scores import scores

SEEDS = st.integers(0, 2**32 - 1)


def random_tally(seed, runs=3, subjects=6, classes=4, images=60, rate=0.6):
    rng = np.random.default_rng(seed)
    target, person = rng.integers(0, classes, images), rng.integers(0, subjects, images)
    answers = np.where(rng.random((runs, images)) < rate, target, rng.integers(0, classes, (runs, images)))
    return un.tally(answers, target, person, classes), answers, target, person


def one_class(hits, images):
    """A tally (S, G) of images without classes."""
    return un.Tally(np.asarray(hits)[:, :, None], np.asarray(images)[:, None])


# -- scores ------------------------------------------------------------------------------------------------------------


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_scores_of_a_tally_are_those_of_the_images(seed):
    table, answers, target, person = random_tally(seed)
    assert table.counts.sum() == len(target) and (table.hits <= table.counts).all()
    for run, row in enumerate(answers):
        plain = scores(np.eye(4)[row], target)
        assert table.scores(un.accuracy)[run] == pytest.approx(plain.top1)
        assert table.scores(un.mean_recall)[run] == pytest.approx(plain.uar)
        assert table.scores(un.accuracy_without(3))[run] == pytest.approx((row == target)[target != 3].mean())


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_scores_are_linear_in_right_answers(seed):
    table = random_tally(seed)[0]
    for score in (un.accuracy, un.mean_recall, un.accuracy_without(0)):
        together = score(table.hits.mean(axis=0).sum(axis=0), table.counts.sum(axis=0))
        assert table.scores(score).mean() == pytest.approx(together)
        weight = score(table.counts, table.counts.sum(axis=0))
        assert weight.sum() == pytest.approx(1)
        assert 1 - 1e-9 <= un.effective_subjects(table.counts, score) <= len(table.counts) + 1e-9


def test_uar_leaves_out_classes_that_do_not_occur():
    assert un.mean_recall(np.array([1, 0, 2]), np.array([2, 0, 2])) == pytest.approx(0.75)
    assert np.isnan(un.accuracy(np.zeros(2), np.zeros(2)))


def test_effective_subjects_closed_form():
    assert un.effective_subjects(np.full((7, 1), 9), un.accuracy) == pytest.approx(7)
    assert un.effective_subjects(np.array([[30], [10]]), un.accuracy) == pytest.approx(1 / (0.75**2 + 0.25**2))


@pytest.mark.parametrize(("answers", "target", "subjects"),
                         [([[0, 1]], [0], [0]), ([[0]], [0], [0, 1]), (np.zeros((1, 0)), [], [])])
def test_a_tally_needs_the_same_rows(answers, target, subjects):
    with pytest.raises(ConfigError, match="same rows"):
        un.tally(answers, np.array(target, dtype=int), subjects, 2)


# -- intervals ---------------------------------------------------------------------------------------------------------


def test_equal_subjects_and_runs_leave_no_interval():
    found = un.interval(one_class(np.full((3, 5), 2), np.full(5, 4)), un.accuracy, draws=200)
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)


def test_one_subject_has_no_interval():
    found = un.interval(one_class([[3]], [4]), un.accuracy, draws=50)
    assert found.value == 0.75 and np.isnan([found.low, found.high]).all()


def test_the_bootstrap_has_the_textbook_standard_error():
    rng = np.random.default_rng(0)
    rates = rng.random(40)
    table = one_class(np.round(100 * rates)[None], np.full(40, 100))
    found = un.interval(table, un.accuracy, widen=False, draws=20_000)
    error = np.round(rates, 2).std() / np.sqrt(40)
    assert (found.high - found.low) / (2 * stats.norm.isf(0.025)) == pytest.approx(error, rel=0.03)


def test_runs_that_differ_widen_the_interval():
    same = un.interval(one_class(np.full((4, 6), 5), np.full(6, 10)), un.accuracy, draws=500)
    apart = un.interval(one_class(np.repeat([[3], [4], [6], [7]], 6, axis=1), np.full(6, 10)), un.accuracy, draws=500)
    assert same.value == pytest.approx(apart.value) == 0.5
    assert same.high - same.low == 0 < 0.1 < apart.high - apart.low


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_intervals_repeat_hold_the_value_and_widen(seed):
    table = random_tally(seed)[0]
    plain = un.interval(table, un.accuracy, draws=400, widen=False)
    wide = un.interval(table, un.accuracy, draws=400)
    assert wide == un.interval(table, un.accuracy, draws=400)
    assert 0 <= wide.low <= plain.low <= plain.value <= plain.high <= wide.high <= 1


def test_the_tail_is_the_normal_one_for_many_subjects():
    assert un.tail(1e7) == pytest.approx(0.025, abs=1e-6)
    t = stats.t.isf(0.025, 9) * np.sqrt(10 / 9)
    assert un.tail(10) == pytest.approx(stats.norm.sf(t))
    cut = [un.tail(n) for n in (2, 5, 20, 100)]
    assert cut == sorted(cut)


@pytest.mark.parametrize("sizes", [np.full(12, 40), np.array([200, 90, 60, 50, 40, 40, 30, 30, 20, 20, 10, 5])])
def test_the_widened_interval_covers_and_the_plain_one_too_seldom(sizes):
    plain, wide = (un.coverage(sizes, 0.5, 0.12, widen=widen, trials=150, draws=600) for widen in (False, True))
    assert plain <= wide and wide >= 0.92


def test_the_spread_of_subjects_is_that_of_their_rates():
    rng = np.random.default_rng(0)
    images = np.full(400, 50)
    alike = one_class(rng.binomial(images, 0.5)[None], images)
    apart = one_class(rng.binomial(images, rng.choice([0.3, 0.7], 400))[None], images)
    assert un.spread_of_subjects(alike) < 0.04
    assert un.spread_of_subjects(apart) == pytest.approx(0.2, abs=0.02)


def test_difference_of_crooked_intervals_takes_the_sides_that_oppose():
    """Low: the second's lower side with the first's upper one; high: the other two (Zou and Donner 2008)."""
    found = un.difference_of(un.Interval(0.2, 0.16, 0.23), un.Interval(0.6, 0.56, 0.63))
    assert (found.value, found.low, found.high) == pytest.approx((0.4, 0.35, 0.45))
    found = un.difference_of(un.Interval(0.2, 0.17, 0.24), un.Interval(0.6, 0.57, 0.64))
    assert (found.low, found.high) == pytest.approx((0.35, 0.45)), "sides of 3 with 4, never 3 with 3"
    found = un.difference_of(un.Interval(0.2, 0.15, 0.32), un.Interval(0.6, 0.51, 0.72))
    assert (found.low, found.high) == pytest.approx((0.25, 0.53))


def test_difference_of_symmetric_intervals_adds_squares():
    found = un.difference_of(un.Interval(0.2, 0.17, 0.23), un.Interval(0.6, 0.56, 0.64))
    assert (found.value, found.low, found.high) == pytest.approx((0.4, 0.35, 0.45))


# -- differences -------------------------------------------------------------------------------------------------------


def test_sign_flip_closed_forms():
    assert comparison.sign_flip(np.ones(6)) == 2 / 2**6
    assert comparison.sign_flip([1.0, -1.0]) == 1
    assert comparison.sign_flip(np.zeros(5)) == comparison.sign_flip([]) == 1
    assert comparison.sign_flip([3.0, 1.0, 0.0]) == 2 / 4
    assert comparison.sign_flip(np.ones(40)) < 0.001


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=9))
@settings(max_examples=40, deadline=None)
def test_sign_flip_is_a_p_value(gains):
    p = comparison.sign_flip(np.array(gains, dtype=float))
    assert 0 < p <= 1
    assert p == comparison.sign_flip(-np.array(gains, dtype=float)) == comparison.sign_flip([*gains, 0])


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_a_difference_turns_with_its_sides(seed):
    first, answers, target, person = random_tally(seed)
    second = un.tally(np.roll(answers, 1, axis=1), target, person, 4)
    for score in (un.accuracy, un.mean_recall):
        there = comparison.paired(first, second, score, draws=300)
        back = comparison.paired(second, first, score, draws=300)
        assert there.value == pytest.approx(-back.value)
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-12)
        assert (there.p, there.detectable) == pytest.approx((back.p, back.detectable))
        assert there.value == pytest.approx(second.scores(score).mean() - first.scores(score).mean())


def test_nothing_is_found_between_a_set_of_runs_and_itself():
    table = random_tally(0)[0]
    found = comparison.paired(table, table, un.accuracy, draws=100)
    assert (found.value, found.low, found.high, found.p, found.shown) == (0, 0, 0, 1, False)
    assert np.isnan(found.detectable)


def test_unequal_designs_cannot_be_paired():
    table = random_tally(0)[0]
    for other in (table.first(2), random_tally(1)[0]):
        with pytest.raises(ConfigError, match="same rows and as many runs"):
            comparison.paired(table, other, un.accuracy)


def simulated(rng, images, gain, runs=3):
    """Two sets of runs whose true accuracies differ by ``gain``, not alike for every person."""
    easy, own = rng.normal(0.5, 0.1, len(images)), rng.normal(gain, 0.06, len(images))
    rates = [np.clip(easy + shift + rng.normal(0, 0.01, (runs, 1)), 0, 1) for shift in (0, own)]
    return comparison.paired(*(one_class(rng.binomial(images, rate), images) for rate in rates), un.accuracy, draws=500)


@pytest.mark.slow
def test_level_and_power_are_what_they_are_said_to_be():
    rng, images = np.random.default_rng(0), np.array([120, 80, 60, 60, 50, 40, 40, 40, 30, 30, 20, 20])
    none = [simulated(rng, images, 0) for _ in range(120)]
    size = np.mean([found.detectable for found in none])
    some = [simulated(rng, images, size) for _ in range(120)]
    assert np.mean([found.shown for found in none]) <= 0.08
    assert 0.68 <= np.mean([found.shown for found in some]) <= 0.95


def test_the_detectable_difference_of_many_subjects_is_the_textbook_one():
    textbook = 0.1 * (stats.norm.isf(0.025) + stats.norm.isf(0.2))
    assert comparison.detectable(0.1, 1e6) == pytest.approx(textbook, rel=1e-4)
    assert np.isnan(comparison.detectable(0.1, 1))
    assert comparison.detectable(0.1, 5) > comparison.detectable(0.1, 50)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_and_keeps_the_order(p):
    corrected = comparison.holm(p)
    assert (corrected >= np.array(p)).all() and (corrected <= 1).all()
    assert corrected.min() == pytest.approx(min(1, len(p) * min(p)))
    assert (np.diff(corrected[np.argsort(p, kind="stable")]) >= 0).all()


def test_draws_in_blocks_are_all_there_and_pair_the_tables(monkeypatch):
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 9, (6, 3))
    tables = [un.Tally(rng.binomial(counts, share, (2, 6, 3)), counts) for share in (0.2, 0.2)]
    monkeypatch.setattr(un, "_BLOCK", 7)
    hits, drawn = un.resample([*tables, tables[0]], 40, seed=1)
    assert [len(part) for part in hits] == [40] * 3 and drawn.shape == (40, 3)
    assert np.array_equal(hits[0], hits[2]) and (hits[0] <= drawn + 1e-9).all()
    assert len(np.unique(drawn, axis=0)) > 30  # no block repeats another


def test_every_draw_has_as_many_subjects_and_runs_as_there_are():
    """One image of each subject, all answered rightly: each draw counts G images and G right answers."""
    table = one_class(np.ones((3, 5)), np.ones(5))
    hits, counts = un.resample([table], 200, seed=0)
    assert (counts == 5).all() and hits[0] == pytest.approx(counts)
    own = un.Tally(np.eye(5)[None].repeat(3, axis=0), np.eye(5))  # each subject has a class of its own
    drawn = un.resample([own], 200, seed=0)[1]
    assert (drawn.sum(axis=1) == 5).all()
    assert (drawn.std(axis=0) > 0.5).all()  # with replacement


def test_draws_depend_on_the_seed():
    table = random_tally(0)[0]
    first, again, other = (un.resample([table], 50, seed)[1] for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_the_difference_lies_in_its_interval():
    rng, images = np.random.default_rng(0), np.full(20, 50)
    poor, good = (one_class(rng.binomial(images, rate, (3, 20)), images) for rate in (0.3, 0.6))
    for first, second, sign in ((poor, good, 1), (good, poor, -1)):
        found = comparison.paired(first, second, un.accuracy, draws=500)
        assert found.low < found.value < found.high
        assert found.shown and sign * found.low > 0 and sign * found.high > 0


def test_shown_needs_both_the_interval_and_p():
    def shown(low, high, p):
        return comparison.Difference(0.1, low, high, p, 0.1, ()).shown

    assert shown(0.05, 0.2, 0.01) and shown(-0.2, -0.05, 0.01)
    assert not shown(0.05, 0.2, 0.06) and not shown(-0.05, 0.2, 0.01) and not shown(0.0, 0.2, 0.01)


def test_p_of_many_subjects_is_never_zero_and_agrees_with_the_exact_one():
    assert comparison.sign_flip(np.ones(40), draws=100) == pytest.approx(0.01)
    gains = np.random.default_rng(0).normal(0.3, 1, 14)
    drawn = comparison.sign_flip(np.append(gains, 1e-9), draws=20_000)  # a 15th that weighs nothing
    assert drawn == pytest.approx(comparison.sign_flip(gains), abs=0.02)


def test_the_detectable_difference_of_few_subjects_by_hand():
    """t of 4 degrees of freedom: 2.776 and 0.941; sqrt(5 / 4) makes up for the bootstrap's narrow spread."""
    assert comparison.detectable(0.1, 5) == pytest.approx(0.1 * (2.7764 + 0.9410) * 1.25**0.5, rel=1e-3)


def test_holm_by_hand():
    assert comparison.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
