"""Which rows a run learns from, chooses its best epoch on, and reports: a split, one of its folds, or a group by name.

The settings are :class:`mgutils.config.Protocol`; the splits themselves are in ``splits``.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mgutils.config.settings import Protocol, RunConfig, SplitName
from mgutils.data.sidecar import read_group_names
from mgutils.data.splits import (
    GROUPED,
    Split,
    check_left_out,
    check_name,
    hold_out,
    leave_out,
    make_split,
    report_rows,
)
from mgutils.errors import ConfigError

if TYPE_CHECKING:
    from mgutils.data.table import Dataset


def split_of(config: RunConfig, dataset: Dataset) -> Split:
    """The rows that a run learns from, chooses its best epoch on, and is scored on."""
    check_left_out(dataset, config.left_out)  # at once: the draw may wait for scikit-learn
    split = reported_split(dataset, config.split, config.protocol)
    if config.train.select == "held_out":
        split = hold_out(dataset, split, seed=config.protocol.split_seed)
    if config.left_out:
        split = leave_out(dataset, split, config.left_out)
        if config.train.select == "last":
            split = replace(split, select=None)  # nothing is chosen
    return thin_out(dataset, split, config.protocol)


def thin_out(dataset: Dataset, split: Split, protocol: Protocol) -> Split:
    """Keep some of the training rows: at most ``per_class`` of each class, then ``limit`` in all, drawn at random."""
    train = np.random.default_rng(protocol.split_seed).permutation(split.train)
    if protocol.per_class:
        order = pd.Series(dataset.target[train])
        train = train[(order.groupby(order).cumcount() < protocol.per_class).to_numpy()]
    if protocol.limit:
        train = train[:protocol.limit]
    return replace(split, train=np.sort(train)) if protocol.per_class or protocol.limit else split


def reported_split(dataset: Dataset, name: str, protocol: Protocol) -> Split:
    """Learn from some rows and report the others: a fold, a group by its name, or a single draw."""
    if protocol.hold_out:
        return make_held_group(dataset, name, protocol.hold_out)
    if protocol.folds:
        return make_fold(dataset, name, protocol.folds, protocol.fold, seed=protocol.split_seed)
    return make_split(dataset, name, seed=protocol.split_seed)


def probed_split(dataset: Dataset, config: RunConfig | None, name: SplitName | None, protocol: Protocol) -> Split:
    """The rows that a probe learns from and reports.

    Parameters
    ----------
    config : RunConfig or None
        Of the run whose encoder is probed; ``None`` for a pretrained encoder.
    name : str or None
        By default the run's own split with its fold, or by subject where the subjects are known, else by frame.
    protocol : Protocol
        If it is not that of a single draw with the usual seed, it wins over the run's.
    """
    if config is not None and name in (None, config.split):
        return split_of(config if protocol == Protocol() else replace(config, protocol=protocol), dataset)
    return reported_split(dataset, name or ("subject" if dataset.has_groups else "frame"), protocol)


def warn_of_one_class(dataset: Dataset, split: Split) -> str:
    """A warning where all rows to report, or to choose the epoch on, are of one class; "" where they are not.

    Raises
    ------
    ConfigError
        If there are not two classes to learn from.
    """
    learned = np.unique(dataset.target[split.train])
    if len(learned) < 2:
        found = f"{dataset.labels.names[learned[0]].strip()!r} alone" if len(learned) else "no rows"
        raise ConfigError(f"split {split.name!r}: found {found} to train on; wanted at least two classes. A model of "
                          "one class is right whatever it does.")
    for what, rows in (("reports", split.valid), ("chooses the epoch on", split.select)):
        classes = () if rows is None else np.unique(dataset.target[rows])
        if len(classes) == 1:
            return (f"the split {split.name!r} {what} images of the one class {dataset.labels.names[classes[0]]!r}: "
                    "that score says nothing about the others.")
    return ""


def make_fold(dataset: Dataset, name: str, folds: int, fold: int, *, seed: int = 42) -> Split:
    """Share all rows out into folds, report one and train on the others; every row is reported by one fold.

    Groups stay whole, and each fold has about the same share of every class. As many folds as groups leave one group
    out each, in the order of their ids.

    Parameters
    ----------
    name : str
        Any split but ``official``.
    folds : int
        At least 2.
    fold : int
        1 to ``folds``.

    Raises
    ------
    ConfigError
        If the data do not allow the split, or there are fewer groups than folds.

    References
    ----------
    scikit-learn's ``StratifiedGroupKFold``.
    """
    check_name(dataset, name)
    if name == "official":
        raise ConfigError("split 'official': found folds; wanted the one list that it is. Use the split 'subject'.")
    classes = dataset.frames["class_id"].to_numpy()
    groups = np.arange(len(dataset)) if name == "frame" else dataset.frames[f"{name}_id"].to_numpy()
    values, place = np.unique(groups, return_inverse=True)
    if not 1 <= fold <= folds <= len(values):
        raise ConfigError(f"split {name!r}: found fold {fold} of {folds}; wanted at most {len(values)} folds, one for "
                          f"each {name}, and one of them.")
    if folds == len(values):
        return report_rows(name, place == fold - 1)
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold  # a second: see splits

    kind = StratifiedKFold if name == "frame" else StratifiedGroupKFold
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a class with fewer groups than folds: some folds lack it
            parts = list(kind(folds, shuffle=True, random_state=seed).split(classes, classes, place))
    except ValueError:
        parts = []
    if not all(len(valid) for _, valid in parts) or not parts:
        raise ConfigError(f"split {name!r}: found {folds} folds, more than the images of any class can fill; wanted "
                          "fewer folds.")
    return report_rows(name, np.isin(np.arange(len(classes)), parts[fold - 1][1]))


def make_held_group(dataset: Dataset, name: str, group: str) -> Split:
    """Report one group, such as a subject, and train on all others.

    Parameters
    ----------
    name : str
        ``clip``, ``video`` or ``subject``.
    group : str
        Its name, as :func:`group_names` has it.

    Raises
    ------
    ConfigError
        If there is no such group, or no other one.
    """
    check_name(dataset, name)
    if name not in GROUPED:
        raise ConfigError(f"split {name!r}: found the group {group!r} to hold out; wanted a split by "
                          f"{', '.join(GROUPED)}.")
    names = group_names(dataset, name)
    if group not in names or len(names) < 2:
        shown = ", ".join(list(names)[:20]) + (", …" if len(names) > 20 else "")
        raise ConfigError(f"hold_out: found {group!r}; wanted one of at least two {name}s: {shown}.")
    return report_rows(name, dataset.frames[f"{name}_id"].to_numpy() == names[group])


def group_names(dataset: Dataset, name: str) -> dict[str, int]:
    """The groups of a split by their own names, in the order of their ids; a group without a name is its number."""
    ids = np.unique(dataset.frames[f"{name}_id"])
    known = read_group_names(dataset.root, name)
    return {known.get(number, str(number)): number for number in map(int, ids)}
