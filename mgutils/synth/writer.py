"""Draws all frames of a plan and writes the pictures, in one process or in several.

The unit of work is a chunk of :data:`CHUNK` frames in the order of the plan, drawn with one thread, so that neither the
number of processes nor of threads changes a byte. Tables, and what makes a folder a dataset, are in ``studio``.
"""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from mgutils.config import SynthConfig
from mgutils.errors import MgError
from mgutils.progress import progress_bar
from mgutils.synth.frames import Set
from mgutils.synth.plan import Plan, make_plan

CHUNK = 16
"""Frames drawn at once. Another number gives other bytes."""
QUALITY = 92
"""Of the JPEG files; colour is kept at full resolution."""
WORTH = 2_000_000
"""Pixels for which another process is worth its start, which takes as long as drawing them."""
MOST_DEPTH = 65535
"""Farthest depth that is written, millimetres."""

Truth = dict[str, np.ndarray]
"""``uv``, ``xyz``, ``visible``, ``camera``, as in :class:`~mgutils.synth.frames.Stills`."""


def shoot_all(config: SynthConfig, plan: Plan, folder: Path, *, workers: int = 2, device: str = "cpu",
              progress: bool = True) -> tuple[Truth, str]:
    """Write ``training/<class>/<clip>.<frame>.jpg`` and, if asked for, ``depth/<class>/<clip>.<frame>.png``.

    Parameters
    ----------
    folder : Path
        Exists; the folders of the classes are made here.
    workers : int
        Processes, at most; few are used for little work. 1 draws in this one.
    progress : bool
        Show a bar with frames per second.

    Returns
    -------
    truth : dict
        Of all frames, in the order of ``plan.frames``.
    digest : str
        SHA-256 over those of the chunks' pictures.

    Raises
    ------
    MgError
        If a worker process ends before its work is done.
    """
    for class_id in plan.frames["class_id"].unique():
        (folder / "training" / str(class_id)).mkdir(parents=True)
        if config.depth:
            (folder / "depth" / str(class_id)).mkdir(parents=True)
    chunks = range(-(-len(plan.frames) // CHUNK))
    workers = max(1, min(workers, len(chunks), len(plan.frames) * config.size**2 // WORTH))
    truths, digest = [], hashlib.sha256()
    with (progress_bar(total=len(plan.frames), unit="frame", desc="studio", mininterval=0.5,
                       disable=not progress) as bar,
          _results(config, folder, chunks, workers, device) as results):
        for truth, part in results:
            truths.append(truth)
            digest.update(part)
            bar.update(len(truth["uv"]))
    return {name: np.concatenate([truth[name] for truth in truths]) for name in truths[0]}, digest.hexdigest()


class Unit:
    """Draws and writes chunks of a plan's frames."""

    def __init__(self, config: SynthConfig, folder: Path, device: str) -> None:
        self.set, self.folder = Set(config, make_plan(config), device), folder

    def shoot(self, chunk: int) -> tuple[Truth, bytes]:
        """Write the pictures of one chunk; returns its truth and the digest of its files."""
        frames = self.set.plan.frames.iloc[chunk * CHUNK:(chunk + 1) * CHUNK]
        stills = self.set.shoot(range(chunk * CHUNK, chunk * CHUNK + len(frames)))
        digest = hashlib.sha256()
        for row, rgb, depth in zip(frames.itertuples(), stills.rgb, stills.depth, strict=True):
            name = f"{row.class_id}/{row.clip_id}.{row.frame_id}"
            files = {f"training/{name}.jpg": jpeg(rgb)}
            if self.set.config.depth:
                files[f"depth/{name}.png"] = depth_png(depth)
            for path, content in files.items():
                (self.folder / path).write_bytes(content)
                digest.update(content)
        truth = {name: getattr(stills, name) for name in ("uv", "xyz", "visible", "camera")}
        return truth, digest.digest()


def jpeg(rgb: np.ndarray) -> bytes:
    """An image ``(H, W, 3)`` uint8 as a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue()


def depth_png(depth: np.ndarray) -> bytes:
    """Metres ``(H, W)`` as a 16-bit PNG file in millimetres."""
    buffer = io.BytesIO()
    millimetres = np.clip(np.rint(depth.astype(np.float64) * 1000), 0, MOST_DEPTH)
    Image.fromarray(millimetres.astype(np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


@contextmanager
def _results(config: SynthConfig, folder: Path, chunks: range, workers: int,
             device: str) -> Iterator[Iterator[tuple[Truth, bytes]]]:
    """The chunks' results in order, from this process or from others."""
    if workers == 1:
        unit = Unit(config, folder, device)
        with _one_thread():
            yield map(unit.shoot, chunks)
        return
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin,
                               (config, folder, device))
    try:
        yield pool.map(_shoot, chunks)
    except BrokenProcessPool:
        raise MgError(
            f"studio: found that one of {workers} worker processes ended before its work was done; wanted all of them. "
            "In a script, call make_dataset below `if __name__ == \"__main__\":`; where memory is short, use workers=1 "
            "(`--workers 1`).") from None
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch use one thread, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


_unit: Unit | None = None  # of a worker process


def _begin(config: SynthConfig, folder: Path, device: str) -> None:
    """Set up a worker process; it leaves interrupts to its parent and ends when its parent is gone."""
    global _unit
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    _unit = Unit(config, folder, device)


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)


def _shoot(chunk: int) -> tuple[Truth, bytes]:
    return _unit.shoot(chunk)
