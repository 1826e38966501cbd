"""Claims about the dataset, its tables and its splits, tested on the dataset at hand.

A ``@claim_test`` takes an :class:`~mgutils.claims.evidence.Evidence` and returns a
:class:`~mgutils.claims.registry.Finding`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from mgutils.claims.evidence import Evidence
from mgutils.claims.registry import Finding, claim_test
from mgutils.data.check import COLUMNS
from mgutils.data.labels import imigue_classes, imigue_labels
from mgutils.report.figures.data import LOOK_ALIKE, look_alike_four

_BATCH = 32  # the report's code
README_REQUIREMENTS = ("opencv-contrib-python", "scikit-learn", "pandas", "numpy", "moviepy", "glob2", "torch",
                       "torchvision", "transformers", "tdqm", "decord", "pytorchvideo", "openpyxl", "albumentations",
                       "timm", "matplotlib", "tensorboard")
"""The README's list, byte for byte."""
_NEEDED = ("pandas", "numpy", "torch", "transformers", "openpyxl", "timm", "tqdm")
"""What any implementation of the report's method with its data and its progress bars cannot do without."""


@claim_test
def class_count(evidence: Evidence) -> Finding:
    """Number of classes in the table of frames."""
    count = evidence.dataset.frames["class_id"].nunique()
    return Finding(f"{count} classes with images", value=count)


@claim_test
def micro_gestures(evidence: Evidence) -> Finding:
    """How many of the 32 classes belong to a group of micro-gestures in iMiGUE's own list."""
    groups = imigue_classes()["group"]
    outside = [imigue_labels().display[class_id - 1] for class_id in groups.index[groups == ""]]
    return Finding(f"{(groups != '').sum()} micro-gestures; "
                   f"not one: {', '.join(outside) or 'none'}",
                   value=int((groups != "").sum()),
                   note="Read off iMiGUE's own list of classes, not off the images.")


@claim_test
def figure_1(evidence: Evidence) -> Finding:
    """The four classes of Figure 1: their captions, their images, the figure itself."""
    dataset = evidence.dataset
    there = [class_id for class_id in LOOK_ALIKE if (dataset.frames["class_id"] == class_id).any()]
    names = [imigue_labels().display[class_id - 1] for class_id in LOOK_ALIKE]
    same = [class_id for class_id in there if dataset.labels.names[class_id - 1] == imigue_labels().name(class_id)]
    panels = len(look_alike_four(dataset).axes) if there else 0
    return Finding(f"{len(there)} of 4 have images ({', '.join(names)}); {panels} panels drawn",
                   {"each is one of the classes": len(same) == 4, "each can be shown": len(there) == panels == 4})


@claim_test
def repeated_captions(evidence: Evidence) -> Finding:
    """Images of one's own class among the others of a batch of 32, drawn without replacement."""
    counts = evidence.dataset.frames["class_id"].value_counts().to_numpy()
    images = counts.sum()
    batch = min(_BATCH, images)
    # an image of a class with n images has n - 1 fellows among the images - 1 others
    others = np.average(counts - 1, weights=counts) * (batch - 1) / max(images - 1, 1)
    none = stats.hypergeom.pmf(0, images - 1, counts - 1, batch - 1)
    some = 1 - np.average(none, weights=counts)
    return Finding(f"{others:.2f} others of the same class on average; at least one for {some:.0%} "
                   "of the images",
                   {"several images of a batch share a class": bool((counts > 1).any())})


@claim_test
def split_share(evidence: Evidence) -> Finding:
    """Share of the frames that the dataset's own ``validsubset.csv`` leaves to train on."""
    dataset = evidence.dataset
    valid = _validated(evidence)
    if valid is None:
        return Finding("there is no validsubset.csv to read the split from", possible=False)
    count = int(valid.sum())
    return Finding(f"{len(dataset) - count:,} frames to train on, {count:,} to validate on",
                   value=100 * (1 - count / len(dataset)))


@claim_test
def stratified(evidence: Evidence) -> Finding:
    """Frames of each class in the dataset's own ``validsubset.csv`` against a fifth of them all."""
    dataset = evidence.dataset
    valid = _validated(evidence)
    if valid is None:
        return Finding("there is no validsubset.csv to read the split from", possible=False)
    every = np.bincount(dataset.target, minlength=len(dataset.labels))
    listed = np.bincount(dataset.target[valid], minlength=len(dataset.labels))
    off = np.abs(listed - 0.2 * every)
    return Finding(f"largest distance from a fifth of a class: {off.max():.1f} frames",
                   {"every class is shared out 80 to 20, to a frame": bool(off.max() <= 1)},
                   note="The frames of a clip are shared out too, which stratifying by class does "
                        "not prevent.")


