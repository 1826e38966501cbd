"""What a video-text run answers about clips: the class by its sentences, and a clip by its own.

A run of the fourth system has a video modality and a sentence modality in one space. Here it is
asked about the clips that its own split reports, people that it did not learn from where that is a
split by people, with the embeddings that it stored. How answers are scored is in ``unseen`` and
``within_class``, which know nothing of runs; clips of elsewhere are embedded in ``windows``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy import ndarray

from mgutils.config import RunConfig
from mgutils.config.derived import FrameFeatures, TextVectors
from mgutils.data.items import present
from mgutils.data.protocol import reported_split
from mgutils.data.sentences import class_texts, texts_of
from mgutils.data.splits import subjects_of
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.evaluation.texts import class_embeddings, embed_texts
from mgutils.evaluation.unseen import Unseen
from mgutils.evaluation.within_class import WithinClass, within_class
from mgutils.metrics.cosine import cosine_similarity, unit
from mgutils.training.derived import vectors_of
from mgutils.training.run import Run

Texts = Sequence[Sequence[str]]
"""Class -> what is said of it, at least one sentence."""


def answers(run: Run, dataset: Dataset, texts: Texts | None = None, name: str = "") -> Unseen:
    """The scores of the reported clips for the texts of all classes.

    Clips of the unseen classes are asked only if the run's split reports them: ``run.valid`` has those of
    people that it learned from, too, whose other gestures it knows.

    Parameters
    ----------
    run : Run
        Of a video-text space that left classes out.
    dataset : Dataset
        The clips that it was trained on.
    texts : sequence of C sequences of str, optional
        What the classes are asked by; of several sentences the embeddings are averaged. If not given,
        the run's own logits are taken, which are cosines over the temperature: it was asked in the kind of
        text that it learned from, see :func:`mgutils.training.derived.asked_of`.
    name : str
        Of the sentence modality that reads ``texts``; the first one if not given.

    Raises
    ------
    ConfigError
        If the run left no class out or reads no sentences, or the clips are not its own.
    """
    check_own_clips(run, dataset)
    rows, classes = asked_clips(run.config, dataset)
    if texts is None and not run.config.model.tables:
        order = run.valid.argsort()
        logits = run.logits[order[np.searchsorted(run.valid, rows, sorter=order)]]
    else:
        vectors = class_embeddings(run.directory, dataset, texts, name)
        logits = cosine_similarity(run.arrays[video_of(run.config, name)][rows], vectors)
    return unseen_of(logits, dataset, rows, classes)


def text_alone(config: RunConfig, dataset: Dataset, tower: str = "", cache_dir: Path | None = None,
               known: Sequence[str] = ()) -> Unseen:
    """Look the class up by the clip's own sentence, without any video: the nearest text of a class.

    If this is right, then "zero-shot" means that somebody told the class of each clip in words.

    Parameters
    ----------
    config : RunConfig
        Whose split, unseen classes and part of the body are asked. Nothing is trained.
    dataset : Dataset
        With a sentence about each clip; clips of which nothing is said are left out.
    tower : str
        Of a :class:`mgutils.config.TextVectors`; the run's own if not given.
    cache_dir : Path, optional
        Where the vectors of sentences are kept.
    known : sequence of str
        See :func:`asked_clips`.

    Returns
    -------
    Unseen
        Its scores are the cosines of mean directions: of all sentences about the clip, and about the class.
    """
    settings = sentences_of(config)
    settings = TextVectors(text="sample", tower=tower or settings.tower, part=settings.part)
    said = texts_of(dataset, settings)
    rows, classes = asked_clips(config, dataset, known)
    rows = rows[[any(map(str.strip, said[row])) for row in rows]]
    asked = [*(said[row] for row in rows), *class_texts(dataset, settings.part)]

    # each different sentence once; then the mean direction of those about a clip, or a class
    flat, place = np.unique([text for texts in asked for text in texts if text.strip()], return_inverse=True)
    vectors = unit(vectors_of(flat.tolist(), settings, dataset, cache_dir))[place]
    ends = np.cumsum([sum(bool(text.strip()) for text in texts) for texts in asked])[:-1]
    means = np.stack([part.mean(axis=0) for part in np.split(vectors, ends)])
    logits = cosine_similarity(means[:len(rows)], means[len(rows):])
    return unseen_of(logits, dataset, rows, classes)


def own_clips(runs: Sequence[Run], dataset: Dataset, name: str = "") -> WithinClass:
    """Search for each reported clip among those of its class, by the first of its own sentences.

    The sentences are those of the data, whatever the runs learned from: a run that learned from
    shuffled sentences is asked with the right ones.

    Parameters
    ----------
    runs : sequence of Run
        Of one setting; they may have left other classes out, but report the same people.
    dataset : Dataset
        The clips that they were trained on.
    name : str
        Of the sentence modality; the first one if not given.

    Raises
    ------
    ConfigError
        If a run reads no sentences, the clips are not its own, or there is nothing to find.
    """
    first = first_sentences(dataset, sentences_of(runs[0].config, name).part)
    rows = reported_clips(runs[0].config, dataset)
    rows = rows[first[rows] != ""]
    queries, items = [], []
    different, place = np.unique(first[rows], return_inverse=True)
    for run in runs:
        check_own_clips(run, dataset)
        queries.append(embed_texts(run.directory, dataset, different.tolist(), name)[place])
        items.append(run.arrays[video_of(run.config, name)][rows])
    return within_class(queries, items, first[rows], dataset.target[rows], subjects_of(dataset, rows),
                        len(dataset.labels))


# -- what a run has ----------------------------------------------------------------------------------


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
                      f"{config.objective!r}; wanted {name or 'some'}. `mg train --task video-text` makes such runs.")


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
        If no class is unseen.
    """
    names = dataset.labels.names
    if known and tuple(known) != names:
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


def has_video(config: RunConfig, dataset: Dataset) -> ndarray:
    """Which clips have the video modality of a run, (N,) bool."""
    video = video_of(config)
    source = {part.name: part.of for part in config.model.derived if isinstance(part, FrameFeatures)}
    return present(dataset, source.get(video, video))


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
