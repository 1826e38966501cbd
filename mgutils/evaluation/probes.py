"""What a model that reads text must beat: classifiers without text, and probes of its embedding.

The vision-only classifiers go through the same loop, batches, optimizer family and selection rule
as every other run, and lie in the same store. The linear probe and the nearest neighbours learn
from the embeddings of a contrastive run. Classifiers that look at no pixel are in
:mod:`mgutils.data.audit`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors import safe_open

from mgutils.data.pixels import load_pixels
from mgutils.data.protocol import split_of
from mgutils.data.table import Dataset
from mgutils.evaluation.embed import load_run
from mgutils.evaluation.few_labels import linear_probe, nearest
from mgutils.metrics.scores import scores
from mgutils.training.batches import PixelLoader
from mgutils.training.checkpoint import CAPTIONS
from mgutils.training.encode import encode_all
from mgutils.training.run import Run

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
