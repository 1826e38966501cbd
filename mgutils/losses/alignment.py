"""Losses over pairs of modalities that may be absent: one space for several cameras.

A pair loss is called as those of :mod:`mgutils.losses.image_text` are, ``loss(a, b, target,
temperature)``, on the rows that have both modalities; row i of ``a`` and row i of ``b`` are the same
clip. :func:`pair_losses` picks those rows and calls the loss of each pair. A row that lacks one of
the two is neither a right nor a wrong answer: it is not there.

All are pure functions of the whole batch. Several ranks gather embeddings and presence first, and
every rank computes the same number. Nothing here knows about models, data or training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import wraps

import torch
import torch.nn.functional as F
from torch import Tensor

from mgutils.config.alignment import Pair, check_pairs
from mgutils.losses.image_text import (
    LOSSES,
    Loss,
    identity_ce,
    js,
    multi_positive_ce,
    original_kl,
    siglip,
    similarity_logits,
)

Embeddings = Mapping[str, Tensor]
"""Modality -> (B, D)."""
Present = Mapping[str, Tensor]
"""Modality -> (B,) bool; a modality that is not named is there in every row."""


def on_sphere(loss: Loss) -> Loss:
    """A loss that L2-normalises both embeddings first, so that its dot products are cosines."""
    @wraps(loss)
    def compare(a: Tensor, b: Tensor, target: Tensor, temperature: Tensor | float,
                **learned: Tensor) -> Tensor:
        a = F.normalize(a, dim=1)
        b = F.normalize(b, dim=1)
        return loss(a, b, target, temperature, **learned)

    return compare


def dual_softmax(a: Tensor, b: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Cross entropy to ``S * softmax(S)``, the softmax taken over the other direction; for the lesson.

    ``S = a b^T / tau``; the rows of ``S * softmax_columns(S)`` say which b fits an a, and likewise
    for the columns; the two directions are added, not averaged. A logit counts only as far as
    the other direction agrees. Two rows with the same caption cannot be told apart by it: if
    every caption occurs twice, no training gets below ln 2 in either direction, however good
    the retrieval. (InfoNCE has that floor, too; its mean of two directions is ln 2.)

    Shape: a (B, D), b (B, D), target (B,), which is not read -> scalar.
    Source: Cheng et al. 2021, arXiv:2109.04290; in this form CLIP-ViP's
    ``NCELearnableTempDSLLoss`` (XPretrain at commit c37c904).

    Examples
    --------
    Eight different captions, each found without fault, and the same eight twice:

    >>> rows = torch.arange(8)
    >>> once = torch.eye(8)
    >>> twice = torch.cat([once, once])
    >>> print(f"{dual_softmax(once, once, rows, 0.01):.4f}")
    0.0000
    >>> print(f"{dual_softmax(twice, twice, rows.repeat(2), 0.01):.4f}")  # 2 ln 2
    1.3863
    """
    logits = similarity_logits(a, b, temperature)  # (B, B)
    diagonal = torch.arange(len(logits), device=logits.device)
    a_to_b = logits * logits.softmax(dim=0)
    b_to_a = (logits * logits.softmax(dim=1)).T
    return F.cross_entropy(a_to_b, diagonal) + F.cross_entropy(b_to_a, diagonal)


