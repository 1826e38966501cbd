"""The ``mg`` command as a user types it: exit status, messages, no torch before it is needed."""

import json
import subprocess
import sys

import pytest

from mgutils.cli import COMMANDS, main


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
