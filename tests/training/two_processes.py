"""One of two processes of :mod:`test_distributed`: ``python two_processes.py OUT_DIR`` with torch's variables set.

Also run by one process alone, for comparison: everything in float64, without dropout and batch normalisation.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mgutils import losses
from mgutils.config import run_config
from mgutils.data.splits import Split
from mgutils.losses import grouped as class_losses
from mgutils.losses.grouped import CLASS_LOSSES, on_pairs
from mgutils.training import loop as train
from mgutils.training import session
from mgutils.training.batches import Feed
from mgutils.training.distributed import gather, processes, share

ALL = CLASS_LOSSES | {"siglip": class_losses.siglip, "supcon": on_pairs(losses.supcon)}
TARGET = np.array([0, 1, 0, 2, 3, 4, 3])  # the first process has classes 0, 1, 2 alone, the second 3 and 4
SIZE = 8


class Tiny(nn.Module):
    """Images and texts into three dimensions; no randomness, nothing that sees the batch."""

    def __init__(self):
        super().__init__()
        self.image = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE * SIZE, 6), nn.Tanh(), nn.Linear(6, 3))
        self.text = nn.EmbeddingBag(9, 3)
        self.log_temperature = nn.Parameter(torch.tensor(-0.5))

    @property
    def temperature(self):
        return self.log_temperature.exp()

    def limit_temperature(self):
        """Nothing to do: no step is taken."""

    def forward(self, images, input_ids=None, attention_mask=None):
        image = self.image(images)
        return (image,) if input_ids is None else (image, self.text(input_ids))


def gradients(model):
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def make(config, loss):
    """A session around the tiny model, the same in every process."""
    torch.manual_seed(0)
    model = Tiny().double()
    chance = np.random.default_rng(0)
    pixels = chance.integers(0, 256, (len(TARGET), SIZE, SIZE, 3), dtype=np.uint8)
    dataset = type("Data", (), {"target": TARGET})
    split = Split("frame", np.arange(len(TARGET)), np.arange(len(TARGET)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    made = session.make_session(config, dataset, pixels, split, model, optimizer, loss)
    ids = torch.arange(10).reshape(5, 2) % 9
    return replace(made, tokens={"input_ids": ids, "attention_mask": torch.ones_like(ids)}), pixels


def one_step(name, **settings):
    """Loss and gradients of one step of the kit's own training on all seven rows."""
    config = run_config("smoke", "sound_ce", batch_size=8, **settings)
    made, pixels = make(config, ALL[name])
    rows = np.arange(len(TARGET))
    images = Feed(pixels, torch.device("cpu"))(share(rows)).permute(0, 3, 1, 2).double() / 255
    made.optimizer.step = lambda: None
    return {"loss": train.train_step(made, rows, images), **gradients(made.model)}


def without_gradient(name):
    """The same, but the other process's embeddings come without their gradient."""
    rank, _ = processes()
    real = train.gather

    def cut(part, count):
        joined = gather(part.detach(), count)
        begin = 0 if rank == 0 else count - len(part)
        return torch.cat([joined[:begin], part, joined[begin + len(part):]])

    train.gather = cut
    try:
        return one_step(name)
    finally:
        train.gather = real


def main(folder: Path) -> None:
    rank, world = 0, 1
    results = {f"{name}": one_step(name) for name in ALL}
    rank, world = processes()
    results["parts"] = one_step("js", micro_batch=4)
    if world > 1:
        results |= {f"cut {name}": without_gradient(name) for name in ALL}
    torch.save(results, folder / f"{world}-{rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
