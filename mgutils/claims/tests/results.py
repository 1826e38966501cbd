"""Claims about what the trained models do, read from saved runs; runs that are missing are trained.

A ``@claim_test`` takes an :class:`~mgutils.claims.evidence.Evidence` and returns a
:class:`~mgutils.claims.registry.Finding`. "Better" always means: the lowest seed of the one above the highest of
the other.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mgutils.claims.evidence import Evidence
from mgutils.claims.intervals import (
    SHUFFLES,
    above,
    in_every_run,
    not_above,
    over_seeds,
    over_shuffled,
    spread,
    unless_control,
)
from mgutils.claims.registry import Finding, claim_test
from mgutils.experiments.loss_grid.grid import COLLAPSED_COSINE, FEW_CLASSES

_BEYOND = f"beyond the best of {SHUFFLES} shuffles of the labels"


@claim_test
def table1_cell(evidence: Evidence, objective: str, score: str) -> Finding:
    """One cell of Table 1."""
    values = evidence.scores(objective, score)
    return Finding(over_seeds(values), value=float(values.mean()), spread=spread(values))


@claim_test
def best_checkpoint(evidence: Evidence) -> Finding:
    """The number in the name of the best checkpoint."""
    values = np.round(evidence.scores("report_js", "top1") / 100, 2)
    return Finding(over_seeds(values, 2, ""), value=float(values.mean()), spread=spread(values))


@claim_test
def table1_order(evidence: Evidence) -> Finding:
    """Table 1's two rows, on both scores, and what is left of them over shuffled labels."""
    top1 = _JsAgainstCe(evidence, "report", 1)
    top5 = _JsAgainstCe(evidence, "report", 5)
    return Finding(f"top-1 {top1.found}; top-5 {top5.found}",
                   {"JS row above CE row in top-1": top1.above,
                    "JS row above CE row in top-5": top5.above},
                   spread=spread(top1.js),
                   control=f"{_BEYOND}, top-1 {top1.control}; top-5 {top5.control}")


class _JsAgainstCe:
    """Top-k of two objectives, ``<kind>_js`` above ``<kind>_ce``, and what is left over shuffled labels."""

    def __init__(self, evidence: Evidence, kind: str, k: int) -> None:
        rows = [f"{kind}_js", f"{kind}_ce"]
        self.js, self.ce = (evidence.scores(row, f"top{k}") for row in rows)
        beyond = [_beyond_shuffled(evidence, row, k) for row in rows]
        self.above = unless_control(above(self.js, self.ce), above(*beyond))
        self.found = f"{over_seeds(self.js)} against {over_seeds(self.ce)}"
        self.control = f"{over_seeds(beyond[0])} against {over_seeds(beyond[1])}"


def _beyond_shuffled(evidence: Evidence, objective: str, k: int) -> np.ndarray:
    """Points of top-k beyond the best of the shuffled labels, for each run; 0 for a constant."""
    outputs = [evidence.outputs(run) for run in evidence.runs(objective)]
    return np.array([over_shuffled(one["logits"], one["target"], k) for one in outputs])


@claim_test
def js_superior(evidence: Evidence) -> Finding:
    """The report's two runs, and the two losses that its words name with everything else sound."""
    report = _JsAgainstCe(evidence, "report", 1)
    sound = _JsAgainstCe(evidence, "sound", 1)
    return Finding(f"as run {report.found}; real JS {over_seeds(sound.js)} against CLIP's "
                   f"cross entropy {over_seeds(sound.ce)}",
                   {"the run called JS is better than the run called cross entropy": report.above,
                    "the Jensen-Shannon divergence is better than cross entropy": sound.above},
                   spread=spread(report.js),
                   control=f"{_BEYOND}, as run {report.control}; sound {sound.control}")


