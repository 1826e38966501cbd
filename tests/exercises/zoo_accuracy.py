"""What the checker of `zoo_accuracy` must accept and reject."""

import numpy as np


def right_weights(batches):
    rates = [(answers == target).mean() for answers, target in batches]
    return np.average(rates, weights=[len(target) for _, target in batches])


def right_counts(batches):
    right = seen = 0
    for answers, target in batches:
        right += int((answers == target).sum())
        seen += len(target)
    return right / seen


def right_together(batches):
    answers, target = (np.concatenate(part) for part in zip(*batches, strict=True))
    return float((answers == target).mean())


WRONG = {
    "mean of the batches": (", weights=[len(target) for _, target in batches]", ""),
    "first batch": ("np.average(rates, weights=[len(target) for _, target in batches])", "rates[0]"),
    "last batch left out": ("return np.average", "batches, rates = batches[:-1], rates[:-1]\n    return np.average"),
    "errors": ("answers == target", "answers != target"),
    "right answers, not a share": (".mean() for", ".sum() for"),
    "weights squared": ("[len(target) for _", "[len(target) ** 2 for _"),
    "median": ("np.average(rates, weights=[len(target) for _, target in batches])", "np.median(rates)"),
}
