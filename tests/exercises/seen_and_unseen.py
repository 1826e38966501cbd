"""What the checker of `seen_and_unseen` must accept and reject."""

import numpy as np
import pandas as pd
import torch
from scipy.stats import hmean
from sklearn.metrics import balanced_accuracy_score


def right_masks(logits, target, unseen):
    new = np.isin(target, unseen)
    among = unseen[logits[:, unseen].argmax(axis=1)]
    answers = logits.argmax(axis=1)

    def uar(found, rows):
        own = target[rows]
        hit = found[rows] == own
        clips = np.bincount(own)
        right = np.bincount(own, weights=hit)
        return (right[clips > 0] / clips[clips > 0]).mean()

    seen, other = uar(answers, ~new), uar(answers, new)
    total = seen + other
    return uar(among, new), seen, other, 2 * seen * other / total if total > 0 else 0.0


def right_loop(logits, target, unseen):
    classes = list(range(logits.shape[1]))
    unseen = [int(one) for one in unseen]

    def recall(one, allowed):
        rows = [row for row in range(len(target)) if target[row] == one]
        best = [max(allowed, key=lambda c, row=row: logits[row, c]) for row in rows]
        return best.count(one) / len(rows) if rows else None

    def mean(group, allowed):
        found = [share for share in (recall(one, allowed) for one in group) if share is not None]
        return sum(found) / len(found)

    seen = mean([one for one in classes if one not in unseen], classes)
    new = mean(unseen, classes)
    harmonic = 0 if seen == 0 or new == 0 else 2 / (1 / seen + 1 / new)
    return [mean(unseen, unseen), seen, new, harmonic]


def right_library(logits, target, unseen):
    new = np.isin(target, unseen)
    closed = np.full_like(logits, -np.inf)
    closed[:, unseen] = logits[:, unseen]
    seen = balanced_accuracy_score(target[~new], _known(logits, target, ~new))
    other = balanced_accuracy_score(target[new], _known(logits, target, new))
    zero_shot = balanced_accuracy_score(target[new], _known(closed, target, new))
    return zero_shot, seen, other, hmean([seen, other]) if seen and other else 0


def _known(logits, target, rows):
    """Answers; those of classes without a clip are all one wrong class, so that the library does not warn."""
    found = logits[rows].argmax(axis=1)
    own = np.unique(target[rows])
    strange = ~np.isin(found, own)
    wrong = np.where(target[rows] == own[0], own[-1], own[0])
    return np.where(strange & (len(own) > 1), wrong, found)


def right_pandas(logits, target, unseen):
    answers, new = logits.argmax(axis=1), np.isin(target, unseen)
    among = np.asarray(unseen)[logits[:, unseen].argmax(axis=1)]
    table = pd.DataFrame({"class": target, "new": new, "right": answers == target, "among": among == target})
    recall = table.groupby(["new", "class"]).mean().groupby("new").mean()
    seen, other = float(recall["right"][False]), float(recall["right"][True])
    return float(recall["among"][True]), seen, other, 2 * seen * other / max(seen + other, 1e-12)


def right_torch(logits, target, unseen):
    logits, target, unseen = torch.tensor(logits), torch.tensor(target), torch.tensor(unseen)
    answers, among = logits.argmax(1), unseen[logits[:, unseen].argmax(1)]

    def uar(found, classes):
        return torch.stack([(found[target == one] == one).double().mean() for one in classes if (target == one).any()]
                           ).mean()

    seen = uar(answers, [one for one in range(logits.shape[1]) if one not in unseen])
    new = uar(answers, unseen)
    return uar(among, unseen), seen, new, torch.nan_to_num(2 * seen * new / (seen + new))


