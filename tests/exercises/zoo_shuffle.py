"""What the checker of `zoo_shuffle` must accept and reject."""

import numpy as np


def right_order(images, labels, seed):
    order = np.random.default_rng(seed).permutation(len(images))
    return images[order], labels[order]


def right_twice(images, labels, seed):
    return (np.random.default_rng(seed).permutation(images, axis=0), np.random.default_rng(seed).permutation(labels))


def right_pairs(images, labels, seed):
    pairs = list(zip(images, labels, strict=True))
    np.random.default_rng(seed).shuffle(pairs)
    return np.stack([image for image, _ in pairs]), np.array([label for _, label in pairs])


WRONG = {
    "labels stay": ("labels[order]", "labels"),
    "images stay": ("images[order]", "images"),
    "labels shuffled apart": ("labels[order]", "np.random.default_rng(seed + 1).permutation(labels)"),
    "not shuffled": ("np.random.default_rng(seed).permutation(len(images))", "np.arange(len(images))"),
    "drawn with replacement": (".permutation(len(images))", ".integers(0, len(images), len(images))"),
    "seed not used": ("default_rng(seed)", "default_rng(0)"),
    "no seed": ("default_rng(seed)", "default_rng()"),
    "labels reversed": ("labels[order]", "labels[order[::-1]]"),
    "half lost": ("return images[order], labels[order]", "return images[order[:25]], labels[order[:25]]"),
}
