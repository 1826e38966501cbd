"""The honest evaluation: its recipes and runs, tables on invented runs, its figures."""

import json
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from mgutils.config import PROFILES, CourseProfileName, get_profile, run_config
from mgutils.data.audit import audit_split
from mgutils.data.labels import imigue_labels
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
from mgutils.errors import ConfigError
from mgutils.experiments import generalization
from mgutils.experiments.recipes import ENDS, RECIPES, recipe_config
from mgutils.metrics import paired as comparison
from mgutils.report.recipes import new_people_table

# -- recipes and runs --------------------------------------------------------------------------------------------------


def test_a_recipe_changes_what_it_says_and_nothing_else():
    config = recipe_config("cpu", "ours", "clip", 3, select="held_out")
    assert (config.objective, config.split, config.seed) == ("sound_ce", "clip", 3)
    changed = {name for name, value in vars(config.train).items() if value != getattr(PROFILES["cpu"].train, name)}
    assert changed == {"select", "augment"}
    steps = [recipe_config("cpu", name) for name in RECIPES]
    assert all(before != after for before, after in zip(steps, steps[1:], strict=False))
    assert {"report", "ours"} == set(ENDS) <= set(RECIPES)


def test_an_unknown_recipe_is_an_error():
    with pytest.raises(ConfigError, match="recipe: found 'best'; wanted one of report"):
        recipe_config("cpu", "best")


