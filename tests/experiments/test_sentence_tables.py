"""The runs of notebook 12 and their tables, on forged answers: nothing is trained."""

import numpy as np
import pytest

from mgutils.config import get_space_profile
from mgutils.evaluation.unseen import Unseen
from mgutils.evaluation.within_class import WithinClass
from mgutils.experiments import sentence_tables as tables
from mgutils.experiments import sentences as arms
from mgutils.metrics.intervals import Tally
from mgutils.report.figures import sentences as figures

SIZE = get_space_profile("cpu")
SETS = [(1, 2), (3, 4)]


def told(right: float, seed: int, classes: int = 5, clips: int = 200) -> list[list[Unseen]]:
    """Answers of two sets, two seeds each: every clip is right with that probability, and else answered at random."""
    rng = np.random.default_rng(seed)
    target, subjects = np.arange(clips) % classes, np.arange(clips) // 20
    found = []
    for of_set in SETS:
        logits = [rng.random((clips, classes)) + 2 * np.eye(classes)[target] * (rng.random((clips, 1)) < right)
                  for _ in range(2)]
        found.append([Unseen(each, target, subjects, np.array(of_set) - 1) for each in logits])
    return found


def test_arms_have_the_same_sets_and_seeds_in_order():
    configs = arms.joint_configs(SIZE, SETS, seed=3)
    seeds = [(left_out, seed) for left_out in SETS for seed in range(3, 3 + SIZE.seeds)]
    for arm in arms.SEEDED:
        assert [(config.left_out, config.seed) for config in configs[arm]] == seeds
    assert all(len(group) == len(SETS) for arm, group in configs.items() if arm not in arms.SEEDED)
    every = [str(config.as_dict()) for group in configs.values() for config in group]
    assert len(set(every)) == len(every)


def test_what_is_drawn_of_sentences_is_drawn_for_each_seed():
    configs = arms.joint_configs(SIZE, SETS)
    drawn = {arm: [config.model.derived[-1].seed for config in group[:SIZE.seeds]] for arm, group in configs.items()}
    assert drawn[arms.SHUFFLED] == [0, 1, 2]
    assert drawn[arms.SAMPLE] == [0, 0, 0]


def test_a_better_arm_is_shown_to_be_better_and_equal_ones_are_not():
    asked = {"good": told(0.9, 0), "bad": told(0.2, 1), "as bad": told(0.2, 2)}
    found = tables.arm_table(asked, draws=500).set_index("arm")
    assert found["value"]["good"] == pytest.approx(0.95, abs=0.03)  # half of the others by luck
    assert [len(sets) for sets in found["sets"]] == [2, 2, 2]
    pairs = tables.arm_differences(asked, [("bad", "good"), ("bad", "as bad")], draws=500)
    assert list(pairs["shown"]) == [True, False]
    assert list(pairs["seeds"]) == [2, 2]
    assert (pairs["uar"] - pairs["beside"]).tolist() == pytest.approx(pairs["difference"].tolist())


def test_arms_of_one_seed_are_compared_on_that_one():
    asked = {"all": told(0.5, 0), "one": [of_set[:1] for of_set in told(0.5, 0)]}
    pair = tables.arm_differences(asked, [("one", "all")], draws=100).iloc[0]
    assert pair["seeds"] == 1
    assert pair["difference"] == 0


def test_a_bias_leads_from_seen_to_unseen():
    curve = tables.bias_curves(told(0.5, 0), [0, 0.5, 9])
    assert curve["seen"].is_monotonic_decreasing and curve["unseen"].is_monotonic_increasing
    assert curve["seen"].iloc[-1] == 0
    general = tables.general_table({"arm": told(0.5, 0)}, draws=100).loc["arm"]
    assert general[["seen", "unseen", "harmonic"]].tolist() == curve[["seen", "unseen", "harmonic"]].iloc[0].tolist()


def test_classes_never_shown_are_asked_of_the_runs_that_left_them_out():
    """Two sets, two seeds, one person, five classes: each run finds 1 clip more of each class than the run before."""
    hits = np.tile(np.arange(4.0)[:, None, None], (1, 1, 5))  # (runs, people, C)
    table = Tally(hits, np.full((1, 5), 3.0))
    found = tables.never_shown(WithinClass(table, table, table), SETS)
    assert found.r1.hits[:, 0].tolist() == [[0, 0, 2, 2, 0], [1, 1, 3, 3, 0]]
    assert found.r1.counts.tolist() == [[3, 3, 3, 3, 0]]
    rows = tables.within_arms({"arm": WithinClass(table, table, table)}, SETS, draws=50)
    assert rows["classes"].tolist() == ["all", "left out"]
    assert rows["value"].tolist() == pytest.approx([0.5, 0.5])


def test_figures_are_drawn():
    table = tables.arm_table({"a": told(0.9, 0), "b": told(0.2, 1)}, draws=100)
    assert figures.arms_chart(table, 0.2, "Which?").axes
    curve = tables.bias_curves(told(0.5, 0), [0, 0.5, 9])
    assert figures.bias_chart({"a": curve}).axes
    assert figures.window_chart({"one run": [0.4, 0.5]}, {"one run": 0.45}).axes
    assert figures.cosine_maps({"a": figures.cosine_table(np.eye(3)), "b": np.eye(3)}, ["x", "y", "z"]).axes
