"""What the checker of `top_k` must accept and reject."""

import numpy as np


def right_argsort(scores, target, k):
    best = np.argsort(-scores, axis=1)[:, :k]
    return (best == target[:, None]).any(axis=1).mean()


def right_rank(scores, target, k):
    own = np.take_along_axis(scores, target[:, None], axis=1)
    return float(np.mean(np.sum(scores > own, axis=1) < k))


def right_loop(scores, target, k):
    hits = 0
    for row, wanted in zip(scores.tolist(), target.tolist(), strict=True):
        order = sorted(range(len(row)), key=lambda place: row[place], reverse=True)
        hits += wanted in order[:k]
    return hits / len(target)


def right_partition(scores, target, k):
    best = np.argpartition(scores, -k, axis=1)[:, -k:]
    return sum(wanted in row for row, wanted in zip(best, target, strict=True)) / len(target)


WRONG = {
    "lowest": ("-scores", "scores"),
    "one too many": ("[:, :k]", "[:, :k + 1]"),
    "one too few": ("[:, :k]", "[:, :k - 1]"),
    "sum for mean": (".mean()", ".sum()"),
    "columns": ("axis=1)[:, :k]", "axis=0)[:, :k]"),
    "all for any": (".any(axis=1)", ".all(axis=1)"),
    "share of the k": (".any(axis=1)", ""),
    "absolute scores": ("-scores", "-abs(scores)"),
    "always top-1": ("[:, :k]", "[:, :1]"),
    "always top-5": ("[:, :k]", "[:, :5]"),
}
