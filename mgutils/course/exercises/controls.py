"""Checkers of notebook 06: permuted captions, neighbours that vote, an exact test."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from mgutils.course.exercises.answers import Student, mistake
from mgutils.course.exercises.catalogue import exercise


@exercise("deal_captions", notebook="06", points=2)
def _deal_captions(student: Student) -> None:
    for count in (2, 3, 5, 32):
        captions, orders = [f"caption {number}" for number in range(count)], []
        for seed in (0, 0, *range(1, 25)):
            answer = student(captions, seed, tried=f"{count} captions, seed {seed}")
            dealt = (
                list(answer.value) if isinstance(answer.value, list | tuple | np.ndarray) else []
            )
            answer.is_true(
                sorted(map(str, dealt)) == sorted(captions),
                f"a list of the {count} captions, each once",
                "Every class needs a text, and no two the same one.",
            )
            kept = [number for number in range(count) if dealt[number] == captions[number]]
            answer.is_true(
                not kept,
                "no caption at its own class",
                f"{len(kept)} captions are, that of class index "
                f"{(kept or [0])[0]} for instance. A plain shuffle leaves one in place two times out of "
                "three: what can be done about that?",
            )
            orders.append([str(text) for text in dealt])
        answer.is_true(
            orders[0] == orders[1],
            "the same order for the same seed",
            "Draw from default_rng(seed).",
        )
        if count > 2:
            answer.is_true(
                len({tuple(order) for order in orders}) > 1,
                "another order for another seed",
                "The seed has no effect. Draw from default_rng(seed).",
            )


@exercise(
    "nearest_vote", notebook="06", points=2, by_hand=("KNeighborsClassifier", "NearestNeighbors")
)
def _nearest_vote(student: Student) -> None:
    from mgutils.evaluation.probes import nearest

    angles = np.radians([0, 10, 20, 80, 85, 88, 170])
    circle = (
        np.stack([np.cos(angles), np.sin(angles)], axis=1)
        * np.array([1, 50, 1, 9, 1, 1, 2])[:, None]
    )
    labels, asked = (
        np.array([0, 0, 1, 1, 1, 2, 2]),
        np.array([[1.0, 0.05], [0.1, 2.0], [-3.0, 0.4]]),
    )
    alone = np.array([[1.0, 0.0], [0.3, 0.9], [0.3, -0.9]])
    wild = student.rng.normal(size=(60, 5)) * student.rng.exponential(3, (60, 1))
    classes = student.rng.integers(0, 4, 60)
    for trial, tried in (
        ((circle, labels, asked, 1), "7 points around a circle, 3 questions, k = 1"),
        ((circle, labels, asked, 3), "7 points around a circle, 3 questions, k = 3"),
        ((circle, labels, asked, 2), "the same with k = 2, where votes may be equal"),
        ((alone, np.array([0, 1, 1]), alone[:1], 3), "a near point and two far ones, k = 3"),
        (
            (wild, classes, student.rng.normal(size=(25, 5)), 5),
            "60 random points, 25 questions, k = 5",
        ),
    ):
        answer = student(*trial, tried=tried)
        train, target, valid, k = trial
        far = ((train[None] - valid[:, None]) ** 2).sum(axis=2)
        euclid = [
            np.bincount(target[row[:k]]).argmax() for row in np.argsort(far, axis=1, kind="stable")
        ]
        unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (train, valid)]
        order = np.argsort(-(unit[1] @ unit[0].T), axis=1, kind="stable")
        answer.close_to(
            nearest(train, target, valid, 4, k).argmax(axis=1),
            likely=[
                mistake([np.bincount(target[row[:k]]).argmax() for row in order],
                        "Votes may be equal: then the class whose voters have the larger sum of cosines wins."),
                mistake(euclid,
                        "Those are the nearest by distance. Use the cosine, which does not see lengths."),
                mistake(nearest(-train, target, valid, 4, k).argmax(axis=1),
                        "Those are the farthest. The highest cosines are the nearest."),
                mistake(nearest(train, target, valid, 4, 1).argmax(axis=1),
                        "That is the single nearest one. Let k of them vote."),
                mistake(
                    [
                        np.bincount(target[row[:k]]).argmax()
                        for row in np.argsort(-(valid @ train.T), axis=1)
                    ],
                    "That is the plain dot product: long vectors seem near. Divide by the lengths.",
                ),
                mistake(nearest(train, target, valid, 4, k + 1).argmax(axis=1),
                        "You used one neighbour too many."),
            ],
            hint="The k training rows with the highest cosine vote. Among classes with equally many votes, the one "
            "whose voters have the larger sum of cosines wins.",
        )


@exercise("dealing_p", notebook="06", points=4)
def _dealing_p(student: Student) -> None:
    from mgutils.evaluation.zero_shot import deal_out

    trials = [
        (np.eye(3, dtype=int) * 4, "each class's 4 images answered with its own text"),
        (np.full((3, 3), 2), "every text chosen equally often"),
        (np.array([[4, 0, 0], [4, 0, 0], [4, 0, 0]]), "the same text for every image"),
        (np.array([[0, 4, 0], [0, 0, 4], [4, 0, 0]]), "every text at a wrong class"),
        (
            np.array([[3, 1, 0], [1, 1, 2], [0, 2, 2]]),
            "the counts [[3, 1, 0], [1, 1, 2], [0, 2, 2]]",
        ),
        (
            student.rng.integers(0, 6, (4, 4)) + 4 * np.eye(4, dtype=int),
            "random counts of 4 classes",
        ),
        (np.array([[30, 10, 0], [1, 0, 1], [1, 1, 0]]), "a class of 40 images and two of 2"),
    ]
    for counts, tried in trials:
        answer = student(counts, tried=tried)
        found = deal_out(
            [
                SimpleNamespace(
                    classes=tuple(range(len(counts))),
                    among_left_out=SimpleNamespace(confusion=counts),
                )
            ]
        )
        above = float((found.all > found.right + 1e-12).mean())
        ways = len(found.all)
        answer.close_to(
            found.p,
            tolerance=1e-9,
            likely=[
                mistake(above,
                        "You counted only the ways that do better. Count those that do as well, "
                        "the right one among them."),
                mistake(
                    (found.p * ways - 1) / ways, "The right way is one of the ways. Count it too."
                ),
                mistake((found.p * ways - 1) / (ways - 1),
                        "The right way is one of the ways, in the number that you divide by as well."),
                mistake(float((found.all <= found.right + 1e-12).mean()),
                        "That is the share of the ways that do worse, or no better."),
                mistake(
                    found.p * ways, "That is a number of ways. Divide by the number of all ways."
                ),
                mistake(found.right,
                        "That is the mean recall itself. How many ways of dealing reach it?"),
            ],
            hint="Turn each row into shares, so that every class counts once. A way of dealing gives class c the text "
            "w[c]; its mean recall is the mean of shares[c, w[c]]. Compare with a little room for rounding.",
        )
