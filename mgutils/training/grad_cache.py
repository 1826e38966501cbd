"""One optimizer step for a batch whose graph does not fit into memory.

A contrastive loss compares every image with every caption of its batch. Adding up the gradients of small batches is
therefore another loss, with fewer images to choose from: :func:`naive_backward` does that, to be compared with.
:func:`exact_backward` has the gradient of the whole batch. It embeds the images part by part without a graph, lets the
loss of the whole batch give each embedding its gradient, and embeds the parts again, with the same dropout masks, to
carry that gradient on into the encoder. The price is a second forward pass. Batch normalisation alone stays different:
in training mode its mean and variance are those of each part, so the gradient is that of the whole batch only where
normalisation layers are fixed or absent. Their running means do count every image once.

References
----------
Gao, Zhang, Han and Callan 2021, arXiv:2101.06983 (GradCache).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn

Embed = Callable[..., tuple[Tensor, ...]]
"""``embed(images, *tokens)``: the embeddings of images (b, D) and, where there are tokens, of captions (C, D)."""


def exact_backward(embed: Embed, parts: Sequence[Tensor], tokens: Sequence[Tensor], loss: Callable[..., Tensor],
                   backward: Callable[[Tensor], None] = Tensor.backward,
                   no_sync: Callable[[], AbstractContextManager] = nullcontext,
                   norms: nn.Module | None = None) -> Tensor:
    """Leave the gradient of the whole batch in the parameters, but for batch normalisation, which sees the parts.

    Parameters
    ----------
    embed : callable
        The model.
    parts : sequence of Tensor (b, 3, S, S)
        The images of the batch.
    tokens : sequence of Tensor (C, L)
        What ``embed`` reads of the captions; read once, with the last part.
    loss : callable
        Of the embeddings of all images (B, D) and of the captions (C, D); a scalar.
    backward : callable
        Of the loss; the place to scale it.
    no_sync : callable
        Gives a context in which several processes do not yet average their gradients.
    norms : nn.Module, optional
        Its normalisation layers count every image once, in the pass that has a graph; ``embed`` if not given.

    Returns
    -------
    Tensor
        The loss, without a graph.

    Taught in: 04, section 7.
    """
    texts = [()] * (len(parts) - 1) + [tuple(tokens)]
    chances, embeddings, captions = [], [], ()
    with torch.no_grad(), _running_means_kept(norms or embed):
        for images, text in zip(parts, texts, strict=True):
            chances.append(_chance())
            embedded, *captions = embed(images, *text)
            embeddings.append(embedded)
    leaves = [torch.cat(embeddings).requires_grad_(), *(caption.requires_grad_() for caption in captions)]
    value = loss(*leaves)
    backward(value)
    gradients = leaves[0].grad.split([len(images) for images in parts])
    for images, text, chance, gradient in zip(parts, texts, chances, gradients, strict=True):
        _set_chance(chance)
        with no_sync() if images is not parts[-1] else nullcontext():
            torch.autograd.backward(embed(images, *text), [gradient, *(leaf.grad for leaf in leaves[1:] if text)])
    return value.detach()


def naive_backward(embed: Embed, parts: Sequence[Tensor], tokens: Sequence[Tensor],
                   losses: Sequence[Callable[..., Tensor]]) -> Tensor:
    """Add up the gradients of the parts' own losses, weighted by their sizes: not the gradient of the whole batch.

    Parameters as of :func:`exact_backward`; ``losses`` has one for each part. Returns the weighted mean loss.

    Taught in: 04, section 7.
    """
    count, total = sum(len(images) for images in parts), torch.zeros(())
    for images, loss in zip(parts, losses, strict=True):
        value = loss(*embed(images, *tokens)) * len(images) / count
        value.backward()
        total = total + value.detach()
    return total


def _chance() -> tuple[Tensor, list[Tensor]]:
    """The state of torch's random numbers, from which the dropout masks come."""
    return torch.get_rng_state(), torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []


def _set_chance(state: tuple[Tensor, list[Tensor]]) -> None:
    torch.set_rng_state(state[0])
    if state[1]:
        torch.cuda.set_rng_state_all(state[1])


@contextmanager
def _running_means_kept(model: nn.Module | Embed) -> Iterator[None]:
    """Normalisation layers do not move their running means; a function that is no module has none."""
    modules = model.modules() if isinstance(model, nn.Module) else ()
    layers = [layer for layer in modules if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
