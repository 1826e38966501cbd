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
from mgutils.config import Pair, SpaceConfig, run_config, skeleton_config, space_config
from mgutils.data.modalities import ModalityReader, middle
from mgutils.data.splits import Split
from mgutils.losses.grouped import CLASS_LOSSES, on_pairs
from mgutils.models.skeleton import build_skeleton
from mgutils.models.space import build_space
from mgutils.training import image_text
from mgutils.training.alignment import Alignment
from mgutils.training.batches import PixelLoader
from mgutils.training.clips import as_tensors
from mgutils.training.distributed import gather, rank_and_world_size, shard
from mgutils.training.image_text import ImageText
from mgutils.training.loop import train_step
from mgutils.training.optim import make_accelerator
from mgutils.training.session import make_session
from mgutils.training.skeleton import ClipReader, Skeleton
from mgutils.training.task import Batch

ALL = CLASS_LOSSES | {"siglip": on_pairs(losses.siglip), "supcon": on_pairs(losses.supcon)}
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


class Doubles(ImageText):
    """The task of the report around the tiny model, by plain gradient descent."""

    def parameter_groups(self):
        return [{"params": list(self.model.parameters()), "lr": 0.1}]

    def batch(self, rows, generator=None):
        """The same as :meth:`ImageText.batch`, in float64 and without augmentation."""
        images = self.loader(shard(rows)).permute(0, 3, 1, 2).double() / 255
        present, own = np.unique(self.target[rows], return_inverse=True)
        tokens = {name: part[present] for name, part in self.tokens.items()}
        return Batch(rows, torch.from_numpy(own), {"images": images}, shared=tokens)


def make(config, loss):
    """A session around the tiny model, the same in every process."""
    torch.manual_seed(0)
    model = Tiny().double()
    chance = np.random.default_rng(0)
    pixels = chance.integers(0, 256, (len(TARGET), SIZE, SIZE, 3), dtype=np.uint8)
    split = Split("frame", np.arange(len(TARGET)), np.arange(len(TARGET)))
    ids = torch.arange(10).reshape(5, 2) % 9
    tokens = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    accelerator = make_accelerator("float32")
    task = Doubles(config, accelerator, model, loss, PixelLoader(pixels, torch.device("cpu")), TARGET, tokens)
    return make_session(task, accelerator, config, split)


def two_steps(session, rows):
    """Losses and gradients of a second step on the same rows: a first that left ranks waiting would show there."""
    session.optimizer.step = lambda: None
    for _ in range(2):
        losses = train_step(session, session.task.batch(rows))
    return {**losses, **gradients(session.task.model)}


def one_step(name, rows=np.arange(len(TARGET)), **settings):  # noqa: B008 (nobody changes it)
    """Loss and gradients of the kit's own training, on all seven rows if nothing else is said."""
    made = make(run_config("smoke", "sound_ce", batch_size=8, **settings), ALL[name])
    found = two_steps(made, rows)
    return {"loss": found.pop("contrastive"), **found}


class DoubleClips(Skeleton):
    """The skeleton task in float64, its moments not drawn."""

    def batch(self, rows, generator=None):
        """The middle of each segment, as in a test."""
        joints = torch.from_numpy(self.reader(shard(rows), np.array([[0.5]])))
        return Batch(rows, torch.from_numpy(self.target[rows]), {"joints": joints})


def skeleton_step(**settings):
    """Loss and gradients of one step on seven clips, with vectors to hit beside the classes."""
    torch.manual_seed(0)
    config = skeleton_config("smoke", frames=4, network_kwargs={"width": 16, "dropout": 0.0}, dropout=0.0)
    config = replace(config, train=replace(config.train, batch_size=8, **settings))
    model = build_skeleton(config.model, 5, 6).double()
    for head in model.heads:
        torch.nn.init.normal_(head.weight, std=0.3)
    joints = np.random.default_rng(0).random((7 * 9, 22, 3))
    reader = ClipReader(joints, 9 * np.arange(7), np.full(7, 9), config.model)
    accelerator = make_accelerator("float32")
    split = Split("frame", np.arange(7), np.arange(7))
    task = DoubleClips(config, accelerator, model, reader, TARGET, torch.randn(5, 6, dtype=torch.float64))
    return two_steps(make_session(task, accelerator, config, split), np.arange(7))


