"""Where in an image the evidence for an answer lies: cover one place after another and see how far the score falls.

It asks nothing of the model but scores, so it works with any image encoder. Drawing the map is not done here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mgutils.data.captions import class_captions
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.training.run import Run

Scorer = Callable[[np.ndarray], np.ndarray]
"""Images (B, S, S, 3) of bytes -> scores (B, C)."""


def occlusion_map(score: Scorer, image: np.ndarray, class_index: int, *, places: int = 12, patch: float = 0.25,
                  batch_size: int = 72) -> np.ndarray:
    """How far the score of a class falls when a square of the image's mean colour covers a place.

    Parameters
    ----------
    score : callable
        Images (B, S, S, 3) of bytes -> scores (B, C).
    image : ndarray (S, S, 3) of uint8
    class_index : int
        0..C-1.
    places : int
        Positions of the square along each side.
    patch : float
        Side of the square as a share of the image's.
    batch_size : int
        Images scored at once.

    Returns
    -------
    ndarray (places, places)
        Score of the whole image less the score with that place covered; positive where the evidence lies.

    References
    ----------
    Zeiler and Fergus 2014, arXiv:1311.2901, section 4.2.
    """
    size = image.shape[0]
    side = max(1, round(patch * size))
    corners = np.linspace(0, size - side, places).round().astype(int)
    covered = np.repeat(image[None], places**2, axis=0)
    colour = image.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
    for number, (y, x) in enumerate((y, x) for y in corners for x in corners):
        covered[number, y:y + side, x:x + side] = colour
    scores = [score(covered[start:start + batch_size])[:, class_index] for start in range(0, places**2, batch_size)]
    return (score(image[None])[0, class_index] - np.concatenate(scores)).reshape(places, places)


def spread_out(heat: np.ndarray, size: int, patch: float = 0.25) -> np.ndarray:
    """The map as an image: each pixel the mean over the squares that cover it. (P, P) -> (size, size)."""
    side = max(1, round(patch * size))
    corners = np.linspace(0, size - side, len(heat)).round().astype(int)
    total, count = np.zeros((2, size, size))
    for row, y in enumerate(corners):
        for column, x in enumerate(corners):
            total[y:y + side, x:x + side] += heat[row, column]
            count[y:y + side, x:x + side] += 1
    return total / np.maximum(count, 1)


def run_scorer(run: Run, dataset: Dataset) -> Scorer:
    """The scores that a run's best weights give to any images of its size.

    Raises
    ------
    ConfigError
        If the run reads no text: it has no captions to be near to.
    CheckpointError
        If the weights cannot be read.
    """
    import torch

    from mgutils.losses import similarity_logits
    from mgutils.models.clip import build_model
    from mgutils.models.encoders import as_images, tokenize
    from mgutils.training.checkpoint import load_weights

    config = run.config
    if not config.reads_text:
        raise ConfigError(f"{run.directory}: found a classifier that reads no text; wanted a run of images and "
                          "captions, such as sound_ce.")
    captions = class_captions(dataset.labels, config.captions, config.seed)
    model, tokenizer = build_model(replace(config.model, pretrained=False), config.loss, captions)
    load_weights(model, run.directory / "best.safetensors")
    model.eval()
    with torch.no_grad():
        texts = model.encode_text(**tokenize(tokenizer, captions))

    @torch.no_grad()
    def score(images: np.ndarray) -> np.ndarray:
        embedded = model.encode_image(as_images(torch.from_numpy(np.array(images))))
        return similarity_logits(embedded, texts, model.temperature).numpy()

    return score
