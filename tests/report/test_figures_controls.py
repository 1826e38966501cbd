"""Figures of notebook 08: what is drawn is what was given."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from mgutils.data.audit import Audit
from mgutils.evaluation.zero_shot import LabelPermutationTest
from mgutils.report.figures import controls as figures


def texts_of(axes) -> str:
    return " ".join(text.get_text() for text in (*axes.texts, axes.title, *axes.get_yticklabels()))


@pytest.fixture
def audits():
    return {name: Audit(0.9, 0.9, 0.9, lookup, 0.27, 0.6) for name, lookup in (("frame", 0.95), ("subject", 0.3))}


def test_a_dot_for_each_seed_a_mark_for_the_mean_and_lines_for_the_trivial(audits):
    table = pd.DataFrame([("captions", "frame", 0, 0.5), ("captions", "frame", 1, 0.7), ("captions", "subject", 0, 0.3),
                          ("vision_resnet", "frame", 0, 0.4)], columns=["method", "split", "seed", "top1"])
    figure = figures.with_and_without_text(table, audits)
    frame, subject = figure.axes
    found = [tuple(line.get_xdata()) for line in frame.lines if len(line.get_xdata())]
    assert (50.0, 70.0) in found and (60.0,) in found
    assert {27.0, 95.0} <= {x for line in found for x in line}
    assert "same encoder" in texts_of(frame) and "not trained" in texts_of(subject)


def test_one_curve_for_each_run():
    log = pd.DataFrame({"epoch": [1, 2], "top1": [0.2, 0.6]})
    run = SimpleNamespace(log=log)
    axes = figures.permuted_captions([run, run], [run, run], 0.3).axes[0]
    curves = [line for line in axes.lines if len(line.get_xdata()) == 2 and list(line.get_ydata()) == [20, 60]]
    assert len(curves) == 4 and len({to_hex(line.get_color()) for line in curves}) == 2


def test_numbers_of_the_matrices_are_written_in_them():
    figure = figures.zero_shot_answers({"random": np.eye(2), "MiniLM": [[0.25, 0.75], [0, 1]]}, ["a", "b"])
    first, second = figure.axes[:2]
    assert first.get_title() == "random" and {"100", "0"} == {text.get_text() for text in first.texts}
    assert {"25", "75", "0", "100"} == {text.get_text() for text in second.texts}


def test_p_and_the_right_way_are_marked():
    dealt = LabelPermutationTest(0.6, np.array([0.6, 0.2, 0.4, 0.1]))
    figure = figures.permuted_texts({"MiniLM": dealt}, 4)
    assert "p = 0.250" in figure.axes[0].get_title()
    assert {60.0, 25.0} <= {line.get_xdata()[0] for line in figure.axes[0].lines}


def test_each_difference_has_its_interval_and_its_name():
    table = pd.DataFrame({"value": [-1.0, 4.0], "low": [-3.0, 1.0], "high": [2.0, 9.0]}, index=["random", "MiniLM"])
    axes = figures.caption_differences(table).axes[0]
    assert [tuple(path[:, 0]) for path in axes.collections[0].get_segments()] == [(-3, 2), (1, 9)]
    assert list(axes.lines[-1].get_xdata()) == [-1, 4] and "MiniLM" in texts_of(axes)
