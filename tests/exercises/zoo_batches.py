"""What the checker of `zoo_batches` must accept and reject."""

import numpy as np
import torch


def right_range(count, size, seed):
    order = np.random.default_rng(seed).permutation(count)
    return [order[start:start + size] for start in range(0, count, size)]


def right_split(count, size, seed):
    order = np.random.default_rng(seed).permutation(count)
    return np.split(order, range(size, count, size))


def right_torch(count, size, seed):
    return list(torch.randperm(count, generator=torch.Generator().manual_seed(seed)).split(size))


WRONG = {
    "last batch dropped": ("range(0, count, size)", "range(0, count - size + 1, size)"),
    "floor of batches": ("range(0, count, size)", "range(0, count // size * size, size)"),
    "overlap": ("start:start + size", "start:start + size + 1"),
    "not shuffled": ("np.random.default_rng(seed).permutation(count)", "np.arange(count)"),
    "drawn with replacement": (".permutation(count)", ".integers(0, count, count)"),
    "seed not used": ("default_rng(seed)", "default_rng(0)"),
    "no seed": ("default_rng(seed)", "default_rng()"),
    "one batch": ("[order[start:start + size] for start in range(0, count, size)]", "[order]"),
    "last batch filled up": ("order[start:start + size]", "np.resize(order[start:start + size], size)"),
    "first row never": (".permutation(count)", ".permutation(np.arange(1, count))"),
}
