"""Which clips a video-text run is asked about, which classes, and in which of its modalities.

It is asked about the clips that its own split reports, as that split does without classes left out:
people that the run did not learn from, where it is a split by people. ``run.valid`` has more, all
clips of the classes left out, of which some are of people whose other gestures the run knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy import ndarray

from mgutils.config import RunConfig
from mgutils.config.derived import FrameFeatures, TextVectors
from mgutils.data.items import present
from mgutils.data.protocol import reported_split
from mgutils.data.sentences import texts_of
from mgutils.data.splits import subjects_of
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.evaluation.unseen import Unseen

if TYPE_CHECKING:
    from mgutils.training.run import Run

Texts = Sequence[Sequence[str]]
"""Class -> what is said of it, at least one sentence."""


def sentences_of(config: RunConfig, name: str = "") -> TextVectors:
    """The settings of a run's sentence modality, by its name, or of the first one.

    Raises
    ------
    ConfigError
        If it has none, or none of that name.
    """
    made = [part for part in getattr(config.model, "derived", ()) if isinstance(part, TextVectors)]
    for part in made:
        if name in ("", part.name):
            return part
    raise ConfigError(f"sentences: found {', '.join(part.name for part in made) or 'none'} in the run "
                      f"{config.objective!r}; wanted {name or 'some'}. `mg train --task video-text` makes such "
                      "runs; `mg probe` and `mg retrieve` ask others.")


def video_of(config: RunConfig, name: str = "") -> str:
    """The modality that the sentences are paired with."""
    sentence = sentences_of(config, name).name
    return next(pair.a if pair.b == sentence else pair.b for pair in config.model.pairs
                if sentence in (pair.a, pair.b))


def first_sentences(dataset: Dataset, part: str = "") -> ndarray:
    """The first sentence about each clip (N,), "" where nothing is said."""
    said = texts_of(dataset, TextVectors(text="sample", part=part))
    return np.array([next(filter(str.strip, texts), "") for texts in said])


def asked_clips(config: RunConfig, dataset: Dataset, known: Sequence[str] = ()) -> tuple[ndarray, ndarray]:
    """Positions of the clips (n,) that are asked about, and the unseen classes (k,).

    Parameters
    ----------
    config : RunConfig
    dataset : Dataset
        With the classes of the run: the clips that its split reports, and the classes that it left out.
        With others: all clips, and the classes whose name the run does not know.
    known : sequence of str
        Names of the run's classes; those of the dataset if not given.

    Raises
    ------
    ConfigError
        If no class is unseen, or the words of others are to be counted in those of the run's own clips.
    """
    names = dataset.labels.names
    if known and tuple(known) != names:
        if sentences_of(config).tower == "words":
            raise ConfigError(f"{dataset.root}: found other classes than those of {config.objective!r}, which counts "
                              "the words of its own sentences; wanted its own clips, or a run with another text "
                              "encoder.")
        new = np.flatnonzero([name not in known for name in names])
        if not len(new):
            raise ConfigError(f"{dataset.root}: found no class that the run does not know; wanted some. `mg evaluate` "
                              "scores a run on the classes that it knows.")
        return np.flatnonzero(has_video(config, dataset)), new
    if not config.left_out:
        raise ConfigError(f"{config.objective}: found no class left out; wanted a run that `mg train --task "
                          "video-text --left-out` made, with the ids of some classes.")
    return reported_clips(config, dataset), np.array(config.left_out) - 1


def reported_clips(config: RunConfig, dataset: Dataset) -> ndarray:
    """Positions of the clips that a split reports, as it does without classes left out, and that have a video."""
    rows = reported_split(dataset, config.split, config.protocol).valid
    return rows[has_video(config, dataset)[rows]]


def video_part(config: RunConfig) -> str | FrameFeatures:
    """The video modality as :func:`mgutils.training.inputs.load_array` knows it: its name, or how it is made."""
    video = video_of(config)
    made = {part.name: part for part in config.model.derived if isinstance(part, FrameFeatures)}
    return made.get(video, video)


def has_video(config: RunConfig, dataset: Dataset) -> ndarray:
    """Which clips have the video modality of a run, (N,) bool."""
    part = video_part(config)
    return present(dataset, part.of if isinstance(part, FrameFeatures) else part)


def check_own_clips(run: Run, dataset: Dataset) -> None:
    """Refuse clips that are not those that a run was trained on, as far as its files tell."""
    known = run.valid.max() < len(dataset) == len(run.arrays[video_of(run.config)])
    if not known or not np.array_equal(dataset.target[run.valid], run.target):
        raise ConfigError(f"{run.directory.name}: found other clips in {dataset.root} than those that the run was "
                          "trained on; wanted its own. `mg zero-shot RUN ROOT` embeds any.")


def unseen_of(logits: ndarray, dataset: Dataset, rows: ndarray, classes: ndarray) -> Unseen:
    """The scores (n, C) of some clips as what is asked of classes never seen.

    Raises
    ------
    ConfigError
        If no clip is of these classes.
    """
    target = dataset.target[rows]
    if not np.isin(target, classes).any():
        ids = ", ".join(map(str, classes + 1))
        raise ConfigError(f"{dataset.root}: found no clip of the classes {ids} among the {len(rows):,} that "
                          "are reported; wanted some. Leave other classes out, or choose another split.")
    return Unseen(logits, target, subjects_of(dataset, rows), classes)
