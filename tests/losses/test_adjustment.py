"""Logit adjustment: value and gradient against a slow twin in plain loops, and what it does to a run."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from mgutils.config import Objective, run_config, vision_config
from mgutils.data.pixels import load_pixels
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
from mgutils.errors import ConfigError
from mgutils.losses import LOSSES
from mgutils.losses.adjustment import adjust_embeddings, log_shares
from mgutils.losses.grouped import CLASS_LOSSES
from mgutils.training.session import open_session


def slow_loss(logits, target, shares, tau):
    """Menon et al. 2021, equation 10: log(1 + sum over other classes of (share' / share)^tau exp(f' - f))."""
    total = 0.0
    for row, truth in zip(logits, target, strict=True):
        others = sum((shares[c] / shares[truth]) ** tau * math.exp(row[c] - row[truth])
                     for c in range(len(row)) if c != truth)
        total += math.log(1 + others)
    return total / len(target)


def slow_gradient(logits, target, shares, tau):
    """(p - one hot) / B, with p proportional to share^tau exp(f)."""
    gradient = np.zeros_like(logits)
    for i, truth in enumerate(target):
        weights = [shares[c] ** tau * math.exp(logits[i, c]) for c in range(logits.shape[1])]
        for c, weight in enumerate(weights):
            gradient[i, c] = (weight / sum(weights) - (c == truth)) / len(target)
    return gradient


@given(seed=st.integers(0, 999), tau=st.sampled_from([0.0, 0.5, 1.0, 2.0]))
def test_value_and_gradient_are_those_of_the_slow_twin(seed, tau):
    rng = np.random.default_rng(seed)
    logits, train = rng.normal(size=(6, 4)), rng.choice(4, 50, p=[0.6, 0.25, 0.1, 0.05])
    target = rng.integers(0, 4, 6)
    shares = np.bincount(train, minlength=4).clip(min=1)
    shares = shares / shares.sum()
    given_logits = torch.tensor(logits, requires_grad=True)
    loss = F.cross_entropy(given_logits + tau * log_shares(train, 4), torch.from_numpy(target))
    loss.backward()
    assert loss.item() == pytest.approx(slow_loss(logits, target, shares, tau), rel=1e-5)
    np.testing.assert_allclose(given_logits.grad.numpy(), slow_gradient(logits, target, shares, tau), atol=1e-6)


@pytest.mark.parametrize("temperature", [0.07, 1.0, 3.0])
def test_one_more_dimension_adds_the_offset_to_the_logits_and_none_to_the_temperature(temperature):
    torch.manual_seed(0)
    image, captions = torch.randn(5, 8, dtype=torch.float64), torch.randn(3, 8, dtype=torch.float64)
    offset = torch.tensor([-0.5, -1.0, -3.0], dtype=torch.float64)
    tau = torch.tensor(temperature, dtype=torch.float64, requires_grad=True)
    longer = adjust_embeddings(image, captions, offset, tau)
    found = longer[0] @ longer[1].T / tau
    torch.testing.assert_close(found, image @ captions.T / tau + offset)
    own = torch.autograd.grad(found.sum(), tau)[0]
    plain = torch.autograd.grad((image @ captions.T / tau).sum(), tau)[0]
    torch.testing.assert_close(own, plain)


@pytest.mark.parametrize("name", ["multi_positive_ce", "js"])
def test_once_for_each_caption_or_once_for_each_image_is_the_same_gradient(name):
    torch.manual_seed(1)
    image, captions = torch.randn(8, 4, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    target, offset = torch.tensor([0, 0, 1, 2, 2, 2, 1, 0]), torch.tensor([-0.1, -1.0, -3.0], dtype=torch.float64)
    gradients = []
    for once in (True, False):
        leaf = image.clone().requires_grad_()
        texts = adjust_embeddings(leaf, captions, offset, 0.5)
        registry, repeated = (CLASS_LOSSES, texts[1]) if once else (LOSSES, texts[1][target])
        loss = registry[name](texts[0], repeated, target, 0.5)
        gradients.append(torch.autograd.grad(loss, leaf)[0])
    torch.testing.assert_close(*gradients)


def test_from_caption_to_image_nothing_changes():
    """The same number is added to all logits of a caption."""
    torch.manual_seed(2)
    image, captions = torch.randn(6, 4), torch.randn(3, 4)
    longer = adjust_embeddings(image, captions, torch.tensor([-1.0, -2.0, -5.0]), 0.3)
    torch.testing.assert_close((longer[1] @ longer[0].T / 0.3).softmax(1), (captions @ image.T / 0.3).softmax(1))


def test_the_reports_losses_have_no_classes_to_adjust():
    with pytest.raises(ConfigError, match="logit_adjustment: found 1.0 with the report's original_ce"):
        Objective("original_ce", False, 0.05, logit_adjustment=1.0)
    with pytest.raises(ConfigError, match="logit_adjustment: found -1"):
        Objective("js", True, 0.05, logit_adjustment=-1)


@pytest.mark.parametrize("base", [run_config("smoke", "sound_ce"), vision_config("smoke", "resnet")])
def test_a_session_adjusts_by_the_training_rows_alone(tiny_template, base):
    dataset = read_dataset(tiny_template)
    pixels = load_pixels(dataset, 32, progress=False)
    split = make_split(dataset, "frame")
    split = replace(split, train=split.train[(dataset.target[split.train] != 3)][:20])
    session = open_session(replace(base, loss=replace(base.loss, logit_adjustment=2.0)), dataset, pixels, split)
    torch.testing.assert_close(session.task.offset, 2 * log_shares(dataset.target[split.train], 4))
    generator = torch.Generator().manual_seed(0)
    batch = session.task.batch(split.train[:8], generator)
    session.task.forward.eval()
    embedded = session.task.embed(batch)
    adjusted = sum(session.task.losses(batch, *embedded).values())
    session.task.offset = None
    assert adjusted.item() != pytest.approx(sum(session.task.losses(batch, *embedded).values()).item())
    assert session.task.validate(split.valid).loss == session.task.validate(split.valid).loss  # answers: as they are
