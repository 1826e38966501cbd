"""What a model that reads text must beat: classifiers without text, and probes of its embedding.

The vision-only classifiers go through the same loop, batches, optimizer family and selection rule
as every other run, and lie in the same store. The linear probe and the nearest neighbours learn
from the embeddings of a contrastive run. Classifiers that look at no pixel are in
:mod:`mgutils.data.audit`.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors import safe_open
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mgutils.data.pixels import load_pixels
from mgutils.data.protocol import split_of
from mgutils.data.table import Dataset
from mgutils.evaluation.embed import load_run
from mgutils.metrics.scores import scores
from mgutils.training.batches import PixelLoader
from mgutils.training.checkpoint import CAPTIONS
from mgutils.training.encode import encode_all
from mgutils.training.run import Run

NEIGHBOURS = 5
"""Training images that vote for a class."""

# -- classifiers that read no text -----------------------------------------------------------------


def vision_table(runs: Sequence[Run], out_dir: Path | str) -> pd.DataFrame:
    """One row for each run of a classifier without text.

    Returns
    -------
    DataFrame
        ``method, split, seed, epochs, parameters, top1, top5, uar, predicted_classes, run``: scores
        in 0..1, and the run's folder relative to ``out_dir``.
    """
    rows = []
    for run in runs:
        rows.append({
            "method": run.config.objective,
            "split": run.config.split,
            "seed": run.config.seed,
            "epochs": run.config.train.epochs,
            "parameters": _parameters(run),
            **{name: run.metrics[name] for name in ("top1", "top5", "uar", "predicted_classes")},
            "run": run.directory.relative_to(out_dir).as_posix(),
        })
    return pd.DataFrame(rows)


def _parameters(run: Run) -> int:
    """Number of learned weights; the running means of normalisation layers do not count."""
    count = 0
    with safe_open(run.directory / "best.safetensors", framework="np") as file:
        for name in file.keys():
            if name != CAPTIONS and "running_" not in name and "num_batches" not in name:
                count += int(np.prod(file.get_slice(name).get_shape()))
    return count


# -- probes of the embedding -----------------------------------------------------------------------


def embed(run: Run, dataset: Dataset, cache_dir: Path | str) -> tuple[np.ndarray, np.ndarray]:
    """Embed the training rows of a run with its best weights.

    Returns
    -------
    embeddings : ndarray (n, D)
        Those of the validation rows are in ``run.image_embeddings``.
    target : ndarray (n,)
        Class indices.
    """
    loaded = load_run(run.directory)
    config = loaded.config
    pixels = load_pixels(dataset, config.train.image_size, cache_dir=cache_dir)
    rows = split_of(config, dataset).train
    loader = PixelLoader(pixels, torch.device("cpu"))
    before = torch.get_num_threads()
    torch.set_num_threads(config.train.threads or before)  # for equal bits
    try:
        images, _ = encode_all(loaded.model, loader, rows, loaded.tokens)
    finally:
        torch.set_num_threads(before)
    return images.numpy(), dataset.target[rows]


def linear_probe(train: np.ndarray, target: np.ndarray, valid: np.ndarray,
                 classes: int) -> np.ndarray:
    """Log probabilities (N, C) of a logistic regression on standardised embeddings.

    A class without a training row gets -inf.

    Parameters
    ----------
    train, valid : ndarray (n, D), (N, D)
        Embeddings to learn from and to predict.
    target : ndarray (n,)
        Class indices 0..C-1 of the first.
    classes : int
        C.

    References
    ----------
    Alain and Bengio 2016, arXiv:1610.01644.
    """
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    with warnings.catch_warnings():
        # scikit-learn takes few labels of many classes for a regression
        warnings.filterwarnings("ignore", message="The number of unique classes")
        probe.fit(train, target)
    answers = np.full((len(valid), classes), -np.inf)
    with np.errstate(divide="ignore"):  # a probability of 0 is -inf
        answers[:, probe.classes_] = probe.predict_log_proba(valid)
    return answers


def nearest(train: np.ndarray, target: np.ndarray, valid: np.ndarray, classes: int,
            k: int = NEIGHBOURS) -> np.ndarray:
    """Votes (N, C) of the k nearest training embeddings by cosine; a tie goes to the nearer ones.

    Parameters and shapes as in :func:`linear_probe`.

    Taught in: 08, section 3.
    """
    train = train / np.maximum(np.linalg.norm(train, axis=1, keepdims=True), 1e-12)
    valid = valid / np.maximum(np.linalg.norm(valid, axis=1, keepdims=True), 1e-12)
    cosine = valid @ train.T  # (N, n)
    closest = np.argsort(-cosine, axis=1, kind="stable")[:, :k]  # (N, k)

    # a vote weighs 1, and a little more the nearer it is
    weight = 1 + 1e-3 * np.take_along_axis(cosine, closest, axis=1)
    votes = np.zeros((len(valid), classes))
    np.add.at(votes, (np.arange(len(valid))[:, None], target[closest]), weight)
    return votes


def probe_table(runs: Sequence[Run], dataset: Dataset, out_dir: Path | str) -> pd.DataFrame:
    """Score each contrastive run by its captions, by a linear probe and by nearest neighbours.

    Returns
    -------
    DataFrame
        ``method, split, seed, top1, top5, uar``, scores in 0..1.

    Taught in: 08, section 3.
    """
    rows = []
    classes = len(dataset.labels)
    for run in runs:
        train, target = embed(run, dataset, Path(out_dir) / "cache")
        valid = run.image_embeddings
        answers = {
            "captions": run.logits,
            "linear_probe": linear_probe(train, target, valid, classes),
            "nearest": nearest(train, target, valid, classes),
        }
        for method, logits in answers.items():
            result = scores(logits, run.target)
            rows.append({
                "method": method,
                "split": run.config.split,
                "seed": run.config.seed,
                "top1": result.top1,
                "top5": result.top5,
                "uar": result.uar,
            })
    return pd.DataFrame(rows)


def save_results(table: pd.DataFrame, out_dir: Path | str, name: str) -> Path:
    """Write a table as ``out_dir/results/<name>.json``, a list of rows."""
    path = Path(out_dir) / "results" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = json.loads(table.to_json(orient="records", double_precision=15))  # NaN becomes null
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return path
