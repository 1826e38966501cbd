"""Training and validation rows: the original's split by frame, and splits that share no clip, no video or no subject.

Here a split is drawn once; folds, and which rows a run has, are in ``protocol``. What a split leaks is in ``audit``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mgutils.errors import ConfigError

if TYPE_CHECKING:
    from mgutils.data.table import Dataset

_DRAWS = 500
SPLITS = ("frame", "clip", "video", "subject", "official")
GROUPED = ("subject", "video", "clip")
"""The splits that keep groups whole, from the coarsest group to the finest."""

# iMiGUE's cross-subject protocol
TRAIN_SUBJECTS = (2, 4, 5, 6, 9, 10, 12, 13, 14, 15, 17, 18, 20, 21, 22, 23, 25, 28, 29, 30, 31, 35, 36, 38, 39, 41, 42,
                  43, 44, 46, 47, 48, 52, 53, 59, 61, 62)
"""The 37 training subjects. The original's train.xlsx holds these only; the studio's holds all 72."""
TEST_SUBJECTS = (1, 3, 7, 8, 11, 16, 19, 24, 26, 27, 32, 33, 34, 37, 40, 45, 49, 50, 51, 54, 55, 56, 57, 58, 60, 63, 64,
                 65, 66, 67, 68, 69, 70, 71, 72)
"""The 35 test subjects."""


@dataclass(frozen=True)
class Split:
    """Row positions of a dataset, each on one side.

    Parameters
    ----------
    name : str
        One of :data:`SPLITS`.
    train, valid : array of int64
        Row positions to learn from, and to report.
    select : array of int64, optional
        Row positions on which the best epoch is chosen; ``valid`` if not given, as the report did.
    """

    name: str
    train: np.ndarray
    valid: np.ndarray
    select: np.ndarray | None = None


def available_splits(dataset: Dataset) -> tuple[str, ...]:
    """Names of the splits that a dataset's sidecar, or its lack, allows."""
    if not dataset.has_groups:
        return SPLITS[:2]
    known = dataset.numbering and dataset.frames["subject_id"].isin(TRAIN_SUBJECTS + TEST_SUBJECTS).all()
    both = dataset.frames["subject_id"].isin(TRAIN_SUBJECTS).nunique() == 2
    return SPLITS if known and both else SPLITS[:4]


def make_split(dataset: Dataset, name: str, *, valid_fraction: float = 0.2, seed: int = 42) -> Split:
    """Share the frames of a dataset out between training and validation.

    Parameters
    ----------
    dataset : Dataset
    name : str
        ``frame``: the original's, stratified by class, as scikit-learn's ``train_test_split`` makes it; a class with a
        single frame is trained on. ``clip``, ``video``, ``subject``: no clip, video or subject on both sides.
        ``official``: iMiGUE's list of 37 and 35 subjects, for data whose sidecar says that they have its numbers.
    valid_fraction : float
        Share of the frames to validate on, exact for ``frame``, near for the grouped splits, unused for ``official``.
    seed : int
        Equal arguments give equal splits.

    Raises
    ------
    ConfigError
        If the name is unknown, the fraction is out of range, or the data do not allow the split.

    Taught in: 01, section 6.
    """
    if not 0 < valid_fraction <= 0.5:
        raise ConfigError(f"valid_fraction: found {valid_fraction}; wanted more than 0 and at most 0.5.")
    check_name(dataset, name)
    if name == "frame":
        return _by_frame(dataset.frames["class_id"].to_numpy(), valid_fraction, seed)
    if name == "official":
        return _official(dataset.frames["subject_id"].to_numpy())
    return _by_group(name, dataset.frames["class_id"].to_numpy(), dataset.frames[f"{name}_id"].to_numpy(),
                     valid_fraction, seed)


def check_name(dataset: Dataset, name: str) -> None:
    """Refuse a split that is unknown, or that the data do not allow."""
    if name not in SPLITS:
        raise ConfigError(f"split: found {name!r}; wanted one of {', '.join(SPLITS)}.")
    if name in SPLITS[2:] and not dataset.has_groups:
        raise ConfigError(
            f"split {name!r}: found no clips.csv in {dataset.root}; wanted the video and the subject of each clip. "
            f"These can be made without it: {', '.join(available_splits(dataset))}. Or import the images again, with a "
            "column that says who is on them: `mg import folders --group COLUMN`.")
    if name == "official" and not dataset.numbering:
        raise ConfigError(
            f"split 'official': found no word in {dataset.root / 'clips.csv'} that the subjects are iMiGUE's; wanted "
            "the column 'numbering' with imigue in each row, as `mg import imigue` and `mg import original` write it. "
            "Use the split 'subject'.")


def report_rows(name: str, reported: np.ndarray) -> Split:
    """The split that reports the rows of a mask (N,), and trains on the others."""
    return Split(name, np.flatnonzero(~reported), np.flatnonzero(reported))


