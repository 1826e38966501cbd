"""Read several modalities of clips for a task, and embed them all in a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from mgutils.config import RunConfig
from mgutils.data.modalities import Draw, ModalityReader, draw_clips, middle
from mgutils.errors import ConfigError
from mgutils.training.distributed import gather, shard

BATCH = 64
"""Clips that are embedded at once in a test."""


def refuse_unread(config: RunConfig, adjusts: bool = False) -> None:
    """Refuse settings that a task of several modalities does not read, rather than train as if they were not there.

    Raises
    ------
    ConfigError
        If an encoder of the first system is to be frozen, or logits are adjusted by a task that has none (``adjusts``
        says that it has).
    """
    if config.train.freeze != "none":
        raise ConfigError(f"freeze: found {config.train.freeze!r} for {config.task}; wanted none. A modality is frozen "
                          "by the name of it, in `frozen`.")
    if config.loss.logit_adjustment and not adjusts:
        raise ConfigError(f"logit_adjustment: found {config.loss.logit_adjustment} for {config.task}; wanted 0: it "
                          "changes the logits of a classifier.")


def check_sizes(encoders: Mapping[str, nn.Module], arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse pictures of another side than an encoder of patches was built for.

    Raises
    ------
    ConfigError
        The message names the modality.
    """
    for name, encoder in encoders.items():
        wanted = getattr(encoder, "size", None)
        if wanted and arrays[name].shape[1] != wanted:
            raise ConfigError(f"{name}: found pictures of {arrays[name].shape[1]} pixels; wanted {wanted}, which the "
                              "network was built for. Give clips of that size, or a network with another 'size'.")


def draw(reader: ModalityReader, count: int, augment: str, generator: torch.Generator, alike: bool = True) -> Draw:
    """Moments of some clips, and how each is moved; all randomness comes from the generator."""
    seed = int(torch.randint(2**62, (1,), generator=generator))
    names = list(reader.arrays)
    found = draw_clips(names, count, reader.frames, np.random.default_rng(seed), alike)
    if augment == "none":
        return found._replace(changes={name: np.zeros((count, 4)) for name in names})
    return found


def as_tensors(inputs: Mapping[str, np.ndarray], device: torch.device) -> dict[str, Tensor]:
    """Arrays as tensors of a device, in the type of the file."""
    return {name: torch.from_numpy(np.ascontiguousarray(part)).to(device) for name, part in inputs.items()}


@torch.no_grad()
def embed_rows(embed: Callable[[dict[str, Tensor]], Tensor], reader: ModalityReader, rows: np.ndarray,
               device: torch.device) -> Tensor:
    """Embed some clips as a test reads them: the middle of each segment, nothing moved.

    Parameters
    ----------
    embed : callable
        From modality to (b, T, ...) to a row for each clip.
    reader : ModalityReader
    rows : ndarray (N,)
    device : torch.device

    Returns
    -------
    Tensor (N, ...)
        Of all ranks, float32 or float64.
    """
    own = shard(rows)
    names: Sequence[str] = list(reader.arrays)
    parts = []
    for begin in range(0, max(len(own), 1), BATCH):  # a rank without rows still takes part
        part = own[begin:begin + BATCH]
        clips = reader(part, middle(names, len(part), reader.frames))
        found = embed(as_tensors(clips.inputs, device))
        parts.append(found if found.dtype == torch.float64 else found.float())
    return gather(torch.cat(parts), len(rows))
