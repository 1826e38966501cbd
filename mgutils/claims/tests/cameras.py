"""Claims of the system of four cameras (CMVRA), tested on the runs of notebook 11. Those about code: ``camera_code``.

What two groups of runs differ by is judged by the interval over people and seeds: better, worse, or not shown. That
something costs nothing is held only where the whole interval lies above a margin, which the row states. Each test that
trains has the control that could refute it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import permutations

import numpy as np

from mgutils.claims.evidence import Evidence
from mgutils.claims.intervals import over_seeds, spread, unless_control
from mgutils.claims.pairs import Pairs, better, compare, cost
from mgutils.claims.registry import Finding, claim_test
from mgutils.data.items import present
from mgutils.data.splits import subjects_of
from mgutils.data.table import Dataset
from mgutils.experiments.camera_tables import (
    Question,
    frozen_probe,
    fusion_answers,
    probe_tallies,
    retrieval_difference,
    retrievals,
)
from mgutils.experiments.cameras import ANCHOR, CONTROLS, HEADS, LABELS, MAE, OTHERS, SCRAMBLED, WEAK
from mgutils.experiments.generalization import tally_runs
from mgutils.metrics.intervals import SCORES, Interval, Score, Tally, accuracy, difference_of, tally
from mgutils.metrics.paired import paired
from mgutils.training.run import Run

_STAR, _SHUFFLED, _PEOPLE_SHARED = "star", "star, shuffled pairs", "joints, labels, people shared"
_ORIGINAL, _MEAN = "the original's: zeros, dropout by batch", "mean of probabilities"
_ANCHORED = f"The anchor is {ANCHOR} here, and colour in the original."
_THERE: dict[str, Callable[[tuple[str, ...]], bool]] = {
    "everything": lambda there: len(there) == 1 + len(OTHERS),
    "something missing": lambda there: len(there) <= len(OTHERS),
    "no anchor": lambda there: there == OTHERS,
}
"""Which of the sets of modalities that are there a row is about."""


# -- spaces ------------------------------------------------------------------------------------------------------------


def _probes(evidence: Evidence, group: str, shots: int = 0) -> dict[Question, Tally]:
    """Answers to a group's probes with so many labels, and to its emergent classes; each is computed once."""
    runs, clips = evidence.cameras(group)[group], evidence.camera_clips
    names = [name for name in runs[0].config.model.modalities if name != ANCHOR]
    return evidence.once(("probes", group, shots), lambda: probe_tallies(clips, runs, (shots,), names=names))


def _spaces(evidence: Evidence, group: str, beside: str, method: str, shots: int = 0) -> Pairs:
    first, second = (_probes(evidence, name, shots) for name in (beside, group))
    asked = [(name, method, shots) for name in OTHERS]
    return {key[0]: (first[key], second[key]) for key in asked if key in first and key in second}


@claim_test
def space_helps(evidence: Evidence, group: str, beside: str, method: str, shots: int = 0) -> Finding:
    """The cameras that two spaces have, asked in one way, with so many labels of each class."""
    return Finding(*compare(_spaces(evidence, group, beside, method, shots), better), note=_ANCHORED)


@claim_test
def space_costs_nothing(evidence: Evidence, group: str, beside: str, margin: float) -> Finding:
    """A linear probe with all labels in one space, at most a margin below that in another."""
    return Finding(*cost(_spaces(evidence, group, beside, "linear_probe"), margin))


def _own(dataset: Dataset, runs: Sequence[Run], name: str) -> Tally:
    """What runs answered themselves, on the clips that have a modality."""
    there = present(dataset, name)[runs[0].valid]
    answers = np.stack([run.logits[there].argmax(axis=1) for run in runs])
    return tally(answers, runs[0].target[there], subjects_of(dataset, runs[0].valid[there]), len(dataset.labels))


@claim_test
def alignment_beats_labels(evidence: Evidence) -> Finding:
    """A linear probe of each aligned encoder, and one of an encoder of the same size that the same labels trained."""
    aligned, pairs = _probes(evidence, _STAR), {}
    for name in WEAK:
        question = name, "linear_probe", 0
        pairs[name] = _probes(evidence, LABELS[name])[question], aligned[question]
    return Finding(*compare(pairs, better))


