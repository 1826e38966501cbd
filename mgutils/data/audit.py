"""What a split leaks, and what someone scores on it who never looks at an image.

The look-up answers by the finest group that can have images on both sides: the clip, or where each image is a clip of
its own, as in imported photographs, the video or the subject.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from mgutils.data.splits import Split, available_splits, make_split
from mgutils.data.table import Dataset


@dataclass(frozen=True)
class Audit:
    """Shares in 0..1.

    Parameters
    ----------
    clip_shared, video_shared, subject_shared : float or None
        Share of the validation frames whose clip, video, subject is also in training; ``None`` without a sidecar.
    lookup_top1 : float
        Accuracy of answering with the class that the frame's clip (its finest group) has most often in training, and
        with the most common training class where the clip is unknown.
    constant_top1, constant_top5 : float
        Accuracy of always answering with the most common training class, with the five most common.
    """

    clip_shared: float
    video_shared: float | None
    subject_shared: float | None
    lookup_top1: float
    constant_top1: float
    constant_top5: float

    def as_row(self) -> dict[str, float | None]:
        """Field names and values: one row of a table."""
        return asdict(self)


def audit_split(dataset: Dataset, split: Split) -> Audit:
    """Measure what a split leaks.

    Ties go to the smaller class id.

    Parameters
    ----------
    dataset : Dataset
    split : Split
        With at least one row on each side.

    Taught in: 01, section 6.
    """
    frames = dataset.frames
    train, valid = frames.iloc[split.train], frames.iloc[split.valid]
    shared = {f"{name}_shared": float(valid[f"{name}_id"].isin(train[f"{name}_id"]).mean())
              if f"{name}_id" in frames else None for name in ("clip", "video", "subject")}
    order = _most_common(train["class_id"].to_numpy())
    target = valid["class_id"].to_numpy()
    answers = look_up(train, valid, order[0], finest_group(dataset))
    return Audit(**shared, lookup_top1=float(np.mean(answers == target)),
                 constant_top1=float(np.mean(target == order[0])),
                 constant_top5=float(np.mean(np.isin(target, order[:5]))))


def trivial_answers(dataset: Dataset, split: Split, without: int | None = None) -> dict[str, np.ndarray]:
    """What the two classifiers that look at no pixel answer to the validation rows.

    Parameters
    ----------
    without : int, optional
        A class id that the constant classifier must not choose: the strongest constant where that class is left out.

    Returns
    -------
    dict of str to array (N,)
        ``constant`` and ``lookup``: class indices 0..C-1.
    """
    train, valid = dataset.frames.iloc[split.train], dataset.frames.iloc[split.valid]
    first = next(class_id for class_id in _most_common(train["class_id"].to_numpy()) if class_id != without)
    ids = {"constant": np.full(len(valid), first), "lookup": look_up(train, valid, first, finest_group(dataset))}
    return {name: dataset.labels.to_index(answers) for name, answers in ids.items()}


def _most_common(class_ids: np.ndarray) -> np.ndarray:
    """Class ids by falling count, equal counts by rising id."""
    values, counts = np.unique(class_ids, return_counts=True)
    return values[np.lexsort((values, -counts))]


def finest_group(dataset: Dataset) -> str:
    """``clip``, ``video`` or ``subject``: the finest group of which there is more than one image.

    Where each subject has one video, as imported photographs have it, that is the subject.
    """
    frames = dataset.frames
    if frames["clip_id"].duplicated().any() or not dataset.has_groups:
        return "clip"
    videos = frames.drop_duplicates(["subject_id", "video_id"])
    return "video" if videos["subject_id"].duplicated().any() else "subject"


def finding(dataset: Dataset, name: str = "frame") -> str:
    """One sentence on a split: what is shared, and what a look-up and the most common classes score without a pixel.

    Raises
    ------
    ConfigError
        If the data do not allow the split.
    """
    audit, group = audit_split(dataset, make_split(dataset, name)), finest_group(dataset)
    shared = getattr(audit, f"{group}_shared")
    kind = "clips" if "length" in dataset.frames else "images"
    unknown = "" if dataset.has_groups else f"; who is on the {kind} is not known, so people may be on both sides"
    return (f"split by {name}: {shared:.1%} of the validation {kind} are of a {group} that is also in training; "
            f"without a pixel, looking up the {group} is right for {audit.lookup_top1:.1%}, always answering the most "
            f"common class for {audit.constant_top1:.1%}, the five most common for {audit.constant_top5:.1%}{unknown}")


def look_up(train: pd.DataFrame, valid: pd.DataFrame, otherwise: int, group: str = "clip") -> np.ndarray:
    """Majority class of each validation frame's clip in training; ties go to the smaller class id.

    Parameters
    ----------
    train, valid : DataFrame
        With ``clip_id``; the first also with ``class_id``.
    otherwise : int
        The answer where the clip is not in training.
    group : str
        What is looked up in place of the clip: ``video`` or ``subject``.

    Returns
    -------
    ndarray (N,)
        A class id for each row of ``valid``.
    """
    key = f"{group}_id"
    counts = train.groupby([key, "class_id"]).size().rename("count").reset_index()
    first = counts.sort_values(["count", "class_id"], ascending=[False, True]).drop_duplicates(key)
    return valid[key].map(first.set_index(key)["class_id"]).fillna(otherwise).to_numpy()


def audit_table(dataset: Dataset, names: Sequence[str] | None = None) -> pd.DataFrame:
    """One row per split, every possible one if none are named, with sizes and classes beside the audit.

    Returns
    -------
    DataFrame
        ``split, train, valid`` (frames), ``classes_train, classes_valid`` and the fields of :class:`Audit`.
    """
    rows = []
    for name in available_splits(dataset) if names is None else names:
        split = make_split(dataset, name)
        classes = dataset.frames["class_id"].to_numpy()
        rows.append({"split": name, "train": len(split.train), "valid": len(split.valid),
                     "classes_train": len(np.unique(classes[split.train])),
                     "classes_valid": len(np.unique(classes[split.valid])), **audit_split(dataset, split).as_row()})
    return pd.DataFrame(rows)
