"""The run store: nothing trained twice, nothing half there, the number of processes of no consequence."""

from dataclasses import replace

import numpy as np
import pytest

from mgutils.config import run_config
from mgutils.errors import MgError
from mgutils.training import store as runs

pytestmark = pytest.mark.slow


def config(seed=0, **settings):
    return run_config("smoke", "sound_ce", seed=seed, **{"epochs": 1, **settings})


def test_missing_runs_are_trained_once_and_shared(tiny_root, tmp_path):
    first = runs.train_all([config(0), config(1)], tiny_root, tmp_path, jobs=2, progress=False)
    stamps = [run.directory.stat().st_mtime_ns for run in first]
    second = runs.train_all([config(1), config(0)], tiny_root, tmp_path, jobs=1, progress=False)
    assert [run.directory for run in second] == [run.directory for run in first[::-1]]
    assert [run.directory.stat().st_mtime_ns for run in first] == stamps
    run = first[0]
    assert run.config == config(0)
    assert run.logits.shape == (len(run.valid), 4) and run.caption_embeddings.shape == (4, 256)
    assert run.metrics["top1"] == pytest.approx((run.logits.argmax(1) == run.target).mean())
    assert run.receipt["data_sha256"] and run.receipt["versions"]["torch"]
    assert not list((tmp_path / "runs").glob("*.partial"))


def test_processes_do_not_change_a_result(tiny_root, tmp_path):
    together = runs.train_all([config(0), config(1)], tiny_root, tmp_path / "two", jobs=2, progress=False)
    alone = runs.train_all([config(0)], tiny_root, tmp_path / "one", jobs=1, progress=False)
    assert np.array_equal(together[0].logits, alone[0].logits)


def test_changed_data_or_settings_make_another_run(tiny_root, tmp_path):
    base = runs.run_directory(config(), "data", tmp_path)
    assert runs.run_directory(config(), "data", tmp_path) == base
    others = {runs.run_directory(config(1), "data", tmp_path), runs.run_directory(config(epochs=2), "data", tmp_path),
              runs.run_directory(config(), "other data", tmp_path)}
    assert len(others | {base}) == 4


def test_a_half_written_run_is_not_a_run(tiny_root, tmp_path):
    run = runs.train_all([config()], tiny_root, tmp_path, jobs=1, progress=False)[0]
    (run.directory / "receipt.json").unlink()  # written last
    again = runs.train_all([config()], tiny_root, tmp_path, jobs=1, progress=False)[0]
    assert (again.directory / "receipt.json").exists()


def test_a_failing_run_reports_its_error(tiny_root, tmp_path):
    bad = replace(config(), model=replace(config().model, image_encoder="resnet5000"))
    with pytest.raises(MgError, match="resnet5000"):
        runs.train_all([bad], tiny_root, tmp_path, jobs=1, progress=False)
