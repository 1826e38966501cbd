"""Classifiers without text and readers of an embedding; the controls' configurations in the run store."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits
from torch import nn

from mgutils.cli import main
from mgutils.config import NO_TEXT, PROFILES, run_config, vision_config
from mgutils.data.pixels import load_pixels
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
from mgutils.errors import ConfigError
from mgutils.evaluation import probes
from mgutils.evaluation.embed import evaluate_run
from mgutils.experiments.controls import pretrained_text
from mgutils.models.classifier import AlexNet, build_classifier
from mgutils.training import store as runs
from mgutils.training.classification import Classification
from mgutils.training.config_file import read_config
from mgutils.training.optim import make_accelerator
from mgutils.training.session import open_session
from mgutils.training.task import Batch

pytestmark = pytest.mark.slow


def vision(network="resnet", seed=0, **settings):
    return vision_config("smoke", network, seed=seed, **{"epochs": 1, **settings})


# -- configurations ----------------------------------------------------------------------------------------------------


def test_a_control_has_its_own_key_and_a_plain_run_keeps_its_old_one(tmp_path):
    plain = run_config("smoke", "sound_ce")
    assert set(plain.as_dict()) == {"objective", "loss", "model", "train", "split", "seed"}
    others = [replace(plain, captions="permuted"), replace(plain, captions="descriptions"),
              replace(plain, left_out=(1,)), replace(plain, left_out=(1, 2)), vision(), vision("alexnet"),
              pretrained_text(plain)]
    assert len({runs.run_directory(config, "data", tmp_path) for config in (plain, *others)}) == 8


@pytest.mark.parametrize("config", [
    run_config("cpu", "report_js"), vision_config("cpu", "alexnet", "subject", 3),
    replace(run_config("cpu", "sound_ce"), captions="descriptions", left_out=(9, 11)),
    pretrained_text(run_config("cpu", "sound_ce"))], ids=lambda c: c.objective)
def test_a_configuration_reads_back(config, tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config.as_dict() | {"captions": ["a", "b"]}))
    assert read_config(file) == config


def test_a_classifier_differs_from_the_profile_in_text_and_loss_alone():
    for profile in PROFILES.values():
        config = vision_config(profile, "resnet")
        assert config.train == profile.train and not config.reads_text
        assert replace(config.model, text_encoder="", text_kwargs={}) == replace(profile.model, text_encoder="",
                                                                                 text_kwargs={})
    assert vision_config("imigue", "alexnet").model.image_kwargs == {}


# -- networks ----------------------------------------------------------------------------------------------------------


def test_whole_alexnet_is_torchvisions():
    with torch.device("meta"):
        network = AlexNet()
        assert network(torch.empty(2, 3, 224, 224)).shape == (2, 4096)
    total = sum(weight.numel() for weight in network.parameters()) + 4097 * 1000
    assert total == 61_100_840


@pytest.mark.parametrize("size", [32, 62, 63, 64, 96])
def test_small_alexnet_takes_small_images(size):
    network = AlexNet(pool=1, hidden=16).eval()
    assert network(torch.rand(2, 3, size, size)).shape == (2, 16) == (2, network.width)


def test_at_64_pixels_alexnets_last_map_has_one_place():
    assert AlexNet().features(torch.rand(1, 3, 64, 64)).shape == (1, 256, 1, 1)


def test_unknown_networks_are_refused():
    with pytest.raises(ConfigError, match="resnet5000"):
        build_classifier(replace(vision().model, image_encoder="resnet5000"), 4)


# -- training ----------------------------------------------------------------------------------------------------------


def test_plain_cross_entropy():
    logits, target = torch.randn(6, 4, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 0, 0])
    expected = -logits.log_softmax(dim=1)[torch.arange(6), target].mean()
    network = SimpleNamespace(forward=lambda images: logits)
    task = Classification(vision(), make_accelerator("float32"), network, None, target.numpy())
    task.forward = network.forward
    batch = Batch(np.arange(6), target, {"image": torch.zeros(6)})
    assert float(task.training_step(batch)["cross_entropy"]) == pytest.approx(float(expected))


def test_optimizer_has_the_rates_of_the_recipe(tiny_root):
    dataset = read_dataset(tiny_root)
    config = replace(vision(), train=replace(PROFILES["imigue"].train, image_size=32))
    session = open_session(config, dataset, load_pixels(dataset, 32, progress=False),
                           make_split(dataset, "frame"))
    groups = session.optimizer.param_groups
    assert [(group["lr"], group["weight_decay"]) for group in groups] == [(1e-4, 0), (1e-3, 1e-3)]
    assert sum(len(group["params"]) for group in groups) == len(list(session.task.model.parameters()))
    assert isinstance(session.task.model.linear, nn.Linear)


@pytest.mark.parametrize("network", ["resnet", "alexnet"])
def test_a_classifier_learns_what_can_be_learned(tiny_root, network):
    from mgutils.training.loop import train_epoch
    dataset, config = read_dataset(tiny_root), vision(network, batch_size=16)
    pixels = np.zeros((len(dataset), 32, 32, 3), np.uint8)
    for row, target in enumerate(dataset.target):  # a class is a colour
        pixels[row] = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]])[target]
    split = make_split(dataset, "frame")
    session = open_session(config, dataset, pixels, split)
    for epoch in range(16):
        train_epoch(session, split.train, seed=epoch)
    assert session.task.validate(split.valid).scores.top1 == 1


def test_runs_with_and_without_text_share_store_and_processes(tiny_root, tmp_path):
    wanted = [vision(), vision("alexnet"), run_config("smoke", "sound_ce", epochs=1)]
    found = runs.train_all(wanted, tiny_root, tmp_path, jobs=2, progress=False)
    stamps = [run.directory.stat().st_mtime_ns for run in found]
    again = runs.train_all(wanted, tiny_root, tmp_path, jobs=1, progress=False)
    assert [run.directory.stat().st_mtime_ns for run in again] == stamps
    assert [run.config for run in found] == wanted
    assert all(run.logits.shape == (len(run.valid), 4) for run in found)
    assert found[0].log["train_loss"].notna().all() and found[0].receipt["data_sha256"]
    table = probes.vision_table(found[:2], tmp_path)
    trained = build_classifier(wanted[0].model, 4)
    assert table["parameters"][0] == sum(weight.numel() for weight in trained.parameters())
    assert (tmp_path / table["run"][1] / "receipt.json").exists()
    rows = json.loads(probes.save_results(table, tmp_path, "vision_only").read_text())
    assert [row["method"] for row in rows] == ["vision_resnet", "vision_alexnet"]
    assert rows[0]["top1"] == pytest.approx(found[0].metrics["top1"])


def test_a_classifier_run_is_the_same_in_another_process_and_evaluates_to_its_own_scores(tiny_root, tmp_path):
    alone = runs.train_all([vision()], tiny_root, tmp_path / "one", jobs=1, progress=False)[0]
    pair = runs.train_all([vision(), vision(seed=1)], tiny_root, tmp_path / "two", jobs=2, progress=False)
    assert np.array_equal(alone.logits, pair[0].logits) and not np.array_equal(alone.logits, pair[1].logits)
    assert evaluate_run(alone.directory, tiny_root, tmp_path / "again").summary() == alone.metrics
    assert main(["evaluate", str(alone.directory), str(tiny_root), "--out-dir", str(tmp_path / "cli")]) == 0


# -- captions and classes of a contrastive run -------------------------------------------------------------------------


def test_permuted_captions_change_the_texts_and_evaluate_to_the_runs_own_scores(tiny_root, tmp_path):
    config = run_config("smoke", "sound_ce", epochs=1)
    own, permuted = runs.train_all([config, replace(config, captions="permuted")], tiny_root, tmp_path, jobs=1,
                                   progress=False)
    assert not np.array_equal(own.logits, permuted.logits)
    assert permuted.config.captions == "permuted"
    assert evaluate_run(permuted.directory, tiny_root, tmp_path / "again").summary() == permuted.metrics


def test_a_run_without_some_classes_is_scored_on_all_their_images(tiny_root, tmp_path):
    config = replace(run_config("smoke", "sound_ce", epochs=2), left_out=(2,))
    run = runs.train_all([config], tiny_root, tmp_path, jobs=1, progress=False)[0]
    assert (run.target == 1).sum() == 18 and run.logits.shape[1] == 4
    assert (run.log["samples"] < len(run.target)).all()  # the best epoch was chosen without them
    assert evaluate_run(run.directory, tiny_root, tmp_path / "again").summary() == run.metrics


def test_descriptions_are_refused_for_other_classes(tiny_root, tmp_path):
    config = replace(run_config("smoke", "sound_ce", epochs=1), captions="descriptions")
    with pytest.raises(ConfigError, match="not iMiGUE's"):
        runs.train_all([config], tiny_root, tmp_path, jobs=1, progress=False)


# -- readers of an embedding -------------------------------------------------------------------------------------------


def blobs(seed=0, missing=None):
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 3, 90)
    target = target[target != missing]
    return 4 * np.eye(8)[target] + rng.normal(size=(len(target), 8)), target


def test_the_number_of_threads_changes_no_bit_of_a_linear_probe():
    random = np.random.default_rng(0)
    target = random.integers(0, 26, 3000)
    rows = (random.normal(size=(26, 128))[target] + 2 * random.normal(size=(3000, 128))).astype(np.float32)
    answers = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            answers.append(probes.linear_probe(rows, target, rows[:500], 26))
    np.testing.assert_array_equal(*answers)


def test_both_readers_find_clear_groups_and_never_answer_a_class_that_they_have_not_seen():
    train, target = blobs(missing=1)
    valid, truth = blobs(seed=1, missing=1)
    for answers in (probes.linear_probe(train, target, valid, 4), probes.nearest(train, target, valid, 4)):
        assert answers.shape == (len(valid), 4)
        assert (answers.argmax(axis=1) == truth).mean() > 0.95


def test_nearest_neighbours_equal_a_slow_twin():
    (train, target), (valid, _) = blobs(0), blobs(1)
    votes = probes.nearest(train, target, valid, 3, k=4)
    for row, vote in zip(valid, votes, strict=True):
        cosine = [row @ other / np.linalg.norm(row) / np.linalg.norm(other) for other in train]
        closest = sorted(range(len(train)), key=lambda i: -cosine[i])[:4]
        counts = np.bincount(target[closest], minlength=3)
        assert (np.round(vote) == counts).all()


def test_embedding_of_a_run_reads_the_rows_it_learned_from(tiny_root, tmp_path):
    config, dataset = run_config("smoke", "sound_ce", epochs=1), read_dataset(tiny_root)
    run = runs.train_all([config], tiny_root, tmp_path, jobs=1, progress=False)[0]
    images, target = probes.embed(run, dataset, tmp_path / "cache")
    assert images.shape == (len(make_split(dataset, "frame").train), 256) == (len(target), 256)
    table = probes.probe_table([run], dataset, tmp_path)
    assert table["method"].tolist() == ["captions", "linear_probe", "nearest"]
    assert table["top1"][0] == pytest.approx(run.metrics["top1"]) and table["top1"].between(0, 1).all()


def test_no_text_is_not_a_name_on_the_hub():
    assert NO_TEXT == vision().model.text_encoder
