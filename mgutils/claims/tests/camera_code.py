"""Claims of the system of four cameras (CMVRA) that its code decides: losses, ranks, bytes, and what is frozen.

Nothing is trained for these. The claims about trained runs are in ``cameras``.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from mgutils.claims.evidence import Evidence
from mgutils.claims.registry import Finding, claim_test
from mgutils.data.items import present
from mgutils.experiments.cameras import ANCHOR, LABELS, TEMPERATURE
from mgutils.losses.alignment import dual_softmax, info_nce
from mgutils.metrics.ranks import retrieval, same_text
from mgutils.models.fusion import ZeroedFusion

_COUNTER = "num_batches_tracked"
"""Of a normalisation layer: no weight, and nothing reads it."""


@claim_test
def anchor_is_frozen(evidence: Evidence) -> Finding:
    """Each weight of the anchor after alignment, the means of normalisation included, beside what it started from."""
    groups = evidence.cameras(LABELS[ANCHOR], "star")
    same: dict[str, list[bool]] = {"encoder": [], "projection": []}
    for first, last in zip(*groups.values(), strict=True):
        before, after = evidence.weights(first), evidence.weights(last)
        for part, kept in same.items():
            names = [name for name in after if name.startswith(f"{part}s.{ANCHOR}.") and not name.endswith(_COUNTER)]
            kept += [np.array_equal(before[name], after[name]) for name in names]
    texts = [f"{sum(kept)} of {len(kept)} tensors of the {part}" for part, kept in same.items()]
    return Finding(" and ".join(texts) + " are as they were",
                   {f"{part} frozen": bool(kept) and all(kept) for part, kept in same.items()})


@claim_test
def zero_is_missing(evidence: Evidence) -> Finding:
    """An untrained head with one token of four: the others zero, and the others left out."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        head, tokens = ZeroedFusion(64, 32), torch.randn(64, 4, 64)
        there = torch.arange(4).eq(0).expand(64, 4)
        zeroed, alone = head(tokens, there), head(tokens[:, :1], there[:, :1])
        weight = float(head.attend(tokens, there)[1][:, 0, 1:].sum(dim=1).mean())
    return Finding(f"three zeroed tokens of four get {100 * weight:.0f} % of the attention",
                   {"the answer is that without them": torch.allclose(zeroed, alone, atol=1e-5)})


@claim_test
def accumulation_is_a_large_batch(evidence: Evidence) -> Finding:
    """InfoNCE of 32 pairs, and the mean of that of two times 16."""
    generator = torch.Generator().manual_seed(0)
    one, noise = (torch.randn(32, 64, generator=generator, dtype=torch.float64) for _ in range(2))
    other, rows = one + 2 * noise, torch.arange(32)
    whole = info_nce(one, other, rows, TEMPERATURE)
    halves = [info_nce(one[part], other[part], rows[part], TEMPERATURE) for part in rows.chunk(2)]
    mean = torch.stack(halves).mean()
    return Finding(f"{float(whole):.3f} with 31 negatives, {float(mean):.3f} with 15",
                   {"both are the same": bool(torch.isclose(whole, mean))})


@claim_test
def perfect_model_is_found_perfect(evidence: Evidence) -> Finding:
    """R@1, by the original's counting, of a model that gives ten clips of each class their own caption."""
    text = np.repeat(np.arange(8), 10)
    right = same_text(text, text)
    theirs = retrieval(right.astype(float), np.eye(len(text), dtype=bool), ties="original")
    grouped = retrieval(right.astype(float), right)
    return Finding(f"R@1 {100 * theirs.r1:.0f} %, R@5 {100 * theirs.r5:.0f} %, median rank {theirs.median_rank:g}; R@1 "
                   f"{100 * grouped.r1:.0f} % where every clip of the caption is right",
                   {"R@1 is 100 %": bool(np.isclose(theirs.r1, 1))})


@claim_test
def dual_softmax_reaches_zero(evidence: Evidence) -> Finding:
    """The loss where every caption is found without fault: eight different ones, and each of them twice."""
    once = torch.eye(8, dtype=torch.float64)
    twice = torch.cat([once, once])
    losses = [float(dual_softmax(rows, rows, torch.arange(len(rows)), 0.01)) for rows in (once, twice)]
    return Finding("{:.3f} for different captions, {:.3f} where each occurs twice; 2 ln 2 is 1.386".format(*losses),
                   {"0 where captions repeat": bool(np.isclose(losses[1], 0, atol=1e-6))})


@claim_test
def depth_fits_8_bits(evidence: Evidence) -> Finding:
    """Millimetres of our clips, read as the original reads its pictures: Pillow's ``convert("L")``."""
    depth, clips = evidence.camera_frames("depth"), evidence.camera_clips
    there = np.repeat(present(clips, "depth"), clips.frames["length"])
    depth = depth[there]
    read = np.asarray(Image.fromarray(depth.reshape(-1, depth.shape[2])).convert("L"))
    cut = float((read == 255).mean())
    return Finding(f"{100 * cut:.1f} % of the pixels become 255; of {len(np.unique(depth)):,} distances "
                   f"{len(np.unique(read)):,} are left", {"less than 1 % is cut off": cut < 0.01},
                   note="Whether the original's depth pictures have 16 bits is inferred.")
