"""The small tables of notebook 10."""

import numpy as np
import pandas as pd

from mgutils.experiments.skeleton_tables import detector_table, original_views, percent, points


def test_a_detector_is_measured_where_the_joint_can_be_seen():
    truth = np.ones((4, 22, 3))
    truth[0, :, 2] = 0  # nobody can see these
    joints = truth.copy()
    joints[1, :, 2] = 0  # all missed: a third of what can be seen
    joints[2:, :, 0] += 0.1
    assert np.allclose(detector_table(truth, joints), [100 / 3, 10])


def test_views_of_the_original_are_in_order_and_skip_as_many_as_are_too_many():
    views = original_views(90, 200)
    steps = np.diff(views, axis=1)
    assert views.shape == (200, 48) and set(np.unique(steps)) == {1, 2} and views.min() >= 0 and views.max() <= 89
    assert len(np.unique(views, axis=0)) > 100
    assert (original_views(48, 2) == np.arange(48)).all()


def test_percent_keeps_the_order_of_the_groups():
    table = pd.DataFrame([("b", "top1", 0.5), ("b", "uar", 0.25), ("a", "top1", 0.125), ("a", "uar", 1)],
                         columns=["group", "score", "value"])
    assert percent(table).to_dict("index") == {"b": {"top1": 50, "uar": 25}, "a": {"top1": 12.5, "uar": 100}}
    assert list(percent(table).index) == ["b", "a"]


def test_points_are_percent_but_p_is_not():
    table = pd.DataFrame([{"first": "a", "second": "b", "score": "top1", "difference": 0.02, "low": -0.01, "high": 0.05,
                           "p": 0.03, "detectable": 0.04, "shown": False}])
    row = points(table).loc["b less a", "top1"]
    assert np.allclose(row[["difference", "low", "high", "detectable"]].astype(float), [2, -1, 5, 4])
