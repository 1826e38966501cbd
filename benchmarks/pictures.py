"""What is trained on: the studio's pictures, their pixel cache, and the files that a loop without a cache reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from mgutils.config import SynthConfig
from mgutils.data.images import in_threads, read_rgb
from mgutils.data.pixels import load_pixels
from mgutils.data.table import Dataset, read_dataset
from mgutils.files import atomic_file
from mgutils.synth.dataset import make_dataset

FRAME = (1280, 720)
"""Width and height of iMiGUE's frames."""
QUALITY = 90


def make_data(synth: SynthConfig, folder: Path, device: str = "cpu") -> tuple[Dataset, np.ndarray]:
    """The studio's pictures, made once, and their pixel cache."""
    root = make_dataset(synth, folder / f"{synth.size}-px-{synth.frames}-on-{device}", device=device)
    dataset = read_dataset(root)
    return dataset, load_pixels(dataset, synth.size, cache_dir=folder / "cache")


def make_frames(dataset: Dataset) -> list[Path]:
    """The dataset's pictures enlarged to :data:`FRAME`, a JPEG file for each row, made once.

    A picture that was enlarged is smooth; a JPEG decoder takes about as long for it as for a photograph of that size.
    """
    folder = dataset.root.with_name(f"{dataset.root.name}-as-{FRAME[0]}-x-{FRAME[1]}")
    paths = [folder / f"{row}.jpg" for row in range(len(dataset))]

    def enlarge(row: int) -> None:
        frame = read_rgb(dataset.image_path(row)).resize(FRAME, Image.Resampling.BICUBIC)
        with atomic_file(paths[row]) as aside:
            frame.save(aside, "JPEG", quality=QUALITY)

    missing = [row for row, path in enumerate(paths) if not path.exists()]
    for _ in in_threads(enlarge, missing, description=f"frames of {FRAME[0]} x {FRAME[1]}", progress=True):
        pass
    return paths
