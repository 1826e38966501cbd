"""What is said of each clip and of each class: read it, choose one of six kinds of it, and damage it.

Two files lie beside ``clips.csv``, each optional:

* ``sentences.csv``: ``clip_id, number, sentence``, and what else is known, such as the ``source``; several sentences
  for each clip, numbered from 1. `mg sentences` writes what is known of synthetic clips, `mg caption` what a model
  says. An empty sentence stays empty: nothing is said of that clip, and the name of its class is no substitute.
* ``class_sentences.csv``: ``class_id, number, sentence``; the first is the one, the others say it in other words.
  Without it the classes have the kit's descriptions, if they are iMiGUE's, and their names otherwise.

Both may have a column for each part of the body, which says only what that part does. How the vectors are made is in
``training``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy import ndarray

from mgutils.config.derived import Damage, TextVectors
from mgutils.data.captions import describable, descriptions
from mgutils.data.csv import read_csv, read_numbers, refuse_cells
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError, DataError, Findings, data_error

SENTENCES, CLASS_SENTENCES = "sentences.csv", "class_sentences.csv"
PARTS = ("head", "hands", "arms", "trunk")
"""Columns that say only what a part of the body does."""
LONGEST = 2000
"""Characters of a sentence."""
_WRITE = ("Synthetic clips: `mg sentences` writes it. Others: `mg caption` asks a model, or write it: clip_id, number, "
          "sentence.")
_CLASS_WRITE = "Write class_id, number, sentence; without the file the classes have the kit's sentences or their names."
_ONE_LINE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_SHUFFLED, _OTHER, _DAMAGED = 0, 1, 2  # random streams


# -- the files ---------------------------------------------------------------------------------------


def read_sentences(dataset: Dataset) -> pd.DataFrame:
    """Read ``sentences.csv``.

    Returns
    -------
    DataFrame
        ``clip_id``, ``number`` (1..), ``sentence``, ``source`` ("" where nobody says), and one column of text for each
        part of the body that the file has; sorted by clip and number. White space is one blank. Clips that are not in
        the dataset are left out.

    Raises
    ------
    DataError
        If there is no such file; with every fault of it; or if it says nothing of any clip of the dataset.
    """
    file = dataset.root / SENTENCES
    table = _read(file, "clip_id", _WRITE)
    known = table["clip_id"].isin(dataset.frames["clip_id"])
    if not known.any():
        raise data_error(file, f"sentences about {table['clip_id'].nunique():,} other clips", "sentences about clips "
                         "of this dataset", _WRITE, column="clip_id")
    return table[known].reset_index(drop=True)


def one_line(text: str) -> str:
    """A text as a sentence of the files: in one line, what cannot be printed left out, at most :data:`LONGEST` long."""
    return " ".join(_ONE_LINE.sub(" ", text).split())[:LONGEST].strip()


def class_names(dataset: Dataset) -> list[str]:
    """The names of all C classes, without spaces at their ends."""
    return list(dataset.labels.captions)


def class_texts(dataset: Dataset, part: str = "") -> list[list[str]]:
    """What a person would write who knows the classes: the sentences about each of the C classes, the first one first.

    Parameters
    ----------
    dataset : Dataset
    part : str
        What that part of the body does; "": everything.

    Raises
    ------
    DataError
        With every fault of ``class_sentences.csv``; if a class has no sentence, or the file no such part.
    """
    file = dataset.root / CLASS_SENTENCES
    if not part and not file.exists():
        known = descriptions() if describable(dataset.labels) else class_names(dataset)
        return [[text] for text in known]
    table = _read(file, "class_id", _CLASS_WRITE)
    said = _said(table, "class_id", _column(table, part, file))
    texts = [said.get(class_id, []) for class_id in range(1, len(dataset.labels) + 1)]
    unknown = table["class_id"][~table["class_id"].between(1, len(texts))]
    if len(unknown):
        raise data_error(file, f"a sentence about class {unknown.iloc[0]}", f"classes 1..{len(texts)}", _CLASS_WRITE,
                         column="class_id")
    silent = [str(class_id) for class_id, of_class in enumerate(texts, start=1) if not of_class]
    if silent:
        raise data_error(file, f"no sentence about class {', '.join(silent[:5])}", "one about each class", _CLASS_WRITE)
    return texts


def _read(file: Path, key: str, remedy: str) -> pd.DataFrame:
    """Either file, checked and sorted; read once for all texts of a process, as long as it stays as it is."""
    state = file.stat() if file.is_file() else None
    return _parse(file, key, remedy, state and (state.st_size, state.st_mtime_ns))


@lru_cache(maxsize=8)
def _parse(file: Path, key: str, remedy: str, state: tuple[int, int] | None) -> pd.DataFrame:
    columns = (key, "number")
    texts = read_csv(file, (*columns, "sentence"), remedy)
    findings = Findings()
    table = read_numbers(texts, columns, file, remedy, findings)
    refuse_cells(findings, file, texts["number"][table["number"] == 0], "a whole number from 1", remedy)
    again = table.duplicated() & (table >= 0).all(axis=1)
    findings.rows(file, "number", table.index[again],
                  [f"{row.number} again for {key} {row[1]}" for row in table[again].itertuples()],
                  f"each number once for a {key}", "Number the sentences of each from 1.")
    table["source"] = texts["source"] if "source" in texts else ""
    for name in ("sentence", *PARTS):
        if name in texts:
            table[name] = texts[name].str.split().str.join(" ")
            refuse_cells(findings, file, texts[name][table[name].map(one_line) != table[name]],
                         f"a sentence of at most {LONGEST:,} characters that can be printed", remedy)
    if findings.faults:
        raise DataError(findings.faults)
    return table.sort_values([key, "number"], ignore_index=True)


def _column(table: pd.DataFrame, part: str, file: Path) -> str:
    if part and part not in table:
        there = [name for name in PARTS if name in table]
        raise data_error(file, f"no column {part!r}", f"one of {', '.join(there) or 'no part: it says all at once'}",
                         "`mg sentences` writes one for each part; or do without a part.")
    return part or "sentence"


def _said(table: pd.DataFrame, key: str, column: str) -> dict[int, list[str]]:
    """The sentences by clip or class, without the empty ones."""
    spoken = table[table[column] != ""]
    return spoken.groupby(key)[column].agg(list).to_dict()


# -- six kinds ---------------------------------------------------------------------------------------


def texts_of(dataset: Dataset, settings: TextVectors, train: ndarray | None = None) -> list[list[str]]:
    """What is said of each row of a dataset: several sentences, or none.

    Parameters
    ----------
    dataset : Dataset
        N rows.
    settings : TextVectors
        Which kind of text, about which part of the body, how damaged. A clip without a class, or of which nothing is
        said, has none.
    train : array of int, optional
        Positions of the rows that are learned from. Sentences that change their clip then stay on their side: nothing
        that was said of a clip of the test is learned, and no class that is left out gives its sentences to another.

    Notes
    -----
    ``shuffled``: all sentences of a clip go to another clip of its class; the clips stand in one random circle, so none
    keeps its own, but for a class of one clip. Two clips of which the same is said may still give each other the
    same. ``other``: the classes stand in a random circle, and the clips of a class get the sentences of the next one,
    each of which is used as often as another, or once more.

    Raises
    ------
    DataError
        If the files are faulty, or there are none.
    """
    clips = dataset.frames.drop_duplicates("clip_id")
    clips = clips.set_index("clip_id")["class_id"]
    if settings.text in ("name", "class", "phrasings"):
        said = _of_classes(dataset, settings, clips)
    else:
        table = read_sentences(dataset)
        said = _said(table, "clip_id", _column(table, settings.part, dataset.root / SENTENCES))
        if settings.text != "sample":
            said = _exchanged(said, clips, settings, _trained_on(dataset, clips, train))
    if settings.rate:
        said = _damaged(said, clips, settings, class_names(dataset))
    return [said.get(clip_id, []) for clip_id in dataset.frames["clip_id"].to_numpy()]


def _of_classes(dataset: Dataset, settings: TextVectors, clips: pd.Series) -> dict[int, list[str]]:
    """The texts of the class of each clip."""
    if settings.text == "name":
        texts = [[name] for name in class_names(dataset)]
    else:
        texts = class_texts(dataset, settings.part)
        texts = texts if settings.text == "phrasings" else [of_class[:1] for of_class in texts]
    return {clip_id: texts[class_id - 1] for clip_id, class_id in clips.items() if class_id}


def _trained_on(dataset: Dataset, clips: pd.Series, train: ndarray | None) -> pd.Series:
    """Which clips are learned from; all, where nobody says."""
    ids = dataset.frames["clip_id"]
    return pd.Series(clips.index.isin(ids if train is None else ids.iloc[train]), clips.index)


def _exchanged(said: dict[int, list[str]], clips: pd.Series, settings: TextVectors,
               trained: pd.Series) -> dict[int, list[str]]:
    """Sentences that changed their clip, within the class or from class to class; silent clips stay silent."""
    stream = _SHUFFLED if settings.text == "shuffled" else _OTHER
    rng = np.random.default_rng([settings.seed, stream])
    speaking = clips[clips.index.isin(said.keys()) & (clips > 0)]
    result = {}
    for of_side in (True, False):
        mine = speaking[trained[speaking.index] == of_side]
        of_class = {class_id: rng.permutation(np.sort(ids)) for class_id, ids in mine.groupby(mine).groups.items()}
        giver = {class_id: class_id for class_id in of_class}
        if settings.text == "other":
            circle = rng.permutation(list(of_class))
            giver = dict(zip(circle, np.roll(circle, 1), strict=True))
        for class_id, ids in of_class.items():
            source = np.resize(np.roll(of_class[giver[class_id]], 1), len(ids))
            result |= {clip_id: said[other] for clip_id, other in zip(ids, source, strict=True)}
    return result


# -- damage ------------------------------------------------------------------------------------------

_SIDES = {"left": "right", "right": "left"}
_BODY = ("hair", "forehead", "eye", "nose", "mouth", "cheek", "ear", "chin", "neck", "chest", "shoulder", "elbow",
         "forearm", "hip", "belly")
"""Places that a captioner takes for each other."""
_PLACE = re.compile(rf"\b({'|'.join(_BODY)})(s?)\b")


def damage(text: str, kind: Damage, rate: float, rng: np.random.Generator, name: str = "") -> str:
    """Damage a sentence as a bad captioner does.

    Parameters
    ----------
    text : str
    kind : str
        ``words``: each word is lost with probability ``rate``, but for one. The others happen to the whole sentence
        with that probability: ``side``, left and right change places; ``part``, each place of the body becomes another;
        ``empty``, nothing is said, and the name of the class stands there, as in the original. ``all``: one of these
        four, drawn for this sentence.
    rate : float
        0..1.
    rng : numpy Generator
    name : str
        Of the class.
    """
    if kind == "all":
        kind = ("words", "side", "part", "empty")[rng.integers(4)]
    if kind == "words":
        words = text.split()
        kept = rng.random(len(words)) >= rate
        if words and not kept.any():
            kept[rng.integers(len(words))] = True
        return " ".join(word for word, keep in zip(words, kept, strict=True) if keep)
    if rng.random() >= rate:
        return text
    if kind == "side":
        return re.sub(r"\b(left|right)\b", lambda match: _SIDES[match[0]], text)
    if kind == "part":
        step = int(rng.integers(1, len(_BODY)))
        return _PLACE.sub(lambda match: _BODY[(_BODY.index(match[1]) + step) % len(_BODY)] + match[2], text)
    if kind == "empty":
        return name
    raise ConfigError(f"damage: found {kind!r}; wanted words, side, part, empty or all.")


def _damaged(said: dict[int, list[str]], clips: pd.Series, settings: TextVectors,
             names: list[str]) -> dict[int, list[str]]:
    """All sentences damaged, those of each clip with a random generator of its own."""
    result = {}
    for clip_id, texts in said.items():
        rng = np.random.default_rng([settings.seed, _DAMAGED, clip_id])
        class_id = clips.get(clip_id, 0)
        name = names[class_id - 1] if class_id else ""
        result[clip_id] = [damage(text, settings.damage, settings.rate, rng, name) for text in texts]
    return result
