"""Scores of a classifier: top-1 (WAR), top-5, UAR, per-class recall, confusion matrix.

Works on a matrix of scores, whoever made them; making them from a model is the last part.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mgutils.captions import class_captions
from mgutils.checkpoint import load_weights
from mgutils.config import RunConfig, SplitName, read_config
from mgutils.csvfile import write_csv
from mgutils.data.pixels import load_pixels
from mgutils.data.splits import split_of
from mgutils.data.table import Dataset, read_dataset
from mgutils.distributed import gather, share
from mgutils.errors import CheckpointError, ConfigError
from mgutils.feed import Feed, ahead
from mgutils.files import written_aside
from mgutils.labels import Labels
from mgutils.losses import similarity_logits
from mgutils.models.clip import VisualTextModel, build_model
from mgutils.models.encoders import as_images, tokenize
from mgutils.models.vision import Classifier, build_classifier
from mgutils.whole import check_run


@dataclass(frozen=True)
class Scores:
    """How well N samples of C classes were classified. All shares are in 0..1."""

    top1: float
    """Share of samples whose highest score is their class (accuracy, WAR)."""
    top5: float
    """Share of samples whose class is among the five highest scores."""
    uar: float
    """Mean recall over the classes that occur (unweighted average recall)."""
    recall: np.ndarray
    """(C,) recall of each class, NaN where the class does not occur."""
    support: np.ndarray
    """(C,) number of samples of each class."""
    confusion: np.ndarray
    """(C, C) counts; row: true class, column: predicted class."""

    @property
    def predicted_classes(self) -> int:
        """Number of classes that are predicted at all: 1 or 2 betrays a collapsed model."""
        return int((self.confusion.sum(axis=0) > 0).sum())

    def summary(self) -> dict[str, float | int]:
        """The scalars, for a JSON file or a table row."""
        return {"top1": self.top1, "top5": self.top5, "uar": self.uar, "samples": int(self.support.sum()),
                "predicted_classes": self.predicted_classes}


def scores(logits: np.ndarray, target: np.ndarray) -> Scores:
    """Score a matrix of logits.

    Parameters
    ----------
    logits : ndarray (N, C)
        Higher is more likely. Among equal scores the lower class index comes first.
    target : ndarray (N,)
        True class indices 0..C-1.

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no samples, or a logit is not a number.

    Taught in: 05, section 1.
    """
    logits, target = np.asarray(logits), np.asarray(target)
    if logits.ndim != 2 or target.shape != (len(logits),) or not len(logits):
        raise ValueError(f"logits {logits.shape} and target {target.shape}: wanted (N, C) and (N,), N at least 1")
    if np.isnan(logits).any():
        raise ValueError("a logit is not a number (NaN): the run diverged")
    classes = logits.shape[1]
    ranking = np.argsort(-logits, axis=1, kind="stable")[:, :5]  # (N, 5)
    hit = ranking == target[:, None]
    confusion = np.bincount(target * classes + ranking[:, 0], minlength=classes**2).reshape(classes, classes)
    support = confusion.sum(axis=1)
    with np.errstate(invalid="ignore"):
        recall = confusion.diagonal() / support
    return Scores(float(hit[:, 0].mean()), float(hit.any(axis=1).mean()), float(np.nanmean(recall)), recall, support,
                  confusion)


@torch.no_grad()
def encode_all(model: VisualTextModel, feed: Feed, rows: np.ndarray, tokens: dict[str, Tensor],
               batch_size: int = 128) -> tuple[Tensor, Tensor]:
    """Embed the images of some rows, in batches, and every caption once; several processes share the rows.

    Returns
    -------
    image_embeddings : Tensor (N, D)
    caption_embeddings : Tensor (C, D)
    """
    model.eval()
    captions = model.encode_text(**{key: value.to(feed.device) for key, value in tokens.items()})
    return _in_batches(model.encode_image, feed, rows, batch_size), captions.float()


@torch.no_grad()
def classify_all(model: Classifier, feed: Feed, rows: np.ndarray, batch_size: int = 128) -> Tensor:
    """Logits (N, C) of a classifier without text for some rows, in batches; several processes share the rows."""
    model.eval()
    return _in_batches(lambda images: model(images)[0], feed, rows, batch_size)


def _in_batches(apply: Callable[[Tensor], Tensor], feed: Feed, rows: np.ndarray, batch_size: int) -> Tensor:
    mine = share(rows)
    starts = range(0, max(len(mine), 1), batch_size)  # a process without rows still takes part
    fed = ahead(feed, (mine[start:start + batch_size] for start in starts))
    parts = [apply(as_images(pixels)) for _, pixels in fed]
    return gather(torch.cat(parts).float(), len(rows))


def write_scores(result: Scores, labels: Labels, directory: Path) -> None:
    """Write ``metrics.json``, ``per_class.csv`` and ``confusion.csv`` (rows: true class id, columns: predicted)."""
    directory.mkdir(parents=True, exist_ok=True)
    ids = labels.to_id(range(len(labels)))
    per_class = {"class_id": ids, "name": labels.names, "support": result.support, "recall": result.recall}
    with written_aside(directory / "per_class.csv") as aside:
        write_csv(pd.DataFrame(per_class), aside)
    confusion = pd.DataFrame(result.confusion, index=pd.Index(ids, name="true"), columns=ids)
    with written_aside(directory / "confusion.csv") as aside:
        write_csv(confusion, aside, index=True)
    with written_aside(directory / "metrics.json") as aside:
        aside.write_text(json.dumps(result.summary(), indent=2) + "\n", encoding="utf-8")


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
    untrained, feed = replace(config.model, pretrained=False), Feed(pixels, torch.device("cpu"))
    if not config.reads_text:
        classifier = build_classifier(untrained, len(dataset.labels))
        load_weights(classifier, run_dir / "best.safetensors")
        return classify_all(classifier, feed, rows).numpy()
    captions = class_captions(dataset.labels, config.captions, config.seed)
    model, tokenizer = build_model(untrained, config.loss, captions)
    load_weights(model, run_dir / "best.safetensors")
    images, texts = encode_all(model, feed, rows, tokenize(tokenizer, captions))
    return similarity_logits(images, texts, model.temperature.detach()).numpy()
