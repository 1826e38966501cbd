"""Retrieval within a class: closed forms, a slow twin, and what is left out."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mgutils.errors import ConfigError
from mgutils.evaluation.within_class import within_class, within_table
from mgutils.metrics.cosine import cosine_similarity
from mgutils.metrics.intervals import accuracy
from mgutils.metrics.paired import paired

CLASSES, CLIPS, WIDTH = 4, 60, 5


@pytest.fixture
def clips():
    """Target, subjects and sentences, of which some are the same."""
    rng = np.random.default_rng(3)
    texts = [f"the {word} hand" for word in rng.choice(["left", "right", "other", "same", "near"], CLIPS)]
    return rng.integers(0, CLASSES, CLIPS), rng.integers(0, 7, CLIPS), texts


def directions(texts, seed=0, noise=0.0):
    """A direction for each different sentence, up to noise."""
    rng = np.random.default_rng(seed)
    _, said = np.unique(texts, return_inverse=True)
    return rng.normal(size=(said.max() + 1, WIDTH))[said] + noise * rng.normal(size=(len(texts), WIDTH))


def test_a_perfect_space_finds_every_clip_and_one_without_a_difference_is_at_chance(clips):
    target, subjects, texts = clips
    vectors, same = directions(texts), np.ones((CLIPS, WIDTH))
    found = within_class([vectors, vectors], [vectors, vectors], texts, target, subjects, CLASSES)
    assert found.r1.scores(accuracy) == pytest.approx([1, 1])
    assert found.percentile.scores(accuracy) == pytest.approx([1, 1])
    flat = within_class([vectors], [same], texts, target, subjects, CLASSES)
    assert flat.r1.scores(accuracy) == pytest.approx(flat.chance.scores(accuracy))
    assert flat.percentile.scores(accuracy) == pytest.approx([0.5])
    turned = within_class([vectors], [-vectors], texts, target, subjects, CLASSES)
    assert turned.r1.scores(accuracy)[0] < 0.2


def test_it_equals_a_slow_twin(clips):
    target, subjects, texts = clips
    queries, items = directions(texts, 0, 0.8), directions(texts, 0, 0.8) + directions(texts, 5)
    found = within_class([queries], [items], texts, target, subjects, CLASSES)
    cosine, people = cosine_similarity(queries, items), sorted(set(subjects))
    wanted = {name: np.zeros((len(people), CLASSES)) for name in ("r1", "percentile", "chance", "counts")}
    for row in range(CLIPS):
        others = [other for other in range(CLIPS) if target[other] == target[row]]
        right = np.array([texts[other] == texts[row] for other in others])
        scores = cosine[row, others]
        best = [right[place] for place in np.flatnonzero(scores == scores.max())]
        place = people.index(subjects[row]), target[row]
        wanted["r1"][place] += np.mean(best)
        wanted["percentile"][place] += roc_auc_score(right, scores)
        wanted["chance"][place] += right.mean()
        wanted["counts"][place] += 1
    for name in ("r1", "percentile", "chance"):
        assert getattr(found, name).hits[0] == pytest.approx(wanted[name])
        assert (getattr(found, name).counts == wanted["counts"]).all()


def test_one_right_clip_has_its_percentile_rank():
    """Four clips; the right one comes second, so two of the three wrong ones come after it."""
    items = np.eye(4)
    queries = np.array([[0.5, 0.9, 0.1, 0.0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    found = within_class([queries], [items], list("abcd"), np.zeros(4, int), np.arange(4), 1)
    assert found.percentile.hits[0, :, 0].tolist() == pytest.approx([2 / 3, 1, 1, 1])
    assert found.r1.hits[0, :, 0].tolist() == [0, 1, 1, 1] and found.chance.hits[0, 0, 0] == 0.25


def test_a_class_of_which_one_thing_is_said_is_not_asked(clips):
    target, subjects, texts = clips
    texts = ["always the same" if index == 2 else text for index, text in zip(target, texts, strict=True)]
    vectors = directions(texts)
    found = within_class([vectors], [vectors], texts, target, subjects, CLASSES)
    assert found.r1.counts.sum(axis=0)[2] == 0 and found.r1.counts.sum() == (target != 2).sum()
    assert within_table({"all": found}, draws=100).loc[0, "classes"] == 3
    with pytest.raises(ConfigError, match="no class with two"):
        within_class([vectors], [vectors], ["same"] * CLIPS, target, subjects, CLASSES)


def test_two_groups_are_compared_with_each_other_and_with_chance(clips):
    target, subjects, texts = clips
    seeds = range(3)
    good, bad = ([directions(texts, seed, noise) for seed in seeds] for noise in (0.2, 50.0))
    clean = [directions(texts, seed) for seed in seeds]
    own, shuffled = (within_class(clean, items, texts, target, subjects, CLASSES) for items in (good, bad))
    found = paired(shuffled.r1, own.r1, accuracy, draws=500)
    assert found.value > 0.3 and found.shown and found.detectable > 0
    assert paired(own.chance, own.r1, accuracy, draws=500).shown
    table = within_table({"own": own, "shuffled": shuffled}, draws=200)
    assert table["group"].tolist() == ["own", "shuffled"]
    row = table.iloc[0]
    assert row["low"] <= row["r1"] <= row["high"]
    assert row["percentile_low"] <= row["percentile"] <= row["percentile_high"]
