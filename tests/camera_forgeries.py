"""For each row of the ledger of four cameras, evidence that makes it hold and evidence that makes it fail.

Nothing here is trained. A world is a table of clips, of whom some people are to learn from and others to report, and
forged runs of every group: their embeddings know the class of a clip or not, and which clip it is or not.
"""

from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch

from mgutils.claims.tests import camera_code
from mgutils.config import get_profile
from mgutils.data.labels import Labels
from mgutils.data.splits import TEST_SUBJECTS, TRAIN_SUBJECTS
from mgutils.data.table import Dataset
from mgutils.experiments.cameras import (
    ANCHOR,
    CONTROLS,
    HEADS,
    LABELS,
    MAE,
    OTHERS,
    SCRAMBLED,
    SCRATCH,
    SMALL,
    WEAK,
)
from mgutils.metrics.ranks import Retrieval
from mgutils.models.fusion import MaskedFusion
from mgutils.training.fusion import subsets

CLASSES = 4
NAMES = (ANCHOR, *OTHERS)
ORIGINAL = next(iter(HEADS))
SPACES = {"star": OTHERS, "star, random anchor": CONTROLS, "star, shuffled pairs": CONTROLS, "all pairs": WEAK,
          "star, moved apart": CONTROLS}
"""What is aligned with the anchor."""


def clips():
    """Eight people to learn from and ten to report, each with two clips of four classes."""
    people = np.repeat([*TRAIN_SUBJECTS[:8], *TEST_SUBJECTS[:10]], 2 * CLASSES)
    number = len(people)
    frames = pd.DataFrame({"class_id": np.arange(number) % CLASSES + 1, "clip_id": np.arange(number),
                           "video_id": people, "subject_id": people, "start": np.arange(number), "length": 1})
    return Dataset(Path("nowhere"), frames, Labels(tuple("abcd")), "imigue")


CLIPS = clips()
VALID = np.flatnonzero(np.isin(CLIPS.frames["subject_id"], TEST_SUBJECTS))
_WHICH = np.random.default_rng(0).normal(size=(len(CLIPS), 20))
_STEPS = count()  # a normalisation layer counts its batches, and no two runs have to agree


def vectors(know, see, seed):
    """Embeddings (N, 24): the class of a clip, then which clip it is; both with noise, or noise alone."""
    noise = np.random.default_rng(seed).normal(size=(len(CLIPS), CLASSES + 20))
    return noise + 6 * np.hstack([know * np.eye(CLASSES)[CLIPS.target], see * _WHICH])


def run(names, arrays, right=True, valid=VALID, **more):
    """A run that answers every clip rightly, or none."""
    target = CLIPS.target[valid]
    logits = np.eye(CLASSES)[target if right else (target + 1) % CLASSES]
    config = SimpleNamespace(model=SimpleNamespace(modalities=tuple(names)))
    return SimpleNamespace(config=config, arrays=arrays, logits=logits, target=target, valid=valid, **more)


def spaces(know=0, see=0, anchor=1):
    """Two seeds of a space whose cameras know the class, and see the clip, if told so; the anchor is told apart."""
    return [run(NAMES, {name: vectors(anchor if name == ANCHOR else know, 1 if see and name == ANCHOR else see,
                                      10 * seed + place) for place, name in enumerate(NAMES)},
                weights=weights()) for seed in range(2)]


def only(found, names):
    """A run of a space that has some of the modalities."""
    arrays = {name: array for name, array in found.arrays.items() if name in names}
    config = SimpleNamespace(model=SimpleNamespace(modalities=tuple(names)))
    return SimpleNamespace(**vars(found) | {"arrays": arrays, "config": config})


def weights(**changed):
    found = {f"encoders.{ANCHOR}.bn.num_batches_tracked": np.array(next(_STEPS))} | {
        f"{part}.{name}.a": np.ones(2) for part in ("encoders", "projections") for name in (ANCHOR, "depth")}
    return found | {f"{part}.{ANCHOR}.a": np.full(2, value) for part, value in changed.items()}


def heads(right):
    """Two seeds of a head that is right where ``right(there)`` of the (4,) bool says so."""
    target = CLIPS.target[VALID]
    logits = np.stack([np.eye(CLASSES)[(target + (not right(there))) % CLASSES] for there in subsets(len(NAMES))])
    return [run(NAMES, {"subsets": logits}) for _ in range(2)]


def labelled(name, know=0, **more):
    return [run((name,), {name: vectors(know, 0, 50 + seed)}, weights=weights(), **more) for seed in range(2)]


def masked(know=0, losses=(1.0, 0.5)):
    return [run(("depth",), {"depth": vectors(know, 0, 70)}, log=pd.DataFrame({"train_loss": losses}))]


def tuned(right):
    return [run(("depth",), {}, right)]