def mse(a: Tensor, b: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Mean squared error: no negatives, no cosine. With ``b`` the word vectors, the second system's.

    Shape: a (B, D), b (B, D); target and temperature are not read -> scalar.
    """
    return (a - b).square().mean()


info_nce = on_sphere(identity_ce)
"""Symmetric InfoNCE: CLIP's loss on cosines, :func:`mgutils.losses.image_text.identity_ce`.

Source: van den Oord et al. 2018, arXiv:1807.03748; symmetric as in Radford et al. 2021, arXiv:2103.00020.
"""

PAIR_LOSSES: dict[str, Loss] = LOSSES | {
    "infonce": info_nce,
    "siglip": on_sphere(siglip),
    "dual_softmax": on_sphere(dual_softmax),
    "mse": mse,
    "cosine_kl": on_sphere(original_kl),
    "cosine_js": on_sphere(js),
    "cosine_multi_positive": on_sphere(multi_positive_ce),
}
"""By the names that :class:`mgutils.config.alignment.Pair` knows. The first system normalises in its model, so that its
losses read dot products under their own names, and cosines as ``cosine_...``.

SigLIP starts at temperature 0.1 and bias -10, and learns both. The original of this system starts it at
a temperature of exp(-10), which multiplies dot products by 22,026.
"""


def class_ce(a: Tensor, vectors: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Cross entropy over the cosines of each row with the vectors of all classes: a classifier on a sphere.

    No row is another's negative, so that two clips of one class do not push each other away.

    Shape: a (B, D), vectors (C, D), target (B,) -> scalar.
    """
    return F.cross_entropy(class_logits(a, vectors, temperature), target)


def class_logits(a: Tensor, vectors: Tensor, temperature: Tensor | float) -> Tensor:
    """Cosines (B, C) of each row with each class's vector, over the temperature."""
    return similarity_logits(F.normalize(a, dim=1), F.normalize(vectors, dim=1), temperature)


def pair_losses(pairs: Sequence[Pair], embeddings: Embeddings, present: Present | None = None,
                target: Tensor | None = None,
                learned: Mapping[str, Mapping[str, Tensor]] | None = None,
                tables: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
    """The weighted loss of each pair; what is minimised is their sum.

    Parameters
    ----------
    pairs : sequence of Pair
    embeddings : mapping
        Modality to (B, D). Rows that lack the modality may hold anything, NaN included.
    present : mapping, optional
        Modality to (B,) bool.
    target : Tensor, optional
        (B,) classes, for the losses that know them, and for tables. Without it, each row is a class of its own.
    learned : mapping, optional
        Name of a pair to what is learned of its loss: ``temperature``, and SigLIP's ``bias``.
    tables : mapping, optional
        ``class`` or ``caption`` to the vectors (C, D) of all classes. A clip's own is the row of its class; with
        ``class_ce`` the clip is compared with all.

    Returns
    -------
    dict
        Name of the pair to a scalar. A pair that no row has both of is 0, with a gradient of 0: on
        several ranks every parameter needs one.

    Raises
    ------
    ConfigError
        If there is no pair, or one occurs twice.
    ValueError
        If a modality has no embeddings, the two of a pair differ in shape, or a table has no classes beside it.

    Examples
    --------
    Of three clips the last has no depth. Two are left, and each is told from the other:

    >>> embedded = {"rgb": torch.eye(3), "depth": torch.eye(3)}
    >>> there = {"depth": torch.tensor([True, True, False])}
    >>> losses = pair_losses([Pair("rgb", "depth", temperature=1.0)], embedded, there)
    >>> print(f"{losses['rgb-depth']:.4f}")  # ln(1 + 1/e)
    0.3133
    """
    check_pairs(pairs)
    present = present or {}
    learned = learned or {}
    tables = tables or {}
    if tables and target is None:
        raise ValueError(f"tables: found {', '.join(tables)} without a target; wanted the class of each row")
    embeddings = dict(embeddings) | {name: table[target] for name, table in tables.items()}
    if target is None:
        rows, device = _rows(pairs[0], embeddings)
        target = torch.arange(rows, device=device)
    return {
        pair.name: pair.weight * _loss(pair, embeddings, present, target, learned.get(pair.name, {}), tables)
        for pair in pairs
    }


def _loss(pair: Pair, embeddings: Embeddings, present: Present, target: Tensor,
          learned: Mapping[str, Tensor], tables: Mapping[str, Tensor]) -> Tensor:
    """The loss of one pair, not weighted."""
    rows, device = _rows(pair, embeddings)
    both = torch.ones(rows, dtype=torch.bool, device=device)
    for name in (pair.a, pair.b):
        if name in present:
            both = both & present[name]

    # rows that lack one are left out, not masked: whatever they hold, it cannot reach the gradient
    a = embeddings[pair.a][both]
    b = embeddings[pair.b][both]
    if not len(a):
        return a.sum() + b.sum() + sum(part.sum() * 0 for part in learned.values())
    settings = {"temperature": pair.temperature} | dict(learned)
    if pair.loss == "class_ce":
        if pair.b not in tables:
            raise ValueError(f"pair {pair.name}: found no table of {pair.b}; wanted the vectors of all classes")
        return class_ce(a, tables[pair.b], target[both], **settings)
    return PAIR_LOSSES[pair.loss](a, b, target[both], **settings)


def _rows(pair: Pair, embeddings: Embeddings) -> tuple[int, torch.device]:
    """How many rows a pair has, and where they lie."""
    missing = {pair.a, pair.b} - embeddings.keys()
    if missing:
        raise ValueError(
            f"pair {pair.name}: found embeddings of {', '.join(sorted(embeddings)) or 'nothing'}; "
            f"wanted {', '.join(sorted(missing))} too")
    a, b = embeddings[pair.a], embeddings[pair.b]
    if a.ndim != 2 or a.shape != b.shape:
        raise ValueError(
            f"pair {pair.name}: found {tuple(a.shape)} and {tuple(b.shape)}; wanted (B, D) twice: "
            "a row for each clip, also where it lacks the modality")
    return len(a), a.device
