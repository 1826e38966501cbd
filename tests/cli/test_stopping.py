"""SIGTERM ends a command as Ctrl-C does: a message, status 143, no worker left, nothing half written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from mgutils.cli import main
from mgutils.cli.data import DataAudit
from mgutils.cli.signals import Terminated, sigterm_raises
from mgutils.config import run_config
from mgutils.data.pixels import load_pixels
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
from mgutils.errors import CheckpointError
from mgutils.training import loop as train

pytestmark = [pytest.mark.slow,
              pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a process can catch")]


def until(condition, seconds=120):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_sigterm_is_a_message_and_status_143(monkeypatch, capsys):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(DataAudit, "run", lambda self: os.kill(os.getpid(), signal.SIGTERM))
    assert main(["data", "audit", "anywhere"]) == 143
    assert capsys.readouterr().err == "mg: stopped by a request to end (SIGTERM)\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_signal_does_not_cut_the_cleaning_up():
    cleaned = False
    with pytest.raises(Terminated), sigterm_raises():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            cleaned = True
    assert cleaned


def test_outside_the_main_thread_nothing_is_changed():
    seen = []

    def work():
        with sigterm_raises():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]


def test_a_training_that_is_told_to_end_goes_on_later(tiny_root, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "mgutils", "train", str(tiny_root), "--profile", "smoke",
               "--epochs", "100000", "--out-dir", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: list(out.glob("runs/*.partial/log.jsonl")))
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 143
    assert "mg: stopped by a request to end (SIGTERM)" in said and "Traceback" not in said
    folder, = out.glob("runs/*.partial")
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == list(range(1, len(rows) + 1))


TWO_RUNS = textwrap.dedent("""
    import os
    import sys
    from pathlib import Path

    from mgutils.training import store as runs
    from mgutils.cli.signals import Terminated, sigterm_raises
    from mgutils.config import run_config

    if __name__ == "__main__":
        configs = [run_config("smoke", "sound_ce", seed=seed, epochs=100_000) for seed in (0, 1)]
        try:
            with sigterm_raises():
                runs.train_all(configs, sys.argv[1], Path(sys.argv[2]), jobs=2, progress=False)
        except Terminated:
            os._exit(143)
""")


def test_the_workers_of_a_training_end_with_it(tiny_root, tmp_path):
    script, out = tmp_path / "two_runs.py", tmp_path / "out"
    script.write_text(TWO_RUNS)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, script, tiny_root, out], env=environment) as process:
        until(lambda: len(list(out.glob("runs/*.partial/log.jsonl"))) == 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 143
    sizes = [path.stat().st_size for path in sorted(out.glob("runs/*.partial/log.jsonl"))]
    time.sleep(1)
    assert sizes == [path.stat().st_size for path in sorted(out.glob("runs/*.partial/log.jsonl"))]


@pytest.mark.parametrize(("text", "found"), [(None, "no such file"), ("", "no configuration")])
def test_going_on_without_the_configuration_is_a_message(tiny_root, tmp_path, text, found):
    dataset = read_dataset(tiny_root)
    pixels, split = load_pixels(dataset, 32, progress=False), make_split(dataset, "frame")
    config = run_config("smoke", "sound_ce", epochs=1)
    folder = train.fit(config, dataset, pixels, split, tmp_path / "run", progress=False)
    (folder / "config.json").unlink() if text is None else (folder / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=f"config.json: found {found}.*--no-resume"):
        train.fit(config, dataset, pixels, split, folder, progress=False, resume=True)
