"""The embedding microscope: one HTML file in which a run's similarities can be looked at cell by cell.

It holds a batch of validation images, their captions and the run's own embeddings; the page itself recomputes softmax
and losses when the temperature is moved. Its look and its script are in ``web``. It needs no server and no network.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.colors import to_hex

from mgutils.course.templates import jpeg_uri, read_web, render, write_page
from mgutils.data.captions import class_captions
from mgutils.data.images import read_rgb
from mgutils.data.table import Dataset, read_dataset
from mgutils.errors import ConfigError
from mgutils.training.run import Run
from mgutils.training.whole import find_fault

_PICTURE = (160, 160)
"""Longest side of an embedded picture, in pixels."""


def write_microscope(run_dir: Path | str, data_root: Path | str, page: Path | str, *, images: int = 32,
                     seed: int = 0) -> Path:
    """Write the page of a run.

    Parameters
    ----------
    run_dir : path
        Folder that a training run of images and captions left.
    data_root : path
        The dataset that it was trained on.
    page : path
        The HTML file; whole or absent.
    images : int
        Size of the batch; at most as many as were validated.
    seed : int
        Of the choice of images.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ConfigError
        If the folder is no such run, its dataset is another one, or ``images`` is below 2.
    DataError
        If the dataset does not keep the contract.
    """
    page, dataset = Path(page), read_dataset(data_root)
    content = collect(_read_run(Path(run_dir), dataset), dataset, images=images, seed=seed)
    html = render("microscope.html", title=content["run"], style=Markup(read_web("microscope.css")),
                  script=Markup(read_web("microscope.js")), data=Markup(as_script_text(content)))
    write_page(page, html)
    return page


def collect(run: Run, dataset: Dataset, *, images: int = 32, seed: int = 0) -> dict[str, Any]:
    """All that the page knows, in plain types.

    Raises
    ------
    ConfigError
        If ``images`` is below 2.
    """
    chosen = choose(run.target, images, seed)
    rows, config = run.valid[chosen], run.config
    top1 = f"top-1 {100 * run.metrics['top1']:.1f} % of {len(run.valid):,} validation images"
    return {
        "run": run.directory.name,
        "line": f"{config.objective}, split by {config.split}, seed {config.seed}: {top1}. "
                f"Here are {len(chosen)} of them.",
        "target": run.target[chosen].tolist(), "names": list(dataset.labels.display),
        "captions": list(class_captions(dataset.labels, config.captions, config.seed)),
        "paths": dataset.frames["path"].iloc[rows].tolist(),
        "pictures": [jpeg_uri(read_rgb(dataset.image_path(int(row))), _PICTURE, quality=88) for row in rows],
        "dimensions": run.image_embeddings.shape[1], "normalized": config.loss.normalize,
        "temperature": run_temperature(run),
        "image": _floats(run.image_embeddings[chosen]), "caption": _floats(run.caption_embeddings),
        "palette": [to_hex(color) for color in matplotlib.colormaps["cividis"](np.arange(256))],
    }


def choose(target: np.ndarray, images: int, seed: int) -> np.ndarray:
    """Places of a random batch, sorted by class.

    Raises
    ------
    ConfigError
        If ``images`` is below 2.
    """
    if images < 2:
        raise ConfigError(f"images: found {images}; wanted at least 2, one batch.")
    places = np.random.default_rng(seed).permutation(len(target))[:images]
    return places[np.lexsort((places, target[places]))]


def run_temperature(run: Run) -> float:
    """The temperature of a run's best epoch: as configured, or, where it was learned, as its logits tell."""
    if not run.config.loss.learn_temperature:
        return run.config.loss.temperature
    products = run.image_embeddings.astype(float) @ run.caption_embeddings.T.astype(float)
    return float((products**2).sum() / (products * run.logits).sum())


def as_script_text(content: dict[str, Any]) -> str:
    """JSON that may stand inside a script element, whatever the texts in it."""
    return json.dumps(content, ensure_ascii=False).replace("<", "\\u003c")


def _read_run(run_dir: Path, dataset: Dataset) -> Run:
    """A run of images and captions that was made of this dataset."""
    run = Run(run_dir)
    if not run.config.reads_text:
        raise ConfigError(f"{run_dir}: found a classifier that reads no text; wanted a run of images and captions, "
                          "such as sound_ce.")
    if fault := find_fault(run_dir, ("outputs.npz", "metrics.json"), hashes=True):
        raise ConfigError(f"{fault}, as a finished run left it. Run `mg train` to its end, or copy the run's folder "
                          "again.")
    fits = run.caption_embeddings.shape[0] == len(dataset.labels) and run.valid.max() < len(dataset)
    if not fits or (dataset.target[run.valid] != run.target).any():
        raise ConfigError(f"{run_dir}: found a run of other data than {dataset.root}; wanted the dataset that it was "
                          "trained on.")
    return run


def _floats(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()
