"""What the checker of `grouped_split` must accept and reject."""

import numpy as np


def right_until_reached(groups, share, seed):
    names, counts = np.unique(groups, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    before = np.cumsum(counts[order]) - counts[order]
    return np.isin(groups, names[order][before < share * len(groups)])


def right_if_nearer(groups, share, seed):
    names = sorted(set(groups.tolist()))
    rng, chosen, rows = np.random.default_rng(seed), [], 0
    wanted = share * len(groups)
    for place in rng.permutation(len(names)):
        size = int((groups == names[place]).sum())
        if abs(rows + size - wanted) < abs(rows - wanted):
            chosen.append(names[place])
            rows += size
    return np.isin(groups, chosen)


def right_random_keys(groups, share, seed):
    names, place = np.unique(groups, return_inverse=True)
    key = np.random.default_rng(seed).random(len(names))
    inside = np.zeros(len(groups), dtype=bool)
    for group in key.argsort():
        if inside.mean() >= share:
            break
        inside |= place == group
    return inside


WRONG = {
    "splits rows": ("np.isin(groups, names[order][before < share * len(groups)])",
                    "np.random.default_rng(seed).random(len(groups)) < share"),
    "a share of the groups": ("before < share * len(groups)", "np.arange(len(names)) < share * len(names)"),
    "seed not used": ("default_rng(seed)", "default_rng(0)"),
    "no seed at all": ("default_rng(seed)", "default_rng()"),
    "groups in order": ("np.random.default_rng(seed).permutation(len(names))", "np.arange(len(names))"),
    "the other side": ("return np.isin", "return ~np.isin"),
    "row numbers": ("return np.isin(groups, names[order][before < share * len(groups)])",
                    "return np.flatnonzero(np.isin(groups, names[order][before < share * len(groups)]))"),
    "half of it": ("share * len(groups)", "share * len(groups) / 4"),
    "one row of a group astray": ("return np.isin(groups, names[order][before < share * len(groups)])",
                                  "mask = np.isin(groups, names[order][before < share * len(groups)])\n"
                                  "    mask[np.flatnonzero(groups == groups[0])[0]] ^= True\n    return mask"),
    "everything": ("before < share * len(groups)", "before >= 0"),
}


def wrong_largest_always_trained(groups, share, seed):
    names, counts = np.unique(groups, return_counts=True)
    order = np.random.default_rng(seed).permutation(np.flatnonzero(counts < max(counts.max(), 2)))
    if not len(order):
        return right_until_reached(groups, share, seed)
    before = np.cumsum(counts[order]) - counts[order]
    return np.isin(groups, names[order][before < share * len(groups)])
