"""Claims of the system of sentences (EmoCLIP), tested on the runs of notebook 12. Those about code: ``sentence_code``.

Five sets of five classes were left out, each in runs of its own, so that 25 classes are asked once for every seed. What
two ways to train differ by is judged by the interval over people and seeds: better, worse, or not shown.
"""

from __future__ import annotations

from mgutils.claims.evidence import Evidence
from mgutils.claims.intervals import over_seeds, spread, unless_control
from mgutils.claims.pairs import better, compare, costs_less_than
from mgutils.claims.registry import Finding, claim_test
from mgutils.evaluation.unseen import Unseen
from mgutils.evaluation.unseen_sets import (
    generalized_tally,
    harmonic_recall,
    seen_recall,
    unseen_recall,
    zero_shot_tally,
)
from mgutils.evaluation.video_text import own_clips, text_alone
from mgutils.evaluation.windows import windows
from mgutils.evaluation.within_class import WithinClass
from mgutils.experiments.sentence_tables import ask_arms
from mgutils.experiments.sentences import ORDERS, PICTURES
from mgutils.metrics.intervals import Interval, Tally, accuracy, interval, mean_recall
from mgutils.metrics.paired import paired

_UAR, _RECALL_AT_1 = {"uar": mean_recall}, {"R@1": accuracy}
_DRAWS = 10
"""Of the original's random window."""
_CLASSES = "The interval is over people and seeds; about other classes it says nothing."


def _asked(evidence: Evidence, arm: str) -> list[list[Unseen]]:
    """The answers of an arm's runs, by set of classes and seed."""
    runs, clips = evidence.sentences(arm), evidence.spoken
    return evidence.once(("unseen", arm), lambda: ask_arms(clips, runs))[arm]


def _tally(evidence: Evidence, arm: str) -> Tally:
    return zero_shot_tally(_asked(evidence, arm))


def _both(first: Tally, second: Tally) -> tuple[Tally, Tally]:
    """Two tallies of as many seeds: those that both have."""
    seeds = min(len(first.hits), len(second.hits))
    return first.first(seeds), second.first(seeds)


def _above(found: Interval, chance: float) -> bool | None:
    return True if found.low > chance else False if found.high < chance else None


# -- classes never seen ------------------------------------------------------------------------------------------------


@claim_test
def unseen_beats_chance(evidence: Evidence, arm: str, beside: str) -> Finding:
    """UAR of an arm in each set of unseen classes; runs on another class's sentences must not do as well."""
    sets, other = _asked(evidence, arm), _tally(evidence, beside)
    chance = sets[0][0].chance
    found = [interval(zero_shot_tally([of_set]), mean_recall) for of_set in sets]
    above = [_above(each, chance) for each in found]
    enough = max(len(sets) - 1, 1)
    in_most = True if above.count(True) >= enough else False if above.count(False) > len(sets) - enough else None
    control = better(paired(*_both(other, zero_shot_tally(sets)), mean_recall))
    texts = [f"{100 * each.value:.1f} ({100 * each.low:.1f} to {100 * each.high:.1f})" for each in found]
    return Finding(f"UAR of the sets {', '.join(texts)}; chance {100 * chance:.0f} %",
                   {f"above chance in at least {enough} of {len(sets)} sets": unless_control(in_most, control)},
                   control=f"{beside}: {over_seeds(100 * other.scores(mean_recall))}", note=_CLASSES)


@claim_test
def sentences_help(evidence: Evidence, arm: str, beside: str) -> Finding:
    """UAR among the unseen classes after training on one kind of text, less that after another one."""
    pair = _both(_tally(evidence, beside), _tally(evidence, arm))
    return Finding(*compare({"unseen classes": pair}, better, _UAR), note=_CLASSES)


@claim_test
def unseen_among_all(evidence: Evidence, arm: str, margin: float) -> Finding:
    """UAR of the unseen classes among all classes, less that among themselves."""
    sets = _asked(evidence, arm)
    among, everything = zero_shot_tally(sets), generalized_tally(sets)
    classes = among.hits.shape[2]
    as_unseen = Tally(everything.hits[..., classes:], everything.counts[:, classes:])
    text, checks = compare({"among all": (among, as_unseen)}, costs_less_than(margin), _UAR)
    # who guesses among five is right more often than who guesses among all, and loses nothing that it knew
    knows = _above(interval(among, mean_recall), sets[0][0].chance)
    scores = [100 * everything.scores(score).mean() for score in (seen_recall, unseen_recall, harmonic_recall)]
    return Finding("{}; seen classes {:.1f}, unseen {:.1f}, harmonic mean {:.1f}".format(text, *scores),
                   {name: found if knows else None for name, found in checks.items()}, note=_CLASSES)