AMONG, RECALL = "unseen[logits[:, unseen].argmax(axis=1)]", "(right[clips > 0] / clips[clips > 0]).mean()"
LAST = "2 * seen * other / total if total > 0 else 0.0"
WRONG = {
    "zero-shot among all classes": (AMONG, "logits.argmax(axis=1)"),
    "a place for a class": (AMONG, "logits[:, unseen].argmax(axis=1)"),
    "columns in another order": (AMONG, "np.sort(unseen)[logits[:, unseen].argmax(axis=1)]"),
    "columns in order, classes not": (AMONG, "unseen[logits[:, np.sort(unseen)].argmax(axis=1)]"),
    "the least likely one": (AMONG, "unseen[logits[:, unseen].argmin(axis=1)]"),
    "among the seen": (AMONG, "np.setdiff1d(np.arange(logits.shape[1]), unseen)"
                              "[logits[:, np.setdiff1d(np.arange(logits.shape[1]), unseen)].argmax(axis=1)]"),
    "always the first unseen class": (AMONG, "np.full(len(target), unseen[0])"),
    "clips of seen classes among the unseen": ("uar(among, new)", "uar(among, new | True)"),
    "answers for the least likely class": ("    answers = logits.argmax(axis=1)",
                                           "    answers = logits.argmin(axis=1)"),
    "seen answers alone": ("uar(answers, ~new), uar(answers, new)",
                           "uar(np.setdiff1d(np.arange(logits.shape[1]), unseen)[logits[:, np.setdiff1d(np.arange("
                           "logits.shape[1]), unseen)].argmax(axis=1)], ~new), uar(answers, new)"),
    "unseen answers alone": ("uar(answers, ~new), uar(answers, new)", "uar(answers, ~new), uar(among, new)"),
    "exchanged": ("uar(answers, ~new), uar(answers, new)", "uar(answers, new), uar(answers, ~new)"),
    "all classes for the seen": ("uar(answers, ~new)", "uar(answers, new | True)"),
    "all classes for the unseen": ("uar(answers, ~new), uar(answers, new)",
                                   "uar(answers, ~new), uar(answers, new | True)"),
    "accuracy": (RECALL, "hit.mean()"),
    "classes without a clip count as 0": (RECALL, "(right / np.maximum(clips, 1)).mean()"),
    "not a number": (RECALL, "(right / clips).mean()"),
    "classes of one clip left out": (RECALL, "(right[clips > 1] / clips[clips > 1]).mean()"),
    "classes never answered left out": (RECALL, "(right[right > 0] / clips[right > 0]).mean() if hit.any() else 0"),
    "median": (RECALL, "np.median(right[clips > 0] / clips[clips > 0])"),
    "best class": (RECALL, "(right[clips > 0] / clips[clips > 0]).max()"),
    "sum": (RECALL, "(right[clips > 0] / clips[clips > 0]).sum()"),
    "precision": ("clips = np.bincount(own)\n", "clips = np.bincount(found[rows], minlength=own.max() + 1)"
                                                "[:own.max() + 1]\n"),
    "union of classes": (RECALL, "(right[clips > 0] / clips[clips > 0]).sum() / len(np.union1d(own, found[rows]))"),
    "number of right answers": (RECALL, "hit.sum()"),
    "arithmetic mean": (LAST, "total / 2"),
    "geometric mean": (LAST, "(seen * other) ** 0.5"),
    "smaller one": (LAST, "min(seen, other)"),
    "product": (LAST, "seen * other"),
    "no two": (LAST, "seen * other / total if total > 0 else 0.0"),
    "0 / 0": (LAST, "2 * seen * other / np.float64(total)"),
    "nothing right is perfect": ("else 0.0", "else 1.0"),
    "harmonic mean with the closed set": (LAST, "2 * seen * uar(among, new) / max(seen + uar(among, new), 1e-9)"),
    "harmonic mean of clips": (LAST, "(lambda a, b: 2 * a * b / max(a + b, 1e-9))((answers == target)[~new].mean(), "
                                     "(answers == target)[new].mean())"),
    "three numbers": ("return uar(among, new), seen", "return seen"),
    "closed set last": ("return uar(among, new), seen, other, 2 * seen * other / total if total > 0 else 0.0",
                        "return seen, other, 2 * seen * other / total if total > 0 else 0.0, uar(among, new)"),
    "classes from 1": ("np.isin(target, unseen)", "np.isin(target + 1, unseen)"),
    "what is unseen taken for seen": ("np.isin(target, unseen)", "~np.isin(target, unseen)"),
    "one unseen class": ("    new = np.isin(target, unseen)",
                         "    unseen = unseen[:1]\n    new = np.isin(target, unseen)"),
    "chance taken away": ("return uar(among, new)", "return uar(among, new) - 1 / len(unseen)"),
    "per cent": ("return uar(among, new)", "return 100 * uar(among, new)"),
}


def wrong_calibrated(logits, target, unseen):
    """Seen classes are made less likely, which is another method, not another score."""
    seen = np.setdiff1d(np.arange(logits.shape[1]), unseen)
    logits = logits.copy()
    logits[:, seen] -= 1
    return right_masks(logits, target, unseen)
