"""Classes that a run has never heard of: their captions alone find their images.

What a run left out of its own training is scored in ``zero_shot``; here the classes are another
dataset's.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from mgutils.data.pixels import load_pixels
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.evaluation.embed import load_run
from mgutils.evaluation.zero_shot import ZeroShot
from mgutils.losses import similarity_logits
from mgutils.metrics.scores import scores
from mgutils.models.encoders import tokenize
from mgutils.training.batches import PixelLoader
from mgutils.training.encode import encode_all


@torch.no_grad()
def score_texts(run_dir: Path | str, dataset: Dataset) -> tuple[ZeroShot, list[str]]:
    """Let the captions of other classes, which a run never saw, find the images of these classes.

    Returns
    -------
    ZeroShot
        All images of the dataset whose class the run does not know; ``among_all`` and ``seen`` are
        then ``among_left_out`` too, as nothing else competes.
    unknown : list of str
        Words of the captions that the run's tokenizer cannot tell from any other word.

    Raises
    ------
    ConfigError
        If the run reads no text, or knows all classes of the dataset.
    """
    run = load_run(run_dir)
    if run.tokenizer is None:
        raise ConfigError(f"{run_dir}: found a classifier that reads no text; wanted a run with "
                          "captions, which `mg train` makes without --task classification.")
    names = dataset.labels.names
    new = [index for index, name in enumerate(names) if name not in run.labels.names]
    rows = np.flatnonzero(np.isin(dataset.target, new))
    if not len(rows):
        raise ConfigError(f"{dataset.root}: found no image of a class that {run_dir} does not know; "
                          "wanted some. `mg evaluate` scores the classes that it knows.")
    captions = [names[index] for index in new]
    tokens = tokenize(run.tokenizer, captions)
    pixels = load_pixels(dataset, run.config.train.image_size)
    images, texts = encode_all(
        run.model, PixelLoader(pixels, torch.device("cpu")), rows, tokens)
    logits = similarity_logits(images, texts, run.model.temperature).numpy()  # (n, k)
    target = np.searchsorted(new, dataset.target[rows])
    found = scores(logits, target)
    lost = {word for text in captions for word in text.split()
            if run.tokenizer.unk_token in run.tokenizer.tokenize(word)}
    return ZeroShot(np.array(new), logits, target, found, found, found), sorted(lost)
