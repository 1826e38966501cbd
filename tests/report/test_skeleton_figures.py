"""Figures of notebook 10: what is drawn is what was given."""

import numpy as np
import pandas as pd
import pytest

from mgutils.data.keypoints import JOINTS, compact
from mgutils.report.figures import skeleton as figures


@pytest.fixture
def clip():
    joints = np.random.default_rng(0).uniform(0.2, 0.8, (3, len(JOINTS), 3)).astype(np.float32)
    joints[1, 4] = 0  # a missing wrist
    return joints


def scores(*groups):
    return pd.DataFrame([{"group": group, "score": score, "value": 0.5, "low": 0.4, "high": 0.7, "seed_low": 0.45,
                          "seed_high": 0.55} for group in groups for score in ("top1", "uar")])


def differences(*pairs):
    return pd.DataFrame([{"first": first, "second": second, "score": score, "difference": 0.01, "low": -0.02,
                          "high": 0.03, "detectable": 0.04, "shown": second == "words"}
                         for first, second in pairs for score in ("top1", "uar")])


def test_a_picture_for_each_frame_of_one_size(clip):
    pictures = figures.clip_pictures(clip, clip, "a gesture", size=16)
    assert len(pictures) == 3 and len({picture.size for picture in pictures}) == 1


def test_a_missing_joint_and_its_limbs_are_not_drawn(clip):
    drawn = {}
    for place in (0, 1):
        axes = figures.heatmap_pictures(compact(clip), place, size=16).axes[0]
        drawn[place] = len(axes.collections[0].get_offsets()), len(axes.lines)
    assert drawn == {0: (22, 21), 1: (21, 15)}  # the wrist, with its limbs to the elbow and to five fingertips


def test_heatmaps_are_as_high_as_the_highest_score(clip):
    clip[..., 2] = 0.9
    joints, limbs = (axes.images[0].get_array() for axes in figures.heatmap_pictures(compact(clip), 0, 16).axes[1:3])
    assert 0.5 < joints.max() <= 0.9 and 0.5 < limbs.max() <= 0.9 and joints.shape == (16, 16)


def test_the_necks_stay_necks_only_with_the_right_pairs(clip):
    places = [axes.texts[0].xy for axes in figures.mirror_pictures(clip[0]).axes]
    neck, shoulder = (JOINTS.index(name) for name in ("neck", "right_shoulder"))
    assert np.allclose(places[1], [1 - clip[0, neck, 0], clip[0, neck, 1]])
    assert np.allclose(places[2], [1 - clip[0, shoulder, 0], clip[0, shoulder, 1]])


def test_each_group_has_its_interval_and_the_control_its_line():
    axes = figures.arms_chart(scores("cross entropy", "words"), "cross entropy").axes[0]
    assert [tuple(path[:, 0]) for path in axes.collections[0].get_segments()] == [(40, 70)] * 2
    assert [text.get_text() for text in axes.get_yticklabels()] == ["cross entropy", "words"]
    assert axes.lines[0].get_xdata()[0] == 50


def test_the_ensemble_is_drawn_in_its_own_order():
    axes = figures.ensemble_chart(scores("joints + limbs", "limbs", "joints")).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["joints", "limbs", "joints + limbs"]


def test_a_difference_has_its_interval_and_the_width_of_what_would_be_missed():
    axes = figures.differences_chart(differences(("cross entropy", "words"), ("words", "one-hot"))).axes[0]
    assert np.allclose([path[:, 0] for path in axes.collections[0].get_segments()], [(-2, 3)] * 2)
    assert np.allclose([bar.get_width() for bar in axes.patches], 8)
    assert [text.get_text() for text in axes.get_yticklabels()] == ["words less cross entropy", "one-hot less words"]
    one_control = figures.differences_chart(differences(("cross entropy", "words"), ("cross entropy", "one-hot")))
    assert [text.get_text() for text in one_control.axes[0].get_yticklabels()] == ["words", "one-hot"]
