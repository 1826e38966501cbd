"""Classes never seen: closed forms of the published and of the generalised scores, and slow twins of the tallies."""

import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hmean
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from mgutils.errors import ConfigError
from mgutils.evaluation.unseen import (
    Unseen,
    biased,
    constant,
    generalized,
    harmonic,
    leave_one_out,
)
from mgutils.evaluation.unseen_sets import (
    disjoint_sets,
    generalized_tally,
    harmonic_interval,
    harmonic_recall,
    seen_recall,
    set_table,
    unseen_recall,
    zero_shot_tally,
)
from mgutils.evaluation.zero_shot import label_permutation_test, zero_shot
from mgutils.metrics.intervals import accuracy, interval, mean_recall
from mgutils.metrics.paired import paired

CLASSES, PEOPLE = 8, 6


def answers(classes=(1, 4, 6), seed=0, clips=160, skill=0.0, people=PEOPLE) -> Unseen:
    """Random scores; ``skill`` is added to those of the right class."""
    rng = np.random.default_rng(99)  # the same clips whatever the seed
    target, subjects = rng.integers(0, CLASSES, clips), rng.integers(0, people, clips)
    logits = np.random.default_rng(seed).normal(size=(clips, CLASSES)) + skill * np.eye(CLASSES)[target]
    return Unseen(logits, target, subjects, np.array(classes))


def design(skill=0.5, seeds=3, first=0) -> list[list[Unseen]]:
    """Three sets of two classes; class 0 and 7 are always seen."""
    return [[answers(classes, first + 10 * place + seed, skill=skill) for seed in range(seeds)]
            for place, classes in enumerate([(1, 2), (3, 4), (5, 6)])]


# -- one run -----------------------------------------------------------------------------------------------------------


def test_zero_shot_scores_are_scikit_learns():
    found = answers(skill=0.7)
    own = found.asked
    target, among = found.target[own], found.answers(found.classes)[own]
    result = found.zero_shot()
    assert result.among_left_out.uar == pytest.approx(balanced_accuracy_score(target, among))
    assert result.among_left_out.top1 == pytest.approx(accuracy_score(target, among))
    assert set(among) <= {1, 4, 6} and found.chance == pytest.approx(1 / 3)
    assert label_permutation_test([result]).right == pytest.approx(result.among_left_out.uar)


def test_a_run_of_images_is_scored_by_the_same_code():
    found = answers(skill=0.7)
    run = SimpleNamespace(config=SimpleNamespace(left_out=(2, 5, 7)), logits=found.logits, target=found.target,
                          directory=SimpleNamespace(name="run"))
    assert zero_shot(run).among_left_out.uar == found.zero_shot().among_left_out.uar
    assert zero_shot(run).seen.uar == generalized(found).seen == found.zero_shot().seen.uar
    assert zero_shot(run).among_all.uar == generalized(found).unseen


def test_the_generalised_scores_are_scikit_learns_and_scipys():
    found = answers(skill=1.5)
    own, given = found.asked, found.logits.argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that are answered and do not occur
        seen, unseen = (balanced_accuracy_score(found.target[rows], given[rows]) for rows in (~own, own))
    assert generalized(found) == pytest.approx((seen, unseen, hmean([seen, unseen])))


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_harmonic_mean_lies_between_zero_and_twice_the_smaller(first, second):
    found = harmonic(first, second)
    assert found == harmonic(second, first)
    assert min(first, second) - 1e-12 <= found or first * second == 0
    assert found <= 2 * min(first, second) + 1e-12 and found <= (first + second) / 2 + 1e-12


def test_a_model_that_knows_nothing_but_what_it_saw_has_a_harmonic_mean_of_zero():
    found = answers()
    logits = np.eye(CLASSES)[found.target]
    logits[found.asked] = np.eye(CLASSES)[0]
    assert generalized(replace(found, logits=logits)) == (1, 0, 0)
    assert generalized(replace(found, logits=np.eye(CLASSES)[found.target])) == (1, 1, 1)


def test_without_a_clip_of_a_seen_class_there_is_nothing_to_weigh():
    found = answers(classes=range(CLASSES), skill=1.0)
    result = generalized(found)
    assert np.isnan(result.seen) and np.isnan(result.harmonic)
    assert result.unseen == found.zero_shot().among_left_out.uar == found.zero_shot().seen.uar


