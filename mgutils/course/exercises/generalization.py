"""Checkers of notebook 07: the reported epoch, effective numbers, an exact test, the bootstrap over people."""

from __future__ import annotations

import numpy as np

from mgutils.course.exercises.answers import Answer, Student, mistake
from mgutils.course.exercises.catalogue import exercise


@exercise("reported_score", notebook="07", points=1)
def _reported_score(student: Student) -> None:
    trials = {
        "selection [0.2, 0.6, 0.4], report [0.3, 0.5, 0.7]": ([0.2, 0.6, 0.4], [0.3, 0.5, 0.7]),
        "selection [0.2, 0.6, 0.6], report [0.3, 0.5, 0.4], two epochs equally good": (
            [0.2, 0.6, 0.6],
            [0.3, 0.5, 0.4],
        ),
        "30 random epochs": (student.rng.permutation(30) / 30, student.rng.permutation(30) / 30),
    }
    for tried, pair in trials.items():
        select, report = map(np.asarray, pair)
        answer = student(select, report, tried=tried)
        answer.close_to(
            report[select.argmax()],
            likely=[
                mistake(report.max(),
                        "That is the best reported score: the epoch was chosen on the rows that are reported."),
                mistake(select.max(),
                        "That is the score on the selection rows. They chose the epoch, so they flatter it."),
                mistake(report[-1], "That is the last epoch."),
                mistake(report[select.argmin()], "That is the worst epoch."),
                mistake(report[len(report) - 1 - select[::-1].argmax()],
                        "Among equally good epochs the first one counts."),
                mistake(select.argmax(), "That is the number of the epoch."),
                mistake(report.mean(), "That is the mean of all epochs."),
            ],
            hint="Choose the epoch by `select` alone; then read `report` there.",
        )


@exercise("effective_number", notebook="07", points=1)
def _effective_number(student: Student) -> None:
    for images in (
        [10, 10, 10, 10],
        [90, 5, 5],
        [7],
        [3, 0, 3],
        student.rng.integers(1, 50, 12).tolist(),
    ):
        answer = student(np.array(images), tried=f"people with {images} images")
        share = np.array(images) / np.sum(images)
        known = share[share > 0]
        answer.close_to(
            1 / (share**2).sum(),
            likely=[
                mistake(len(images), "That is the number of people."),
                mistake((share**2).sum(),
                        "That is the sum of squared shares. One divided by it is the number."),
                mistake(
                    1 / np.square(images).sum(), "Square the shares, not the numbers of images."
                ),
                mistake(np.sum(images), "That is the number of images."),
                mistake(1 / share.max(), "That counts by the largest share alone."),
                mistake(np.exp(-(known * np.log(known)).sum()),
                        "That is the exponential of the entropy, another effective number. "
                        "Kish's is 1 over the sum of squares."),
            ],
            hint="Shares of all images, squared, added up; one divided by that.",
        )


@exercise("sign_flip_p", notebook="07", points=2)
def _sign_flip_p(student: Student) -> None:
    from mgutils.metrics.paired import sign_flip

    trials = [
        [1.0, 2.0, 3.0],
        [1.0, -1.0],
        [0.5, 0.5, 0.5, 0.5, -0.1],
        [-2.0, -1.0, -4.0, -3.0],
        np.round(student.rng.normal(0.4, 1, 9), 3).tolist(),
    ]
    for gains in trials:
        answer = student(np.array(gains), tried=f"gains {gains}")
        patterns = np.array(np.meshgrid(*[[1, -1]] * len(gains))).reshape(len(gains), -1).T
        sums, seen = patterns @ np.array(gains), np.sum(gains)
        far = np.abs(sums) >= abs(seen) - 1e-12
        answer.close_to(
            sign_flip(gains),
            tolerance=1e-9,
            likely=[
                mistake((sums >= seen - 1e-12).mean(),
                        "That looks at one side alone. A sum as far below zero counts too."),
                mistake((sums <= seen + 1e-12).mean(),
                        "That looks at one side alone. A sum as far above zero counts too."),
                mistake((np.abs(sums) > abs(seen) + 1e-12).mean(),
                        "Patterns whose sum is as far as the one found count too, itself among them."),
                mistake((far.sum() - 1) / (len(sums) - 1),
                        "The pattern found is one of all patterns: count it above and below the line."),
                mistake((far.sum() - 1) / len(sums), "The pattern found is one of all patterns."),
                mistake(1 - far.mean(), "That is the share of smaller sums."),
                mistake(far.sum(), "That is a number of patterns. Divide by all of them."),
            ],
            hint="All 2^n patterns of signs; the share whose sum is at least as far from zero as the sum of the gains, "
            "with a little room for rounding.",
        )


