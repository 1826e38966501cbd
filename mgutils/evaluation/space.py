"""Load the space of a finished run, and embed any folder of clips with it.

Of an alignment run the space has all of its modalities; of a masked autoencoder, its one camera.
What is asked of the embeddings is in :mod:`mgutils.evaluation.space_tables`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mgutils.config import RunConfig
from mgutils.config.space import modalities_of
from mgutils.data.labels import Labels
from mgutils.data.modalities import ModalityReader
from mgutils.data.splits import Split
from mgutils.data.table import Dataset
from mgutils.models.masked import MaskedVideo
from mgutils.models.space import Space, build_masked, build_space
from mgutils.models.words import word_vectors
from mgutils.training.alignment import Alignment
from mgutils.training.checkpoint import load_weights, widths_of
from mgutils.training.clips import check_sizes, embed_rows
from mgutils.training.config_file import check_task, read_config
from mgutils.training.inputs import input_kind, load_array
from mgutils.training.masked import MaskedSpace
from mgutils.training.start import WEIGHTS
from mgutils.training.whole import cache_of, check_run

CPU = torch.device("cpu")


class LoadedSpace(NamedTuple):
    """The networks of a finished run."""

    model: Space | MaskedSpace
    config: RunConfig
    labels: Labels
    """The C classes of the clips that it was trained on."""
    cache_dir: Path | None = None
    """Where the run store keeps what frozen encoders make; ``None`` for a folder outside of one."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """What it embeds; the first is the anchor."""
        return modalities_of(self.config.model)


class EmbeddedClips(NamedTuple):
    """N clips in one space."""

    embeddings: dict[str, np.ndarray]
    """Modality to (N, D); where a clip lacks it, numbers that mean nothing."""
    present: dict[str, np.ndarray]
    """Modality to (N,) bool: the clips that have it."""


def load_space(run_dir: Path | str) -> LoadedSpace:
    """Rebuild the networks of a run and load its best weights, ready to embed.

    Raises
    ------
    ConfigError
        If the folder is no run's, or that of a task without a space.
    CheckpointError
        If the weights cannot be read, or do not fit.
    """
    file = Path(run_dir) / "config.json"
    config = read_config(file)
    check_task(config, run_dir, "alignment", "masked")
    labels = Labels(tuple(json.loads(file.read_text(encoding="utf-8"))["captions"]))
    settings = config.model
    if config.task == "masked":
        model: Space | MaskedSpace = MaskedSpace(settings.camera, build_masked(settings))
    else:
        captions = word_vectors(labels.names) if "caption" in settings.tables else None
        widths = widths_of(Path(run_dir) / WEIGHTS) if settings.encoded else {}
        model = build_space(settings, len(labels), captions, widths)
    load_weights(model, Path(run_dir) / WEIGHTS)
    return LoadedSpace(model.eval(), config, labels, cache_of(run_dir))


def load_masked(run_dir: Path | str) -> MaskedVideo:
    """The masked autoencoder of a finished run, with what guesses, ready to look at its guesses.

    Raises
    ------
    ConfigError, CheckpointError
        As :func:`load_space`, and if the run is another one.
    """
    check_task(read_config(Path(run_dir) / "config.json"), run_dir, "masked")
    return load_space(run_dir).model.network


def embed_clips(run_dir: Path | str, dataset: Dataset) -> EmbeddedClips:
    """Embed all clips of a folder with a finished run.

    On the run's own clips, with the run's own number of threads, the embeddings equal those that the
    run stored, bit by bit.

    Parameters
    ----------
    run_dir : path
        Folder of an alignment, or of a masked autoencoder.
    dataset : Dataset
        See :func:`mgutils.data.items.read_clip_dataset`.

    Raises
    ------
    ConfigError
        If the run has no space, or its networks were built for other pictures.
    CheckpointError
        If the weights are not those that the run's receipt lists.
    DataError
        If the clips lack a modality altogether.
    """
    check_run(Path(run_dir), ("config.json", "best.safetensors"), hashes=True)
    return embed_all(load_space(run_dir), dataset)


def embed_all(space: LoadedSpace, dataset: Dataset) -> EmbeddedClips:
    """:func:`embed_clips` with a space that is loaded already."""
    names = space.modalities
    reader = _reader_of(space, dataset)

    def embed(clips: dict[str, Tensor]) -> Tensor:
        """A row of vectors for each clip, (b, M, D)."""
        if isinstance(space.model, MaskedSpace):
            return space.model(clips[names[0]])[:, None]
        return space.model(clips)

    with _threads_of(space.config):
        found = embed_rows(embed, reader, np.arange(len(dataset)), CPU)
    vectors = {name: part.numpy() for name, part in zip(names, found.unbind(1), strict=True)}
    return EmbeddedClips(vectors, dict(reader.present))


def table_vectors(space: LoadedSpace, name: str, target: np.ndarray) -> np.ndarray:
    """The vector (N, D) of each clip's ``class``, or of its ``caption``, in the space of an alignment run."""
    return space.model.table(name).detach().numpy()[target]


def score_split(space: LoadedSpace, dataset: Dataset, split: Split) -> np.ndarray:
    """Scores (N, C) of the reported clips of a split, as an alignment run scores itself.

    See :meth:`mgutils.training.alignment.Alignment.validate`: without labels of its own it takes the
    mean directions of the anchor's training clips for the classes.
    """
    reader = _reader_of(space, dataset)
    task = Alignment(space.config, _OnlyDevice(), space.model, reader, dataset.target, len(dataset.labels))
    task.learned = split.train
    with _threads_of(space.config):
        return task.validate(split.valid).arrays["logits"]


class _OnlyDevice:
    """What a validation reads of an accelerator, which would start a session of training."""

    device = CPU


def _reader_of(space: LoadedSpace, dataset: Dataset) -> ModalityReader:
    """Reads what a space embeds; refuses pictures that its networks were not built for."""
    arrays = load_array(dataset, input_kind(space.config), space.cache_dir)
    check_sizes(space.model.encoders, arrays)
    return ModalityReader.over(dataset, arrays, space.config.model.frames)


@contextmanager
def _threads_of(config: RunConfig) -> Iterator[None]:
    """Compute with a run's number of threads, for equal bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(config.train.threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
