"""Small runs that are watched epoch by epoch: where images and captions lie while a model learns, or collapses.

The runs of the store keep the embeddings of their best epoch alone. These keep those of every second epoch. They are
small enough for a notebook: a few classes, some forty images of each, images of 32 pixels, learning rates three times
the profile's, so that half a minute shows what the long runs show in a quarter of an hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mgutils.config import ObjectiveName, run_config
from mgutils.data.splits import Split
from mgutils.data.table import Dataset
from mgutils.training.session import open_session

SIZE = 32
"""Side of the images, in pixels."""
RATE = 3.0
"""Learning rates, in those of the profile ``smoke``."""
PER_CLASS = 40
"""Training images of a class, at most."""


@dataclass(frozen=True)
class WatchedRun:
    """Embeddings of one run, at E of its epochs."""

    epochs: np.ndarray
    """(E,) the first is 0: before any training."""
    images: np.ndarray
    """(E, N, D) of the validation images."""
    captions: np.ndarray
    """(E, C, D) of the classes that were chosen."""
    answers: np.ndarray
    """(E, N) positions among these classes."""
    target: np.ndarray
    """(N,) likewise."""

    @property
    def top1(self) -> np.ndarray:
        """(E,) share of right answers."""
        return (self.answers == self.target).mean(axis=1)

    @property
    def same_answer(self) -> np.ndarray:
        """(E,) share of the images that get the answer that is given most often: 1 is a collapse."""
        classes = self.captions.shape[1]
        counts = [np.bincount(one, minlength=classes).max() for one in self.answers]
        return np.array(counts) / self.answers.shape[1]


def few_rows(dataset: Dataset, split: Split, classes: Sequence[int]) -> Split:
    """At most :data:`PER_CLASS` training images and a quarter as many validation images of each class."""
    def first(rows: np.ndarray, count: int) -> np.ndarray:
        of_class = [rows[dataset.target[rows] == index][:count] for index in classes]
        return np.concatenate(of_class)

    return Split(split.name, first(split.train, PER_CLASS), first(split.valid, PER_CLASS // 4))


def watch(objective: ObjectiveName, dataset: Dataset, pixels: np.ndarray, split: Split, classes: Sequence[int], *,
          epochs: int = 40, every: int = 2, seed: int = 0) -> WatchedRun:
    """Train the smallest model on a few classes and keep its embeddings.

    Parameters
    ----------
    pixels : ndarray (rows, SIZE, SIZE, 3), uint8
        Of all images of the dataset.
    split : Split
        Its first rows of each class are used.
    classes : sequence of int
        Class indices.
    epochs : int
    every : int
        Epochs from one look to the next.

    Taught in: 06, section 5.
    """
    from mgutils.training.loop import train_epoch  # one import less in the longest chain

    config = run_config("smoke", objective, seed=seed, image_size=SIZE, precision="float32", epochs=epochs,
                        lr_image=RATE * 1e-3, lr_text=RATE * 1e-4, lr_head=RATE * 1e-3)
    rows = few_rows(dataset, split, classes)
    session = open_session(config, dataset, pixels, rows)
    seen = []
    for epoch in range(epochs + 1):
        if epoch:
            train_epoch(session, rows.train, seed=epoch)
        if epoch % every == 0:
            seen.append(session.task.validate(rows.valid).arrays)
    chosen = list(classes)
    return WatchedRun(
        epochs=np.arange(0, epochs + 1, every),
        images=np.stack([arrays["image_embeddings"] for arrays in seen]),
        captions=np.stack([arrays["caption_embeddings"][chosen] for arrays in seen]),
        answers=np.stack([arrays["logits"][:, chosen].argmax(axis=1) for arrays in seen]),
        target=np.array([chosen.index(index) for index in dataset.target[rows.valid]]),
    )
