"""Checkers of notebook 09: reported epoch, effective number, exact test, bootstrap over people."""

from __future__ import annotations

from itertools import product

import numpy as np

from mgutils.course.exercises.answers import Answer, Mistake, Student, mistake
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
        equally_good = np.flatnonzero(select == select.max())
        answer.close_to(
            report[select.argmax()],
            likely=[
                mistake(report.max(),
                        "That is the best reported score: "
                        "the epoch was chosen on the rows that are reported."),
                mistake(select.max(),
                        "That is the score on the selection rows. "
                        "They chose the epoch, so they flatter it."),
                mistake(report[-1], "That is the last epoch."),
                mistake(report[select.argmin()], "That is the worst epoch."),
                mistake(report[equally_good[-1]],
                        "Among equally good epochs the first one counts."),
                mistake(select.argmax(), "That is the number of the epoch."),
                mistake(report.mean(), "That is the mean of all epochs."),
            ],
            hint="Choose the epoch by `select` alone; then read `report` there.",
        )


@exercise(points=1)
def _effective_number(student: Student) -> None:
    drawn = student.rng.integers(1, 50, 12).tolist()
    trials = [
        [10, 10, 10, 10],
        [90, 5, 5],
        [7],
        [3, 0, 3],
        drawn,
    ]
    for counts in trials:
        images = np.array(counts)
        answer = student(images, tried=f"people with {counts} images")
        share = images / images.sum()
        known = share[share > 0]
        entropy = -(known * np.log(known)).sum()
        answer.close_to(
            1 / (share**2).sum(),
            likely=[
                mistake(len(images), "That is the number of people."),
                mistake((share**2).sum(),
                        "That is the sum of squared shares. One divided by it is the number."),
                mistake(1 / (images**2).sum(), "Square the shares, not the numbers of images."),
                mistake(images.sum(), "That is the number of images."),
                mistake(1 / share.max(), "That counts by the largest share alone."),
                mistake(np.exp(entropy),
                        "That is the exponential of the entropy, another effective number. "
                        "Kish's is 1 over the sum of squares."),
            ],
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
        farther = np.abs(sums) > abs(seen) + 1e-12
        answer.close_to(
            sign_flip(gains),
            likely=[
                mistake((sums >= seen - 1e-12).mean(),
                        "That looks at one side alone. A sum as far below zero counts too."),
                mistake((sums <= seen + 1e-12).mean(),
                        "That looks at one side alone. A sum as far above zero counts too."),
                mistake(farther.mean(),
                        "Patterns whose sum is as far as the one found count too, "
                        "itself among them."),
                mistake((far.sum() - 1) / (len(sums) - 1),
                        "The pattern found is one of all patterns: "
                        "count it above and below the line."),
                mistake((far.sum() - 1) / len(sums), "The pattern found is one of all patterns."),
                mistake(1 - far.mean(), "That is the share of smaller sums."),
                mistake(far.sum(), "That is a number of patterns. Divide by all of them."),
            ],
            tolerance=1e-9,
            hint="All 2^n patterns of signs; the share whose sum is at least as far from zero as "
            "the sum of the gains, with a little room for rounding.",
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
        "Draw as many people as there are, with replacement; all their images; "
        "the share of right ones; then the 2.5th and 97.5th percentile over the draws."
    )
    for value, message in slips:
        if np.abs(ends - value).max() <= error:
            hint = message
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


def _intervals(right: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, list[Mistake]]:
    """The interval, and those of likely mistakes."""
    from mgutils.metrics.intervals import accuracy, interval, tally

    def ends(groups: np.ndarray, level: float = 0.95) -> np.ndarray:
        table = tally(right[None], np.ones(len(right), dtype=int), groups, 2)
        found = interval(table, accuracy, level=level, widen=False)
        return np.array([found.low, found.high])

    rates = np.array([right[people == one].mean() for one in np.unique(people)])
    draws = np.random.default_rng(0).choice(rates, (4000, len(rates)))
    of_rates = np.quantile(draws.mean(axis=1), [0.025, 0.975])
    slips = [
        mistake(ends(np.arange(len(right))),
                "That is the interval of drawing images. "
                "Images of one person are alike: draw people."),
        mistake(of_rates,
                "You averaged the people's shares. "
                "Every image counts: right images of all drawn, divided by images of all drawn."),
        mistake(ends(people, 0.9), "That is a 90 % interval: 2.5 % belong to each end."),
        mistake(ends(people, 0.5), "Those are quartiles: 2.5 % belong to each end."),
    ]
    return ends(people), slips
