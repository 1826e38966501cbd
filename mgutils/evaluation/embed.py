"""Load a finished run's model, and score it on the rows of a dataset."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from mgutils.config import Protocol, RunConfig, SplitName
from mgutils.data.captions import class_captions
from mgutils.data.labels import Labels
from mgutils.data.protocol import split_of
from mgutils.data.table import Dataset
from mgutils.errors import CheckpointError, ConfigError
from mgutils.evaluation.space import LoadedSpace, load_space, score_split
from mgutils.losses import similarity_logits
from mgutils.metrics.scores import Scores, scores
from mgutils.models.classifier import Classifier, build_classifier
from mgutils.models.clip import VisualTextModel, build_model
from mgutils.models.encoders import tokenize
from mgutils.models.scorer import CaptionScorer, PlainScorer, Scorer
from mgutils.models.skeleton import SkeletonClassifier
from mgutils.training.batches import PixelLoader
from mgutils.training.checkpoint import load_weights
from mgutils.training.config_file import check_task, read_config
from mgutils.training.encode import classify_all, encode_all
from mgutils.training.inputs import input_kind, load_array, read_rows
from mgutils.training.run import write_scores
from mgutils.training.skeleton import build_trained, clip_reader, score_clips
from mgutils.training.start import learned_from
from mgutils.training.whole import check_run


class LoadedRun(NamedTuple):
    """The model of a finished run."""

    model: VisualTextModel | Classifier | SkeletonClassifier
    tokens: dict[str, Tensor] | None
    """Of the captions, each (C, L); ``None`` for a classifier, which reads no text."""
    config: RunConfig
    labels: Labels
    """The C classes that it was trained on."""
    tokenizer: PreTrainedTokenizerFast | None = None
    """What made the tokens."""


def load_run(run_dir: Path | str) -> LoadedRun:
    """Rebuild the model of a run and load its best weights, ready to evaluate.

    Raises
    ------
    ConfigError
        If the folder is no run's, or that of a space: see :func:`mgutils.evaluation.space.load_space`.
    CheckpointError
        If the weights cannot be read.
    """
    file = Path(run_dir) / "config.json"
    config = read_config(file)
    check_task(config, run_dir, "image-text", "classification", "skeleton")
    labels = Labels(tuple(json.loads(file.read_text(encoding="utf-8"))["captions"]))
    if config.task == "skeleton":
        model = build_trained(config, labels, Path(run_dir) / "best.safetensors")
        return LoadedRun(model, None, config, labels)
    # the weights come from the run: nothing is downloaded
    untrained = replace(config.model, pretrained=False)
    if config.reads_text:
        captions = class_captions(labels, config.captions, config.seed)
        model, tokenizer = build_model(untrained, config.loss, captions)
        tokens = tokenize(tokenizer, captions)
    else:
        model = build_classifier(untrained, len(labels))
        tokenizer = tokens = None
    load_weights(model, Path(run_dir) / "best.safetensors")
    return LoadedRun(model.eval(), tokens, config, labels, tokenizer)


@torch.no_grad()
def run_scorer(run_dir: Path | str) -> Scorer:
    """The best weights of a run as one module: images (B, 3, S, S) -> scores (B, C).

    Raises
    ------
    ConfigError, CheckpointError
        As :func:`load_run`.
    """
    run = load_run(run_dir)
    if run.tokens is None:
        return PlainScorer(run.model).eval()
    return CaptionScorer.of(run.model, run.model.encode_text(**run.tokens)).eval()


def evaluate_run(run_dir: Path | str, data_root: Path | str, out_dir: Path | str, *,
                 split: SplitName | None = None) -> Scores:
    """Score a run's best weights on the validation part of a split, and write the score files.

    Parameters
    ----------
    run_dir : path
        Folder that a training run left.
    data_root : path
        A dataset, or a folder of clips, with the classes that the run was trained on.
    out_dir : path
        Receives ``metrics.json``, ``per_class.csv``, ``confusion.csv``.
    split : str, optional
        By default the run's own, with its fold. Of another split the single draw is scored.

    Raises
    ------
    ConfigError
        If the folder is no run's, or that of a masked autoencoder or of a fusion, or the dataset's classes
        are not the run's.
    CheckpointError
        If the weights cannot be read, or are not those that the run's receipt lists.
    DataError
        If the dataset does not keep the contract.
    """
    run_dir = Path(run_dir)
    config = read_config(run_dir / "config.json")
    kind = input_kind(config)
    dataset = read_rows(data_root, kind)
    check_run(run_dir, ("config.json", "best.safetensors"), hashes=True)
    run = load_space(run_dir) if config.task == "alignment" else load_run(run_dir)
    if run.labels.names != dataset.labels.names:
        raise ConfigError(
            f"{run_dir}: trained on {len(run.labels)} classes whose captions are not those of "
            f"{data_root} ({len(dataset.labels)} classes). Evaluate on data with the same "
            "Clip_label.csv.")
    pixels = load_array(dataset, kind, run.cache_dir if isinstance(run, LoadedSpace) else None)
    chosen = config
    if split not in (None, chosen.split):
        chosen = replace(chosen, split=split, protocol=Protocol())
    parts = split_of(chosen, dataset)
    rows = parts.valid
    if len(np.unique(dataset.target[rows])) == 1:
        print(f"mg: warning: all images that are scored here are of the one class "
              f"{dataset.labels.names[dataset.target[rows][0]]!r}: the score says nothing about "
              "the others.", file=sys.stderr)
    warn_of_seen(run_dir, config, dataset, pixels, rows)
    if isinstance(run, LoadedSpace):
        logits = score_split(run, dataset, parts)
    else:
        logits = score_rows(run, pixels, rows, dataset)
    if np.isnan(logits).any():
        raise CheckpointError(
            f"{run_dir}/best.safetensors: gives scores that are no numbers (NaN). The run "
            "diverged: train again with lower learning rates.")
    result = scores(logits, dataset.target[rows])
    write_scores(result, dataset.labels, Path(out_dir))
    return result


def warn_of_seen(run_dir: Path, config: RunConfig, dataset: Dataset, pixels: np.ndarray,
                 rows: np.ndarray) -> None:
    """Say on the error stream how many of the rows to score a run has learned from, if any."""
    seen = learned_from(run_dir, config, dataset, pixels, rows)
    if seen:
        print(f"mg: warning: the run learned from {seen:,} of the {len(rows):,} images that are "
              "scored here, or chose its epoch on them: the scores say little about new images. "
              f"Its own split is {config.split!r}.", file=sys.stderr)


def score_rows(run: LoadedRun, pixels: np.ndarray, rows: np.ndarray, dataset: Dataset | None = None) -> np.ndarray:
    """Scores (N, C) of some rows of a dataset's pixels, or of its clips, whose places the dataset knows."""
    if isinstance(run.model, SkeletonClassifier):
        reader = clip_reader(dataset, pixels, run.config.model)
        return score_clips(run.model, reader, rows, torch.device("cpu"))[0].numpy()
    loader = PixelLoader(pixels, torch.device("cpu"))
    if run.tokens is None:
        return classify_all(run.model, loader, rows).numpy()
    images, texts = encode_all(run.model, loader, rows, run.tokens)
    return similarity_logits(images, texts, run.model.temperature.detach()).numpy()
