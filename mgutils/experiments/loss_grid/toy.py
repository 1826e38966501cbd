"""The loss grid's toy data: what the stacked models learn from, their training and their scores.

Features of 32 classes in iMiGUE's proportions stand in for images. What comes out shows mechanisms
and says nothing about accuracy on images. The models are in
:mod:`mgutils.experiments.loss_grid.stack`; what is tried, and where results are kept, is in
:mod:`mgutils.experiments.loss_grid.grid`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mgutils.data.labels import imigue_classes
from mgutils.experiments.loss_grid.stack import WIDTH, Condition, StackedModel, StackedObjective, target_distribution
from mgutils.losses import similarity_logits

BATCH = 32
CAPTION_COSINE = 0.9
"""Mutual cosine of the caption vectors at the start: short sentences look alike to an untuned text encoder."""
CLASS_SPREAD = 0.5
"""Deviation of the class means in each dimension, where that of the samples around them is 1."""


@dataclass(frozen=True)
class ToySetup:
    """Size of the experiment."""

    steps: int = 600
    train: int = 4096
    """Number of training samples."""
    test: int = 2000
    """Number of fresh samples, without label noise, that are scored."""


def class_shares() -> Tensor:
    """Shares of the 32 classes among the report's frames, float32, sum 1. Shape: (32,)."""
    frames = torch.tensor(imigue_classes()["original_frames"].tolist())
    return frames / frames.sum()


class ToyData:
    """Samples and caption vectors of one seed (torch's global one), and the cells' own labels and offsets."""

    def __init__(self, setup: ToySetup, cells: Sequence[Condition]) -> None:
        shares, common = class_shares(), torch.randn(WIDTH)
        self.classes = len(shares)
        self.captions = (CAPTION_COSINE**0.5 * torch.randn(WIDTH)
                         + (1 - CAPTION_COSINE)**0.5 * torch.randn(self.classes, WIDTH))
        self.target = torch.multinomial(shares, setup.train + setup.test, replacement=True)
        means = CLASS_SPREAD * torch.randn(self.classes, WIDTH)
        self.features = means[self.target] + torch.randn(len(self.target), WIDTH)
        other = (self.target + torch.randint(1, self.classes, self.target.shape)) % self.classes
        noise, likeness = (torch.tensor([getattr(cell, name) for cell in cells])[:, None]
                           for name in ("noise", "likeness"))
        self.labels = torch.where(torch.rand(len(self.target)) < noise, other, self.target)  # (R, N)
        scale = ((1 + CLASS_SPREAD**2) * likeness / (1 - likeness)).sqrt()
        self.offset = (scale * common)[:, None]  # (R, 1, W): what all images have in common

    def images(self, rows: Tensor) -> Tensor:
        """Features of some samples as each cell sees them, (R, B, W)."""
        return self.features[rows] + self.offset


def train_cells(cells: Sequence[Condition], seed: int, setup: ToySetup) -> list[tuple[Condition, dict[str, float]]]:
    """Train a model under each cell, all from the same data, weights, batches and dropout masks.

    Returns
    -------
    list of (Condition, dict)
        Scores on fresh samples without noise, see :func:`score`; ``loss`` is the mean of the last tenth of the steps.
    """
    cells = sorted(cells, key=StackedObjective.kind)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        data, objective = ToyData(setup, cells), StackedObjective(cells)
        model = StackedModel(data.captions, len(cells))
        optimizer = model.optimizer()
        epochs = setup.steps * BATCH // setup.train + 1
        batches = torch.cat([torch.randperm(setup.train) for _ in range(epochs)]).split(BATCH)[:setup.steps]
        tail = torch.zeros(len(cells))
        last = max(setup.steps // 10, 1)
        for step, rows in enumerate(batches):
            image, text = map(objective.finish, model(data.images(rows), data.labels[:, rows]))
            losses = objective(image, text, data.labels[:, rows])
            optimizer.zero_grad()
            losses.sum().backward()
            optimizer.step()
            tail += losses.detach() / last if step >= setup.steps - last else 0
        columns = score(model.eval(), objective, data, setup) | {"loss": tail}
    return [(cell, {name: float(column[i]) for name, column in columns.items()}) for i, cell in enumerate(cells)]


@torch.no_grad()
def first_target(cell: Condition, seed: int) -> tuple[Tensor, Tensor]:
    """Target matrix (B, B) of a cell's first samples under untrained weights, and their classes (B,).

    Taught in: 05, section 3.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        data, objective, rows = ToyData(ToySetup(), [cell]), StackedObjective([cell]), torch.arange(BATCH)
        target = data.labels[:, rows]
        image, text = map(objective.finish, StackedModel(data.captions, 1).eval()(data.images(rows), target))
    return target_distribution(cell.targets, image, text, target, objective.temperature)[0], target[0]


@torch.no_grad()
def score(model: StackedModel, objective: StackedObjective, data: ToyData, setup: ToySetup) -> dict[str, Tensor]:
    """Scores of R models on the samples behind the training ones, each (R,).

    ``top1`` in 0..1; ``uar`` over the classes that occur; ``predicted``: number of classes ever predicted;
    ``caption_cosine``, ``image_cosine``: mean cosine between two different captions, or images; ``logit``: the largest
    absolute dot product divided by the temperature; ``constant``: ``top1`` of always saying the most common class.
    """
    rows = torch.arange(setup.train, setup.train + setup.test)
    every_caption = torch.arange(data.classes).expand(len(data.offset), -1)
    captions = objective.finish(model(data.images(rows[:1]), every_caption)[1])  # (R, C, D)
    images = torch.cat([objective.finish(model(data.images(part), every_caption[:, :1])[0])
                        for part in rows.split(250)], dim=1)  # (R, N, D)
    cells = similarity_logits(images, captions, objective.temperature)
    predicted, truth = cells.argmax(dim=-1), data.target[rows]
    hit = (predicted == truth).float()
    return {"top1": hit.mean(dim=1),
            "uar": torch.stack([hit[:, truth == index].mean(dim=1) for index in truth.unique()]).mean(dim=0),
            "predicted": torch.tensor([row.unique().numel() for row in predicted]),
            "caption_cosine": mean_cosine(captions), "image_cosine": mean_cosine(images),
            "logit": cells.abs().amax(dim=(1, 2)),
            "constant": (truth == class_shares().argmax()).float().mean().expand(len(hit))}


def mean_cosine(embeddings: Tensor) -> Tensor:
    """Mean cosine between two different rows. Shape: (..., N, D) -> (...)."""
    count = embeddings.shape[-2]
    total = F.normalize(embeddings, dim=-1).sum(dim=-2).square().sum(dim=-1)  # N ones on the diagonal included
    return (total - count) / (count * (count - 1))