def _validated(evidence: Evidence) -> np.ndarray | None:
    """Whether ``validsubset.csv`` lists each frame, (N,); ``None`` without that file."""
    table = evidence.table("training/validsubset.csv")
    return None if table is None else evidence.dataset.frames["path"].isin(table["Path"]).to_numpy()


@claim_test
def video_id(evidence: Evidence) -> Finding:
    """What the frames with one "Video ID" have in common: a single class, as a clip; and the video, where known."""
    frames = evidence.dataset.frames
    several = (frames.groupby("clip_id")["class_id"].nunique() > 1).mean()
    ids = frames["clip_id"].nunique()
    known = f"; the sidecar knows {frames['video_id'].nunique()} videos" if "video_id" in frames else ""
    checks = {"frames with one ID show several gestures, as a video does": bool(several > 0.5)}
    if "video_id" in frames:
        checks["there are as many IDs as videos"] = ids == frames["video_id"].nunique()
    return Finding(f"{ids:,} IDs for {len(frames):,} frames, {several:.1%} of them with more than one class{known}",
                   checks, note="It is the number of a clip, that is of one annotated gesture. "
                   "The studio copies this from the report's own train.xlsx.")


@claim_test
def valid_subset(evidence: Evidence) -> Finding:
    """The paths of ``validsubset.csv`` beside those of the validation split."""
    table, frames = evidence.table("training/validsubset.csv"), evidence.dataset.frames
    if table is None:
        return Finding("there is no validsubset.csv", possible=False)
    paths, valid = set(table["Path"]), set(frames["path"].iloc[evidence.split("frame").valid])
    return Finding(f"{len(paths):,} paths; the whole validation split has {len(valid):,}, {len(paths & valid):,} "
                   "of them the same",
                   {"all its rows are in train.xlsx": paths <= set(frames["path"]),
                    "it is a part of the validation images, to illustrate": paths < valid},
                   note="The studio copies this from the report's own validsubset.csv.")


@claim_test
def caption_text(evidence: Evidence) -> Finding:
    """Captions of both tables beside the class names, byte for byte."""
    dataset, table = evidence.dataset, evidence.table("training/validsubset.csv")
    differ = _strange(dataset.frames["class_id"], dataset.frames["caption"], dataset.labels.names)
    checks, found = {"train.xlsx": differ == 0}, f"{differ:,} of {len(dataset):,} differ in train.xlsx"
    if table is not None:
        other = _strange(table["Class"].astype(int), table["Caption"], dataset.labels.names)
        checks["validsubset.csv"] = other == 0
        found += f", {other:,} of {len(table):,} in validsubset.csv"
    return Finding(found, checks)


def _strange(class_ids: pd.Series, captions: pd.Series, names: tuple[str, ...]) -> int:
    """Number of captions that are not the name of their class."""
    wanted = np.array(names, dtype=object)[class_ids.to_numpy() - 1]
    return int((captions.to_numpy() != wanted).sum())


@claim_test
def folders(evidence: Evidence) -> Finding:
    """The folder of each image beside its class."""
    frames = evidence.dataset.frames
    folder = frames["path"].str.split("/").str[0]
    right = folder == frames["class_id"].astype(str)
    names = sorted(folder.unique(), key=int)
    # one check: a table whose class is not its folder is refused before it gets here
    whole = bool(right.all()) and names == [str(i) for i in range(1, 33)]
    return Finding(f"folders {names[0]} to {names[-1]}; {(~right).sum()} images in another class's "
                   "folder", {"folders 1 to 32 hold the images of their class": whole})


@claim_test
def columns(evidence: Evidence) -> Finding:
    """What a row of ``train.xlsx`` tells: clip and frame stand in the path too."""
    frames = evidence.dataset.frames
    parts = frames["path"].str.extract(r"^(\d+)/(\d+)\.(\d+)\.jpg$").astype("Int64")
    agree = (parts.to_numpy() == frames[["class_id", "clip_id", "frame_id"]].to_numpy()).all(axis=1)
    return Finding(f"{', '.join(COLUMNS)}; {agree.mean():.1%} of the paths say class, ID and frame as the cells do",
                   {"path, class, ID, frame and caption stand in the table": bool(agree.all())})


@claim_test
def requirements(evidence: Evidence) -> Finding:
    """The README's list of packages against what the method cannot do without."""
    missing = [name for name in _NEEDED if name not in README_REQUIREMENTS]
    return Finding(f"{len(_NEEDED) - len(missing)} of {len(_NEEDED)} that the method needs are listed; "
                   f"missing: {', '.join(missing) or 'none'}",
                   {f"{name} is listed": name not in missing for name in _NEEDED},
                   note="Read off the report's list. It has \"tdqm\", a misspelling of tqdm: do "
                        "not install that.")
