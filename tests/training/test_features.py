"""Frozen encoders: run once, their features kept and read; warm-up; the light of another room."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from mgutils.config import TrainConfig, run_config, vision_config
from mgutils.data.pixels import load_pixels
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
from mgutils.errors import ConfigError
from mgutils.evaluation.embed import evaluate_run
from mgutils.training import features, loop
from mgutils.training.batches import PixelLoader, augment, random_light
from mgutils.training.features import image_features
from mgutils.training.optim import make_scheduler
from mgutils.training.session import open_session


@pytest.fixture
def data(tiny_root):
    dataset = read_dataset(tiny_root)
    return dataset, load_pixels(dataset, 32, progress=False), make_split(dataset, "frame")


def short(freeze, **settings):
    return run_config("smoke", "sound_ce", freeze=freeze, copies=2, **{"augment": "affine", **settings})


def colours(images):
    """An encoder that is quick and easy to follow: the mean colour, and the colour of one pixel."""
    return torch.cat([images.mean((2, 3)), images[:, :, 3, 5]], dim=1)


class Colours(nn.Module):
    def forward(self, images):
        return colours(images)


def loader(pixels):
    return PixelLoader(pixels, torch.device("cpu"))


@pytest.mark.parametrize("kind", ["none", "affine", "photo"])
def test_features_are_those_of_the_images_and_of_their_augmented_copies(data, kind):
    pixels = np.array(data[1])
    kept = image_features(Colours(), loader(pixels), kind, copies=3)
    rows = np.array([5, 0, 71])
    torch.testing.assert_close(kept(rows), colours(augment(torch.from_numpy(pixels[rows]), "none", None)))
    assert len(kept.array) == (1 if kind == "none" else 4)
    if kind != "none":
        generator = torch.Generator().manual_seed(2)  # the second copy, in one batch of 72
        wanted = colours(augment(torch.from_numpy(pixels), kind, generator))
        torch.testing.assert_close(torch.from_numpy(kept.array[2]), wanted)
    drawn = kept.draw(np.arange(72), torch.Generator().manual_seed(0)).numpy()
    copies = kept.array if kind == "none" else kept.array[1:]
    whose = (drawn == copies).all(axis=2)  # (copies, N)
    assert whose.any(axis=0).all() and whose.any(axis=1).all()


def test_a_second_run_reads_what_the_first_one_kept(data, monkeypatch):
    _, pixels, _ = data
    first = image_features(Colours(), loader(pixels), "affine", 2)
    real = features._encode
    monkeypatch.setattr(features, "_encode", lambda *_: pytest.fail("encoded again"))
    assert np.array_equal(image_features(Colours(), loader(pixels), "affine", 2).array, first.array)
    monkeypatch.setattr(features, "_encode", real)
    assert len(image_features(Colours(), loader(pixels), "affine", 1).array) == 2  # another number: other features
    other = nn.Sequential(Colours(), nn.Linear(6, 2))
    assert image_features(other, loader(pixels), "affine", 2).array.shape[-1] == 2  # other weights, too


@pytest.mark.parametrize("freeze", ["text", "image", "both"])
def test_frozen_weights_stay_the_others_learn_and_the_scores_are_the_whole_models(data, tmp_path, tiny_root, freeze):
    dataset, pixels, split = data
    session = open_session(short(freeze), dataset, pixels, split)
    before = {name: value.clone() for name, value in session.task.model.state_dict().items()}
    loop.run_epochs(session, dataset, pixels, split, tmp_path / "run", progress=False)
    moved = {name.split("_")[0] for name, value in session.task.model.state_dict().items()
             if "encoder" in name and not torch.equal(value, before[name])}
    assert moved == {"text", "image"} - ({"text", "image"} if freeze == "both" else {freeze})
    assert not torch.equal(before["image_projection.fc.weight"], session.task.model.image_projection.fc.weight)
    again = evaluate_run(tmp_path / "run", tiny_root, tmp_path / "again")  # through both encoders
    assert again.summary() == pytest.approx(json.loads((tmp_path / "run" / "metrics.json").read_text()))


def test_a_classifier_with_a_frozen_encoder_is_refused(data):
    config = vision_config("smoke", "resnet", freeze="image")
    with pytest.raises(ConfigError, match="'image' for a classifier; wanted none. `mg probe`"):
        open_session(config, *data)


def test_the_loss_on_features_is_that_on_images_and_tokens(data):
    dataset, pixels, split = data
    rows, generator = split.train[:16], torch.Generator()
    values = []
    for freeze in ("none", "both"):
        task = open_session(short(freeze, augment="none"), dataset, pixels, split).task
        task.model.eval()  # no dropout, which the frozen encoders have not, either
        values.append(task.training_step(task.batch(rows, generator))["contrastive"])
    torch.testing.assert_close(*values)


def test_rates_rise_evenly_then_follow_the_cosine():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make_scheduler(optimizer, TrainConfig(epochs=4, schedule="cosine", warmup=1.0), steps_per_epoch=10)
    rates = []
    for _ in range(40):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert np.allclose(np.diff(rates[:11]), 1 / 11) and rates[10] == max(rates) == 1
    assert np.allclose(rates[10:], 0.5 * (1 + np.cos(np.pi * np.arange(30) / 30)))
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0, abs=1e-12)


def test_light_changes_each_image_its_own_way_and_keeps_its_shapes():
    images = torch.rand(1, 3, 8, 8).expand(5, -1, -1, -1)
    lit = random_light(images, torch.Generator().manual_seed(0))
    assert not torch.allclose(lit[0], lit[1])
    assert torch.equal(lit, random_light(images, torch.Generator().manual_seed(0)))
    torch.testing.assert_close(random_light(images, torch.Generator(), strength=0.0), images)
    grey = torch.rand(1, 1, 8, 8).expand(4, 3, -1, -1)  # without colour, light is factor * value + shift
    for before, after in zip(grey[:, 0], random_light(grey, torch.Generator().manual_seed(1))[:, 0], strict=True):
        assert np.corrcoef(before.flatten(), after.flatten())[0, 1] > 0.9999
