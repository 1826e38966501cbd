"""The losses: what the report ran, what it described, and what is sound.

Every loss has one signature, ``loss(image, text, target, temperature)``, and returns the mean over the batch, a scalar:

* ``image`` (B, D) and ``text`` (B, D): embeddings of B image-caption pairs, L2-normalised by the model or not;
* ``target`` (B,): class index of each pair;
* ``temperature``: positive number or scalar tensor that divides the dot products; anything else is a ``ValueError``.

All but the last two average two directions. *Image to text* reads the rows of the logit matrix (which caption fits this
image), *text to image* its columns. They differ in the target distribution and in how they compare it with the
prediction. The parts take leading dimensions too, so that many batches can be compared at once; a gradient may flow
through their target. A loss raises ``ValueError`` where the shapes do not fit. Nothing here knows about models, data or
training.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mgutils.losses.divergences import (
    both_directions,
    cross_entropy,
    js_divergence,
    kl_divergence,
    label_distribution,
    label_matrix,
)

Loss = Callable[[Tensor, Tensor, Tensor, Tensor | float], Tensor]


# -- the parts ---------------------------------------------------------------------------------------------------------


def similarity_logits(image: Tensor, text: Tensor, temperature: Tensor | float) -> Tensor:
    """Dot product of every image with every caption, divided by the temperature.

    Shape: image (..., B, D), text (..., C, D) -> (..., B, C).

    Raises
    ------
    ValueError
        If the temperature is not above 0. One that lies on a GPU is not looked at, because that would wait for it.

    Taught in: 02, section 3.
    """
    _check_temperature(temperature)
    return image @ text.mT / temperature  # (B, D) x (D, C) -> (B, C)


















def _check_temperature(temperature: Tensor | float) -> None:
    known = torch.as_tensor(temperature)
    if known.device.type == "cpu" and not (known > 0).all():  # a NaN is not above 0 either
        found = known.min().item()
        raise ValueError(f"temperature: found {found:g}; wanted more than 0: logits are divided by it")


def _check_pairs(image: Tensor, text: Tensor, target: Tensor) -> None:
    if image.ndim != 2 or image.shape != text.shape or target.shape != image.shape[:1]:
        raise ValueError(f"found image {tuple(image.shape)}, text {tuple(text.shape)}, target {tuple(target.shape)}; "
                         "wanted (B, D), (B, D), (B,): give one caption embedding and one class index for each image")


# -- the report's two --------------------------------------------------------------------------------------------------


def original_ce(image: Tensor, text: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Cross entropy to soft targets made of the batch's own similarities: the report's "cross entropy" row.

    ``L = T I^T / tau``; ``Y = softmax_row(tau (I I^T + T T^T) / 2)``; the loss is the mean over i of
    ``1/2 [H(Y_i, p(L_i)) + H(Y^T_i, p(L^T_i))]``. The gradient flows through Y, the rows of ``Y^T`` do not sum to 1,
    and tau multiplies on one side what it divides on the other. ``target`` is not read: this loss does not know the
    classes.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: M. Shariatnia, "Simple implementation of OpenAI CLIP model", ``CLIP.py`` at commit 73fea1f.
    Taught in: 03, section 2.
    """
    _check_pairs(image, text, target)
    logits = similarity_logits(text, image, temperature)  # rows are captions
    soft_targets = ((image @ image.T + text @ text.T) / 2 * temperature).softmax(dim=1)
    text_to_image = cross_entropy(soft_targets, logits.log_softmax(dim=1))
    image_to_text = cross_entropy(soft_targets.T, logits.T.log_softmax(dim=1))
    return 0.5 * (image_to_text + text_to_image).mean()


