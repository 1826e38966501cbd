"""The validation loss: batches in one fixed shuffled order, whatever the order of the table."""

import numpy as np
import pytest
import torch

from mgutils.config import run_config
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
from mgutils.losses.grouped import CLASS_LOSSES
from mgutils.training.encode import encode_all
from mgutils.training.image_text import VALIDATION_ORDER
from mgutils.training.session import open_session


@pytest.fixture(scope="module")
def task(tiny_template):
    dataset = read_dataset(tiny_template)
    pixels = np.random.default_rng(0).integers(0, 256, (len(dataset), 16, 16, 3), dtype=np.uint8)
    config = run_config("smoke", "sound_ce", image_size=16, batch_size=8, seed=0)
    return open_session(config, dataset, pixels, make_split(dataset, "frame")).task


def by_class(task):
    """All rows, sorted by class: a batch of 8 then holds one class, or two."""
    return np.argsort(task.target, kind="stable")


def loss_in_order(task, rows):
    """A slow twin: the loss of ``rows`` in batches of 8 as they stand."""
    images, captions = encode_all(task.model, task.loader, rows, task.tokens)
    total = 0.0
    for start in range(0, len(rows), 8):
        target = torch.from_numpy(task.target[rows[start:start + 8]])
        present, own = target.unique(return_inverse=True)
        loss = CLASS_LOSSES["identity_ce"](images[start:start + 8], captions[present], own, task.model.temperature)
        total += loss.item() * len(target)
    return total / len(rows)


@torch.no_grad()
def test_the_loss_is_that_of_shuffled_batches_not_of_stored_order(task):
    rows = by_class(task)
    loss = task.validate(rows)[1]
    order = np.random.default_rng(VALIDATION_ORDER).permutation(len(rows))
    assert loss == pytest.approx(loss_in_order(task, rows[order]), rel=1e-6)
    assert loss != pytest.approx(loss_in_order(task, rows), rel=1e-4)


@torch.no_grad()
def test_the_order_is_fixed_and_the_arrays_stay_in_the_order_of_the_rows(task):
    rows = by_class(task)
    (scores, loss, arrays), (_, again, _) = task.validate(rows), task.validate(rows)
    assert loss == again
    images, _ = encode_all(task.model, task.loader, rows, task.tokens)
    np.testing.assert_array_equal(arrays["image_embeddings"], images.numpy())
    assert scores.top1 == (arrays["logits"].argmax(axis=1) == task.target[rows]).mean()
