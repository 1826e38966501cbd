"""An epoch of images alone: from the pixel cache, and from JPEG files by the workers of a DataLoader.

Two products are timed on both sides: the bytes of a batch, (B, S, S, 3), and the batch as the model takes it, floats
(B, 3, S, S), normalised. The files are as large as iMiGUE's frames; for the bytes, files that are S x S already, too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from benchmarks.harness import Result, alternate, faster, rate
from benchmarks.original_loop import CaptionedImages
from benchmarks.pictures import make_data, make_frames
from benchmarks.training import LARGE_ON_CPU, SMALL
from mgutils.config import SynthConfig
from mgutils.models.encoders import as_images, make_tokenizer
from mgutils.training.batches import PixelLoader, batches

BATCH = 32
ROUNDS = 5
PASSES = 10
"""Epochs over the cache in a round: one is over too soon to be timed well."""
SETS = {"64": SMALL.synth, "224": LARGE_ON_CPU.synth}


class Bytes(CaptionedImages):
    """The same files, decoded and resized, but not normalised."""

    def __getitem__(self, place: int) -> torch.Tensor:
        return torch.from_numpy(np.array(self.decode(place)))


def measure(folder: Path, workers: int) -> list[Result]:
    """All products at both sizes, on the CPU."""
    return [result for name, synth in SETS.items() for result in _measure(name, synth, folder, workers)]


def _measure(name: str, synth: SynthConfig, folder: Path, workers: int) -> list[Result]:
    dataset, pixels = make_data(synth, folder)
    rows, loader = np.arange(len(dataset)), PixelLoader(pixels, torch.device("cpu"))
    names = dataset.labels.names
    frames, small = make_frames(dataset), [dataset.image_path(row) for row in rows]
    about = [names[index] for index in dataset.target], make_tokenizer("scratch", names), synth.size
    files = {kind: DataLoader(of(paths, *about), BATCH, shuffle=True, num_workers=workers,
                              persistent_workers=workers > 0)
             for kind, of, paths in (("bytes", Bytes, frames), ("ready", CaptionedImages, frames),
                                     ("prepared", Bytes, small))}
    cache: dict[str, Callable] = {"bytes": lambda pixels: pixels, "ready": as_images}
    contenders = {f"files_{kind}": partial(_exhaust, loader) for kind, loader in files.items()}
    contenders |= {f"cache_{kind}": partial(_read, loader, rows, finish) for kind, finish in cache.items()}
    for contender in contenders.values():
        contender()
    seconds = alternate(contenders, ROUNDS)
    for kind in cache:
        seconds[f"cache_{kind}"] = [value / PASSES for value in seconds[f"cache_{kind}"]]
    detail = {f"{contender}_images_per_s": rate(len(rows), values) for contender, values in seconds.items()}
    detail |= {"batch": BATCH, "images": len(rows), "rounds": ROUNDS, "workers": workers}
    return [faster(f"loading_{kind}_{name}", seconds[f"cache_{ours}"], seconds[f"files_{kind}"], **detail)
            for kind, ours in (("bytes", "bytes"), ("ready", "ready"), ("prepared", "bytes"))]


def _exhaust(loader: DataLoader) -> None:
    for _ in loader:
        pass


def _read(loader: PixelLoader, rows: np.ndarray, finish: Callable[[torch.Tensor], torch.Tensor]) -> None:
    for seed in range(PASSES):
        for batch in batches(rows, BATCH, seed):
            finish(loader(batch))
