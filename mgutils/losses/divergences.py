"""What the losses are made of: target distributions, divergences, and their two directions."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def label_matrix(target: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """1 where two samples share a class, else 0: the report's "target square matrix".

    Shape: target (..., B) -> (..., B, B), symmetric, ones on the diagonal.
    Taught in: 04, section 3.
    """
    return (target[..., :, None] == target[..., None, :]).to(dtype)


def label_distribution(target: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """The label matrix, each row divided by its sum: uniform over the samples of one's own class.

    Shape: target (..., B) -> (..., B, B), symmetric, rows sum to 1.
    Taught in: 04, section 1.
    """
    matrix = label_matrix(target, dtype)
    return matrix / matrix.sum(dim=-1, keepdim=True)


def cross_entropy(target: Tensor, log_prediction: Tensor) -> Tensor:
    """Cross entropy ``H(q, p) = - sum_j q_j log p_j`` of each row.

    ``target`` is the distribution q, ``log_prediction`` is log p.
    Shape: (..., B, C), (..., B, C) -> (..., B).
    """
    return -(target * log_prediction).sum(dim=-1)


def kl_divergence(target: Tensor, log_prediction: Tensor) -> Tensor:
    """Kullback-Leibler divergence ``KL(q || p) = sum_j q_j (log q_j - log p_j)`` of each row.

    The target comes first, unlike in :func:`torch.nn.functional.kl_div`. Where ``q_j = 0`` the term
    is 0. Equal to :func:`cross_entropy` less the entropy of q.
    Shape: (..., B, C), (..., B, C) -> (..., B).
    Taught in: 04, section 2.
    """
    return (target * (_log(target) - log_prediction)).sum(dim=-1)


def js_divergence(target: Tensor, log_prediction: Tensor) -> Tensor:
    """Jensen-Shannon divergence ``1/2 KL(q || m) + 1/2 KL(p || m)``, ``m = (p + q) / 2``.

    One value for each row. Symmetric, between 0 and ln 2, and the square of a metric (Lin 1991;
    Endres and Schindelin 2003).
    Shape: (..., B, C), (..., B, C) -> (..., B).
    Taught in: 04, section 2.
    """
    log_mean = torch.logaddexp(log_prediction, _log(target)) - math.log(2)
    of_prediction = log_prediction.exp() * (log_prediction - log_mean)
    return 0.5 * (kl_divergence(target, log_mean) + of_prediction.sum(dim=-1))


def report_equation_1(p: Tensor, q: Tensor, m: Tensor) -> Tensor:
    """``1/2 KL(p || m) + 1/2 KL(q || m)`` for any m: the report's Equation 1. m is its target.

    p and q are two predictions. It is the Jensen-Shannon divergence only if ``m = (p + q) / 2``,
    and infinite where m is 0 and p or q is not.
    Shape: (..., B, C) three times -> (..., B).
    Taught in: 04, section 3.
    """
    def kl_to_m(a: Tensor) -> Tensor:
        return (torch.xlogy(a, a) - torch.xlogy(a, m)).sum(dim=-1)

    return 0.5 * (kl_to_m(p) + kl_to_m(q))


def both_directions(compare: Callable[[Tensor, Tensor], Tensor], target: Tensor,
                    logits: Tensor) -> Tensor:
    """Mean of ``compare(target, log p)`` over the rows and the columns of the logits.

    Rows are image to text, columns are text to image. Row i of ``target`` belongs to image i and
    to caption i.
    Shape: target (..., B, B), logits (..., B, B) -> (...).
    """
    image_to_text = compare(target, logits.log_softmax(dim=-1))
    text_to_image = compare(target, logits.mT.log_softmax(dim=-1))
    return 0.5 * (image_to_text + text_to_image).mean(dim=-1)


def _log(q: Tensor) -> Tensor:
    """Logarithm, finite and without gradient at 0: so ``q log q`` is 0 there, with a gradient."""
    return q.clamp(min=torch.finfo(q.dtype).tiny).log()
