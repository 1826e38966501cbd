"""Render all frames of a plan and write the image files, in one process or in several.

The unit of work is a chunk of :data:`CHUNK` frames in the order of the plan, rendered with one thread, so that neither
the number of processes nor of threads changes a byte. Tables, and what makes a folder a dataset, are in ``dataset``.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed
from numpy import ndarray
from PIL import Image

from mgutils.config import SynthConfig
from mgutils.errors import MgError
from mgutils.progress import progress_bar
from mgutils.synth.frames import render_frames
from mgutils.synth.plan import Plan

CHUNK = 16
"""Frames rendered at once. Another number gives other bytes."""
QUALITY = 92
"""Of the JPEG files; colour is kept at full resolution."""
WORTH = 2_000_000
"""Pixels that are worth another process, whose start takes as long as rendering them."""
IDLE = 10
"""Seconds after which a worker without work ends, be it that this process was killed."""
MAX_DEPTH = 65535
"""Largest depth that is written, millimetres."""

Truth = dict[str, ndarray]
"""``uv``, ``xyz``, ``visible``, ``camera``, as in :func:`~mgutils.synth.frames.render_frames`."""


def render_all(config: SynthConfig, plan: Plan, folder: Path, *, workers: int = 2, device: str = "cpu",
               progress: bool = True) -> tuple[Truth, str]:
    """Write ``training/<class>/<clip>.<frame>.jpg`` and, with depth, ``depth/<class>/<clip>.<frame>.png``.

    Parameters
    ----------
    folder : Path
        Exists; the folders of the classes are made here.
    workers : int
        Processes, at most; fewer are used for little work. 1 renders in this one.
    progress : bool
        Show a bar with frames per second.

    Returns
    -------
    truth : dict
        Of all frames, in the order of ``plan.frames``.
    digest : str
        SHA-256 over those of the chunks' files.

    Raises
    ------
    MgError
        If a worker process ends before its work is done.
    """
    frames = plan.frames
    for class_id in frames["class_id"].unique():
        for kind in ("training", "depth") if config.depth else ("training",):
            (folder / kind / str(class_id)).mkdir(parents=True)
    starts = range(0, len(frames), CHUNK)
    tasks = (delayed(render_chunk)(config, frames[start:start + CHUNK], folder, device) for start in starts)
    workers = max(1, min(workers, len(starts), len(frames) * config.size**2 // WORTH))
    parallel = Parallel(workers, return_as="generator", batch_size=1, idle_worker_timeout=IDLE)
    truths = []
    digest = hashlib.sha256()
    with progress_bar(total=len(frames), unit="frame", desc="studio", mininterval=0.5, disable=not progress) as bar:
        try:
            for truth, part in parallel(tasks):
                truths.append(truth)
                digest.update(part)
                bar.update(len(truth["uv"]))
        except BrokenProcessPool:
            raise MgError(f"studio: found that one of {workers} worker processes ended before its work was done; "
                          "wanted all of them. Where memory is short, use workers=1 (`--workers 1`).") from None
    return {name: np.concatenate([truth[name] for truth in truths]) for name in truths[0]}, digest.hexdigest()


def render_chunk(config: SynthConfig, frames: pd.DataFrame, folder: Path, device: str) -> tuple[Truth, bytes]:
    """Write the images of some rows of ``plan.frames``; returns their truth and the digest of the files."""
    with one_thread():
        truth = render_frames(config, frames, device)
    digest = hashlib.sha256()
    for row, rgb, depth in zip(frames.itertuples(), truth.pop("rgb"), truth.pop("depth"), strict=True):
        name = f"{row.class_id}/{row.clip_id}.{row.frame_id}"
        files = {f"training/{name}.jpg": _encoded(rgb, "JPEG", quality=QUALITY, subsampling=0)}
        if config.depth:
            millimetres = np.clip(np.rint(depth.astype(np.float64) * 1000), 0, MAX_DEPTH)
            files[f"depth/{name}.png"] = _encoded(millimetres.astype(np.uint16), "PNG")
        for path, content in files.items():
            (folder / path).write_bytes(content)
            digest.update(content)
    return truth, digest.digest()


@contextmanager
def one_thread() -> Iterator[None]:
    """Have torch use one thread, so that their number changes no byte."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _encoded(pixels: ndarray, kind: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()