@claim_test
def ce_failure(evidence: Evidence) -> Finding:
    """How the cross-entropy row fails: below the constant class, or collapsed.

    Collapsed is a run with captions that all point one way and few classes answered. The control is CLIP's
    cross entropy on the same data, which must not look like that.
    """
    constant = 100 * evidence.audit("frame").constant_top1
    values = evidence.scores("report_ce", "top1")
    sound = evidence.scores("sound_ce", "top1")
    line = np.array([constant])
    found, collapsed = _state(evidence, "report_ce")
    control, other_collapsed = _state(evidence, "sound_ce")
    stands = in_every_run(~other_collapsed)
    return Finding(f"{over_seeds(values)}, constant class {constant:.1f} %; mean cosine of the captions {found} "
                   "classes answered",
                   {"below the constant class": unless_control(above(line, values), not_above(line, sound)),
                    "collapsed": unless_control(in_every_run(collapsed), stands)},
                   spread=spread(values),
                   control=f"CLIP's cross entropy {over_seeds(sound)}; cosine {control} classes",
                   note="The report's 22.54 is below the constant class of its own validation set too, 27.27.")


def _state(evidence: Evidence, objective: str) -> tuple[str, np.ndarray]:
    """Caption cosine and answered classes in words, and whether each run has collapsed."""
    runs = evidence.runs(objective)
    cosine = np.array([_mean_cosine(evidence.outputs(run)["caption_embeddings"]) for run in runs])
    answered = np.array([evidence.metrics(run)["predicted_classes"] for run in runs])
    found = f"{over_seeds(cosine, 3, '')}; {over_seeds(answered, 0, '')}"
    return found, (cosine > COLLAPSED_COSINE) & (answered < FEW_CLASSES)


def _mean_cosine(embeddings: np.ndarray) -> float:
    """Mean cosine between two different rows of (C, D)."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    cosine = unit @ unit.T
    return float(cosine[~np.eye(len(cosine), dtype=bool)].mean())


@claim_test
def validated(evidence: Evidence) -> Finding:
    """What the logs say about validation after every epoch."""
    logs = [evidence.log(run) for run in evidence.runs("report_js")]
    rows = pd.concat(logs)
    whole = rows[["valid_loss", "top1", "top5"]].notna().all(axis=None)
    every = all(log["epoch"].tolist() == list(range(1, len(log) + 1)) for log in logs)
    return Finding(f"validation loss, top-1 and top-5 in each of {len(rows)} epochs of {len(logs)} runs",
                   {"validated after every epoch": bool(whole and every)})


@claim_test
def best_kept(evidence: Evidence) -> Finding:
    """The score that a run reports beside the best of its log."""
    top1 = [100 * evidence.log(run)["top1"] for run in evidence.runs("report_js")]
    kept = evidence.scores("report_js", "top1")
    best = np.array([scores.max() for scores in top1])
    last = np.array([scores.iloc[-1] for scores in top1])
    return Finding(f"kept {over_seeds(kept)}; best epoch {over_seeds(best)}, last epoch {over_seeds(last)}",
                   {"the weights of the best validation accuracy are kept":
                        bool(np.allclose(kept, best))},
                   spread=spread(kept), note="The number reported is that of the very frames that chose the epoch.")


@claim_test
def generalisation(evidence: Evidence) -> Finding:
    """How new the validation frames are, and the same objective on people (or clips) that are new."""
    audit, honest = evidence.audit("frame"), "subject" if evidence.dataset.has_groups else "clip"
    frame, new = (evidence.scores("sound_ce", "top1", split) for split in ("frame", honest))
    return Finding(f"{audit.clip_shared:.1%} of the validation frames have a sibling of their clip in training, and "
                   f"looking the clip up scores {audit.lookup_top1:.1%}; sound_ce {over_seeds(frame)}, split by "
                   f"{honest} {over_seeds(new)}",
                   {"the clips of the validation set are new": audit.clip_shared == 0,
                    f"accuracy on a new {honest} is no lower": not_above(frame, new)}, spread=spread(new))
