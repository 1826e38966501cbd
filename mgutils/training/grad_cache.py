"""One optimisation step for a batch whose graph does not fit into memory (GradCache).

A contrastive loss compares every image with every caption of its batch. Adding up the gradients of
small batches is therefore another loss, with fewer images to choose from:
:func:`accumulate_gradients` does that, to be compared with. :func:`grad_cache_backward` has the
gradient of the whole batch. It embeds the inputs part by part without a graph, lets the loss of the
whole batch give each embedding its gradient, and embeds the parts again, with the same dropout
masks, to carry that gradient on into the encoder. The price is a second forward pass.

Batch normalisation stays different: in training mode its mean and variance are those of each part.
So the gradient is that of the whole batch only where normalisation layers are fixed or absent.
Their running means do count every image once.

References
----------
Gao, Zhang, Han and Callan 2021, arXiv:2101.06983 (GradCache).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

Embed = Callable[[Any], tuple[Tensor, ...]]
"""From a part of a batch to the embeddings of its inputs (b, D) and of what is shared (C, D)."""


def grad_cache_backward(embed: Embed, parts: Sequence[Any], loss: Callable[..., Tensor],
                        backward: Callable[[Tensor], None] = Tensor.backward,
                        no_sync: Callable[[], AbstractContextManager] = nullcontext,
                        model: nn.Module | None = None) -> Tensor:
    """Leave the gradient of the whole batch in the parameters.

    Parameters
    ----------
    embed : callable
        Runs the model on a part.
    parts : sequence
        Parts of the batch. What is shared, such as the captions, comes with the last one alone.
    loss : callable
        A scalar, from the embeddings of all inputs (B, D) and of what is shared (C, D).
    backward : callable
        Of the loss; the place to scale it.
    no_sync : callable
        Gives a context in which several ranks do not yet average their gradients.
    model : nn.Module, optional
        Its normalisation layers count every image once, in the pass that has a graph. Of its
        parameters, those that the loss reads by itself, such as a temperature, are averaged over
        the ranks together with the others.

    Returns
    -------
    Tensor
        The loss, detached.

    Taught in: 06, section 8.
    """
    # first pass: embeddings alone, and where the random numbers stood
    states = []
    embeddings = []
    with torch.no_grad(), _running_means_kept(model):
        for part in parts:
            states.append(rng_state())
            rows, *shared = embed(part)
            embeddings.append(rows)

    # the loss of the whole batch gives every embedding its gradient
    whole = torch.cat(embeddings).requires_grad_()
    shared = [embedded.requires_grad_() for embedded in shared]
    value = loss(whole, *shared)
    backward(value)

    # what the loss reads of the model has its gradient now. Ranks average all gradients at once, in
    # the last backward pass: there it is handed in again
    weights = [] if model is None else list(model.parameters())
    apart = [weight for weight in weights if weight.grad is not None]
    known = [weight.grad for weight in apart]
    for weight in apart:
        weight.grad = None

    # second pass: the same masks, now with a graph
    gradients = whole.grad.split([len(rows) for rows in embeddings])
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        wanted = [gradients[number]]
        if last:
            wanted += [embedded.grad for embedded in shared] + known
        set_rng_state(states[number])
        with nullcontext() if last else no_sync():
            found = [*embed(part), *(apart if last else [])]
            torch.autograd.backward(found, wanted)
    return value.detach()


def accumulate_gradients(embed: Embed, parts: Sequence[Any],
                         losses: Sequence[Callable[..., Tensor]], count: int) -> Tensor:
    """Add up the gradients of the parts' own losses: not the gradient of the whole batch.

    Parameters
    ----------
    embed : callable
        Runs the model on a part; every part has what is shared.
    parts : sequence
        Parts of the batch.
    losses : sequence of callable
        One for each part, a mean over its inputs.
    count : int
        B, the inputs of the whole batch.

    Returns
    -------
    Tensor
        The weighted mean loss, detached.

    Taught in: 06, section 8.
    """
    total = torch.zeros(())
    for part, loss in zip(parts, losses, strict=True):
        rows, *shared = embed(part)
        value = loss(rows, *shared) * len(rows) / count
        value.backward()
        total = total + value.detach()
    return total


def rng_state() -> tuple[Tensor, list[Tensor]]:
    """The state of torch's random numbers, on the CPU and on every GPU."""
    on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return torch.get_rng_state(), on_gpus


def set_rng_state(state: tuple[Tensor, list[Tensor]]) -> None:
    """Put the state of torch's random numbers back."""
    on_cpu, on_gpus = state
    torch.set_rng_state(on_cpu)
    if on_gpus:
        torch.cuda.set_rng_state_all(on_gpus)


@contextmanager
def _running_means_kept(model: nn.Module | None) -> Iterator[None]:
    """Normalisation layers do not move their running means."""
    modules = () if model is None else model.modules()
    layers = [layer for layer in modules if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
