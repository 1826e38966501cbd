"""Cross-validation: one run for each fold through the run store, and how sure their mean is.

Every row is reported by one fold, by a model that has not seen its group. So the answers of all folds
together are one answer for each row, and the bootstrap over subjects applies to them as to those of a
single run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.config import Protocol, RunConfig
from mgutils.data.csv import write_csv
from mgutils.data.protocol import group_names, split_of
from mgutils.data.splits import GROUPED
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.files import atomic_file
from mgutils.metrics.intervals import Interval, accuracy, interval, mean_recall, tally
from mgutils.training.inputs import input_kind, read_rows
from mgutils.training.run import Run
from mgutils.training.store import train_all


@dataclass(frozen=True)
class CrossValidation:
    """Scores of every fold, and of all folds together."""

    folds: pd.DataFrame
    """``fold, train, select, valid`` (images), ``groups`` (reported), ``best_epoch, top1, uar,
    top1_last`` (the last epoch), scores in 0..1."""
    top1: Interval
    uar: Interval
    """Of all reported rows together, with the interval over ``unit``."""
    unit: str
    """``subject``, or ``clip`` where nobody says who is on the images."""
    chosen_on: str
    """``held_out`` training rows, or the reported (``valid``) ones themselves."""
    path: Path
    """Of the table, without its suffix."""

    def shown(self) -> pd.DataFrame:
        """The folds as text in percent, with their mean."""
        scores = ["top1", "uar", "top1_last"]
        table = self.folds.astype(object)
        for name in scores:
            table[name] = [f"{100 * value:.1f}" for value in self.folds[name]]
        mean = dict.fromkeys(table, "") | {"fold": "mean"}
        mean |= {name: f"{100 * self.folds[name].mean():.1f}" for name in scores}
        return pd.concat([table, pd.DataFrame([mean])], ignore_index=True)

    def sentence(self) -> str:
        """All rows together, with the intervals."""
        parts = []
        for name, found in (("Top-1", self.top1), ("UAR", self.uar)):
            parts.append(f"{name} {100 * found.value:.1f} % "
                         f"({100 * found.low:.1f} to {100 * found.high:.1f})")
        chosen = "held-out training images"
        if self.chosen_on == "valid":
            chosen = "the reported images themselves, which flatters the scores"
        return (f"All {self.folds['valid'].sum():,} images together: {', '.join(parts)}; 95 % "
                f"interval over {self.unit}s. Best epochs were chosen on {chosen}.")

    def write(self, text: str) -> tuple[Path, Path]:
        """Write the folds as CSV, and a text as Markdown beside it."""
        table, page = self.path.with_suffix(".csv"), self.path.with_suffix(".md")
        with atomic_file(table) as aside:
            write_csv(self.folds, aside)
        with atomic_file(page) as aside:
            aside.write_text(text, encoding="utf-8")
        return table, page


def cross_validate(config: RunConfig, data_root: Path | str, out_dir: Path | str, *, jobs: int = 2,
                   resume: bool = True, log_with: str = "") -> CrossValidation:
    """Train what the store lacks of the runs of all folds, the longest first, and score them.

    Parameters
    ----------
    config : RunConfig
        The run of any fold. Without folds in its protocol, one group at a time is held out.

    Raises
    ------
    ConfigError
        If the data do not allow the folds.
    """
    dataset = read_rows(data_root, input_kind(config))
    configs = fold_configs(config, dataset)
    splits = [split_of(fold, dataset) for fold in configs]  # what cannot be is said before training
    order = np.argsort([-len(split.train) for split in splits], kind="stable")
    trained = train_all([configs[place] for place in order], data_root, out_dir, jobs=jobs,
                        resume=resume, log_with=log_with)
    runs = [trained[place] for place in np.argsort(order)]
    unit = "subject" if dataset.has_groups else "clip"
    rows = np.concatenate([run.valid for run in runs])
    answers = np.concatenate([run.logits.argmax(axis=1) for run in runs])
    table = tally(answers, dataset.target[rows], dataset.frames[f"{unit}_id"].to_numpy()[rows],
                  len(dataset.labels))
    return CrossValidation(
        _fold_table(configs, splits, runs, dataset),
        interval(table, accuracy),
        interval(table, mean_recall),
        unit,
        config.train.select,
        Path(out_dir) / "crossval" / _name(config, runs),
    )


def fold_configs(config: RunConfig, dataset: Dataset) -> list[RunConfig]:
    """The runs of all folds, or of all groups held out.

    Raises
    ------
    ConfigError
        If groups are to be held out and the split has none, or classes are left out.
    """
    if config.left_out:
        raise ConfigError("left_out: found classes without training images, which every fold would "
                          "report; wanted none here. `mg train --left-out` scores them once.")
    folds = config.protocol.folds
    if folds:
        protocols = [replace(config.protocol, fold=fold) for fold in range(1, folds + 1)]
    elif config.split in GROUPED:
        seed = config.protocol.split_seed
        protocols = [Protocol(hold_out=name, split_seed=seed)
                     for name in group_names(dataset, config.split)]
    else:
        raise ConfigError(f"split {config.split!r}: found no groups to leave out one by one; wanted "
                          f"a split by {', '.join(GROUPED)}. Or give a number of folds.")
    return [replace(config, protocol=protocol) for protocol in protocols]


def _fold_table(configs: Sequence[RunConfig], splits: Sequence, runs: Sequence[Run],
                dataset: Dataset) -> pd.DataFrame:
    rows = []
    for config, split, run in zip(configs, splits, runs, strict=True):
        group = "clip_id" if config.split == "frame" else f"{config.split}_id"
        best, last = run.summary["best"], run.summary["last"]
        rows.append({
            "fold": config.protocol.hold_out or str(config.protocol.fold),
            "train": len(split.train),
            "select": 0 if split.select is None else len(split.select),
            "valid": len(split.valid),
            "groups": dataset.frames[group].iloc[split.valid].nunique(),
            "best_epoch": best["epoch"],
            "top1": best["top1"],
            "uar": best["uar"],
            "top1_last": last.get("top1", np.nan),
        })
    return pd.DataFrame(rows)


def _name(config: RunConfig, runs: Sequence[Run]) -> str:
    """Equal runs, equal name; another setting or other data make another table."""
    folds = f"{config.protocol.folds}-folds" if config.protocol.folds else "one-out"
    key = hashlib.sha256("".join(run.directory.name for run in runs).encode()).hexdigest()[:10]
    return f"{config.objective}-{config.split}-{folds}-s{config.seed}-{key}"