@claim_test
def all_pairs_retrieve(evidence: Evidence) -> Finding:
    """A clip of one camera asked with another one, both not the anchor: pairs of their own, or the anchor's alone."""
    groups = evidence.cameras(_STAR, "all pairs")
    texts, checks = [], {}
    for query, item in permutations(WEAK, 2):
        found = retrieval_difference(evidence.camera_clips, *groups.values(), query, item)
        gain, low, high = (100 * found[key] for key in ("difference", "low", "high"))
        texts.append(f"{query} to {item} {gain:+.1f} ({low:.1f} to {high:.1f})")
        checks[f"{query} to {item}"] = found["difference"] > 0 if found["shown"] else None
    return Finding("R@1 of all pairs less the star: " + "; ".join(texts), checks)


@claim_test
def retrieval_reaches_new_people(evidence: Evidence) -> Finding:
    """R@1 from a camera to the anchor on people nobody learned from; shuffled pairs must stay at chance."""
    groups = evidence.cameras(_STAR, _SHUFFLED)
    table = evidence.once("retrievals", lambda: retrievals(evidence.camera_clips, groups))
    asked = table[table["item"] == ANCHOR].set_index(["group", "query"])
    texts, controls, checks = [], [], {}
    for name in CONTROLS:
        found, control = asked.loc[(_STAR, name)], asked.loc[(_SHUFFLED, name)]
        texts.append(f"{name} to {ANCHOR} {100 * found.r1:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f}; "
                     f"chance {100 * found.chance:.1f})")
        controls.append(f"{name} {100 * control.r1:.1f} %")
        above = True if found.low > found.chance else False if found.high < found.chance else None
        checks[name] = unless_control(above, bool(control.low <= control.chance))
    return Finding("R@1: " + "; ".join(texts), checks, control="shuffled pairs: " + ", ".join(controls))


@claim_test
def random_split_speaks_for_people(evidence: Evidence, margin: float) -> Finding:
    """What joints gain over the commonest class under a random split of clips, and on new people."""
    groups = evidence.cameras(LABELS["joints"], _PEOPLE_SHARED)
    texts, checks = [], {}
    for score, function in SCORES.items():
        new, shared = (_gain(evidence.camera_clips, runs, function) for runs in groups.values())
        apart = difference_of(new, shared)
        low, high = 100 * apart.low, 100 * apart.high
        texts.append(f"{score} {100 * shared.value:.1f} points over the commonest class, {100 * new.value:.1f} on new "
                     f"people: {100 * apart.value:+.1f} ({low:.1f} to {high:.1f})")
        near = True if high < margin else False if low > 0 else None
        checks[f"less than {margin:g} points apart in {score}"] = unless_control(near, shared.low > 0)
    return Finding("; ".join(texts), checks)


def _gain(dataset: Dataset, runs: Sequence[Run], function: Score) -> Interval:
    table = tally_runs(dataset, runs)
    constant = np.full((len(runs), len(runs[0].target)), np.bincount(dataset.target).argmax())
    first = tally(constant, runs[0].target, subjects_of(dataset, runs[0].valid), len(dataset.labels))
    found = paired(first, table, function)
    return Interval(found.value, found.low, found.high)


# -- fusion ------------------------------------------------------------------------------------------------------------


def _fusion(evidence: Evidence) -> dict[tuple[str, tuple[str, ...]], Tally]:
    groups = evidence.cameras(_STAR, *HEADS)
    heads = {name: groups[name] for name in HEADS}
    return evidence.once("fusion", lambda: fusion_answers(evidence.camera_clips, groups[_STAR], heads))


def _head(answers: Mapping[tuple[str, tuple[str, ...]], Tally], head: str, there: str) -> Tally:
    """A head's answers, as a mean over the sets of modalities that are there."""
    tables = [table for (name, choice), table in answers.items() if name == head and _THERE[there](choice)]
    return Tally(np.mean([table.hits for table in tables], axis=0), tables[0].counts)


