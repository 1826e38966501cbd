"""Claims about the losses, tested by running them: the report's, as its code has them, beside those that it names.

A ``@claim_test`` takes an :class:`~mgutils.claims.evidence.Evidence` and returns a
:class:`~mgutils.claims.registry.Finding`. A check is worded as the claim has it, so that a false one speaks
against the claim.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mgutils.claims.evidence import Evidence
from mgutils.claims.intervals import above, in_every_run, not_above, over_seeds, spread
from mgutils.claims.registry import Finding, claim_test
from mgutils.experiments.loss_grid.grid import REPORT_CE, repair_cells, select
from mgutils.experiments.loss_grid.stack import Condition
from mgutils.losses import (
    both_directions,
    cross_entropy,
    identity_ce,
    js_divergence,
    kl_divergence,
    label_distribution,
    label_matrix,
    multi_positive_ce,
    original_kl,
    report_equation_1,
    similarity_logits,
)

_LN2 = math.log(2)
_TAU = 0.05  # the report's code


def _batch(size: int = 32, classes: int = 8) -> tuple[Tensor, Tensor, Tensor]:
    """Embeddings as LayerNorm leaves them, (B, 256) with squared norm 256, and classes that repeat, in float64."""
    generator = torch.Generator().manual_seed(0)
    image, text = torch.randn(2, size, 256, generator=generator, dtype=torch.float64)
    return F.layer_norm(image, (256,)), F.layer_norm(text, (256,)), torch.arange(size) % classes


def _both_orders(divergence: Callable) -> tuple[float, float]:
    """The largest of 2,000 divergences, and the largest change when P and Q are exchanged.

    The pairs of distributions go from nearly equal to nearly disjoint.
    """
    generator = torch.Generator().manual_seed(0)
    scale = torch.logspace(-1, 2, 2000, dtype=torch.float64)[:, None]
    logits = torch.randn(2, 2000, 32, generator=generator, dtype=torch.float64) * scale
    log_p, log_q = logits.log_softmax(dim=2)
    values = divergence(log_p.exp(), log_q)
    change = values - divergence(log_q.exp(), log_p)
    return values.max().item(), change.abs().max().item()


@claim_test
def loss_is_js(evidence: Evidence) -> Finding:
    """Value of the report's code beside PyTorch's KL with the target first, the real JS, and Equation 1."""
    image, text, target = _batch()
    logits, q = similarity_logits(image, text, _TAU), (10 * label_matrix(target, torch.float64)).softmax(dim=1)
    code = original_kl(image, text, target, _TAU).item()
    kl = sum(F.kl_div(rows.log_softmax(dim=1), q, reduction="batchmean").item() for rows in (logits, logits.T)) / 2
    js = both_directions(js_divergence, q, logits).item()
    equation = report_equation_1(logits.softmax(dim=1), logits.T.softmax(dim=1), q).mean().item()
    return Finding(f"code {code:.3f}; KL(target || prediction) {kl:.3f}; JS {js:.3f}; Equation 1 {equation:.3f}",
                   {"the code computes the Jensen-Shannon divergence": math.isclose(code, js, rel_tol=1e-6),
                    "the code computes Equation 1": math.isclose(code, equation, rel_tol=1e-6)},
                   note=f"The code is forward KL with the target first (difference {abs(code - kl):.0e}).")


@claim_test
def mixture_is_target(evidence: Evidence) -> Finding:
    """Equation 1 with M set to the 0/1 label matrix, as the sentence below it says."""
    image, text, target = _batch()
    logits, matrix = similarity_logits(image, text, _TAU), label_distribution(target, torch.float64)
    p, q = logits.softmax(dim=1), logits.T.softmax(dim=1)
    values = report_equation_1(p, q, matrix)
    return Finding(f"Equation 1 is infinite in {values.isinf().sum()} of {len(values)} rows; the target differs from "
                   f"(P + Q) / 2 by up to {(matrix - (p + q) / 2).abs().max():.2f}",
                   {"the target is the mixture of P and Q": torch.allclose(matrix, (p + q) / 2, atol=1e-3),
                    "Equation 1 is a finite number with this M": bool(values.isfinite().all())},
                   note="P is a distribution over captions and Q one over images, so that they have no mixture.")


@claim_test
def real_js_bounded(evidence: Evidence) -> Finding:
    """The textbook divergence on 2,000 pairs of distributions."""
    largest, change = _both_orders(js_divergence)
    return Finding(f"largest {largest:.4f} (ln 2 = {_LN2:.4f}); P and Q exchanged: differs by at most {change:.0e}",
                   {"bounded": largest <= _LN2 + 1e-12, "symmetric": change <= 1e-12})


@claim_test
def kl_unbounded(evidence: Evidence) -> Finding:
    """Plain KL on the same pairs."""
    largest, change = _both_orders(kl_divergence)
    return Finding(f"largest {largest:.0f}, growing with the logits; P and Q exchanged: differs by up to {change:.0f}",
                   {"unbounded": largest > 100, "asymmetric": change > 1})


@claim_test
def code_bounded(evidence: Evidence) -> Finding:
    """The loss that the report's code minimises: its values in training, and with prediction and target exchanged."""
    image, text, target = _batch()
    log_p = similarity_logits(image, text, _TAU).log_softmax(dim=1)
    log_q = (10 * label_matrix(target, torch.float64)).log_softmax(dim=1)
    one = kl_divergence(log_q.exp(), log_p).mean().item()
    other = kl_divergence(log_p.exp(), log_q).mean().item()
    highest = np.array([evidence.log(run)["train_loss"].max() for run in evidence.runs("report_js")])
    return Finding(f"mean loss of an epoch up to {over_seeds(highest, unit='')}; target first {one:.1f}, "
                   f"prediction first {other:.1f}",
                   # one epoch above the bound is enough to refute it
                   {"bounded by ln 2": bool(highest.max() <= _LN2),
                    "symmetric": math.isclose(one, other, rel_tol=0.01)},
                   spread=spread(highest))


