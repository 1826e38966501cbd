"""Claims of the system of sentences (EmoCLIP) that its code decides: sizes, scores, windows, and what equal texts do.

Nothing is trained for these. The claims about trained runs are in ``sentences``.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import confusion_matrix
from torch import Tensor, nn
from torch.utils.data import DistributedSampler

from mgutils.claims.evidence import Evidence
from mgutils.claims.registry import Finding, claim_test
from mgutils.config import Pair, SpaceConfig
from mgutils.evaluation.unseen import Unseen, constant, generalized, leave_one_out
from mgutils.evaluation.windows import wrapping_window
from mgutils.losses.alignment import info_nce, pair_losses
from mgutils.losses.image_text import multi_positive_ce

_EVERY = 2
"""Of so many frames of a clip one is kept, in MAFW."""


class TemporalTransformer(nn.Module):
    """The original's network over the features of a clip's frames; only its sizes are asked for here.

    Parameters
    ----------
    head : int
        Numbers of a head.
    hidden : int
        Numbers of the hidden layer of a block's MLP.
    """

    def __init__(self, head: int, hidden: int, width: int = 512, heads: int = 8, depth: int = 2,
                 places: int = 1024) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.empty(places, width))
        self.first = nn.Parameter(torch.empty(width))
        self.blocks = nn.ModuleList(nn.ModuleDict({
            "before_attention": nn.LayerNorm(width),
            "queries_keys_values": nn.Linear(width, 3 * heads * head, bias=False),
            "out": nn.Linear(heads * head, width),
            "before_mlp": nn.LayerNorm(width),
            "mlp": nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)),
        }) for _ in range(depth))


def _millions(head: int, hidden: int) -> float:
    with torch.device("meta"):  # sizes without numbers
        network = TemporalTransformer(head, hidden)
    return sum(weight.numel() for weight in network.parameters()) / 1e6


@claim_test
def temporal_size(evidence: Evidence) -> Finding:
    """Parameters of the temporal part with the sizes that the original's call gives, and with the two exchanged."""
    called, meant = _millions(head=2048, hidden=512), _millions(head=64, hidden=2048)
    return Finding(f"{called:.1f} million with heads of 2,048 and a hidden layer of 512, as it is called; {meant:.1f} "
                   "million with heads of 64 and a hidden layer of 2,048", value=called, spread=(called, called))


def _table(classes: int = 8, clips: int = 400) -> Unseen:
    """Scores that know nothing of the classes, of which the last is unseen."""
    rng = np.random.default_rng(0)
    return Unseen(rng.normal(size=(clips, classes)), np.arange(clips) % classes, np.arange(clips),
                  np.array([classes - 1]))


@claim_test
def one_class_left_out(evidence: Evidence) -> Finding:
    """The published test of one unseen class, given to a model that always answers it."""
    table = _table()
    always = constant(table, int(table.classes[0]))
    row = leave_one_out([always]).iloc[0]
    among_all = generalized(always)
    right, alarms = 100 * row["recall"], 100 * row["false_alarms"]
    return Finding(f"always answering the class: {right:.0f} % right, and {alarms:.0f} % of the clips of other classes "
                   f"get it; harmonic mean with the seen classes {100 * among_all.harmonic:.0f} %",
                   {"a constant answer scores below 100 %": bool(row["recall"] < 1)})


def published_uar(target: np.ndarray, answers: np.ndarray) -> float:
    """UAR as the original has it: the mean diagonal of the confusion matrix, whose rows are divided by their sums."""
    counts = confusion_matrix(target, answers).astype(float)
    return float((counts / counts.sum(axis=1, keepdims=True).clip(1)).diagonal().mean())


@claim_test
def recall_of_one_class(evidence: Evidence) -> Finding:
    """UAR as published, of clips of one class of which 6 in 10 are right, and the others answered in four ways."""
    answers, target = np.array([0, 0, 0, 0, 0, 0, 1, 2, 3, 4]), np.zeros(10, dtype=int)
    uar, recall = published_uar(target, answers), float((answers == target).mean())
    return Finding(f"recall {100 * recall:.0f} %, UAR {100 * uar:.0f} %: the mean is over {len(set(answers))} classes "
                   "that were answered, of which one has clips",
                   {"the UAR of one class is its recall": bool(np.isclose(uar, recall))})


