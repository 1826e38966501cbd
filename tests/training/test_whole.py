"""A run is whole when its files are those that its receipt lists; a damaged one is made again or refused."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from PIL import Image

from mgutils.cli import main
from mgutils.config import run_config
from mgutils.data.pixels import load_pixels
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
from mgutils.errors import CheckpointError
from mgutils.training import loop as train
from mgutils.training import store as runs
from mgutils.training import whole
from mgutils.training.whole import FILES, check_run, describe_files, find_fault

CONFIG = run_config("smoke", "sound_ce", epochs=1)


@pytest.fixture(scope="module")
def store(tiny_template, tmp_path_factory):
    """A store of one run."""
    out = tmp_path_factory.mktemp("store")
    runs.train_all([CONFIG], tiny_template, out, jobs=1, progress=False)
    return out


@pytest.fixture
def run(store, tmp_path):
    """The folder of the run in a copy of the store; times of change are kept."""
    copy = shutil.copytree(store, tmp_path / "out")
    folder, = (folder for folder in copy.glob("runs/*") if not folder.name.startswith("."))
    return folder


def truncate(file):
    os.truncate(file, file.stat().st_size - 1)


def empty(file):
    os.truncate(file, 0)


def delete(file):
    file.unlink()


def flip(file):
    """Change a bit in the middle; the size stays."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def flip_unseen(file):
    """The same, as a disk may do it: the time of change stays too."""
    before = file.stat()
    flip(file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_the_receipt_lists_every_file_of_the_run(run):
    listed = json.loads((run / "receipt.json").read_text())["files"]
    assert set(listed) == set(FILES) == {path.name for path in run.iterdir()} - {"receipt.json"}
    assert listed == describe_files(run)
    assert find_fault(run) == find_fault(run, hashes=True) == ""


@pytest.mark.parametrize("name", ["best.safetensors", "outputs.npz", "metrics.json"])
@pytest.mark.parametrize("damage", [truncate, empty, delete, flip], ids=lambda damage: damage.__name__)
def test_every_damage_is_found(run, name, damage):
    damage(run / name)
    assert str(run / name) in find_fault(run)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": []}', '{"files": {"outputs.npz": 1}}'])
def test_a_receipt_that_is_none_is_found(run, text):
    (run / "receipt.json").write_text(text)
    assert f"{run / 'receipt.json'}: found no receipt" in find_fault(run)


def test_a_file_of_the_right_size_is_hashed_on_doubt(run, monkeypatch):
    hashed = []
    real = whole.hash_file
    monkeypatch.setattr(whole, "hash_file", lambda path: hashed.append(path.name) or real(path))
    assert find_fault(run) == "" and hashed == []
    os.utime(run / "outputs.npz")
    assert find_fault(run) == "" and hashed == ["outputs.npz"]


def test_an_old_receipt_counts_as_whole(run):
    receipt = json.loads((run / "receipt.json").read_text())
    del receipt["files"]
    (run / "receipt.json").write_text(json.dumps(receipt))
    truncate(run / "outputs.npz")
    assert find_fault(run) == ""
    with pytest.raises(CheckpointError, match="outputs.npz: found a file that cannot be read"):
        _ = runs.Run(run).logits


@pytest.mark.parametrize(("name", "damage"), [("best.safetensors", truncate), ("outputs.npz", empty),
                                              ("outputs.npz", flip_unseen), ("last.state", flip_unseen),
                                              ("metrics.json", delete), ("receipt.json", empty)])
def test_a_damaged_run_is_trained_again_to_the_same_bits(run, store, tiny_template, capsys, name, damage):
    undamaged = store / "runs" / run.name
    damage(run / name)
    again, = runs.train_all([CONFIG], tiny_template, run.parents[1], jobs=1, progress=False)
    assert again.directory == run and find_fault(run, hashes=True) == ""
    assert str(run / name) in (said := capsys.readouterr().err) and "The run is trained again." in said
    for file in ("best.safetensors", "outputs.npz", "metrics.json"):
        assert (run / file).read_bytes() == (undamaged / file).read_bytes()


def test_a_whole_run_is_left_as_it_is(run, tiny_template, capsys):
    before = {path.name: path.stat().st_mtime_ns for path in run.iterdir()}
    runs.train_all([CONFIG], tiny_template, run.parents[1], jobs=1, progress=False)
    assert before == {path.name: path.stat().st_mtime_ns for path in run.iterdir()}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("damage", [truncate, empty, flip], ids=lambda damage: damage.__name__)
def test_evaluate_predict_and_diff_refuse_damaged_weights(run, store, tiny_template, tmp_path, capsys, damage):
    damage(run / "best.safetensors")
    image = tmp_path / "image.png"
    Image.new("RGB", (12, 12)).save(image)
    for arguments in (["evaluate", run, tiny_template, "--out-dir", tmp_path / "scores"],
                      ["predict", image, "--checkpoint", run, "--out-dir", tmp_path / "answers"],
                      ["diff", store / "runs" / run.name, run]):
        assert main([str(argument) for argument in arguments]) == 2
        captured = capsys.readouterr()
        assert f"mg: {run / 'best.safetensors'}: found " in captured.err and "wanted" in captured.err
        assert captured.out == ""
    assert not (tmp_path / "scores").exists()


def test_evaluate_and_predict_refuse_an_empty_receipt(run, tiny_template, tmp_path, capsys):
    empty(run / "receipt.json")
    for arguments in (["evaluate", run, tiny_template, "--out-dir", tmp_path / "scores"],
                      ["predict", run, "--checkpoint", run, "--out-dir", tmp_path / "answers"]):
        assert main([str(argument) for argument in arguments]) == 2
        assert f"mg: {run / 'receipt.json'}: found no receipt" in capsys.readouterr().err


def test_reading_an_output_that_fails_says_what_is_wrong(run):
    empty(run / "outputs.npz")
    with pytest.raises(CheckpointError, match="outputs.npz: found 0 bytes; wanted"):
        _ = runs.Run(run).target
    delete(run / "metrics.json")
    with pytest.raises(CheckpointError, match="metrics.json: found no such file"):
        _ = runs.Run(run).metrics


def test_a_folder_without_receipt_is_let_through(tmp_path):
    check_run(tmp_path)


def stop(first, *_):
    """Unless it is an empty log that is to be written."""
    if first:
        raise KeyboardInterrupt


@pytest.fixture
def stopped(tiny_root, tmp_path):
    """A run that can go on: all of its epochs but no receipt."""
    dataset = read_dataset(tiny_root)
    arguments = CONFIG, dataset, load_pixels(dataset, 32, progress=False), make_split(dataset, "frame"), tmp_path / "r"
    folder = train.fit(*arguments, progress=False)
    (folder / "receipt.json").unlink()
    return folder, arguments


@pytest.mark.parametrize(("name", "damage"), [
    *((name, flip_unseen) for name in (*whole.BEST_FILES, "last.safetensors", "last.state")),
    ("best.safetensors", truncate), ("metrics.json", empty), ("confusion.csv", delete)])
def test_going_on_with_a_damaged_file_is_refused(stopped, name, damage):
    folder, arguments = stopped
    damage(folder / name)
    with pytest.raises(CheckpointError, match=f"{name}: (found a|not).*--no-resume"):
        train.fit(*arguments, progress=False, resume=True)
    assert not (folder / "receipt.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["save_last", "adopt_best", "_write_log"])
def test_a_stop_among_the_files_of_an_epoch_is_gone_on_from(stopped, tmp_path, monkeypatch, moment):
    undisturbed, arguments = stopped
    folder = tmp_path / "disturbed"
    arguments = *arguments[:-1], folder
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(train, moment, stop)
        train.fit(*arguments, progress=False)
    train.fit(*arguments, progress=False, resume=True)
    assert find_fault(folder, hashes=True) == ""
    assert {path.name for path in folder.iterdir()} == {*FILES, "receipt.json"}
    for file in ("best.safetensors", "outputs.npz", "metrics.json"):
        assert (folder / file).read_bytes() == (undisturbed / file).read_bytes()
    assert (folder / "log.jsonl").read_text().count("\n") == CONFIG.train.epochs
