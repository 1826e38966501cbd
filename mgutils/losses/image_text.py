"""The losses: what the report ran, what it described, and what is sound.

Every loss is called as ``loss(image, text, target, temperature)`` and returns the mean over the
batch, a scalar:

* ``image`` (B, D) and ``text`` (B, D): embeddings of B image-caption pairs;
* ``target`` (B,): class index of each pair. A task calls any of them by name, so that the losses
  that do not know the classes (``original_ce``, ``identity_ce``) take it too, and do not read it;
* ``temperature``: positive number or scalar tensor that divides the dot products.

All but ``siglip`` and ``supcon`` average two directions. *Image to text* reads the rows of the
logits (which caption fits this image), *text to image* the columns. They differ in the target
distribution and in how they compare it with the prediction. A ``ValueError`` says that a shape or a
temperature is wrong. Nothing here knows about models, data or training.
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


def similarity_logits(image: Tensor, text: Tensor, temperature: Tensor | float) -> Tensor:
    """Dot product of every image with every caption, divided by the temperature.

    Shape: image (..., B, D), text (..., C, D) -> (..., B, C).

    Raises
    ------
    ValueError
        If the temperature is not above 0. One on a GPU is not looked at: that would wait for it.

    Taught in: 02, section 3.
    """
    _check_temperature(temperature)
    return image @ text.mT / temperature  # (B, D) x (D, C) -> (B, C)


def _check_temperature(temperature: Tensor | float) -> None:
    known = torch.as_tensor(temperature)
    if known.device.type == "cpu" and not (known > 0).all():  # a NaN is not above 0 either
        found = known.min().item()
        raise ValueError(
            f"temperature: found {found:g}; wanted more than 0: logits are divided by it")


def _check_pairs(image: Tensor, text: Tensor, target: Tensor) -> None:
    if image.ndim != 2 or image.shape != text.shape or target.shape != image.shape[:1]:
        raise ValueError(
            f"found image {tuple(image.shape)}, text {tuple(text.shape)}, target "
            f"{tuple(target.shape)}; wanted (B, D), (B, D), (B,): give one caption embedding and "
            "one class index for each image")


# -- the report's two ------------------------------------------------------------------------------


def original_ce(image: Tensor, text: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Cross entropy to soft targets made of the batch's similarities: the report's first row.

    ``L = T I^T / tau``; ``Y = softmax_row(tau (I I^T + T T^T) / 2)``; the loss is the mean of
    ``1/2 [H(Y_i, p(L_i)) + H(Y^T_i, p(L^T_i))]``. The gradient flows through Y, the rows of ``Y^T``
    do not sum to 1, and tau multiplies on one side what it divides on the other.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: M. Shariatnia, "Simple implementation of OpenAI CLIP model", ``CLIP.py`` at commit
    73fea1f.
    Taught in: 04, section 4.
    """
    _check_pairs(image, text, target)
    logits = similarity_logits(text, image, temperature)  # (B, B), rows are captions
    soft_targets = ((image @ image.T + text @ text.T) / 2 * temperature).softmax(dim=1)  # (B, B)
    text_to_image = cross_entropy(soft_targets, logits.log_softmax(dim=1))
    image_to_text = cross_entropy(soft_targets.T, logits.T.log_softmax(dim=1))
    return 0.5 * (image_to_text + text_to_image).mean()


