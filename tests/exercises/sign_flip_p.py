"""What the checker of `sign_flip_p` must accept and reject."""

from itertools import product

import numpy as np


def right_product(gains):
    sums = [sum(sign * gain for sign, gain in zip(signs, gains, strict=True))
            for signs in product([1, -1], repeat=len(gains))]
    return np.mean(np.abs(sums) >= abs(gains.sum()) - 1e-9)


def right_bits(gains):
    patterns = 1 - 2 * (np.arange(2 ** len(gains))[:, None] >> np.arange(len(gains)) & 1)
    return float((abs(patterns @ gains) > abs(gains.sum()) - 1e-9).mean())


def right_grow(gains):
    sums = np.zeros(1)
    for gain in gains:
        sums = np.concatenate([sums + gain, sums - gain])
    return (np.abs(sums).round(9) >= round(abs(float(gains.sum())), 9)).sum() / len(sums)


WRONG = {
    "one-sided": ("np.abs(sums) >= abs(gains.sum())", "np.array(sums) >= gains.sum()"),
    "strict": (">= abs(gains.sum()) - 1e-9", "> abs(gains.sum()) + 1e-9"),
    "number": ("np.mean(", "np.sum("),
    "nearer": (">= abs(gains.sum()) - 1e-9", "<= abs(gains.sum()) + 1e-9"),
    "first sign fixed, one side": ("np.abs(sums) >= abs(gains.sum())", "np.array(sums[::2]) >= gains.sum()"),
    "without itself": ("return np.mean(np.abs(sums)", "return np.mean(np.abs(sums[1:])"),
    "zero allowed": ("product([1, -1]", "product([1, 0, -1]"),
    "signs alone": ("sign * gain for", "sign for"),
    "random patterns": ("product([1, -1], repeat=len(gains))",
                        "np.random.default_rng(0).choice([1, -1], (50, len(gains)))"),
    "no absolute sum": ("abs(gains.sum())", "gains.sum()"),
}
