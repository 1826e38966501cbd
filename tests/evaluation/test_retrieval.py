"""Retrieval across modalities, probes of each, and classes learned from the anchor alone, on spaces that are known."""

from dataclasses import replace

import numpy as np
import pytest

from mgutils.errors import ConfigError
from mgutils.evaluation.emergent import answer, embedded, space_table, tally_draws
from mgutils.evaluation.retrieval import retrieval_table, retrieval_tally
from mgutils.metrics.cosine import cosine_similarity, emergent, prototypes, unit
from mgutils.metrics.intervals import accuracy, interval
from mgutils.metrics.paired import paired

CLIPS, CLASSES, WIDTH = 160, 4, 16
TRAIN, VALID = np.split(np.arange(CLIPS), 2)
TARGET = np.arange(CLIPS) % CLASSES
SUBJECTS = np.arange(CLIPS) // 10


@pytest.fixture(scope="module")
def space():
    """``depth`` is the anchor with noise, ``flipped`` the anchor in a space of its own, ``noise`` knows nothing."""
    rng = np.random.default_rng(0)
    anchor = 3 * np.eye(CLASSES, WIDTH)[TARGET] + rng.normal(size=(CLIPS, WIDTH))
    return {"rgb": anchor, "depth": 5 * (anchor + 0.3 * rng.normal(size=anchor.shape)), "flipped": -anchor,
            "noise": rng.normal(size=anchor.shape)}


@pytest.fixture(scope="module")
def present(space):
    there = {name: np.ones(CLIPS, dtype=bool) for name in space}
    there["depth"][::5] = False
    return there


@pytest.fixture(scope="module")
def parts(space, present):
    return embedded(space, present, TARGET, SUBJECTS, TRAIN, VALID)


# -- retrieval ---------------------------------------------------------------------------------------------------------


def test_the_cosine_does_not_care_for_lengths_and_zeros_stay():
    vectors = np.array([[3.0, 4.0], [0.0, 0.0], [-6.0, -8.0]], dtype=np.float32)
    assert np.linalg.norm(unit(vectors), axis=1).tolist() == pytest.approx([1, 0, 1])
    assert cosine_similarity(vectors, 7 * vectors).tolist() == [
        pytest.approx(row) for row in ([1, 0, -1], [0, 0, 0], [-1, 0, 1])]


def test_each_modality_is_asked_for_each_other_one_among_clips_that_have_both(space, present):
    table = retrieval_table([space], present, SUBJECTS, draws=400).set_index(["query", "item"])
    assert len(table) == 12
    assert table.loc[("rgb", "depth"), "clips"] == present["depth"].sum() == 128
    assert table.loc[("rgb", "noise"), "clips"] == CLIPS
    assert table.loc[("rgb", "depth"), "chance"] == pytest.approx(1 / 128)
    assert table.loc[("rgb", "depth"), "r1"] > 0.9
    assert table.loc[("rgb", "noise"), "r1"] < 0.05
    assert table.loc[("rgb", "flipped"), "mean_rank"] > CLIPS / 2  # its own clip is the farthest
    assert (table["low"] <= table["r1"]).all() and (table["r1"] <= table["high"]).all()


def test_what_an_absent_modality_holds_does_not_count(space, present):
    pair = {name: space[name] for name in ("rgb", "depth")}
    wild = pair | {"depth": np.where(present["depth"][:, None], pair["depth"], 1e6)}
    tables = [retrieval_table([each], present, SUBJECTS, draws=100) for each in (pair, wild)]
    assert tables[0].equals(tables[1])


def test_equal_captions_count_as_groups(space, present):
    """A caption for each class: a model that knows the class is perfect, and finds the clip itself rarely."""
    caption = np.eye(CLASSES, WIDTH)[TARGET]
    pair, there = {"rgb": caption, "caption": caption}, present | {"caption": np.ones(CLIPS, dtype=bool)}
    grouped, own = (retrieval_table([pair], there, SUBJECTS, groups, draws=100).iloc[0] for groups in (TARGET, None))
    assert (grouped["r1"], grouped["median_rank"], grouped["chance"]) == (1, 1, pytest.approx(1 / CLASSES))
    assert own["r1"] == pytest.approx(CLASSES / CLIPS)
    assert own["median_rank"] == (CLIPS / CLASSES + 1) / 2


