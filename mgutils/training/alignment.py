"""The task of the third original: the modalities of a clip in one space, pulled together in pairs.

One loop serves all three systems: what the first calls image and caption, and the second joints and word vector, is a
pair here. An anchor is a modality whose weights are frozen; a supervised encoder is a modality paired with its class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn

from mgutils.config import Pair, RunConfig
from mgutils.config.space import TABLES
from mgutils.data.modalities import MadeRows, ModalityReader, middle
from mgutils.data.protocol import split_of
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.losses.alignment import class_logits, pair_losses
from mgutils.metrics.cosine import emergent
from mgutils.metrics.scores import scores
from mgutils.models.space import Space, build_space
from mgutils.models.words import word_vectors
from mgutils.training.batches import PixelLoader
from mgutils.training.clips import as_tensors, check_sizes, draw, embed_rows, refuse_unread
from mgutils.training.distributed import gather, shard
from mgutils.training.start import take_weights
from mgutils.training.task import Batch, Task, Validation, full_precision

CALIBRATED = 64
"""Clips on which an anchor is centred whose projection has random weights."""
SAMPLED = 4096
"""Frames, or sentences, on which the size of what a frozen encoder makes is found."""


@dataclass
class Alignment(Task):
    """Modalities of a clip in, embeddings out, one named loss for each pair."""

    config: RunConfig
    accelerator: Accelerator
    model: Space
    reader: ModalityReader
    target: np.ndarray
    """(N,) class indices; read for ``class`` and ``caption``, and to score what was learned without them."""
    classes: int

    def __post_init__(self) -> None:
        self.forward: nn.Module = self.model
        self.memory_format = torch.preserve_format
        self.names = self.config.model.modalities

    @classmethod
    def build(cls, config: RunConfig, dataset: Dataset, loader: PixelLoader, accelerator: Accelerator) -> Alignment:
        """Build the networks, and take the weights of the run that it starts from.

        Raises
        ------
        ConfigError
            If a network is unknown or does not take what it is given, or a setting is not read here.
        CheckpointError
            If the run that it starts from has not what is frozen.
        """
        refuse_unread(config)
        settings = config.model
        captions = word_vectors(dataset.labels.names) if "caption" in settings.tables else None
        reader = ModalityReader.over(dataset, loader.pixels, settings.frames)
        widths = {entry.name: reader.arrays[entry.name].array.shape[-1] for entry in settings.encoded}
        model = build_space(settings, len(dataset.labels), captions, widths)
        check_sizes(model.encoders, loader.pixels)
        for name in widths:
            _standardise(model, name, reader.arrays[name], split_of(config, dataset).train)
        taken = take_weights(model, config, dataset.labels)
        for name in settings.frozen:
            if f"projections.{name}.weight" not in taken:
                _centre(model.eval(), name, reader)
        return cls(config, accelerator, model, reader, dataset.target, len(dataset.labels))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The rates of the encoders, and of the projections and tables; what is frozen is left out.

        What is learned of a loss has the heads' rate and no decay, which would pull a temperature towards 1.
        """
        settings = self.config.train
        encoders = list(self.model.encoders.parameters())
        scales = list(self.model.scales.parameters())
        apart = {id(weight) for weight in (*encoders, *scales)}
        heads = [weight for weight in self.model.parameters() if id(weight) not in apart]
        decay = settings.weight_decay_head
        groups = [
            {"params": [weight for weight in encoders if weight.requires_grad],
             "lr": settings.lr_image, "weight_decay": decay},
            {"params": [weight for weight in heads if weight.requires_grad],
             "lr": settings.lr_head, "weight_decay": decay},
        ]
        if scales:
            groups.append({"params": scales, "lr": settings.lr_head, "weight_decay": 0.0})
        return groups

    def batch(self, rows: np.ndarray, generator: torch.Generator) -> Batch:
        """This rank's clips at random moments, all modalities of a clip moved alike."""
        own = shard(rows)
        settings = self.config.train
        drawn = draw(self.reader, len(own), settings.augment, generator, self.config.model.moved_alike)
        device = self.accelerator.device
        inputs = as_tensors(self.reader(own, drawn).inputs, device)
        return Batch(rows, torch.from_numpy(self.target[rows]).to(device), inputs)

    def embed(self, batch: Batch) -> tuple[Tensor, ...]:
        """Embeddings of the shard (b, M, D), one row for each clip."""
        with self.accelerator.autocast():
            found = self.forward(batch.inputs)
        return (full_precision(found),)

    def losses(self, batch: Batch, *embedded: Tensor) -> dict[str, Tensor]:
        """The weighted loss of each pair, over the whole batch."""
        (found,) = embedded
        return self._pair_losses(gather(found, len(batch)), batch.rows, batch.target)

    def _pair_losses(self, found: Tensor, rows: np.ndarray, target: Tensor) -> dict[str, Tensor]:
        """Losses of embeddings (B, M, D); each rank knows which modalities all rows have."""
        settings = self.config.model
        embeddings = dict(zip(self.names, found.unbind(1), strict=True))
        there = {name: torch.from_numpy(self.reader.present[name][rows]).to(target.device) for name in self.names}
        if settings.shuffled:
            # in any order, of which every rank draws the same: were a clip's own anchor never its partner, the loss
            # would teach the space to tell it from the others, as the one to stay away from
            anchor = self.names[0]
            order = torch.from_numpy(np.random.default_rng(rows).permutation(len(rows))).to(target.device)
            embeddings[anchor], there[anchor] = embeddings[anchor][order], there[anchor][order]
        tables = {name: self.model.table(name) for name in settings.tables}
        return pair_losses(settings.pairs, embeddings, there, target, self.model.scales(), tables)

    @torch.no_grad()
    def validate(self, rows: np.ndarray) -> Validation:
        """Embed all clips, and score some rows.

        The class of a clip is that whose vector lies nearest, on the mean over the modalities that the clip has:
        the vectors of ``class`` or ``caption`` that a modality is paired with; else those of the sentences about the
        classes, where a modality is paired with sentences; else the mean directions of the anchor's embeddings of the
        training clips. So the score of a run without labels is *zero-shot* or *emergent*: labels are read to ask, not
        to learn. A clip that has nothing to ask gets the same score for each class.

        Returns
        -------
        Validation
            Its loss is that of all the rows as one batch. Its arrays are ``logits`` (N, C) and, under the name of
            each modality, the embeddings (all clips, D).
        """
        self.model.eval()
        everything = np.arange(len(self.target))
        found = embed_rows(self.model, self.reader, everything, self.accelerator.device)  # (all, M, D)
        target = torch.from_numpy(self.target[rows]).to(found.device)
        loss = float(sum(self._pair_losses(found[rows], rows, target).values()))
        arrays = {name: part.cpu().numpy() for name, part in zip(self.names, found.unbind(1), strict=True)}
        logits = self._class_logits(arrays, rows)
        return Validation(scores(logits, self.target[rows]), loss, {"logits": logits} | arrays)

    def _class_logits(self, arrays: dict[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
        """Scores (N, C) of some rows: the mean over the modalities that are asked, and that a clip has."""
        taught = [pair for pair in self.config.model.pairs if pair.b in TABLES]
        told = {name: made.asked for name, made in self.reader.arrays.items() if getattr(made, "asked", None)}
        answering = [pair for pair in self.config.model.pairs if told.keys() & {pair.a, pair.b}]
        if taught:
            asked = [pair.a for pair in taught]
            found = [self._cosines(pair, arrays[pair.a][rows], self.model.table(pair.b)) for pair in taught]
        elif answering:
            asked, found = [], []
            for pair in answering:
                video, sentence = (pair.a, pair.b) if pair.b in told else (pair.b, pair.a)
                asked.append(video)
                vectors = class_vectors(self.model, sentence, told[sentence])
                found.append(self._cosines(pair, arrays[video][rows], vectors))
        else:
            anchor, *others = self.names
            asked = others or [anchor]
            known = self.learned[self.reader.present[anchor][self.learned]]
            found = [emergent(arrays[anchor][known], self.target[known], arrays[name][rows], self.classes)
                     for name in asked]
        there = np.stack([self.reader.present[name][rows] for name in asked])[..., None]  # (asked, N, 1)
        total = np.where(there, np.stack(found), 0).sum(axis=0)
        return (total / there.sum(axis=0).clip(1)).astype(np.float32)

    def _cosines(self, pair: Pair, embeddings: np.ndarray, vectors: Tensor) -> np.ndarray:
        """Cosines (N, C) with the vectors of all classes, over the pair's temperature."""
        temperature = self.model.scales().get(pair.name, {}).get("temperature", pair.temperature)
        return class_logits(torch.from_numpy(embeddings).to(vectors), vectors, temperature).cpu().numpy()

    def after_step(self) -> None:
        """Keep learned temperatures at 0.01 or more."""
        self.model.scales.limit()

    def record(self) -> dict[str, float]:
        """The learned temperatures and biases, by the names of their pairs."""
        return {f"{part} of {name}": value.item()
                for name, parts in self.model.scales().items() for part, value in parts.items()}


@torch.no_grad()
def embed_vectors(model: Space, name: str, vectors: np.ndarray) -> Tensor:
    """Embeddings (n, D) of length 1 of the vectors (n, W) of sentences, of the modality of that name."""
    weight = model.projections[name].weight
    rows = torch.from_numpy(np.ascontiguousarray(vectors)).to(weight)
    return F.normalize(model.embed(name, rows[:, None]), dim=1)


def class_vectors(model: Space, name: str, asked: MadeRows) -> Tensor:
    """The vector (C, D) of each class: the mean over the embeddings, of length 1, of what is said of it.

    References
    ----------
    Radford et al. 2021, arXiv:2103.00020, section 3.1.4, which calls it an ensemble of prompts.
    """
    found = embed_vectors(model, name, asked.array[asked.rows])
    return torch.stack([part.mean(dim=0) for part in found.split(asked.length.tolist())])


def _standardise(model: Space, name: str, made: MadeRows, learned: np.ndarray) -> None:
    """Take the size of what a frozen encoder makes of some of the clips that are learned from."""
    rows = made.of(learned)
    if not len(rows):
        raise ConfigError(f"{name}: found none of the {len(learned):,} clips to learn from with it; wanted some. Give "
                          "more clips, or leave that modality out.")
    chosen = np.random.default_rng(0).permutation(len(rows))[:SAMPLED]
    model.encoders[name].fit(torch.from_numpy(rows[chosen]))


def _centre(model: Space, name: str, reader: ModalityReader) -> None:
    """Centre an anchor whose projection has learned nothing on some clips, the same in every run."""
    rows = np.flatnonzero(reader.present[name])
    rows = np.random.default_rng(0).permutation(rows)[:CALIBRATED]
    clips = reader(rows, middle(list(reader.arrays), len(rows), reader.frames))
    model.centre(name, torch.from_numpy(np.ascontiguousarray(clips.inputs[name])))
