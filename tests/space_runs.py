"""Clips of noise, and runs of alignment that nobody trained."""

from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.config import SpaceConfig, space_config, star
from mgutils.data.items import read_clip_dataset, write_clips
from mgutils.data.labels import Labels
from mgutils.data.table import Dataset
from mgutils.training.run import Run

NAMES = ("rgb", "depth", "joints")
CLIPS, FRAMES = 30, 4


def noise_clips(root: Path) -> Dataset:
    """Thirty clips of three classes; every seventh has no depth."""
    rng, total = np.random.default_rng(0), CLIPS * FRAMES
    arrays = {"joints": rng.uniform(0.1, 0.9, (total, 22, 3)), "rgb": rng.integers(0, 256, (total, 12, 12, 3)),
              "depth": rng.integers(900, 3000, (total, 12, 12))}
    number = np.arange(CLIPS)
    table = pd.DataFrame({"clip_id": number, "class_id": number % 3 + 1, "frames": FRAMES,
                          "lacks": np.where(number % 7 == 0, "depth", "")})
    write_clips(root, table, Labels(("Turtle neck", "Folding </script> arms ", "Touching jaw")), arrays)
    return read_clip_dataset(root)


def made_run(dataset: Dataset, folder: Path, model: object = None, **arrays: np.ndarray) -> Run:
    """A run without files: each clip has a direction that its modalities share, up to noise."""
    run, rng = Run(folder), np.random.default_rng(1)
    shared = rng.normal(size=(len(dataset), 8))
    valid = np.arange(10, CLIPS)
    found = {name: (shared + rng.normal(size=shared.shape)).astype(np.float32) for name in NAMES}
    run.__dict__["config"] = space_config("smoke", model or SpaceConfig(star("rgb", NAMES[1:])), "star")
    run.__dict__["_outputs"] = found | {"valid": valid, "target": dataset.target[valid]} | arrays
    return run
