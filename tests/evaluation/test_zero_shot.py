"""Classes left out of training: rows, scores, and the test of whether the texts' meaning did it."""

from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest

from mgutils.config import run_config
from mgutils.data.captions import descriptions, known_words
from mgutils.data.protocol import split_of
from mgutils.data.splits import hold_out, leave_out, make_split
from mgutils.data.table import read_dataset
from mgutils.errors import ConfigError
from mgutils.evaluation.zero_shot import (
    LEFT_OUT,
    REGIONS,
    answer_shares,
    label_permutation_test,
    zero_shot,
    zero_shot_table,
)


def fake_run(logits, target, left_out, captions="own", seed=0):
    config = SimpleNamespace(left_out=left_out, captions=captions, seed=seed)
    return SimpleNamespace(config=config, logits=np.asarray(logits, float), target=np.asarray(target),
                           directory=SimpleNamespace(name="run"))


def test_left_out_classes_have_no_training_row_and_all_rows_scored(tiny_root):
    dataset = read_dataset(tiny_root)
    plain, classes = make_split(dataset, "frame"), dataset.frames["class_id"].to_numpy()
    split = leave_out(dataset, plain, (2, 4))
    assert set(classes[split.train]) == set(classes[split.select]) == {1, 3}
    assert np.isin(classes[split.valid], (2, 4)).sum() == np.isin(classes, (2, 4)).sum()
    assert len(set(split.valid)) == len(split.valid) and not set(split.valid) & set(split.train)
    assert set(split.select) <= set(plain.valid)


def test_left_out_rows_of_a_held_out_part_are_scored_too(tiny_root):
    dataset = read_dataset(tiny_root)
    held = hold_out(dataset, make_split(dataset, "subject"))
    split, classes = leave_out(dataset, held, (1,)), dataset.frames["class_id"].to_numpy()
    assert set(split.select) == set(held.select[classes[held.select] != 1])
    assert (classes[split.valid] == 1).sum() == (classes == 1).sum()


@pytest.mark.parametrize("class_ids", [(0,), (5,), (1, 2, 3, 4)])
def test_unknown_classes_or_all_of_them_are_refused(tiny_root, class_ids):
    dataset = read_dataset(tiny_root)
    with pytest.raises(ConfigError, match="left_out"):
        leave_out(dataset, make_split(dataset, "frame"), class_ids)


def test_rows_of_a_run_follow_its_configuration(tiny_root):
    from dataclasses import replace
    dataset = read_dataset(tiny_root)
    config = run_config("smoke", "sound_ce")
    assert (split_of(config, dataset).train == make_split(dataset, "frame").train).all()
    assert split_of(config, dataset).select is None
    without = split_of(replace(config, left_out=(1,)), dataset)
    assert 1 not in dataset.frames["class_id"].to_numpy()[without.train]
    held = split_of(run_config("smoke", "sound_ce", select="held_out"), dataset)
    assert held.select is not None


def test_the_kits_classes_are_described_in_words_that_other_classes_teach():
    assert known_words(descriptions(), LEFT_OUT) == 1


def test_scores_among_the_left_out_and_among_all():
    logits = [[9, 1, 2, 0], [9, 2, 1, 0], [0, 5, 0, 0], [7, 0, 0, 1]]  # classes 2 and 3 are left out
    result = zero_shot(fake_run(logits, [2, 2, 1, 0], (2, 3)))
    assert result.target.tolist() == [1, 1, 0] and result.logits.shape == (3, 2)
    assert result.among_left_out.top1 == pytest.approx(2 / 3)
    assert result.among_left_out.uar == pytest.approx(3 / 4)
    assert result.among_all.top1 == pytest.approx(1 / 3)
    assert result.seen.top1 == 1
    table = zero_shot_table([fake_run(logits, [2, 2, 1, 0], (2, 3), "descriptions", 7)])
    assert table.iloc[0][["captions", "seed", "classes", "images"]].tolist() == ["descriptions", 7, 2, 3]


def test_a_run_that_left_nothing_out_is_refused():
    with pytest.raises(ConfigError, match="no class left out"):
        zero_shot(fake_run(np.eye(2), [0, 1], ()))
    with pytest.raises(ConfigError, match="0 of 2"):
        zero_shot(fake_run(np.eye(3)[:2], [0, 1], (3,)))


def test_dealing_out_equals_a_slow_twin():
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(60, 5)), rng.integers(0, 5, 60)
    result = zero_shot(fake_run(logits, target, (1, 3, 4)))
    dealt, slow = label_permutation_test([result]), []
    for way in permutations(range(3)):
        recall = [np.mean([row.argmax() == way[k] for row in result.logits[result.target == k]]) for k in range(3)]
        slow.append(np.mean(recall))
    assert dealt.all == pytest.approx(slow)
    assert dealt.right == pytest.approx(result.among_left_out.uar)
    assert dealt.p == np.mean(np.array(slow) >= slow[0] - 1e-12)


def test_answers_in_the_right_region_equal_a_slow_twin():
    rng = np.random.default_rng(1)
    result = zero_shot(fake_run(rng.normal(size=(60, 5)), rng.integers(0, 5, 60), (1, 3, 4)))
    dealt, regions, slow = label_permutation_test([result], regions=(7, 7, 9)), np.array([7, 7, 9]), []
    for way in permutations(range(3)):  # class c has text way[c]
        answered = np.argsort(way)[result.logits.argmax(axis=1)]
        hit = regions[answered] == regions[result.target]
        slow.append(np.mean([hit[result.target == k].mean() for k in range(3)]))
    assert dealt.all == pytest.approx(slow) and dealt.right == pytest.approx(slow[0])
    assert len(REGIONS) == len(LEFT_OUT)


def test_a_constant_answer_is_chance_and_shows_nothing_and_a_perfect_one_shows_all_there_is():
    target = np.repeat(np.arange(4), 3)
    constant = zero_shot(fake_run(np.tile([0, 0, 1, 0, 0.0], (13, 1)), [*target, 4], (1, 2, 3, 4)))
    assert label_permutation_test([constant]).right == 0.25 and label_permutation_test([constant]).p == 1
    perfect = zero_shot(fake_run(np.eye(5)[[*target, 4]], [*target, 4], (1, 2, 3, 4)))
    assert label_permutation_test([perfect]).right == 1
    assert label_permutation_test([perfect, perfect]).p == pytest.approx(1 / 24)


def test_a_class_without_images_is_no_evidence():
    result = zero_shot(fake_run(np.eye(4)[[0, 3, 0]], [0, 3, 0], (1, 2)))
    assert answer_shares(result)[1].tolist() == [0.5, 0.5]


def test_only_runs_of_the_same_classes_are_dealt_out_together():
    runs = [zero_shot(fake_run(np.eye(4), range(4), classes)) for classes in ((1, 2), (1, 3))]
    with pytest.raises(ConfigError, match="same classes"):
        label_permutation_test(runs)
    with pytest.raises(ConfigError, match="0 results"):
        label_permutation_test([])
