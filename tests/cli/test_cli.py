"""The ``mg`` command as a user types it: exit status, messages, no torch before it is needed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import mgutils
from mgutils.cli import COMMANDS, main
from mgutils.config import run_config
from mgutils.data.protocol import make_fold
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset


def test_neither_the_package_nor_help_imports_torch():
    code = "import sys, mgutils; from mgutils.cli import main; main(['--help']); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(" ".join(name) in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*name, "--help"])
    assert stop.value.code == 0
    assert f"usage: mg {' '.join(name)}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [
    ["fly"], ["train", "x", "--profile", "huge"], ["synth", "x", "--profile", "imigue"], ["data", "check", "nowhere"],
    ["train", "nowhere"], ["evaluate", "nowhere", "nowhere"]])
def test_a_users_mistake_is_a_message_and_status_2(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("mg: ") and "Traceback" not in captured.err
    assert not list(tmp_path.iterdir())


def test_profile_sets_the_defaults_and_the_user_wins(capsys):
    for profile, size in (("smoke", "32"), ("cpu", "48"), ("imigue", "224")):
        with pytest.raises(SystemExit):
            main(["train", "--profile", profile, "--help"])
        assert f"(default: {size})" in capsys.readouterr().out


@pytest.mark.parametrize("objective", ["sound_ce", "report_js"])
def test_the_objective_sets_the_epochs(objective, capsys):
    with pytest.raises(SystemExit):
        main(["train", f"--objective={objective}", "--help"])
    said = capsys.readouterr().out
    assert re.search(rf"--epochs INT +\(default: {run_config('cpu', objective).train.epochs}\)", said)


@pytest.mark.slow
def test_check_train_evaluate_from_the_command_line(tiny_root, tmp_path, capsys):
    assert main(["data", "check", str(tiny_root)]) == 0
    assert main(["data", "audit", str(tiny_root)]) == 0
    assert "subject" in capsys.readouterr().out
    out = str(tmp_path / "out")
    assert main(["train", str(tiny_root), "--profile", "smoke", "--epochs", "1", "--out-dir", out]) == 0
    printed = json.loads(capsys.readouterr().out)
    arguments = ["evaluate", printed["directory"], str(tiny_root), "--out-dir", str(tmp_path / "scores")]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["top1"] == printed["top1"]
    assert (tmp_path / "scores" / "confusion.csv").exists()


def trained(root, out, capsys, *options):
    """Train from the command line; what was printed, and what was said on the error stream."""
    arguments = ["train", str(root), "--profile", "smoke", "--epochs", "1", "--out-dir", str(out), *options]
    assert main(arguments) == 0
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


@pytest.mark.slow
def test_the_epoch_is_chosen_apart_unless_the_report_is_reproduced(tiny_root, tmp_path, capsys):
    apart, _ = trained(tiny_root, tmp_path / "out", capsys, "--split", "subject")
    assert apart["chosen_on"].endswith("held-out training images")
    assert apart["best"]["samples"] == apart["last"]["samples"] == apart["samples"]
    report, _ = trained(tiny_root, tmp_path / "out", capsys, "--split", "subject", "--objective", "report_js")
    assert report["chosen_on"].endswith("the reported images")
    as_told, _ = trained(tiny_root, tmp_path / "out", capsys, "--split", "subject", "--select", "valid")
    assert as_told["chosen_on"].endswith("the reported images")
    assert len({apart["directory"], report["directory"], as_told["directory"]}) == 3


@pytest.mark.slow
def test_a_fold_and_a_subject_from_the_command_line(tiny_root, tmp_path, capsys):
    for options in (["--folds", "3", "--fold", "2"], ["--hold-out", "4"], ["--split-seed", "7"]):
        found, _ = trained(tiny_root, tmp_path / "out", capsys, "--split", "subject", *options)
        settings = json.loads((Path(found["directory"]) / "config.json").read_text())["protocol"]
        assert [f"--{name.replace('_', '-')}" for name in settings] == options[::2]
    assert main(["train", str(tiny_root), "--split", "subject", "--folds", "3"]) == 2
    assert "fold: found 0; wanted 1 to 3" in capsys.readouterr().err


@pytest.mark.slow
def test_the_settings_of_a_run_are_taken_from_its_config_json(tiny_root, tmp_path, capsys):
    first, _ = trained(tiny_root, tmp_path / "a", capsys, "--split", "subject", "--lr-head", "0.002", "--fold", "1",
                       "--folds", "3", "--task", "classification", "--logit-adjustment", "1.5", "--seed", "3")
    file = f"{first['directory']}/config.json"
    assert main(["train", str(tiny_root), "--config", file, "--out-dir", str(tmp_path / "b")]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (Path(again["directory"]) / "config.json").read_text() == Path(file).read_text()
    assert Path(again["directory"]).name == Path(first["directory"]).name and again["top1"] == first["top1"]
    assert main(["train", str(tiny_root), "--config", file, "--out-dir", str(tmp_path / "b"), "--seed=4"]) == 0
    other = json.loads((Path(json.loads(capsys.readouterr().out)["directory"]) / "config.json").read_text())
    assert other == json.loads(Path(file).read_text()) | {"seed": 4}
    assert main(["train", str(tiny_root), "--config", file, "--profile", "cpu"]) == 2
    assert "found --profile beside --config" in capsys.readouterr().err
    assert main(["train", str(tiny_root), "--config", str(tiny_root / "none.json")]) == 2
    assert "not the configuration of a run" in capsys.readouterr().err


@pytest.mark.slow
def test_evaluate_warns_in_its_first_line_of_rows_that_were_learned_from(tiny_root, tmp_path, capsys):
    found, _ = trained(tiny_root, tmp_path / "out", capsys, "--split", "subject", "--folds", "3", "--fold", "1")
    arguments = ["evaluate", found["directory"], str(tiny_root), "--out-dir", str(tmp_path / "scores")]
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.err == "" and json.loads(captured.out)["top1"] == found["top1"]
    assert main([*arguments, "--split", "frame"]) == 0
    captured = capsys.readouterr()
    split = make_split(read_dataset(tiny_root), "frame").valid
    seen = len(set(split) - set(make_fold(read_dataset(tiny_root), "subject", 3, 1).valid))
    assert captured.err.startswith(f"mg: warning: the run learned from {seen} of the {len(split)} images")
    assert json.loads(captured.out)["samples"] == len(split)


def test_one_class_is_refused_to_learn_from_and_told_where_it_is_scored(tiny_root, tmp_path, capsys):
    arguments = ["train", str(tiny_root), "--profile", "smoke", "--epochs", "1", "--out-dir", str(tmp_path / "out")]
    assert main([*arguments, "--left-out", "1", "2", "3"]) == 2
    assert "to train on; wanted at least two classes" in capsys.readouterr().err
    clips = pd.read_csv(tiny_root / "clips.csv")
    clips["subject_id"] = clips["class_id"]
    clips.to_csv(tiny_root / "clips.csv", index=False)
    _, said = trained(tiny_root, tmp_path / "out", capsys, "--split", "subject", "--hold-out", "3")
    assert said.startswith("mg: warning: the split 'subject' reports images of the one class 'touching jaw '")


def test_a_tracker_without_its_package_is_told_before_anything_else(tiny_root, tmp_path, capsys):
    arguments = ["train", str(tiny_root), "--log-with", "no_such_tracker", "--out-dir", str(tmp_path / "out")]
    assert main(arguments) == 2 and not (tmp_path / "out").exists()
    assert "log_with: found 'no_such_tracker', which is not installed; wanted" in capsys.readouterr().err


@pytest.mark.slow
def test_unseen_classes_from_the_command_line(tiny_root, tmp_path, capsys):
    found, _ = trained(tiny_root, tmp_path / "out", capsys, "--left-out", "1", "3")
    assert main(["zero-shot", found["directory"]]) == 0
    shown = capsys.readouterr().out
    assert "36 images of 2 classes without training images; chance 50.0%" in shown and "p = " in shown
    assert main(["zero-shot", found["directory"], str(tiny_root)]) == 2
    assert "`mg evaluate` scores the classes that it knows" in capsys.readouterr().err
    labels = tiny_root / "Clip_label.csv"
    renamed = labels.read_text().replace("touching jaw ", "touching a ζέβρα").replace("Turtle neck", "neck")
    labels.write_text(renamed, encoding="utf-8")
    assert main(["zero-shot", found["directory"], str(tiny_root)]) == 0
    shown = capsys.readouterr().out
    assert "36 images of 2 classes" in shown and "ζέβρα" in shown.splitlines()[0]
    plain, _ = trained(tiny_root, tmp_path / "out", capsys, "--task", "classification")
    assert main(["zero-shot", plain["directory"], str(tiny_root)]) == 2
    assert "reads no text" in capsys.readouterr().err


def test_a_group_lists_its_commands_and_the_version_is_told(capsys):
    assert main(["data", "--help"]) == 0 and "data audit" in (shown := capsys.readouterr().out) and "train" not in shown
    assert main(["import"]) == 2 and "import original" in (shown := capsys.readouterr().err) and "doctor" not in shown
    assert main(["--help", "train"]) == 0 and "doctor" in capsys.readouterr().out
    assert main(["--version"]) == 0 and capsys.readouterr().out == f"mgutils {mgutils.__version__}\n"


@pytest.mark.parametrize("arguments", [
    ["notebooks", "build", "--out-dir"], ["book", "--book-dir"], ["exercises", "otter"]], ids=" ".join)
def test_a_place_that_cannot_be_written_to_is_a_message(arguments, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert main([*arguments, str(tmp_path / "file" / "folder")]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("mg: ") and "file" in captured.err and "Traceback" not in captured.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_defect_of_the_kit_is_not_taken_for_a_full_disk(monkeypatch):
    def run(self):
        raise FileNotFoundError(2, "No such file or directory", "metrics.json")
    monkeypatch.setattr(COMMANDS[("doctor",)], "run", run)
    with pytest.raises(FileNotFoundError):
        main(["doctor"])
