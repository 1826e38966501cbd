"""Several processes as one: every process has its share of a batch, and all compute the loss of the whole batch.

A contrastive loss compares every image with every caption of the batch, so it is not a mean of the processes' own
losses. Each process embeds its share of the images; :func:`gather` joins them and carries the gradient back. Captions
are few and every process encodes them all. ``DistributedDataParallel`` then averages the gradients: that of an image
encoder comes from one process for each image, times the number of processes, and that of the captions is the same
everywhere, so the average is the gradient of one process that has the whole batch.

Without ``accelerate launch`` there is one process, and all of this does nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor


def rank_and_world_size() -> tuple[int, int]:
    """Number of this process, from 0, and how many there are."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_available() and dist.is_initialized() else (0, 1)


def shard(rows: np.ndarray) -> np.ndarray:
    """The part of some rows that is this process's: shares differ by one row at most and keep the order."""
    rank, world = rank_and_world_size()
    return np.array_split(rows, world)[rank]


def gather(part: Tensor, count: int) -> Tensor:
    """Join the processes' parts of ``count`` rows, in the order of :func:`shard`, with gradients.

    Shape: (n, D) of any n that :func:`shard` gives -> (count, D).
    """
    return part if rank_and_world_size()[1] == 1 else _Gather.apply(part, count)


class _Gather(torch.autograd.Function):
    """All rows forward; backward, the sum of what every process says about this process's rows."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, count: int) -> Tensor:
        rank, world = rank_and_world_size()
        sizes = [len(rows) for rows in np.array_split(np.empty(count), world)]
        ctx.begin, ctx.size = sum(sizes[:rank]), sizes[rank]
        padded = part.new_zeros(max(sizes), *part.shape[1:])  # a collective wants equal shapes
        padded[:len(part)] = part
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        return torch.cat([rows[:size] for rows, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total[ctx.begin:ctx.begin + ctx.size], None