def test_a_large_bias_gives_all_clips_to_the_unseen_classes_and_a_large_negative_one_none():
    found = answers(skill=2.0)
    few, none, every = (generalized(biased(found, bias)) for bias in (-1e6, 0, 1e6))
    assert none == generalized(found)
    assert (every.seen, every.harmonic) == (0, 0)
    assert every.unseen == pytest.approx(found.zero_shot().among_left_out.uar)
    assert (few.unseen, few.harmonic) == (0, 0)
    assert found.logits.max() < 1e3, "the answers themselves were changed"


# -- leave-one-out, as published ---------------------------------------------------------------------------------------


def test_the_constant_answer_scores_a_hundred_and_has_a_harmonic_mean_of_zero():
    """The published protocol: one class unseen, and a test of its clips alone."""
    for index in range(CLASSES):
        always = constant(answers(classes=(index,)), index)
        row = leave_one_out([always]).iloc[0]
        assert row["recall"] == row["best"] == row["published_uar"] == row["constant"] == row["false_alarms"] == 1
        assert generalized(always) == (0, 1, 0)


def test_a_bias_is_enough_for_a_hundred():
    found = answers(classes=(3,))
    assert leave_one_out([found]).loc[0, "recall"] < 0.4
    assert leave_one_out([biased(found, 100)]).loc[0, "recall"] == 1
    assert generalized(biased(found, 100)).harmonic == 0


def test_leave_one_out_equals_a_slow_twin():
    runs = [answers(seed=seed, skill=0.8) for seed in range(4)]
    table = leave_one_out(runs)
    assert table["class_index"].tolist() == [1, 4, 6] and table["constant"].tolist() == [1, 1, 1]
    for row in table.itertuples():
        recall, published, alarms = [], [], []
        for run in runs:
            given = [int(np.argmax(line)) for line in run.logits]
            own = [answer for answer, true in zip(given, run.target, strict=True) if true == row.class_index]
            other = [answer for answer, true in zip(given, run.target, strict=True) if true != row.class_index]
            recall.append(own.count(row.class_index) / len(own))
            published.append(recall[-1] / len(set(own) | {row.class_index}))
            alarms.append(other.count(row.class_index) / len(other))
        assert row.clips == len(own) and row.best == max(recall) >= row.recall
        assert (row.recall, row.published_uar, row.false_alarms) == pytest.approx(
            (np.mean(recall), np.mean(published), np.mean(alarms)))
    assert len(leave_one_out(runs, left_out=4)) == 1


def test_a_class_without_a_clip_has_no_row():
    found = answers(classes=(1, 4))
    none = replace(found, target=np.where(found.target == 4, 0, found.target))
    assert leave_one_out([none])["class_index"].tolist() == [1]


@pytest.mark.parametrize("changes, message", [
    ({"logits": np.full((160, CLASSES), np.nan)}, "diverged"),
    ({"classes": np.array([], dtype=int)}, "no clip of the 0"),
    ({"target": np.zeros(160, dtype=int)}, "no clip of the 3"),
    ({"subjects": np.zeros(3)}, "wanted"),
    ({"logits": np.zeros(160)}, "wanted"),
])
def test_answers_that_cannot_be_scored_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(answers(), **changes)


# -- sets of classes ---------------------------------------------------------------------------------------------------


def test_stacked_sets_ask_each_clip_of_their_classes_once_and_their_uar_is_the_mean_of_the_sets():
    sets = design()
    table = zero_shot_tally(sets)
    assert table.hits.shape == (3, PEOPLE, CLASSES)
    assert table.counts.sum() == np.isin(sets[0][0].target, range(1, 7)).sum()
    own = [[run.zero_shot().among_left_out.uar for run in runs] for runs in sets]
    assert table.scores(mean_recall) == pytest.approx(np.mean(own, axis=0))


def test_the_stacked_tally_equals_a_slow_twin():
    sets = design()
    hits, counts = np.zeros((3, PEOPLE, CLASSES)), np.zeros((PEOPLE, CLASSES))
    for runs in sets:
        for seed, run in enumerate(runs):
            for logits, true, person in zip(run.logits, run.target, run.subjects, strict=True):
                if true in run.classes:
                    best = max(run.classes, key=lambda index: logits[index])
                    hits[seed, person, true] += best == true
                    counts[person, true] += seed == 0
    table = zero_shot_tally(sets)
    assert (table.hits == hits).all() and (table.counts == counts).all()


