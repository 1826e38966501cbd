"""An epoch of videos and sentences: features of frames that are kept, against the same frames through the encoder.

``python -m benchmarks.frames`` prints the table. Both are the same session on the same batches and moments; one reads
each frame's features from the array that a run keeps, the other encodes the frames that a batch reads. Times are the
process's own on one thread, so that a neighbour costs little; a ratio is that of the two in the same round.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
from torch import nn

from benchmarks.harness import Bar, Result, faster, rate, table
from benchmarks.skeleton import process_times
from mgutils.config import FrameFeatures, Pair, SpaceConfig, TextVectors, space_config
from mgutils.data.csv import write_csv
from mgutils.data.items import load_modality, read_clip_dataset, write_clips
from mgutils.data.labels import Labels
from mgutils.data.modalities import MadeRows
from mgutils.data.splits import Split
from mgutils.models.encoders import ImageEncoder
from mgutils.training.derived import make_rows
from mgutils.training.frames import encode_frames
from mgutils.training.loop import train_epoch
from mgutils.training.session import Session, open_session

CLIPS, LENGTH, SIDE, ROUNDS = 64, 8, 48, 3
"""As many frames a clip, and as large, as the `cpu` profile has."""
BARS = [Bar("frames_kept", "cpu", "epoch of videos and sentences, features kept / EfficientNet-Lite0 on each frame",
            20)]


@dataclass(frozen=True)
class Encoding:
    """In the place of kept features: rows are encoded when they are read."""

    frames: np.ndarray
    encoder: nn.Module

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        found = encode_frames(self.frames, self.encoder, places=rows.ravel())
        return found.reshape(*rows.shape, -1)


def write_noise(root: Path, clips: int = CLIPS) -> Path:
    """Clips of noise, and a sentence about each."""
    root.mkdir(parents=True)
    number = np.arange(clips)
    frames = np.random.default_rng(0).integers(0, 256, (clips * LENGTH, SIDE, SIDE, 3))
    table = pd.DataFrame({"clip_id": number, "class_id": number % 2 + 1, "frames": LENGTH})
    write_clips(root, table, Labels(("Turtle neck", "Folding arms")), {"rgb": frames})
    said = pd.DataFrame({"clip_id": number, "number": 1, "sentence": [f"clip number {clip}" for clip in number]})
    write_csv(said, root / "sentences.csv")
    return root


def sessions(root: Path, encoder: nn.Module) -> dict[str, Session]:
    """Two sessions of the same weights, of which one reads kept features."""
    dataset = read_clip_dataset(root)
    frames = load_modality(dataset, "rgb")
    said = TextVectors(tower="words")
    kept = MadeRows(encode_frames(frames, encoder), np.arange(len(frames)), np.full(len(dataset), LENGTH))
    arrays = {"features": kept, "sentence": make_rows(dataset, said)}
    model = SpaceConfig((Pair("features", "sentence"),), derived=(FrameFeatures(), said))
    run = space_config("cpu", model, "frames", "clip", threads=1)
    rows = np.arange(len(dataset))
    found = {}
    for name in ("kept", "encoded"):
        session = open_session(run, dataset, arrays, Split("clip", rows, rows[:2]))
        if name == "encoded":
            reader = session.task.reader
            encoding = replace(kept, array=Encoding(frames, encoder))
            session.task.reader = replace(reader, arrays={**reader.arrays, "features": encoding})
        found[name] = session
    return found


def measure(clips: int = CLIPS, rounds: int = ROUNDS) -> list[Result]:
    """How many times as fast an epoch is whose features are kept."""
    torch.set_num_threads(1)
    encoder = ImageEncoder("tf_efficientnet_lite0", pretrained=False).eval()
    with TemporaryDirectory() as folder:
        found = sessions(write_noise(Path(folder) / "clips", clips), encoder)
        rows = np.arange(clips)
        contenders = {name: lambda session=session: train_epoch(session, rows, seed=0) for name, session in
                      found.items()}
        seconds = process_times(contenders, rounds)
    detail = {f"{name}_clips_per_s": rate(clips, times) for name, times in seconds.items()}
    return [faster("frames_kept", seconds["kept"], seconds["encoded"], clips=clips, frames=LENGTH, **detail)]


if __name__ == "__main__":
    results = {result.key: result for result in measure()}
    print(table(BARS, results, {"cpu": "not measured"}))
    for result in results.values():
        print(result.key, result.detail)
    print(f"load {os.getloadavg()[0]:.1f}")
