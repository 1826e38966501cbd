"""What a test reads of a clip: fixed segments, or the original's random window, which wraps.

The original keeps every second or fourth frame of a clip, starts at a random one, reads as many as
the network wants, goes on at the clip's beginning when the clip ends, and mirrors what it has where
that is still too little. It does so in its tests, too: the end of a gesture may come before its
beginning, and the score is a random number. How far it spreads over draws is measured here.

Videos are embedded anew for this, so clips of any folder can be asked about; those of a run's own
split have stored embeddings, which ``video_text`` reads.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy import ndarray

from mgutils.data.modalities import Draw, ModalityReader, middle
from mgutils.data.table import Dataset
from mgutils.evaluation.questions import Texts, asked_clips, unseen_of, video_of, video_part
from mgutils.evaluation.unseen import Unseen
from mgutils.metrics.cosine import cosine_similarity
from mgutils.training.inputs import load_array
from mgutils.training.whole import check_run

if TYPE_CHECKING:
    from mgutils.evaluation.space import LoadedSpace


def wrapping_window(length: np.ndarray, frames: int, start: np.ndarray, every: int = 2) -> np.ndarray:
    """Which frames of each clip the original reads.

    Parameters
    ----------
    length : ndarray (B,)
        Frames of each clip.
    frames : int
        T, which the network reads.
    start : ndarray (B,)
        Where the window begins, as a fraction of the clip: uniform in [0, 1) in the original.
    every : int
        Of so many frames one is kept: 2 or 4 in the original.

    Returns
    -------
    ndarray (B, T) of int64
        Positions within the clips.

    Examples
    --------
    >>> wrapping_window(np.array([12, 3]), 4, np.array([0.7, 0.0])).tolist()
    [[8, 10, 0, 2], [0, 2, 0, 2]]
    """
    index = np.empty((len(length), frames), dtype=np.int64)
    for row, (count, begin) in enumerate(zip(length, start, strict=True)):
        kept = np.arange(0, count, every)
        turned = np.roll(kept, -int(begin * len(kept)))[:frames]
        index[row] = np.pad(turned, (0, frames - len(turned)), mode="reflect")
    return index


def fixed_draw(name: str, index: ndarray, length: ndarray) -> Draw:
    """The draw that makes a reader take these frames (B, T) of each clip, and move nothing.

    A reader takes its frame t at ``(t + moment) * length / T``; this is solved for the moment.
    """
    frames = index.shape[1]
    moments = (index + 0.5) * frames / np.asarray(length)[:, None] - np.arange(frames)
    return middle([name], len(index), frames)._replace(moments=moments)


# -- ask about videos that are embedded anew -------------------------------------------------------


def answer_clips(run_dir: Path | str, dataset: Dataset, texts: Texts | None = None) -> Unseen:
    """Embed a folder of clips, and score the clips of classes that a run has not seen.

    Which clips and classes these are says :func:`mgutils.evaluation.questions.asked_clips`.

    Parameters
    ----------
    run_dir : path
        Folder of a video-text space.
    dataset : Dataset
        Of clips.
    texts : sequence of C sequences of str, optional
        What its classes are asked by; see :func:`mgutils.training.derived.asked_of`.

    Raises
    ------
    ConfigError
        If the run reads no sentences, or knows all classes.
    CheckpointError
        If the weights are not those that the run's receipt lists.
    DataError
        If the clips lack the video, or the sentences about the classes are faulty.
    """
    from mgutils.evaluation.space import load_space
    from mgutils.evaluation.texts import class_embeddings

    check_run(Path(run_dir), ("config.json", "best.safetensors"), hashes=True)
    space = load_space(run_dir)
    rows, classes = asked_clips(space.config, dataset, space.labels.names)
    videos = embed_videos(space, dataset, rows)
    logits = cosine_similarity(videos, class_embeddings(space, dataset, texts))
    return unseen_of(logits, dataset, rows, classes)


def windows(run_dir: Path | str, dataset: Dataset, draws: int = 20, every: int = 2,
            seed: int = 0) -> pd.DataFrame:
    """Score a run on fixed segments, and on the original's random windows.

    Parameters
    ----------
    run_dir, dataset
        As in :func:`answer_clips`.
    draws : int
        Of the windows of all clips.
    every : int
        See :func:`wrapping_window`.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame
        ``window`` (``segments``, then ``wrapping`` for each draw); ``uar, war`` among the unseen classes;
        ``changed``, the share of their clips with another answer than on segments.
    """
    from mgutils.evaluation.space import load_space
    from mgutils.evaluation.texts import class_embeddings

    space = load_space(run_dir)
    rows, classes = asked_clips(space.config, dataset, space.labels.names)
    rows = rows[np.isin(dataset.target[rows], classes)]
    vectors = class_embeddings(space, dataset)
    length = dataset.frames["length"].to_numpy()[rows]

    def ask(window: str, index: ndarray | None = None) -> tuple[dict[str, float | str], ndarray]:
        """The scores, and the answers (n,), of what is read of the clips."""
        logits = cosine_similarity(embed_videos(space, dataset, rows, index), vectors)
        result = unseen_of(logits, dataset, rows, classes)
        scored = result.zero_shot().among_left_out
        return {"window": window, "uar": scored.uar, "war": scored.top1}, result.answers(classes)

    fixed, given = ask("segments")
    found = [fixed | {"changed": 0.0}]
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        index = wrapping_window(length, space.config.model.frames, rng.random(len(rows)), every)
        drawn, other = ask("wrapping", index)
        found.append(drawn | {"changed": (other != given).mean()})
    return pd.DataFrame(found)


def embed_videos(space: LoadedSpace, dataset: Dataset, rows: ndarray, index: ndarray | None = None) -> ndarray:
    """The videos (n, D) of some clips: fixed segments, or the frames (n, T) that are given."""
    import torch

    from mgutils.training.clips import BATCH, as_tensors

    name = video_of(space.config)
    arrays = load_array(dataset, (video_part(space.config),), space.cache_dir)
    reader = ModalityReader.over(dataset, arrays, space.config.model.frames)
    length = dataset.frames["length"].to_numpy()
    found = []
    for begin in range(0, len(rows), BATCH):
        part = rows[begin:begin + BATCH]
        draw = middle([name], len(part), reader.frames)
        if index is not None:
            draw = fixed_draw(name, index[begin:begin + BATCH], length[part])
        clips = as_tensors(reader(part, draw).inputs, torch.device("cpu"))
        with torch.no_grad():
            found.append(space.model.embed(name, clips[name]).numpy())
    return np.concatenate(found)
