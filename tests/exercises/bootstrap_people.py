"""What the checker of `bootstrap_people` must accept and reject."""

import numpy as np


def right_concatenate(right, people, draws, seed):
    rng, names = np.random.default_rng(seed), np.unique(people)
    rows = {name: right[people == name] for name in names}
    shares = []
    for _ in range(draws):
        drawn = rng.choice(names, len(names))
        shares.append(np.concatenate([rows[name] for name in drawn]).mean())
    low, high = np.percentile(shares, [2.5, 97.5])
    return low, high


def right_counts(right, people, draws, seed):
    _, place = np.unique(people, return_inverse=True)
    hits, images = np.bincount(place, weights=right), np.bincount(place)
    times = np.random.default_rng(seed).multinomial(len(hits), np.full(len(hits), 1 / len(hits)), size=draws)
    return np.quantile(times @ hits / (times @ images), [0.025, 0.975])


def right_sorted(right, people, draws, seed):
    generator = np.random.default_rng(seed)
    names = list(dict.fromkeys(people.tolist()))
    sums = [(right[people == name].sum(), (people == name).sum()) for name in names]
    shares = []
    for _ in range(draws):
        chosen = [sums[place] for place in generator.integers(0, len(names), len(names))]
        shares.append(sum(hit for hit, _ in chosen) / sum(all_ for _, all_ in chosen))
    shares.sort()
    return [shares[int(0.025 * draws)], shares[int(0.975 * draws)]]


WRONG = {
    "mean of the people's shares": ("np.concatenate([rows[name] for name in drawn]).mean()",
                                    "np.mean([rows[name].mean() for name in drawn])"),
    "90 percent": ("[2.5, 97.5]", "[5, 95]"),
    "quartiles": ("[2.5, 97.5]", "[25, 75]"),
    "exchanged": ("return low, high", "return high, low"),
    "seed not used": ("default_rng(seed)", "default_rng(0)"),
    "no seed": ("default_rng(seed)", "default_rng()"),
    "without replacement": ("rng.choice(names, len(names))", "rng.choice(names, len(names) // 2 + 1, replace=False)"),
    "too few people drawn": ("rng.choice(names, len(names))", "rng.choice(names, 3)"),
    "number of draws ignored": ("range(draws)", "range(40)"),
    "one image of each": ("rows[name] for name in drawn", "rows[name][:1] for name in drawn"),
    "normal without a root": ("np.percentile(shares, [2.5, 97.5])",
                              "np.mean(shares) + np.array([-4, 4]) * np.std(shares)"),
}


def wrong_draws_images(right, people, draws, seed):
    rng = np.random.default_rng(seed)
    shares = [rng.choice(right, len(right)).mean() for _ in range(draws)]
    return np.percentile(shares, [2.5, 97.5])


def wrong_images_within_people(right, people, draws, seed):
    rng = np.random.default_rng(seed)
    rows = [right[people == name] for name in np.unique(people)]
    shares = [np.concatenate([rng.choice(own, len(own)) for own in rows]).mean() for _ in range(draws)]
    return np.percentile(shares, [2.5, 97.5])