def test_hits_are_counted_by_subject_and_run(space):
    right = np.eye(CLIPS, dtype=bool)
    good, bad = (cosine_similarity(space["rgb"], space[name]) for name in ("depth", "noise"))
    table = retrieval_tally([good, bad], right, SUBJECTS)
    assert (table.counts == 10).all()
    found = good.argmax(axis=1) == np.arange(CLIPS)
    assert np.array_equal(table.hits[0, :, 0], np.bincount(SUBJECTS, weights=found))
    certain = interval(retrieval_tally([good], right, SUBJECTS), accuracy, draws=1000)
    assert certain.low <= found.mean() <= certain.high
    difference = paired(*(retrieval_tally([each], right, SUBJECTS) for each in (bad, good)), accuracy, draws=1000)
    assert difference.shown and difference.value > 0.8


def test_two_modalities_that_never_meet_are_refused(space):
    there = {"rgb": TARGET == 0, "depth": TARGET == 1}
    with pytest.raises(ConfigError, match="rgb and depth"):
        retrieval_table([{name: space[name] for name in there}], there, SUBJECTS)


# -- probes and emergent classes ---------------------------------------------------------------------------------------


def test_class_vectors_are_mean_directions():
    train = np.array([[10.0, 0], [0, 1], [0, -3]])
    vectors = prototypes(train, np.array([0, 0, 2]), 4)
    assert vectors.tolist() == [pytest.approx(row) for row in ([0.5**0.5, 0.5**0.5], [0, 0], [0, -1], [0, 0])]


def test_a_class_without_a_clip_of_the_anchor_is_never_the_answer():
    logits = emergent(np.eye(3), np.array([0, 2, 2]), -np.ones((5, 3)), 4)
    assert np.isneginf(logits[:, [1, 3]]).all()
    assert np.isfinite(logits[:, [0, 2]]).all()


def test_only_clips_that_have_a_modality_are_learned_from_and_asked(parts, present):
    assert len(parts["rgb"].train) == len(parts["rgb"].valid) == 80
    assert len(parts["depth"].train) == present["depth"][TRAIN].sum() == 64
    assert np.array_equal(parts["depth"].subjects, SUBJECTS[VALID][present["depth"][VALID]])


def test_a_space_of_its_own_has_good_probes_and_no_emergent_classes(parts):
    table = space_table([parts], "rgb", CLASSES, (2, 0), bootstrap=400)
    top1 = table[table["score"] == "top1"].set_index(["modality", "method", "shots"])["value"]
    assert top1[("depth", "emergent", 0)] > 0.9
    assert top1[("flipped", "linear_probe", 0)] == top1[("rgb", "linear_probe", 0)] > 0.8
    assert top1[("flipped", "emergent", 0)] < 0.1
    assert top1[("noise", "linear_probe", 0)] < 0.45
    assert top1[("rgb", "constant", 0)] == 0.25
    assert top1[("rgb", "linear_probe", 2)] <= top1[("rgb", "linear_probe", 0)]
    assert table.groupby("modality", sort=False)["method"].first().unique().tolist() == ["constant"]
    assert set(table["score"]) == {"top1", "uar"}
    assert (table["low"] <= table["value"] + 1e-9).all() and (table["value"] <= table["high"] + 1e-9).all()


def test_emergent_classes_read_no_label_of_the_modality(parts):
    mislabelled = replace(parts["depth"], train_target=np.arange(64) % 2)
    right, wrong = (answer(part, parts["rgb"], CLASSES, (0,)) for part in (parts["depth"], mislabelled))
    assert np.array_equal(right["emergent", 0], wrong["emergent", 0])
    assert not np.array_equal(right["linear_probe", 0], wrong["linear_probe", 0])


def test_draws_of_labels_are_averaged_and_are_no_runs(parts):
    answers = answer(parts["rgb"], parts["rgb"], CLASSES, (2, 0), draws=3)
    assert {question: found.shape for question, found in answers.items()} == {
        ("linear_probe", 2): (3, 80), ("nearest", 2): (3, 80), ("linear_probe", 0): (1, 80), ("nearest", 0): (1, 80),
        ("emergent", 0): (1, 80)}
    table = tally_draws([answers["nearest", 2]] * 2, parts["rgb"], CLASSES)
    assert len(table.hits) == 2
    right = (answers["nearest", 2] == parts["rgb"].valid_target).mean()
    assert table.scores(accuracy).tolist() == pytest.approx([right, right])


def test_an_anchor_that_is_not_there_is_refused(parts):
    with pytest.raises(ConfigError, match="thermal"):
        space_table([parts], "thermal", CLASSES)
