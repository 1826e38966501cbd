"""Probes with few images: the draws, the table, an encoder by folder or by name."""

import numpy as np
import pytest

from mgutils.cli import main
from mgutils.config import run_config, vision_config
from mgutils.data.table import read_dataset
from mgutils.errors import ConfigError
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


def test_an_encoder_that_is_none_is_refused(tmp_path, tiny_root):
    with pytest.raises(ConfigError, match="found no config.json; wanted a folder that `mg train` left, or the name"):
        load_encoder(str(tmp_path))
    with pytest.raises(ConfigError, match="resnet5000"):
        probe_encoder("resnet5000", read_dataset(tiny_root))
