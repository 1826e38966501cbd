"""A configuration that makes no sense cannot be made: every wrong setting is named, with what is wanted."""

import json
from dataclasses import asdict, fields, replace
from typing import Literal, get_origin, get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgutils import config
from mgutils.config import OBJECTIVES, PROFILES, ModelConfig, Objective, Protocol, TrainConfig, run_config
from mgutils.errors import ConfigError
from mgutils.experiments.recipes import RECIPES, recipe_config
from mgutils.training.config_file import parse_config


@pytest.mark.parametrize(("settings", "found", "wanted"), [
    ({"epochs": 0}, "epochs: found 0", "at least 1"), ({"epochs": 2.5}, "2.5", "a whole number"),
    ({"epochs": "12"}, "'12'", "a whole number"), ({"epochs": True}, "True", "a whole number"),
    ({"batch_size": 1}, "1", "at least 2 images"), ({"micro_batch": 3}, "3", "0, or at least 4 images"),
    ({"micro_batch": -8}, "-8", "0, or at least 4 images"), ({"image_size": 7}, "7", "at least 8 pixels"),
    ({"lr_image": -1e-3}, "-0.001", "at least 0"), ({"lr_text": float("nan")}, "nan", "at least 0"),
    ({"lr_head": float("inf")}, "inf", "at least 0"), ({"lr_head": "fast"}, "'fast'", "a number"),
    ({"weight_decay_head": -1.0}, "-1.0", "at least 0"), ({"plateau_factor": 1.0}, "1.0", "less than 1"),
    ({"plateau_patience": -1}, "-1", "at least 0"),
    ({"threads": -1}, "-1", "at least 0"), ({"schedule": "cosin"}, "'cosin'", "one of plateau, cosine"),
    ({"augment": None}, "None", "one of none, affine"), ({"precision": "fp16"}, "'fp16'", "float16"),
])
def test_a_training_setting_that_cannot_be_is_named(settings, found, wanted):
    name = next(iter(settings))
    with pytest.raises(ConfigError, match="wanted") as caught:
        run_config("cpu", "sound_ce", **settings)
    assert str(caught.value).startswith(f"{name}: found ") and found in str(caught.value)
    assert wanted in str(caught.value)


def test_the_report_s_objectives_have_epochs_of_their_own():
    profile = replace(PROFILES["smoke"], report_epochs=7)
    assert {name: run_config(profile, name).train.epochs for name in OBJECTIVES} == {
        "report_ce": 7, "report_js": 7, "sound_ce": 2, "sound_js": 2}
    assert run_config(profile, "report_js", epochs=3).train.epochs == 3
    assert run_config("smoke", "report_js").train.epochs == PROFILES["smoke"].train.epochs
    assert run_config("cpu", "report_js").train.epochs == 4 * run_config("cpu", "sound_ce").train.epochs


@pytest.mark.parametrize(("make", "name"), [
    (lambda: Objective("ce", True, 0.07), "loss"), (lambda: Objective("js", True, 0.0), "temperature"),
    (lambda: ModelConfig(dropout=1.0), "dropout"), (lambda: ModelConfig(projection=0), "projection"),
    (lambda: run_config("cpu", "sound_ce", "frames"), "split"),
    (lambda: run_config("cpu", "sound_ce", seed=-1), "seed"),
    (lambda: run_config("cpu", "sound_ce", seed=2**32), "seed"),
    (lambda: run_config("cpu", "sound_ce", seed=np.int64(3)), "seed"),  # JSON would not take it
])
def test_so_are_those_of_loss_model_and_run(make, name):
    with pytest.raises(ConfigError, match=rf"^{name}: found .*; wanted "):
        make()


def test_all_faults_are_named_at_once():
    with pytest.raises(ConfigError) as caught:
        TrainConfig(epochs=0, lr_image=-1.0, schedule="step")
    assert str(caught.value).count("found") == 3


def test_a_file_with_a_wrong_setting_is_named():
    plain = run_config("cpu", "sound_ce").as_dict()
    plain["train"]["epochs"] = -3
    with pytest.raises(ConfigError, match=r"run/config\.json: .*epochs: found -3"):
        parse_config(json.dumps(plain), "run/config.json")


def test_what_earlier_versions_lacked_is_written_only_where_a_run_has_it():
    """A run's folder is named after a hash of this text: a new setting must not rename the runs that do without it."""
    plain = run_config("cpu", "sound_ce", "subject").as_dict()
    assert set(plain) == {"objective", "loss", "model", "train", "split", "seed"}
    assert set(plain["loss"]) == {"loss", "normalize", "temperature", "learn_temperature"}
    assert not {name for part in config.ADDED for name in config.ADDED[part]} & {*plain["train"], *plain["loss"]}
    fold = replace(run_config("cpu", "sound_ce", "subject"), protocol=Protocol(folds=5, fold=2))
    assert fold.as_dict() == plain | {"protocol": {"folds": 5, "fold": 2}}
    assert parse_config(json.dumps(fold.as_dict()), "here") == fold


@pytest.mark.parametrize(("protocol", "words"), [
    ({"folds": 1}, "folds: found 1; wanted 0, or at least 2"), ({"folds": 5}, "fold: found 0; wanted 1 to 5"),
    ({"folds": 5, "fold": 6}, "fold: found 6; wanted 1 to 5"), ({"fold": 1}, "fold: found 1; wanted 0, or a number of"),
    ({"folds": 5, "fold": 1, "hold_out": "anna"}, "folds, hold_out: found 5 and 'anna'; wanted one of the two"),
    ({"split_seed": -1}, "split_seed: found -1")])
def test_a_protocol_that_cannot_be_is_named(protocol, words):
    with pytest.raises(ConfigError, match=words):
        Protocol(**protocol)


def test_all_that_the_kit_offers_is_allowed():
    for profile in PROFILES:
        for objective in OBJECTIVES:
            run_config(profile, objective)
        for step in RECIPES:
            recipe_config(profile, step, "subject", 0)


@pytest.mark.parametrize("settings", [TrainConfig, ModelConfig, Objective, Protocol, config.RunConfig])
def test_every_number_has_limits(settings):
    """A new setting without limits at its field would be let through."""
    hints = get_type_hints(settings, include_extras=True)
    assert not [field.name for field in fields(settings) if hints[field.name] in (int, float)]


@given(st.sampled_from([name for name, hint in get_type_hints(TrainConfig).items() if get_origin(hint) is Literal]),
       st.text(max_size=12))
def test_only_the_choices_of_a_choice_are_taken(name, word):
    default = TrainConfig()
    try:
        made = replace(default, **{name: word})
    except ConfigError as error:
        assert repr(word) in str(error)
    else:
        assert asdict(made)[name] in get_type_hints(TrainConfig)[name].__args__
