"""The losses: what the report ran, what it described, and what is sound.

Every loss has one signature, ``loss(image, text, target, temperature)``, and returns the mean over the batch as a scalar:

* ``image`` (B, D) and ``text`` (B, D): embeddings of B image-caption pairs, L2-normalised by the model or not;
* ``target`` (B,): class index of each pair;
* ``temperature``: positive number or scalar tensor that divides the dot products.

All of them average two directions. *Image to text* reads the rows of the logit matrix (which caption fits this image),
*text to image* its columns. They differ in the target distribution and in how they compare it with the prediction.
Nothing here knows about models, data or training.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Loss = Callable[[Tensor, Tensor, Tensor, Tensor | float], Tensor]


# -- the parts ---------------------------------------------------------------------------------------------------------


def similarity_logits(image: Tensor, text: Tensor, temperature: Tensor | float) -> Tensor:
    """Dot product of every image with every caption, divided by the temperature.

    Shape: image (B, D), text (C, D) -> (B, C). Taught in: 02, section 3.
    """
    return image @ text.T / temperature  # (B, D) x (D, C) -> (B, C)


def label_matrix(target: Tensor) -> Tensor:
    """1 where two samples share a class, else 0: the report's "target square matrix".

    Shape: target (B,) -> (B, B), symmetric, ones on the diagonal. Taught in: 03, section 2.
    """
    return (target[:, None] == target[None, :]).float()


def label_distribution(target: Tensor) -> Tensor:
    """The label matrix with every row divided by its sum: uniform over the samples of one's own class.

    Shape: target (B,) -> (B, B), rows sum to 1.
    """
    matrix = label_matrix(target)
    return matrix / matrix.sum(dim=1, keepdim=True)


def cross_entropy(q: Tensor, log_p: Tensor) -> Tensor:
    """``H(q, p) = - sum_j q_j log p_j`` of each row. Shape: (B, C), (B, C) -> (B,)."""
    return -(q * log_p).sum(dim=1)


def kl_divergence(q: Tensor, log_p: Tensor) -> Tensor:
    """Kullback-Leibler divergence ``KL(q || p) = sum_j q_j (log q_j - log p_j)`` of each row.

    Where ``q_j = 0`` the term is 0. Equal to :func:`cross_entropy` less the entropy of ``q``.
    Shape: (B, C), (B, C) -> (B,). Taught in: 03, section 3.
    """
    return (torch.xlogy(q, q) - q * log_p).sum(dim=1)


def js_divergence(q: Tensor, log_p: Tensor) -> Tensor:
    """Jensen-Shannon divergence ``1/2 KL(q || m) + 1/2 KL(p || m)`` with ``m = (p + q) / 2``, of each row.

    Symmetric, between 0 and ln 2, and the square of a metric (Lin 1991; Endres and Schindelin 2003).
    Shape: (B, C), (B, C) -> (B,). Taught in: 03, section 3.
    """
    log_m = torch.logaddexp(log_p, q.log()) - torch.log(torch.tensor(2.0, dtype=log_p.dtype, device=log_p.device))
    from_target = torch.xlogy(q, q) - q * log_m
    from_prediction = log_p.exp() * (log_p - log_m)
    return 0.5 * (from_target + from_prediction).sum(dim=1)


def _both_directions(compare: Callable[[Tensor, Tensor], Tensor], q: Tensor, logits: Tensor) -> Tensor:
    """Mean of ``compare(q, log p)`` over rows (image to text) and over columns (text to image); q is symmetric."""
    image_to_text = compare(q, logits.log_softmax(dim=1))
    text_to_image = compare(q, logits.T.log_softmax(dim=1))
    return 0.5 * (image_to_text + text_to_image).mean()


# -- the report's two --------------------------------------------------------------------------------------------------


def seed_ce(image: Tensor, text: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Cross entropy to soft targets made of the batch's own similarities: the report's "cross entropy" row.

    ``L = T I^T / tau``; ``Y = softmax_row(tau (I I^T + T T^T) / 2)``; the loss is the mean over i of
    ``1/2 [H(Y_i, p(L_i)) + H(Y^T_i, p(L^T_i))]``. The gradient flows through Y, the rows of ``Y^T`` do not sum to 1, and
    tau multiplies on one side what it divides on the other. ``target`` is not read: this loss does not know the classes.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: M. Shariatnia, "Simple implementation of OpenAI CLIP model", ``CLIP.py`` at commit 73fea1f.
    Taught in: 03, section 2.
    """
    logits = similarity_logits(text, image, temperature)  # rows are captions
    soft_targets = ((image @ image.T + text @ text.T) / 2 * temperature).softmax(dim=1)
    text_to_image = cross_entropy(soft_targets, logits.log_softmax(dim=1))
    image_to_text = cross_entropy(soft_targets.T, logits.T.log_softmax(dim=1))
    return 0.5 * (image_to_text + text_to_image).mean()


def seed_kl(image: Tensor, text: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Forward KL to ``softmax(10 x label matrix)``: what the report calls Jensen-Shannon divergence.

    ``1/2 mean_i [KL(q_i || p_i2t) + KL(q_i || p_t2i)]`` with the target first. Neither bounded nor symmetric; it
    differs from a cross entropy by the entropy of q, a constant.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: ``KLLoss`` in the report's ``train_valid.py``, after ActionCLIP (Wang et al. 2021, arXiv:2109.08472).
    Taught in: 03, section 3.
    """
    q = (10 * label_matrix(target).to(image.dtype)).softmax(dim=1)
    return _both_directions(kl_divergence, q, similarity_logits(image, text, temperature))


# -- the sound ones ----------------------------------------------------------------------------------------------------


def identity_ce(image: Tensor, text: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Symmetric cross entropy in which sample i's only right answer is caption i (InfoNCE, as CLIP has it).

    ``target`` is not read. Captions that repeat in the batch count as wrong answers for one another.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: Radford et al. 2021, arXiv:2103.00020, figure 3.
    Taught in: 03, section 2.
    """
    logits = similarity_logits(image, text, temperature)
    diagonal = torch.arange(len(logits), device=logits.device)
    return 0.5 * (F.cross_entropy(logits, diagonal) + F.cross_entropy(logits.T, diagonal))


def multi_positive_ce(image: Tensor, text: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Symmetric cross entropy in which every sample of the same class is an equally right answer.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: the "out" form of Khosla et al. 2020, arXiv:2004.11362, equation 2, between two modalities.
    Taught in: 03, section 4.
    """
    q = label_distribution(target).to(image.dtype)
    return _both_directions(cross_entropy, q, similarity_logits(image, text, temperature))


def js(image: Tensor, text: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Jensen-Shannon divergence to the row-normalised label matrix: what the report's text describes.

    Between 0 and ln 2.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: Lin 1991, IEEE Transactions on Information Theory 37(1), equation 4.1 with equal weights.
    Taught in: 03, section 3.
    """
    q = label_distribution(target).to(image.dtype)
    return _both_directions(js_divergence, q, similarity_logits(image, text, temperature))


LOSSES: dict[str, Loss] = {loss.__name__: loss for loss in (seed_ce, seed_kl, identity_ce, multi_positive_ce, js)}
"""By the names that :class:`mgutils.config.Objective` knows."""
