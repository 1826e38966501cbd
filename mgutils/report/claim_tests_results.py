"""Claims about what the trained models do, read from saved runs; runs that are missing are trained.

Every function takes an :class:`~mgutils.report.claim_evidence.Evidence` and returns a
:class:`~mgutils.report.claim_evidence.Finding`. "Better" always means: the lowest seed of the one above the highest of
the other. Taught in: 05, 07.
"""

from __future__ import annotations

import numpy as np

from mgutils.report.claim_evidence import Evidence, Finding, above, not_above, over_seeds, spread
from mgutils.report.style import gesture_groups

_JAW, _NECK = 11, 12
_BUNCHED, _FEW = 0.99, 5


def table1_cell(evidence: Evidence, objective: str, score: str) -> Finding:
    """One cell of Table 1."""
    values = evidence.scores(objective, score)
    return Finding(over_seeds(values), value=float(values.mean()), spread=spread(values))


def best_checkpoint(evidence: Evidence) -> Finding:
    """The number in the name of the best checkpoint."""
    values = np.round(evidence.scores("report_js", "top1") / 100, 2)
    return Finding(over_seeds(values, 2, ""), value=float(values.mean()), spread=spread(values))


def epochs(evidence: Evidence) -> Finding:
    """Epochs that the run of the report's JS row took."""
    counts = np.array([len(evidence.log(run)) for run in evidence.runs("report_js")])
    return Finding(f"{counts.max()} epochs", value=int(counts.max()))


def learning_rate(evidence: Evidence, part: str) -> Finding:
    """The first learning rate of an encoder, ``lr_image`` or ``lr_text``, in the report's JS row."""
    rates = [evidence.settings(run)["train"][part] for run in evidence.runs("report_js")]
    return Finding(f"{rates[0]:g}", value=rates[0],
                   note="The projection heads have a third one, 0.001, that the report does not mention.")


def encoders(evidence: Evidence) -> Finding:
    """The encoders of the report's JS row, and where their first weights came from."""
    model = evidence.settings(evidence.runs("report_js")[0])["model"]
    return Finding(f"{model['image_encoder']} and {model['text_encoder']}, "
                   f"{'pre-trained' if model['pretrained'] else 'from random weights'}",
                   {"ResNet-50": model["image_encoder"] == "resnet50",
                    "DistilBERT": model["text_encoder"].startswith("distilbert"), "pre-trained": model["pretrained"]})


def ce_as_shariatnia(evidence: Evidence) -> Finding:
    """Formula and temperature of the report's cross-entropy row beside Shariatnia's."""
    losses = [evidence.settings(run)["loss"] for run in evidence.runs("report_ce")]
    return Finding(f"{losses[0]['loss']} at temperature {losses[0]['temperature']:g}; Shariatnia has 1.0",
                   {"his formula": all(loss["loss"] == "seed_ce" for loss in losses),
                    "his temperature": all(loss["temperature"] == 1 for loss in losses)},
                   note="That formula multiplies its targets by the temperature and divides its logits by it.")


def table1_order(evidence: Evidence) -> Finding:
    """Table 1's two rows, on both scores."""
    top1, top5 = ([evidence.scores(row, score) for row in ("report_js", "report_ce")] for score in ("top1", "top5"))
    return Finding(f"top-1 {over_seeds(top1[0])} against {over_seeds(top1[1])}; "
                   f"top-5 {over_seeds(top5[0])} against {over_seeds(top5[1])}",
                   {"JS row above CE row in top-1": above(*top1), "JS row above CE row in top-5": above(*top5)},
                   spread=spread(top1[0]))


def js_superior(evidence: Evidence) -> Finding:
    """The report's two runs, and the two losses that its words name with everything else sound."""
    report, sound = ([evidence.scores(f"{kind}_{loss}", "top1") for loss in ("js", "ce")]
                     for kind in ("report", "sound"))
    return Finding(f"as run {over_seeds(report[0])} against {over_seeds(report[1])}; real JS {over_seeds(sound[0])} "
                   f"against CLIP's cross entropy {over_seeds(sound[1])}",
                   {"the run called JS is better than the run called cross entropy": above(*report),
                    "the Jensen-Shannon divergence is better than cross entropy": above(*sound)},
                   spread=spread(report[0]))


def ce_failure(evidence: Evidence) -> Finding:
    """The failure mode of the cross-entropy row: below the constant class, captions bunched, few classes answered."""
    constant = 100 * evidence.audit("frame").constant_top1
    values, runs = evidence.scores("report_ce", "top1"), evidence.runs("report_ce")
    cosine = np.array([_mean_cosine(evidence.outputs(run)["caption_embeddings"]) for run in runs])
    answered = np.array([evidence.metrics(run)["predicted_classes"] for run in runs])
    return Finding(f"{over_seeds(values)}, constant class {constant:.1f} %; mean cosine of the captions "
                   f"{over_seeds(cosine, 3, '')}; {over_seeds(answered, 0, '')} classes answered",
                   {"below the constant class": values.mean() < constant,
                    "collapsed": bool(((cosine > _BUNCHED) & (answered < _FEW)).all())}, spread=spread(values),
                   note="The report's 22.54 is below the constant class of its own validation set too, 27.27.")


