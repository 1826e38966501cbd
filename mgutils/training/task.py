"""What can be trained: the one interface that the training loop knows.

A task owns a model. It says which parameters learn at which rate, prepares a batch, embeds it,
turns the embeddings into named losses, and validates itself. :mod:`mgutils.training.image_text`,
:mod:`mgutils.training.classification`, :mod:`mgutils.training.skeleton`, :mod:`mgutils.training.alignment`,
:mod:`mgutils.training.fusion` and :mod:`mgutils.training.masked` are the six. How anything is trained is the same for
all, and stands in :mod:`mgutils.training.loop`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mgutils.metrics.scores import Scores


@dataclass(frozen=True)
class Batch:
    """The rows of one optimisation step. Several ranks share a batch; each holds its own shard."""

    rows: np.ndarray
    """(B,) positions in the table, of all ranks."""
    target: Tensor
    """(B,) right answers, of all ranks."""
    inputs: Mapping[str, Tensor]
    """Modality -> (b, ...), this rank's shard."""
    shared: Mapping[str, Tensor] = field(default_factory=dict)
    """What every rank embeds whole, such as the tokens of the captions (C, L)."""
    present: Mapping[str, Tensor] = field(default_factory=dict)
    """Modality -> (b,) mask of the rows that have it; without a mask, all rows have it."""

    def __len__(self) -> int:
        return len(self.rows)

    def split(self, size: int) -> list[Batch]:
        """Even parts of at most ``size`` inputs; what is shared comes with the last part alone."""
        shard = len(next(iter(self.inputs.values())))
        count = math.ceil(shard / size)
        inputs = {name: part.tensor_split(count) for name, part in self.inputs.items()}
        present = {name: mask.tensor_split(count) for name, mask in self.present.items()}
        parts = []
        for number in range(count):
            last = number == count - 1
            parts.append(replace(
                self,
                inputs={name: pieces[number] for name, pieces in inputs.items()},
                shared=self.shared if last else {},
                present={name: pieces[number] for name, pieces in present.items()},
            ))
        return parts


class Validation(NamedTuple):
    """What a validation found."""

    scores: Scores
    loss: float
    arrays: dict[str, np.ndarray]
    """What the run keeps of its best epoch: ``logits`` (N, C), and embeddings if there are any."""


class Task(ABC):
    """A model and how it learns.

    Attributes
    ----------
    model : nn.Module
        Has the weights that are saved.
    forward : nn.Module
        The model as training calls it. The session replaces it where the model is compiled, or
        wrapped for several ranks.
    offset : Tensor or None
        (C,) to add to the logits of the classes while training; see :mod:`mgutils.losses.adjustment`.
    learned : ndarray or None
        The training rows, for a task whose validation asks what was learned from them; the session sets it.
    memory_format : torch.memory_format
        Of the weights; that which the model's convolutions are fastest in.
    """

    model: nn.Module
    forward: nn.Module
    offset: Tensor | None = None
    learned: np.ndarray | None = None
    memory_format: torch.memory_format = torch.channels_last

    @abstractmethod
    def parameter_groups(self) -> list[dict[str, Any]]:
        """Parameters with their learning rate and weight decay, as a torch optimizer takes them."""

    @abstractmethod
    def batch(self, rows: np.ndarray, generator: torch.Generator) -> Batch:
        """Read and augment the inputs of some rows; all randomness comes from the generator."""

    @abstractmethod
    def embed(self, batch: Batch) -> tuple[Tensor, ...]:
        """Run the model: the shard's embeddings (b, D), then those of what is shared."""

    @abstractmethod
    def losses(self, batch: Batch, *embedded: Tensor) -> dict[str, Tensor]:
        """Named losses of the whole batch, scalars, from what :meth:`embed` returned."""

    @abstractmethod
    def validate(self, rows: np.ndarray) -> Validation:
        """Score some rows."""

    def training_step(self, batch: Batch) -> dict[str, Tensor]:
        """Named losses of a batch; the loop lowers their sum."""
        return self.losses(batch, *self.embed(batch))

    def after_step(self) -> None:  # noqa: B027 (most tasks have nothing to do)
        """Called when the optimizer has moved the weights, to keep a parameter within bounds."""

    def record(self) -> dict[str, float]:
        """Numbers for the log and for the header of the saved weights."""
        return {}


def full_precision(part: Tensor) -> Tensor:
    """Half precision ends with the model: losses are computed in float32, or in float64."""
    return part if part.dtype == torch.float64 else part.float()
