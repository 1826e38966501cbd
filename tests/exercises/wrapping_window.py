"""What the checker of `wrapping_window` must accept and reject."""

import itertools

import numpy as np
import torch


def right_modulo(length, every, size, start):
    kept = np.arange(0, length, every)
    places = (start + np.arange(size)) % len(kept)
    past = np.arange(len(kept)) + size > len(kept)
    return kept[places], past.mean()


def right_roll(length, every, size, start):
    kept = list(range(0, length, every))
    turned = kept[start:] + kept[:start]
    frames = (turned * size)[:size]
    return frames, (size - 1) / len(kept)


def right_iterator(length, every, size, start):
    circle = itertools.cycle(range(0, length, every))
    frames = list(itertools.islice(circle, start, start + size))
    count = -(-length // every)
    return frames, sum(first + size > count for first in range(count)) / count


def right_take(length, every, size, start):
    kept = np.arange(length)[::every]
    past = [first > kept.size - size for first in range(kept.size)]
    return kept.take(range(start, start + size), mode="wrap"), float(np.mean(past))


def right_torch(length, every, size, start):
    kept = torch.arange(0, length, every)
    return torch.roll(kept, -start).repeat(size)[:size], torch.tensor((size - 1) / len(kept))


KEPT, PLACES = "np.arange(0, length, every)", "(start + np.arange(size)) % len(kept)"
PAST, CHANCE = "np.arange(len(kept)) + size > len(kept)", "past.mean()"
WRONG = {
    "stops at the end": (PLACES, "np.minimum(start + np.arange(size), len(kept) - 1)"),
    "cut at the end": ("kept[places]", "kept[start:start + size]"),
    "turns round": (PLACES, "np.abs((start + np.arange(size) + len(kept) - 1) % max(2 * len(kept) - 2, 1) "
                            "- len(kept) + 1)"),
    "from the end": (PLACES, "np.minimum(start, max(len(kept) - size, 0)) + np.arange(size) % len(kept)"),
    "in order": ("kept[places]", "np.sort(kept[places])"),
    "each once": ("kept[places]", "np.unique(kept[places])"),
    "places": ("kept[places]", "places"),
    "start in frames": ("kept[places]", "(start + every * np.arange(size)) % length"),
    "start in all frames": (PLACES, "(start // every + np.arange(size)) % len(kept)"),
    "wrapped in all frames": ("kept[places]", "every * (start + np.arange(size)) % length"),
    "last frame missing": (KEPT, "np.arange(0, length - 1, every)"),
    "whole parts": (KEPT, "np.arange(max(length // every, 1)) * every"),
    "one frame too many": (KEPT, "np.arange(0, length + 1, every)"),
    "from frame 1": (KEPT, "np.arange(1, length + 1, every)"),
    "all frames": (KEPT, "np.arange(length)"),
    "twice as few": (KEPT, "np.arange(0, length, 2 * every)"),
    "one later": (PLACES, "(start + 1 + np.arange(size)) % len(kept)"),
    "from the beginning": (PLACES, "np.arange(size) % len(kept)"),
    "backwards": (PLACES, "(start - np.arange(size)) % len(kept)"),
    "one frame fewer": ("np.arange(size)) %", "np.arange(size - 1)) %"),
    "frames apart": (PLACES, "(start + every * np.arange(size)) % len(kept)"),
    "a random start": (PLACES, "(np.random.default_rng(0).integers(len(kept)) + np.arange(size)) % len(kept)"),
    "in segments": (PLACES, "np.linspace(0, len(kept) - 1, size).astype(int)"),
    "a window at the end is past it": (PAST, "np.arange(len(kept)) + size >= len(kept)"),
    "two past": (PAST, "np.arange(len(kept)) + size > len(kept) + 1"),
    "contrary": (PAST, "np.arange(len(kept)) + size <= len(kept)"),
    "of all frames": (CHANCE, "(size - 1) / length"),
    "of one start fewer": (CHANCE, "(size - 1) / (len(kept) - 1)"),
    "size in kept": (CHANCE, "size / len(kept)"),
    "number of starts": (CHANCE, "past.sum()"),
    "this start": (CHANCE, "float(start + size > len(kept))"),
    "per cent": (CHANCE, "100 * past.mean()"),
    "all starts": (CHANCE, "past"),
    "longest start alone": ("np.arange(len(kept)) + size > len(kept)", "np.arange(1, len(kept)) + size > len(kept)"),
    "exchanged": ("return kept[places], past.mean()", "return past.mean(), kept[places]"),
    "frames alone": ("return kept[places], past.mean()", "return kept[places]"),
    "of inner starts": ("np.arange(len(kept)) + size > len(kept)",
                        "np.arange(max(len(kept) - size, 1)) + size > len(kept)"),
}
