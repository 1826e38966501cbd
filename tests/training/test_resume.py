"""A run that is killed and goes on ends with the bits of one that was not; locks, full disks, pairs of files."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mgutils.config import run_config, vision_config
from mgutils.data.pixels import load_pixels
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
from mgutils.errors import CheckpointError, ConfigError, TrainingError
from mgutils.files import locked
from mgutils.training import checkpoint
from mgutils.training import loop as train
from mgutils.training.checkpoint import STATE, WEIGHTS, load_last, save_last
from mgutils.training.diff import diff_runs

pytestmark = pytest.mark.slow

KEPT = (WEIGHTS, "best.safetensors", "outputs.npz", "metrics.json", "confusion.csv")


@pytest.fixture
def data(tiny_root):
    dataset = read_dataset(tiny_root)
    return dataset, load_pixels(dataset, 32, progress=False), make_split(dataset, "frame")


def config(**settings):
    return run_config("smoke", "sound_ce", **{"epochs": 4, "batch_size": 16, **settings})


def classifier(**settings):
    return vision_config("smoke", "resnet", **{"epochs": 4, "batch_size": 16, **settings})


def log_of(folder):
    lines = [json.loads(line) for line in (folder / "log.jsonl").open()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def same(first, second):
    assert log_of(first) == log_of(second)
    for name in KEPT:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def stop_after(epochs, monkeypatch):
    """Have the run end with a Ctrl-C at the beginning of the epoch after."""
    real, count = train.train_epoch, iter(range(10**6))

    def until(*args, **kwargs):
        if next(count) == epochs:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(train, "train_epoch", until)


@pytest.mark.parametrize("make", [config, classifier])
@pytest.mark.parametrize("settings", [{}, {"schedule": "cosine"}, {"augment": "affine"}, {"plateau_patience": 0},
                                      {"micro_batch": 5}, {"captions_once": False},
                                      {"validate_every": 3, "schedule": "cosine", "select": "last"}],
                         ids=lambda settings: next(iter(settings), "plain"))
def test_a_stopped_run_goes_on_to_the_same_bits(data, tmp_path, monkeypatch, make, settings):
    dataset, pixels, split = data
    run = make(**settings)
    whole = train.fit(run, dataset, pixels, split, tmp_path / "whole", progress=False)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(2, patch)
        train.fit(run, dataset, pixels, split, tmp_path / "parts", progress=False)
    assert len(log_of(tmp_path / "parts")) == 2
    train.fit(run, dataset, pixels, split, tmp_path / "parts", progress=False, resume=True)
    same(whole, tmp_path / "parts")
    assert diff_runs(whole, tmp_path / "parts").reason == "Nothing differs."


def machines_of(folder):
    return json.loads((folder / "receipt.json").read_text())["machines"]


def stopped_once(data, folder, monkeypatch):
    dataset, pixels, split = data
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(2, patch)
        train.fit(config(), dataset, pixels, split, folder, progress=False)


def test_a_run_that_goes_on_elsewhere_says_so_in_its_receipt(data, tmp_path, monkeypatch):
    dataset, pixels, split = data
    folder = tmp_path / "run"
    stopped_once(data, folder, monkeypatch)
    # only the record looks like another machine; the computation does not
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    train.fit(config(), dataset, pixels, split, folder, progress=False, resume=True)
    changes = {"variables.MKL_CBWR": [None, "COMPATIBLE"]}
    wanted = [{"first_epoch": 1, "changes": {}}, {"first_epoch": 3, "changes": changes}]
    assert machines_of(folder) == wanted
    # a session that has nothing left to train leaves the record as it is
    monkeypatch.delenv("MKL_CBWR")
    train.fit(config(), dataset, pixels, split, folder, progress=False, resume=True)
    assert machines_of(folder) == wanted
    whole = train.fit(config(), dataset, pixels, split, tmp_path / "whole", progress=False)
    found = diff_runs(whole, folder)
    assert found.causes == ["environment"] and "COMPATIBLE from epoch 3" in found.report()


def test_a_state_without_a_record_of_its_machine_is_gone_on_with(data, tmp_path, monkeypatch):
    dataset, pixels, split = data
    folder = tmp_path / "run"
    stopped_once(data, folder, monkeypatch)
    state = torch.load(folder / STATE, weights_only=True)
    state.pop("provenance")
    torch.save(state, folder / STATE)
    train.fit(config(), dataset, pixels, split, folder, progress=False, resume=True)
    assert machines_of(folder) == [{"first_epoch": 3, "changes": None}]
    found = diff_runs(train.fit(config(), dataset, pixels, split, tmp_path / "whole", progress=False), folder)
    assert found.causes == ["code", "environment"] and not found.changed
    assert "code_sha256 not recorded -> recorded from epoch 3" in found.report()


SCRIPT = textwrap.dedent("""
    import sys
    from pathlib import Path
    from mgutils.training import loop as train
    from mgutils.config import run_config
    from mgutils.data.pixels import load_pixels
    from mgutils.data.splits import make_split
    from mgutils.data.table import read_dataset
    dataset = read_dataset(sys.argv[1])
    pixels = load_pixels(dataset, 32, progress=False)
    run, split = run_config("smoke", "sound_ce", epochs=4, batch_size=16), make_split(dataset, "frame")
    print("go", flush=True)
    while sys.stdin.readline():  # each line is an attempt, in a child that can be killed
        import os
        child = os.fork()
        if child == 0:
            train.fit(run, dataset, pixels, split, sys.argv[2], progress=False, resume=True)
            os._exit(0)
        print(child, flush=True)
        print("end", os.waitpid(child, 0)[1], flush=True)
