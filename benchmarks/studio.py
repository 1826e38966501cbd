"""Speed of the studio: frames a second with keypoints and depth, JPEG and PNG writing included.

The rate is that of the pictures' own times on disk, from the first to the last; the start of the processes and the
tables are named apart. Processor time per frame, from one process, tells what free cores would do on a busy machine.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.harness import Result
from mgutils.config import SynthConfig
from mgutils.synth.dataset import make_dataset
from mgutils.synth.writer import CHUNK


def measure(workers: int) -> list[Result]:
    """At 96 px on the CPU, at 224 px on a GPU."""
    if torch.cuda.is_available():
        return [_measure("studio_224", SynthConfig(frames=8192, size=224, depth=True), workers, "cuda")]
    return [_measure("studio_96", SynthConfig(frames=1600, size=96, depth=True), workers, "cpu")]


def _measure(key: str, config: SynthConfig, workers: int, device: str) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        start = time.time()
        root = make_dataset(config, Path(folder) / "set", workers=workers, device=device, progress=False)
        end = time.time()
        times = sorted(path.stat().st_mtime for path in root.glob("training/*/*.jpg"))
    detail = {"frames": config.frames, "workers": workers, "device": device, "depth_images": config.depth,
              "seconds_to_start": round(times[0] - start, 1), "seconds_for_tables": round(end - times[-1], 1)}
    if device == "cpu":
        detail["processor_ms_per_frame"] = round(1000 * _processor_time(config.size), 1)
    return Result(key, (len(times) - 1) / (times[-1] - times[0]), detail=detail)


def _processor_time(size: int) -> float:
    """Seconds of one core per frame, the tables included."""
    with tempfile.TemporaryDirectory() as folder:
        config = SynthConfig(frames=20 * CHUNK, size=size, depth=True)
        start = time.process_time()
        make_dataset(config, Path(folder) / "set", workers=1, progress=False)
        return (time.process_time() - start) / config.frames


if __name__ == "__main__":
    print(measure(min(8, os.cpu_count() or 1)))