def original_kl(image: Tensor, text: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Forward KL to ``softmax(10 x label matrix)``, which the report calls Jensen-Shannon.

    ``1/2 mean_i [KL(q_i || p_i2t) + KL(q_i || p_t2i)]`` with the target first. Neither bounded nor
    symmetric; it differs from a cross entropy by the entropy of q, a constant.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: ``KLLoss`` in the report's ``train_valid.py``, after ActionCLIP (Wang et al. 2021,
    arXiv:2109.08472).
    Taught in: 04, section 3.
    """
    _check_pairs(image, text, target)
    q = (10 * label_matrix(target, image.dtype)).softmax(dim=1)  # (B, B)
    logits = similarity_logits(image, text, temperature)
    return both_directions(kl_divergence, q, logits)


# -- the sound ones --------------------------------------------------------------------------------


def identity_ce(image: Tensor, text: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Symmetric cross entropy: the only right answer of image i is caption i (InfoNCE, as in CLIP).

    A caption that occurs twice in the batch counts as a wrong answer to itself. If a repeated
    caption is embedded once, that changes nothing: the loss then equals :func:`multi_positive_ce`.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: Radford et al. 2021, arXiv:2103.00020, figure 3.
    Taught in: 04, section 1.
    """
    _check_pairs(image, text, target)
    logits = similarity_logits(image, text, temperature)
    diagonal = torch.arange(len(logits), device=logits.device)
    image_to_text = F.cross_entropy(logits, diagonal)
    text_to_image = F.cross_entropy(logits.T, diagonal)
    return 0.5 * (image_to_text + text_to_image)


def multi_positive_ce(image: Tensor, text: Tensor, target: Tensor,
                      temperature: Tensor | float) -> Tensor:
    """Symmetric cross entropy in which all samples of the same class are equally right answers.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: the "out" form of Khosla et al. 2020, arXiv:2004.11362, equation 2, between two
    modalities.
    Taught in: 04, section 1.
    """
    _check_pairs(image, text, target)
    q = label_distribution(target, image.dtype)  # (B, B)
    logits = similarity_logits(image, text, temperature)
    return both_directions(cross_entropy, q, logits)


def js(image: Tensor, text: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Jensen-Shannon divergence to the label distribution: what the report's text describes.

    Between 0 and ln 2.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: Lin 1991, IEEE Transactions on Information Theory 37(1), equation 4.1, equal weights.
    Taught in: 04, section 3.
    """
    _check_pairs(image, text, target)
    q = label_distribution(target, image.dtype)  # (B, B)
    logits = similarity_logits(image, text, temperature)
    return both_directions(js_divergence, q, logits)


# -- for comparison --------------------------------------------------------------------------------


def siglip(image: Tensor, text: Tensor, target: Tensor, temperature: Tensor | float,
           bias: Tensor | float = -10.0) -> Tensor:
    """Sigmoid loss: each of the B x B pairs is its own question, "do image and caption match?".

    ``- 1/B sum_ij log sigmoid(z_ij (x_i . t_j / tau + bias))``, ``z_ij`` 1 where classes agree,
    else -1. No pair competes with another, so a bias is learned beside the temperature. With
    ``target = arange(B)`` it is the paper's.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: Zhai et al. 2023, arXiv:2303.15343, equation 1, with bias -10 and 1 / tau = 10 at the
    start.
    Taught in: 04, section 5.
    """
    _check_pairs(image, text, target)
    sign = 2 * label_matrix(target, image.dtype) - 1
    logits = similarity_logits(image, text, temperature) + bias
    return -F.logsigmoid(sign * logits).sum() / len(image)


def supcon(image: Tensor, text: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Supervised contrastive loss: each of the 2B embeddings against all others.

    It is :func:`multi_positive_ce` with images also compared with images, and captions with
    captions. With ``target = arange(B)`` it is SimCLR's NT-Xent.

    Shape: image (B, D), text (B, D), target (B,) -> scalar.
    Source: Khosla et al. 2020, arXiv:2004.11362, equation 2 ("out").
    Taught in: 04, section 5.
    """
    _check_pairs(image, text, target)
    views = torch.cat([image, text])  # (2B, D)
    classes = torch.cat([target, target])
    itself = torch.eye(len(views), dtype=torch.bool, device=views.device)
    positive = label_matrix(classes, views.dtype).masked_fill(itself, 0)
    logits = similarity_logits(views, views, temperature).masked_fill(itself, -torch.inf)
    log_p = logits.log_softmax(dim=1).masked_fill(itself, 0)  # 0 x -inf would be no number
    return cross_entropy(positive / positive.sum(dim=1, keepdim=True), log_p).mean()


_NAMED = (original_ce, original_kl, identity_ce, multi_positive_ce, js)
LOSSES: dict[str, Loss] = {loss.__name__: loss for loss in _NAMED}
"""By the names that :class:`mgutils.config.Objective` knows."""
