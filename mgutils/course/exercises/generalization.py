"""Checkers of notebook 07: the reported epoch, effective numbers, an exact test, the bootstrap over people."""

from __future__ import annotations

from itertools import product

import numpy as np

from mgutils.course.exercises.answers import Answer, Student
from mgutils.course.exercises.catalogue import exercise


@exercise(points=1)
def _reported_score(student: Student) -> None:
    trials = {
        "selection [0.2, 0.6, 0.4], report [0.3, 0.5, 0.7]":
            ([0.2, 0.6, 0.4], [0.3, 0.5, 0.7]),
        "selection [0.2, 0.6, 0.6], report [0.3, 0.5, 0.4], two epochs equally good":
            ([0.2, 0.6, 0.6], [0.3, 0.5, 0.4]),
        "30 random epochs": student.rng.permuted([np.arange(30) / 30] * 2, axis=1),
    }
    for tried, trial in trials.items():
        select, report = map(np.array, trial)
        answer = student(select, report, tried=tried)
        answer.close_to(
            report[select.argmax()],
            likely={
                "That is the best reported score: the epoch was chosen on the rows that are reported.":
                    report.max(),
                "That is the score on the selection rows. They chose the epoch, so they flatter it.":
                    select.max(),
                "That is the last epoch.":
                    report[-1],
                "That is the worst epoch.":
                    report[select.argmin()],
                "Among equally good epochs the first one counts.":
                    report[np.flatnonzero(select == select.max())[-1]],
                "That is the number of the epoch.":
                    select.argmax(),
                "That is the mean of all epochs.":
                    report.mean(),
            },
            hint="Choose the epoch by `select` alone; then read `report` there.",
        )


@exercise(points=1)
def _effective_number(student: Student) -> None:
    drawn = student.rng.integers(1, 50, 12).tolist()
    trials = [[10, 10, 10, 10], [90, 5, 5], [7], [3, 0, 3], drawn]
    for counts in trials:
        images = np.array(counts)
        answer = student(images, tried=f"people with {counts} images")
        share = images / images.sum()
        known = share[share > 0]
        answer.close_to(
            1 / (share**2).sum(),
            likely={
                "That is the number of people.":
                    len(images),
                "That is the sum of squared shares. One divided by it is the number.":
                    (share**2).sum(),
                "Square the shares, not the numbers of images.":
                    1 / (images**2).sum(),
                "That is the number of images.":
                    images.sum(),
                "That counts by the largest share alone.":
                    1 / share.max(),
                "That is the exponential of the entropy, another effective number. "
                "Kish's is 1 over the sum of squares.":
                    np.exp(-(known * np.log(known)).sum()),
            },
            hint="Shares of all images, squared, added up; one divided by that.",
        )


@exercise(points=2)
def _sign_flip_p(student: Student) -> None:
    from mgutils.metrics.paired import sign_flip

    drawn = student.rng.normal(0.4, 1, 9).round(3).tolist()
    trials = [
        [1.0, 2.0, 3.0],
        [1.0, -1.0],
        [0.5, 0.5, 0.5, 0.5, -0.1],
        [-2.0, -1.0, -4.0, -3.0],
        drawn,
    ]
    for gains in trials:
        answer = student(np.array(gains), tried=f"gains {gains}")
        patterns = np.array(list(product([1, -1], repeat=len(gains))))
        sums = patterns @ gains
        seen = np.sum(gains)
        far = np.abs(sums) >= abs(seen) - 1e-12
        answer.close_to(
            sign_flip(gains),
            likely={
                "That looks at one side alone. A sum as far below zero counts too.":
                    (sums >= seen - 1e-12).mean(),
                "That looks at one side alone. A sum as far above zero counts too.":
                    (sums <= seen + 1e-12).mean(),
                "Patterns whose sum is as far as the one found count too, itself among them.":
                    (np.abs(sums) > abs(seen) + 1e-12).mean(),
                "The pattern found is one of all patterns: count it above and below the line.":
                    (far.sum() - 1) / (len(sums) - 1),
                "The pattern found is one of all patterns.":
                    (far.sum() - 1) / len(sums),
                "That is the share of smaller sums.":
                    1 - far.mean(),
                "That is a number of patterns. Divide by all of them.":
                    far.sum(),
            },
            tolerance=1e-9,
            hint="All 2^n patterns of signs; the share whose sum is at least as far from zero as the sum of the gains, "
            "with a little room for rounding.",
        )


@exercise(points=4, by_hand=("bootstrap",))
def _bootstrap_people(student: Student) -> None:
    right = np.repeat([1, 0], 20)
    people = np.repeat(["ann", "bob"], 20)
    answer = student(
        right, people, 400, 0, tried="ann with 20 right answers, bob with 20 wrong ones, 400 draws"
    )
    _ends(answer).close_to(
        [0, 1],
        hint="One draw in four takes ann twice, one takes bob twice. Whoever is drawn comes "
        "with all images. Did you draw images?",
    )
    sizes = student.rng.permutation(np.arange(2, 62, 5))
    people = student.rng.permutation(np.repeat(np.arange(12), sizes))
    rates = 0.1 + 0.8 * sizes / 60  # whoever has many images has easy ones
    right = (student.rng.uniform(size=len(people)) < rates[people]).astype(int)
    tried = f"{len(people)} answers of 12 people with 2 to 57 images each, 3000 draws, seed"
    found = _ends(student(right, people, 3000, 3, tried=f"{tried} 3"))
    ends = found.numbers()
    found.is_true(ends[0] < ends[1], "low, then high", "The first is the lower end.")
    wanted, slips = _intervals(right, people)
    error = np.abs(ends - wanted).max()
    room = 0.2 * (wanted[1] - wanted[0]) / 3.92  # four standard errors of 3000 draws
    hint = (
        "Draw as many people as there are, with replacement; all their images; the share of right ones; then "
        "the 2.5th and 97.5th percentile over the draws."
    )
    for words, value in slips.items():
        if np.abs(ends - value).max() <= error:
            hint = words
    found.is_true(error < room, f"about {wanted.round(2)}", hint)
    again, other = (
        _ends(student(right, people, 3000, seed, tried=f"{tried} {seed}")).numbers()
        for seed in (3, 5)
    )
    found.follows_seed(ends, again, other)


def _ends(answer: Answer) -> Answer:
    """The answer as an array of two shares."""
    ends = answer.numbers("two shares")
    answer.is_true(ends.shape == (2,), "two shares: `return low, high`", "Return both ends.")
    return Answer(ends, answer.tried)


def _intervals(right: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The interval, and those of likely mistakes."""
    from mgutils.metrics.intervals import accuracy, interval, tally

    def ends(groups: np.ndarray, level: float = 0.95) -> np.ndarray:
        table = tally(right[None], np.ones(len(right), dtype=int), groups, 2)
        found = interval(table, accuracy, level=level, widen=False)
        return np.array([found.low, found.high])

    rates = np.array([right[people == one].mean() for one in np.unique(people)])
    draws = np.random.default_rng(0).choice(rates, (4000, len(rates))).mean(axis=1)
    slips = {
        "That is the interval of drawing images. Images of one person are alike: draw people.":
            ends(np.arange(len(right))),
        "You averaged the people's shares. Every image counts: right images of all drawn, divided by images of "
        "all drawn.":
            np.quantile(draws, [0.025, 0.975]),
        "That is a 90 % interval: 2.5 % belong to each end.":
            ends(people, 0.9),
        "Those are quartiles: 2.5 % belong to each end.":
            ends(people, 0.5),
    }
    return ends(people), slips
