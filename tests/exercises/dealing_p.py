"""What the checker of `dealing_p` must accept and reject."""

from itertools import permutations

import numpy as np
from scipy.special import factorial


def right_list(counts):
    shares = counts / counts.sum(axis=1, keepdims=True)
    classes = range(len(counts))
    recalls = [np.mean([shares[c, w[c]] for c in classes]) for w in permutations(classes)]
    return np.mean(np.array(recalls) >= recalls[0] - 1e-12)


def right_traces(counts):
    shares = counts / counts.sum(axis=1)[:, None]
    orders = np.array(list(permutations(range(len(counts)))))
    traces = np.array([np.trace(shares[:, order]) for order in orders])
    return float((traces > np.trace(shares) - 1e-9).sum() / factorial(len(counts)))


def right_recursive(counts):
    shares = [[value / sum(row) for value in row] for row in counts.tolist()]
    size = len(shares)
    own = sum(shares[c][c] for c in range(size))

    def ways(row, left, total):
        if row == size:
            return [total]
        return [value for text in left for value in ways(row + 1, left - {text}, total + shares[row][text])]

    sums = ways(0, frozenset(range(size)), 0.0)
    return sum(value >= own - 1e-9 for value in sums) / len(sums)


WRONG = {
    "strictly better": (">= recalls[0] - 1e-12", "> recalls[0] + 1e-12"),
    "without the right one": ("np.array(recalls) >=", "np.array(recalls[1:]) >="),
    "worse": (">= recalls[0] - 1e-12", "<= recalls[0] + 1e-12"),
    "number": ("return np.mean(", "return np.sum("),
    "columns": ("counts.sum(axis=1, keepdims=True)", "counts.sum(axis=0, keepdims=True)"),
    "counts, not shares": ("counts / counts.sum(axis=1, keepdims=True)", "counts"),
    "shares of everything": ("counts.sum(axis=1, keepdims=True)", "counts.sum()"),
    "recall": ("return np.mean(np.array(recalls) >= recalls[0] - 1e-12)", "return recalls[0]"),
    "cyclic ways alone": ("permutations(classes)", "[np.roll(classes, place) for place in classes]"),
    "one class counts": ("for c in classes])", "for c in [0]])"),
}
