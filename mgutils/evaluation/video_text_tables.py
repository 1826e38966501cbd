"""What a video-text run and a folder of clips give on the command line: three tables.

Zero-shot scores of classes that the run has not seen, retrieval of clips within their class, and the
clips nearest to a sentence that somebody writes. The questions themselves are in ``unseen``,
``within_class`` and ``video_text``.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.config import Protocol, SplitName
from mgutils.data.protocol import probed_split
from mgutils.data.sentences import SENTENCES
from mgutils.data.splits import subjects_of
from mgutils.data.table import Dataset
from mgutils.evaluation.questions import first_sentences, has_video, sentences_of
from mgutils.evaluation.space import LoadedSpace, load_space
from mgutils.evaluation.texts import embed_texts
from mgutils.evaluation.unseen import Unseen, leave_one_out
from mgutils.evaluation.unseen_sets import (
    generalized_tally,
    harmonic_interval,
    seen_recall,
    unseen_recall,
    zero_shot_tally,
)
from mgutils.evaluation.video_text import text_alone
from mgutils.evaluation.windows import answer_clips, embed_videos
from mgutils.evaluation.within_class import within_class, within_table
from mgutils.metrics.cosine import cosine_similarity
from mgutils.metrics.intervals import Score, accuracy, interval, mean_recall
from mgutils.training.whole import check_run

BOOTSTRAP = 2000
"""Draws of people for an interval."""
NEAREST = 10
"""Clips that are listed for a sentence."""


def zero_shot_clips(run_dir: Path | str, dataset: Dataset) -> tuple[pd.DataFrame, Unseen]:
    """Score a run on classes that it has not seen, in each of the ways that are in use.

    Returns
    -------
    table : DataFrame
        ``question, score, clips, chance, value, low, high`` (95 % over people; NaN where there is none).
        ``zero-shot``: among the unseen classes. ``generalized``: among all. ``leave-one-out``: as
        published, and what always answering the class gets. ``text alone``: the clip's own sentence
        in place of its video, where the folder has sentences.
    answers : Unseen

    Raises
    ------
    ConfigError, CheckpointError, DataError
        As :func:`mgutils.evaluation.windows.answer_clips`.
    """
    found = answer_clips(run_dir, dataset)
    rows = _scores("zero-shot", found)
    if not found.asked.all():
        rows += _generalized_scores(found)
    alone = leave_one_out([found])
    clips = int(alone["clips"].sum())
    for score, column in (("recall", "recall"), ("recall, always that class", "constant")):
        rows.append(_row("leave-one-out", score, clips, value=alone[column].mean()))
    if (dataset.root / SENTENCES).exists():
        space = load_space(run_dir)
        told = text_alone(space.config, dataset, cache_dir=space.cache_dir, known=space.labels.names)
        rows += _scores("text alone", told)
    return pd.DataFrame(rows), found


def _scores(question: str, found: Unseen) -> list[dict[str, object]]:
    table = zero_shot_tally([[found]])
    scores: dict[str, Score] = {"uar": mean_recall, "war": accuracy}
    clips = int(table.counts.sum())
    return [_row(question, name, clips, found.chance if name == "uar" else np.nan,
                 **asdict(interval(table, score, draws=BOOTSTRAP))) for name, score in scores.items()]


def _generalized_scores(found: Unseen) -> list[dict[str, object]]:
    table = generalized_tally([[found]])
    intervals = {
        "uar, seen classes": interval(table, seen_recall, draws=BOOTSTRAP),
        "uar, unseen classes": interval(table, unseen_recall, draws=BOOTSTRAP),
        "harmonic mean": harmonic_interval(table, draws=BOOTSTRAP),
    }
    return [_row("generalized", name, len(found.target), **asdict(certain)) for name, certain in intervals.items()]


def _row(question: str, score: str, clips: int, chance: float = np.nan, value: float = np.nan,
         low: float = np.nan, high: float = np.nan) -> dict[str, object]:
    return {"question": question, "score": score, "clips": clips, "chance": chance, "value": value,
            "low": low, "high": high}


def within_classes(run_dir: Path | str, dataset: Dataset, *, split: SplitName | None = None,
                   protocol: Protocol | None = None) -> pd.DataFrame:
    """Search for each reported clip among those of its class, by the first of its own sentences.

    Returns
    -------
    DataFrame
        See :func:`mgutils.evaluation.within_class.within_table`; one row, named after the run.

    Raises
    ------
    ConfigError
        If the run reads no sentences, or there is nothing to find.
    CheckpointError
        If the weights are not those that the run's receipt lists.
    DataError
        If the clips lack the video or the sentences, or these are faulty.
    """
    space, rows = _open(run_dir, dataset, split, protocol)
    first = first_sentences(dataset, sentences_of(space.config).part)
    rows = rows[first[rows] != ""]
    different, place = np.unique(first[rows], return_inverse=True)
    queries = embed_texts(space, dataset, different.tolist())[place] if len(rows) else np.zeros((0, 1))
    found = within_class([queries], [embed_videos(space, dataset, rows)], first[rows], dataset.target[rows],
                         subjects_of(dataset, rows), len(dataset.labels))
    return within_table({Path(run_dir).name: found}, draws=BOOTSTRAP)


def nearest_clips(run_dir: Path | str, dataset: Dataset, text: str, *, split: SplitName | None = None,
                  protocol: Protocol | None = None) -> pd.DataFrame:
    """The reported clips whose videos are nearest to a sentence that somebody writes.

    Returns
    -------
    DataFrame
        ``rank, clip_id, class_id, name, cosine``, and ``sentence``, the first about the clip, where the
        folder has sentences.

    Raises
    ------
    ConfigError, CheckpointError, DataError
        As :func:`within_classes`.
    """
    space, rows = _open(run_dir, dataset, split, protocol)
    query = embed_texts(space, dataset, [text])
    cosine = cosine_similarity(query, embed_videos(space, dataset, rows))[0]
    order = np.argsort(-cosine, kind="stable")[:NEAREST]
    clips = dataset.frames.iloc[rows[order]]
    table = pd.DataFrame({
        "rank": np.arange(1, len(order) + 1),
        "clip_id": clips["clip_id"].to_numpy(),
        "class_id": clips["class_id"].to_numpy(),
        "name": np.array(dataset.labels.captions)[dataset.target[rows[order]]],
        "cosine": cosine[order],
    })
    if (dataset.root / SENTENCES).exists():
        table["sentence"] = first_sentences(dataset)[rows[order]]
    return table


def _open(run_dir: Path | str, dataset: Dataset, split: SplitName | None,
          protocol: Protocol | None) -> tuple[LoadedSpace, np.ndarray]:
    """The space of a run, and the clips that it reports of those that have a video."""
    check_run(Path(run_dir), ("config.json", "best.safetensors"), hashes=True)
    space = load_space(run_dir)
    # clips of people that the run learned from are no test, though their class was left out
    config = replace(space.config, left_out=())
    rows = probed_split(dataset, config, split, protocol or Protocol()).valid
    return space, rows[has_video(config, dataset)[rows]]
