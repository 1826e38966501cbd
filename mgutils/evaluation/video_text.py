"""What a video-text run answers about clips: the class by its sentences, and a clip by its own.

A run of the fourth system has a video modality and a sentence modality in one space. Here it is
asked with the embeddings that it stored; clips of elsewhere are embedded in ``windows``. Which clips
are asked about is in ``questions``, and how answers are scored in ``unseen`` and ``within_class``,
which know nothing of runs. Torch is imported where a text has to be embedded: what is stored does not
need it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mgutils.config import RunConfig, TextVectors
from mgutils.data.sentences import class_texts, texts_of
from mgutils.data.splits import subjects_of
from mgutils.data.table import Dataset
from mgutils.evaluation.questions import (
    Texts,
    asked_clips,
    check_own_clips,
    first_sentences,
    reported_clips,
    sentences_of,
    unseen_of,
    video_of,
)
from mgutils.evaluation.unseen import Unseen
from mgutils.evaluation.within_class import WithinClass, within_class
from mgutils.metrics.cosine import cosine_similarity, unit
from mgutils.training.run import Run


def answers(run: Run, dataset: Dataset, texts: Texts | None = None, name: str = "") -> Unseen:
    """The scores of the reported clips for the texts of all classes.

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
        from mgutils.evaluation.texts import class_embeddings

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
    from mgutils.training.derived import vectors_of

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
    from mgutils.evaluation.texts import embed_texts

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
