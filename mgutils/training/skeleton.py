"""The task of the second original: the joints of a clip, cross entropy, and a word vector to hit beside it.

A clip is read at a few moments, put into a box of its own, and mirrored where that is asked for; all frames of a clip
are changed alike. In a test the answers to several choices of moments are averaged as probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn

from mgutils.config import RunConfig, SkeletonConfig
from mgutils.data.items import choose_frames
from mgutils.data.keypoints import MIRROR, ORIGINAL_MIRROR, compact, mirror
from mgutils.data.labels import Labels
from mgutils.data.modalities import move_joints
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.losses.semantic import class_vectors, semantic_loss
from mgutils.metrics.scores import scores
from mgutils.models.skeleton import SkeletonClassifier, build_skeleton
from mgutils.models.words import word_vectors
from mgutils.training.batches import PixelLoader
from mgutils.training.checkpoint import load_weights, read_weights
from mgutils.training.distributed import gather, shard
from mgutils.training.start import take_weights
from mgutils.training.task import Batch, Task, Validation, full_precision

_MIRRORS = {"pairs": MIRROR, "original": ORIGINAL_MIRROR}


@dataclass(frozen=True)
class ClipReader:
    """Reads the joints of clips at chosen moments."""

    joints: np.ndarray
    """(F, 22, 3), all frames of all clips."""
    start: np.ndarray
    """(N,) first frame of each clip."""
    length: np.ndarray
    """(N,) frames of each clip."""
    settings: SkeletonConfig

    def __call__(self, rows: np.ndarray, draw: np.ndarray) -> np.ndarray:
        """(b, T, 22, 3) in the box of each clip; frames that are not there are zero.

        ``draw``: see :func:`mgutils.data.items.choose_frames`.
        """
        settings = self.settings
        index, there = choose_frames(self.length[rows], settings.frames, draw, window=settings.window)
        clips = np.asarray(self.joints[self.start[rows, None] + index])
        return compact(clips * there[..., None, None])


def clip_reader(dataset: Dataset, joints: np.ndarray, settings: SkeletonConfig) -> ClipReader:
    """The reader of a folder of clips."""
    return ClipReader(joints, dataset.frames["start"].to_numpy(), dataset.frames["length"].to_numpy(), settings)


@dataclass
class Skeleton(Task):
    """Joints, one logit for each class, and perhaps a vector beside them."""

    config: RunConfig
    accelerator: Accelerator
    model: SkeletonClassifier
    reader: ClipReader
    target: np.ndarray
    """(N,) class indices."""
    vectors: Tensor | None
    """(C, W), what the second head is to hit."""

    def __post_init__(self) -> None:
        self.forward: nn.Module = self.model
        self.classes = self.model.classes.out_features
        self.memory_format = torch.preserve_format  # a network chooses its own

    @classmethod
    def build(cls, config: RunConfig, dataset: Dataset, loader: PixelLoader,
              accelerator: Accelerator) -> Skeleton:
        """Build the network and the vectors of the classes.

        Raises
        ------
        ConfigError
            If the network is unknown or to be frozen, or there are no word vectors at hand.
        """
        settings = config.model
        if config.train.freeze != "none":
            raise ConfigError(f"freeze: found {config.train.freeze!r} for a skeleton network, which has no encoders "
                              "that come with weights; wanted none.")
        vectors = None
        if settings.words != "none":
            words = word_vectors(dataset.labels.names)
            vectors = torch.from_numpy(class_vectors(settings.words, words, settings.word_seed))
        width = 0 if vectors is None else vectors.shape[1]
        model = build_skeleton(settings, len(dataset.labels), width)
        take_weights(model, config, dataset.labels)
        reader = clip_reader(dataset, loader.pixels, settings)
        return cls(config, accelerator, model, reader, dataset.target, vectors)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The rates of the network and of the heads; both decay alike, as in the original."""
        settings = self.config.train
        decay = settings.weight_decay_head
        heads = [weight for head in self.model.heads for weight in head.parameters()]
        return [
            {"params": list(self.model.network.parameters()), "lr": settings.lr_image, "weight_decay": decay},
            {"params": heads, "lr": settings.lr_head, "weight_decay": decay},
        ]

    def batch(self, rows: np.ndarray, generator: torch.Generator) -> Batch:
        """This rank's clips, read at random moments, each changed as a whole."""
        settings, own = self.config.model, shard(rows)
        moments = 1 if settings.window else settings.frames
        draw = torch.rand(len(own), moments, generator=generator, dtype=torch.float64).numpy()
        clips = self.reader(own, draw)
        clips = augment_clips(clips, self.config.train.augment, generator)
        if settings.flip != "none":
            flipped = (torch.rand(len(own), generator=generator) < 0.5).numpy()
            clips[flipped] = mirror(clips[flipped], 1.0, _MIRRORS[settings.flip])
        device = self.accelerator.device
        target = torch.from_numpy(self.target[rows]).to(device)
        return Batch(rows, target, {"joints": torch.from_numpy(clips).to(device)})

    def embed(self, batch: Batch) -> tuple[Tensor, ...]:
        """Logits and, with word vectors, the vectors beside them: (b, C + W), as one row belongs to one clip."""
        with self.accelerator.autocast():
            logits, words = self.forward(batch.inputs["joints"])
        found = logits if words is None else torch.cat([logits, words], dim=1)
        return (full_precision(found),)

    def losses(self, batch: Batch, *embedded: Tensor) -> dict[str, Tensor]:
        """Cross entropy of the whole batch and, with word vectors, the weighted squared error."""
        (found,) = embedded
        found = gather(found, len(batch))  # (B, C + W), of all ranks
        logits, words = found.split([self.classes, found.shape[1] - self.classes], dim=1)
        if self.offset is not None:
            logits = logits + self.offset
        losses = {"cross_entropy": F.cross_entropy(logits, batch.target)}
        if self.vectors is not None:
            vectors = self.vectors.to(logits.device)
            losses["words"] = self.config.model.word_weight * semantic_loss(words, batch.target, vectors)
        return losses

    def validate(self, rows: np.ndarray) -> Validation:
        """Score some rows; the arrays to keep are ``logits`` (N, C) and, with word vectors, ``words`` (N, W)."""
        logits, words = score_clips(self.model, self.reader, rows, self.accelerator.device)
        target = self.target[rows]
        loss = F.cross_entropy(logits, torch.from_numpy(target).to(logits.device))
        arrays = {"logits": logits.cpu().numpy()}
        if words is not None:
            arrays["words"] = words.cpu().numpy()
        return Validation(scores(arrays["logits"], target), float(loss), arrays)


