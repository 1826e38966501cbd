"""Training: equal bits twice, the optimiser, batches, augmentation, the choice of the best epoch, the folder."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, GeneralTracker
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from mgutils.config import PROFILES, run_config
from mgutils.data.pixels import load_pixels
from mgutils.data.splits import Split, hold_out, make_split
from mgutils.data.table import read_dataset
from mgutils.errors import ConfigError, TrainingError
from mgutils.evaluation.embed import evaluate_run
from mgutils.losses import LOSSES
from mgutils.metrics.scores import scores
from mgutils.training import loop
from mgutils.training.batches import augment, batches
from mgutils.training.encode import encode_all
from mgutils.training.optim import seed_everything
from mgutils.training.run import Run
from mgutils.training.session import open_session
from mgutils.training.task import Validation


@pytest.fixture
def data(tiny_root):
    dataset = read_dataset(tiny_root)
    return dataset, load_pixels(dataset, 32, progress=False), make_split(dataset, "frame")


def short(objective="sound_ce", **settings):
    return run_config("smoke", objective, **{"epochs": 2, "batch_size": 16, **settings})


@given(st.integers(2, 200), st.integers(2, 64), st.integers(0, 5))
def test_batches_hold_every_row_once_and_never_one_alone(count, size, seed):
    parts = list(batches(np.arange(100, 100 + count), size, seed))
    assert sorted(np.concatenate(parts)) == list(range(100, 100 + count))
    assert all(2 <= len(part) <= size + 1 for part in parts)


def test_optimizer_is_the_reports(data):
    dataset, pixels, split = data
    settings = PROFILES["imigue"].train
    config = replace(short(), train=replace(settings, image_size=32))
    session = open_session(config, dataset, pixels, split)
    groups = session.optimizer.param_groups
    assert [group["lr"] for group in groups] == [1e-4, 1e-5, 1e-3]
    assert [group["weight_decay"] for group in groups] == [0, 0, 1e-3]
    assert sum(len(group["params"]) for group in groups) == len(list(session.task.model.parameters()))
    assert (session.scheduler.patience, session.scheduler.factor) == (10, 0.8)


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["report_ce", "report_js", "sound_ce", "sound_js"])
def test_a_run_leaves_everything_and_two_runs_are_equal_bit_for_bit(data, tmp_path, objective):
    dataset, pixels, split = data
    folders = [loop.fit(short(objective), dataset, pixels, split, tmp_path / name, progress=False) for name in "ab"]
    assert {path.name for path in folders[0].iterdir()} == {
        "config.json", "log.jsonl", "best.safetensors", "last.safetensors", "last.state",
        "outputs.npz", "metrics.json", "per_class.csv", "confusion.csv", "receipt.json"}
    for name in ("best.safetensors", "last.safetensors", "outputs.npz", "metrics.json"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
    logs = [[json.loads(line) for line in (folder / "log.jsonl").open()] for folder in folders]
    assert [row["epoch"] for row in logs[0]] == [1, 2]
    assert [row["train_loss"] for row in logs[0]] == [row["train_loss"] for row in logs[1]]


@pytest.mark.slow
def test_another_seed_gives_another_run(data, tmp_path):
    dataset, pixels, split = data
    first, second = (loop.fit(replace(short(), seed=seed), dataset, pixels, split, tmp_path / str(seed),
                               progress=False) for seed in (0, 1))
    assert (first / "last.safetensors").read_bytes() != (second / "last.safetensors").read_bytes()


@pytest.mark.slow
def test_a_model_learns_what_can_be_learned(data):
    dataset, pixels, split = data
    pixels = np.array(pixels)
    for row, target in enumerate(dataset.target):  # a class is a colour
        pixels[row] = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]])[target]
    session = open_session(short(), dataset, pixels, split)
    for epoch in range(8):
        loop.train_epoch(session, split.train, seed=epoch)
    assert session.task.validate(split.valid).scores.top1 == 1


@pytest.mark.slow
def test_best_weights_give_the_scores_on_disk(data, tmp_path, tiny_root):
    dataset, pixels, split = data
    folder = loop.fit(short(epochs=3), dataset, pixels, split, tmp_path / "run", progress=False)
    again = evaluate_run(folder, tiny_root, tmp_path / "again")
    assert json.loads((folder / "metrics.json").read_text()) == again.summary()
    assert (folder / "confusion.csv").read_text() == (tmp_path / "again" / "confusion.csv").read_text()
    best = max(json.loads(line)["top1"] for line in (folder / "log.jsonl").open())
    assert again.top1 == best


def test_evaluating_on_other_classes_is_refused(data, tmp_path, tiny_root):
    dataset, pixels, split = data
    folder = loop.fit(short(epochs=1), dataset, pixels, split, tmp_path / "run", progress=False)
    labels = tiny_root / "Clip_label.csv"
    labels.write_text(labels.read_text().replace("Turtle", "Tortoise"))
    with pytest.raises(ConfigError, match="captions are not those"):
        evaluate_run(folder, tiny_root, tmp_path / "again")


def test_a_loss_that_is_no_number_stops_the_run(data):
    dataset, pixels, split = data
    session = open_session(short(), dataset, pixels, split)
    with torch.no_grad():
        session.task.model.image_projection.fc.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match="step 1"):
        loop.train_epoch(session, split.train, seed=0)


def test_nothing_to_train_on_is_refused(data):
    dataset, pixels, _ = data
    with pytest.raises(ConfigError, match="0 training"):
        open_session(short(), dataset, pixels, Split("frame", np.arange(0), np.arange(3)))


def test_scheduler_steps_per_epoch_or_per_batch(data):
    dataset, pixels, split = data
    for every, falls in (("epoch", False), ("batch", True)):
        config = short(lr_image=0.0, lr_text=0.0, lr_head=0.0, plateau_every=every, plateau_patience=0)
        session = open_session(config, dataset, pixels, split)
        steps = []
        session.scheduler.step = lambda value, steps=steps: steps.append(value)
        loop.train_epoch(session, split.train, seed=0)
        assert bool(steps) == falls


def test_selection_on_held_out_rows_leaves_the_reported_rows_out_of_the_choice(data, tmp_path):
    dataset, pixels, _ = data
    split = hold_out(dataset, make_split(dataset, "subject"))
    assert not set(split.select) & (set(split.train) | set(split.valid))
    folder = loop.fit(short(epochs=3), dataset, pixels, split, tmp_path / "run", progress=False)
    rows = [json.loads(line) for line in (folder / "log.jsonl").open()]
    assert all(row["samples"] == len(split.select) for row in rows)
    assert json.loads((folder / "metrics.json").read_text())["samples"] == len(split.valid)



def test_a_batch_in_parts_moves_the_running_means_once_for_each_part(data):
    """Two passes over the images, one of which counts: as many updates as there are parts, not twice as many."""
    dataset, pixels, split = data
    session = open_session(short(micro_batch=8), dataset, pixels, split)
    rows = split.train[:16]
    loop.train_epoch(session, rows, seed=0)
    norm = session.task.model.image_encoder.model.bn1
    with torch.no_grad():
        before = open_session(short(micro_batch=8), dataset, pixels, split).task.model
        before.train()
        order = next(batches(rows, 16, 0))
        for part in np.array_split(order, 2):
            before.encode_image(augment(torch.from_numpy(pixels[part]), "none", None))
    torch.testing.assert_close(norm.running_mean, before.image_encoder.model.bn1.running_mean)


def test_another_precision_in_the_same_process_is_refused_with_a_remedy(data):
    dataset, pixels, split = data
    open_session(short(), dataset, pixels, split)
    with pytest.raises(ConfigError, match="precision: found bfloat16.*Restart the kernel"):
        open_session(short(precision="bfloat16"), dataset, pixels, split)


# -- what the seed decides ---------------------------------------------------------------------------------------------


def first_weights(data, seed):
    session = open_session(replace(short(), seed=seed), *data)
    return torch.cat([part.detach().flatten() for part in session.task.model.parameters()])


def test_initial_weights_depend_on_the_seed_alone(data):
    weights = first_weights(data, 0)
    torch.manual_seed(99)
    assert torch.equal(weights, first_weights(data, 0))
    assert not torch.equal(weights, first_weights(data, 1))


def test_every_source_of_random_numbers_is_seeded():
    draws = []
    for seed in (0, 0, 1):
        seed_everything(seed)
        draws.append((random.random(), np.random.random(), torch.rand(1).item()))
    assert draws[0] == draws[1]
    assert all(first != second for first, second in zip(draws[0], draws[2], strict=True))


def test_order_of_the_batches_depends_on_the_seed():
    rows = np.arange(50)
    first, again, other = (np.concatenate(list(batches(rows, 8, seed))) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, rows) and not np.array_equal(other, rows)


def test_every_epoch_of_every_run_has_a_seed_of_its_own(data, tmp_path, monkeypatch):
    dataset, pixels, split = data
    seeds = []
    monkeypatch.setattr(loop, "train_epoch", lambda session, rows, seed: {"loss": float(seeds.append(seed) or 1)})
    for seed in (0, 1):
        loop.fit(replace(short(epochs=3), seed=seed), dataset, pixels, split, tmp_path / str(seed), progress=False)
    assert len(set(seeds)) == 6


# -- one epoch ---------------------------------------------------------------------------------------------------------


def fed(session, rows, seed):
    """The rows of an epoch in the order in which they were asked for."""
    asked, loader = [], session.task.loader

    def record(batch):
        asked.append(batch)
        return loader(batch)

    session.task.loader = record
    loop.train_epoch(session, rows, seed)
    session.task.loader = loader
    return np.concatenate(asked)


def test_an_epoch_goes_through_all_rows_in_an_order_of_its_own(data):
    session, rows = open_session(short(), *data), data[2].train
    first, second = fed(session, rows, 0), fed(session, rows, 1)
    assert sorted(first) == sorted(second) == sorted(rows)
    assert not np.array_equal(first, second)


def images_seen(data, kind, seed):
    """What the image encoder reads in an epoch in which every row has the same picture."""
    dataset, pixels, split = data
    alike = np.repeat(pixels[:1], len(pixels), axis=0)
    session = open_session(short(augment=kind), dataset, alike, split)
    seen = []
    session.task.model.image_encoder.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].clone()))
    loop.train_epoch(session, split.train, seed)
    return torch.cat(seen), augment(torch.from_numpy(alike[:1]), "none", None)


@pytest.mark.parametrize("augment", ["none", "affine"])
def test_training_augments_as_the_settings_say(data, augment):
    seen, plain = images_seen(data, augment, seed=0)
    changed = [not torch.equal(image, plain[0]) for image in seen]
    assert all(changed) if augment != "none" else not any(changed)
    if augment != "none":
        assert torch.equal(seen, images_seen(data, augment, seed=0)[0])
        assert not torch.equal(seen, images_seen(data, augment, seed=1)[0])


def test_an_epoch_returns_the_mean_over_the_samples(data):
    """Every sample costs 2, whatever the batches; the last batch is a smaller one."""
    session = open_session(short(), *data)
    session.task.loss = lambda image, *rest: 2 + 0 * image.sum()
    assert len(data[2].train) % 16
    assert loop.train_epoch(session, data[2].train, seed=0) == {"contrastive": pytest.approx(2)}


def test_a_step_forgets_the_gradients_of_the_step_before(data):
    rows, after = data[2].train[:16], []
    for left_over in (0.0, 1e3):
        session = open_session(short(), *data)
        for part in session.task.model.parameters():
            part.grad = torch.full_like(part, left_over)
        loop.train_epoch(session, rows, seed=0)
        after.append(session.task.model.image_projection.fc.weight.detach())
    assert torch.equal(*after)


def test_an_epoch_trains_also_after_a_validation(data):
    session = open_session(short(), *data)
    before = session.task.model.image_projection.fc.weight.detach().clone()
    session.task.validate(data[2].valid)
    assert not session.task.model.training
    loop.train_epoch(session, data[2].train, seed=0)
    assert session.task.model.training
    assert not torch.equal(before, session.task.model.image_projection.fc.weight)


@pytest.mark.parametrize("objective", ["report_ce", "report_js", "sound_ce", "sound_js"])
def test_validation_loss_is_the_loss_of_the_pairs(data, objective):
    """One batch that holds all rows, of which none is of the last class."""
    dataset, pixels, split = data
    session = open_session(short(objective, batch_size=64), *data)
    rows = split.valid[dataset.target[split.valid] < 3]
    _, found, _ = session.task.validate(rows)
    with torch.no_grad():
        images, captions = encode_all(session.task.model, session.task.loader, rows, session.task.tokens)
        target = torch.from_numpy(dataset.target[rows])
        wanted = LOSSES[session.config.loss.loss](images, captions[target], target, session.task.model.temperature)
    assert found == pytest.approx(float(wanted), rel=1e-4)


# -- the run around the epochs -----------------------------------------------------------------------------------------


def scripted(data, folder, monkeypatch, train_losses, valid_losses, right, **settings):
    """Run the epochs on losses and scores that are given: ``right`` of 8 answers in each.

    The epoch's number is written into one weight of the model and into the outputs.
    """
    dataset, pixels, split = data
    split = replace(split, valid=split.valid[:8])
    session = open_session(short(epochs=len(right), **settings), dataset, pixels, split)
    epochs, target = iter(range(1, len(right) + 1)), dataset.target[split.valid]
    train_loss = iter(train_losses)
    monkeypatch.setattr(loop, "train_epoch", lambda *args, **kwargs: {"loss": next(train_loss)})

    def check(rows):
        epoch = next(epochs)
        with torch.no_grad():
            session.task.model.image_projection.fc.bias.fill_(epoch)
        answers = np.where(np.arange(8) < right[epoch - 1], target, (target + 1) % 4)
        return Validation(scores(np.eye(4)[answers], target), valid_losses[epoch - 1],
                          {"logits": np.full((8, 4), epoch)})

    session.task.validate = check
    loop.run_epochs(session, dataset, pixels, split, folder, progress=False)
    return session, split


def test_the_first_of_equal_epochs_is_kept_and_no_later_one(data, tmp_path, monkeypatch):
    session, split = scripted(data, tmp_path, monkeypatch, [1.0] * 4, [1.0] * 4, right=[4, 6, 6, 5])
    kept = np.load(tmp_path / "outputs.npz")
    assert (kept["logits"] == 2).all()
    assert np.array_equal(kept["valid"], split.valid)
    assert np.array_equal(kept["target"], data[0].target[split.valid])
    weights = {name: load_file(tmp_path / f"{name}.safetensors")["image_projection.fc.bias"]
               for name in ("best", "last")}
    assert (weights["best"] == 2).all() and (weights["last"] == 4).all()
    receipt = json.loads((tmp_path / "receipt.json").read_text())
    assert (receipt["metrics"]["epoch"], receipt["metrics"]["top1"]) == (2, 6 / 8)
    assert json.loads((tmp_path / "metrics.json").read_text())["top1"] == 6 / 8


@pytest.mark.parametrize(("train_losses", "valid_losses", "falls"),
                         [([3.0, 2.0, 1.0], [1.0, 2.0, 3.0], True), ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0], False)])
def test_the_plateau_is_one_of_the_validation_loss(data, tmp_path, monkeypatch, train_losses, valid_losses, falls):
    session, _ = scripted(data, tmp_path, monkeypatch, train_losses, valid_losses, right=[4, 4, 4],
                          plateau_patience=0, plateau_factor=0.5)
    start = session.config.train.lr_image
    assert session.optimizer.param_groups[0]["lr"] == pytest.approx(start / 4 if falls else start)


def test_a_cosine_ends_at_zero_with_the_last_step(data):
    session = open_session(short(schedule="cosine", epochs=2), *data)
    rates = [group["lr"] for group in session.optimizer.param_groups]
    assert rates == [getattr(session.config.train, name) for name in ("lr_image", "lr_text", "lr_head")]
    loop.train_epoch(session, data[2].train, seed=0)
    half = [group["lr"] for group in session.optimizer.param_groups]
    assert half == pytest.approx([rate / 2 for rate in rates])
    loop.train_epoch(session, data[2].train, seed=1)
    assert [group["lr"] for group in session.optimizer.param_groups] == pytest.approx([0, 0, 0], abs=1e-12)


def test_the_epoch_is_chosen_on_other_rows_than_the_reported_ones(data, tmp_path, monkeypatch):
    """The rows to choose on are best answered in epoch 2, the reported ones in epoch 3."""
    dataset, pixels, split = data
    split = replace(split, train=split.train[8:], select=split.train[:8])
    session = open_session(short(epochs=3), dataset, pixels, split)
    epoch = 0

    def trained(*args, **kwargs):
        nonlocal epoch
        epoch += 1
        return {"loss": 1.0}

    def check(rows):
        right = {1: 2, 2: 6, 3: 4}[epoch] if np.array_equal(rows, split.select) else epoch
        target = dataset.target[rows]
        answers = np.where(np.arange(len(rows)) < right, target, (target + 1) % 4)
        return Validation(scores(np.eye(4)[answers], target), 1.0, {"logits": np.eye(4)[answers]})

    monkeypatch.setattr(loop, "train_epoch", trained)
    session.task.validate = check
    loop.run_epochs(session, dataset, pixels, split, tmp_path, progress=False)
    assert json.loads((tmp_path / "receipt.json").read_text())["metrics"]["epoch"] == 2
    assert len(split.valid) != 8
    reported = json.loads((tmp_path / "metrics.json").read_text())
    assert (reported["samples"], reported["top1"]) == (len(split.valid), 2 / len(split.valid))
    assert len(np.load(tmp_path / "outputs.npz")["logits"]) == len(split.valid)


# -- early stopping, the last epoch, which rows chose ------------------------------------------------------------------


@pytest.mark.parametrize(("right", "patience", "epochs"), [
    ([4, 6, 6, 5, 6, 7], 0, 6), ([4, 6, 6, 5, 6, 7], 3, 5), ([4, 6, 6, 7, 6, 7], 3, 6), ([4, 3, 8], 1, 2)])
def test_patience_ends_a_run_whose_score_has_stopped_rising(data, tmp_path, monkeypatch, right, patience, epochs):
    scripted(data, tmp_path, monkeypatch, [1.0] * 6, [1.0] * 6, right=right, early_stop=patience)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").open()]
    assert len(log) == epochs
    receipt = json.loads((tmp_path / "receipt.json").read_text())
    assert receipt["last"]["epoch"] == epochs and receipt["last"]["top1"] == right[epochs - 1] / 8
    assert receipt["metrics"]["top1"] == max(right[:epochs]) / 8


def test_the_last_epoch_may_be_the_chosen_one(data, tmp_path, monkeypatch):
    scripted(data, tmp_path, monkeypatch, [1.0] * 3, [1.0] * 3, right=[4, 8, 3], select="last")
    assert Run(tmp_path).summary["chosen_on"] == "no image: it is the last epoch"
    assert json.loads((tmp_path / "metrics.json").read_text())["top1"] == 3 / 8
    best, last = (load_file(tmp_path / f"{name}.safetensors") for name in ("best", "last"))
    assert all(torch.equal(best[name], value) for name, value in last.items())


def test_scores_that_decide_nothing_may_be_left_out_and_change_no_bit(data, tmp_path):
    dataset, pixels, split = data
    every, some = (short(epochs=3, schedule="cosine", select="last", validate_every=step) for step in (1, 2))
    first = loop.fit(every, dataset, pixels, split, tmp_path / "every", progress=False)
    second = loop.fit(some, dataset, pixels, split, tmp_path / "some", progress=False)
    for name in ("last.safetensors", "outputs.npz", "metrics.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    logs = [Run(folder).log.drop(columns="seconds") for folder in (first, second)]
    whole, short_log = logs
    pd.testing.assert_frame_equal(whole.loc[1:], short_log.loc[1:], check_like=True, check_dtype=False)
    there = short_log.columns[short_log.loc[0].notna()]
    assert {"epoch", "train_loss", "lr_image"} <= set(there) and not {"valid_loss", "top1", "uar"} & set(there)
    pd.testing.assert_series_equal(whole.loc[0, there], short_log.loc[0, there])


@pytest.mark.parametrize("settings", [{}, {"select": "last"}, {"schedule": "cosine"},
                                      {"select": "last", "schedule": "cosine", "early_stop": 2}])
def test_scores_that_decide_something_are_not_left_out(settings):
    with pytest.raises(ConfigError, match="validate_every: found 2 beside select"):
        short(validate_every=2, **settings)


def test_a_run_that_patience_ended_does_not_go_on_when_resumed(data, tmp_path, monkeypatch):
    dataset, pixels, split = data
    config = short(epochs=4, early_stop=1, lr_image=0.0, lr_text=0.0, lr_head=0.0)
    folder = loop.fit(config, dataset, pixels, split, tmp_path / "run", progress=False)
    log = (folder / "log.jsonl").read_text()
    weights = (folder / "best.safetensors").read_bytes()
    assert log.count("\n") < 4
    (folder / "receipt.json").unlink()
    monkeypatch.setattr(loop, "train_epoch", None)
    loop.fit(config, dataset, pixels, split, folder, progress=False, resume=True)
    assert (folder / "log.jsonl").read_text() == log and (folder / "best.safetensors").read_bytes() == weights
    assert (folder / "receipt.json").exists()


@pytest.mark.slow
def test_the_last_epoch_is_scored_on_the_reported_rows_too(data, tmp_path):
    dataset, pixels, split = data
    split = replace(split, train=split.train[8:], select=split.train[:8])
    folder = loop.fit(short(epochs=2, select="held_out"), dataset, pixels, split, tmp_path / "run", progress=False)
    summary = Run(folder).summary
    assert summary["last"]["samples"] == summary["best"]["samples"] == len(split.valid)
    assert summary["last"]["epoch"] == 2 and summary["chosen_on"] == f"{len(split.select)} held-out training images"
    reported = loop.fit(short(epochs=1), dataset, pixels, make_split(dataset, "frame"), tmp_path / "b", progress=False)
    assert Run(reported).summary["chosen_on"].endswith("the reported images")


class Recorder(GeneralTracker):
    """A tracker that keeps what it is told."""

    name = "recorder"
    requires_logging_directory = True

    def __init__(self, project, folder):
        super().__init__()
        self.folder, self.rows = Path(folder) / project, []
        self.folder.mkdir(parents=True)
        told.append(self)

    tracker = property(lambda self: self)

    def start(self):
        self.started = True

    def log(self, values, step=None, **kwargs):
        self.rows.append((step, values))

    def finish(self):
        self.rows.append("end")


told = []


def test_a_tracker_hears_of_every_epoch(data, tmp_path, monkeypatch):
    monkeypatch.setitem(LOGGER_TYPE_TO_CLASS, "recorder", Recorder)
    loop.fit(short(epochs=2), *data, tmp_path / "run", progress=False, log_with="recorder")
    assert [row[0] for row in told[0].rows[:2]] == [1, 2] and told[0].rows[2:] == ["end"]
    assert told[0].rows[0][1]["train_loss"] > 0 and told[0].folder == tmp_path / "run" / "mgutils"
    with pytest.raises(ConfigError, match="log_with: found 'smoke signals'"):
        loop.fit(short(), *data, tmp_path / "other", progress=False, log_with="smoke signals")
    assert not (tmp_path / "other").exists()


@pytest.mark.slow
def test_tensorboard_reads_back_the_epochs_of_a_run_that_was_stopped_and_went_on(data, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop, "_run_epoch", _run_one_epoch(loop._run_epoch))
        loop.fit(short(epochs=2), *data, tmp_path / "run", progress=False, log_with="tensorboard")
    folder = loop.fit(short(epochs=2), *data, tmp_path / "run", progress=False, log_with="tensorboard", resume=True)
    events = EventAccumulator(str(folder / "mgutils")).Reload()
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert len(list((folder / "mgutils").iterdir())) == len(log) == 2
    assert set(events.Tags()["scalars"]) == set(log[0]) - {"epoch"}
    for name in events.Tags()["scalars"]:
        points = events.Scalars(name)
        assert [point.step for point in points] == [1, 2]
        assert [point.value for point in points] == pytest.approx([row[name] for row in log], rel=1e-6)


def _run_one_epoch(run_epoch):
    """Train one epoch, then be stopped."""
    def run(session, rows, choice, epoch, *rest):
        if epoch == 2:
            raise KeyboardInterrupt
        return run_epoch(session, rows, choice, epoch, *rest)

    return run
