"""Several ranks as one: each holds a shard of the batch, all compute the loss of the whole batch.

A contrastive loss compares every image with every caption of the batch, so it is not a mean of the
ranks' own losses. Each rank embeds its shard of the images; :func:`gather` joins the shards and
carries the gradient back. Captions are few, and every rank encodes them all.

``DistributedDataParallel`` then averages the gradients over the ranks. An image's gradient comes
from one rank alone, times the number of ranks; the gradient of the captions is the same on all. So
the average is the gradient of one process with the whole batch. Without ``accelerate launch`` there
is one rank, and all of this does nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor


def rank_and_world_size() -> tuple[int, int]:
    """This process's rank, from 0, and the number of processes."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def shard(rows: np.ndarray) -> np.ndarray:
    """This rank's part of some rows, in order; parts differ by one row at most."""
    rank, world_size = rank_and_world_size()
    return np.array_split(rows, world_size)[rank]


def gather(part: Tensor, count: int) -> Tensor:
    """Join the ranks' shards of ``count`` rows, with gradients.

    Shape: (n, D) for any n that :func:`shard` gives -> (count, D).
    """
    if rank_and_world_size()[1] == 1:
        return part
    return _Gather.apply(part, count)


class _Gather(torch.autograd.Function):
    """All-gather in the forward pass; all-reduce and slice the gradient in the backward pass."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, count: int) -> Tensor:
        rank, world_size = rank_and_world_size()
        sizes = [len(rows) for rows in np.array_split(np.empty(count), world_size)]
        ctx.begin = sum(sizes[:rank])
        ctx.size = sizes[rank]

        # a collective wants equal shapes: pad every shard to the largest
        padded = part.new_zeros(max(sizes), *part.shape[1:])
        padded[:len(part)] = part
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        return torch.cat([rows[:size] for rows, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total[ctx.begin:ctx.begin + ctx.size], None
