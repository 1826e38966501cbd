"""What the checker of `leak` must accept and reject."""

import numpy as np
import pandas as pd


def right_isin(train, valid):
    return np.isin(valid, train).mean()


def right_set(train, valid):
    known = set(train.tolist())
    return sum(group in known for group in valid.tolist()) / len(valid)


def right_pandas(train, valid):
    return float(pd.Series(valid).isin(pd.unique(train)).mean())


WRONG = {
    "counts groups": ("np.isin(valid, train)", "np.isin(np.unique(valid), train)"),
    "of the training rows": ("np.isin(valid, train)", "np.isin(train, valid)"),
    "the share that is not shared": ("np.isin(valid, train)", "~np.isin(valid, train)"),
    "sum for mean": (".mean()", ".sum()"),
    "divided by the training rows": (".mean()", ".sum() / len(train)"),
    "row by row": ("np.isin(valid, train)", "(valid[:len(train)] == train[:len(valid)])"),
    "only the first group": ("np.isin(valid, train)", "np.isin(valid, train[:1])"),
}
