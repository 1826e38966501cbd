"""Claims of the skeleton system (MiGA 2023), tested on the runs of notebook 10 and on its code.

What two groups of runs differ by is judged by the interval over people and seeds: better, worse, or not shown. Each
test that trains has the control that could refute it.
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.metrics import recall_score

from mgutils.claims.evidence import Evidence
from mgutils.claims.intervals import over_seeds, spread
from mgutils.claims.registry import Finding, claim_test
from mgutils.data.keypoints import JOINTS, LIMBS, MIRROR, ORIGINAL_LIMBS, ORIGINAL_MIRROR
from mgutils.experiments.skeleton import (
    SHOTS,
    difference_table,
    ensemble_answers,
    head_answers,
    own_answers,
    tally_answers,
    trivial_rows,
)
from mgutils.metrics.intervals import accuracy
from mgutils.models.slowonly import SlowOnly
from mgutils.training.run import Run

_CE = "cross entropy"


def _top1(evidence: Evidence, runs: list[Run], answers: list[np.ndarray]) -> np.ndarray:
    return 100 * tally_answers(evidence.clips, runs, answers).scores(accuracy)


def _gains(evidence: Evidence, runs: list[Run], answers: dict[str, list], *pairs: tuple[str, str]) -> tuple[str, dict]:
    """What the second of each pair has over the first, in words, and whether that is shown, by its score."""
    texts, better = [], {}
    for row in difference_table(evidence.clips, runs, answers, *pairs).itertuples():
        texts.append(f"{row.second} over {row.first}: {row.score} {100 * row.difference:+.1f} ({100 * row.low:.1f} to "
                     f"{100 * row.high:.1f}; could have detected {100 * row.detectable:.1f})")
        better[row.second, row.first, row.score] = (row.difference > 0) if row.shown else None
    return "; ".join(texts), better


def _compare(evidence: Evidence, *pairs: tuple[str, str]) -> tuple[str, dict]:
    groups = evidence.skeletons(*{name for pair in pairs for name in pair})
    answers = {name: own_answers(runs) for name, runs in groups.items()}
    return _gains(evidence, next(iter(groups.values())), answers, *pairs)


@claim_test
def words_help(evidence: Evidence) -> Finding:
    """Word vectors beside cross entropy, against cross entropy alone."""
    found, better = _compare(evidence, (_CE, "words"))
    return Finding(found, {f"better in {score}": better["words", _CE, score] for score in ("top1", "uar")},
                   note="Weight 20, as in the original.")


@claim_test
def meaning_helps(evidence: Evidence, control: str) -> Finding:
    """The class's own words against a control that has no meaning."""
    found, better = _compare(evidence, (control, "words"))
    return Finding(found, {f"better than {control} in {score}": better["words", control, score]
                           for score in ("top1", "uar")})


@claim_test
def weight_matters(evidence: Evidence, weight: int) -> Finding:
    """Weight 20 against another one."""
    other = f"words x {weight}"
    found, better = _compare(evidence, (other, "words"))
    return Finding(found, {f"20 is better than {weight} in {score}": better["words", other, score]
                           for score in ("top1", "uar")})


@claim_test
def words_help_the_few(evidence: Evidence, shots: int) -> Finding:
    """The same with few clips of each class, against cross entropy alone and against permuted words."""
    one, words, permuted = (f"{arm}, {shots} clips a class" for arm in (_CE, "words", "permuted words"))
    found, better = _compare(evidence, (one, words), (permuted, words))
    return Finding(found, {"better than cross entropy": better[words, one, "uar"],
                           "better than permuted words": better[words, permuted, "uar"]},
                   note=f"UAR decides; of {max(SHOTS)} and {min(SHOTS)} clips a class both are in the ledger.")


@claim_test
def words_are_a_code(evidence: Evidence) -> Finding:
    """The second head alone: the class whose vector is nearest, for words and for random vectors."""
    groups = evidence.skeletons("words", "random vectors")
    answers = {name: head_answers(evidence.clips, runs) for name, runs in groups.items()}
    found, better = _gains(evidence, groups["words"], answers, ("random vectors", "words"))
    return Finding(found, {f"better in {score}": better["words", "random vectors", score] for score in ("top1", "uar")})


@claim_test
def two_streams_help(evidence: Evidence, beside: str) -> Finding:
    """Joints and limbs together, against one stream or against two seeds of one."""
    groups = evidence.skeletons(_CE, "limbs")
    answers = ensemble_answers(evidence.clips, groups[_CE], groups["limbs"])
    found, better = _gains(evidence, groups[_CE], answers, (beside, "joints + limbs"))
    top1 = _top1(evidence, groups[_CE], answers["joints + limbs"])
    return Finding(f"joints + limbs {over_seeds(top1)}; {found}",
                   {f"better in {score}": better["joints + limbs", beside, score] for score in ("top1", "uar")},
                   spread=spread(top1))


