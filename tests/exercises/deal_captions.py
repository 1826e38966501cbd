"""What the checker of `deal_captions` must accept and reject."""

import numpy as np


def right_cycle(captions, seed):
    order = np.random.default_rng(seed).permutation(len(captions))
    dealt = [None] * len(captions)
    for place, following in zip(order, np.roll(order, 1), strict=True):
        dealt[place] = captions[following]
    return dealt


def right_try_again(captions, seed):
    rng, places = np.random.default_rng(seed), np.arange(len(captions))
    while True:
        order = rng.permutation(len(captions))
        if (order != places).all():
            return [captions[place] for place in order]


def right_sattolo(captions, seed):
    rng, dealt = np.random.default_rng(seed), list(captions)
    for last in range(len(dealt) - 1, 0, -1):
        other = int(rng.integers(0, last))
        dealt[last], dealt[other] = dealt[other], dealt[last]
    return dealt


WRONG = {
    "plain shuffle": ("np.roll(order, 1)", "np.arange(len(captions))"),
    "seed not used": ("default_rng(seed)", "default_rng(0)"),
    "no seed": ("default_rng(seed)", "default_rng()"),
    "always the next one": ("np.random.default_rng(seed).permutation(len(captions))", "np.arange(len(captions))"),
    "not moved": ("np.roll(order, 1)", "order"),
    "drawn with replacement": (".permutation(len(captions))", ".integers(0, len(captions), len(captions))"),
    "positions": ("captions[following]", "int(following)"),
    "one left out": ("return dealt", "return dealt[:-1]"),
    "one twice": ("    return dealt", "    dealt[0] = dealt[1]\n    return dealt"),
    "last one stays": ("    return dealt", "    place = dealt.index(captions[-1])\n"
                       "    dealt[place], dealt[-1] = dealt[-1], dealt[place]\n    return dealt"),
}
