"""Answers for clips of joints: one file of keypoints, a folder of clips, or a challenge's test set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from scipy.special import softmax

from mgutils.data.csv import write_csv
from mgutils.data.items import load_modality, read_clip_dataset
from mgutils.data.keypoints import JOINTS
from mgutils.data.labels import Labels
from mgutils.data.submission import read_ids, write_submission
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError, data_error
from mgutils.evaluation.embed import LoadedRun, load_run
from mgutils.evaluation.ensemble import mix
from mgutils.files import atomic_file
from mgutils.training.skeleton import ClipReader, clip_reader, score_clips
from mgutils.training.whole import check_run

if TYPE_CHECKING:
    from mgutils.predict.text_classes import TextClasses

NAME = "name"
"""Column of ``clips.csv`` with what a challenge calls a clip; without it ``<video_id>_<clip_id>``."""


def read_keypoints(file: Path | str) -> np.ndarray:
    """The joints of one clip (T, 22, 3) out of a ``keypoints.npz``, as `mg keypoints` writes it.

    Raises
    ------
    DataError
        If the file holds no such array.
    """
    file = Path(file)
    remedy = "Write it with `mg keypoints`, or save an array `joints` with numpy.savez."
    wanted = f"an .npz with `joints`, (T, {len(JOINTS)}, 3): x, y in heights of the picture, score"
    try:
        with np.load(file, allow_pickle=False) as arrays:
            joints = arrays["joints"]
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise data_error(file, f"an unreadable file ({error})", wanted, remedy) from None
    if joints.ndim != 3 or joints.shape[1:] != (len(JOINTS), 3) or not len(joints) or not np.isfinite(joints).all():
        raise data_error(file, f"an array of shape {joints.shape}, or with numbers that are none", wanted, remedy)
    return joints.astype(np.float32)


def predict_keypoints(run_dir: Path | str, files: Sequence[Path | str], top: int = 5) -> pd.DataFrame:
    """The likeliest classes of some clips, one file each.

    Returns
    -------
    DataFrame
        ``file, rank, class_id, name, probability``.
    """
    run = _load(run_dir)
    found = []
    for file in files:
        joints = read_keypoints(file)
        reader = ClipReader(joints, np.zeros(1, dtype=np.int64), np.array([len(joints)]), run.config.model)
        logits, _ = score_clips(run.model, reader, np.zeros(1, dtype=np.int64), torch.device("cpu"))
        found.append(softmax(logits.numpy()[0]))
    return _ranked(files, found, run.labels, top)


def _predict_texts(texts: TextClasses, files: Sequence[Path | str], top: int = 5) -> pd.DataFrame:
    """:func:`predict_keypoints` of a run on joints and sentences."""
    found = [texts.probabilities(read_keypoints(file)) for file in files]
    return _ranked(files, found, texts.labels, top)


def _ranked(files: Sequence[Path | str], found: Sequence[np.ndarray], labels: Labels, top: int) -> pd.DataFrame:
    """The likeliest classes of each file, of its probabilities (C,)."""
    rows = []
    for file, probs in zip(files, found, strict=True):
        for rank, place in enumerate(np.argsort(-probs, kind="stable")[:top], start=1):
            rows.append({"file": str(file), "rank": rank, "class_id": int(labels.to_id([place])[0]),
                         "name": labels.names[place].strip(), "probability": float(probs[place])})
    return pd.DataFrame(rows)


def answer_keypoints(run_dir: Path | str, files: Sequence[Path | str], out_dir: Path,
                     texts: TextClasses | None = None) -> str:
    """Answers for clips, written to ``predictions.csv``; returns what to print: the answer for each file.

    They are those of :func:`predict_keypoints`, or with ``texts`` those of a run on joints and sentences.
    """
    table = predict_keypoints(run_dir, files) if texts is None else _predict_texts(texts, files)
    file = out_dir / "predictions.csv"
    with atomic_file(file) as aside:
        write_csv(table, aside)
    first = table[table["rank"] == 1]
    lines = [f"{row.file}: {row.name} ({row.probability:.1%})" for row in first.itertuples(index=False)]
    return "\n".join([*lines, str(file)])


def submit(run_dirs: Sequence[Path | str], clips: Path | str, ids: Path | str, out_dir: Path | str, *, year: int,
           weights: Sequence[float]) -> Path:
    """Answer a challenge's clips with several runs, and write the zip file in the order of its list.

    Raises
    ------
    ConfigError
        If a clip of the list is not in the folder, or the weights do not fit the runs.
    """
    names = read_ids(Path(ids))
    dataset = read_clip_dataset(clips)
    place = {name: row for row, name in enumerate(clip_names(dataset))}
    absent = [name for name in names if name not in place]
    if absent:
        raise ConfigError(f"{ids}: found {len(absent):,} clips that are not in {clips}, first {absent[0]!r}; wanted "
                          f"each of its {len(names):,}. Import the challenge's test clips.")
    rows = np.array([place[name] for name in names])
    joints = load_modality(dataset, "joints")
    logits = []
    for folder in run_dirs:
        run = _load(folder)
        reader = clip_reader(dataset, joints, run.config.model)
        logits.append(score_clips(run.model, reader, rows, torch.device("cpu"))[0].numpy())
    answers = mix(logits, weights).argmax(axis=1)
    return write_submission(out_dir, names, answers, year, count=logits[0].shape[1])


def clip_names(dataset: Dataset) -> list[str]:
    """What a challenge calls each clip."""
    frames = dataset.frames
    if NAME in frames:
        return frames[NAME].tolist()
    if not dataset.has_groups:
        return frames["clip_id"].astype(str).tolist()
    return (frames["video_id"].astype(str) + "_" + frames["clip_id"].astype(str)).tolist()


def _load(run_dir: Path | str) -> LoadedRun:
    check_run(Path(run_dir), ("config.json", "best.safetensors"), hashes=True)
    run = load_run(run_dir)
    if run.config.task != "skeleton":
        raise ConfigError(f"{run_dir}: found a run of the task {run.config.task!r}; wanted one of skeletons. "
                          "`mg train --task skeleton` makes one.")
    return run
