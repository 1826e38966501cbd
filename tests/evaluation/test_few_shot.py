"""Probes with few images: the draws, the table, an encoder by folder or by name."""

from dataclasses import replace

import numpy as np
import pytest

from mgutils.cli import main
from mgutils.config import Protocol, run_config, vision_config
from mgutils.data.protocol import make_fold, make_held_group, probed_split
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
from mgutils.errors import ConfigError
from mgutils.evaluation import few_shot
from mgutils.evaluation.few_shot import few_of_each, few_shot_table, load_encoder, probe_encoder
from mgutils.evaluation.probes import linear_probe, nearest
from mgutils.metrics.scores import scores
from mgutils.training.store import train_all


def test_each_class_gives_as_many_rows_as_asked_for_or_all_that_it_has():
    target = np.repeat([0, 1, 2], [20, 5, 1])
    draws = list(few_of_each(target, 3, 4, seed=0))
    assert len(draws) == 4 and all(np.bincount(target[rows]).tolist() == [3, 3, 1] for rows in draws)
    assert len({tuple(rows) for rows in draws}) > 1
    again = list(few_of_each(target, 3, 4, seed=0))
    assert all(np.array_equal(a, b) for a, b in zip(draws, again, strict=True))
    assert [rows.tolist() for rows in few_of_each(target, 0, 4, seed=0)] == [list(range(26))]


def test_the_table_is_that_of_the_probes_themselves():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 8))
    target, other = np.arange(60) % 3, np.arange(30) % 3
    train, valid = (centres[rows] + 0.7 * rng.normal(size=(len(rows), 8)) for rows in (target, other))
    table = few_shot_table(train, target, valid, other, 3, shots=(1, 5), draws=2).set_index(["shots", "method"])
    assert list(table["images"]) == [3, 3, 15, 15, 60, 60]
    for name, probe in (("linear_probe", linear_probe), ("nearest", nearest)):
        assert table.loc[(0, name), "top1"] == scores(probe(train, target, valid, 3), other).top1
        drawn = [scores(probe(train[rows], target[rows], valid, 3), other) for rows in few_of_each(target, 5, 2, 0)]
        assert table.loc[(5, name), "top1"] == np.mean([found.top1 for found in drawn])
        assert table.loc[(5, name), "low"] <= table.loc[(5, name), "top1"] <= table.loc[(5, name), "high"]


@pytest.mark.slow
@pytest.mark.parametrize("config", [run_config("smoke", "sound_ce", "subject", epochs=1),
                                    vision_config("smoke", "resnet", "subject", epochs=1)])
def test_a_run_is_probed_from_the_command_line(tiny_root, tmp_path, capsys, monkeypatch, config):
    monkeypatch.chdir(tmp_path)
    run = train_all([config], tiny_root, tmp_path / "out", jobs=1, progress=False)[0]
    assert main(["probe", str(run.directory), str(tiny_root), "--shots", "1", "3", "--draws", "2"]) == 0
    shown = capsys.readouterr().out
    assert "linear_probe" in shown and "all" in shown and "%" in shown
    assert (tmp_path / "probe" / "few_shot.csv").read_text().count("\n") == 7
    assert main(["probe", str(run.directory), str(tiny_root), "--shots", "0"]) == 2
    assert "shots, draws: found [0] and 3" in capsys.readouterr().err


@pytest.mark.slow
def test_a_fold_or_a_subject_is_probed_and_a_run_that_has_seen_it_is_told(tiny_root, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dataset = read_dataset(tiny_root)
    config = run_config("smoke", "sound_ce", "subject", epochs=1)
    held = replace(config, protocol=Protocol(hold_out="4"))
    run = train_all([held], tiny_root, tmp_path / "out", jobs=1, progress=False)[0]
    assert main(["probe", str(run.directory), str(tiny_root), "--shots", "1", "--hold-out", "5"]) == 0
    assert capsys.readouterr().err.startswith("mg: warning: the run learned from 12 of the 12 images that are scored")
    for options in ([], ["--hold-out", "4"]):  # the run's own, which is told or not
        assert main(["probe", str(run.directory), str(tiny_root), "--shots", "1", *options]) == 0
        assert capsys.readouterr().err == ""

    # each of three folds gives the rows of that fold to the probe
    asked = {}
    monkeypatch.setattr(few_shot, "few_shot_table", lambda train, target, valid, other, *_: asked.update(
        sizes=(len(train), len(valid)), other=other))
    for fold in (1, 2, 3):
        few_shot.probe_encoder(str(run.directory), dataset, protocol=Protocol(3, fold))
        split = make_fold(dataset, "subject", 3, fold)
        assert asked["sizes"] == (len(split.train), len(split.valid))
        assert np.array_equal(asked["other"], dataset.target[split.valid])


def test_the_split_of_a_probe_is_the_run_s_or_the_user_s(tiny_root):
    dataset = read_dataset(tiny_root)
    held = replace(run_config("smoke", "sound_ce", "subject"), protocol=Protocol(hold_out="4"))
    five = make_held_group(dataset, "subject", "5")

    def valid(*arguments):
        return probed_split(dataset, *arguments).valid.tolist()

    assert valid(held, None, Protocol()) == make_held_group(dataset, "subject", "4").valid.tolist()
    assert valid(held, None, Protocol(hold_out="5")) == valid(None, "subject", Protocol(hold_out="5"))
    assert valid(None, None, Protocol(hold_out="5")) == five.valid.tolist()
    drawn = [valid(None, None, Protocol(split_seed=seed)) for seed in range(8)]
    assert drawn[3] == make_split(dataset, "subject", seed=3).valid.tolist() and len(set(map(tuple, drawn))) > 1
    assert valid(held, "frame", Protocol()) == make_split(dataset, "frame").valid.tolist()


def test_an_encoder_that_is_none_is_refused(tmp_path, tiny_root):
    with pytest.raises(ConfigError, match="found no config.json; wanted a folder that `mg train` left, or the name"):
        load_encoder(str(tmp_path))
    with pytest.raises(ConfigError, match="resnet5000"):
        probe_encoder("resnet5000", read_dataset(tiny_root))
