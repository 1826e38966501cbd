"""mg diff: each cause is found and named, noise is told from change, what is no run is refused."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import safetensors.numpy
import torch

from mgutils.cli import main
from mgutils.config import run_config
from mgutils.data.pixels import load_pixels
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
from mgutils.errors import ConfigError, MgError
from mgutils.training import diff, provenance
from mgutils.training import loop as train
from mgutils.training.diff import diff_runs
from mgutils.training.whole import describe_files


@pytest.fixture(scope="module")
def finished(tiny_template, tmp_path_factory):
    """A run that `fit` left."""
    root = tmp_path_factory.mktemp("diff")
    dataset = read_dataset(tiny_template)
    pixels = load_pixels(dataset, 32, cache_dir=root / "cache", progress=False)
    config = run_config("smoke", "sound_ce", epochs=2, batch_size=16)
    return train.fit(config, dataset, pixels, make_split(dataset, "frame"), root / "run", progress=False)


@pytest.fixture
def pair(finished, tmp_path):
    """The run twice, the second to be changed."""
    return finished, shutil.copytree(finished, tmp_path / "b")


def edit(folder, name, change):
    """Rewrite a JSON file of a run after ``change(content)``, as if the run had left it so."""
    content = json.loads((folder / name).read_text())
    change(content)
    (folder / name).write_text(json.dumps(content))
    if name != "receipt.json":
        record(folder)


def record(folder):
    """List the run's files in its receipt as they are now."""
    edit(folder, "receipt.json", lambda content: content.update(files=describe_files(folder)))


def set_receipt(folder, path, value):
    *parents, last = path.split(".")

    def change(content):
        for parent in parents:
            content = content[parent]
        content[last] = value
    edit(folder, "receipt.json", change)


def disturb(folder, by=1e-4):
    """Give a run other results."""
    edit(folder, "metrics.json", lambda metrics: metrics.update(top1=metrics["top1"] + by))
    weights = safetensors.numpy.load_file(folder / "last.safetensors")
    weights["image_projection.fc.bias"] = weights["image_projection.fc.bias"] + np.float32(by)
    safetensors.numpy.save_file(weights, folder / "last.safetensors")
    record(folder)


def verdict(found):
    """``equal``, ``noise`` or the causes, as the sentence says it."""
    if found.causes:
        assert found.reason.startswith(f"The runs differ in {' and '.join(found.causes)}")
        return ", ".join(found.causes)
    says = {"Nothing differs.": "equal", "Noise: nothing differs but the results.": "noise"}
    return next(word for start, word in says.items() if found.reason.startswith(start))


def test_a_run_equals_its_copy_and_seconds_do_not_count(pair):
    set_receipt(pair[1], "seconds.total", 1e6)
    found = diff_runs(*pair)
    assert (verdict(found), found.differences, found.changed) == ("equal", (), [])
    assert found.reason == "Nothing differs."


@pytest.mark.parametrize(("field", "value", "cause", "named"), [
    ("code_sha256", "0" * 64, "code", "code_sha256"),
    ("data_sha256", "0" * 64, "data", "data_sha256"),
    ("versions.torch", "1.0.0", "environment", "versions.torch"),
    ("hardware.threads", 99, "environment", "hardware.threads"),
    ("hardware.interop_threads", 99, "environment", "hardware.interop_threads"),
    ("hardware.cpu_capability", "DEFAULT", "environment", "hardware.cpu_capability"),
    ("instructions.amx_tile", "other", "environment", "instructions.amx_tile"),
    ("libraries.torch", "1.0", "environment", "libraries.torch"),
    ("libraries.numpy", "openblas Prescott", "environment", "libraries.numpy"),
    ("variables.ATEN_CPU_CAPABILITY", "avx2", "environment", "variables.ATEN_CPU_CAPABILITY"),
    ("variables.ONEDNN_MAX_CPU_ISA", "SSE41", "environment", "variables.ONEDNN_MAX_CPU_ISA"),
    ("variables.MKL_CBWR", "COMPATIBLE", "environment", "variables.MKL_CBWR"),
    ("hardware.gpu", "a GPU", "environment", "hardware.gpu"),
    ("determinism.deterministic_algorithms", False, "environment", "determinism.deterministic_algorithms"),
])
def test_each_entry_of_the_receipt_has_its_cause(pair, field, value, cause, named):
    set_receipt(pair[1], field, value)
    disturb(pair[1])
    found = diff_runs(*pair)
    assert verdict(found) == cause and found.causes == [cause]
    inputs = [item for item in found.differences if item.group != "results"]
    assert [(item.field, item.b) for item in inputs] == [(named, value)]
    assert found.reason.startswith(f"The runs differ in {cause} alone; the results differ.")


