"""The loss grid's models and losses: many small models in one stack of weights, each under its condition.

A cell of the grid is one setting of the loss, a :class:`Condition`. The models are stand-ins: a linear
image encoder on features, one trainable vector per caption, and the report's projection heads and
learning rates. Their data and training are in :mod:`mgutils.experiments.loss_grid.toy`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgutils.losses import (
    both_directions,
    cross_entropy,
    js_divergence,
    kl_divergence,
    label_distribution,
    label_matrix,
    similarity_logits,
)
from mgutils.models.encoders import ProjectionHead

WIDTH, PROJECTION, DROPOUT = 64, 256, 0.1
LR_IMAGE, LR_TEXT, LR_HEAD, DECAY_HEAD = 1e-4, 1e-5, 1e-3, 1e-3
DIVERGENCES = {"ce": cross_entropy, "kl": kl_divergence, "js": js_divergence}


@dataclass(frozen=True)
class Condition:
    """One setting of the loss. The defaults are the sound one."""

    targets: Literal["identity", "class", "sharpened", "soft", "transposed", "divided"] = "identity"
    """``identity``: one's own caption. ``class``: the row-normalised label matrix. ``sharpened``: softmax of 10 times
    the label matrix, as the report's KLLoss. ``soft``: softmax of tau times the similarities, by rows in both
    directions. ``transposed``: the same, transposed from image to text, as Shariatnia's code. ``divided``: ``soft``
    with the similarities divided by tau."""
    divergence: Literal["ce", "kl", "js"] = "ce"
    normalize: bool = True
    """L2-normalise both embeddings."""
    temperature: float = 0.07
    through: bool = False
    """Let the gradient flow through the target; means something for the last three kinds only."""
    likeness: float = 0.8
    """Mutual cosine of the image features: 0 as different as random vectors, 0.8 all much alike."""
    noise: float = 0.0
    """Share of the training samples whose class is replaced by another one, all others being equally likely."""


# -- many models in one ------------------------------------------------------------------------------------------------


class StackedLinear(nn.Module):
    """``copies`` linear layers side by side, all starting from one: (R, B, in) -> (R, B, out)."""

    def __init__(self, layer: nn.Linear, copies: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(layer.weight.detach().T.repeat(copies, 1, 1))  # (R, in, out)
        self.bias = nn.Parameter(layer.bias.detach().repeat(copies, 1, 1))  # (R, 1, out)

    def forward(self, features: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, features, self.weight)


class StackedHead(nn.Module):
    """``copies`` of a projection head side by side, with one dropout mask for all: (R, B, in) -> (R, B, out)."""

    def __init__(self, head: ProjectionHead, copies: int) -> None:
        super().__init__()
        self.projection, self.fc = StackedLinear(head.projection, copies), StackedLinear(head.fc, copies)
        self.scale = nn.Parameter(head.layer_norm.weight.detach().repeat(copies, 1, 1))
        self.shift = nn.Parameter(head.layer_norm.bias.detach().repeat(copies, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        projected = self.projection(features)
        mask = F.dropout(torch.ones(projected.shape[1:]), DROPOUT, self.training)  # (B, out)
        refined = self.fc(F.gelu(projected)) * mask
        return F.layer_norm(refined + projected, projected.shape[-1:]) * self.scale + self.shift


class StackedModel(nn.Module):
    """R visual-text models: features (R, B, W) and class indices (R, B) -> two embeddings (R, B, D), not normalised."""

    def __init__(self, captions: Tensor, copies: int) -> None:
        super().__init__()
        self.image_encoder = StackedLinear(nn.Linear(WIDTH, WIDTH), copies)
        self.captions = nn.Parameter(captions.repeat(copies, 1, 1))  # (R, C, W)
        self.image_projection = StackedHead(ProjectionHead(WIDTH, PROJECTION), copies)
        self.text_projection = StackedHead(ProjectionHead(WIDTH, PROJECTION), copies)

    def forward(self, features: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        captions = self.captions.gather(1, target[:, :, None].expand(-1, -1, WIDTH))  # each sample has its own copy
        return self.image_projection(self.image_encoder(features)), self.text_projection(captions)

    def optimizer(self) -> torch.optim.Optimizer:
        """AdamW with the report's three learning rates."""
        heads = [*self.image_projection.parameters(), *self.text_projection.parameters()]
        return torch.optim.AdamW([{"params": heads, "lr": LR_HEAD, "weight_decay": DECAY_HEAD},
                                  {"params": self.image_encoder.parameters(), "lr": LR_IMAGE},
                                  {"params": [self.captions], "lr": LR_TEXT}], weight_decay=0.0, fused=True)


# -- many losses in one ------------------------------------------------------------------------------------------------


def target_distribution(kind: str, image: Tensor, text: Tensor, target: Tensor, temperature: Tensor) -> Tensor:
    """Rows of a cell's target, (..., B, B), from embeddings (..., B, D) and classes (..., B)."""
    if kind == "identity":
        return torch.eye(target.shape[-1]).expand(*target.shape, -1)
    if kind == "class":
        return label_distribution(target)
    if kind == "sharpened":
        return (10 * label_matrix(target)).softmax(dim=-1)
    similarity = (image @ image.mT + text @ text.mT) / 2
    return (similarity / temperature if kind == "divided" else similarity * temperature).softmax(dim=-1)


class StackedObjective:
    """The losses of R cells, which must be sorted by :meth:`kind`."""

    def __init__(self, cells: Sequence[Condition]) -> None:
        self.normalize, self.temperature, self.through = (
            torch.tensor([getattr(cell, name) for cell in cells])[:, None, None]
            for name in ("normalize", "temperature", "through"))
        self.groups, start = [], 0
        for kind, group in groupby(cells, self.kind):
            stop = start + len(list(group))
            self.groups.append((*kind, slice(start, stop)))
            start = stop

    @staticmethod
    def kind(cell: Condition) -> tuple[str, str]:
        """What cells must share to be computed together."""
        return cell.targets, cell.divergence

    def finish(self, embedding: Tensor) -> Tensor:
        """L2-normalise where the cell says so."""
        return torch.where(self.normalize, F.normalize(embedding, dim=-1), embedding)

    def __call__(self, image: Tensor, text: Tensor, target: Tensor) -> Tensor:
        """Loss of each cell, (R,), from finished embeddings (R, B, D) and classes (R, B)."""
        return torch.cat([self._one_kind(targets, DIVERGENCES[divergence], image[part], text[part], target[part], part)
                          for targets, divergence, part in self.groups])

    def _one_kind(self, targets, compare, image, text, target, part: slice) -> Tensor:
        logits = similarity_logits(image, text, self.temperature[part])
        q = target_distribution(targets, image, text, target, self.temperature[part])
        q = torch.where(self.through[part], q, q.detach())
        if targets != "transposed":
            return both_directions(compare, q, logits)
        image_to_text = compare(q.mT, logits.log_softmax(dim=-1))
        text_to_image = compare(q, logits.mT.log_softmax(dim=-1))
        return 0.5 * (image_to_text + text_to_image).mean(dim=-1)
