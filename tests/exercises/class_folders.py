"""What the checker of `class_folders` must accept and reject."""

import re

import numpy as np


def right_filter_and_sort(names):
    return sorted([name for name in names if name.isdigit()], key=int)


def right_pairs(names):
    pairs = []
    for name in names:
        if re.fullmatch(r"[0-9]+", name):
            pairs.append((int(name), name))
    pairs.sort()
    return [name for _, name in pairs]


def right_numpy(names):
    kept = np.array([name for name in names if name.isnumeric()])
    return kept[np.argsort(kept.astype(int))].tolist() if len(kept) else []


WRONG = {
    "text order": ("key=int", "key=str"),
    "keeps other files": ("[name for name in names if name.isdigit()], key=int",
                          "names, key=lambda name: int(name) if name.isdigit() else 0"),
    "numbers instead of names": ("return sorted([name", "return sorted([int(name)"),
    "reversed": ("key=int", "key=int, reverse=True"),
    "not sorted": ("sorted([name for name in names if name.isdigit()], key=int)",
                   "[name for name in names if name.isdigit()]"),
    "sorted by length alone": ("key=int", "key=len"),
    "crashes on a file": ("[name for name in names if name.isdigit()]", "names"),
}