@claim_test
def video_beats_text(evidence: Evidence, arm: str) -> Finding:
    """UAR of videos among the unseen classes, less that of the clips' own sentences looked up without a video."""
    sets, runs, clips = _asked(evidence, arm), evidence.sentences(arm)[arm], evidence.spoken
    kept = evidence.out_dir / "cache"
    alone = evidence.once("text alone", lambda: [text_alone(of_set[0].config, clips, "", kept) for of_set in runs])
    looked_up = zero_shot_tally([[each] * len(of_set) for each, of_set in zip(alone, sets, strict=True)])
    return Finding(*compare({"videos against sentences": (looked_up, zero_shot_tally(sets))}, better, _UAR),
                   note="The sentence is the clip's own, from known truth, and names no class.")


# -- which clip --------------------------------------------------------------------------------------------------------


def _within(evidence: Evidence, arm: str) -> WithinClass:
    runs, clips = evidence.sentences(arm)[arm], evidence.spoken
    return evidence.once(("within", arm), lambda: own_clips([run for of_set in runs for run in of_set], clips))


@claim_test
def own_sentence_is_found(evidence: Evidence, arm: str) -> Finding:
    """R@1 of a clip among those of its class, asked with its own sentence, less chance."""
    found = _within(evidence, arm)
    return Finding(*compare({"against chance": (found.chance, found.r1)}, better, _RECALL_AT_1),
                   note="A clip of which the same is said counts as right.")


@claim_test
def own_sentence_teaches(evidence: Evidence, arm: str, beside: str) -> Finding:
    """The same after training on one kind of text, less that after another one."""
    first, second = _within(evidence, beside), _within(evidence, arm)
    return Finding(*compare({"in the class": _both(first.r1, second.r1)}, better, _RECALL_AT_1),
                   note="The people are new; in each run most of the classes are not.")


# -- time, damage, windows ---------------------------------------------------------------------------------------------


@claim_test
def time_helps(evidence: Evidence, beside: str) -> Finding:
    """UAR with a transformer over the frames in their order, less that without: on joints, and on colour."""
    first = next(iter(ORDERS))
    pairs = {"joints": (_tally(evidence, beside), _tally(evidence, first))}
    runs, clips = evidence.pictures(PICTURES[beside], PICTURES[first]), evidence.camera_clips
    asked = evidence.once(("pictures", beside), lambda: ask_arms(clips, runs))
    pairs["colour"] = zero_shot_tally(asked[PICTURES[beside]]), zero_shot_tally(asked[PICTURES[first]])
    return Finding(*compare(pairs, better, _UAR), note=f"One seed for each set. {_CLASSES}")


@claim_test
def damage_costs_little(evidence: Evidence, arm: str, damaged: str, margin: float) -> Finding:
    """UAR after training on damaged sentences, less that on whole ones."""
    whole, broken = _both(_tally(evidence, arm), _tally(evidence, damaged))
    text, checks = compare({"damaged": (whole, broken)}, costs_less_than(margin), _UAR)
    knows = _above(interval(whole, mean_recall), _asked(evidence, arm)[0][0].chance)
    return Finding(text, {name: unless_control(found, knows) for name, found in checks.items()})


@claim_test
def window_gives_one_score(evidence: Evidence, arm: str, margin: float) -> Finding:
    """UAR of one seed's runs over draws of the original's random test window, as a mean over the sets."""
    runs, clips = evidence.sentences(arm)[arm], evidence.spoken
    tables = evidence.once("windows", lambda: [windows(of_set[0].directory, clips, _DRAWS) for of_set in runs])
    uar = 100 * sum(table["uar"].to_numpy() for table in tables) / len(tables)
    changed = 100 * sum(table["changed"].to_numpy()[1:].mean() for table in tables) / len(tables)
    low, high = spread(uar[1:])
    return Finding(f"UAR {low:.1f} to {high:.1f} over {_DRAWS} draws, {uar[0]:.1f} on fixed segments; a window gives "
                   f"{changed:.0f} % of the clips another answer than the segments",
                   {f"draws lie within {margin:g} points": high - low <= margin}, spread=(low, high))


# -- published numbers -------------------------------------------------------------------------------------------------


@claim_test
def published_zero_shot(evidence: Evidence, arm: str) -> Finding:
    """UAR among unseen classes; the original's own films are needed for its number."""
    uar = 100 * _tally(evidence, arm).scores(mean_recall)
    return Finding(f"UAR among five unseen classes: {over_seeds(uar)} on synthetic clips", value=float(uar.mean()),
                   spread=spread(uar), possible=False)