@pytest.mark.parametrize("profile", get_args(CourseProfileName))
def test_the_ends_share_seeds_and_choice_and_ours_is_a_third_as_long(profile):
    configs, settings_ = generalization.recipe_configs(profile, "subject", seed=7), get_profile(profile)
    every = [config for group in configs.values() for config in group]
    assert len(set(map(str, every))) == len(every) == len(ENDS) * settings_.seeds
    assert {(config.split, config.train.select) for config in every} == {("subject", "held_out")}
    longest = settings_.report_epochs or settings_.train.epochs
    assert {config.train.epochs for config in configs["report"]} == {longest}
    assert {config.train.epochs for config in configs["ours"]} == {max(1, longest // 3)}
    for group in configs.values():
        assert [config.seed for config in group] == list(range(7, 7 + settings_.seeds))


def test_the_outer_splits_have_the_runs_of_table_1():
    configs = generalization.split_configs("cpu", generalization.SPLITS)
    assert [len(group) for group in configs.values()] == [3, 1, 1, 3]
    for name, group in configs.items():
        assert group == [run_config("cpu", "sound_ce", name, seed) for seed in range(len(group))]


# -- tables ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["sidecar", "bare"])
def dataset(request, tiny_template):
    found = read_dataset(tiny_template)
    if request.param == "sidecar":
        return found
    return type(found)(found.root, found.frames.drop(columns=["subject_id", "video_id", "description"]), found.labels)


def invented(dataset, split, seed, rate=0.6):
    rows, classes = generalization.reported_split(dataset, split).valid, len(dataset.labels)
    rng, target = np.random.default_rng(seed), dataset.target[rows]
    answer = np.where(rng.random(len(rows)) < rate, target, rng.integers(0, classes, len(rows)))
    return SimpleNamespace(valid=rows, target=target, logits=np.eye(classes)[answer])


@pytest.mark.slow
def test_split_table_stands_beside_the_audit(dataset):
    splits = generalization.usable_splits(dataset)
    assert splits == (generalization.SPLITS if dataset.has_groups else generalization.SPLITS[:2])
    runs = {name: [invented(dataset, name, s) for s in range(2)] for name in splits}
    table = generalization.split_table(dataset, runs)
    assert list(table["score"].unique()) == ["top1", "uar"]  # four classes, no class 32
    for row in table[table["score"] == "top1"].itertuples():
        audit = audit_split(dataset, make_split(dataset, row.split))
        assert (row.constant, row.lookup) == pytest.approx((audit.constant_top1, audit.lookup_top1))
        assert row.gain == pytest.approx(row.value - row.constant)
        assert row.seed_low <= row.value <= row.seed_high
        assert row.low <= row.value <= row.high if row.subjects > 1 else np.isnan([row.low, row.high]).all()
    sources = generalization.accuracy_sources(table)
    assert list(sources["part"]) == ["constant", *splits[::-1]]
    assert sources["value"].sum() == pytest.approx(table["value"].iloc[0])


def test_class_32_is_left_out_where_there_is_one(memory_dataset):
    ids = np.array([32] * 12 + [1] * 6 + [2] * 6)
    data = memory_dataset(ids)
    split = SimpleNamespace(train=np.arange(0, 24, 2), valid=np.arange(1, 24, 2))
    assert list(generalization.score_functions(32)) == ["top1", "uar", "top1_micro"]
    score = generalization.score_functions(32)["top1_micro"]
    trivial = generalization.tally_trivial(data, split, "top1_micro")
    assert trivial["constant"].scores(score) == pytest.approx(0.5)  # the larger micro-gesture: 3 of 6
    assert generalization.tally_trivial(data, split)["constant"].scores(score) == 0


def test_comparisons_use_the_seeds_that_both_have(dataset):
    split = generalization.usable_splits(dataset)[-1]
    recipes = {"a": [invented(dataset, split, s, 0.2) for s in range(3)],
               "b": [invented(dataset, split, s + 9, 1.0) for s in range(2)]}
    table = generalization.compare(dataset, recipes, [("a", "b")])
    assert (table["seeds"] == 2).all() and (table["difference"] > 0).all() and (table["second_value"] == 1).all()
    assert np.array_equal(table["p_holm"], comparison.holm(table["p"]))  # over all rows: each score is a test


def test_recall_by_class(dataset):
    split = generalization.reported_split(dataset, generalization.usable_splits(dataset)[-1])
    table = generalization.recall_table(dataset, [invented(dataset, split.name, 0, 1.0)], split)
    assert table["images"].sum() == len(split.valid)
    assert table["clips"].sum() == dataset.frames.iloc[split.train]["clip_id"].nunique()
    assert (table["recall"].dropna() == 1).all() and table["recall"].isna().equals(table["images"] == 0)


def test_results_are_json_without_nan(tmp_path, dataset):
    split = generalization.reported_split(dataset, "frame")
    table = generalization.recall_table(dataset, [invented(dataset, "frame", 0)], split).assign(recall=np.nan)
    file = generalization.write_results(tmp_path / "results" / "honest.json", recall=table, ratio=1.5)
    found = json.loads(file.read_text(), parse_constant=pytest.fail)
    assert found["ratio"] == 1.5 and found["recall"][0]["recall"] is None


# -- figures -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_figures_draw_with_and_without_the_sidecar(dataset):
    from mgutils.report.figures import generalization as figures

    splits = generalization.usable_splits(dataset)
    runs = {name: [invented(dataset, name, s) for s in range(2)] for name in splits}
    table = generalization.split_table(dataset, runs)
    bars = figures.where_accuracy_comes_from(generalization.accuracy_sources(table), table).axes[0]
    assert len(bars.get_xticklabels()) == len(splits) + 2
    assert len(figures.scores_by_split(table).axes) == 2
    split = generalization.reported_split(dataset, splits[-1])
    recall = generalization.recall_table(dataset, [invented(dataset, split.name, 0)], split)
    assert figures.recall_by_clips(recall, dataset.labels).axes[0].get_xscale() == "log"
    recipes = {name: [invented(dataset, splits[-1], s)] for s, name in enumerate("ab")}
    ends = generalization.compare(dataset, recipes, [("a", "b")])
    scores = {score: {"a": [0.2, 0.3], "b": [0.3, 0.5]} for score in ("top1", "uar")}
    panels = figures.recipes_on_new_people(ends, scores, {"top1": 0.25, "uar": 0.04}).axes
    assert [text.get_text() for text in panels[0].get_yticklabels()] == ["a", "b"] and len(panels) == 3


@pytest.mark.slow
def test_recipes_are_tabled(dataset):
    split = generalization.usable_splits(dataset)[-1]
    config = SimpleNamespace(train=SimpleNamespace(epochs=4))
    runs = {name: [SimpleNamespace(**vars(invented(dataset, split, s, rate)), config=config) for s in range(2)]
            for name, rate in (("report", 0.2), ("sound", 0.5), ("ours", 0.9))}
    lines = [line.split(" | ") for line in new_people_table(dataset, runs, split).splitlines() if line.startswith("|")]
    assert [line[0][2:] for line in lines[2:]] == [
        "the report's recipe", "the same with the sound loss", "ours: the sound loss and small turns, shifts and zooms",
        "constant class"]
    assert f"Split by {split}" in lines[0][0] and {line[1] for line in lines[2:-1]} == {"4"}
    assert len({len(line) for line in lines}) == 1
    assert "shown" in lines[3][-1] and lines[2][-1].startswith("–")


def test_names_of_rare_classes_cover_no_mark_and_no_other_name():
    from mgutils.report.figures import generalization as figures

    labels = imigue_labels()
    random = np.random.default_rng(1)
    table = pd.DataFrame({"class_id": range(1, 33), "name": labels.names, "clips": random.integers(1, 40, 32),
                          "images": 20, "recall": random.uniform(0, 0.6, 32)})
    figure = figures.recall_by_clips(table, labels)
    axes = figure.axes[0]
    boxes = [name.get_window_extent() for name in axes.texts]
    marks = axes.transData.transform(np.column_stack([table["clips"], 100 * table["recall"]]))
    assert 4 <= len(boxes) <= 8
    assert not any(box.contains(*mark) for box in boxes for mark in marks)
    assert not any(box.count_overlaps(boxes[:place]) for place, box in enumerate(boxes))
