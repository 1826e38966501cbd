from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from mgutils.config import PROFILES, SynthConfig
from mgutils.data.labels import imigue_classes
from mgutils.data.splits import TEST_SUBJECTS, TRAIN_SUBJECTS
from mgutils.errors import ConfigError
from mgutils.synth.counts import CLASS_FLOOR, LONGEST, class_frames, class_shares, clip_lengths
from mgutils.synth.plan import PHASES, STEP, Plan, make_plan


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(PROFILES["cpu"].synth)


def audit(plan: Plan) -> dict[str, float]:
    """Leak and trivial scores of the frame split, worked out in plain steps."""
    classes, clips = (plan.frames[name].to_numpy() for name in ("class_id", "clip_id"))
    train, valid = train_test_split(np.arange(len(classes)), test_size=0.2, stratify=classes, random_state=42)
    common = [class_id for class_id, _ in sorted(zip(*np.unique(classes[train], return_counts=True), strict=True),
                                                 key=lambda pair: -pair[1])]
    known = dict(zip(clips[train], classes[train], strict=True))
    return {"shared": np.mean([clip in known for clip in clips[valid]]),
            "lookup": np.mean([known.get(clip, common[0]) == truth
                               for clip, truth in zip(clips[valid], classes[valid], strict=True)]),
            "constant": np.mean(classes[valid] == common[0]), "top5": np.isin(classes[valid], common[:5]).mean()}


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_statistics_of_the_seed(seed: int) -> None:
    plan = make_plan(replace(PROFILES["cpu"].synth, seed=seed))
    found = audit(plan)
    assert found["shared"] == pytest.approx(0.957, abs=0.015)
    assert found["lookup"] == pytest.approx(0.966, abs=0.015)
    assert found["constant"] == pytest.approx(0.273, abs=0.005)
    assert found["top5"] == pytest.approx(0.608, abs=0.008)
    lengths = plan.clips["frames"]
    assert lengths.median() == 3
    assert lengths.mean() == pytest.approx(4.69, abs=0.1)
    assert (lengths == 1).mean() == pytest.approx(1089 / 12910, abs=0.02)
    assert 25 < lengths.max() <= LONGEST


def test_as_many_clips_as_imigue_need_as_many_videos() -> None:
    frames = round(18498 * 60514 / 12910)
    plan = make_plan(SynthConfig(frames=frames))
    assert len(plan.clips) == pytest.approx(18498, rel=0.01)
    assert len(plan.videos) == 359
    per_video = plan.clips.groupby("video_id").size()
    assert per_video.mean() == pytest.approx(51.5, rel=0.02)
    assert per_video.median() == pytest.approx(39, rel=0.2)
    side = plan.clips["subject_id"].isin(TRAIN_SUBJECTS)
    assert side.mean() == pytest.approx(13935 / 18498, abs=0.02)


def test_everyone_is_there(plan: Plan) -> None:
    assert (len(TRAIN_SUBJECTS), len(TEST_SUBJECTS)) == (37, 35)
    assert sorted(TRAIN_SUBJECTS + TEST_SUBJECTS) == list(range(1, 73))
    assert set(plan.clips["subject_id"]) == set(range(1, 73))
    assert set(plan.clips["video_id"]) == set(plan.videos["video_id"]) == set(range(1, len(plan.videos) + 1))
    assert 72 < len(plan.videos) < 359
    both = plan.clips.merge(plan.videos, on="video_id", suffixes=("", "_of_video"))
    assert (both["subject_id"] == both["subject_id_of_video"]).all()


def test_every_class_can_be_split(plan: Plan) -> None:
    by_class = plan.clips.groupby("class_id")
    assert by_class["subject_id"].nunique().min() >= 3
    assert by_class["clip_id"].nunique().min() >= 3
    assert (by_class["subject_id"].agg(lambda ids: ids.isin(TRAIN_SUBJECTS).nunique()) == 2).all()
    assert plan.frames.groupby("class_id").size().min() == CLASS_FLOOR


def test_frames_follow_their_clip(plan: Plan) -> None:
    clips, frames = plan.clips, plan.frames
    assert clips["clip_id"].tolist() == list(range(1, len(clips) + 1))
    assert frames.equals(frames.sort_values(["class_id", "clip_id", "frame_id"], ignore_index=True))
    groups = frames.groupby("clip_id")
    assert groups.size().to_numpy().tolist() == clips["frames"].tolist()
    assert (groups["frame_id"].agg(lambda ids: list(ids) == list(range(len(ids))))).all()
    joined = frames.merge(clips, on="clip_id", suffixes=("", "_of_clip"))
    for name in ("class_id", "true_class_id", "video_id", "subject_id"):
        assert (joined[name] == joined[f"{name}_of_clip"]).all()


