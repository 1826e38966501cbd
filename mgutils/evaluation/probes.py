"""What a model that reads text must beat: classifiers that read none, and simple readers of its own embedding.

The vision-only classifiers go through the same loop, batches, optimizer family and selection rule as every other run,
and lie in the same store. The linear probe and the nearest neighbours learn from the embedding that a contrastive run
left. Classifiers that look at no pixel are in :mod:`mgutils.data.audit`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors import safe_open
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mgutils.data.captions import class_captions
from mgutils.data.pixels import load_pixels
from mgutils.data.splits import split_of
from mgutils.data.table import Dataset
from mgutils.metrics.scores import scores
from mgutils.models.clip import build_model
from mgutils.models.encoders import tokenize
from mgutils.training.batches import Feed
from mgutils.training.checkpoint import CAPTIONS, load_weights
from mgutils.training.encode import encode_all
from mgutils.training.run import Run

NEIGHBOURS = 5
"""Training images that vote on an answer."""

# -- classifiers that read no text -------------------------------------------------------------------------------------












def vision_table(runs: Sequence[Run], out_dir: Path | str) -> pd.DataFrame:
    """One row for each run of a classifier without text.

    Returns
    -------
    DataFrame
        ``method, split, seed, epochs, parameters, top1, top5, uar, predicted_classes, run``: shares in 0..1, and the
        run's folder relative to ``out_dir``.
    """
    return pd.DataFrame([{
        "method": run.config.objective, "split": run.config.split, "seed": run.config.seed,
        "epochs": run.config.train.epochs, "parameters": _parameters(run),
        **{score: run.metrics[score] for score in ("top1", "top5", "uar", "predicted_classes")},
        "run": run.directory.relative_to(out_dir).as_posix()} for run in runs])


def _parameters(run: Run) -> int:
    """Numbers in a run's weights, the running means and deviations of normalisation layers not counted."""
    with safe_open(run.directory / "best.safetensors", framework="np") as file:
        learned = [name for name in file.keys()
                   if name != CAPTIONS and "running_" not in name and "num_batches" not in name]
        return int(sum(np.prod(file.get_slice(name).get_shape()) for name in learned))


# -- readers of the embedding ------------------------------------------------------------------------------------------


def embed(run: Run, dataset: Dataset, cache_dir: Path | str) -> tuple[np.ndarray, np.ndarray]:
    """Embed the rows that a run learned from, with its best weights.

    Returns
    -------
    embeddings : ndarray (n, D)
        Those of the validated rows are in ``run.image_embeddings``.
    target : ndarray (n,)
        Class indices.
    """
    config, before = run.config, torch.get_num_threads()
    captions = class_captions(dataset.labels, config.captions, config.seed)
    model, tokenizer = build_model(replace(config.model, pretrained=False), config.loss, captions)
    load_weights(model, run.directory / "best.safetensors")
    pixels, rows = load_pixels(dataset, config.train.image_size, cache_dir=cache_dir), split_of(config, dataset).train
    torch.set_num_threads(config.train.threads or before)  # equal bits
    try:
        images, _ = encode_all(model, Feed(pixels, torch.device("cpu")), rows, tokenize(tokenizer, captions))
    finally:
        torch.set_num_threads(before)
    return images.numpy(), dataset.target[rows]


def linear_probe(train: np.ndarray, target: np.ndarray, valid: np.ndarray, classes: int) -> np.ndarray:
    """Log probabilities (N, C) of a logistic regression on standardised embeddings; -inf for classes without a row.

    Parameters
    ----------
    train, valid : ndarray (n, D), (N, D)
        Embeddings to learn from and to answer for.
    target : ndarray (n,)
        Class indices 0..C-1 of the first.
    classes : int
        C.

    References
    ----------
    Alain and Bengio 2016, arXiv:1610.01644.
    """
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(train, target)
    answers = np.full((len(valid), classes), -np.inf)
    answers[:, probe.classes_] = probe.predict_log_proba(valid)
    return answers


def nearest(train: np.ndarray, target: np.ndarray, valid: np.ndarray, classes: int, k: int = NEIGHBOURS) -> np.ndarray:
    """Votes (N, C) of the k nearest training embeddings by cosine; among equal votes the nearer ones win.

    Parameters and shapes as in :func:`linear_probe`.

    Taught in: 06, section 3.
    """
    first, second = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12) for rows in (train, valid))
    cosine = second @ first.T  # (N, n)
    closest = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
    votes = np.zeros((len(valid), classes))
    weight = 1 + 1e-3 * np.take_along_axis(cosine, closest, axis=1)
    np.add.at(votes, (np.arange(len(valid))[:, None], target[closest]), weight)
    return votes


def probe_table(runs: Sequence[Run], dataset: Dataset, out_dir: Path | str) -> pd.DataFrame:
    """Each contrastive run read in three ways: by its captions, by a linear probe, by nearest neighbours.

    Returns
    -------
    DataFrame
        ``method, split, seed, top1, top5, uar``, shares in 0..1.

    Taught in: 06, section 3.
    """
    rows, classes = [], len(dataset.labels)
    for run in runs:
        images, target = embed(run, dataset, Path(out_dir) / "cache")
        answers = {"captions": run.logits,
                   "linear_probe": linear_probe(images, target, run.image_embeddings, classes),
                   "nearest": nearest(images, target, run.image_embeddings, classes)}
        for method, logits in answers.items():
            result = scores(logits, run.target)
            rows.append({"method": method, "split": run.config.split, "seed": run.config.seed, "top1": result.top1,
                         "top5": result.top5, "uar": result.uar})
    return pd.DataFrame(rows)


def save_results(table: pd.DataFrame, out_dir: Path | str, name: str) -> Path:
    """Write ``out_dir/results/<name>.json``, a list of rows, for the notebooks and the ledger of claims."""
    path = Path(out_dir) / "results" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = json.loads(table.to_json(orient="records", double_precision=15))  # NaN becomes null
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return path