class World:
    """Evidence of runs that know nothing, and of heads that know all, but for the groups that were changed."""

    def __init__(self, frames=None, **changes):
        self.camera_clips, self._frames, self._once = CLIPS, frames, {}
        self.images, self.profile, self.read = "synthetic", get_profile("cpu"), {}
        self._groups = {name: spaces() for name in SPACES} | {
            group: labelled(name) for name, group in LABELS.items()} | {
            "joints, labels, people shared": labelled("joints"), MAE: masked(), SCRAMBLED: masked()} | {
            f"{name}, tuned": tuned(True) for name in (SCRATCH, MAE, SCRAMBLED, SMALL)} | {
            name: heads(lambda there: True) for name in HEADS} | changes
        for name, others in SPACES.items():
            self._groups[name] = [only(run, (ANCHOR, *others)) for run in self._groups[name]]

    def begin(self):
        self.read = {}

    def once(self, key, compute):
        if key not in self._once:
            self._once[key] = compute()
        return self._once[key]

    def cameras(self, *names):
        self.read["runs/a/outputs.npz"] = "0"
        return {name: self._groups[name] for name in names}

    def weights(self, run):
        return run.weights

    def log(self, run):
        return run.log

    def camera_frames(self, name):
        return self._frames


def forged(*patches, frames=None, **changes):
    """``make(patch)``: set each (name, value) in the claims about code, then return a world with these groups."""
    def make(patch):
        for name, value in patches:
            patch.setattr(camera_code, name, value)
        return World(frames, **changes)

    return make


def among(first, second):
    """Two spaces of which the first is better in all that a probe can ask, as (holds, fails)."""
    return tuple(forged(**{first: spaces(know=good), second: spaces(know=1 - good)}) for good in (1, 0))


def between(first, second, there=lambda there: True):
    """Two heads of which the first is right, and the second is wrong where ``there``, as (holds, fails)."""
    right, wrong = heads(lambda there: True), heads(lambda choice: not there(choice))
    return forged(**{first: right, second: wrong}), forged(**{first: wrong, second: right})


def beside_probes(there):
    """The original's head beside probes that know nothing, or all that it does not, as (holds, fails)."""
    wrong = heads(lambda choice: not there(choice))
    return forged(star=spaces(anchor=0)), forged(star=spaces(know=1), **{ORIGINAL: wrong})


def start(beside):
    """Pre-training that helps, and that harms, beside another start."""
    one, other = f"{MAE}, tuned", f"{beside}, tuned"
    return tuple(forged(**{one: tuned(good), other: tuned(not good)}) for good in (True, False))


def any_loss(a, b, target, temperature):
    return (a - b).square().mean()


def always_first(similarity, right, ties="expected"):
    return Retrieval(1, 1, 1, 1, 1)


def depth_of(millimetres):
    return np.full((len(CLIPS), 4, 4), millimetres, dtype=np.uint16)


ROWS = {
    "cmvra-anchor-all": among("star", "star, random anchor"),
    "cmvra-anchor-few": among("star", "star, random anchor"),
    "cmvra-anchor-emergent": among("star", "star, random anchor"),
    "cmvra-pairs-all": among("star", "star, shuffled pairs"),
    "cmvra-pairs-emergent": among("star", "star, shuffled pairs"),
    "cmvra-labels": (
        forged(star=spaces(know=1)),
        forged(**{LABELS[name]: labelled(name, know=1) for name in WEAK})),
    "cmvra-all-pairs": among("all pairs", "star"),
    "cmvra-all-pairs-retrieval": (
        forged(**{"all pairs": spaces(see=1)}),
        forged(star=spaces(see=1))),
    "cmvra-retrieval": (forged(star=spaces(see=1)), forged(star=spaces(see=-1))),
    "cmvra-frozen": (
        forged(),
        forged(star=[run(NAMES, {}, weights=weights(encoders=2, projections=2))] * 2)),
    "cmvra-moved-apart": (
        forged(star=spaces(know=1), **{"star, moved apart": spaces(know=1)}),
        forged(star=spaces(know=1))),
    "cmvra-fusion-anchor": beside_probes(np.all),
    "cmvra-more": (
        forged(**{ORIGINAL: heads(np.all)}),
        forged(**{ORIGINAL: heads(lambda there: not there.all())})),
    "cmvra-fusion-mean": beside_probes(np.all),
    "cmvra-fusion-missing": beside_probes(lambda there: not there.all()),
    "cmvra-fusion-no-anchor": beside_probes(lambda there: not there[0]),
    "cmvra-fusion-one": (
        forged(star=spaces(know=1)),
        forged(star=spaces(know=1), **{ORIGINAL: heads(lambda there: there.sum() > 1)})),
    "cmvra-dropout": between(ORIGINAL, "zeros, no dropout"),
    "cmvra-mask": between("masked, no dropout", "zeros, no dropout"),
    "cmvra-zeros": (forged(("ZeroedFusion", MaskedFusion)), forged()),
    "cmvra-accumulation": (forged(("info_nce", any_loss)), forged()),
    "cmvra-recall": (forged(("retrieval", always_first)), forged()),
    "cmvra-dual-softmax": (forged(("dual_softmax", lambda *arguments: torch.zeros(()))), forged()),
    "cmvra-depth": (forged(frames=depth_of(200)), forged(frames=depth_of(1500))),
    "cmvra-validation": (forged(), forged(**{LABELS["joints"]: labelled("joints", right=False)})),
    "cmvra-mae-scratch": start(SCRATCH),
    "cmvra-mae-scrambled": start(SCRAMBLED),
    "cmvra-mae-small": start(SMALL),
    "cmvra-mae-probe": (forged(**{MAE: masked(know=1)}), forged(**{SCRAMBLED: masked(know=1)})),
    "cmvra-mae-loss": (forged(**{SCRAMBLED: masked(losses=(1.0, 1.1))}), forged()),
}
"""By the id of a row: what makes every part of it hold, and what makes every part fail."""