class DoubleSpace(Alignment):
    """The task of pairs in float64, its moments not drawn."""

    def batch(self, rows, generator=None):
        """The middle of each segment, as in a test."""
        own = shard(rows)
        clips = self.reader(own, middle(self.names, len(own), self.reader.frames)).inputs
        inputs = {name: part.double() for name, part in as_tensors(clips, torch.device("cpu")).items()}
        return Batch(rows, torch.from_numpy(self.target[rows]), inputs)


CLIPS = np.array([0, 1, 0, 2, 3, 4, 3, 1, 2, 0, 4])
PAIRS = (Pair("joints", "flow", temperature=0.3, weight=0.5), Pair("joints", "gaze", "siglip"),
         Pair("flow", "class", "class_ce"), Pair("gaze", "caption", "multi_positive_ce", temperature=0.5),
         Pair("flow", "gaze"))


def space_step(count=7, shuffled=False, **settings):
    """Losses and gradients of a list of pairs.

    The first four clips, all that one process has of seven, lack ``gaze``, and no clip has ``flow`` and ``gaze``.
    """
    torch.manual_seed(0)
    width = {"width": 8, "layers": 1, "heads": 2, "dropout": 0.0}
    networks = {"joints": width, "flow": width | {"shape": [3]}, "gaze": width | {"shape": [2, 2]}}
    model = SpaceConfig(PAIRS, 6, 4, encoders=networks, learn_temperature=True, shuffled=shuffled)
    config = space_config("smoke", model, "pairs", batch_size=16, schedule="plateau", **settings)
    chance = np.random.default_rng(0)
    total = len(CLIPS)
    arrays = {name: chance.random((5 * total, *shape)).astype(np.float32) for name, shape in
              (("joints", (22, 3)), ("flow", (3,)), ("gaze", (2, 2)))}
    place = np.arange(total)
    present = {"joints": place != 5, "flow": place < 4, "gaze": place >= 4}
    reader = ModalityReader(arrays, 5 * place, np.full(total, 5), present, 4)
    accelerator = make_accelerator("float32")
    made = build_space(model, 5, chance.standard_normal((5, 7))).double()
    task = DoubleSpace(config, accelerator, made, reader, CLIPS, 5)
    session = make_session(task, accelerator, config, Split("frame", place, place))
    return two_steps(session, np.arange(count))


def without_gradient(name):
    """The same, but the other process's embeddings come without their gradient."""
    rank, _ = rank_and_world_size()
    real = image_text.gather

    def cut(part, count):
        joined = gather(part.detach(), count)
        begin = 0 if rank == 0 else count - len(part)
        return torch.cat([joined[:begin], part, joined[begin + len(part):]])

    image_text.gather = cut
    try:
        return one_step(name)
    finally:
        image_text.gather = real


def main(folder: Path) -> None:
    results = {f"{name}": one_step(name) for name in ALL}
    results["skeleton"], results["skeleton parts"] = skeleton_step(), skeleton_step(micro_batch=4)
    rank, world = rank_and_world_size()
    results["parts"] = one_step("js", micro_batch=4)
    # of nine rows one process has parts, and the other has a batch that fits
    for count in (9, 11):
        rows = np.arange(count) % len(TARGET)
        for name, settings in (("whole", {}), ("parts", {"micro_batch": 4})):
            results[f"js {count} {name}"] = one_step("js", rows, **settings)
            results[f"space {count} {name}"] = space_step(count, **settings)
    results["space"], results["space shuffled"] = space_step(), space_step(shuffled=True)
    if world > 1:
        results |= {f"cut {name}": without_gradient(name) for name in ALL}
    torch.save(results, folder / f"{world}-{rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