def build_trained(config: RunConfig, labels: Labels, file: Path) -> SkeletonClassifier:
    """The network of a finished run with its weights, ready to evaluate.

    Raises
    ------
    CheckpointError
        If the weights cannot be read, or do not fit.
    """
    found, _ = read_weights(file)
    width = len(found["words.weight"]) if "words.weight" in found else 0
    model = build_skeleton(config.model, len(labels), width)
    load_weights(model, file)
    return model.eval()


@torch.no_grad()
def score_clips(model: SkeletonClassifier, reader: ClipReader, rows: np.ndarray, device: torch.device,
                batch_size: int = 128) -> tuple[Tensor, Tensor | None]:
    """Answers for some clips, averaged over the views of a test.

    Returns
    -------
    logits : Tensor (N, C)
        Logarithm of the mean probabilities; of a single view, the logits themselves.
    words : Tensor (N, W) or None
        Mean vectors of the second head.
    """
    model.eval()
    own, views = shard(rows), views_of(reader.settings)
    starts = range(0, max(len(own), 1), batch_size)  # a rank without rows still takes part
    answers, vectors = [], []
    for part in (own[start:start + batch_size] for start in starts):
        found = []
        for draw, mirrored in views:
            clips = reader(part, draw)
            clips = mirror(clips, 1.0) if mirrored else clips
            found.append(model(torch.from_numpy(clips).to(device)))
        answers.append(torch.stack([logits.float() for logits, _ in found]))  # (V, b, C)
        if found[0][1] is not None:
            vectors.append(torch.stack([words.float() for _, words in found]).mean(dim=0))
    logits = torch.cat(answers, dim=1)
    logits = logits[0] if len(logits) == 1 else logits.softmax(dim=2).mean(dim=0).log()
    words = gather(torch.cat(vectors), len(rows)) if vectors else None
    return gather(logits, len(rows)), words


def views_of(settings: SkeletonConfig) -> list[tuple[np.ndarray, bool]]:
    """Moments and mirroring of each view: places spread evenly over the segments, or over the starts of a window."""
    places = (np.arange(settings.views) + 0.5) / settings.views
    mirrors = (False, True) if settings.flip_views else (False,)
    return [(np.array([[place]]), mirrored) for place in places for mirrored in mirrors]


def augment_clips(clips: np.ndarray, kind: str, generator: torch.Generator) -> np.ndarray:
    """Turn, shift and scale each clip a little, all its frames alike, round the middle of its box.

    ``affine`` is that of :mod:`mgutils.data.modalities`; ``photo`` is the same, as joints have no light.
    """
    if kind == "none":
        return clips
    return move_joints(clips, 2 * torch.rand(len(clips), 4, generator=generator).numpy() - 1)