@claim_test
def clip_objective(evidence: Evidence) -> Finding:
    """Which logits CLIP's cross entropy raises and which it lowers, in a batch of distinct captions."""
    size = 32
    logits = torch.zeros(size, size, dtype=torch.float64, requires_grad=True)
    both_directions(cross_entropy, torch.eye(size, dtype=torch.float64), logits).backward()
    raised, lowered = logits.grad < 0, logits.grad > 0
    return Finding(f"of a batch of {size}, {raised.sum()} similarities are raised and {lowered.sum()} lowered",
                   {"the N related pairs are raised": torch.equal(raised, torch.eye(size, dtype=torch.bool)),
                    "the N^2 - N unrelated pairs are lowered": int(lowered.sum()) == size**2 - size})


@claim_test
def identity_target(evidence: Evidence) -> Finding:
    """Shariatnia's target for equal captions, and for the report's cross-entropy runs at their best epochs."""
    repeated = _repeated_target()
    kept = []
    for run in evidence.runs("report_ce"):
        outputs = evidence.outputs(run)
        image = outputs["image_embeddings"][:32]
        text = outputs["caption_embeddings"][outputs["target"][:32]]
        kept.append(_soft_target(torch.from_numpy(image), torch.from_numpy(text)))
    diagonal = np.array([float(target.diagonal().mean()) for target in kept])
    return Finding(f"diagonal {repeated.diagonal().mean():.2f} where each pair occurs twice; "
                   f"{over_seeds(diagonal, 2, '')} at the best epoch of the report's run",
                   {"the target is the identity where pairs repeat": _is_identity(repeated),
                    "the target is the identity in the report's run": in_every_run(map(_is_identity, kept))},
                   spread=spread(diagonal),
                   note="It is a softmax of the batch's own similarities, near the identity only where all differ.")


def _soft_target(image: Tensor, text: Tensor) -> Tensor:
    return ((image @ image.T + text @ text.T) / 2 * _TAU).softmax(dim=1)


def _repeated_target() -> Tensor:
    """Shariatnia's target of a batch of four images and four captions, each twice."""
    image, text, _ = _batch(8)
    twins = torch.arange(8) // 2
    return _soft_target(image[twins], text[twins])


def _is_identity(target: Tensor) -> bool:
    return bool((target - torch.eye(len(target))).abs().max() < 0.01)


