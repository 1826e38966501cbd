"""Sentences about clips by a vision-language model: which frames it is shown, what it has said, ``sentences.csv``.

Each clip that was answered is at once a line of a journal, so that a run that was killed goes on where it stopped, and
asks nothing twice. An answer that is empty stays empty, and is listed: the third original put the name of the class
there, which is what the sentence is to find out. The model itself is in ``models.captioner``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from PIL import Image

from mgutils.config.captioner import CaptionConfig
from mgutils.data.csv import read_csv, write_csv
from mgutils.data.images import read_rgb
from mgutils.data.items import FOLDER, is_clip_dataset, load_modality, present, read_clip_dataset
from mgutils.data.sentences import SENTENCES, one_line
from mgutils.data.table import Dataset, read_dataset
from mgutils.errors import ConfigError
from mgutils.files import atomic_file, locked
from mgutils.progress import progress_bar

JOURNALS = ".captions"
"""Folder of the journals in that of the dataset: one for each question to each model."""
MOMENTS = {"thirds": ((1, 3), (1, 2), (2, 3)), "middle": ((1, 2),)}
"""Where in a clip its frames are, as fractions of its length."""

Ask = Callable[[Sequence[Image.Image], int], list[list[str]]]
"""Pictures and a seed to the answers to each picture."""


@dataclass(frozen=True)
class Captioned:
    """What was made.

    Parameters
    ----------
    file : Path
        ``sentences.csv``.
    clips, sentences : int
        Clips in it, and their sentences, empty ones included.
    asked : int
        Clips about which the model was asked now; the others stood in the journal.
    empty : tuple of int
        Ids of clips with an empty answer.
    silent : tuple of int
        Ids of clips all of whose answers are empty.
    unseen : int
        Clips without pictures, of which nothing is said.
    """

    file: Path
    clips: int
    sentences: int
    asked: int
    empty: tuple[int, ...]
    silent: tuple[int, ...]
    unseen: int


def caption(root: Path | str, config: CaptionConfig, ask: Ask | None = None, *, replace: bool = False,
            progress: bool = True) -> Captioned:
    """Ask a vision-language model about each clip, and write ``sentences.csv``.

    Parameters
    ----------
    root : path
        A folder of clips with ``rgb``, or of images, whose clips are made of their frames in order.
    config : CaptionConfig
    ask : callable, optional
        In place of the model that ``config`` names, which is loaded when the first question is asked.
    replace : bool
        Write over a ``sentences.csv`` that something else has written.
    progress : bool
        Show a bar.

    Raises
    ------
    ConfigError
        If there is no such model, no pictures, another ``sentences.csv``, or another process works in the folder.
    DataError
        With every fault of the dataset, or a picture that cannot be read.
    """
    root = Path(root)
    dataset = read_clip_dataset(root) if is_clip_dataset(root) else read_dataset(root)
    source = source_of(config)
    if not replace:
        _check_free(root / SENTENCES, source)
    clips = _clips_of(dataset, MOMENTS[config.at])
    with locked(root / JOURNALS), _Journal.open(root, config) as journal:
        asked = 0
        for clip_id, rows in progress_bar(clips.items(), unit="clip", desc="caption", disable=not progress):
            pictures = _pictures(dataset, rows)
            shown = _hash(pictures)
            if journal.knows(clip_id, shown):
                continue
            if ask is None:
                from mgutils.models.captioner import Captioner

                ask = Captioner(config)
            answers = ask(pictures, int(np.random.SeedSequence([config.seed, clip_id]).generate_state(1)[0]))
            journal.add(clip_id, shown, [[one_line(answer) for answer in of_frame] for of_frame in answers])
            asked += 1
        table = _table({clip_id: journal.answers(clip_id) for clip_id in clips}, source)
        with atomic_file(root / SENTENCES) as aside:
            write_csv(table, aside)
    said = (table["sentence"] != "").groupby(table["clip_id"])
    return Captioned(root / SENTENCES, len(clips), len(table), asked, tuple(said.all().index[~said.all()].tolist()),
                     tuple(said.any().index[~said.any()].tolist()), dataset.frames["clip_id"].nunique() - len(clips))


def source_of(config: CaptionConfig) -> str:
    """Who said a sentence: the model, and a hash of the question."""
    return f"{config.model} {hashlib.sha256(config.prompt.encode(errors='surrogatepass')).hexdigest()[:8]}"


def _check_free(file: Path, source: str) -> None:
    """Refuse to write over sentences that the same question to the same model has not made."""
    if not file.exists():
        return
    table = read_csv(file, ("clip_id", "number", "sentence"), "Remove it, or write over it with --replace.")
    found = sorted(set(table["source"])) if "source" in table else ["nobody says whom"]
    if found != [source]:
        raise ConfigError(f"{file}: found sentences by {', '.join(map(repr, found[:3]))}; wanted none, or such by "
                          f"{source!r}. Move the file away, or write over it with --replace.")


def _table(answers: dict[int, list[list[str]]], source: str) -> pd.DataFrame:
    """``clip_id, number, sentence, source``: the answers to the first frame, to the second, and so on."""
    rows = [(clip_id, number, sentence, source) for clip_id, of_clip in answers.items()
            for number, sentence in enumerate((text for of_frame in of_clip for text in of_frame), start=1)]
    return pd.DataFrame(rows, columns=["clip_id", "number", "sentence", "source"])


# -- what is shown -----------------------------------------------------------------------------------------------------


def _clips_of(dataset: Dataset, moments: Sequence[tuple[int, int]]) -> dict[int, list[int]]:
    """Rows of the frames that are shown of each clip: of ``rgb``, or of the table of images. Each frame once."""
    frames = dataset.frames
    if "length" in frames:
        if not (dataset.root / FOLDER / "rgb.npy").exists():
            raise ConfigError(f"{dataset.root}: found no {FOLDER}/rgb.npy; wanted clips with pictures. `mg clips "
                              "--rgb` draws them, `mg import videos` takes them from films.")
        there = frames[present(dataset, "rgb")]
        if there.empty:
            raise ConfigError(f"{dataset.root}: found that all clips lack rgb; wanted pictures of one at least.")
        rows = {clip_id: range(start, start + length)
                for clip_id, start, length in there[["clip_id", "start", "length"]].itertuples(index=False)}
    else:
        ordered = frames.sort_values(["clip_id", "frame_id"], kind="stable")
        rows = {clip_id: of_clip.index for clip_id, of_clip in ordered.groupby("clip_id")}
    return {int(clip_id): [int(of_clip[place]) for place in
                           sorted({len(of_clip) * part // whole for part, whole in moments})]
            for clip_id, of_clip in rows.items()}


def _pictures(dataset: Dataset, rows: list[int]) -> list[Image.Image]:
    if "length" in dataset.frames:
        return [Image.fromarray(picture) for picture in np.asarray(load_modality(dataset, "rgb")[rows])]
    return [read_rgb(dataset.image_path(row)) for row in rows]


def _hash(pictures: list[Image.Image]) -> str:
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(f"{picture.size} ".encode() + picture.tobytes())
    return digest.hexdigest()[:16]


# -- what was said -----------------------------------------------------------------------------------------------------


class _Journal:
    """A file that only grows: its first line is the question, each other one the answers about a clip.

    Parameters
    ----------
    file : binary file
        Open for reading and writing, at its end.
    said : dict
        Clip id to a hash of what was shown, and the answers to each frame.
    """

    def __init__(self, file: BinaryIO, said: dict[int, tuple[str, list[list[str]]]]) -> None:
        self._file = file
        self._said = said

    @classmethod
    def open(cls, root: Path, config: CaptionConfig) -> _Journal:
        """The journal of a question; what a killed run left half written at its end is cut off."""
        record = json.dumps(asdict(config)).encode() + b"\n"
        path = root / JOURNALS / f"{hashlib.sha256(record).hexdigest()[:16]}.jsonl"
        file = path.open("a+b")
        file.seek(0)
        good, said = 0, {}
        for line in file:
            entry = _entry(line) if good else line == record
            if not entry:
                break
            good += len(line)
            if entry is not True:
                said[entry[0]] = entry[1:]
        file.truncate(good)
        if not good:
            file.write(record)
        return cls(file, said)

    def __enter__(self) -> _Journal:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def knows(self, clip_id: int, shown: str) -> bool:
        """Whether the clip was answered when it looked like this."""
        return clip_id in self._said and self._said[clip_id][0] == shown

    def answers(self, clip_id: int) -> list[list[str]]:
        return self._said[clip_id][1]

    def add(self, clip_id: int, shown: str, answers: list[list[str]]) -> None:
        """Write one line, and see to it that it is in the file before the next clip."""
        self._file.write(json.dumps([clip_id, shown, answers]).encode() + b"\n")
        self._file.flush()
        self._said[clip_id] = (shown, answers)


def _entry(line: bytes) -> tuple[int, str, list[list[str]]] | None:
    """What a line says; ``None`` where it is none of a journal, or not whole."""
    try:
        entry: Any = json.loads(line)
        clip_id, shown, answers = entry
        sound = (line.endswith(b"\n") and type(clip_id) is int and isinstance(shown, str)
                 and all(isinstance(text, str) for of_frame in answers for text in of_frame))
        return (clip_id, shown, [[one_line(text) for text in of_frame] for of_frame in answers]) if sound else None
    except (ValueError, TypeError, RecursionError):
        return None
