"""Claims about what the text is good for, tested against models that read none or the wrong one.

A ``@claim_test`` takes an :class:`~mgutils.claims.evidence.Evidence` and returns a
:class:`~mgutils.claims.registry.Finding`. The runs are those of notebook 08.
"""

from __future__ import annotations

import numpy as np

from mgutils.claims.evidence import Evidence
from mgutils.claims.intervals import above, over_seeds, spread
from mgutils.claims.registry import Finding, claim_test
from mgutils.data.captions import describable
from mgutils.evaluation.zero_shot import label_permutation_test, zero_shot
from mgutils.experiments.controls import has_english
from mgutils.training.run import Run

_CHANCE = 0.05


@claim_test
def beats_vision_only(evidence: Evidence) -> Finding:
    """The report's model and CLIP's objective beside the same image encoder without text."""
    report = evidence.scores("report_js", "top1")
    longer = _epochs(evidence, evidence.runs("report_js"))
    found, checks = "", {}
    for split in ("frame", "subject") if evidence.dataset.has_groups else ("frame",):
        groups = evidence.controls(f"contrastive {split}", f"vision {split}")
        text, alone = (_top1(evidence, group) for group in groups.values())
        if split == "frame":
            shorter = _epochs(evidence, groups["vision frame"])
            found = (f"the report's JS row {over_seeds(report)} after {longer} epochs, the same image encoder "
                     f"without text {over_seeds(alone)} after {shorter}")
            better = above(report, alone)
            checks["the report's model is better than the same encoder without"] = (
                None if better and longer > shorter else better)
        found += f"; split by {split}: {over_seeds(text)} with text, {over_seeds(alone)} without"
        checks[f"with text is better than the same encoder without, split by {split}"] = above(text, alone)
    note = "The first pair counts only against the report's model where that has had more epochs."
    return Finding(found, checks, spread=spread(report), note=note if longer > shorter else "")


def _epochs(evidence: Evidence, runs: list[Run]) -> int:
    """Length of the longest run."""
    return max(evidence.settings(run)["train"]["epochs"] for run in runs)


@claim_test
def text_helps(evidence: Evidence) -> Finding:
    """The same model with permuted captions: each class has another's."""
    groups = evidence.controls("contrastive frame", "permuted")
    own, permuted = (_top1(evidence, group) for group in groups.values())
    return Finding(f"top-1 {over_seeds(own)} with its own captions, {over_seeds(permuted)} with those of other classes",
                   {"a wrong caption does worse than the right one": above(own, permuted)}, spread=spread(own),
                   note="If the accuracy stays, the text is no more than the number of a class.")


@claim_test
def names_new_classes(evidence: Evidence) -> Finding:
    """Classes left out of training, named by their captions; beside every other way to deal these captions out."""
    if not describable(evidence.dataset.labels):
        return Finding("the classes are not iMiGUE's, whose captions share words", possible=False)
    encoders = {"zero_shot own": "random weights"}
    if has_english(evidence.profile):
        encoders["pretrained own"] = "a text encoder that knows English"
    found, dealt, checks = [], [], {}
    for group, encoder in encoders.items():
        runs = evidence.controls(group)[group]
        for run in runs:
            evidence.outputs(run)
        results = [zero_shot(run) for run in runs]
        recalls = np.array([100 * result.among_left_out.uar for result in results])
        test = label_permutation_test(results)
        found.append(f"UAR {over_seeds(recalls)} with {encoder}")
        dealt.append(f"{test.p:.1%} with {encoder}")
        checks[f"new classes are named better than by chance, {encoder}"] = True if test.p < _CHANCE else None
    return Finding(f"{'; '.join(found)}; {len(results[0].classes)} new classes, chance "
                   f"{100 / len(results[0].classes):.0f} %", checks, spread=spread(recalls),
                   control=f"of all ways to deal the captions out, as good or better: {'; '.join(dealt)}",
                   note="CLIP learned from 400 million pairs; this is the report's framework on a few thousand.")


def _top1(evidence: Evidence, runs: list[Run]) -> np.ndarray:
    return np.array([100 * evidence.metrics(run)["top1"] for run in runs])