def test_settings_and_seeds_are_named_apart(pair):
    def change(config):
        config["seed"] = 7
        config["loss"]["temperature"] = 0.5
    edit(pair[1], "config.json", change)
    found = diff_runs(*pair)
    assert [(item.group, item.field, item.a, item.b) for item in found.differences] == [
        ("config", "config.loss.temperature", 0.07, 0.5), ("seed", "seed", 0, 7)]
    assert verdict(found) == "config, seed" and "equal all the same" in found.reason
    disturb(pair[1])
    assert diff_runs(*pair).reason == "The runs differ in config and seed; the results differ."


def test_a_setting_that_an_older_run_does_not_name_is_its_default(pair):
    edit(pair[1], "config.json", lambda config: config["train"].pop("captions_once"))
    assert verdict(diff_runs(*pair)) == "equal"


def test_noise_is_named_with_whether_to_expect_it(pair):
    disturb(pair[1], by=1e-3)
    found = diff_runs(*pair)
    assert verdict(found) == "noise" and "On a GPU that is expected" in found.reason
    assert [item.field for item in found.changed] == ["metrics.top1", "weights.last.safetensors"]


def test_the_first_epoch_that_differs_is_shown(pair):
    lines = [json.loads(line) for line in (pair[1] / "log.jsonl").open()]
    lines[1]["train_loss"] += 0.5
    lines[1]["seconds"] += 9
    (pair[1] / "log.jsonl").write_text("\n".join(map(json.dumps, lines)))
    record(pair[1])
    assert [item.field for item in diff_runs(*pair).changed] == ["log.epoch 2.train_loss"]
    (pair[1] / "log.jsonl").write_text(json.dumps(lines[0]))
    record(pair[1])
    assert [(item.field, item.a, item.b) for item in diff_runs(*pair).changed] == [("log.epochs", 2, 1)]


@pytest.mark.parametrize(("commits", "hashes", "cause"), [
    (("a", "b"), ("h", "h"), None),  # another commit, the same package
    (("a", "b"), ("h", "i"), "code"),
    ((None, None), ("h", "i"), "code"),
])
def test_code_is_told_by_its_hash(pair, commits, hashes, cause, tmp_path):
    folders = [shutil.copytree(pair[0], tmp_path / name) for name in ("left", "right")]
    for folder, commit, value in zip(folders, commits, hashes, strict=True):
        set_receipt(folder, "commit", commit)
        set_receipt(folder, "code_sha256", value)
    found = diff_runs(*folders)
    assert found.causes == (["code"] if cause == "code" else [])


def test_a_receipt_of_an_older_version_is_refused(pair):
    edit(pair[1], "receipt.json", lambda content: [content.pop(name) for name in ("libraries", "machines")])
    with pytest.raises(ConfigError, match="receipt.json: found no machines, libraries; wanted the receipt"):
        diff_runs(*pair)


def test_a_run_of_several_machines_is_named(pair):
    moved = {"first_epoch": 2, "changes": {"hardware.processor": ["one", "another"]}}
    edit(pair[1], "receipt.json", lambda content: content["machines"].append(moved))
    found = diff_runs(*pair)
    assert [(item.field, item.a, item.b) for item in found.differences] == [
        ("machines", "no change", "hardware.processor one -> another from epoch 2")]
    assert found.causes == ["environment"]


