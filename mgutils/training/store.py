"""The run store: train what is missing, load what is there.

A run lives in ``<out_dir>/runs/<objective>-<split>-s<seed>-<key>``, where the key is a hash of its
configuration and of the data. So two notebooks that need the same run share it, and a changed
setting or image makes a new one. A run is trained in a folder with the suffix ``.partial``, which
is renamed when it is whole (see ``whole``).
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
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mgutils.config import RunConfig
from mgutils.data.pixels import check_pixels, fingerprint
from mgutils.data.protocol import split_of, warn_of_one_class
from mgutils.data.table import Dataset
from mgutils.progress import progress_bar
from mgutils.training.inputs import Kind, input_kind, load_array, read_rows
from mgutils.training.run import Run
from mgutils.training.start import warn_of_start
from mgutils.training.whole import find_fault


def train_all(configs: Sequence[RunConfig], data_root: Path | str, out_dir: Path | str, *,
              jobs: int = 2, progress: bool = True, resume: bool = True,
              log_with: str = "") -> list[Run]:
    """Train the runs that the store lacks, several at a time. Returns all of them, in order.

    A run whose files are not as its receipt lists them is trained again, with a message on the
    error stream.

    Parameters
    ----------
    configs : sequence of RunConfig
    data_root : path
        A dataset in the original's layout, or of clips.
    out_dir : path
        Holds ``runs/`` and the pixel cache.
    jobs : int
        Processes. Results do not depend on it if the configuration fixes the number of threads.
    progress : bool
        Show a bar in epochs.
    resume : bool
        Continue a stopped run after its last whole epoch; else begin it anew.
    log_with : str
        A tracker that accelerate knows, such as ``tensorboard``.
    """
    out_dir = Path(out_dir)
    kinds = {input_kind(config): None for config in configs}
    dataset = read_rows(data_root, next(iter(kinds)))
    warn(warn_of_one_class(dataset, split_of(config, dataset)) for config in configs)
    for kind in kinds:
        pixels = load_array(dataset, kind, out_dir / "cache", progress)
        check_pixels(pixels)
        kinds[kind] = fingerprint(dataset, pixels)
    warn(warn_of_start(config, dataset, out_dir / "cache") for config in configs)
    folders = [run_directory(config, kinds[input_kind(config)], out_dir) for config in configs]
    faults = {folder: find_fault(folder, hashes=True) for folder in folders}
    for folder, fault in faults.items():
        if fault and folder.exists():
            print(f"mg: {fault}. The run is trained again.", file=sys.stderr)
    wanted = dict(zip(folders, configs, strict=True))
    missing = {folder: config for folder, config in wanted.items() if faults[folder]}
    if missing:
        _train_missing(missing, Path(data_root), out_dir, min(jobs, len(missing)), progress, resume,
                       log_with)
    return [Run(folder) for folder in folders]


def warn(texts: Iterable[str]) -> None:
    """Print each warning once, on the error stream of the first of several processes."""
    for text in dict.fromkeys(texts):
        if text and os.environ.get("RANK", "0") == "0":
            print(f"mg: warning: {text}", file=sys.stderr, flush=True)


def run_directory(config: RunConfig, data: str, out_dir: Path) -> Path:
    """Folder of a run in the store; ``data`` is the data's fingerprint."""
    text = json.dumps(config.as_dict(), sort_keys=True) + data
    key = hashlib.sha256(text.encode()).hexdigest()[:10]
    return out_dir / "runs" / f"{config.objective}-{config.split}-s{config.seed}-{key}"


def _train_missing(missing: dict[Path, RunConfig], data_root: Path, out_dir: Path, jobs: int,
                   progress: bool, resume: bool, log_with: str) -> None:
    if jobs == 1:
        for folder, config in missing.items():
            _train_one(config, data_root, out_dir, folder, resume, progress, log_with)
        return
    # the longest runs first: then no process waits long for the last one
    longest_first = sorted(missing.items(), key=lambda item: -item[1].train.epochs)
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    epochs = sum(config.train.epochs for config in missing.values())
    bar = progress_bar(
        total=epochs, unit="epoch", desc=f"{len(missing)} runs", disable=not progress)
    with ProcessPoolExecutor(jobs, context, _end_with_parent) as pool, bar:
        futures = []
        for folder, config in longest_first:
            futures.append(pool.submit(
                _train_one, config, data_root, out_dir, folder, resume, log_with=log_with,
                load=_load_once))
        try:
            while not all(future.done() for future in futures):
                time.sleep(0.5)
                _show(bar, missing)
                _stop_at_first_error(futures)
        except KeyboardInterrupt:
            # leaving the pool waits for its workers, and not every Ctrl-C reaches them
            for worker in set(multiprocessing.active_children()) - others:
                worker.terminate()
            raise
        _stop_at_first_error(futures)
        _show(bar, missing)


def _end_with_parent() -> None:
    """End a worker when its parent process ends, even if that was killed."""
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
    """Set the bar to the number of epochs in the logs."""
    bar.n = 0
    for folder in folders:
        for log in (folder / "log.jsonl", _partial(folder) / "log.jsonl"):
            if log.exists():
                bar.n += log.read_bytes().count(b"\n")
    bar.refresh()


def _partial(folder: Path) -> Path:
    return folder.with_name(folder.name + ".partial")


def _load(data_root: Path, kind: Kind, out_dir: Path) -> tuple[Dataset, np.ndarray]:
    dataset = read_rows(data_root, kind)
    return dataset, load_array(dataset, kind, out_dir / "cache", progress=False)


@cache
def _load_once(data_root: Path, kind: Kind, out_dir: Path) -> tuple[Dataset, np.ndarray]:
    """:func:`_load` for a worker, which trains several runs on the same data."""
    return _load(data_root, kind, out_dir)


def _train_one(config: RunConfig, data_root: Path, out_dir: Path, folder: Path, resume: bool,
               progress: bool = False, log_with: str = "",
               load: Callable[[Path, Kind, Path], tuple[Dataset, np.ndarray]] = _load) -> None:
    """Train one run in its partial folder, and rename that when the run is whole."""
    import torch

    from mgutils.training.distributed import rank_and_world_size
    from mgutils.training.loop import fit

    dataset, pixels = load(data_root, input_kind(config), out_dir)
    split = split_of(config, dataset)
    partial = _partial(folder)
    threads = torch.get_num_threads()
    try:
        fit(config, dataset, pixels, split, partial, progress=progress, resume=resume,
            log_with=log_with)
    finally:
        torch.set_num_threads(threads)
    if rank_and_world_size()[0] == 0:
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
