"""The loss grid: which conditions are tried, and a table of results that is never computed twice.

A *cell* of the grid is one setting of the loss
(:class:`mgutils.experiments.loss_grid.stack.Condition`). All cells of one seed share everything but
the cell, so that whatever differs between two of them is the cell's doing. How cells are trained is
in :mod:`mgutils.experiments.loss_grid.toy`; the pictures are in
:mod:`mgutils.report.figures.loss_grid`.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed, parallel_config

from mgutils.config import get_profile
from mgutils.data.csv import write_csv
from mgutils.experiments.loss_grid import stack, toy
from mgutils.experiments.loss_grid.stack import Condition
from mgutils.experiments.loss_grid.toy import ToySetup, train_cells
from mgutils.files import atomic_file
from mgutils.losses import divergences, image_text
from mgutils.progress import progress_bar


def _without_texts(source: str) -> str:
    """Python code without comments, docstrings and layout: what decides a result."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [line for line in node.body if not _is_text(line)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(line: ast.stmt) -> bool:
    constant = isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
    return constant and isinstance(line.value.value, str)


_MODULES = (toy, stack, divergences, image_text)
_SOURCES = "".join(_without_texts(Path(module.__file__).read_text("utf-8")) for module in _MODULES)
_CODE = hashlib.sha256(_SOURCES.encode()).hexdigest()
"""A result is good for the code that made it, whatever its docstrings say."""
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
    """How much of the grid a profile runs. The defaults are the whole."""

    setup: ToySetup = ToySetup()
    seeds: int = 3
    temperatures: tuple[float, ...] = (1.0, 0.07, 0.05)
    noise: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6)
    likeness: tuple[float, ...] = (0.0, 0.2, 0.5, 0.8, 0.9)


def grid_size(profile: str) -> GridSize:
    """How much a profile runs: ``smoke`` a part, all others the whole, which needs only a CPU.

    Raises
    ------
    ConfigError
        If there is no such profile.
    """
    if get_profile(profile).name != "smoke":
        return GridSize()
    small = ToySetup(steps=60, train=1024, test=500)
    return GridSize(small, 2, temperatures=(1.0, 0.05), noise=(0.0, 0.6), likeness=(0.0, 0.8))


# -- lists of cells --------------------------------------------------------------------------------


def grid_cells(size: GridSize) -> list[Condition]:
    """Every target, gradient, normalisation, temperature and divergence.

    A fixed target lets no gradient through.
    """
    kinds = [("identity", False), ("class", False), ("soft", False), ("soft", True)]
    return [
        Condition(targets, divergence, normalize, temperature, through)
        for (targets, through), normalize, temperature, divergence
        in product(kinds, (True, False), size.temperatures, ("ce", "kl", "js"))
    ]


def repair_cells() -> dict[str, Condition]:
    """The report's "cross entropy" cell, and the same with one thing changed, by the change."""
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
    cells = {"report's CE": REPORT_CE, "report's KL": REPORT_KL}
    return {
        name: [replace(cell, likeness=likeness) for likeness in size.likeness]
        for name, cell in cells.items()
    }


def dispute_cells(size: GridSize) -> list[Condition]:
    """Shariatnia's loss with the transposed and with the row target, at every setting."""
    return [
        Condition(targets, "ce", normalize, temperature, through=True)
        for targets, normalize, temperature
        in product(("transposed", "soft"), (True, False), size.temperatures)
    ]


def noise_cells(size: GridSize) -> dict[str, list[Condition]]:
    """Five losses, each at every level of label noise."""
    cells = {
        "identity CE, sound": Condition("identity"),
        "class CE, sound": Condition("class"),
        "class JS, sound": Condition("class", "js"),
        "report's KL": REPORT_KL,
        "soft CE, tau 1.0": replace(REPORT_CE, temperature=1.0),
    }
    return {
        name: [replace(cell, noise=noise) for noise in size.noise]
        for name, cell in cells.items()
    }


# -- running them ----------------------------------------------------------------------------------


def run_cells(
    cells: Iterable[Condition],
    size: GridSize,
    out_dir: Path | str,
    *,
    seed: int = 0,
    jobs: int = 1,
    progress: bool = True,
) -> pd.DataFrame:
    """Results of cells under every seed; only what ``out_dir/court.csv`` lacks is computed.

    Parameters
    ----------
    cells : iterable of Condition
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

    Taught in: 05, section 2.
    """
    path = Path(out_dir) / "court.csv"
    table = pd.read_csv(path, index_col="key") if path.exists() else pd.DataFrame()
    cells = list(dict.fromkeys(cells))
    seeds = range(seed, seed + size.seeds)
    tasks = []
    for number in seeds:
        missing = [cell for cell in cells if _key(cell, number, size.setup) not in table.index]
        for start in range(0, len(missing), STACK):
            task = delayed(_run_stack)(missing[start:start + STACK], number, size.setup)
            tasks.append(task)
    hidden = not progress or not tasks
    with (parallel_config("loky", inner_max_num_threads=1),
          progress_bar(total=len(tasks), desc="loss grid", unit="stack", disable=hidden) as bar):
        for rows in Parallel(n_jobs=jobs, return_as="generator")(tasks):
            table = pd.concat([table, rows])
            with atomic_file(path) as aside:
                write_csv(table, aside, index=True)
            bar.update()
    keys = [_key(cell, number, size.setup) for cell in cells for number in seeds]
    return table.loc[keys].reset_index(drop=True)


def _run_stack(cells: list[Condition], seed: int, setup: ToySetup) -> pd.DataFrame:
    rows = {
        _key(cell, seed, setup): asdict(cell) | {"seed": seed} | result
        for cell, result in train_cells(cells, seed, setup)
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("key")


def _key(cell: Condition, seed: int, setup: ToySetup) -> str:
    """A name for all that decides a result: the settings and the code."""
    text = json.dumps([asdict(cell), seed, asdict(setup), _CODE], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


# -- reading the results ---------------------------------------------------------------------------


def select(results: pd.DataFrame, cell: Condition) -> pd.DataFrame:
    """The rows of one cell, one per seed."""
    wanted = pd.Series(asdict(cell))
    return results[(results[wanted.index] == wanted).all(axis=1)]


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """Mean over the seeds, lowest and highest top-1, and what the collapse looks like.

    Returns
    -------
    DataFrame
        One row per cell: its fields, ``top1``, ``lowest``, ``highest`` (0..1), ``predicted``,
        ``caption_cosine``, ``image_cosine``, ``loss`` (means), ``logit`` (largest); ``collapsed``
        (the captions count as one), ``few_classes`` and ``below_majority`` (no better than the
        constant class), each true where it is so in most seeds.
    """
    flags = {
        "collapsed": results["caption_cosine"] > COLLAPSED_COSINE,
        "few_classes": results["predicted"] < FEW_CLASSES,
        "below_majority": results["top1"] < results["constant"] + GAIN,
    }
    cells = results.assign(**flags).groupby(list(asdict(Condition())), sort=False)
    means = cells[["predicted", "caption_cosine", "image_cosine", "loss"]].mean()
    return means.assign(
        top1=cells["top1"].mean(),
        lowest=cells["top1"].min(),
        highest=cells["top1"].max(),
        logit=cells["logit"].max(),
        seeds=cells["seed"].nunique(),
        **(cells[list(flags)].mean() > 0.5),
    ).reset_index()