def hold_out(dataset: Dataset, split: Split, *, fraction: float = 0.15, seed: int = 42) -> Split:
    """Take a part of a split's training rows for choosing the best epoch, in the manner of the split itself.

    So a model of a subject split is chosen on subjects that it has not learned from, none of whom is reported. Where
    there is only one subject to train on, it is chosen on other videos or clips.

    Returns
    -------
    Split
        The same ``valid``; ``train`` without the rows of ``select``.
    """
    frames, name = dataset.frames.iloc[split.train], "subject" if split.name == "official" else split.name
    classes = frames["class_id"].to_numpy()
    if name in GROUPED:
        finer = GROUPED[GROUPED.index(name):]
        name = next((group for group in finer if frames[f"{group}_id"].nunique() > 1), name)
    if name == "frame":
        inner = _by_frame(classes, fraction, seed)
    else:
        inner = _by_group(name, classes, frames[f"{name}_id"].to_numpy(), fraction, seed)
    return Split(split.name, split.train[inner.train], split.valid, split.train[inner.valid])


def leave_out(dataset: Dataset, split: Split, class_ids: Iterable[int]) -> Split:
    """Take classes out of training whole, for scoring a model on classes of which it has seen no image.

    Returns
    -------
    Split
        ``train`` and ``select`` without the classes; ``valid`` with every row of theirs, since none is learned from.

    Raises
    ------
    ConfigError
        If there is no class of an id, or nothing is left to learn from.
    """
    class_ids, classes = set(class_ids), dataset.frames["class_id"].to_numpy()
    check_left_out(dataset, class_ids, learned=set(classes[split.train]))
    out = np.isin(classes, list(class_ids))
    select = split.valid if split.select is None else split.select
    valid = np.concatenate([split.valid, np.setdiff1d(np.flatnonzero(out), split.valid)])
    return Split(split.name, split.train[~out[split.train]], valid, select[~out[select]])


def check_left_out(dataset: Dataset, class_ids: Iterable[int], learned: Iterable[int] = ()) -> None:
    """Refuse classes that the dataset does not have, and all that there are to learn from."""
    class_ids, learned = set(class_ids), set(learned)
    unknown = class_ids - set(range(1, len(dataset.labels) + 1))
    if unknown or (learned and class_ids >= learned):
        raise ConfigError(f"left_out: found the classes {', '.join(map(str, sorted(class_ids)))}; wanted some, but not "
                          f"all, of 1..{len(dataset.labels)}.")


def _by_frame(classes: np.ndarray, fraction: float, seed: int) -> Split:
    from sklearn.model_selection import train_test_split  # a second, which a wrong argument need not wait for

    values, place, counts = np.unique(classes, return_inverse=True, return_counts=True)
    alone = counts[place] == 1
    rows = np.flatnonzero(~alone)
    try:
        train, valid = train_test_split(rows, test_size=fraction, stratify=classes[rows], random_state=seed)
    except ValueError:  # fewer validation rows than classes
        shown = np.sum(counts > 1)
        raise ConfigError(
            f"split 'frame': found {len(rows)} frames of {shown} classes with two frames or more; wanted at least "
            f"{np.ceil(max(1, shown) / fraction):.0f}, so that {fraction:.0%} of them is one frame of each class. Add "
            "frames of each.") from None
    return Split("frame", np.concatenate([train, np.flatnonzero(alone)]), valid)


def _by_group(name: str, classes: np.ndarray, groups: np.ndarray, fraction: float, seed: int) -> Split:
    """Of many random draws of whole groups, the one whose share of every class, and of all frames, is nearest.

    A class that lies in one group costs less in training than in validation. scikit-learn's ``StratifiedGroupKFold``
    does the same for whole folds, but where groups differ in size its seed changes next to nothing.
    """
    place = np.unique(groups, return_inverse=True)[1]
    if not place.any():
        raise ConfigError(f"split {name!r}: found 1 {name}; wanted at least 2. Make data with more of them, or split "
                          "by frame.")
    rng, table = np.random.default_rng(seed), pd.crosstab(place, classes).to_numpy()  # (G, C) frames
    draws = (_draw(table, fraction, rng) for _ in range(_DRAWS))
    chosen = min(draws, key=lambda groups: _distance(table, groups, fraction))
    return report_rows(name, np.isin(place, chosen))


def _draw(table: np.ndarray, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Groups at random, as many as come nearest to the fraction of the frames, but not all."""
    order = rng.permutation(len(table))
    reached = table.sum(axis=1)[order].cumsum()[:-1]
    return order[:np.abs(reached - fraction * table.sum()).argmin() + 1]


def _distance(table: np.ndarray, chosen: np.ndarray, fraction: float) -> float:
    """Mean distance of the classes' shares from the fraction, plus the distance of the share of all frames."""
    valid = table[chosen].sum(axis=0)
    return np.abs(valid / table.sum(axis=0) - fraction).mean() + abs(valid.sum() / table.sum() - fraction)


def _official(subjects: np.ndarray) -> Split:
    train, valid = np.isin(subjects, TRAIN_SUBJECTS), np.isin(subjects, TEST_SUBJECTS)
    strange = np.unique(subjects[~(train | valid)])
    if len(strange):
        raise ConfigError(f"split 'official': found subject {strange[0]} (and {len(strange) - 1} more); wanted "
                          "subjects 1..72, numbered as iMiGUE does. Use the split 'subject'.")
    if not train.any() or not valid.any():
        raise ConfigError(f"split 'official': found {train.sum()} training and {valid.sum()} validation frames; wanted "
                          "subjects of both lists. Use the split 'subject'.")
    return Split("official", np.flatnonzero(train), np.flatnonzero(valid))


def subjects_of(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """Subject of each row, or its clip where there is no sidecar."""
    column = "subject_id" if dataset.has_groups else "clip_id"
    return dataset.frames[column].to_numpy()[rows]
