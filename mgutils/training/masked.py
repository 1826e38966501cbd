"""Pre-train the encoder of one camera by masked autoencoding: no label is read, but to say what was learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from mgutils.config import RunConfig
from mgutils.data.modalities import ModalityReader
from mgutils.data.table import Dataset
from mgutils.losses.reconstruction import row_losses
from mgutils.metrics.cosine import emergent
from mgutils.metrics.scores import scores
from mgutils.models.masked import MaskedVideo, random_mask, tube_mask
from mgutils.models.space import build_masked
from mgutils.training.batches import PixelLoader
from mgutils.training.clips import as_tensors, check_sizes, draw, embed_rows, refuse_unread
from mgutils.training.distributed import gather, shard
from mgutils.training.start import take_weights
from mgutils.training.task import Batch, Task, Validation, full_precision

MASKS = {"tube": tube_mask, "random": random_mask}


class MaskedSpace(nn.Module):
    """A masked autoencoder under the name that a space has for it, so that a space can take its weights.

    Shape: frames (B, T, S, S[, 3]), hidden (B, N) -> guesses (B, K, t s s C); without ``hidden`` -> (B, width).
    """

    def __init__(self, camera: str, network: MaskedVideo) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({camera: network})

    @property
    def network(self) -> MaskedVideo:
        """The autoencoder."""
        return next(iter(self.encoders.values()))

    def forward(self, frames: Tensor, hidden: Tensor | None = None) -> Tensor:
        return self.network(frames, hidden)


@dataclass
class Masked(Task):
    """Clips with hidden patches in, guesses out."""

    config: RunConfig
    accelerator: Accelerator
    model: MaskedSpace
    reader: ModalityReader
    target: np.ndarray
    classes: int

    def __post_init__(self) -> None:
        self.forward: nn.Module = self.model
        self.memory_format = torch.preserve_format
        self.camera = self.config.model.camera

    @classmethod
    def build(cls, config: RunConfig, dataset: Dataset, loader: PixelLoader, accelerator: Accelerator) -> Masked:
        """Build the network.

        Raises
        ------
        ConfigError
            If it does not take what it is given, patches do not fill a clip or its pictures, none would be hidden, or
            a setting is not read here.
        """
        refuse_unread(config)
        settings = config.model
        model = MaskedSpace(settings.camera, build_masked(settings))
        check_sizes(model.encoders, loader.pixels)
        MASKS[settings.mask](1, model.network.grid, settings.ratio, torch.Generator())  # refuses to hide nothing
        take_weights(model, config, dataset.labels)
        reader = ModalityReader.over(dataset, loader.pixels, settings.frames)
        return cls(config, accelerator, model, reader, dataset.target, len(dataset.labels))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """One rate for all of the network."""
        settings = self.config.train
        return [{"params": list(self.model.parameters()), "lr": settings.lr_image,
                 "weight_decay": settings.weight_decay_head}]

    def batch(self, rows: np.ndarray, generator: torch.Generator) -> Batch:
        """This rank's clips, and which of their patches are hidden."""
        own = shard(rows)
        drawn = draw(self.reader, len(own), self.config.train.augment, generator)
        device = self.accelerator.device
        inputs = as_tensors(self.reader(own, drawn).inputs, device)
        hidden = self._hide(len(own), generator).to(device)
        return Batch(rows, torch.from_numpy(self.target[rows]).to(device),
                     {"frames": inputs[self.camera], "hidden": hidden})

    def _hide(self, count: int, generator: torch.Generator) -> Tensor:
        settings = self.config.model
        return MASKS[settings.mask](count, self.model.network.grid, settings.ratio, generator)

    def embed(self, batch: Batch) -> tuple[Tensor, ...]:
        """Mean squared error of the hidden patches of each clip of the shard, (b, 1)."""
        frames, hidden = batch.inputs["frames"], batch.inputs["hidden"]
        with self.accelerator.autocast():
            guesses = self.forward(frames, hidden)
        patches = self.model.network.targets(frames, self.config.model.scrambled)
        return (row_losses(full_precision(guesses), patches, hidden)[:, None],)

    def losses(self, batch: Batch, *embedded: Tensor) -> dict[str, Tensor]:
        """The mean over the clips that the camera filmed, which all have as many hidden patches."""
        (found,) = embedded
        return {"reconstruction": self._mean(gather(found, len(batch))[:, 0], batch.rows)}

    def _mean(self, found: Tensor, rows: np.ndarray) -> Tensor:
        """Mean of a number for each clip (N,); one without frames does not count, and of none the mean is 0."""
        there = torch.from_numpy(self.reader.present[self.camera][rows]).to(found.device)
        return found[there].sum() / there.sum().clamp(min=1)

    @torch.no_grad()
    def validate(self, rows: np.ndarray) -> Validation:
        """Guess patches of some rows, and embed all clips.

        Returns
        -------
        Validation
            Its loss is that of the rows, under masks that are the same in every epoch. Its arrays are, under the name
            of the camera, the embeddings (all clips, width), and ``logits`` (N, C): cosines with the mean directions
            of the training clips of each class, 0 where a clip has no frames.
        """
        self.model.eval()
        device = self.accelerator.device
        everything = np.arange(len(self.target))
        found = embed_rows(lambda clips: self.model(clips[self.camera]), self.reader, everything, device)
        vectors = found.cpu().numpy()
        known = self.learned[self.reader.present[self.camera][self.learned]]
        logits = emergent(vectors[known], self.target[known], vectors[rows], self.classes)
        logits[~self.reader.present[self.camera][rows]] = 0
        generator = torch.Generator().manual_seed(0)

        def loss_of(clips: dict[str, Tensor]) -> Tensor:
            frames = clips[self.camera]
            if not len(frames):  # of a rank without rows
                return torch.zeros(0, device=device)
            hidden = self._hide(len(frames), generator).to(device)
            patches = self.model.network.targets(frames, self.config.model.scrambled)
            return row_losses(self.model(frames, hidden), patches, hidden)

        loss = float(self._mean(embed_rows(loss_of, self.reader, rows, device), rows))
        arrays = {"logits": logits.astype(np.float32), self.camera: vectors}
        return Validation(scores(logits, self.target[rows]), loss, arrays)
