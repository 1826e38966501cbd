"""Cross-validation: the folds, the table, resuming after a kill, what cannot be."""

import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mgutils.cli import main
from mgutils.config import Protocol, run_config
from mgutils.data.table import read_dataset
from mgutils.errors import ConfigError
from mgutils.evaluation.crossval import cross_validate, fold_configs
from mgutils.metrics.intervals import accuracy, interval, tally
from mgutils.training.store import train_all

pytestmark = pytest.mark.slow


def small(folds=0, split="subject"):
    config = run_config("smoke", "sound_ce", split, epochs=1, select="held_out")
    return replace(config, protocol=Protocol(folds, 1 if folds else 0))


def test_every_row_is_reported_once_and_the_interval_is_that_of_all_answers(tiny_root, tmp_path):
    paths = read_dataset(tiny_root).frames["path"]
    (tiny_root / "left_out.csv").write_text("path,found\n" + "".join(f"{path},dark\n" for path in paths[60:66]))
    found = cross_validate(small(folds=3), tiny_root, tmp_path, jobs=1)
    assert found.folds["fold"].tolist() == ["1", "2", "3"]
    assert found.folds["valid"].sum() == 66 and (found.folds["groups"] == 2).all()
    assert (found.folds["train"] + found.folds["select"] + found.folds["valid"] == 66).all()
    assert found.top1.value == pytest.approx(np.average(found.folds["top1"], weights=found.folds["valid"]))
    assert found.top1.low <= found.top1.value <= found.top1.high and found.unit == "subject"

    dataset = read_dataset(tiny_root)
    runs = train_all(fold_configs(small(folds=3), dataset), tiny_root, tmp_path, jobs=1)
    assert found.folds["top1"].tolist() == [run.metrics["top1"] for run in runs]
    assert found.folds["valid"].tolist() == [len(run.valid) for run in runs]
    rows = np.concatenate([run.valid for run in runs])
    answers = np.concatenate([run.logits.argmax(1) for run in runs])
    slow = tally(answers, dataset.target[rows], dataset.frames["subject_id"].to_numpy()[rows], 4)
    assert found.top1 == interval(slow, accuracy)
    shown = found.shown()
    assert shown["fold"].tolist()[-1] == "mean" and shown["top1"].iloc[-1] == f"{100 * found.folds['top1'].mean():.1f}"


@pytest.mark.parametrize(("split", "folds", "words"), [
    ("frame", 0, "found no groups to leave out one by one; wanted a split by subject, video, clip"),
    ("official", 0, "found no groups"), ("official", 3, "Use the split 'subject'"),
    ("subject", 7, "found fold 1 of 7; wanted at most 6 folds")])
def test_impossible_folds_are_told_before_training(tiny_root, tmp_path, split, folds, words):
    with pytest.raises(ConfigError, match=words):
        cross_validate(small(folds, split), tiny_root, tmp_path)
    assert not list(tmp_path.glob("runs/*"))


def test_classes_left_out_would_be_reported_by_every_fold(tiny_root, tmp_path):
    with pytest.raises(ConfigError, match="left_out: found classes without training images"):
        cross_validate(replace(small(folds=3), left_out=(1,)), tiny_root, tmp_path)


@pytest.mark.parametrize("options", [[], ["--folds", "3", "--leave-one-out"], ["--folds", "1"]])
def test_the_command_wants_folds_or_one_out(options, tmp_path, capsys):
    assert main(["crossval", str(tmp_path), *options]) == 2
    assert "folds: found" in capsys.readouterr().err


def test_leave_one_subject_out_goes_on_after_a_kill_with_one_table(tiny_root, tmp_path, capsys):
    (tiny_root / "subjects.csv").write_text("subject_id,source\n1,anna\n2,ben\n3,cleo\n4,dora\n5,emil\n6,fay\n")
    options = ["crossval", str(tiny_root), "--profile", "smoke", "--leave-one-out", "--epochs", "1", "--out-dir"]
    command = [sys.executable, "-m", "mgutils", *options, str(tmp_path / "out"), "--jobs", "1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    runs = tmp_path / "out" / "runs"
    while process.poll() is None and len(list(runs.glob("*/receipt.json"))) < 2:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = {path: path.stat().st_mtime_ns for path in runs.glob("*/receipt.json") if "partial" not in str(path)}
    assert 1 <= len(done) < 6 and not list((tmp_path / "out").glob("crossval/*"))
    assert main([*options, str(tmp_path / "out")]) == 0
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in done.items())
    files = sorted((tmp_path / "out" / "crossval").iterdir())
    assert [file.suffix for file in files] == [".csv", ".md"]
    table = pd.read_csv(files[0])
    assert table["fold"].tolist() == ["anna", "ben", "cleo", "dora", "emil", "fay"]
    shown = capsys.readouterr().out
    assert "chosen on held-out training images" in shown
    assert "| mean |" in shown and "95 % interval over subjects" in shown and "| anna |" in files[1].read_text()
