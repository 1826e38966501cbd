"""Train a classifier that reads no text, through the same loop as every other run.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mgutils.config import RunConfig, TrainConfig
from mgutils.data.splits import Split
from mgutils.data.table import Dataset
from mgutils.metrics.scores import scores
from mgutils.models.classifier import Classifier, build_classifier
from mgutils.training.encode import classify_all
from mgutils.training.loop import Checked, follow
from mgutils.training.session import Session, make_session, seed_everything


def fit(config: RunConfig, dataset: Dataset, pixels: np.ndarray, split: Split, directory: Path | str, *,
        progress: bool = True, resume: bool = False) -> Path:
    """Train one classifier without text; :func:`mgutils.training.loop.fit` for everything else, parameters included.

    Taught in: 06, section 2.
    """
    session = open_session(config, dataset, pixels, split)
    return follow(session, dataset, split, directory, check=validate, progress=progress, resume=resume)


def open_session(config: RunConfig, dataset: Dataset, pixels: np.ndarray, split: Split) -> Session:
    """Seed everything, build the classifier and its optimizer, and put them on the device.

    Raises
    ------
    ConfigError
        If the network is unknown, or there is nothing to train or to validate on.
    """
    seed_everything(config.seed, config.train.threads)
    model = build_classifier(config.model, len(dataset.labels))
    return make_session(config, dataset, pixels, split, model, make_optimizer(model, config.train), class_ce)


def make_optimizer(model: Classifier, settings: TrainConfig) -> torch.optim.AdamW:
    """AdamW with the rates and the weight decay of the image encoder and of the heads."""
    return torch.optim.AdamW(fused=True, params=[
        {"params": list(model.network.parameters()), "lr": settings.lr_image, "weight_decay": 0.0},
        {"params": list(model.linear.parameters()), "lr": settings.lr_head,
         "weight_decay": settings.weight_decay_head}])


def class_ce(logits: Tensor, target: Tensor, temperature: float = 1.0) -> Tensor:
    """Plain cross entropy over all C classes, the mean over the batch.

    Shape: logits (B, C), target (B,) -> scalar.
    Taught in: 06, section 2.
    """
    return F.cross_entropy(logits / temperature, target)


@torch.no_grad()
def validate(session: Session, rows: np.ndarray) -> Checked:
    """Score some rows; the arrays to keep are ``logits`` (N, C) alone."""
    logits = classify_all(session.scored, session.feed, rows)
    target = session.target[rows]
    loss = float(class_ce(logits, torch.from_numpy(target).to(logits.device)))
    kept = logits.cpu().numpy()
    return scores(kept, target), loss, {"logits": kept}
