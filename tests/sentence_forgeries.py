"""For each row of the ledger of sentences, evidence that makes it hold and evidence that makes it fail.

Nothing here is trained. A forged run has the scores of some clips for the texts of all classes: they know the class of
a clip or not, and prefer the classes that were trained on or not.
"""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score

from mgutils.claims import pairs
from mgutils.claims.tests import sentence_code, sentences
from mgutils.config import get_profile
from mgutils.data.labels import Labels
from mgutils.data.table import Dataset
from mgutils.evaluation.unseen import Unseen
from mgutils.evaluation.within_class import WithinClass
from mgutils.experiments.sentences import (
    CLASS,
    DAMAGE,
    NAMES,
    ORDERS,
    OTHER,
    PHRASINGS,
    PICTURES,
    RANDOM,
    SAMPLE,
    SEEDED,
    SETS,
    SHUFFLED,
    SIZE,
    WORDS,
)
from mgutils.losses.alignment import info_nce
from mgutils.metrics.intervals import Tally, interval
from mgutils.metrics.paired import paired

CLASSES, PEOPLE = SETS * SIZE + 1, 12
TARGET = np.tile(np.arange(CLASSES), 2 * PEOPLE)
SUBJECTS = np.repeat(np.arange(PEOPLE), 2 * CLASSES)
LEFT_OUT = np.arange(SETS * SIZE).reshape(SETS, SIZE)
IN_ORDER, SHUFFLED_FRAMES, MEAN = ORDERS
ARMS = (NAMES, CLASS, PHRASINGS, SAMPLE, SHUFFLED, OTHER, RANDOM, *WORDS.values(),
        *DAMAGE.values(), *ORDERS, *PICTURES.values())
SIDES, SILENT = DAMAGE["side", 0.5], DAMAGE["empty", 0.5]
DRAWS = 1000
_CLIPS = pd.DataFrame({"class_id": [1, 2], "clip_id": [1, 2], "length": [9, 20]})


def unseen(know, classes, seed, seen_first=0):
    """Scores of all clips: of noise, of the right class, and of the wish to answer what was trained on."""
    logits = np.random.default_rng(seed).normal(size=(len(TARGET), CLASSES)) + 6 * know * np.eye(CLASSES)[TARGET]
    logits[:, np.setdiff1d(np.arange(CLASSES), classes)] += 20 * seen_first
    return Unseen(logits, TARGET, SUBJECTS, classes)


def arm(know=0, seen_first=0, seeds=3, **more):
    """Runs by set of classes and seed; ``more`` is what else a run has."""
    found = []
    for place, classes in enumerate(LEFT_OUT):
        config = SimpleNamespace(text=unseen(more.get("text", 0), classes, 100 + place))
        found.append([SimpleNamespace(asked=unseen(know, classes, 10 * place + seed, seen_first), config=config,
                                      directory=more.get("spread", 0), first=more.get("first", 0.1))
                      for seed in range(seeds)])
    return found


def within(runs, clips):
    """One clip in ten is found by chance, and by the runs as many as the first of them says."""
    counts = np.full((PEOPLE, CLASSES), 20.0)
    rng = np.random.default_rng(len(runs))
    hits = rng.binomial(20, runs[0].first, size=(len(runs), PEOPLE, CLASSES))
    return WithinClass(Tally(hits, counts), Tally(hits, counts), Tally(np.full(hits.shape, 2.0), counts))


def windows(spread, clips, draws):
    """UAR on segments, then by draw; the folder of a run says how far these spread."""
    uar = np.r_[0.5, 0.5 + spread * np.linspace(-1, 1, draws)]
    return pd.DataFrame({"window": ["segments"] + ["wrapping"] * draws, "uar": uar, "changed": np.r_[0, uar[1:]]})


class World:
    """Evidence of arms that know nothing, but for those that were changed."""

    def __init__(self, **changes):
        self.out_dir = Path("nowhere")
        self.images, self.profile, self.read, self._once = "synthetic", get_profile("cpu"), {}, {}
        self.clips = self.spoken = self.camera_clips = Dataset(Path("nowhere"), _CLIPS, Labels(("a", "b")), "")
        self._changes = changes

    def begin(self):
        self.read = {}

    def once(self, key, compute):
        if key not in self._once:
            self._once[key] = compute()
        return self._once[key]

    def sentences(self, *names):
        self.read["runs/a/outputs.npz"] = "0"
        assert set(names) <= set(ARMS)
        return {name: self._changes.get(name) or arm(seeds=3 if name in SEEDED else 1) for name in names}

    pictures = sentences


