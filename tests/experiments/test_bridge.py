"""The runs and tables of notebook 13, and the figures of the four systems."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mgutils.config import SpaceConfig
from mgutils.data.labels import Labels
from mgutils.data.sentences import PARTS
from mgutils.data.table import Dataset
from mgutils.experiments import bridge
from mgutils.experiments.systems import SYSTEMS
from mgutils.metrics.paired import Difference
from mgutils.report.figures import systems as figures

PEOPLE, CLASSES = 12, 4
FRAMES = pd.DataFrame({"class_id": np.tile(np.arange(CLASSES) + 1, 2 * PEOPLE), "clip_id": np.arange(96),
                       "video_id": 0, "subject_id": np.repeat(np.arange(PEOPLE), 2 * CLASSES)})
DATASET = Dataset("nowhere", FRAMES, Labels(("a", "b", "c", "d")), "")


def group(share):
    """Two seeds that know the class of a share of the clips."""
    rng = np.random.default_rng(0)
    known = rng.uniform(size=(2, len(FRAMES))) < share
    wrong = (DATASET.target + 1) % CLASSES
    return [SimpleNamespace(logits=np.eye(CLASSES)[np.where(row, DATASET.target, wrong)], target=DATASET.target,
                            valid=np.arange(len(FRAMES))) for row in known]


def test_only_the_text_of_the_arms_differs():
    configs = bridge.bridge_configs("smoke", seed=3)
    assert tuple(configs) == bridge.ARMS
    assert {tuple(run.seed for run in runs) for runs in configs.values()} == {(3, 4)}
    assert all(isinstance(run.model, SpaceConfig) for runs in configs.values() for run in runs)
    plain = {arm: {key: value for key, value in runs[0].as_dict().items() if key != "model"}
             for arm, runs in configs.items()}
    assert all(other == plain[bridge.LABELS] for other in plain.values())
    for arm, runs in configs.items():
        first, *others = runs[0].model.pairs
        assert first == bridge.labels()
        assert [pair.b for pair in others] == {bridge.LABELS: [], bridge.NAMES: ["name"]}.get(arm, list(PARTS))
        text = {bridge.CLIPS: "sample", bridge.OTHER: "other", bridge.NAMES: "name"}.get(arm, "class")
        assert {made.text for made in runs[0].model.derived} <= {text}
        if others:
            assert sum(pair.weight for pair in others) == pytest.approx(bridge.WEIGHT)
            assert {pair.loss for pair in others} == {bridge.LOSS}
    assert [made.part for made in bridge.with_parts("class").derived] == list(PARTS)


def test_sentences_of_another_class_are_dealt_anew_for_each_seed():
    first, second = bridge.bridge_configs("smoke")[bridge.OTHER]
    assert {made.seed for made in first.model.derived} == {0} and {made.seed for made in second.model.derived} == {1}


def test_an_arm_that_is_better_is_shown_and_equal_ones_are_not():
    runs = {"a": group(0.3), "b": group(0.9), "c": group(0.9)}
    table = bridge.bridge_table(DATASET, runs, draws=500).set_index(["arm", "score"])
    assert table.loc[("b", "top1"), "low"] > table.loc[("a", "top1"), "high"]
    gain = bridge.bridge_differences(DATASET, runs, [("a", "b"), ("b", "c")], draws=500)
    assert gain.loc[("b", "a", "uar"), "shown"] and gain.loc[("b", "a", "top1"), "difference"] > 40
    assert not gain.loc[("c", "b", "top1"), "shown"] and gain.loc[("c", "b", "top1"), "difference"] == 0


def test_shown_needs_the_interval_and_a_p_that_holm_corrects_for_the_pairs_of_one_score(monkeypatch):
    found = {("a", "b"): (0.02, 1), ("a", "c"): (0.04, 1), ("b", "c"): (0.001, -1)}  # p, low end
    tables = iter([*found.values()] * 2)

    def stub(*_, **__):
        p, low = next(tables)
        return Difference(2.0, low, 3.0, p, 1.0, (2.0,))

    monkeypatch.setattr(bridge, "paired", stub)
    gain = bridge.bridge_differences(DATASET, {name: group(0.5) for name in "abc"}, list(found))
    for score in ("top1", "uar"):
        one = gain.xs(score, level="score")
        assert list(one["p"]) == [0.02, 0.04, 0.001]  # as they are
        assert list(one["shown"]) == [True, True, False]  # Holm: 2 x 0.02 and 0.04; the last interval has a 0
    found |= {("a", "b"): (0.03, 1)}
    tables = iter([*found.values()] * 2)
    gain = bridge.bridge_differences(DATASET, {name: group(0.5) for name in "abc"}, list(found))
    assert not gain["shown"].any()  # 2 x 0.03, and no later one can be shown


def test_the_picture_names_every_part_pair_and_question():
    (axes,) = figures.systems_picture().axes
    words = [text.get_text() for text in axes.texts]
    for system in SYSTEMS:
        assert system.title in words and set(system.probes) <= set(words)
        assert all(any(text.startswith(reader) for text in words) for reader in system.encoders.values())
    lines = [line for line in axes.lines if line.get_linewidth() > 2]
    assert len(lines) == sum(len(system.pairs) for system in SYSTEMS)


def test_the_bars_have_each_number_once():
    table = pd.DataFrame({"refuted": [2, 0], "reproduced": [1, 3]}, index=["one", "two"])
    (axes,) = figures.verdict_bars(table).axes
    assert [text.get_text() for text in axes.texts] == ["2", "1", "3"]
    assert [bar.get_width() for bars in axes.containers for bar in bars] == pytest.approx([200 / 3, 0, 100 / 3, 100])


def test_the_chart_has_each_arm_less_the_control_in_points_and_names_the_line_at_zero():
    runs = {"a": group(0.3), "b": group(0.9), "c": group(0.5)}
    gain = bridge.bridge_differences(DATASET, runs, [("a", "b"), ("a", "c"), ("b", "c")], draws=100)
    figure = figures.bridge_chart(gain, "a")
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["b", "c"]
    for axes, score, title in zip(figure.axes, ("top1", "uar"), ("top-1", "UAR"), strict=True):
        assert axes.get_xlabel() == f"difference in {title}, points (95 % interval)"
        wanted = gain.loc[[("b", "a", score), ("c", "a", score)]]
        lines, dots = axes.collections
        assert np.allclose([path[:, 0] for path in lines.get_segments()], wanted[["low", "high"]])
        assert np.allclose(dots.get_offsets()[:, 0], wanted["difference"])
        assert [(text.get_text(), text.xy[0]) for text in axes.texts] == [("a", 0)]
        assert [0, 0] in [list(line.get_xdata()) for line in axes.lines]
        assert axes.get_xlim() == figure.axes[0].get_xlim() and sum(axes.get_xlim()) == 0  # one scale, 0 in the middle
