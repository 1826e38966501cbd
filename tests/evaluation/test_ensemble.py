"""Ensembles: the mix is a weighted mean of probabilities, and a weight is not chosen on what it is scored on."""

import numpy as np
import pytest
from scipy.special import softmax

from mgutils.errors import ConfigError
from mgutils.evaluation.ensemble import GRID, best_weight, chosen_apart, mix
from mgutils.metrics.scores import scores


@pytest.fixture
def answers():
    rng = np.random.default_rng(0)
    target = rng.integers(0, 5, 300)
    good = 2 * np.eye(5)[target]
    first, second = (good + rng.normal(scale=2, size=(300, 5)) for _ in range(2))
    return first, second, target, np.repeat(np.arange(20), 15)


def test_the_mix_by_hand(answers):
    first, second, *_ = answers
    wanted = 0.4 * softmax(first, axis=1) + 0.6 * softmax(second, axis=1)
    assert np.allclose(mix([first, second], [0.4, 0.6]), wanted)
    assert np.allclose(mix([first, second], [4, 6]), wanted)
    assert np.allclose(mix([first], [1]), softmax(first, axis=1))


@pytest.mark.parametrize("weights", [[1], [1, -1], [0, 0], [1, np.nan], [1, np.inf], [1, 1, 1]])
def test_weights_that_mean_nothing_are_refused(answers, weights):
    with pytest.raises(ConfigError, match="weights"):
        mix(answers[:2], weights)


def test_two_are_better_than_one(answers):
    first, second, target, _ = answers
    both = scores(mix([first, second], [1, 1]), target).top1
    assert both > max(scores(each, target).top1 for each in (first, second)) + 0.03


def test_the_best_weight_is_the_best(answers):
    first, second, target, _ = answers
    found = best_weight(first, second, target)
    tried = [scores(mix([first, second], [weight, 1 - weight]), target).top1 for weight in GRID]
    assert scores(mix([first, second], [found, 1 - found]), target).top1 == max(tried)
    assert best_weight(first, first, target) == 0.5


def test_a_row_has_no_say_in_its_own_weight(answers):
    """Other answers for one half of the people change the weight of the other half, and not their own."""
    first, second, target, subject = answers
    probs, (one, two) = chosen_apart(first, second, target, subject, seed=1)
    people = np.random.default_rng(1).permutation(np.arange(20))[:10]
    half = np.isin(subject, people)
    assert np.allclose(probs[half], mix([first[half], second[half]], [one, 1 - one]))
    assert np.allclose(probs[~half], mix([first[~half], second[~half]], [two, 1 - two]))
    assert one == best_weight(first[~half], second[~half], target[~half])
    other = target.copy()
    other[half] = (other[half] + 1) % 5
    assert chosen_apart(first, second, other, subject, seed=1)[1][0] == one
