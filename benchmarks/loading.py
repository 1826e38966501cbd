"""An epoch of images alone: from the pixel cache, and from JPEG files by the workers of a DataLoader.

Two products are timed on both sides: the bytes of a batch, (B, S, S, 3), and the batch as the model takes it, floats
(B, 3, S, S), normalised.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from benchmarks.harness import Result, alternate, faster, rate
from benchmarks.seed_loop import CaptionedImages
from benchmarks.training import LARGE_ON_CPU, SMALL, make_data
from mgutils.config import SynthConfig
from mgutils.feed import Feed, batches
from mgutils.models.encoders import as_images, make_tokenizer

BATCH = 32
ROUNDS = 5
SETS = {"64": SMALL.synth, "224": LARGE_ON_CPU.synth}


class Bytes(CaptionedImages):
    """The same files, decoded and resized, but not normalised."""

    def __getitem__(self, place: int) -> torch.Tensor:
        return torch.from_numpy(np.array(self.decode(place)))


def measure(folder: Path, workers: int) -> list[Result]:
    """Both products at both sizes, on the CPU."""
    return [result for name, synth in SETS.items() for result in _measure(name, synth, folder, workers)]


def _measure(name: str, synth: SynthConfig, folder: Path, workers: int) -> list[Result]:
    dataset, pixels = make_data(synth, folder)
    rows, feed = np.arange(len(dataset)), Feed(pixels, torch.device("cpu"))
    names = dataset.labels.names
    about = ([dataset.image_path(row) for row in rows], [names[index] for index in dataset.target],
             make_tokenizer("scratch", names), synth.size)
    files = {kind: DataLoader(of(*about), BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
             for kind, of in (("bytes", Bytes), ("ready", CaptionedImages))}
    cache: dict[str, Callable] = {"bytes": lambda pixels: pixels, "ready": as_images}
    contenders = {f"files_{kind}": partial(_exhaust, loader) for kind, loader in files.items()}
    contenders |= {f"cache_{kind}": partial(_read, feed, rows, finish) for kind, finish in cache.items()}
    for contender in contenders.values():
        contender()
    seconds = alternate(contenders, ROUNDS)
    detail = {f"{contender}_images_per_s": rate(len(rows), values) for contender, values in seconds.items()}
    detail |= {"batch": BATCH, "images": len(rows), "rounds": ROUNDS, "workers": workers}
    return [faster(f"loading_{kind}_{name}", seconds[f"cache_{kind}"], seconds[f"files_{kind}"], **detail)
            for kind in cache]


def _exhaust(loader: DataLoader) -> None:
    for _ in loader:
        pass


def _read(feed: Feed, rows: np.ndarray, finish: Callable[[torch.Tensor], torch.Tensor]) -> None:
    for batch in batches(rows, BATCH, seed=0):
        finish(feed(batch))