def original_kl(image: Tensor, text: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Forward KL to ``softmax(10 x label matrix)``: what the report calls Jensen-Shannon divergence.

    ``1/2 mean_i [KL(q_i || p_i2t) + KL(q_i || p_t2i)]`` with the target first. Neither bounded nor symmetric; it
    differs from a cross entropy by the entropy of q, a constant.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: ``KLLoss`` in the report's ``train_valid.py``, after ActionCLIP (Wang et al. 2021, arXiv:2109.08472).
    Taught in: 03, section 3.
    """
    _check_pairs(image, text, target)
    q = (10 * label_matrix(target, image.dtype)).softmax(dim=1)
    return both_directions(kl_divergence, q, similarity_logits(image, text, temperature))


# -- the sound ones ----------------------------------------------------------------------------------------------------


def identity_ce(image: Tensor, text: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Symmetric cross entropy in which sample i's only right answer is caption i (InfoNCE, as CLIP has it).

    ``target`` is not read. Captions that repeat in the batch count as wrong answers for one another; where a repeated
    caption is embedded once, that changes nothing: the loss then equals :func:`multi_positive_ce`.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: Radford et al. 2021, arXiv:2103.00020, figure 3.
    Taught in: 03, section 4.
    """
    _check_pairs(image, text, target)
    logits = similarity_logits(image, text, temperature)
    diagonal = torch.arange(len(logits), device=logits.device)
    return 0.5 * (F.cross_entropy(logits, diagonal) + F.cross_entropy(logits.T, diagonal))


def multi_positive_ce(image: Tensor, text: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Symmetric cross entropy in which every sample of the same class is an equally right answer.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: the "out" form of Khosla et al. 2020, arXiv:2004.11362, equation 2, between two modalities.
    Taught in: 03, section 4.
    """
    _check_pairs(image, text, target)
    q = label_distribution(target, image.dtype)
    return both_directions(cross_entropy, q, similarity_logits(image, text, temperature))


def js(image: Tensor, text: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Jensen-Shannon divergence to the row-normalised label matrix: what the report's text describes.

    Between 0 and ln 2.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: Lin 1991, IEEE Transactions on Information Theory 37(1), equation 4.1 with equal weights.
    Taught in: 03, section 3.
    """
    _check_pairs(image, text, target)
    q = label_distribution(target, image.dtype)
    return both_directions(js_divergence, q, similarity_logits(image, text, temperature))


# -- for comparison ----------------------------------------------------------------------------------------------------


def siglip(image: Tensor, text: Tensor, target: Tensor, temperature: Tensor | float,
           bias: Tensor | float = -10.0) -> Tensor:
    """Sigmoid loss: each of the B x B cells is its own yes-or-no question, "is this caption right for this image".

    ``- 1/B sum_ij log sigmoid(z_ij (x_i . t_j / tau + bias))`` with ``z_ij`` 1 where classes agree, else -1. No cell
    competes with another, so a bias is learned beside the temperature. With ``target = arange(B)`` it is the paper's.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: Zhai et al. 2023, arXiv:2303.15343, equation 1; there the bias starts at -10 and 1 / tau at 10.
    Taught in: 03, section 4.
    """
    _check_pairs(image, text, target)
    sign = 2 * label_matrix(target, image.dtype) - 1
    return -F.logsigmoid(sign * (similarity_logits(image, text, temperature) + bias)).sum() / len(image)


def supcon(image: Tensor, text: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Supervised contrastive loss over the 2B embeddings of both modalities, each against all others but itself.

    :func:`multi_positive_ce` with images also compared with images, and captions with captions; with
    ``target = arange(B)`` it is SimCLR's NT-Xent.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: Khosla et al. 2020, arXiv:2004.11362, equation 2 ("out").
    Taught in: 03, section 4.
    """
    _check_pairs(image, text, target)
    views, classes = torch.cat([image, text]), torch.cat([target, target])
    itself = torch.eye(len(views), dtype=torch.bool, device=views.device)
    positive = label_matrix(classes, views.dtype).masked_fill(itself, 0)
    logits = similarity_logits(views, views, temperature).masked_fill(itself, -torch.inf)
    log_p = logits.log_softmax(dim=1).masked_fill(itself, 0)  # 0 x -inf would be no number
    return cross_entropy(positive / positive.sum(dim=1, keepdim=True), log_p).mean()


_NAMED = (original_ce, original_kl, identity_ce, multi_positive_ce, js)
LOSSES: dict[str, Loss] = {loss.__name__: loss for loss in _NAMED}
"""By the names that :class:`mgutils.config.Objective` knows."""
