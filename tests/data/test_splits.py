from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from mgutils.config import Protocol, SplitName, run_config
from mgutils.data.protocol import group_names, make_fold, make_held_group, split_of
from mgutils.data.splits import SPLITS, TEST_SUBJECTS, TRAIN_SUBJECTS, available_splits, hold_out, make_split
from mgutils.data.table import read_dataset
from mgutils.errors import ConfigError


def grouped(memory_dataset, seed: int, frames: int, subjects: int, classes: int):
    """Clips in videos in subjects, drawn at random; rare classes are rare."""
    rng = np.random.default_rng(seed)
    clip = np.sort(rng.integers(0, max(frames // 3, 2), frames))
    video_of_clip = rng.integers(0, 3 * subjects, clip.max() + 1)
    class_of_clip = np.minimum(rng.geometric(0.3, clip.max() + 1), classes)
    video = video_of_clip[clip]
    return memory_dataset(class_of_clip[clip], clip, video, video % subjects + 1)


def assert_partition(split, count: int):
    assert len(split.train) and len(split.valid)
    assert np.array_equal(np.sort(np.concatenate([split.train, split.valid])), np.arange(count))


def test_the_names_are_those_of_the_settings():
    assert SPLITS == SplitName.__args__


@pytest.mark.parametrize("seed", [0, 42])
@pytest.mark.parametrize("fraction", [0.2, 0.3])
def test_frame_split_is_scikit_learns(memory_dataset, seed, fraction):
    classes = np.random.default_rng(1).choice([1, 2, 3, 7], 500, p=[0.9, 0.06, 0.03, 0.01])
    split = make_split(memory_dataset(classes), "frame", valid_fraction=fraction, seed=seed)
    train, valid = train_test_split(np.arange(500), test_size=fraction, stratify=classes, random_state=seed)
    assert np.array_equal(split.train, train) and np.array_equal(split.valid, valid)


def test_frame_split_defaults_are_the_seeds(memory_dataset):
    classes = np.repeat([1, 2, 3], [100, 50, 10])
    split = make_split(memory_dataset(classes), "frame")
    train, valid = train_test_split(np.arange(160), test_size=0.2, stratify=classes, random_state=42)
    assert np.array_equal(split.train, train) and np.array_equal(split.valid, valid)


def test_a_class_with_a_single_frame_is_trained_on(memory_dataset):
    classes = np.repeat([1, 2, 3, 4], [20, 1, 20, 1])
    split = make_split(memory_dataset(classes), "frame")
    assert_partition(split, 42)
    assert {20, 41} <= set(split.train)
    rows = np.flatnonzero(np.isin(classes, [1, 3]))
    valid = train_test_split(rows, test_size=0.2, stratify=classes[rows], random_state=42)[1]
    assert np.array_equal(split.valid, valid)


def test_too_few_frames_for_the_frame_split(memory_dataset):
    with pytest.raises(ConfigError, match="6 frames of 3 classes.*at least 15,.*Add frames"):
        make_split(memory_dataset([1, 1, 2, 2, 3, 3]), "frame")
    with pytest.raises(ConfigError, match="0 frames of 0 classes"):
        make_split(memory_dataset([1, 2, 3]), "frame")


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), frames=st.integers(30, 300), subjects=st.integers(2, 30), classes=st.integers(1, 12),
       name=st.sampled_from(["clip", "video", "subject"]), fraction=st.sampled_from([0.2, 0.25, 0.5]))
def test_grouped_splits_share_no_group(memory_dataset, seed, frames, subjects, classes, name, fraction):
    dataset = grouped(memory_dataset, seed, frames, subjects, classes)
    if dataset.frames[f"{name}_id"].nunique() < 2:
        return
    split = make_split(dataset, name, valid_fraction=fraction, seed=seed)
    assert_partition(split, frames)
    group = dataset.frames[f"{name}_id"].to_numpy()
    assert not set(group[split.train]) & set(group[split.valid])
    again = make_split(dataset, name, valid_fraction=fraction, seed=seed)
    assert np.array_equal(split.valid, again.valid)


@pytest.mark.parametrize("name", ["clip", "video", "subject"])
def test_grouped_splits_hold_about_a_fifth_and_every_class_is_trained_on(memory_dataset, name):
    dataset = grouped(memory_dataset, 3, 2000, 40, 10)
    split = make_split(dataset, name)
    assert abs(len(split.valid) / 2000 - 0.2) < 0.05
    assert set(dataset.target[split.train]) == set(dataset.target)
    assert len(set(dataset.target[split.valid])) >= len(set(dataset.target)) - 1
    assert not np.array_equal(split.valid, make_split(dataset, name, seed=1).valid)


def test_a_class_of_one_clip_is_trained_on(memory_dataset):
    clip = np.arange(200) // 2
    classes = np.where(clip == 57, 3, clip % 2 + 1)
    for seed in range(5):
        assert {114, 115} <= set(make_split(memory_dataset(classes, clip), "clip", seed=seed).train)


def test_official_split_has_the_37_and_35_subjects(memory_dataset):
    assert len(TRAIN_SUBJECTS) == 37 and len(TEST_SUBJECTS) == 35
    assert sorted(TRAIN_SUBJECTS + TEST_SUBJECTS) == list(range(1, 73))
    subjects = np.repeat(np.arange(1, 73), 3)
    split = make_split(memory_dataset(np.ones(216, int), subject_ids=subjects, video_ids=subjects), "official")
    assert_partition(split, 216)
    assert set(subjects[split.train]) == set(TRAIN_SUBJECTS) and set(subjects[split.valid]) == set(TEST_SUBJECTS)


@pytest.mark.parametrize(("subjects", "words"), [([1, 2, 73], "subject 73"), ([1, 3, 7], "0 training and 3"),
                                                 ([2, 4, 5], "3 training and 0")])
def test_official_split_needs_imigues_subjects(memory_dataset, subjects, words):
    dataset = memory_dataset([1, 1, 1], subject_ids=subjects, video_ids=subjects)
    assert available_splits(dataset) == SPLITS[:4]
    with pytest.raises(ConfigError, match=f"{words}.*Use the split 'subject'"):
        make_split(dataset, "official")


def test_numbers_in_imigues_range_are_not_imigues_unless_the_sidecar_says_so(memory_dataset, tiny_root):
    subjects = np.repeat(np.arange(1, 73), 3)
    dataset = memory_dataset(np.ones(216, int), subject_ids=subjects, video_ids=subjects, numbering="")
    assert available_splits(dataset) == SPLITS[:4]
    with pytest.raises(ConfigError, match="no word in .*clips.csv.*'numbering' with imigue.*Use the split 'subject'"):
        make_split(dataset, "official")
    clips = tiny_root / "clips.csv"
    text = clips.read_text()
    clips.write_text(text.replace("imigue", "mine", 1))
    assert available_splits(read_dataset(tiny_root)) == SPLITS[:4]
    (tiny_root / "studio.json").write_text('{"config": {"seed": 0}}')
    studio = read_dataset(tiny_root)
    assert studio.numbering == "studio" and available_splits(studio) == SPLITS
    assert "numbering" not in studio.frames  # the hash of the frames names the runs


@pytest.mark.parametrize("name", ["video", "subject", "official"])
def test_without_the_sidecar_the_error_says_what_can_be_done(bare_root, name):
    dataset = read_dataset(bare_root)
    assert available_splits(dataset) == ("frame", "clip")
    with pytest.raises(ConfigError, match="no clips.csv.*made without it: frame, clip.*mg import folders --group"):
        make_split(dataset, name)
    for other in available_splits(dataset):
        assert_partition(make_split(dataset, other), 72)


def test_with_the_sidecar_every_split_can_be_made(tiny_template):
    dataset = read_dataset(tiny_template)
    assert available_splits(dataset) == SPLITS
    for name in SPLITS:
        assert_partition(make_split(dataset, name), 72)


def test_one_group_cannot_be_split(memory_dataset):
    dataset = memory_dataset([1, 2, 1, 2], clip_ids=[0, 0, 1, 1], video_ids=[5] * 4, subject_ids=[1] * 4)
    with pytest.raises(ConfigError, match="found 1 video"):
        make_split(dataset, "video")


@pytest.mark.parametrize(("name", "options", "words"), [
    ("fold", {}, "found 'fold'; wanted one of frame, clip"),
    ("frame", {"valid_fraction": 0}, "valid_fraction: found 0"),
    ("clip", {"valid_fraction": 0.9}, "valid_fraction: found 0.9")])
def test_bad_arguments(memory_dataset, name, options, words):
    with pytest.raises(ConfigError, match=words):
        make_split(memory_dataset([1, 2] * 10), name, **options)


# -- folds, and one group by its name ----------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), frames=st.integers(60, 300), subjects=st.integers(6, 30), folds=st.integers(2, 5),
       name=st.sampled_from(["frame", "clip", "video", "subject"]))