@exercise("bootstrap_people", notebook="07", points=4, by_hand=("bootstrap",))
def _bootstrap_people(student: Student) -> None:
    right, people = np.repeat([1, 0], 20), np.repeat(["ann", "bob"], 20)
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
    tried = f"{len(people)} answers of 12 people with 2 to 57 images each, 3000 draws"
    answer = student(right, people, 3000, 3, tried=tried)
    wanted, slips = _intervals(right, people)
    found, room = (
        _ends(answer),
        0.2 * (wanted[1] - wanted[0]) / 3.92,
    )  # four standard errors of 3000 draws
    found.is_true(found.value[0] < found.value[1], "low, then high", "The first is the lower end.")
    for value, words in slips:
        near, own = (np.abs(found.numbers() - ends).max() for ends in (value, wanted))
        found.is_true(own < room or own < near, f"about {np.round(wanted, 2)}", words)
    found.is_true(
        np.abs(found.numbers() - wanted).max() < room,
        f"about {np.round(wanted, 2)}",
        "Draw as many people as there are, with replacement; all their images; the share of right ones; then "
        "the 2.5th and 97.5th percentile over the draws.",
    )
    again = _ends(student(right, people, 3000, 3, tried=f"{tried}, with the same seed once more"))
    again.is_true(
        np.array_equal(again.numbers(), found.numbers()),
        "the same interval for the same seed",
        "Draw from np.random.default_rng(seed), and from nothing else.",
    )
    other = _ends(student(right, people, 3000, 5, tried=f"{tried}, with another seed"))
    other.is_true(
        not np.array_equal(other.numbers(), found.numbers()),
        "a slightly different interval",
        "Draw from np.random.default_rng(seed), and from nothing else.",
    )


def _ends(answer: Answer) -> Answer:
    answer.is_true(
        answer.numbers("two shares").shape == (2,),
        "two shares: `return low, high`",
        "Return both ends.",
    )
    return Answer(answer.numbers(), answer.tried)


def _intervals(
    right: np.ndarray, people: np.ndarray
) -> tuple[np.ndarray, list[tuple[np.ndarray, str]]]:
    """The interval, and those of likely mistakes."""
    from mgutils.metrics.intervals import accuracy, interval, tally

    def ends(groups: np.ndarray, level: float = 0.95) -> np.ndarray:
        table = tally(right[None], np.ones(len(right), dtype=int), groups, 2)
        found = interval(table, accuracy, level=level, widen=False)
        return np.array([found.low, found.high])

    rates = np.array([right[people == one].mean() for one in np.unique(people)])
    draws = np.random.default_rng(0).choice(rates, (4000, len(rates))).mean(axis=1)
    slips = [
        mistake(ends(np.arange(len(right))),
                "That is the interval of drawing images. Images of one person are alike: draw people."),
        mistake(
            np.quantile(draws, [0.025, 0.975]),
            "You averaged the people's shares. Every image counts: right images of all drawn, divided by images of "
            "all drawn.",
        ),
        mistake(ends(people, 0.9), "That is a 90 % interval: 2.5 % belong to each end."),
        mistake(ends(people, 0.5), "Those are quartiles: 2.5 % belong to each end."),
    ]
    return ends(people), slips
