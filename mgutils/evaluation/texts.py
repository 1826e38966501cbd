"""Embed sentences with a finished run that reads them: those about classes, and any that a person writes.

What the answers are worth is the business of whoever asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy import ndarray

from mgutils.config import TextVectors
from mgutils.data.items import read_clip_dataset
from mgutils.data.modalities import MadeRows
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.evaluation.space import LoadedSpace, load_space
from mgutils.training.alignment import class_vectors, embed_vectors
from mgutils.training.derived import asked_of, vectors_of
from mgutils.training.inputs import Exchanged, input_kind


def sentence_of(space: LoadedSpace, name: str = "") -> TextVectors | Exchanged:
    """The modality of a run that is made of sentences, by its name; the first one if not given.

    Raises
    ------
    ConfigError
        If the run has none, or none of that name.
    """
    made = {part.name: part for part in input_kind(space.config) if isinstance(part, TextVectors | Exchanged)}
    if not made:
        raise ConfigError(f"sentences: found a run on {', '.join(space.modalities)}, which reads none; wanted one of "
                          "`mg train --task video-text`.")
    if name and name not in made:
        raise ConfigError(f"sentences: found {name!r}; wanted {', '.join(made)}, which the run reads.")
    return made[name or next(iter(made))]


def class_embeddings(run: LoadedSpace | Path | str, dataset: Dataset, texts: Sequence[Sequence[str]] | None = None,
                     name: str = "") -> ndarray:
    """The vector of each class in a run's space: the mean over the embeddings, of length 1, of what is said of it.

    Parameters
    ----------
    run : LoadedSpace or path
        Of an alignment that reads sentences.
    dataset : Dataset
        Of the clips that it was trained on, or of others with the same sentences about classes.
    texts : sequence of C sequences of str, optional
        At least one sentence about each class; those with which the run is asked if not given.
    name : str
        Of the sentences' modality; the first one of the run if not given.

    Returns
    -------
    array (C, D) of float32

    Raises
    ------
    ConfigError
        If the run reads no sentences, or nothing is said of a class.

    Taught in: 12, section 4.
    """
    space = run if isinstance(run, LoadedSpace) else load_space(run)
    part = sentence_of(space, name)
    texts = asked_of(dataset, part) if texts is None else texts
    silent = [number for number, of_class in enumerate(texts, start=1) if not any(text.strip() for text in of_class)]
    if silent or not texts:
        raise ConfigError(f"texts: found no sentence about class {', '.join(map(str, silent)) or 'any'}; wanted at "
                          "least one about each.")
    flat = [text for of_class in texts for text in of_class if text.strip()]
    length = np.array([sum(bool(text.strip()) for text in of_class) for of_class in texts])
    vectors = vectors_of(flat, part, dataset, space.cache_dir)
    return class_vectors(space.model, part.name, MadeRows(vectors, np.arange(len(flat)), length, True)).numpy()


def embed_texts(run: LoadedSpace | Path | str, root: Dataset | Path | str | None, texts: Sequence[str],
                name: str = "") -> ndarray:
    """Embeddings (n, D) of length 1 of any sentences in a run's space.

    Parameters
    ----------
    run : LoadedSpace or path
        Of an alignment that reads sentences.
    root : Dataset or path, optional
        Of the clips that it was trained on; needed where the run counts words.
    texts : sequence of str
        None of them empty.
    name : str
        Of the sentences' modality; the first one of the run if not given.

    Raises
    ------
    ConfigError
        If the run reads no sentences, or a sentence is empty.
    """
    space = run if isinstance(run, LoadedSpace) else load_space(run)
    part = sentence_of(space, name)
    empty = [place for place, text in enumerate(texts, start=1) if not text.strip()]
    if empty or not len(texts):
        raise ConfigError(f"texts: found {f'an empty one, number {empty[0]}' if empty else 'none'}; wanted words.")
    dataset = root if isinstance(root, Dataset) or root is None else read_clip_dataset(root)
    vectors = vectors_of(texts, part, dataset, space.cache_dir)
    return embed_vectors(space.model, part.name, vectors).numpy()