@claim_test
def weights_help(evidence: Evidence, first: str, second: str) -> Finding:
    """One way to weigh the two streams against another."""
    groups = evidence.skeletons(_CE, "limbs")
    answers = ensemble_answers(evidence.clips, groups[_CE], groups["limbs"])
    found, better = _gains(evidence, groups[_CE], answers, (first, second))
    return Finding(found, {"better in top1": better[second, first, "top1"]})


@claim_test
def mirror_helps(evidence: Evidence, pairs: str, beside: str) -> Finding:
    """Training with mirrored clips, by a table of pairs."""
    found, better = _compare(evidence, (beside, pairs))
    return Finding(found, {f"better in {score}": better[pairs, beside, score] for score in ("top1", "uar")})


@claim_test
def padding_says_nothing(evidence: Evidence) -> Finding:
    """The number of empty frames alone as a classifier, beside the commonest class."""
    rows = trivial_rows(evidence.clips).set_index("row")
    counted, constant = rows.loc["number of empty frames"], rows.loc["the commonest class"]
    return Finding(f"UAR {100 * counted.uar:.1f} % from the number of empty frames, {100 * constant.uar:.1f} % from "
                   "the commonest class", {"no better than the commonest class": bool(counted.uar <= constant.uar)})


@claim_test
def backbone_size(evidence: Evidence) -> Finding:
    """Parameters of the network, counted without memory for them."""
    with torch.device("meta"):
        network = SlowOnly(len(JOINTS))
    count = sum(weight.numel() for weight in network.parameters())
    return Finding(f"{count:,} parameters", value=float(count))


@claim_test
def pairs_are_mirror_images(evidence: Evidence) -> Finding:
    """The table of pairs that the original swaps, against the names of the joints."""
    wrong = [JOINTS[place] for place in np.flatnonzero(ORIGINAL_MIRROR != MIRROR)]
    neck = JOINTS[ORIGINAL_MIRROR[JOINTS.index("neck")]]
    return Finding(f"{len(wrong)} of {len(JOINTS)} joints become another than their mirror image: the neck becomes the "
                   f"{neck.replace('_', ' ')}", {"all pairs are mirror images": not wrong})


@claim_test
def limbs_join_neighbours(evidence: Evidence) -> Finding:
    """The limbs that the original draws, against those of a body."""
    body = {frozenset(limb) for limb in LIMBS.tolist()}
    wrong = [limb for limb in ORIGINAL_LIMBS.tolist() if frozenset(limb) not in body]
    first, last = (JOINTS[place].replace("_", " ") for place in wrong[0])
    return Finding(f"{len(wrong)} of {len(ORIGINAL_LIMBS)} limbs join no neighbours, such as {first} and {last}",
                   {"all limbs join neighbours": not wrong})


@claim_test
def flips_agree(evidence: Evidence) -> Finding:
    """The mirror of training (W - x) and that of a test (the array reversed, W - 1 - x), for a pixel."""
    width, pixel = 56, 20
    row = np.zeros(width)
    row[pixel] = 1
    trained, tested = width - pixel, int(row[::-1].argmax())
    return Finding(f"pixel {pixel} of {width} lands at {trained} in training and at {tested} in a test",
                   {"both are the same": trained == tested})


@claim_test
def class_mean_is_uar(evidence: Evidence) -> Finding:
    """The original's mean class accuracy, which counts classes that are answered but do not occur, beside UAR."""
    target, answers = np.zeros(10, dtype=int), np.array([0] * 6 + [1, 2, 3, 4])
    classes = np.union1d(target, answers)
    recalls = [np.mean(answers[target == each] == each) if (target == each).any() else 0.0 for each in classes]
    theirs = float(np.mean(recalls))
    honest = float(recall_score(target, answers, labels=np.unique(target), average="macro"))
    return Finding(f"{theirs:.2f} by its rule, {honest:.2f} by scikit-learn's, for six of ten right",
                   {"both are the same": bool(np.isclose(theirs, honest))})


@claim_test
def published_top1(evidence: Evidence) -> Finding:
    """The ensemble's accuracy on the challenge's test clips."""
    groups = evidence.skeletons(_CE, "limbs")
    answers = ensemble_answers(evidence.clips, groups[_CE], groups["limbs"])["joints + limbs"]
    top1 = _top1(evidence, groups[_CE], answers)
    return Finding(f"{over_seeds(top1)} on synthetic clips", value=float(top1.mean()), spread=spread(top1))
