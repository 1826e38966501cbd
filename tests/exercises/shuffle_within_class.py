"""What the checker of `shuffle_within_class` must accept and reject."""

import numpy as np
import pandas as pd


def right_cycle(target, seed):
    rng = np.random.default_rng(seed)
    order = np.empty(len(target), dtype=int)
    for one in np.unique(target):
        rows = np.flatnonzero(target == one)
        mixed = rng.permutation(rows)
        order[mixed] = np.roll(mixed, 1)
    return order


def right_try_again(target, seed):
    rng = np.random.default_rng(seed)
    order = np.arange(len(target))
    for one in set(target.tolist()):
        rows = np.flatnonzero(target == one)
        while len(rows) > 1 and (order[rows] == rows).any():
            order[rows] = rng.permutation(rows)
    return order.tolist()


def right_sattolo(target, seed):
    rng, order = np.random.default_rng(seed), list(range(len(target)))
    places = {}
    for row, one in enumerate(target.tolist()):
        places.setdefault(one, []).append(row)
    for rows in places.values():
        for last in range(len(rows) - 1, 0, -1):
            other = int(rng.integers(0, last))
            first, second = rows[last], rows[other]
            order[first], order[second] = order[second], order[first]
    return order


def right_pandas(target, seed):
    rng = np.random.default_rng(seed)
    mixed = pd.Series(target).sample(frac=1, random_state=rng)
    found = pd.Series(range(len(target)))
    for _, rows in mixed.groupby(mixed):
        found[rows.index] = np.roll(rows.index, 1)
    return found.to_numpy()


def right_one_sort(target, seed):
    mixed = np.lexsort([np.random.default_rng(seed).uniform(size=len(target)), target])
    following = np.empty_like(mixed)
    start = np.flatnonzero(np.diff(target[mixed], prepend=-1))
    for first, end in zip(start, [*start[1:], len(target)], strict=True):
        following[mixed[first:end]] = np.roll(mixed[first:end], -1)
    return following


WRONG = {
    "plain shuffle in a class": ("np.roll(mixed, 1)", "rows"),
    "over all classes": ("rows = np.flatnonzero(target == one)", "rows = np.arange(len(target))"),
    "nothing moved": ("np.roll(mixed, 1)", "mixed"),
    "the seed is not used": ("default_rng(seed)", "default_rng(0)"),
    "no seed": ("default_rng(seed)", "default_rng()"),
    "always the next one": ("rng.permutation(rows)", "rows"),
    "half of the class on": ("mixed = rng.permutation(rows)\n        order[mixed] = np.roll(mixed, 1)",
                             "order[rows] = np.roll(rows, len(rows) // 2 or 1)"),
    "from behind": ("mixed = rng.permutation(rows)\n        order[mixed] = np.roll(mixed, 1)",
                    "order[rows] = rows[::-1]"),
    "next or the one before": ("mixed = rng.permutation(rows)\n        order[mixed] = np.roll(mixed, 1)",
                               "order[rows] = np.roll(rows, 1 if rng.uniform() < 0.5 else -1)"),
    "drawn with replacement": ("rng.permutation(rows)", "rng.choice(rows, len(rows))"),
    "a partner for each, some twice": ("order[mixed] = np.roll(mixed, 1)",
                                       "order[rows] = [rng.choice(rows[rows != row]) if len(rows) > 1 else row "
                                       "for row in rows]"),
    "exchanged in pairs, the last stays": (
        "order[mixed] = np.roll(mixed, 1)", "order[mixed] = mixed\n"
        "        for a, b in zip(mixed[::2], mixed[1::2]):\n            order[a], order[b] = b, a"),
    "first class left alone": ("for one in np.unique(target):", "order[:] = np.arange(len(target))\n"
                               "    for one in np.unique(target)[1:]:"),
    "last class left alone": ("for one in np.unique(target):", "order[:] = np.arange(len(target))\n"
                              "    for one in np.unique(target)[:-1]:"),
    "classes returned": ("    return order", "    return target[order]"),
    "places in a class": ("order[mixed] = np.roll(mixed, 1)", "order[rows] = rng.permutation(len(rows))"),
    "a list of classes": ("    return order", "    return [order[target == one] for one in np.unique(target)]"),
    "one too few": ("    return order", "    return order[:-1]"),
    "from 1": ("    return order", "    return order + 1"),
    "those alone left out": ("    return order", "    return order[np.bincount(target)[target] > 1]"),
    "those alone -1": ("    return order", "    order[np.bincount(target)[target] == 1] = -1\n    return order"),
    "those alone somewhere": ("    return order", "    lone = np.flatnonzero(np.bincount(target)[target] == 1)\n"
                              "    order[lone] = 0\n    return order"),
    "those alone exchanged": ("    return order", "    lone = np.flatnonzero(np.bincount(target)[target] == 1)\n"
                              "    other = int(np.flatnonzero(target != target[lone[0]])[0]) if len(lone) else 0\n"
                              "    if len(lone):\n"
                              "        order[lone[0]], order[other] = order[other], order[lone[0]]\n    return order"),
    "in the order of the classes": ("    return order", "    return order[np.argsort(target, kind='stable')]"),
    "classes exchanged": ("    return order", "    return order[np.random.default_rng(seed).permutation(len(order))]"),
    "first two back": ("    return order", "    order[[0, 1]] = [0, 1]\n    return order"),
    "a mask": ("    return order", "    return order != np.arange(len(order))"),
    "nothing returned": ("    return order", "    order.tolist()"),
}


def wrong_shuffled_until_most_moved(target, seed):
    rng, rows = np.random.default_rng(seed), np.arange(len(target))
    while True:
        order = right_cycle(target, seed)
        for one in np.unique(target):
            own = rows[target == one]
            order[own] = rng.permutation(own)
        if (order == rows).mean() < 0.4:
            return order
