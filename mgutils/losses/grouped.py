"""The losses of a batch whose captions are encoded once each: logits (B, C) in place of (B, B).

A batch of B images holds only C different captions. Encoding each once and comparing every image
with C captions gives exactly what :mod:`mgutils.losses` gives on the B pairs, value and gradient,
if a sum over pairs becomes a sum over classes that counts class c ``n_c`` times.

The signature is ``loss(image, captions, target, temperature)`` with ``image`` (B, D), ``captions``
(C, D) and ``target`` (B,), each image's row of ``captions``. Every caption must have an image in
the batch. Two laws do the work:

* A softmax over B columns in which column c occurs ``n_c`` times gives class c the probability
  ``P_c = n_c p_c``: a softmax over C columns of ``logit + log n_c``.
* KL and JS between ``n_c p_c`` and ``n_c q_c`` are those between the copies, because ``n_c``
  cancels in the ratio. A cross entropy is not so: it needs the ``p_c`` of one copy.

Equality needs equal copies: a pair loss that gives every copy its own dropout mask is another.
"""

from __future__ import annotations

import math
from functools import wraps

import torch.nn.functional as F
from torch import Tensor

from mgutils import losses
from mgutils.losses import Loss, js_divergence, kl_divergence, similarity_logits


def on_pairs(loss: Loss) -> Loss:
    """A pair loss as a grouped loss: every image gets a copy of its caption's embedding.

    For losses that compare images with images, such as ``original_ce`` and ``supcon``. The captions
    are still encoded once, but memory grows as B x B.
    """
    @wraps(loss)
    def expanded(image: Tensor, captions: Tensor, target: Tensor,
                 temperature: Tensor | float) -> Tensor:
        return loss(image, captions[target], target, temperature)

    return expanded


def identity_ce(image: Tensor, captions: Tensor, target: Tensor,
                temperature: Tensor | float) -> Tensor:
    """:func:`mgutils.losses.identity_ce` over classes; ``multi_positive_ce`` is the same here.

    All copies of a caption have the same probability, so it does not matter which one is right.
    Shape: image (B, D), captions (C, D), target (B,) -> scalar.
    Taught in: 04, section 5.
    """
    logits, counts = _logits(image, captions, target, temperature)
    right = logits.gather(1, target[:, None]).squeeze(1)  # (B,)
    image_to_text = (logits + counts.log()).logsumexp(dim=1) - right
    text_to_image = logits.logsumexp(dim=0)[target] - right
    return 0.5 * (image_to_text + text_to_image).mean()


def original_kl(image: Tensor, captions: Tensor, target: Tensor,
                temperature: Tensor | float) -> Tensor:
    """:func:`mgutils.losses.original_kl` over classes.

    Shape: image (B, D), captions (C, D), target (B,) -> scalar.
    """
    logits, counts = _logits(image, captions, target, temperature)
    agree = 10 * F.one_hot(target, len(captions)).to(logits.dtype)  # (B, C)

    # targets of an image over the classes (B, C), and of a caption over the images (C, B)
    by_class = (agree + counts.log()).softmax(dim=1)
    by_image = agree.T.softmax(dim=1)
    image_to_text = kl_divergence(by_class, (logits + counts.log()).log_softmax(dim=1)).mean()
    text_to_image = kl_divergence(by_image, logits.T.log_softmax(dim=1))
    return 0.5 * (image_to_text + (counts * text_to_image).sum() / len(image))


def js(image: Tensor, captions: Tensor, target: Tensor,
       temperature: Tensor | float) -> Tensor:
    """:func:`mgutils.losses.js` over classes.

    From image to text all of the target's probability is on the image's own class. If the
    prediction gives that class p, the divergence is ``ln 2 - 1/2 [(1 + p) log(1 + p) - p log p]``.
    Shape: image (B, D), captions (C, D), target (B,) -> scalar.
    """
    logits, counts = _logits(image, captions, target, temperature)
    log_probs = (logits + counts.log()).log_softmax(dim=1)  # (B, C)
    log_p = log_probs.gather(1, target[:, None]).squeeze(1)  # (B,)
    p = log_p.exp()
    image_to_text = (math.log(2) - 0.5 * ((1 + p) * p.log1p() - p * log_p)).mean()

    # the target of a caption is uniform over the images of its class: (C, B)
    by_image = F.one_hot(target, len(captions)).to(logits.dtype).T / counts[:, None]
    text_to_image = js_divergence(by_image, logits.T.log_softmax(dim=1))
    return 0.5 * (image_to_text + (counts * text_to_image).sum() / len(image))


def _logits(image: Tensor, captions: Tensor, target: Tensor,
            temperature: Tensor | float) -> tuple[Tensor, Tensor]:
    """Logits (B, C), and the number of images of each caption (C,), of the same type."""
    same_width = image.ndim == captions.ndim == 2 and image.shape[1] == captions.shape[1]
    if not same_width or target.shape != image.shape[:1]:
        raise ValueError(
            f"found image {tuple(image.shape)}, captions {tuple(captions.shape)}, target "
            f"{tuple(target.shape)}; wanted (B, D), (C, D), (B,): each image's row of the captions")
    logits = similarity_logits(image, captions, temperature)
    counts = target.bincount(minlength=len(captions)).to(logits.dtype)
    return logits, counts


CLASS_LOSSES: dict[str, Loss] = {
    "original_ce": on_pairs(losses.original_ce),
    "original_kl": original_kl,
    "identity_ce": identity_ce,
    "multi_positive_ce": identity_ce,
    "js": js,
}
"""By the names that :class:`mgutils.config.Objective` knows."""
