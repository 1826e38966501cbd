"""Speed of the studio: frames a second with keypoints and depth, JPEG and PNG writing included, two processes.

The rate is that of the pictures' own times on disk, from the first to the last; the start of the processes and the
tables are named apart. Processor time per frame, from one process, tells what free cores would do on a busy machine.
Target: 40 frames a second at 96 px on two cores that have nothing else to do.
"""

import os
import tempfile
import time
from pathlib import Path

from mgutils.config import SynthConfig
from mgutils.synth.crew import CHUNK
from mgutils.synth.studio import make_dataset

SIZES = (96, 64)
FRAMES = 2400
WORKERS = 2


def measure(size: int) -> tuple[float, float, float]:
    """Frames a second, seconds until the first picture, seconds after the last one."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.time()
        root = make_dataset(SynthConfig(frames=FRAMES, size=size, depth=True), Path(folder) / "set", workers=WORKERS,
                            progress=False)
        end = time.time()
        times = sorted(path.stat().st_mtime for path in root.glob("training/*/*.jpg"))
    return (len(times) - 1) / (times[-1] - times[0]), times[0] - start, end - times[-1]


def processor_time(size: int) -> float:
    """Seconds of one core per frame, the tables included."""
    with tempfile.TemporaryDirectory() as folder:
        config = SynthConfig(frames=20 * CHUNK, size=size, depth=True)
        start = time.process_time()
        make_dataset(config, Path(folder) / "set", workers=1, progress=False)
        return (time.process_time() - start) / config.frames


if __name__ == "__main__":
    for size in SIZES:
        load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
        rate, before, after = measure(size)
        print(f"studio, {size} px, {WORKERS} workers: {rate:.0f} frames/s; {before:.1f} s to start, {after:.1f} s for "
              f"the tables; {processor_time(size) * 1000:.1f} ms of processor time a frame; load {load} on "
              f"{os.cpu_count()} cores", flush=True)