def test_every_row_is_reported_by_one_fold_and_no_group_is_on_both_sides(memory_dataset, seed, frames, subjects, folds,
                                                                          name):
    dataset = grouped(memory_dataset, seed, frames, subjects, 3)
    parts = [make_fold(dataset, name, folds, fold, seed=seed) for fold in range(1, folds + 1)]
    for part in parts:
        assert_partition(part, frames)
        if name != "frame":
            group = dataset.frames[f"{name}_id"].to_numpy()
            assert not set(group[part.train]) & set(group[part.valid])
    assert np.array_equal(np.sort(np.concatenate([part.valid for part in parts])), np.arange(frames))


def test_folds_are_stratified_as_well_as_groups_allow(memory_dataset):
    dataset = grouped(memory_dataset, 3, 2000, 40, 4)
    whole = np.bincount(dataset.target) / 2000
    for fold in range(1, 6):
        valid = make_fold(dataset, "subject", 5, fold).valid
        assert abs(len(valid) - 400) < 60
        assert np.abs(np.bincount(dataset.target[valid], minlength=4) / len(valid) - whole).max() < 0.08


@pytest.mark.parametrize("seed", [0, 5])
def test_folds_are_scikit_learns_and_have_a_seed(memory_dataset, seed):
    dataset = grouped(memory_dataset, 3, 400, 12, 4)
    subjects, target = dataset.frames["subject_id"].to_numpy(), dataset.target
    kind = StratifiedGroupKFold(4, shuffle=True, random_state=seed)
    for fold, (train, valid) in enumerate(kind.split(target, target, subjects), start=1):
        found = make_fold(dataset, "subject", 4, fold, seed=seed)
        assert np.array_equal(found.train, train) and np.array_equal(found.valid, valid)
    own, default = make_fold(dataset, "frame", 4, 1, seed=seed), make_fold(dataset, "frame", 4, 1)
    assert not np.array_equal(own.valid, default.valid)


