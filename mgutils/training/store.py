"""The run store: train what is missing, load what is there.

A run lives in ``<out_dir>/runs/<objective>-<split>-s<seed>-<key>``, where the key is a hash of its whole configuration
and of the data. So two notebooks that need the same run share it, and a changed setting or image makes a new one. A run
is written aside and renamed when it is whole; what that means is said in ``whole``.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mgutils.config import RunConfig
from mgutils.data.pixels import check_pixels, load_pixels
from mgutils.data.splits import split_of
from mgutils.data.table import Dataset, read_dataset
from mgutils.progress import progress_bar
from mgutils.training.run import Run
from mgutils.training.whole import find_fault


def train_all(configs: Sequence[RunConfig], data_root: Path | str, out_dir: Path | str, *, jobs: int = 2,
              progress: bool = True, resume: bool = True) -> list[Run]:
    """Train the runs that the store lacks, several at a time, and return all of them in the order given.

    A run whose files are not as its receipt lists them is trained again, and said on the error stream.

    Parameters
    ----------
    configs : sequence of RunConfig
    data_root : path
        A dataset in the original's layout.
    out_dir : path
        Holds ``runs/`` and the pixel cache.
    jobs : int
        Processes. Results do not depend on it when the configuration fixes the number of threads.
    progress : bool
        Show a bar in epochs.
    resume : bool
        Go on with a run that was stopped, after its last whole epoch; else begin it anew.
    """
    from mgutils.training.provenance import fingerprint  # torch, only now

    out_dir = Path(out_dir)
    dataset = read_dataset(data_root)
    for size in {config.train.image_size for config in configs}:
        pixels = load_pixels(dataset, size, cache_dir=out_dir / "cache", progress=progress)
        check_pixels(pixels)
    data = fingerprint(dataset, pixels)
    folders = [run_directory(config, data, out_dir) for config in configs]
    faults = {folder: find_fault(folder, hashes=True) for folder in folders}
    for folder, fault in faults.items():
        if fault and folder.exists():
            print(f"mg: {fault}. The run is trained again.", file=sys.stderr)
    missing = {folder: config for config, folder in zip(configs, folders, strict=True) if faults[folder]}
    if missing:
        _train_missing(missing, Path(data_root), out_dir, min(jobs, len(missing)), progress, resume)
    return [Run(folder) for folder in folders]




def run_directory(config: RunConfig, data: str, out_dir: Path) -> Path:
    """Folder of a run in the store; ``data`` is the data's fingerprint."""
    text = json.dumps(config.as_dict(), sort_keys=True) + data
    key = hashlib.sha256(text.encode()).hexdigest()[:10]
    return out_dir / "runs" / f"{config.objective}-{config.split}-s{config.seed}-{key}"


def _train_missing(missing: dict[Path, RunConfig], data_root: Path, out_dir: Path, jobs: int, progress: bool,
                   resume: bool) -> None:
    if jobs == 1:
        for folder, config in missing.items():
            _train_one(config, data_root, out_dir, folder, resume, progress)
        return
    epochs = sum(config.train.epochs for config in missing.values())
    others = set(multiprocessing.active_children())
    with (ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _end_with_parent) as pool,
          progress_bar(total=epochs, unit="epoch", desc=f"{len(missing)} runs", disable=not progress) as bar):
        longest_first = sorted(missing.items(), key=lambda item: -item[1].train.epochs)  # the last ones then wait least
        futures = [pool.submit(_train_one, config, data_root, out_dir, folder, resume, load=_load_once)
                   for folder, config in longest_first]
        try:
            while not all(future.done() for future in futures):
                time.sleep(0.5)
                _show(bar, missing)
                _stop_at_first_error(futures)
        except KeyboardInterrupt:
            # leaving the pool waits for its workers, and only a terminal sends Ctrl-C to them too
            for worker in set(multiprocessing.active_children()) - others:
                worker.terminate()
            raise
        _stop_at_first_error(futures)
        _show(bar, missing)


def _end_with_parent() -> None:
    """Have a worker end when the process that started it does, be it by a kill."""
    def watch() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _stop_at_first_error(futures: Sequence[Future]) -> None:
    for future in futures:
        if future.done() and future.exception() is not None:
            for other in futures:
                other.cancel()
            raise future.exception()


def _show(bar: Any, folders: dict[Path, RunConfig]) -> None:
    """Set the bar to the number of epochs written to the logs."""
    logs = [path for folder in folders for path in (folder / "log.jsonl", _aside(folder) / "log.jsonl")]
    bar.n = sum(path.read_bytes().count(b"\n") for path in logs if path.exists())
    bar.refresh()


def _aside(folder: Path) -> Path:
    return folder.with_name(folder.name + ".partial")


def _load(data_root: Path, size: int, out_dir: Path) -> tuple[Dataset, np.ndarray]:
    dataset = read_dataset(data_root)
    return dataset, load_pixels(dataset, size, cache_dir=out_dir / "cache", progress=False)


@cache
def _load_once(data_root: Path, size: int, out_dir: Path) -> tuple[Dataset, np.ndarray]:
    """For the processes of a pool, which live as long as one call of :func:`train_all`."""
    return _load(data_root, size, out_dir)


def _train_one(config: RunConfig, data_root: Path, out_dir: Path, folder: Path, resume: bool, progress: bool = False,
               load: Callable[[Path, int, Path], tuple[Dataset, np.ndarray]] = _load) -> None:
    """Train one run aside, and rename its folder when it is whole."""
    import torch

    from mgutils.training.distributed import rank_and_world_size
    from mgutils.training.loop import fit

    dataset, pixels = load(data_root, config.train.image_size, out_dir)
    aside, threads = _aside(folder), torch.get_num_threads()
    try:
        fit(config, dataset, pixels, split_of(config, dataset), aside, progress=progress, resume=resume)
    finally:
        torch.set_num_threads(threads)
    if rank_and_world_size()[0] == 0:
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
