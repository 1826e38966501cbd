"""What the checker of `reported_score` must accept and reject."""

import numpy as np


def right_argmax(select, report):
    return report[np.argmax(select)]


def right_loop(select, report):
    best, score = -np.inf, None
    for chosen, reported in zip(select, report, strict=True):
        if chosen > best:
            best, score = chosen, reported
    return score


def right_max_key(select, report):
    return float(report[max(range(len(select)), key=lambda epoch: select[epoch])])


WRONG = {
    "best reported": ("report[np.argmax(select)]", "report.max()"),
    "on the selection rows": ("report[np.argmax(select)]", "select.max()"),
    "last epoch": ("np.argmax(select)", "-1"),
    "worst epoch": ("np.argmax(", "np.argmin("),
    "last of equals": ("np.argmax(select)", "len(select) - 1 - np.argmax(select[::-1])"),
    "the epoch": ("report[np.argmax(select)]", "np.argmax(select)"),
    "chosen by the report": ("report[np.argmax(select)]", "select[np.argmax(report)]"),
    "mean": ("report[np.argmax(select)]", "report.mean()"),
}
