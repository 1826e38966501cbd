"""Targets, divergences and their two directions: the parts that the losses are made of.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def label_matrix(target: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """1 where two samples share a class, else 0: the report's "target square matrix".

    Shape: target (..., B) -> (..., B, B), symmetric, ones on the diagonal. Taught in: 03, section 2.
    """
    return (target[..., :, None] == target[..., None, :]).to(dtype)


def label_distribution(target: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """The label matrix with every row divided by its sum: uniform over the samples of one's own class.

    Shape: target (..., B) -> (..., B, B), symmetric, rows sum to 1. Taught in: 03, section 2.
    """
    matrix = label_matrix(target, dtype)
    return matrix / matrix.sum(dim=-1, keepdim=True)


def cross_entropy(q: Tensor, log_p: Tensor) -> Tensor:
    """``H(q, p) = - sum_j q_j log p_j`` of each row. Shape: (..., B, C), (..., B, C) -> (..., B)."""
    return -(q * log_p).sum(dim=-1)


def kl_divergence(q: Tensor, log_p: Tensor) -> Tensor:
    """Kullback-Leibler divergence ``KL(q || p) = sum_j q_j (log q_j - log p_j)`` of each row.

    Where ``q_j = 0`` the term is 0. Equal to :func:`cross_entropy` less the entropy of ``q``.
    Shape: (..., B, C), (..., B, C) -> (..., B). Taught in: 03, section 3.
    """
    return (q * (_log(q) - log_p)).sum(dim=-1)


def js_divergence(q: Tensor, log_p: Tensor) -> Tensor:
    """Jensen-Shannon divergence ``1/2 KL(q || m) + 1/2 KL(p || m)`` with ``m = (p + q) / 2``, of each row.

    Symmetric, between 0 and ln 2, and the square of a metric (Lin 1991; Endres and Schindelin 2003).
    Shape: (..., B, C), (..., B, C) -> (..., B). Taught in: 03, section 1.
    """
    log_m = torch.logaddexp(log_p, _log(q)) - math.log(2)
    return 0.5 * (kl_divergence(q, log_m) + (log_p.exp() * (log_p - log_m)).sum(dim=-1))


def report_equation_1(p: Tensor, q: Tensor, m: Tensor) -> Tensor:
    """``1/2 KL(p || m) + 1/2 KL(q || m)`` for any ``m``: the report's Equation 1, in which m is the target.

    The Jensen-Shannon divergence only where ``m = (p + q) / 2``. Infinite where m is 0 and p or q is not.
    Shape: (..., B, C) three times -> (..., B). Taught in: 03, section 1.
    """
    def kl_to_m(a: Tensor) -> Tensor:
        return (torch.xlogy(a, a) - torch.xlogy(a, m)).sum(dim=-1)

    return 0.5 * (kl_to_m(p) + kl_to_m(q))


def both_directions(compare: Callable[[Tensor, Tensor], Tensor], q: Tensor, logits: Tensor) -> Tensor:
    """Mean of ``compare(q, log p)`` over the rows (image to text) and the columns (text to image) of the logits.

    Row i of ``q`` is the target of image i and of caption i. Shape: q (..., B, B), logits (..., B, B) -> (...).
    """
    image_to_text = compare(q, logits.log_softmax(dim=-1))
    text_to_image = compare(q, logits.mT.log_softmax(dim=-1))
    return 0.5 * (image_to_text + text_to_image).mean(dim=-1)


def _log(q: Tensor) -> Tensor:
    """Logarithm with a finite value and no gradient at 0, so that ``q log q`` is 0 there and its gradient a number."""
    return q.clamp(min=torch.finfo(q.dtype).tiny).log()
