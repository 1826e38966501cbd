"""Claims about what the trained models do, read from saved runs; runs that are missing are trained.

A ``@claim_test`` takes an :class:`~mgutils.claims.evidence.Evidence` and returns a
:class:`~mgutils.claims.registry.Finding`. "Better" always means: the lowest seed of the one above the highest of
the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
    top1 = [evidence.scores(row, "top1") for row in ("report_js", "report_ce")]
    top5 = [evidence.scores(row, "top5") for row in ("report_js", "report_ce")]
    beyond1 = [_beyond_shuffled(evidence, row, 1) for row in ("report_js", "report_ce")]
    beyond5 = [_beyond_shuffled(evidence, row, 5) for row in ("report_js", "report_ce")]
    return Finding(f"top-1 {_against(top1)}; top-5 {_against(top5)}",
                   {"JS row above CE row in top-1": unless_control(above(*top1), above(*beyond1)),
                    "JS row above CE row in top-5": unless_control(above(*top5), above(*beyond5))},
                   spread=spread(top1[0]),
                   control=f"beyond the best of {SHUFFLES} shuffles of the labels, top-1 "
                           f"{_against(beyond1)}; top-5 {_against(beyond5)}")


def _beyond_shuffled(evidence: Evidence, objective: str, k: int) -> np.ndarray:
    """Points of top-k beyond the best of the shuffled labels, for each run; 0 for a constant."""
    outputs = [evidence.outputs(run) for run in evidence.runs(objective)]
    return np.array([over_shuffled(one["logits"], one["target"], k) for one in outputs])


def _against(pair: Sequence[np.ndarray]) -> str:
    return f"{over_seeds(pair[0])} against {over_seeds(pair[1])}"


@claim_test
def js_superior(evidence: Evidence) -> Finding:
    """The report's two runs, and the two losses that its words name with everything else sound."""
    report = [evidence.scores(f"report_{loss}", "top1") for loss in ("js", "ce")]
    sound = [evidence.scores(f"sound_{loss}", "top1") for loss in ("js", "ce")]
    beyond = {kind: [_beyond_shuffled(evidence, f"{kind}_{loss}", 1) for loss in ("js", "ce")]
              for kind in ("report", "sound")}
    return Finding(f"as run {_against(report)}; real JS {over_seeds(sound[0])} against CLIP's "
                   f"cross entropy {over_seeds(sound[1])}",
                   {"the run called JS is better than the run called cross entropy":
                        unless_control(above(*report), above(*beyond["report"])),
                    "the Jensen-Shannon divergence is better than cross entropy":
                        unless_control(above(*sound), above(*beyond["sound"]))},
                   spread=spread(report[0]),
                   control=f"beyond the best of {SHUFFLES} shuffles of the labels, as run "
                           f"{_against(beyond['report'])}; sound {_against(beyond['sound'])}")


@claim_test
def ce_failure(evidence: Evidence) -> Finding:
    """How the cross-entropy row fails: below the constant class, or collapsed.

    Collapsed is a run with captions that all point one way and few classes answered. The control is CLIP's
    cross entropy on the same data, which must not look like that.
    """
    constant = 100 * evidence.audit("frame").constant_top1
    values, sound = (evidence.scores(row, "top1") for row in ("report_ce", "sound_ce"))
    cosine, answered = _state(evidence, "report_ce")
    other_cosine, other_answered = _state(evidence, "sound_ce")
    line = np.array([constant])
    below = unless_control(above(line, values), not_above(line, sound))
    collapsed = in_every_run((cosine > COLLAPSED_COSINE) & (answered < FEW_CLASSES))
    sound_one = in_every_run((other_cosine <= COLLAPSED_COSINE) | (other_answered >= FEW_CLASSES))
    collapsed = unless_control(collapsed, sound_one)
    return Finding(f"{over_seeds(values)}, constant class {constant:.1f} %; mean cosine of the captions "
                   f"{over_seeds(cosine, 3, '')}; {over_seeds(answered, 0, '')} classes answered",
                   {"below the constant class": below, "collapsed": collapsed},
                   spread=spread(values),
                   control=f"CLIP's cross entropy {over_seeds(sound)}; cosine "
                           f"{over_seeds(other_cosine, 3, '')}; "
                           f"{over_seeds(other_answered, 0, '')} classes",
                   note="The report's 22.54 is below the constant class of its own validation set too, 27.27.")


def _state(evidence: Evidence, objective: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean cosine between the captions, and number of classes answered, one for each run."""
    runs = evidence.runs(objective)
    cosine = [_mean_cosine(evidence.outputs(run)["caption_embeddings"]) for run in runs]
    answered = [evidence.metrics(run)["predicted_classes"] for run in runs]
    return np.array(cosine), np.array(answered)


def _mean_cosine(embeddings: np.ndarray) -> float:
    """Mean cosine between two different rows of (C, D)."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    return float(((unit @ unit.T).sum() - len(unit)) / (len(unit) * (len(unit) - 1)))


@claim_test
def validated(evidence: Evidence) -> Finding:
    """What the logs say about validation after every epoch."""
    logs = [evidence.log(run) for run in evidence.runs("report_js")]
    whole = all(log[["valid_loss", "top1", "top5"]].notna().all(axis=None) for log in logs)
    return Finding(f"validation loss, top-1 and top-5 in each of {sum(map(len, logs))} epochs of {len(logs)} runs",
                   {"validated after every epoch": whole and all((log["epoch"].diff().dropna() == 1).all()
                                                                 for log in logs)})


@claim_test
def best_kept(evidence: Evidence) -> Finding:
    """The score that a run reports beside the best of its log."""
    runs = evidence.runs("report_js")
    kept, best = evidence.scores("report_js", "top1"), np.array([100 * evidence.log(run)["top1"].max() for run in runs])
    last = np.array([100 * evidence.log(run)["top1"].iloc[-1] for run in runs])
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