def _mean_cosine(embeddings: np.ndarray) -> float:
    """Mean cosine between two different rows of (C, D)."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    return float(((unit @ unit.T).sum() - len(unit)) / (len(unit) * (len(unit) - 1)))


def validated(evidence: Evidence) -> Finding:
    """What the logs say about validation after every epoch."""
    logs = [evidence.log(run) for run in evidence.runs("report_js")]
    whole = all(log[["valid_loss", "top1", "top5"]].notna().all(axis=None) for log in logs)
    return Finding(f"validation loss, top-1 and top-5 in each of {sum(map(len, logs))} epochs of {len(logs)} runs",
                   {"validated after every epoch": whole and all((log["epoch"].diff().dropna() == 1).all()
                                                                 for log in logs)})


def best_kept(evidence: Evidence) -> Finding:
    """The score that a run reports beside the best of its log."""
    runs = evidence.runs("report_js")
    kept, best = evidence.scores("report_js", "top1"), np.array([100 * evidence.log(run)["top1"].max() for run in runs])
    last = np.array([100 * evidence.log(run)["top1"].iloc[-1] for run in runs])
    return Finding(f"kept {over_seeds(kept)}; best epoch {over_seeds(best)}, last epoch {over_seeds(last)}",
                   {"the weights of the best validation accuracy are kept": np.allclose(kept, best)},
                   spread=spread(kept), note="The number reported is that of the very frames that chose the epoch.")


def generalisation(evidence: Evidence) -> Finding:
    """How new the validation frames are, and the same objective on people (or clips) that are new."""
    audit, honest = evidence.audit("frame"), "subject" if evidence.dataset.has_groups else "clip"
    frame, new = (evidence.scores("sound_ce", "top1", split) for split in ("frame", honest))
    return Finding(f"{audit.clip_shared:.1%} of the validation frames have a sibling of their clip in training, and "
                   f"looking the clip up scores {audit.lookup_top1:.1%}; sound_ce {over_seeds(frame)}, split by "
                   f"{honest} {over_seeds(new)}",
                   {"the clips of the validation set are new": audit.clip_shared == 0,
                    f"accuracy on a new {honest} is no lower": not_above(frame, new)}, spread=spread(new))


def pairs_together(evidence: Evidence) -> Finding:
    """Cosine of validation images with their own caption and with the others, after CLIP's training."""
    own, other = [], []
    for run in evidence.runs("sound_ce"):
        outputs = evidence.outputs(run)
        image, caption = (_unit(outputs[name]) for name in ("image_embeddings", "caption_embeddings"))
        cosine, right = image @ caption.T, np.eye(len(caption), dtype=bool)[outputs["target"]]
        own.append(cosine[right].mean())
        other.append(cosine[~right].mean())
    return Finding(f"cosine with one's own caption {over_seeds(np.array(own), 2, '')}, with others "
                   f"{over_seeds(np.array(other), 2, '')}",
                   {"related pairs are closer than unrelated ones": above(np.array(own), np.array(other))})


def _unit(embeddings: np.ndarray) -> np.ndarray:
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


def jaw_like_neck(evidence: Evidence) -> Finding:
    """Place of the other among the wrong answers for frames of touching jaw and of touching neck, by score."""
    places, classes = [], len(evidence.dataset.labels)
    for run in evidence.runs("sound_ce"):
        outputs = evidence.outputs(run)
        for one, other in ((_JAW, _NECK), (_NECK, _JAW)):
            logits = outputs["logits"][outputs["target"] == one - 1]
            if max(one, other) <= classes and len(logits):
                wrong = np.delete(logits, one - 1, axis=1)
                places.append(1 + (wrong > logits[:, [other - 1]]).sum(axis=1).mean())
    if not places:
        return Finding("the classes have no validation images", possible=False)
    return Finding(f"the other one is wrong answer number {np.mean(places):.1f} of {classes - 1} on average",
                   {"among the first quarter of the wrong answers": np.mean(places) <= (classes - 1) / 4})


def errors_within_groups(evidence: Evidence) -> Finding:
    """Share of the errors that stay within a group of body parts, beside errors dealt out at random."""
    groups = np.array(gesture_groups(evidence.dataset.labels))
    stay, chance = [], []
    for run in evidence.runs("sound_ce"):
        outputs = evidence.outputs(run)
        answer, target = outputs["logits"].argmax(axis=1), outputs["target"]
        wrong = answer != target
        stay.append(100 * (groups[answer[wrong]] == groups[target[wrong]]).mean())
        chance.append(100 * (groups[answer[wrong]][:, None] == groups[target[wrong]]).mean())
    return Finding(f"{over_seeds(np.array(stay))} of the errors stay in the group of body parts; at random "
                   f"{over_seeds(np.array(chance))}",
                   {"errors stay within look-alike classes more than at random": above(np.array(stay),
                                                                                     np.array(chance))})
