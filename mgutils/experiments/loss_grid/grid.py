"""The loss grid: which conditions are tried, and a table of results that is never computed twice.

A *cell* of the grid is one setting of the loss (:class:`mgutils.experiments.loss_grid.stack.Condition`). All cells
of one seed share everything but the cell, so that whatever differs between two of them is the
cell's doing. How cells are trained is in :mod:`mgutils.experiments.loss_grid.toy`; the pictures are
in :mod:`mgutils.report.figures.loss_grid`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
import torch

from mgutils.data.csv import write_csv
from mgutils.errors import ConfigError
from mgutils.experiments.loss_grid import stack, toy
from mgutils.experiments.loss_grid.stack import Condition
from mgutils.experiments.loss_grid.toy import ToySetup, train_cells
from mgutils.files import atomic_file
from mgutils.losses import divergences, image_text
from mgutils.progress import progress_bar

_CODE = hashlib.sha256(b"".join(Path(module.__file__).read_bytes()
                                for module in (toy, stack, divergences, image_text))).hexdigest()
"""A result is good for the code that made it."""
COLLAPSED_COSINE = 0.99
"""Mean cosine between the caption embeddings above which they count as one."""
FEW_CLASSES = 5
"""Number of predicted classes below which a model says always the same."""
GAIN = 0.02
"""What a model must add to the constant class's top-1 to count as having learned something."""
STACK = 24
"""Cells that are trained in one stack of weights: enough to fill a core, few enough for its cache."""

REPORT_CE = Condition("transposed", "ce", normalize=False, temperature=0.05, through=True)
"""What the report's "cross entropy" row ran."""
REPORT_KL = Condition("sharpened", "kl", normalize=False, temperature=0.05)
"""What the report's "JS divergence" row ran."""


@dataclass(frozen=True)
class GridSize:
    """How much of the grid a profile runs."""

    setup: ToySetup
    seeds: int
    temperatures: tuple[float, ...]
    noise: tuple[float, ...]
    likeness: tuple[float, ...]


_FULL = GridSize(ToySetup(), 3, (1.0, 0.07, 0.05), (0.0, 0.2, 0.4, 0.6), (0.0, 0.2, 0.5, 0.8, 0.9))
_SMOKE = GridSize(ToySetup(steps=60, train=1024, test=500), 2, (1.0, 0.05), (0.0, 0.6), (0.0, 0.8))


def grid_size(profile: str) -> GridSize:
    """How much of the grid a profile runs: ``smoke`` a part, all others the whole, which needs no more than a CPU.

    Raises
    ------
    ConfigError
        If there is no such profile.
    """
    sizes = {"smoke": _SMOKE, "cpu": _FULL, "gpu": _FULL, "imigue": _FULL}
    if profile not in sizes:
        raise ConfigError(f"profile: found {profile!r}; wanted one of {', '.join(sizes)}.")
    return sizes[profile]


# -- lists of cells ----------------------------------------------------------------------------------------------------


def grid_cells(size: GridSize) -> list[Condition]:
    """Every target, gradient, normalisation, temperature and divergence; a fixed target lets no gradient through."""
    kinds = [("identity", False), ("class", False), ("soft", False), ("soft", True)]
    return [Condition(targets, divergence, normalize, temperature, through)
            for (targets, through), normalize, temperature, divergence
            in product(kinds, (True, False), size.temperatures, ("ce", "kl", "js"))]


def repair_cells() -> dict[str, Condition]:
    """The report's "cross entropy" cell, and the same with one thing changed, by the name of the change."""
    return {
        "as the report ran it": REPORT_CE,
        "target rows in both directions": replace(REPORT_CE, targets="soft"),
        "no gradient through the target": replace(REPORT_CE, through=False),
        "L2 norm": replace(REPORT_CE, normalize=True),
        "tau divides in the target too": replace(REPORT_CE, targets="divided"),
        "tau 1.0, as Shariatnia has it": replace(REPORT_CE, temperature=1.0),
        "images unlike each other": replace(REPORT_CE, likeness=0.0),
        "identity target": replace(REPORT_CE, targets="identity", through=False),
        "class target": replace(REPORT_CE, targets="class", through=False),
        "the report's KL": REPORT_KL,
    }


def likeness_cells(size: GridSize) -> dict[str, list[Condition]]:
    """The report's two cells for images from unlike to alike."""
    return {name: [replace(cell, likeness=likeness) for likeness in size.likeness]
            for name, cell in (("report's CE", REPORT_CE), ("report's KL", REPORT_KL))}


def dispute_cells(size: GridSize) -> list[Condition]:
    """Shariatnia's loss with the transposed and with the row target, at every temperature and normalisation."""
    return [Condition(targets, "ce", normalize, temperature, through=True)
            for targets, normalize, temperature
            in product(("transposed", "soft"), (True, False), size.temperatures)]