def test_as_many_folds_as_subjects_leave_one_out(memory_dataset):
    dataset = grouped(memory_dataset, 1, 200, 5, 3)
    subjects = dataset.frames["subject_id"].to_numpy()
    for fold in range(1, 6):
        assert set(subjects[make_fold(dataset, "subject", 5, fold).valid]) == {fold}
        held = make_held_group(dataset, "subject", str(fold))
        assert np.array_equal(held.valid, make_fold(dataset, "subject", 5, fold).valid)


def test_a_subject_has_its_own_name(tiny_root):
    (tiny_root / "subjects.csv").write_text("subject_id,source\n1,anna\n2,Élodie\n4,4711\n", encoding="utf-8")
    dataset = read_dataset(tiny_root)
    assert list(group_names(dataset, "subject")) == ["anna", "Élodie", "3", "4711", "5", "6"]
    held = make_held_group(dataset, "subject", "4711")
    assert set(dataset.frames["subject_id"].iloc[held.valid]) == {4}
    with pytest.raises(ConfigError, match="hold_out: found '4'; wanted one of at least two subjects: anna, Élodie, 3"):
        make_held_group(dataset, "subject", "4")
    assert set(group_names(dataset, "video")) == set(map(str, dataset.frames["video_id"]))


@pytest.mark.parametrize(("make", "words"), [
    (lambda data: make_fold(data, "subject", 3, 1), "found fold 1 of 3; wanted at most 2 folds"),
    (lambda data: make_fold(data, "subject", 2, 3), "found fold 3 of 2"),
    (lambda data: make_fold(data, "official", 2, 1), "Use the split 'subject'"),
    (lambda data: make_fold(data, "persons", 2, 1), "found 'persons'; wanted one of"),
    (lambda data: make_held_group(data, "frame", "1"), "wanted a split by subject, video, clip"),
    (lambda data: make_held_group(data, "subject", "7"), "found '7'; wanted one of at least two subjects: 1, 2")])
