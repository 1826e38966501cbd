"""The temperature: what a loss refuses, and how a learned one is kept above its bound."""

import math

import numpy as np
import pytest
import torch

from mgutils import losses
from mgutils.config import Objective, get_profile, run_config
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
from mgutils.losses import grouped as class_losses
from mgutils.models.clip import LOWEST_TEMPERATURE, build_model
from mgutils.training import loop as train
from mgutils.training.image_text import parameter_groups

SMALL = get_profile("smoke").model
CAPTIONS = ("Folding arms", "Head up", "Turtle neck")
EVERY_LOSS = [*losses.LOSSES.values(), losses.siglip, losses.supcon]


@pytest.fixture(scope="module")
def learning():
    """A small model that learns its temperature."""
    torch.manual_seed(0)
    objective = Objective("identity_ce", normalize=True, temperature=0.07, learn_temperature=True)
    return build_model(SMALL, objective, CAPTIONS)[0]


@pytest.mark.parametrize("temperature", [0, 0.0, -1.0, math.nan, torch.tensor(0.0), torch.tensor(-0.07)])
@pytest.mark.parametrize("loss", EVERY_LOSS, ids=lambda loss: loss.__name__)
def test_a_temperature_that_is_not_positive_is_refused(loss, temperature):
    image, text = torch.randn(2, 4, 8)
    with pytest.raises(ValueError, match="temperature: found .*; wanted more than 0"):
        loss(image, text, torch.arange(4), temperature)


@pytest.mark.parametrize("loss", class_losses.CLASS_LOSSES.values(), ids=class_losses.CLASS_LOSSES)
def test_the_losses_of_classes_refuse_it_too(loss):
    with pytest.raises(ValueError, match="wanted more than 0"):
        loss(torch.randn(4, 8), torch.randn(2, 8), torch.tensor([0, 1, 0, 1]), 0)


def test_one_bad_temperature_of_a_stack_is_enough():
    with pytest.raises(ValueError, match="found 0;"):
        losses.similarity_logits(torch.randn(2, 3, 4), torch.randn(2, 3, 4), torch.tensor([0.07, 0.0])[:, None, None])


def test_a_learned_temperature_is_clamped_in_place_and_comes_back(learning):
    optimizer = torch.optim.SGD([learning.log_temperature], lr=1.0)
    with torch.no_grad():
        learning.log_temperature.fill_(math.log(1e-4))
    learning.limit_temperature()
    assert learning.temperature.item() == pytest.approx(LOWEST_TEMPERATURE, rel=1e-5)
    learning.limit_temperature()
    learning.temperature.backward()
    assert learning.log_temperature.grad.item() == pytest.approx(LOWEST_TEMPERATURE, rel=1e-5)  # not 0 at the bound
    learning.log_temperature.grad.neg_()  # a loss that wants a higher temperature
    optimizer.step()
    learning.limit_temperature()
    assert learning.temperature.item() > LOWEST_TEMPERATURE * 1.005
    with torch.no_grad():
        learning.log_temperature.fill_(math.log(0.5))
    learning.limit_temperature()
    assert learning.temperature.item() == pytest.approx(0.5)  # above the bound nothing is touched


def test_a_fixed_temperature_stays_as_it_is_configured():
    model, _ = build_model(SMALL, Objective("js", True, 0.005), CAPTIONS)
    model.limit_temperature()
    assert model.temperature.item() == pytest.approx(0.005)


def test_only_the_heads_are_decayed(learning):
    groups = parameter_groups(learning, get_profile("imigue").train)
    decayed = {id(weight) for group in groups if group["weight_decay"] for weight in group["params"]}
    heads = {id(weight) for head in (learning.image_projection, learning.text_projection)
             for weight in head.parameters()}
    assert decayed == heads
    assert sum(len(group["params"]) for group in groups) == len(list(learning.parameters()))


def test_training_keeps_a_learned_temperature_at_its_bound(tiny_root):
    dataset = read_dataset(tiny_root)
    pixels = np.random.default_rng(0).integers(0, 256, (len(dataset), 16, 16, 3), dtype=np.uint8)
    # half the bound: steps of 0.001 alone would need hundreds to get there
    objective = Objective("identity_ce", normalize=True, temperature=LOWEST_TEMPERATURE / 2, learn_temperature=True)
    base = run_config("smoke", "sound_ce", image_size=16, batch_size=8)
    config = type(base)("sound_ce", objective, base.model, base.train)
    split = make_split(dataset, "frame")
    session = train.open_session(config, dataset, pixels, split)
    lowest = []
    for epoch in range(3):
        train.train_epoch(session, split.train, seed=epoch)
        lowest.append(session.task.model.temperature.item())
    assert min(lowest) >= LOWEST_TEMPERATURE * (1 - 1e-5)
    assert lowest[-1] > LOWEST_TEMPERATURE  # noise cannot be learned, so the loss asks for softer answers
