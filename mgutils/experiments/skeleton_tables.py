"""Small tables of notebook 10, beside ``skeleton``: what a detector does, pairs in points, published numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from numpy import ndarray
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mgutils.data.items import choose_frames
from mgutils.data.splits import make_split
from mgutils.data.table import Dataset
from mgutils.models.skeleton import frame_features

LINEAGE = pd.DataFrame([
    (2020, "NTUA-BEEU, emotions of bodies", "GloVe, mean over a clip's labels", "1"),
    (2023, "MiGA winner (HFUT-VUT)", "GloVe, mean over the words of the class", "20"),
    (2024, "MANet, micro-actions, same group", "as before", "50"),
    (2025, "MM-Gesture, MiGA winner, same group", "no words", "dropped"),
], columns=["year", "system", "target of the second loss", "weight"]).set_index("year")
"""Where the second loss and its weight come from: read in the public code of each system."""
PUBLISHED = pd.DataFrame([
    ("constant class", "nothing", 34.96, "iMiGUE's labels"),
    ("ST-GCN, 2021", "skeletons", 46.97, "iMiGUE's README"),
    ("MS-G3D, 2021", "skeletons", 54.91, "iMiGUE's README"),
    ("TSM, 2021", "video", 61.10, "iMiGUE's README"),
    ("MiGA winner 2023: joints, limbs, words", "skeletons", 64.12, "2408.03097: 6.13 below 70.254"),
    ("CLIP-MG, 2025", "video, skeletons", 61.82, "2506.16385"),
    ("PoseC3D + label embeddings, 2025", "skeletons", 67.01, "2506.12848"),
    ("MiGA winner 2024", "video, skeletons", 70.254, "2408.03097"),
    ("MM-Gesture, MiGA winner 2025", "six modalities", 73.213, "2507.08344"),
    ("XInsight, MiGA winner 2026", "MM-Gesture's and video", 74.419, "2606.09261"),
], columns=["system", "sees", "top-1", "source"]).set_index("system")
"""Top-1 on iMiGUE's reported people, as published."""


def detector_table(truth: ndarray, joints: ndarray) -> pd.Series:
    """What a detector has done to joints (F, 22, 3), in percent.

    Taught in: 10, section 1.
    """
    visible = truth[..., 2] > 0
    missed = visible & (joints[..., 2] == 0)
    apart = np.linalg.norm(joints[..., :2] - truth[..., :2], axis=2)[visible & ~missed]
    return pd.Series({"missed joints, %": 100 * missed.sum() / visible.sum(),
                      "median distance to the truth, % of the height": 100 * np.median(apart)})


def nearest_clip(dataset: Dataset, joints: ndarray, frames: int = 8) -> float:
    """Share of the official test clips whose nearest training clip has their class: a program that learns nothing.

    Taught in: 10, section 1.
    """
    split = make_split(dataset, "official")
    moments, _ = choose_frames(dataset.frames["length"].to_numpy(), frames, np.full((len(dataset), 1), 0.5))
    clips = joints[dataset.frames["start"].to_numpy()[:, None] + moments]  # (N, T, 22, 3)
    features = frame_features(torch.from_numpy(clips)).flatten(1).numpy()
    reader = make_pipeline(StandardScaler(), KNeighborsClassifier(1))
    reader.fit(features[split.train], dataset.target[split.train])
    return reader.score(features[split.valid], dataset.target[split.valid])


def original_views(total: int, count: int, seed: int = 0, frames: int = 48) -> ndarray:
    """Frames that the original's test reads of a clip with 48 to 95 of them: all in order, but for random skips.

    Returns
    -------
    array (count, frames) of int

    Taught in: 10, section 9.
    """
    rng = np.random.default_rng(seed)
    skips = np.zeros((count, frames + 1), dtype=np.int64)
    for row in skips:
        row[rng.choice(frames + 1, total - frames, replace=False)] = 1
    return np.arange(frames) + skips.cumsum(axis=1)[:, :-1]


def percent(table: pd.DataFrame) -> pd.DataFrame:
    """Mean scores of a score table in percent: a row for each group, a column for each score.

    Taught in: 10, section 5.
    """
    groups = list(dict.fromkeys(table["group"]))
    return 100 * table.pivot(index="group", columns="score", values="value").loc[groups]


def points(table: pd.DataFrame) -> pd.DataFrame:
    """A difference table in percentage points, by ``second less first`` and score.

    Taught in: 10, section 5.
    """
    found = table.assign(pair=table["second"] + " less " + table["first"]).set_index(["pair", "score"])
    return (100 * found[["difference", "low", "high", "detectable"]]).join(found["shown"])
