"""Claims about what lies near what, read from the embeddings and the logits that runs have stored.

A ``@claim_test`` takes an :class:`~mgutils.claims.evidence.Evidence` and returns a
:class:`~mgutils.claims.registry.Finding`. Each has a control: the same measure where there is
nothing to find.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mgutils.claims.evidence import Evidence
from mgutils.claims.intervals import above, in_every_run, label_shuffles, over_seeds, unless_control
from mgutils.claims.registry import Finding, claim_test
from mgutils.data.labels import gesture_groups

_JAW = 10
_NECK = 11
"""Class indices."""


@claim_test
def pairs_together(evidence: Evidence) -> Finding:
    """Cosine of images with their own caption and with the others, after CLIP's training.

    The control is the same difference when the labels are shuffled: what a model shows that puts
    all images near the caption of the most common class.
    """
    rows = []
    for run in evidence.runs("sound_ce"):
        outputs = evidence.outputs(run)
        cosine = _unit(outputs["image_embeddings"]) @ _unit(outputs["caption_embeddings"]).T
        target = outputs["target"]
        by_chance = [np.subtract(*_near_and_far(cosine, labels)) for labels in label_shuffles(target)]
        rows.append((*_near_and_far(cosine, target), max(by_chance)))
    own, other, shuffled = np.transpose(rows)
    closer = unless_control(above(own, other), above(own - other, shuffled))
    return Finding(f"cosine with one's own caption {over_seeds(own, 2, '')}, with others "
                   f"{over_seeds(other, 2, '')}",
                   {"related pairs are closer than unrelated ones": closer},
                   control="with shuffled labels they differ by at most "
                           f"{over_seeds(shuffled, 2, '')}")


def _near_and_far(cosine: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Mean cosine of images with the caption of their target, and with all others. (N, C), (N,)."""
    right = np.eye(cosine.shape[1], dtype=bool)[target]
    return cosine[right].mean(), cosine[~right].mean()


def _unit(embeddings: np.ndarray) -> np.ndarray:
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


@claim_test
def jaw_like_neck(evidence: Evidence) -> Finding:
    """Place of the neck among the wrong answers for frames of the jaw, and the other way round.

    The control is the place that these two have for images of all other classes.
    """
    classes = len(evidence.dataset.labels)
    outputs = [evidence.outputs(run) for run in evidence.runs("sound_ce")]
    if not {_JAW, _NECK} <= set(outputs[0]["target"]):
        return Finding("the classes have no validation images", possible=False)
    places = np.array([(_place(one, _JAW, _NECK) + _place(one, _NECK, _JAW)) / 2 for one in outputs])
    elsewhere = np.array([_place_elsewhere(one) for one in outputs])
    near = in_every_run(places <= (classes - 1) / 4)
    return Finding(f"of {classes - 1} wrong answers the other one is in place {over_seeds(places, unit='')}",
                   {"among the first quarter of the wrong answers":
                        unless_control(near, above(elsewhere, places))},
                   control="for images of other classes the two are number "
                           f"{over_seeds(elsewhere, unit='')}")


def _place(outputs: Mapping[str, np.ndarray], one: int, other: int, *without: int) -> float:
    """Mean place, from 1, of ``other`` among the wrong answers to images of ``one``.

    The classes ``without`` are left out of the answers.
    """
    logits = outputs["logits"][outputs["target"] == one]
    wrong = np.delete(logits, [one, *without], axis=1)
    return 1 + float((wrong > logits[:, [other]]).sum(axis=1).mean())


def _place_elsewhere(outputs: Mapping[str, np.ndarray]) -> float:
    """Mean :func:`_place` of jaw and of neck over all other classes, each without its partner."""
    places = []
    for one in set(outputs["target"]) - {_JAW, _NECK}:
        places.append(_place(outputs, one, _JAW, _NECK))
        places.append(_place(outputs, one, _NECK, _JAW))
    return float(np.mean(places)) if places else 0.0


@claim_test
def errors_within_groups(evidence: Evidence) -> Finding:
    """Share of errors that stay within a group of body parts, beside errors at random."""
    groups = np.array(gesture_groups(evidence.dataset.labels))
    stay = []
    chance = []
    for run in evidence.runs("sound_ce"):
        outputs = evidence.outputs(run)
        answer = outputs["logits"].argmax(axis=1)
        wrong = answer != outputs["target"]
        if len(set(groups)) == 1 or not wrong.any():
            return Finding("no groups of classes, or no errors", possible=False)
        answered = groups[answer[wrong]]
        true = groups[outputs["target"][wrong]]
        stay.append(100 * (answered == true).mean())
        chance.append(100 * np.equal.outer(answered, true).mean())
    stay = np.array(stay)
    chance = np.array(chance)
    return Finding(f"{over_seeds(stay)} of the errors stay in the group of body parts",
                   {"errors stay within look-alike classes more than at random":
                        above(stay, chance)},
                   control=f"dealt out at random, {over_seeds(chance)} would")