def noise_cells(size: GridSize) -> dict[str, list[Condition]]:
    """Five losses, each at every level of label noise."""
    cells = {"identity CE, sound": Condition("identity"), "class CE, sound": Condition("class"),
             "class JS, sound": Condition("class", "js"), "report's KL": REPORT_KL,
             "soft CE, tau 1.0": replace(REPORT_CE, temperature=1.0)}
    return {name: [replace(cell, noise=noise) for noise in size.noise] for name, cell in cells.items()}


# -- running them ------------------------------------------------------------------------------------------------------

Task = tuple[list[Condition], int, ToySetup]
"""What is trained in one stack: its cells, the seed, the data."""


def run_cells(cells: Iterable[Condition], size: GridSize, out_dir: Path | str, *, seed: int = 0, jobs: int = 1,
              progress: bool = True) -> pd.DataFrame:
    """Results of cells under every seed of a size; only what ``out_dir/court.csv`` lacks is computed.

    Parameters
    ----------
    cells : iterable of Cell
        Doubles count once.
    size : GridSize
    out_dir : path
        Made where missing.
    seed : int
        The first seed; the next ones follow.
    jobs : int
        Processes, each with one thread; 1 stays in this process.

    Returns
    -------
    DataFrame
        One row per cell and seed: the fields of :class:`Condition`, ``seed``, the scores of
        :func:`mgutils.experiments.loss_grid.toy.score`, ``loss``.

    Taught in: 03, section 6.
    """
    path = Path(out_dir) / "court.csv"
    wanted = {_key(cell, number, size.setup): (cell, number)
              for cell in cells for number in range(seed, seed + size.seeds)}
    table = pd.read_csv(path, index_col="key") if path.exists() else pd.DataFrame()
    tasks = list(_stacks([pair for key, pair in wanted.items() if key not in table.index], size.setup))
    with progress_bar(total=len(tasks), desc="loss grid", unit="stack", disable=not progress or not tasks) as bar:
        for rows in _work(tasks, jobs):
            table = pd.concat([table, rows])
            _write(table, path)
            bar.update()
    return table.loc[list(wanted)].reset_index(drop=True)


def _stacks(missing: Sequence[tuple[Condition, int]], setup: ToySetup) -> Iterator[Task]:
    for seed in sorted({number for _, number in missing}):
        cells = [cell for cell, number in missing if number == seed]
        for start in range(0, len(cells), STACK):
            yield cells[start:start + STACK], seed, setup


def _work(tasks: Sequence[Task], jobs: int) -> Iterator[pd.DataFrame]:
    if jobs == 1 or len(tasks) < 2:
        yield from map(_run_stack, tasks)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        yield from pool.map(_run_stack, tasks)


def _run_stack(task: Task) -> pd.DataFrame:
    cells, seed, setup = task
    rows = {_key(cell, seed, setup): asdict(cell) | {"seed": seed} | result
            for cell, result in train_cells(cells, seed, setup)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("key")


def _key(cell: Condition, seed: int, setup: ToySetup) -> str:
    """A name for all that decides a result: the settings and the code."""
    text = json.dumps([asdict(cell), seed, asdict(setup), _CODE], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _write(table: pd.DataFrame, path: Path) -> None:
    with atomic_file(path) as aside:
        write_csv(table, aside, index=True)


# -- reading the results -----------------------------------------------------------------------------------------------


def select(results: pd.DataFrame, cell: Condition) -> pd.DataFrame:
    """The rows of one cell, one per seed."""
    match = pd.Series(True, index=results.index)
    for name, value in asdict(cell).items():
        match &= results[name] == value
    return results[match]


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """Mean over the seeds, lowest and highest top-1, and what the collapse looks like.

    Returns
    -------
    DataFrame
        One row per cell: its fields, ``top1``, ``lowest``, ``highest`` (0..1), ``predicted``, ``caption_cosine``,
        ``image_cosine``, ``loss`` (means), ``logit`` (largest); ``collapsed`` (the captions count as one),
        ``few_classes`` and ``below_majority`` (no better than the constant class), each true where it is so in most
        seeds.
    """
    results = results.assign(collapsed=results["caption_cosine"] > COLLAPSED_COSINE,
                             few_classes=results["predicted"] < FEW_CLASSES,
                             below_majority=results["top1"] < results["constant"] + GAIN)
    fields = list(asdict(Condition()))
    return results.groupby(fields, sort=False).agg(
        top1=("top1", "mean"), lowest=("top1", "min"), highest=("top1", "max"), predicted=("predicted", "mean"),
        caption_cosine=("caption_cosine", "mean"), image_cosine=("image_cosine", "mean"), logit=("logit", "max"),
        loss=("loss", "mean"), collapsed=("collapsed", _most), few_classes=("few_classes", _most),
        below_majority=("below_majority", _most),
        seeds=("seed", "nunique")).reset_index()


def _most(flags: pd.Series) -> bool:
    return bool(flags.mean() > 0.5)