ASKED = (
    ("ask_arms", lambda dataset, arms: {name: [[run.asked for run in of_set] for of_set in sets]
                                        for name, sets in arms.items()}),
    ("own_clips", within),
    ("text_alone", lambda config, dataset, tower, kept: config.text),
    ("windows", windows),
    ("interval", partial(interval, draws=DRAWS)),
    ("paired", partial(paired, draws=DRAWS)),
)
"""What asks a run is replaced by what reads a forged one, and bootstraps are short."""


def forged(*patches, **changes):
    """``make(patch)``: set each (name, value) in the claims about code, then return a world with these arms."""
    def make(patch):
        for name, value in ASKED:
            patch.setattr(sentences, name, value)
        patch.setattr(pairs, "paired", partial(paired, draws=DRAWS))
        for name, value in patches:
            patch.setattr(sentence_code, name, value)
        return World(**changes)

    return make


def among(first, second, seeds=3):
    """Two arms of which the first knows unseen classes, and the second does, as (holds, fails)."""
    return tuple(forged(**{first: arm(good, seeds=seeds), second: arm(1 - good, seeds=seeds)}) for good in (1, 0))


def in_order(beside):
    """Frames in their order that help on joints and on colour, and that harm."""
    one, other = (IN_ORDER, PICTURES[IN_ORDER]), (beside, PICTURES[beside])
    return tuple(forged(**dict.fromkeys(one, arm(good, seeds=1)), **dict.fromkeys(other, arm(1 - good, seeds=1)))
                 for good in (1, 0))


def one_size(head, hidden):
    return _TRANSFORMER(64, 2048)


_TRANSFORMER = sentence_code.TemporalTransformer


def without_padding(clips, num_replicas, rank, shuffle):
    return list(clips)[rank::num_replicas]


def unlike(clips, texts, target, temperature):
    """InfoNCE of the clips whose text no other has."""
    alone = (texts[:, None] == texts[None]).all(dim=2).sum(dim=1) == 1
    return info_nce(clips[alone], texts[alone], target[alone], temperature)


def rising(length, frames, start, every):
    return np.sort(np.tile(np.arange(frames), (len(length), 1)), axis=1)


def pull_only(clips, texts, target, temperature):
    return (clips - texts).square().mean() + 0 * temperature


ROWS = {
    "emoclip-zero-shot": (forged(**{SAMPLE: arm(1)}), forged(**{SAMPLE: arm(-1)})),
    "emoclip-zero-shot-class": (forged(**{CLASS: arm(1)}), forged(**{CLASS: arm(-1)})),
    "emoclip-sample": among(SAMPLE, CLASS),
    "emoclip-phrasings": among(SAMPLE, PHRASINGS),
    "emoclip-own": among(SAMPLE, SHUFFLED),
    "emoclip-names": among(CLASS, NAMES),
    "emoclip-tower": among(SAMPLE, RANDOM),
    "emoclip-counts": among(SAMPLE, WORDS[SAMPLE]),
    "emoclip-video": (forged(**{SAMPLE: arm(1)}), forged(**{SAMPLE: arm(0, text=1)})),
    "emoclip-generalised": (forged(**{SAMPLE: arm(1)}), forged(**{SAMPLE: arm(1, seen_first=1)})),
    "emoclip-loo": (forged(("constant", lambda table, index: table)), forged()),
    "emoclip-within": (forged(**{SAMPLE: arm(first=0.5)}), forged(**{SAMPLE: arm(first=0.01)})),
    "emoclip-within-own": (
        forged(**{SAMPLE: arm(first=0.5)}),
        forged(**{SHUFFLED: arm(first=0.5)})),
    "emoclip-order": in_order(SHUFFLED_FRAMES),
    "emoclip-mean": in_order(MEAN),
    "emoclip-sides": (forged(**{SAMPLE: arm(1), SIDES: arm(1, seeds=1)}), forged(**{SAMPLE: arm(1)})),
    "emoclip-silence": (forged(**{SAMPLE: arm(1), SILENT: arm(1, seeds=1)}), forged(**{SAMPLE: arm(1)})),
    "emoclip-window": (forged(**{SAMPLE: arm(spread=0.001)}), forged(**{SAMPLE: arm(spread=0.1)})),
    "emoclip-window-order": (forged(("wrapping_window", rising)), forged()),
    "emoclip-size": (forged(("TemporalTransformer", one_size)), forged()),
    "emoclip-missing": (forged(("info_nce", unlike)), forged()),
    "emoclip-equal": (forged(("multi_positive_ce", pull_only)), forged()),
    "emoclip-uar": (forged(("published_uar", balanced_accuracy_score)), forged()),
    "emoclip-war": (forged(("DistributedSampler", without_padding)), forged()),
}
"""By the id of a row: what makes every part of it hold, and what makes every part fail."""
