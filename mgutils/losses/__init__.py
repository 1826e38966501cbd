"""Losses. ``divergences`` has their parts, ``grouped`` their form for captions encoded once.

``alignment`` calls them on any pairs of modalities.
"""

from mgutils.losses.divergences import (
    both_directions,
    cross_entropy,
    js_divergence,
    kl_divergence,
    label_distribution,
    label_matrix,
    report_equation_1,
)
from mgutils.losses.image_text import (
    LOSSES,
    Loss,
    identity_ce,
    js,
    multi_positive_ce,
    original_ce,
    original_kl,
    siglip,
    similarity_logits,
    supcon,
)

__all__ = [
    "LOSSES",
    "Loss",
    "both_directions",
    "cross_entropy",
    "identity_ce",
    "js",
    "js_divergence",
    "kl_divergence",
    "label_distribution",
    "label_matrix",
    "multi_positive_ce",
    "report_equation_1",
    "original_ce",
    "original_kl",
    "siglip",
    "similarity_logits",
    "supcon",
]