@claim_test
def ce_unsuited(evidence: Evidence) -> Finding:
    """Identity cross entropy under repeated captions beside a loss that knows the classes; the loss grid; the runs."""
    image, text, target = _batch()
    once = text[:8][target]  # every caption embedded once
    gap = abs(identity_ce(image, once, target, 1.0) - multi_positive_ce(image, once, target, 1.0)).item()
    kinds = (Condition(targets, temperature=_TAU) for targets in ("identity", "class"))
    identity, classes = _grid_top1(evidence, *kinds)
    clip, report = evidence.scores("sound_ce", "top1"), evidence.scores("report_js", "top1")
    return Finding(f"values differ by {gap:.0e}; in the loss grid top-1 {over_seeds(identity)} with the identity, "
                   f"{over_seeds(classes)} with the classes; CLIP's cross entropy on the images {over_seeds(clip)}",
                   {"its value differs from that of a target that knows the classes": gap > 1e-12,
                    "in the loss grid it does worse than a target that knows the classes": above(classes, identity),
                    "on the images it does worse than the report's JS row": above(report, clip)}, spread=spread(clip))


@claim_test
def ce_cause(evidence: Evidence) -> Finding:
    """The grid's cell of the report's cross-entropy run, and the same cell with a real identity target."""
    failed, identity, softer = _grid_top1(evidence, REPORT_CE, repair_cells()["identity target"],
                                           replace(REPORT_CE, temperature=1.0))
    return Finding(f"in the loss grid: as run {over_seeds(failed)}; identity target {over_seeds(identity)}; "
                   f"Shariatnia's own temperature {over_seeds(softer)}",
                   {"the loss that failed has an identity target": _is_identity(_repeated_target()),
                    "an identity target fails as it did": not_above(identity, failed)},
                   spread=spread(failed), note="The run took temperature 0.05 in a loss that multiplies its targets by "
                   "it; Shariatnia has 1.0.")


@claim_test
def kl_suits(evidence: Evidence) -> Finding:
    """Gradients of KL and cross entropy to one target, and what two otherwise equal models learn from them."""
    image, text, target = _batch()
    q = label_distribution(target, torch.float64)
    gradients = []
    for compare in (cross_entropy, kl_divergence):
        logits = similarity_logits(image, text, _TAU).requires_grad_()
        gradients.append(torch.autograd.grad(both_directions(compare, q, logits), logits)[0])
    gap = (gradients[0] - gradients[1]).abs().max().item()
    ce, kl = _grid_top1(evidence, *(Condition("class", name, temperature=_TAU) for name in ("ce", "kl")))
    return Finding(f"gradients differ by {gap:.0e}; in the loss grid CE {over_seeds(ce)}, KL {over_seeds(kl)}",
                   {"its gradient differs from that of cross entropy": gap > 1e-12,
                    "it does better than cross entropy with the same target": above(kl, ce)}, spread=spread(kl))


@claim_test
def js_better_for_bounds(evidence: Evidence) -> Finding:
    """What the bound costs: the gradient at a confident mistake, and the result with everything else equal."""
    js = _gradient(js_divergence)
    ce = _gradient(cross_entropy)
    tops = _grid_top1(evidence, *(Condition("class", name, normalize, _TAU)
                                   for normalize in (True, False) for name in ("js", "kl")))
    return Finding(f"gradient at a confident mistake: JS {js:.0e}, KL {ce:.1f}; in the loss grid JS "
                   f"{over_seeds(tops[0])}, KL {over_seeds(tops[1])}; without L2 norm JS "
                   f"{over_seeds(tops[2])}, KL {over_seeds(tops[3])}",
                   {"it learns from confident mistakes as KL does": js > 0.1 * ce,
                    "it does better than KL with L2 norm": above(tops[0], tops[1]),
                    "it does better than KL without": above(tops[2], tops[3])}, spread=spread(tops[0]))


def _gradient(compare: Callable) -> float:
    """Size of the gradient at the right answer's logit, which is 20 below that of one wrong answer."""
    logits = torch.tensor([0.0, 20.0], dtype=torch.float64, requires_grad=True)
    compare(torch.tensor([1.0, 0.0], dtype=torch.float64), logits.log_softmax(dim=0)).backward()
    return -logits.grad[0].item()


def _grid_top1(evidence: Evidence, *cells: Condition) -> list[np.ndarray]:
    """Top-1 of each cell over the seeds, in percent."""
    results = evidence.loss_grid(cells)
    return [100 * select(results, cell)["top1"].to_numpy() for cell in cells]
