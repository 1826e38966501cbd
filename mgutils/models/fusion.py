"""Heads that read whatever modalities of a clip are there: tokens (B, M, D) and presence (B, M).

Three ways to live with a camera that is off. :class:`MaskedFusion` leaves its token out,
:class:`ZeroedFusion` sets it to zero, as the original does, and :func:`mean_of_probabilities`
averages heads that each read one modality. What trains them is in ``training``.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from mgutils.errors import ConfigError


def drop_modalities(present: Tensor, chance: float, generator: torch.Generator,
                    per: Literal["sample", "batch"] = "sample") -> Tensor:
    """Modality dropout: mark some of what is there as missing, so that a head learns to do without.

    Parameters
    ----------
    present : Tensor
        What is there, ``(B, M)`` bool.
    chance : float
        Of each modality to be dropped; 0 keeps all.
    generator : torch.Generator
        On the CPU.
    per : {"sample", "batch"}
        Each clip draws for itself and keeps at least one modality; or one draw for the whole batch,
        which may leave nothing, as in the original (``chance`` 0.1). The original's head then meets
        each of the 2^M subsets in whole batches, most of them rarely.

    Returns
    -------
    Tensor
        ``(B, M)`` bool, never True where ``present`` is False.

    Raises
    ------
    ConfigError
        If the chance is not in 0..1, or ``per`` is unknown.
    """
    if not 0 <= chance <= 1:
        raise ConfigError(f"modality dropout: found {chance}; wanted a probability, 0 to 1.")
    if per not in ("sample", "batch"):
        raise ConfigError(f"modality dropout: found per {per!r}; wanted 'sample' or 'batch'.")
    shape = present.shape if per == "sample" else (1, present.shape[1])
    draw = torch.rand(shape, generator=generator).to(present.device)
    kept = present & (draw >= chance)
    if per == "batch":
        return kept

    # who has lost everything keeps the modality with the largest draw among those that it had
    luckiest = draw.masked_fill(~present, -1).argmax(dim=1, keepdim=True)
    last = torch.zeros_like(present).scatter(1, luckiest, True) & present
    return torch.where(kept.any(dim=1, keepdim=True), kept, last)


def mean_present(tokens: Tensor, present: Tensor) -> Tensor:
    """Mean over what is there, zeros where nothing is: (B, M, D), (B, M) -> (B, D)."""
    kept = tokens.masked_fill(~present[..., None], 0)
    total = sum(kept.unbind(1))  # one after the other: a zero in between changes no bit
    return total / present.sum(dim=1, keepdim=True).clamp(min=1)


class MaskedFusion(nn.Module):
    """Attention among the modalities that are there, their mean, and a linear classifier.

    Shape: tokens (B, M, D), present (B, M) bool -> logits (B, C). A missing token changes nothing,
    whatever it holds: the logits are those without it, to the last bit. There is no position, so
    the order of the modalities means nothing either. A clip with no modality gets the answer to zeros.

    The mask alone makes no robust head. One that never missed a modality while training has never
    seen the mean of fewer: train with :func:`drop_modalities`.

    Parameters
    ----------
    width : int
        D.
    classes : int
        C.
    heads : int
        Of the attention; the original has 8 at width 512.

    Raises
    ------
    ConfigError
        If the width is not a multiple of the heads.

    Notes
    -----
    This is ``torch.nn.MultiheadAttention`` with a ``key_padding_mask``, from which it differs by
    rounding. That one multiplies all tokens of a batch at once, and in which order a matrix
    product adds depends on its size: leaving a token out moves the last bits of the others.
    """

    def __init__(self, width: int, classes: int, heads: int = 4) -> None:
        super().__init__()
        if width % heads:
            raise ConfigError(
                f"fusion: found width {width} with {heads} heads; wanted a multiple of the heads.")
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.classes = nn.Linear(width, classes)
        nn.init.xavier_uniform_(self.qkv.weight)  # as torch's attention starts
        nn.init.zeros_(self.qkv.bias)
        nn.init.zeros_(self.out.bias)

    def forward(self, tokens: Tensor, present: Tensor) -> Tensor:
        mixed, _ = self.attend(tokens, present)
        return self.classes(self.out(mean_present(mixed, present)))

    def attend(self, tokens: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """The tokens after attention (B, M, D), and how much each heard of each (B, M, M), a mean over heads."""
        # 0 x NaN is no 0: what a missing token holds goes before a weight of 0 meets it
        tokens = tokens.masked_fill(~present[..., None], 0)
        parts = torch.stack([self.qkv(token.contiguous()) for token in tokens.unbind(1)], dim=1)
        query, key, value = parts.unflatten(2, (3, self.heads, -1)).unbind(2)  # (B, M, heads, d)

        # row i of the scores: how well the query of token i fits the key of each
        fit = (query[:, :, None] * key[:, None]).sum(dim=-1)  # (B, M, M, heads)
        scores = fit / math.sqrt(query.shape[-1])

        # attention over nothing is 0 / 0: a clip without modalities attends to its zeros
        ignored = ~present & present.any(dim=1, keepdim=True)
        scores = scores.masked_fill(ignored[:, None, :, None], -torch.inf)
        weights = (scores - scores.amax(dim=2, keepdim=True)).exp()
        weights = weights / sum(weights.unbind(2))[:, :, None]
        heard = zip(weights.unbind(2), value.unbind(1), strict=True)
        mixed = sum(weight[..., None] * said[:, None] for weight, said in heard)
        return mixed.flatten(2), weights.mean(dim=3)


class ZeroedFusion(MaskedFusion):
    """The original's head: missing tokens are zeros, and taken for tokens; for comparison.

    Shape: tokens (B, M, D), present (B, M) bool -> logits (B, C). A zero token is not a missing one.
    Its key and value are the biases of the projection, which start at 0: at first all keys fit
    about alike, so that of four modalities with one present, the zeros get three quarters of the
    attention, and the mean divides by four.
    """

    def attend(self, tokens: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """As :meth:`MaskedFusion.attend`, where nobody is left out."""
        zeroed = tokens.masked_fill(~present[..., None], 0)
        return super().attend(zeroed, torch.ones_like(present))

    def forward(self, tokens: Tensor, present: Tensor) -> Tensor:
        mixed, _ = self.attend(tokens, present)
        return self.classes(self.out(mixed.mean(dim=1)))


def mean_of_probabilities(logits: Tensor, present: Tensor) -> Tensor:
    """What M single heads say together, without any training: (B, M, C), (B, M) -> (B, C).

    The mean of the probabilities of the modalities that are there; uniform where nothing is. An
    attention head has to beat it before its attention is worth a sentence.

    Examples
    --------
    Two cameras say 80 % and 40 % of class 0; the second is then switched off:

    >>> said = torch.tensor([[[0.8, 0.2], [0.4, 0.6]]]).log().expand(2, 2, 2)
    >>> there = torch.tensor([[True, True], [True, False]])
    >>> mean_of_probabilities(said, there)
    tensor([[0.6000, 0.4000],
            [0.8000, 0.2000]])
    """
    mean = mean_present(logits.softmax(dim=2), present)  # (B, C)
    nothing = ~present.any(dim=1, keepdim=True)
    return mean.masked_fill(nothing, 1 / logits.shape[2])
