"""What the checker of `clip_accuracy` must accept and reject."""

import numpy as np
import pandas as pd


def right_masks(scores, clips, target):
    by_frame = (scores.argmax(axis=1) == target).mean()
    hits = []
    for clip in np.unique(clips):
        rows = clips == clip
        hits.append(scores[rows].mean(axis=0).argmax() == target[rows][0])
    return by_frame, np.mean(hits)


def right_add_at(scores, clips, target):
    _, first, place = np.unique(clips, return_index=True, return_inverse=True)
    total = np.zeros((len(first), scores.shape[1]))
    np.add.at(total, place, scores)
    return np.mean(scores.argmax(1) == target), np.mean(total.argmax(1) == target[first])


def right_pandas(scores, clips, target):
    means = pd.DataFrame(scores).groupby(clips).mean()
    wanted = pd.Series(target).groupby(clips).first()
    frames = float((pd.DataFrame(scores).idxmax(axis=1) == target).mean())
    return [frames, float((means.idxmax(axis=1) == wanted).mean())]


WRONG = {
    "vote": ("scores[rows].mean(axis=0).argmax()", "np.bincount(scores[rows].argmax(axis=1)).argmax()"),
    "maximum": ("scores[rows].mean(axis=0)", "scores[rows].max(axis=0)"),
    "first frame": ("scores[rows].mean(axis=0)", "scores[rows][0]"),
    "frames weigh": ("np.mean(hits)", "np.average(hits, weights=np.unique(clips, return_counts=True)[1])"),
    "exchanged": ("return by_frame, np.mean(hits)", "return np.mean(hits), by_frame"),
    "frames twice": ("return by_frame, np.mean(hits)", "return by_frame, by_frame"),
    "clips alone": ("return by_frame, np.mean(hits)", "return np.mean(hits)"),
    "number of clips": ("np.mean(hits)", "np.sum(hits)"),
    "neighbouring rows": ("rows = clips == clip",
                          "start = int((clips == clip).argmax())\n        "
                          "rows = np.arange(len(clips)) // (clips == clip).sum() == start // (clips == clip).sum()"),
    "mean over classes": ("mean(axis=0)", "mean(axis=1)"),
    "lowest": (".mean(axis=0).argmax()", ".mean(axis=0).argmin()"),
}
