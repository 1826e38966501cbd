"""What the checker of `honest_uar` must accept and reject."""

import numpy as np
import pandas as pd


def right_counts(answers, target, classes):
    clips = np.bincount(target, minlength=classes)
    right = np.bincount(target[answers == target], minlength=classes)
    occurs = clips > 0
    return (right[occurs] / clips[occurs]).mean()


def right_confusion(answers, target, classes):
    confusion = np.zeros((classes, classes))
    np.add.at(confusion, (target, answers), 1)
    return np.nanmean(np.diag(confusion) / confusion.sum(axis=1))


def right_loop(answers, target, classes):
    recalls = []
    for one in range(classes):
        own = [answer for answer, true in zip(answers, target, strict=True) if true == one]
        if own:
            recalls.append(own.count(one) / len(own))
    return sum(recalls) / len(recalls)


def right_pandas(answers, target, classes):
    return float(pd.Series(answers == target).groupby(target).mean().mean())


WRONG = {
    "accuracy": ("return (right[occurs] / clips[occurs]).mean()", "return right.sum() / clips.sum()"),
    "not a number": ("(right[occurs] / clips[occurs]).mean()", "(right / clips).mean()"),
    "absent classes count as 0": ("(right[occurs] / clips[occurs]).mean()", "(right / np.maximum(clips, 1)).mean()"),
    "absent classes count as 1": ("(right[occurs] / clips[occurs]).mean()",
                                  "np.where(occurs, right / np.maximum(clips, 1), 1).mean()"),
    "divided by all classes": ("(right[occurs] / clips[occurs]).mean()",
                               "(right[occurs] / clips[occurs]).sum() / classes"),
    "performed or answered": ("occurs = clips > 0",
                              "occurs = clips + np.bincount(answers, minlength=classes) > 0\n"
                              "    clips = np.maximum(clips, 1)"),
    "answered ones only": ("occurs = clips > 0",
                           "occurs = (clips > 0) & (np.bincount(answers, minlength=classes) > 0)"),
    "divided by the answered ones": ("(right[occurs] / clips[occurs]).mean()",
                                     "(right[occurs] / clips[occurs]).sum() / len(np.unique(answers))"),
    "classes without a hit left out": ("occurs = clips > 0", "occurs = right > 0"),
    "classes of one clip left out": ("clips > 0", "clips > 1"),
    "precision": ("clips = np.bincount(target, minlength=classes)", "clips = np.bincount(answers, minlength=classes)"),
    "sum": (".mean()", ".sum()"),
    "median": ("(right[occurs] / clips[occurs]).mean()", "np.median(right[occurs] / clips[occurs])"),
    "smallest recall": (".mean()", ".min()"),
    "largest class left out": ("occurs = clips > 0", "occurs = (clips > 0) & (np.arange(classes) < classes - 1)"),
    "class 0 left out": ("occurs = clips > 0", "occurs = (clips > 0) & (np.arange(classes) > 0)"),
    "weighted": ("(right[occurs] / clips[occurs]).mean()",
                 "np.average(right[occurs] / clips[occurs], weights=clips[occurs])"),
    "a little added below": ("/ clips[occurs])", "/ (clips[occurs] + 1e-2))"),
    "smoothed": ("(right[occurs] / clips[occurs])", "((right[occurs] + 1) / (clips[occurs] + 2))"),
    "geometric mean": ("(right[occurs] / clips[occurs]).mean()",
                       "np.exp(np.log(right[occurs] / clips[occurs]).mean())"),
    "adjusted for chance": ("return (right[occurs] / clips[occurs]).mean()",
                            "recall = (right[occurs] / clips[occurs]).mean()\n"
                            "    return (recall - 1 / classes) / (1 - 1 / classes)"),
    "per cent": ("return (right", "return 100 * (right"),
    "recalls": (".mean()", ""),
}


def wrong_macro_f1(answers, target, classes):
    found = []
    for one in np.unique(target):
        hits = ((answers == one) & (target == one)).sum()
        found.append(2 * hits / ((answers == one).sum() + (target == one).sum()))
    return np.mean(found)


def wrong_of_the_library(answers, target, classes):
    from sklearn.metrics import balanced_accuracy_score

    return balanced_accuracy_score(target, answers)
