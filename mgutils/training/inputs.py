"""What a run reads: a table of rows, and the array that holds their frames.

Images are decoded to a side in pixels; clips have the arrays of their modalities, and what frozen encoders make of
these and of sentences. The kind of a run's input is that number, the name of one modality, or the names of several; in
place of a name stand the settings of what is made. Nothing here imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mgutils.config.derived import FrameFeatures, TextVectors
from mgutils.config.settings import ModelConfig, Protocol, RunConfig, SplitName, TrainConfig
from mgutils.config.space import modalities_of
from mgutils.data.items import is_clip_dataset, load_modality, present, read_clip_dataset
from mgutils.data.pixels import load_pixels
from mgutils.data.table import Dataset, read_dataset
from mgutils.errors import ConfigError

if TYPE_CHECKING:
    from mgutils.data.modalities import MadeRows


@dataclass(frozen=True)
class Exchanged:
    """Sentences that change their clip: on either side of a split, so it has what decides the split of a run."""

    of: TextVectors
    split: SplitName
    left_out: tuple[int, ...]
    protocol: Protocol
    train: TrainConfig

    @property
    def name(self) -> str:
        """Of the modality."""
        return self.of.name


Made = FrameFeatures | TextVectors | Exchanged
Kind = int | str | tuple[str | Made, ...]
Arrays = np.ndarray | dict[str, "np.ndarray | MadeRows"]


def input_kind(config: RunConfig) -> Kind:
    """Side of the images in pixels, the name of the one modality of clips, or those that may be absent."""
    if isinstance(config.model, ModelConfig):
        return config.train.image_size
    if config.task == "skeleton":
        return "joints"
    made = {entry.name: _made(entry, config) for entry in getattr(config.model, "derived", ())}
    return tuple(made.get(name, name) for name in modalities_of(config.model))


def _made(entry: FrameFeatures | TextVectors, config: RunConfig) -> Made:
    if not isinstance(entry, TextVectors) or entry.text not in ("shuffled", "other"):
        return entry
    return Exchanged(entry, config.split, config.left_out, config.protocol, TrainConfig(select=config.train.select))


def read_rows(root: Path | str, kind: Kind) -> Dataset:
    """The table of a dataset: one row for each image, or for each clip.

    Raises
    ------
    ConfigError
        If the folder holds images where clips are wanted or the other way round, or clips without a class or joints,
        or no clip has a modality.
    DataError
        If it does not keep its contract.
    """
    clips = not isinstance(kind, int)
    if Path(root).is_dir() and is_clip_dataset(root) != clips:
        found, wanted = ("images", "clips") if clips else ("clips", "images")
        remedy = ("Make clips with `mg clips`, or import them with `mg import skeletons`." if clips else
                  "`mg train` reads clips with --task skeleton or alignment. Or give a folder of images.")
        raise ConfigError(f"{root}: found a folder of {found}; wanted one of {wanted}. {remedy}")
    if not clips:
        return read_dataset(root)
    dataset = read_clip_dataset(root)
    unknown = int((dataset.frames["class_id"] == 0).sum())
    if unknown:
        raise ConfigError(f"{root}: found {unknown:,} clips of which nobody knows the class; wanted a class for each. "
                          "`mg submit` answers them.")
    absent = int((~present(dataset, kind)).sum()) if isinstance(kind, str) else 0
    if absent:
        raise ConfigError(f"{root}: found {absent:,} clips without {kind}; wanted them for each. Leave those clips "
                          "out, or make clips without --absent.")
    for part in kind if isinstance(kind, tuple) else ():
        name = part.of if isinstance(part, FrameFeatures) else part
        if isinstance(name, str) and not present(dataset, name).any():
            raise ConfigError(f"{root}: found no clip with {name}; wanted some. Leave that modality out.")
    return dataset


def load_array(dataset: Dataset, kind: Kind, cache_dir: Path | str | None = None,
               progress: bool = True) -> Arrays:
    """Frames of a dataset, memory-mapped: one for each row of images, all frames of all clips.

    Of several modalities, the name of each to its frames. What a frozen encoder makes is made once, and kept in
    ``cache_dir``; in the dataset's folder ``.pixels`` if that is not given.
    """
    if isinstance(kind, tuple):
        return dict(_load_part(dataset, part, cache_dir, progress) for part in kind)
    if isinstance(kind, str):
        return load_modality(dataset, kind)
    return load_pixels(dataset, kind, cache_dir=cache_dir, progress=progress)


def _load_part(dataset: Dataset, part: str | Made, cache_dir: Path | str | None,
               progress: bool) -> tuple[str, np.ndarray | MadeRows]:
    """The name of a modality, and what is read of it."""
    if isinstance(part, str):
        return part, load_modality(dataset, part)
    from mgutils.training.derived import make_rows

    return part.name, make_rows(dataset, part, cache_dir, progress)
