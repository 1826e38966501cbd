"""Training: equal bits twice, the report's optimiser, batches, augmentation, the folder that a run leaves."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mgutils import train
from mgutils.config import PROFILES, run_config
from mgutils.data.pixels import load_pixels
from mgutils.data.splits import Split, hold_out, make_split
from mgutils.data.table import read_dataset
from mgutils.errors import ConfigError, TrainingError
from mgutils.evaluate import evaluate_run


@pytest.fixture
def data(tiny_root):
    dataset = read_dataset(tiny_root)
    return dataset, load_pixels(dataset, 32, progress=False), make_split(dataset, "frame")


def short(objective="sound_ce", **settings):
    return run_config("smoke", objective, **{"epochs": 2, "batch_size": 16, **settings})


@given(st.integers(2, 200), st.integers(2, 64), st.integers(0, 5))
def test_batches_hold_every_row_once_and_never_one_alone(count, size, seed):
    parts = list(train.batches(np.arange(100, 100 + count), size, seed))
    assert sorted(np.concatenate(parts)) == list(range(100, 100 + count))
    assert all(2 <= len(part) <= size + 1 for part in parts)


def test_optimizer_is_the_reports(data):
    dataset, pixels, split = data
    settings = PROFILES["imigue"].train
    config = replace(short(), train=replace(settings, image_size=32))
    session = train.open_session(config, dataset, pixels, split)
    groups = session.optimizer.param_groups
    assert [group["lr"] for group in groups] == [1e-4, 1e-5, 1e-3]
    assert [group["weight_decay"] for group in groups] == [0, 0, 1e-3]
    assert sum(len(group["params"]) for group in groups) == len(list(session.model.parameters()))
    assert (session.scheduler.patience, session.scheduler.factor) == (10, 0.8)


@pytest.mark.parametrize("objective", ["report_ce", "report_js", "sound_ce", "sound_js"])
def test_a_run_leaves_everything_and_two_runs_are_equal_bit_for_bit(data, tmp_path, objective):
    dataset, pixels, split = data
    folders = [train.fit(short(objective), dataset, pixels, split, tmp_path / name, progress=False) for name in "ab"]
    assert {path.name for path in folders[0].iterdir()} == {
        "config.json", "log.jsonl", "best.safetensors", "last.safetensors", "last.state",
        "outputs.npz", "metrics.json", "per_class.csv", "confusion.csv", "receipt.json"}
    for name in ("best.safetensors", "last.safetensors", "outputs.npz", "metrics.json"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
    logs = [[json.loads(line) for line in (folder / "log.jsonl").open()] for folder in folders]
    assert [row["epoch"] for row in logs[0]] == [1, 2]
    assert [row["train_loss"] for row in logs[0]] == [row["train_loss"] for row in logs[1]]


def test_another_seed_gives_another_run(data, tmp_path):
    dataset, pixels, split = data
    first, second = (train.fit(replace(short(), seed=seed), dataset, pixels, split, tmp_path / str(seed),
                               progress=False) for seed in (0, 1))
    assert (first / "last.safetensors").read_bytes() != (second / "last.safetensors").read_bytes()


def test_a_model_learns_what_can_be_learned(data):
    dataset, pixels, split = data
    pixels = np.array(pixels)
    for row, target in enumerate(dataset.target):  # a class is a colour
        pixels[row] = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]])[target]
    session = train.open_session(short(), dataset, pixels, split)
    for epoch in range(8):
        train.train_epoch(session, split.train, seed=epoch)
    assert train.validate(session, split.valid)[0].top1 == 1


def test_best_weights_give_the_scores_on_disk(data, tmp_path, tiny_root):
    dataset, pixels, split = data
    folder = train.fit(short(epochs=3), dataset, pixels, split, tmp_path / "run", progress=False)
    again = evaluate_run(folder, tiny_root, tmp_path / "again")
    assert json.loads((folder / "metrics.json").read_text()) == again.summary()
    assert (folder / "confusion.csv").read_text() == (tmp_path / "again" / "confusion.csv").read_text()
    best = max(json.loads(line)["top1"] for line in (folder / "log.jsonl").open())
    assert again.top1 == best


def test_evaluating_on_other_classes_is_refused(data, tmp_path, tiny_root):
    dataset, pixels, split = data
    folder = train.fit(short(epochs=1), dataset, pixels, split, tmp_path / "run", progress=False)
    labels = tiny_root / "Clip_label.csv"
    labels.write_text(labels.read_text().replace("Turtle", "Tortoise"))
    with pytest.raises(ConfigError, match="captions are not those"):
        evaluate_run(folder, tiny_root, tmp_path / "again")


def test_a_loss_that_is_no_number_stops_the_run(data):
    dataset, pixels, split = data
    session = train.open_session(short(), dataset, pixels, split)
    with torch.no_grad():
        session.model.image_projection.fc.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match="step 1"):
        train.train_epoch(session, split.train, seed=0)


def test_nothing_to_train_on_is_refused(data):
    dataset, pixels, _ = data
    with pytest.raises(ConfigError, match="0 training"):
        train.open_session(short(), dataset, pixels, Split("frame", np.arange(0), np.arange(3)))


def test_scheduler_steps_per_epoch_or_per_batch(data):
    dataset, pixels, split = data
    for every, falls in (("epoch", False), ("batch", True)):
        config = short(lr_image=0.0, lr_text=0.0, lr_head=0.0, plateau_every=every, plateau_patience=0)
        session = train.open_session(config, dataset, pixels, split)
        steps = []
        session.scheduler.step = lambda value, steps=steps: steps.append(value)
        train.train_epoch(session, split.train, seed=0)
        assert bool(steps) == falls


def test_balanced_draws_every_class_alike():
    target = np.array([0] * 900 + [1] * 90 + [2] * 10)
    drawn = train.balanced(np.arange(1000), target, seed=0)
    shares = np.bincount(target[drawn]) / 1000
    assert np.abs(shares - 1 / 3).max() < 0.06
    assert (train.balanced(np.arange(1000), target, seed=0) == drawn).all()
    assert set(target[train.balanced(np.arange(900, 1000), target, seed=0)]) == {1, 2}


def test_average_of_the_weights_is_what_is_scored_and_saved(data, tmp_path):
    dataset, pixels, split = data
    session = train.open_session(short(ema=0.9), dataset, pixels, split)
    start = session.model.image_projection.fc.weight.detach().clone()
    rows = split.train[:16]
    train.train_epoch(session, rows, seed=0)  # one step: the average starts there
    first = session.model.image_projection.fc.weight.detach().clone()
    train.train_epoch(session, rows, seed=1)
    second = session.model.image_projection.fc.weight.detach()
    torch.testing.assert_close(session.scored.image_projection.fc.weight.detach(), 0.9 * first + 0.1 * second)
    assert not torch.equal(start, first)


def test_selection_on_held_out_rows_leaves_the_reported_rows_out_of_the_choice(data, tmp_path):
    dataset, pixels, _ = data
    split = hold_out(dataset, make_split(dataset, "subject"))
    assert not set(split.select) & (set(split.train) | set(split.valid))
    folder = train.fit(short(epochs=3), dataset, pixels, split, tmp_path / "run", progress=False)
    rows = [json.loads(line) for line in (folder / "log.jsonl").open()]
    assert all(row["samples"] == len(split.select) for row in rows)
    assert json.loads((folder / "metrics.json").read_text())["samples"] == len(split.valid)




def test_a_batch_in_parts_moves_the_running_means_once_for_each_part(data):
    """Two passes over the images, one of which counts: as many updates as there are parts, not twice as many."""
    dataset, pixels, split = data
    session = train.open_session(short(micro_batch=8), dataset, pixels, split)
    rows = split.train[:16]
    train.train_epoch(session, rows, seed=0)
    norm = session.model.image_encoder.model.bn1
    with torch.no_grad():
        before = train.open_session(short(micro_batch=8), dataset, pixels, split).model
        before.train()
        order = next(train.batches(rows, 16, 0))
        for part in np.array_split(order, 2):
            before.encode_image(train.augment(torch.from_numpy(pixels[part]), "none", None))
    torch.testing.assert_close(norm.running_mean, before.image_encoder.model.bn1.running_mean)


def test_another_precision_in_the_same_process_is_refused_with_a_remedy(data):
    dataset, pixels, split = data
    train.open_session(short(), dataset, pixels, split)
    with pytest.raises(ConfigError, match="precision: found bfloat16.*Restart the kernel"):
        train.open_session(short(precision="bfloat16"), dataset, pixels, split)