def test_folds_and_groups_that_cannot_be(memory_dataset, make, words):
    dataset = memory_dataset([1, 2] * 10, subject_ids=[1, 2] * 10, video_ids=[1, 2] * 10)
    with pytest.raises(ConfigError, match=words):
        make(dataset)


def test_a_run_has_the_rows_of_its_protocol(memory_dataset):
    dataset = grouped(memory_dataset, 1, 400, 9, 3)

    def rows(**protocol):
        config = run_config("smoke", "sound_ce", "subject", select="held_out")
        return split_of(dataclasses.replace(config, protocol=Protocol(**protocol)), dataset)

    assert np.array_equal(rows().valid, make_split(dataset, "subject").valid)
    assert np.array_equal(rows(split_seed=3).valid, make_split(dataset, "subject", seed=3).valid)
    assert np.array_equal(rows(folds=3, fold=2).valid, make_fold(dataset, "subject", 3, 2).valid)
    held = rows(hold_out="4")
    assert np.array_equal(held.valid, make_held_group(dataset, "subject", "4").valid)
    subjects = dataset.frames["subject_id"].to_numpy()
    assert not set(subjects[held.select]) & set(subjects[np.concatenate([held.train, held.valid])])


def test_with_one_subject_to_train_on_the_epoch_is_chosen_on_its_clips(memory_dataset):
    dataset = memory_dataset([1, 2] * 20, clip_ids=np.arange(40) // 2, video_ids=np.repeat([1, 2], 20),
                             subject_ids=np.repeat([1, 2], 20))
    held = hold_out(dataset, make_held_group(dataset, "subject", "2"))
    clips = dataset.frames["clip_id"].to_numpy()
    assert len(held.select) and not set(clips[held.select]) & set(clips[held.train])


# -- rows held out for the choice of the epoch -------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "group"), [("clip", "clip"), ("video", "video"), ("subject", "subject"),
                                             ("official", "subject")])
def test_rows_held_out_share_no_group_with_the_rows_trained_on(memory_dataset, name, group):
    dataset = grouped(memory_dataset, 3, 1000, 60, 6)
    split = make_split(dataset, name)
    held, again, other = (hold_out(dataset, split, seed=seed) for seed in (0, 0, 1))
    groups = dataset.frames[f"{group}_id"].to_numpy()
    assert not set(groups[held.train]) & set(groups[held.select])
    assert np.array_equal(np.sort(np.concatenate([held.train, held.select])), np.sort(split.train))
    assert np.array_equal(held.valid, split.valid)
    assert abs(len(held.select) / len(split.train) - 0.15) < 0.05
    assert np.array_equal(held.select, again.select) and not np.array_equal(held.select, other.select)


def test_frames_held_out_are_stratified_by_class_and_depend_on_the_seed(memory_dataset):
    dataset = memory_dataset(np.repeat([1, 2], [400, 100]))
    split = make_split(dataset, "frame")
    held, other = (hold_out(dataset, split, fraction=0.25, seed=seed) for seed in (0, 1))
    assert np.array_equal(np.sort(np.concatenate([held.train, held.select])), np.sort(split.train))
    assert np.bincount(dataset.target[held.select]).tolist() == [80, 20]
    assert not np.array_equal(held.select, other.select)


# -- of many draws the nearest -----------------------------------------------------------------------------------------


def test_the_draw_is_one_whose_classes_are_near_the_fraction(memory_dataset):
    """A hundred clips of equal size: every draw has the size asked for, few have the classes."""
    clip = np.arange(1000) // 10
    dataset = memory_dataset(clip % 10 + 1, clip)
    for seed in range(4):
        valid = make_split(dataset, "clip", seed=seed).valid
        shares = np.bincount(dataset.target[valid]) / 100
        assert len(valid) == 200 and np.abs(shares - 0.2).mean() < 0.05


def test_the_draw_is_one_whose_size_is_near_the_fraction(memory_dataset):
    """Ten clips of unequal size, each a class of its own: the classes alone would take the fewest clips."""
    clip = np.repeat(np.arange(10), np.arange(60, 160, 10))
    for seed in range(4):
        valid = make_split(memory_dataset(clip + 1, clip), "clip", valid_fraction=0.25, seed=seed).valid
        assert abs(len(valid) / len(clip) - 0.25) < 0.005
