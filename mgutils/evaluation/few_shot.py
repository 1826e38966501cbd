"""Probes of an encoder: what a linear layer or nearest neighbours make of a few images a class.

The encoder is a run's, or any pretrained one by its name; it is not trained. The probes themselves
are in ``few_labels``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mgutils.config import Protocol, RunConfig, SplitName
from mgutils.data.pixels import load_pixels
from mgutils.data.protocol import probed_split
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.evaluation.embed import load_run, warn_of_seen
from mgutils.evaluation.few_labels import DRAWS, few_of_each, linear_probe, nearest
from mgutils.metrics.scores import scores
from mgutils.models.encoders import ImageEncoder
from mgutils.training.batches import PixelLoader
from mgutils.training.encode import apply_all

SHOTS = (1, 2, 5, 10)
"""Training images of each class; all of them come last."""


def load_encoder(source: str) -> tuple[Callable[[Tensor], Tensor], RunConfig | None]:
    """The image encoder of a run's folder, or a pretrained one by its timm name.

    Returns
    -------
    encoder : callable
        Images (B, 3, S, S) to embeddings (B, D): of a run with captions those in the shared space,
        of a classifier what its last layer reads.
    config : RunConfig or None
        The run's.

    Raises
    ------
    ConfigError
        If it is neither, or its weights cannot be loaded.
    """
    if not (Path(source) / "config.json").exists():
        if Path(source).exists():
            raise ConfigError(f"{source}: found no config.json; wanted a folder that `mg train` "
                              "left, or the name of an encoder.")
        return ImageEncoder(source, pretrained=True).eval(), None
    run = load_run(source)
    if run.tokens is None:
        return run.model.network, run.config
    return run.model.encode_image, run.config


def probe_encoder(source: str, dataset: Dataset, *, split: SplitName | None = None,
                  protocol: Protocol | None = None, image_size: int = 0,
                  shots: Sequence[int] = SHOTS, draws: int = DRAWS, seed: int = 0,
                  cache_dir: Path | str | None = None) -> pd.DataFrame:
    """Embed a dataset once, and score both probes on the reported rows for each number of images.

    A run that has learned from some of these rows is told on the error stream.

    Parameters
    ----------
    source : str
        See :func:`load_encoder`.
    split, protocol : str, Protocol, optional
        See :func:`mgutils.data.protocol.probed_split`.
    image_size : int
        Side in pixels; 0: the run's own, or 224.

    Returns
    -------
    DataFrame
        See :func:`few_shot_table`.
    """
    encoder, config = load_encoder(source)
    parts = probed_split(dataset, config, split, protocol or Protocol())
    side = image_size or (224 if config is None else config.train.image_size)
    pixels = load_pixels(dataset, side, cache_dir=cache_dir)
    if config is not None:
        warn_of_seen(Path(source), config, dataset, pixels, parts.valid)
    loader = PixelLoader(pixels, torch.device("cpu"))
    with torch.no_grad():
        train, valid = (apply_all(encoder, loader, rows).numpy()
                        for rows in (parts.train, parts.valid))
    return few_shot_table(train, dataset.target[parts.train], valid, dataset.target[parts.valid],
                          len(dataset.labels), shots, draws, seed)


def few_shot_table(train: np.ndarray, train_target: np.ndarray, valid: np.ndarray,
                   valid_target: np.ndarray, classes: int, shots: Sequence[int] = SHOTS,
                   draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Score both probes with a few training embeddings of each class, and with all of them.

    Parameters
    ----------
    train, valid : ndarray (n, D), (N, D)
        Embeddings to learn from and to predict.
    train_target, valid_target : ndarray (n,), (N,)
        Class indices 0..C-1.

    Returns
    -------
    DataFrame
        ``shots`` (0: all), ``images, method, top1, low, high, uar``: means over the draws in 0..1,
        and the lowest and highest top-1.
    """
    methods = {"linear_probe": linear_probe, "nearest": nearest}
    rows = []
    for count in (*shots, 0):
        drawn = list(few_of_each(train_target, count, draws, seed))
        for name, probe in methods.items():
            results = [scores(probe(train[some], train_target[some], valid, classes), valid_target)
                       for some in drawn]
            top1 = [result.top1 for result in results]
            rows.append({
                "shots": count,
                "images": len(drawn[0]),
                "method": name,
                "top1": np.mean(top1),
                "low": min(top1),
                "high": max(top1),
                "uar": np.mean([result.uar for result in results]),
            })
    return pd.DataFrame(rows)
