"""Make, once, what a frozen encoder makes of frames and of sentences; both are kept for the next run.

A sentence's vector is kept under the sentence itself, so that runs on other texts of the same data encode only what is
new; the features of frames beside the state of the file that they came from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy import ndarray

from mgutils.config.derived import FrameFeatures, TextVectors
from mgutils.data.items import FOLDER, load_modality, present
from mgutils.data.modalities import MadeRows
from mgutils.data.protocol import split_of
from mgutils.data.sentences import class_names, class_texts, texts_of
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.files import atomic_file
from mgutils.models.texts import WORDS, check_tower, count_words, encode_texts, vocabulary_of
from mgutils.training.frames import frame_features, lock_of
from mgutils.training.inputs import Exchanged, Made

_FORMAT = 1  # of the files that are kept


def make_rows(dataset: Dataset, part: Made, cache_dir: Path | str | None = None, progress: bool = True) -> MadeRows:
    """What a frozen encoder makes of the clips of a dataset.

    Parameters
    ----------
    dataset : Dataset
        Of N clips.
    part : FrameFeatures, TextVectors or Exchanged
    cache_dir : path, optional
        ``.pixels`` in the dataset's folder if not given.
    progress : bool
        Show a bar.

    Raises
    ------
    ConfigError
        If nobody knows the encoder, its weights are not at hand, nothing is there to encode, or the folder cannot be
        written to.
    DataError
        If there are no such frames or sentences, or they are faulty.
    """
    folder = dataset.root / ".pixels" if cache_dir is None else Path(cache_dir)
    if isinstance(part, FrameFeatures):
        return _of_frames(dataset, part, folder, progress)
    return _of_sentences(dataset, part, folder, progress)


# -- sentences ---------------------------------------------------------------------------------------------------------


def said_of(dataset: Dataset, part: TextVectors | Exchanged) -> list[list[str]]:
    """The sentences about each clip, (N); a clip of which nothing is said has none."""
    if isinstance(part, Exchanged):
        return texts_of(dataset, part.of, split_of(part, dataset).train)
    return texts_of(dataset, part)


def asked_of(dataset: Dataset, part: TextVectors | Exchanged) -> list[list[str]]:
    """The sentences about each of the C classes with which the videos of a run are asked for their classes.

    They are of the kind that the run learns from: names where it learns from names, one sentence where it learns from
    one. Whoever learns from sentences about clips is asked with all sentences about the classes.
    """
    settings = part.of if isinstance(part, Exchanged) else part
    if settings.text == "name":
        return [[name] for name in class_names(dataset)]
    texts = class_texts(dataset, settings.part)
    return [of_class[:1] for of_class in texts] if settings.text == "class" else texts


def vectors_of(texts: Sequence[str], part: TextVectors | Exchanged, dataset: Dataset | None, cache_dir: Path | None,
               progress: bool = False) -> ndarray:
    """The vector (n, W) of any sentences, as a run of these settings reads them.

    Parameters
    ----------
    texts : sequence of str
    part : TextVectors or Exchanged
    dataset : Dataset, optional
        Of the run, whose words are counted where the tower is ``words``; others need none.
    cache_dir : Path, optional
        Where vectors are kept; nowhere if not given.

    Raises
    ------
    ConfigError
        If nobody knows the tower, its weights are not at hand, or words are to be counted and nobody says which.
    """
    tower = (part.of if isinstance(part, Exchanged) else part).tower
    check_tower(tower)
    if tower != WORDS:
        return kept_vectors(texts, tower, cache_dir, progress)
    if dataset is None:
        raise ConfigError("tower: found 'words' without clips; wanted those that the run was trained on, whose words "
                          "are counted. Name their folder.")
    known = [*said_of(dataset, part), *asked_of(dataset, part)]
    return count_words(texts, vocabulary_of(text for several in known for text in several))


def kept_vectors(texts: Sequence[str], tower: str, cache_dir: Path | None, progress: bool = False) -> ndarray:
    """The vector (n, W) of each sentence by a network; those that ``cache_dir`` does not have are added to it."""
    if cache_dir is None:
        return encode_texts(texts, tower, progress)
    file = cache_dir / f"texts-{re.sub(r'[^A-Za-z0-9_.-]+', '--', tower)}-{_FORMAT}.npz"
    known, vectors = _read_vectors(file)
    if not known.keys() >= set(texts):
        with lock_of(file):  # one process encodes, the others wait for its file
            known, vectors = _read_vectors(file)
            new = sorted(set(texts) - known.keys())
            if new:
                found = encode_texts(new, tower, progress)
                vectors = np.concatenate([vectors, found]) if len(known) else found
                known |= {text: len(known) + place for place, text in enumerate(new)}
                listed = np.frombuffer(json.dumps(list(known)).encode(), dtype=np.uint8)
                with atomic_file(file) as aside:
                    np.savez(aside, texts=listed, vectors=vectors)
    return vectors[[known[text] for text in texts]]


def _read_vectors(file: Path) -> tuple[dict[str, int], ndarray]:
    """The sentences of a file with their rows, and the rows (U, W); none where there is no whole file."""
    try:
        with np.load(file, allow_pickle=False) as found:
            texts, vectors = json.loads(found["texts"].tobytes()), found["vectors"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return {}, np.zeros((0, 0), dtype=np.float32)
    return {text: row for row, text in enumerate(texts)}, vectors


def _of_sentences(dataset: Dataset, part: TextVectors | Exchanged, folder: Path, progress: bool) -> MadeRows:
    said = [[text for text in texts if text.strip()] for texts in said_of(dataset, part)]
    if not any(said):
        raise ConfigError(f"{part.name}: found no sentence about any clip of {dataset.root}; wanted some. `mg "
                          "sentences` writes those of synthetic clips, `mg caption` asks a model.")
    asked = asked_of(dataset, part)
    different = sorted({text for texts in (*said, *asked) for text in texts})
    vectors = vectors_of(different, part, dataset, folder, progress)
    place = {text: row for row, text in enumerate(different)}

    def placed(several: list[list[str]], questions: MadeRows | None = None) -> MadeRows:
        rows = np.array([place[text] for texts in several for text in texts], dtype=np.int64)
        return MadeRows(vectors, rows, np.array([len(texts) for texts in several]), True, questions)

    return placed(said, placed(asked))


# -- frames ------------------------------------------------------------------------------------------------------------


def _of_frames(dataset: Dataset, settings: FrameFeatures, folder: Path, progress: bool) -> MadeRows:
    source = dataset.root / FOLDER / f"{settings.of}.npy"
    if not source.exists():
        raise ConfigError(f"{settings.name}: found no {source}; wanted the frames that are looked at. Make clips with "
                          "`mg clips --cameras`, or import films with `mg import videos`.")
    frames = load_modality(dataset, settings.of)
    there = present(dataset, settings.of)
    start, length = (dataset.frames[column].to_numpy() for column in ("start", "length"))
    places = [np.arange(first, first + count) for first, count in zip(start[there], length[there], strict=True)]
    if settings.order == "shuffled":
        clips = dataset.frames["clip_id"].to_numpy()[there]
        places = [np.random.default_rng(int(clip)).permutation(of_clip)
                  for clip, of_clip in zip(clips, places, strict=True)]
    rows = np.concatenate(places)
    if not settings.by:
        return MadeRows(frames, rows, np.where(there, length, 0))
    seen = np.sort(rows)
    features = frame_features(frames, seen, settings, source, folder, progress)
    return MadeRows(features, np.searchsorted(seen, rows), np.where(there, length, 0))