""")


def test_ten_kills_at_random_moments_change_nothing(data, tiny_root, tmp_path):
    """SIGKILL at ten random moments of a run, in the middle of a checkpoint included; then it ends undisturbed."""
    dataset, pixels, split = data
    folder, chance = tmp_path / "killed", random.Random(0)
    began = time.perf_counter()
    whole = train.fit(config(), dataset, pixels, split, tmp_path / "whole", progress=False)
    length = time.perf_counter() - began
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, "-c", SCRIPT, tiny_root, folder], stdin=subprocess.PIPE, text=True,
                          stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout.readline() == "go\n"
        killed, at_checkpoint = 0, 0
        while True:
            parent.stdin.write("once\n")
            parent.stdin.flush()
            child = int(parent.stdout.readline())
            if killed < 10:
                at_checkpoint += wait_for_moment(folder, chance, length, checkpoint=killed % 2 == 0)
                os.kill(child, signal.SIGKILL)
            status = int(parent.stdout.readline().split()[1])
            if status == 0:
                same(whole, folder)
                if killed == 10:
                    break
                shutil.rmtree(folder)  # it was quicker than the tenth kill: once more from the beginning
                continue
            assert os.WTERMSIG(status) == signal.SIGKILL
            killed += 1
        parent.stdin.close()
    assert at_checkpoint > 0


def wait_for_moment(folder: Path, chance: random.Random, length: float, *, checkpoint: bool) -> bool:
    """Wait until a checkpoint is being written, or for a random part of a run; whether it is being written."""
    limit = time.perf_counter() + chance.uniform(0.02, 0.3) * length
    while time.perf_counter() < limit or checkpoint:
        if checkpoint and any(folder.glob("last.*.writing")):
            return True
        if time.perf_counter() > limit + length:
            return False
    return False


def test_a_second_run_in_the_folder_is_refused_and_told_who_holds_it(data, tmp_path):
    dataset, pixels, split = data
    with locked(tmp_path / "run"), pytest.raises(ConfigError, match=rf"process {os.getpid()} on .* since"):
        train.fit(config(), dataset, pixels, split, tmp_path / "run", progress=False)


def test_a_crash_leaves_no_lock_behind(tmp_path):
    code = (f"import os; from pathlib import Path; from mgutils.files import locked; "
            f"held = locked(Path({str(tmp_path)!r}, 'run')); held.__enter__(); os.kill(os.getpid(), 9)")
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
    with locked(tmp_path / "run"):
        pass


def test_a_folder_of_another_run_is_refused(data, tmp_path):
    dataset, pixels, split = data
    train.fit(config(epochs=1), dataset, pixels, split, tmp_path / "run", progress=False)
    with pytest.raises(CheckpointError, match="another configuration"):
        train.fit(replace(config(), seed=1), dataset, pixels, split, tmp_path / "run", progress=False, resume=True)


def test_a_loss_that_is_no_number_names_epoch_step_batch_and_checkpoint(data, tmp_path, monkeypatch):
    dataset, pixels, split = data
    real = train.train_epoch

    def poisoned(session, rows, seed):
        if seed == 2:
            with torch.no_grad():
                session.task.model.image_projection.fc.weight.fill_(float("nan"))
        return real(session, rows, seed)

    monkeypatch.setattr(train, "train_epoch", poisoned)
    with pytest.raises(TrainingError, match=r"epoch 2, step 1: .* nan, on a batch of 16 images \(rows .*last\.s"):
        train.fit(config(), dataset, pixels, split, tmp_path / "run", progress=False)
    weights, state = load_last(tmp_path / "run")
    assert state["epoch"] == 1 and all(torch.isfinite(tensor).all() for tensor in weights.values())


class Weights(torch.nn.Module):
    def __init__(self, number):
        super().__init__()
        self.values = torch.nn.Parameter(torch.full((4,), float(number)))


@pytest.mark.parametrize("renamed", [0, 1, 2])
def test_between_two_renamings_a_whole_pair_is_on_the_disk(tmp_path, monkeypatch, renamed):
    """The pair of epoch 1 or of epoch 2, whichever step the second writing dies at, never one file of each."""
    save_last(tmp_path, Weights(1), {"epoch": 1})
    real, count = os.replace, iter(range(10))

    def dies(source, target):
        if next(count) == renamed:
            raise KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.os, "replace", dies)
        if renamed < 2:
            with pytest.raises(KeyboardInterrupt):
                save_last(tmp_path, Weights(2), {"epoch": 2})
        else:
            save_last(tmp_path, Weights(2), {"epoch": 2})
    weights, state = load_last(tmp_path)
    assert state["epoch"] == (1 if renamed == 0 else 2)
    assert (weights["values"] == state["epoch"]).all()


def test_a_full_disk_is_told_and_the_checkpoint_before_is_whole(tmp_path):
    """The disk is full in a child process that may write no file longer than a few hundred bytes."""
    save_last(tmp_path, Weights(1), {"epoch": 1})
    code = textwrap.dedent(f"""
        import resource, signal, torch
        from pathlib import Path
        from mgutils.training.checkpoint import save_last
        from mgutils.errors import CheckpointError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
        try:
            save_last(Path({str(tmp_path)!r}), torch.nn.Linear(100, 100), {{"epoch": 2}})
        except CheckpointError as error:
            print(error)
    """)
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert "could not be written" in told and "whole" in told
    weights, state = load_last(tmp_path)
    assert state["epoch"] == 1 and (weights["values"] == 1).all()


def test_a_folder_that_cannot_be_made_is_told(data, tmp_path):
    dataset, pixels, split = data
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written to"):
        train.fit(config(), dataset, pixels, split, tmp_path / "file" / "run", progress=False)


def test_a_broken_state_is_told(tmp_path):
    save_last(tmp_path, Weights(1), {"epoch": 1})
    (tmp_path / STATE).write_bytes(b"not a state")
    with pytest.raises(CheckpointError, match="not a readable state"):
        load_last(tmp_path)