def test_the_generalised_tally_equals_a_slow_twin():
    sets = design()
    table = generalized_tally(sets)
    target, subjects = sets[0][0].target, sets[0][0].subjects
    for seed in range(3):
        for index in range(CLASSES):
            rows = target == index
            right = {True: [], False: []}
            for runs in sets:
                right[index in runs[seed].classes].append(runs[seed].logits.argmax(axis=1)[rows] == index)
            for person in range(PEOPLE):
                own = subjects[rows] == person
                assert table.counts[person, index] == own.sum()
                assert table.hits[seed, person, index] == pytest.approx(np.mean([hit[own].sum()
                                                                                for hit in right[False]]))
                unseen = sum(hit[own].sum() for hit in right[True])
                assert table.hits[seed, person, CLASSES + index] == unseen
                assert table.counts[person, CLASSES + index] == (own.sum() if right[True] else 0)


def test_the_generalised_scores_of_one_set_are_those_of_its_run():
    runs = [answers(seed=seed, skill=1.0) for seed in range(3)]
    table = generalized_tally([runs])
    found = np.transpose([table.scores(score) for score in (seen_recall, unseen_recall, harmonic_recall)])
    assert found == pytest.approx(np.array([generalized(run) for run in runs]))


def test_the_interval_of_the_harmonic_mean_holds_it_and_follows_the_other_two():
    table = generalized_tally(design(skill=1.0))
    found = harmonic_interval(table, draws=400)
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(table.scores(harmonic_recall).mean())
    seen, unseen = (interval(table, score, draws=400) for score in (seen_recall, unseen_recall))
    assert min(seen.low, unseen.low) - 0.02 < found.low and found.high < max(seen.high, unseen.high) + 0.02
    perfect = harmonic_interval(generalized_tally(design(skill=100.0)), draws=200)
    assert (perfect.low, perfect.value, perfect.high) == (1, 1, 1)


def test_two_ways_to_train_are_paired_by_seed_and_person():
    first, second = design(skill=0.2), design(skill=1.5)
    found = paired(zero_shot_tally(first), zero_shot_tally(second), mean_recall, draws=500)
    wanted = [zero_shot_tally(sets).scores(mean_recall) for sets in (first, second)]
    assert found.by_seed == pytest.approx(tuple(wanted[1] - wanted[0])) and found.detectable > 0
    assert paired(zero_shot_tally(first), zero_shot_tally(first), mean_recall, draws=100).value == 0


def test_the_table_has_a_row_for_each_set_and_one_for_all():
    sets = design(skill=1.0)
    table = set_table(sets, draws=200)
    assert table["set"].tolist() == ["1", "2", "3", "all"] and table["classes"].iloc[-1] == "1 2 3 4 5 6"
    assert table["clips"].iloc[-1] == table["clips"].iloc[:-1].sum() and (table["chance"] == 0.5).all()
    assert table["uar"].iloc[-1] == pytest.approx(table["uar"].iloc[:-1].mean())
    assert ((table["low"] <= table["uar"]) & (table["uar"] <= table["high"])).all()
    assert table["war"].iloc[-1] == pytest.approx(zero_shot_tally(sets).scores(accuracy).mean())
    counts = [zero_shot_tally([runs]).counts.sum(axis=0) for runs in sets]
    assert table["constant_war"].iloc[:-1].tolist() == [each.max() / each.sum() for each in counts]
    assert table["constant_war"].iloc[-1] == sum(each.max() for each in counts) / sum(each.sum() for each in counts)


@pytest.mark.parametrize("change, message", [
    (lambda sets: [*sets, sets[0]], "2 classes in two sets"),
    (lambda sets: [sets[0], sets[1][:2]], r"\[3, 2\] runs"),
    (lambda sets: [], r"\[\] runs"),
    (lambda sets: [[]], r"\[0\] runs"),
    (lambda sets: [sets[0], [answers((3, 4), clips=150)] * 3], "different clips"),
    (lambda sets: [[answers((1, 2)), answers((1, 3))]], "of one set"),
])
def test_what_is_no_design_is_refused(change, message):
    for function in (zero_shot_tally, generalized_tally):
        with pytest.raises(ConfigError, match=message):
            function(change(design()))


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 3))
def test_drawn_sets_share_no_class(size, count, seed):
    found = disjoint_sets(range(1, 32), size, count, seed)
    drawn = [index for part in found for index in part]
    assert len(found) == count and len(set(drawn)) == len(drawn) == size * count
    assert set(drawn) <= set(range(1, 32)) and found == disjoint_sets(range(1, 32), size, count, seed)


def test_too_few_classes_to_draw_from_are_refused():
    with pytest.raises(ConfigError, match="found 9 to draw from; wanted 10"):
        disjoint_sets(range(9), 5, 2)
