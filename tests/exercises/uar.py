"""What the checker of `uar` must accept and reject."""

import numpy as np
import pandas as pd


def right_loop(answers, target):
    recalls = [(answers[target == one] == one).mean() for one in np.unique(target)]
    return np.mean(recalls)


def right_pandas(answers, target):
    return pd.Series(answers == target).groupby(target).mean().mean()


def right_counts(answers, target):
    size = int(max(answers.max(), target.max())) + 1
    support = np.bincount(target, minlength=size)
    hits = np.bincount(target[answers == target], minlength=size)
    return (hits[support > 0] / support[support > 0]).mean()


WRONG = {
    "accuracy": ("return np.mean(recalls)", "return np.mean(answers == target)"),
    "precision": ("[(answers[target == one] == one).mean() for one in np.unique(target)]",
                  "[(target[answers == one] == one).mean() for one in np.unique(answers)]"),
    "absent classes counted": ("np.mean(recalls)", "np.sum(recalls) / (target.max() + 1)"),
    "answered classes counted": ("np.mean(recalls)", "np.sum(recalls) / len(np.union1d(answers, target))"),
    "sum": ("np.mean(recalls)", "np.sum(recalls)"),
    "median": ("np.mean(recalls)", "np.median(recalls)"),
    "sum in a class": (".mean() for one", ".sum() for one"),
    "first class left out": ("np.unique(target)]", "np.unique(target)[1:]]"),
    "of all 32": ("np.mean(recalls)", "np.sum(recalls) / 32"),
    "weighted": ("np.mean(recalls)", "np.average(recalls, weights=np.unique(target, return_counts=True)[1])"),
}