def test_other_code_from_some_epoch_on_is_a_difference_of_code(pair):
    moved = {"first_epoch": 2, "changes": {"code_sha256": ["0" * 64, "1" * 64]}}
    edit(pair[1], "receipt.json", lambda content: content["machines"].append(moved))
    found = diff_runs(*pair)
    assert found.causes == ["code"]
    assert "code_sha256 000000000000 -> 111111111111 from epoch 2" in found.report()


# -- from the command line ---------------------------------------------------------------------------------------------


def test_report_has_a_line_for_every_cause(pair, capsys):
    set_receipt(pair[1], "versions.numpy", "1.0")
    disturb(pair[1])
    assert main(["diff", *map(str, pair)]) == 0
    printed = capsys.readouterr().out
    assert all(f"\n{cause}" in printed for cause in (*diff.CAUSES, "results"))
    assert "versions.numpy" in printed and "| 1.0\n" in printed


def test_what_is_no_run_is_refused(pair, tmp_path, capsys):
    folder = tmp_path / "empty"
    folder.mkdir()
    for wrong in (folder, tmp_path / "none"):
        assert main(["diff", str(pair[0]), str(wrong)]) == 2
        assert f"{wrong / 'receipt.json'}: found no such file; wanted the receipt" in capsys.readouterr().err
    (pair[1] / "receipt.json").unlink()
    with pytest.raises(ConfigError, match="Name the folder of a whole run"):
        diff_runs(*pair)


@pytest.mark.parametrize(("name", "text"), [("receipt.json", "{"), ("receipt.json", "[]"), ("metrics.json", "x"),
                                            ("log.jsonl", "{}\n{"), ("config.json", "{}")])
def test_files_that_are_not_a_runs_are_named(pair, name, text):
    (pair[1] / name).write_text(text)
    with pytest.raises(MgError, match=name):
        diff_runs(*pair)


def test_diff_imports_no_torch(pair):
    code = "import sys, mgutils.cli as cli; cli.main(['diff', *sys.argv[1:]]); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, *map(str, pair)], check=True, capture_output=True)


# -- the receipt -------------------------------------------------------------------------------------------------------


def test_receipt_tells_flags_and_code():
    torch.use_deterministic_algorithms(True, warn_only=True)
    assert provenance.environment()["determinism"]["warn_only"] is True
    assert provenance.environment()["hardware"]["processor"]
    assert provenance.code_hash() == provenance.code_hash() and len(provenance.code_hash()) == 64


TRAIN = """
import sys
from pathlib import Path
from mgutils.training import loop as train
from mgutils.config import run_config
from mgutils.data.pixels import load_pixels
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
dataset = read_dataset(sys.argv[1])
pixels = load_pixels(dataset, 32, cache_dir=Path(sys.argv[2], "cache"), progress=False)
config = run_config("smoke", "sound_ce", epochs=2, batch_size=16)
train.fit(config, dataset, pixels, make_split(dataset, "frame"), Path(sys.argv[2], "run"), progress=False)
"""


@pytest.mark.slow
def test_an_instruction_set_of_onednn_is_seen_in_a_real_run(finished, tiny_template, tmp_path):
    variables = os.environ | {"ONEDNN_MAX_CPU_ISA": "SSE41"}
    subprocess.run([sys.executable, "-c", TRAIN, tiny_template, tmp_path], env=variables, check=True)
    found = diff_runs(finished, tmp_path / "run")
    assert found.causes == ["environment"]
    assert ("variables.ONEDNN_MAX_CPU_ISA", "SSE41") in [(item.field, item.b) for item in found.differences]


@pytest.mark.slow
def test_equal_runs_by_fit_are_equal(finished, tiny_template, tmp_path):
    dataset = read_dataset(tiny_template)
    pixels = load_pixels(dataset, 32, cache_dir=tmp_path / "cache", progress=False)
    config, split = run_config("smoke", "sound_ce", epochs=2, batch_size=16), make_split(dataset, "frame")
    again = train.fit(config, dataset, pixels, split, tmp_path / "again", progress=False)
    assert verdict(diff_runs(finished, again)) == "equal"
    other = train.fit(replace(config, seed=1), dataset, pixels, split, tmp_path / "other", progress=False)
    assert verdict(diff_runs(finished, other)) == "seed" and diff_runs(finished, other).changed
