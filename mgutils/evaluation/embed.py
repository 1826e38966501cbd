"""Score a finished run on the rows of a dataset."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mgutils.config import RunConfig, SplitName, read_config
from mgutils.data.captions import class_captions
from mgutils.data.pixels import load_pixels
from mgutils.data.splits import split_of
from mgutils.data.table import Dataset, read_dataset
from mgutils.errors import CheckpointError, ConfigError
from mgutils.losses import similarity_logits
from mgutils.metrics.scores import Scores, scores
from mgutils.models.classifier import build_classifier
from mgutils.models.clip import build_model
from mgutils.models.encoders import tokenize
from mgutils.training.batches import PixelLoader
from mgutils.training.checkpoint import load_weights
from mgutils.training.encode import classify_all, encode_all
from mgutils.training.run import write_scores
from mgutils.training.whole import check_run


def evaluate_run(run_dir: Path | str, data_root: Path | str, out_dir: Path | str, *,
                 split: SplitName | None = None) -> Scores:
    """Score a run's best weights on the validation part of a split, and write the three files of the scores.

    Parameters
    ----------
    run_dir : path
        Folder that a training run left.
    data_root : path
        A dataset with the classes that the run was trained on.
    out_dir : path
        Receives ``metrics.json``, ``per_class.csv``, ``confusion.csv``.
    split : str, optional
        The run's own if not given.

    Raises
    ------
    ConfigError
        If the folder is no run's, or the dataset's classes are not the run's.
    CheckpointError
        If the weights cannot be read, or are not those that the run's receipt lists.
    DataError
        If the dataset does not keep the contract.
    """
    run_dir, dataset = Path(run_dir), read_dataset(data_root)
    check_run(run_dir, ("config.json", "best.safetensors"), hashes=True)
    config = read_config(run_dir / "config.json")
    captions = json.loads((run_dir / "config.json").read_text(encoding="utf-8"))["captions"]
    if tuple(captions) != dataset.labels.names:
        raise ConfigError(f"{run_dir}: trained on {len(captions)} classes whose captions are not those of {data_root} "
                          f"({len(dataset.labels)} classes). Evaluate on data with the same Clip_label.csv.")
    pixels = load_pixels(dataset, config.train.image_size)
    rows = split_of(replace(config, split=split or config.split), dataset).valid
    logits = best_logits(run_dir, config, dataset, pixels, rows)
    if np.isnan(logits).any():
        raise CheckpointError(f"{run_dir}/best.safetensors: gives scores that are no numbers (NaN). The run diverged: "
                              "train again with lower learning rates.")
    result = scores(logits, dataset.target[rows])
    write_scores(result, dataset.labels, Path(out_dir))
    return result


def best_logits(run_dir: Path, config: RunConfig, dataset: Dataset, pixels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Scores (N, C) that a run's best weights give some rows.

    Raises
    ------
    CheckpointError
        If the weights cannot be read.
    """
    untrained, feed = replace(config.model, pretrained=False), PixelLoader(pixels, torch.device("cpu"))
    if not config.reads_text:
        classifier = build_classifier(untrained, len(dataset.labels))
        load_weights(classifier, run_dir / "best.safetensors")
        return classify_all(classifier, feed, rows).numpy()
    captions = class_captions(dataset.labels, config.captions, config.seed)
    model, tokenizer = build_model(untrained, config.loss, captions)
    load_weights(model, run_dir / "best.safetensors")
    images, texts = encode_all(model, feed, rows, tokenize(tokenizer, captions))
    return similarity_logits(images, texts, model.temperature.detach()).numpy()
