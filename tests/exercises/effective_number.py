"""What the checker of `effective_number` must accept and reject."""

import numpy as np


def right_shares(images):
    share = images / images.sum()
    return 1 / (share**2).sum()


def right_moments(images):
    return images.sum() ** 2 / np.square(images).sum()


def right_variation(images):
    return len(images) / (1 + images.var() / images.mean() ** 2)


WRONG = {
    "people": ("1 / (share**2).sum()", "len(images)"),
    "not inverted": ("1 / (share**2).sum()", "(share**2).sum()"),
    "numbers squared": ("images / images.sum()", "images"),
    "largest share": ("(share**2).sum()", "share.max()"),
    "mean for sum": ("(share**2).sum()", "(share**2).mean()"),
    "root": ("1 / (share**2).sum()", "1 / (share**2).sum() ** 0.5"),
    "cube": ("share**2", "share**3"),
    "entropy": ("1 / (share**2).sum()", "np.exp(-(share[share > 0] * np.log(share[share > 0])).sum())"),
}