def test_phases_advance_slowly(plan: Plan) -> None:
    phase = plan.frames["phase"]
    assert phase.between(*PHASES).all()
    step = plan.frames.groupby("clip_id")["phase"].diff().dropna()
    assert step.min() > 0
    assert step.max() <= STEP + 1e-12


def test_clips_of_a_video_come_one_after_the_other(plan: Plan) -> None:
    clips = plan.clips
    assert clips.equals(clips.sort_values(["video_id", "start_frame"], ignore_index=True))
    length = clips["end_frame"] - clips["start_frame"]
    assert length.between(13 * (clips["frames"] - 1) + 5, 13 * clips["frames"]).all()
    pause = clips["start_frame"] - clips.groupby("video_id")["end_frame"].shift(fill_value=0)
    assert pause.min() > 0


def test_equal_parameters_give_equal_plans(plan: Plan) -> None:
    again = make_plan(replace(PROFILES["cpu"].synth, size=96, likeness=0.0, confusion=1.0, depth=True))
    for first, second in zip((plan.videos, plan.clips, plan.frames), (again.videos, again.clips, again.frames),
                             strict=True):
        pd.testing.assert_frame_equal(first, second)
    assert not make_plan(replace(PROFILES["cpu"].synth, seed=1)).frames.equals(plan.frames)


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_caption_noise(plan: Plan, share: float) -> None:
    noisy = make_plan(replace(PROFILES["cpu"].synth, caption_noise=share)).clips
    wrong = noisy["class_id"] != noisy["true_class_id"]
    assert wrong.sum() == round(share * len(noisy))
    assert noisy.drop(columns="class_id").equals(plan.clips.drop(columns="class_id"))
    assert set(noisy["class_id"]) == set(range(1, 33))


def test_no_imbalance() -> None:
    counts = make_plan(SynthConfig(frames=640, imbalance=0.0)).frames.groupby("class_id").size()
    assert (counts == 20).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(32, 100_000), st.floats(0, 1))
def test_class_frames_add_up(frames: int, imbalance: float) -> None:
    counts = class_frames(frames, imbalance)
    assert counts.sum() == frames
    assert counts.min() >= min(CLASS_FLOOR, max(1, frames // 80))
    shares = class_shares(imbalance)
    assert shares.sum() == pytest.approx(1)
    order = np.argsort(shares, kind="stable")
    assert (np.diff(counts[order]) >= -1).all()
    assert np.abs(counts / frames - shares).max() < 0.002 + 32 * CLASS_FLOOR / frames


MEAN_LENGTHS = (imigue_classes().original_frames / imigue_classes().original_clips).tolist()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20_000), st.sampled_from(MEAN_LENGTHS), st.integers(0, 100))
def test_clip_lengths_add_up(frames: int, mean: float, seed: int) -> None:
    lengths = clip_lengths(frames, mean, np.random.default_rng(seed))
    assert lengths.sum() == frames
    assert lengths.min() >= 1
    assert len(lengths) >= min(3, frames)
    if frames > 100 * mean:
        assert lengths.mean() == pytest.approx(mean, rel=0.05)


@settings(max_examples=15, deadline=None)
@given(st.integers(32, 900), st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 0.9))
def test_any_small_plan_holds_all_classes(frames: int, seed: int, imbalance: float, noise: float) -> None:
    plan = make_plan(SynthConfig(frames=frames, seed=seed, imbalance=imbalance, caption_noise=noise))
    assert len(plan.frames) == frames
    assert set(plan.frames["true_class_id"]) == set(plan.frames["class_id"]) == set(range(1, 33))
    assert plan.frames["subject_id"].isin(TEST_SUBJECTS).nunique() == 2
    assert plan.frames["phase"].between(*PHASES).all()


def test_parameters_out_of_range_are_all_named() -> None:
    with pytest.raises(ConfigError) as error:
        make_plan(SynthConfig(frames=31, size=4, imbalance=1.5, likeness=float("nan"), seed=-1))
    for name in ("frames: found 31", "size: found 4", "imbalance: found 1.5", "likeness: found nan", "seed: found -1"):
        assert name in str(error.value)
    assert "confusion" not in str(error.value)


def test_planning_needs_no_torch() -> None:
    code = "import sys, mgutils.synth.plan; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