@claim_test
def every_clip_counts_once(evidence: Evidence) -> Finding:
    """WAR of a perfect model as three processes add it up over 10 clips."""
    clips = range(10)
    right = sum(len(list(DistributedSampler(clips, num_replicas=3, rank=rank, shuffle=False))) for rank in range(3))
    war = 100 * right / len(clips)
    return Finding(f"a perfect model has a WAR of {war:.0f} %: {right} answers are divided by {len(clips)} clips",
                   {"a perfect model has 100 %": bool(np.isclose(war, 100))})


def _gradients(texts: Tensor, target: Tensor, loss) -> tuple[Tensor, Tensor]:
    """Of a loss of 16 random clips, with respect to the clips and to the log temperature."""
    generator = torch.Generator().manual_seed(0)
    clips = torch.randn(len(texts), texts.shape[1], generator=generator, dtype=torch.float64, requires_grad=True)
    scale = torch.tensor(0.1, dtype=torch.float64).log().requires_grad_()
    found = torch.autograd.grad(loss(clips, texts, target, scale.exp()), [clips, scale])
    return found[0], found[1]


def _random_texts(count: int) -> Tensor:
    return torch.randn(count, 32, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@claim_test
def missing_caption_is_left_out(evidence: Evidence) -> Finding:
    """Sixteen clips of which six have no caption: ``-`` for each of them, and left out of the pair."""
    missing = torch.arange(16) < 6
    texts = _random_texts(16)
    texts[missing] = texts[0].clone()
    target = torch.arange(16)
    pulled, _ = _gradients(texts, target, info_nce)

    def without(clips: Tensor, texts: Tensor, target: Tensor, temperature: Tensor) -> Tensor:
        pair, said = Pair("video", "text"), {"text": ~missing}
        return pair_losses([pair], {"video": clips, "text": texts}, said, target,
                           {pair.name: {"temperature": temperature}})[pair.name]

    left, _ = _gradients(texts, target, without)
    norms = [float(part[missing].norm(dim=1).mean() / part[~missing].norm(dim=1).mean()) for part in (pulled, left)]
    # as good as it gets: each caption found, and the clips without one all alike
    best = texts.clone()
    floor = float(info_nce(best, texts, target, 1e-3))
    return Finding(f"clips whose caption is - are pulled to one place with {norms[0]:.2f} of the force on the others, "
                   f"{norms[1]:.2f} where they are left out; the loss of a perfect model is {floor:.2f}",
                   {"they are left alone": norms[0] == 0, "the loss can reach 0": floor < 1e-6})


@claim_test
def equal_sentences_harm(evidence: Evidence) -> Finding:
    """Gradients on 16 clips of 4 classes with one sentence each: the diagonal is right, or every clip of the class."""
    target = torch.arange(16) % 4
    texts = F.normalize(_random_texts(4), dim=1)[target]

    def diagonal(clips: Tensor, texts: Tensor, target: Tensor, temperature: Tensor) -> Tensor:
        return info_nce(clips, texts, target, temperature)

    def classes(clips: Tensor, texts: Tensor, target: Tensor, temperature: Tensor) -> Tensor:
        return multi_positive_ce(F.normalize(clips, dim=1), texts, target, temperature)

    one, other = (_gradients(texts, target, loss) for loss in (diagonal, classes))
    apart = max(float((a - b).abs().max()) for a, b in zip(one, other, strict=True))
    largest = float(one[0].abs().max())
    return Finding(f"the two gradients differ by at most {apart:.0e}, of {largest:.2f}: an equal sentence has an equal "
                   "vector, and what pushes a clip away from it also pulls",
                   {"another gradient than that of a loss that knows the classes": apart > 1e-9 * largest})


@claim_test
def window_keeps_order(evidence: Evidence) -> Finding:
    """How often the original's test window reads the end of one of our clips before its beginning."""
    lengths = evidence.clips.frames["length"].to_numpy()
    starts = np.random.default_rng(0).uniform(size=len(lengths))
    read = wrapping_window(lengths, SpaceConfig.frames, starts, _EVERY)
    back = float((np.diff(read, axis=1) < 0).any(axis=1).mean())
    return Finding(f"a random window of {SpaceConfig.frames} frames, every second one of the clip, reads a later frame "
                   f"first in {100 * back:.0f} % of the clips", {"frames are read in order": back == 0})
