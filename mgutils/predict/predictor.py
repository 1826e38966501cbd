"""From a checkpoint to answers: the class of an image, the five likeliest, their probabilities.

Images come from ``data.pictures``; ``table`` and ``files`` write the answers. In five lines::

    from mgutils.predict.predictor import load_predictor

    predictor = load_predictor("out/runs/sound_ce-frame-s0-…")
    table = predictor.table(["one.jpg", "two.jpg"])
    print(table[["path", "name", "probability"]])
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from scipy.special import softmax
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from mgutils.config import RunConfig
from mgutils.data.captions import class_captions
from mgutils.data.labels import Labels
from mgutils.data.pictures import Picture, in_batches, read_pictures
from mgutils.errors import CheckpointError, ConfigError, MgError
from mgutils.evaluation.attribution import grad_cam
from mgutils.models.classifier import build_classifier
from mgutils.models.clip import VisualTextModel, build_model
from mgutils.models.encoders import ImageEncoder, ProjectionHead, as_images, tokenize
from mgutils.models.scorer import CaptionScorer, PlainScorer, Scorer
from mgutils.predict.settings import found_labels, found_settings
from mgutils.predict.trusted import measure
from mgutils.predict.weights import Weights, read_weights
from mgutils.training.checkpoint import CAPTIONS, fit_weights
from mgutils.training.whole import check_run

_MOST_NUMBERS = 2**28
"""That one layer may make of a batch: 1 GB."""


@dataclass(frozen=True)
class Predictor:
    """A model ready to answer.

    Parameters
    ----------
    scorer : Scorer
        Images (B, 3, S, S) to scores (B, C), on its device.
    labels : Labels
        The C classes.
    config : RunConfig
        Of the run that the weights come from, or :data:`mgutils.predict.settings.ORIGINAL_CONFIG`.
    weights : Weights
        What was read.
    labels_from : str
        Where the class names were found.
    largest_output : int
        How many numbers a layer makes of one image at most; batches are smaller where it makes many.
    """

    scorer: Scorer
    labels: Labels
    config: RunConfig
    weights: Weights
    labels_from: str
    largest_output: int = 1

    @property
    def size(self) -> int:
        """Side, in pixels, to which images are resized."""
        return self.config.train.image_size

    @property
    def path(self) -> Path:
        """The file of the weights."""
        return self.weights.path

    @property
    def device(self) -> torch.device:
        """Where the scorer computes."""
        return next(self.scorer.parameters()).device

    def tensor(self, images: Iterable[Image.Image]) -> Tensor:
        """RGB images of any size, resized as for training, as the scorer takes them: (B, 3, S, S)."""
        side = (self.size, self.size)
        pixels = [np.asarray(image.resize(side, Image.Resampling.BILINEAR)) for image in images]
        return as_images(torch.from_numpy(np.stack(pixels)).to(self.device))

    @torch.no_grad()
    def logits(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Scores (B, C) of RGB images."""
        return self.scorer(self.tensor(images)).float().cpu().numpy()

    def heat(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Grad-CAM heat (B, S, S) of the answers for RGB images, in 0..1.

        Raises
        ------
        ConfigError
            If the image network has no map of features.
        """
        return grad_cam(self.scorer, self.tensor(images))

    def stream(self, pictures: Iterable[Picture], batch_size: int = 64) -> Iterator[tuple[Picture, np.ndarray]]:
        """Each picture with its probabilities (C,), one batch in memory at a time.

        Raises
        ------
        ConfigError
            If the batch is smaller than one.
        CheckpointError
            If a score is not a number.
        """
        if batch_size < 1:
            raise ConfigError(f"batch_size: found {batch_size}; wanted at least 1.")
        for batch in in_batches(pictures, min(batch_size, max(1, _MOST_NUMBERS // self.largest_output))):
            yield from zip(batch, self.probabilities(self.logits([picture.image for picture in batch])), strict=True)

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Softmax over the classes, (B, C)."""
        if not np.isfinite(logits).all():
            raise CheckpointError(f"{self.weights.path}: a score is not a number, though every weight is one. "
                                  "The weights are too large: train again with lower learning rates.")
        return softmax(logits, axis=1)

    def table(self, paths: Iterable[Path | str], batch_size: int = 64) -> pd.DataFrame:
        """Answers for image files.

        Returns
        -------
        DataFrame
            One row for each image: ``path, class_id, name, probability``, and the same of the second to fifth answer
            as ``class_id_2, name_2, probability_2`` …

        Raises
        ------
        DataError
            If an image cannot be decoded.
        """
        pictures = read_pictures(map(Path, paths))
        answers = [(picture.path, probs) for picture, probs in self.stream(pictures, batch_size)]
        table = likeliest(np.array([probs for _, probs in answers]).reshape(-1, len(self.labels)), self.labels)
        table.insert(0, "path", [path for path, _ in answers])
        return table


def likeliest(probs: np.ndarray, labels: Labels) -> pd.DataFrame:
    """The five likeliest classes of each image; among equals the lower id comes first.

    Parameters
    ----------
    probs : ndarray (N, C)
        Probabilities.

    Returns
    -------
    DataFrame
        ``class_id, name, probability``, and the same of the second to fifth as ``class_id_2`` …
    """
    order = np.argsort(-probs, axis=1, kind="stable")[:, :5]
    names = np.array(labels.display, dtype=object)
    table = {}
    for rank, index in enumerate(order.T, start=1):
        suffix = f"_{rank}" if rank > 1 else ""
        table[f"class_id{suffix}"] = index + 1
        table[f"name{suffix}"] = names[index]
        table[f"probability{suffix}"] = probs[np.arange(len(probs)), index].astype(float).round(6)
    return pd.DataFrame(table)


def load_predictor(checkpoint: Path | str, *, config: Path | str | None = None, labels: Path | str | None = None,
                   tokenizer: Path | str | None = None, device: str | None = None) -> Predictor:
    """Make a predictor of a checkpoint: a run's folder, an exported file, or one from elsewhere.

    The settings are those that came with the weights (in an exported file, or ``config.json`` beside them), else the
    original's. The classes come from the same place, else from ``Clip_label.csv`` in the current folder, else they are
    iMiGUE's 32 under the original's names.

    Parameters
    ----------
    checkpoint : path
    config : path, optional
        A run's ``config.json`` or its folder, for weights without settings.
    labels : path, optional
        A ``Clip_label.csv``.
    tokenizer : path, optional
        Folder with the files of the text encoder's tokenizer, for weights that need one where no hub can be reached.
    device : str, optional
        ``cpu`` or ``cuda``; a GPU where there is one if not given.

    Raises
    ------
    CheckpointError
        If the weights cannot be read, do not fit the settings, or were trained on other classes.
    ConfigError
        If the settings cannot be read or built, or the tokenizer's files cannot be had.
    DataError
        If ``labels`` is no class list.

    Taught in: 07, section 7.
    """
    if Path(checkpoint).is_dir():
        check_run(Path(checkpoint), ("config.json", "best.safetensors"), hashes=True)
    weights = read_weights(checkpoint)
    settings, recorded = found_settings(weights, config)
    names, origin = found_labels(weights, labels, recorded)
    with building(weights.path):
        largest = measure(settings, len(names), weights, text=settings.reads_text and not _is_exported(weights))
        scorer = _scorer(settings, names, weights, None if tokenizer is None else Path(tokenizer))
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return Predictor(scorer.eval().to(device), names, settings, weights, origin, largest)


@contextmanager
def building(source: Path) -> Iterator[None]:
    """Turn what timm and transformers raise, whatever odd settings make them raise, into a :class:`ConfigError`."""
    try:
        yield
    except MgError:
        raise
    except Exception as error:
        raise ConfigError(f"{source}: a model with these settings cannot be built ({type(error).__name__}: "
                          f"{str(error).strip()[:120]}). Name the run's own config.json with --config.") from error


def _scorer(config: RunConfig, labels: Labels, weights: Weights, tokenizer: Path | None) -> Scorer:
    """Build the model and fill it."""
    if not config.reads_text:
        classifier = build_classifier(replace(config.model, pretrained=False), len(labels))
        fit_weights(classifier, weights.tensors, weights.path)
        return PlainScorer(classifier)
    if _is_exported(weights):
        return _exported_scorer(config, labels, weights)
    captions = class_captions(labels, config.captions, config.seed)
    model, words = both_encoders(config, captions, weights, tokenizer)
    with torch.no_grad():
        return CaptionScorer.of(model, model.encode_text(**tokenize(words, captions)))


def both_encoders(config: RunConfig, captions: Sequence[str], weights: Weights,
                  tokenizer: Path | None) -> tuple[VisualTextModel, PreTrainedTokenizerFast]:
    """The whole model of a run with captions, filled, and what makes tokens of a text."""
    model, words = build_model(replace(config.model, pretrained=False), config.loss, captions, tokenizer)
    fit_weights(model, {name: value for name, value in weights.tensors.items() if name != CAPTIONS}, weights.path)
    return model.eval(), words


def _is_exported(weights: Weights) -> bool:
    """Whether the captions' embeddings lie in the file, so that no text is read."""
    return CAPTIONS in weights.tensors and "config" in weights.metadata


def _exported_scorer(config: RunConfig, labels: Labels, weights: Weights) -> CaptionScorer:
    """The image half of a model with its captions' embeddings, which lie in the same file; needs no tokenizer."""
    encoder = ImageEncoder(config.model.image_encoder, False, config.model.image_kwargs)
    head = ProjectionHead(encoder.width, config.model.projection)
    empty = torch.zeros(len(labels), config.model.projection)
    try:  # it may have been learned
        loss = replace(config.loss, temperature=json.loads(weights.metadata["config"]).get("temperature"))
    except ConfigError as error:
        raise ConfigError(f"{weights.path}: {error} Export the run again.") from None
    scorer = CaptionScorer(encoder, head, empty, float(loss.temperature), loss.normalize)
    image_half = {name: value for name, value in weights.tensors.items() if name.startswith("image_")}
    fit_weights(scorer, image_half | {"captions": weights.tensors[CAPTIONS]}, weights.path)
    return scorer
