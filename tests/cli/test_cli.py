"""The ``mg`` command as a user types it: exit status, messages, no torch before it is needed."""

import json
import subprocess
import sys

import pytest

import mgutils
from mgutils.cli import COMMANDS, main
from mgutils.config import run_config


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
    for profile, size in (("smoke", "32"), ("cpu", "64"), ("imigue", "224")):
        with pytest.raises(SystemExit):
            main(["train", "--profile", profile, "--help"])
        assert f"(default: {size})" in capsys.readouterr().out


@pytest.mark.parametrize("objective", ["sound_ce", "report_js"])
def test_the_objective_sets_the_epochs(objective, capsys):
    with pytest.raises(SystemExit):
        main(["train", f"--objective={objective}", "--help"])
    said = capsys.readouterr().out
    assert f"--epochs INT            (default: {run_config('cpu', objective).train.epochs})" in said


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
