"""What the checker of `stuck_scores` must accept and reject."""

import numpy as np
import torch


def right_zeros(classes):
    scores = torch.zeros(classes)
    scores[1] = 30
    return scores


def right_list(classes):
    return [-40.0] + [0.0] * (classes - 1)


def right_numpy(classes):
    return np.linspace(-100, 100, classes)


WRONG = {
    "right answer leads": ("scores[1]", "scores[0]"),
    "not certain": ("30", "3"),
    "undecided": ("scores[1] = 30", "pass"),
    "wrong sign": ("30", "-30"),
    "infinite": ("30", "torch.inf"),
    "one score too many": ("torch.zeros(classes)", "torch.zeros(classes + 1)"),
    "a column": ("return scores", "return scores[:, None]"),
}