@claim_test
def fusion_helps(evidence: Evidence, head: str, beside: str, there: str) -> Finding:
    """One head over the cameras against another one, or against the mean of the probabilities of single probes."""
    answers = _fusion(evidence)
    return Finding(*compare({there: tuple(_head(answers, name, there) for name in (beside, head))}, better))


@claim_test
def fusion_beats_the_anchor(evidence: Evidence) -> Finding:
    """The original's head over all four, against a probe of the anchor alone."""
    answers = _fusion(evidence)
    pair = answers[_MEAN, (ANCHOR,)], _head(answers, _ORIGINAL, "everything")
    return Finding(*compare({"four against one": pair}, better), note=_ANCHORED)


@claim_test
def last_camera_is_enough(evidence: Evidence, margin: float) -> Finding:
    """The original's head with one camera left, at most a margin below that camera's own probe."""
    answers = _fusion(evidence)
    pairs = {name: (answers[_MEAN, (name,)], answers[_ORIGINAL, (name,)]) for name in (ANCHOR, *OTHERS)}
    return Finding(*cost(pairs, margin))


@claim_test
def more_is_better(evidence: Evidence) -> Finding:
    """Each camera added to the other three, in the original's head."""
    answers, names = _fusion(evidence), (ANCHOR, *OTHERS)
    pairs = {f"{name} added": (answers[_ORIGINAL, tuple(other for other in names if other != name)],
                               answers[_ORIGINAL, names]) for name in names}
    return Finding(*compare(pairs, better))


# -- masked autoencoding -----------------------------------------------------------------------------------------------

_UNDECIDED = ("One seed and one draw of labels: where the interval holds zero, this size leaves it undecided; what it "
              "could have detected stands beside it.")


@claim_test
def pretraining_helps(evidence: Evidence, beside: str) -> Finding:
    """A masked autoencoder fine-tuned on few labels, against another start or another network, tuned alike."""
    names = (f"{beside}, tuned", f"{MAE}, tuned")
    groups = evidence.cameras(*names)
    pair = tuple(_own(evidence.camera_clips, groups[name], "depth") for name in names)
    return Finding(*compare({"fine-tuned": pair}, better), note=_UNDECIDED)


@claim_test
def pretraining_is_probed(evidence: Evidence) -> Finding:
    """A linear probe of the frozen autoencoder, against that of one with scrambled targets."""
    groups = evidence.cameras(SCRAMBLED, MAE)
    pair = tuple(evidence.once(("frozen", name), lambda run=runs[0]: frozen_probe(evidence.camera_clips, run, "depth"))
                 for name, runs in groups.items())
    return Finding(*compare({"probed": pair}, better), note=_UNDECIDED)


@claim_test
def loss_shows_reconstruction(evidence: Evidence) -> Finding:
    """First and last training loss, also of an autoencoder whose targets are scrambled: it must not fall."""
    groups = evidence.cameras(MAE, SCRAMBLED)
    losses = {name: evidence.log(runs[0])["train_loss"] for name, runs in groups.items()}
    texts = [f"{name} {loss.iloc[0]:.3f} to {loss.iloc[-1]:.3f}" for name, loss in losses.items()]
    left = float(losses[SCRAMBLED].iloc[-1] / losses[SCRAMBLED].iloc[0])
    fell = True if left <= 0.9 else False if left >= 1 else None
    return Finding("; ".join(texts), {"a scrambled target does not lower it": None if fell is None else not fell})


# -- published numbers -------------------------------------------------------------------------------------------------


def _published(table: Tally, words: str) -> Finding:
    top1 = 100 * table.scores(accuracy)
    text = f"{words}: {over_seeds(top1)} on synthetic clips"
    return Finding(text, value=float(top1.mean()), spread=spread(top1), possible=False)


@claim_test
def published_fusion(evidence: Evidence) -> Finding:
    """Top-1 of the original's head over all cameras; its own data are needed for its number."""
    return _published(_head(_fusion(evidence), _ORIGINAL, "everything"), "the original's head over four cameras")


@claim_test
def published_probe(evidence: Evidence, modality: str) -> Finding:
    """Top-1 of a linear probe of one aligned camera; the original's own data are needed for its number."""
    return _published(_probes(evidence, _STAR)[modality, "linear_probe", 0], f"a linear probe of {modality}")
