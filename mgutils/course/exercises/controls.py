"""Checkers of notebook 08: permuted captions, neighbours that vote, an exact test."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from mgutils.course.exercises.answers import Student, mistake
from mgutils.course.exercises.catalogue import exercise


@exercise(points=2)
def _deal_captions(student: Student) -> None:
    for count in (2, 3, 5, 32):
        captions = [f"caption {number}" for number in range(count)]
        orders = []
        for seed in (0, 0, *range(1, 25)):
            answer = student(captions, seed, tried=f"{count} captions, seed {seed}")
            given = isinstance(answer.value, list | tuple | np.ndarray)
            dealt = [str(text) for text in answer.value] if given else []
            answer.is_true(
                sorted(dealt) == sorted(captions),
                f"a list of the {count} captions, each once",
                "Every class needs a text, and no two the same one.",
            )
            kept = [number for number in range(count) if dealt[number] == captions[number]]
            answer.is_true(
                not kept,
                "no caption at its own class",
                f"{len(kept)} captions are, that of class index {(kept or [0])[0]} for instance. "
                "A plain shuffle leaves one in place two times out of three: "
                "what can be done about that?",
            )
            orders.append(dealt)
    answer.follows_seed(*orders[:3])  # of 32 captions; of two there is one order alone


@exercise(points=2, by_hand=("KNeighborsClassifier", "NearestNeighbors"))
def _nearest_vote(student: Student) -> None:
    angles = np.radians([0, 10, 20, 80, 85, 88, 170])
    lengths = [1, 50, 1, 9, 1, 1, 2]
    x = lengths * np.cos(angles)
    y = lengths * np.sin(angles)
    circle = np.stack([x, y], axis=1)
    labels = np.array([0, 0, 1, 1, 1, 2, 2])
    asked = np.array([
        [1.0, 0.05],
        [0.1, 2.0],
        [-3.0, 0.4],
    ])
    alone = np.array([
        [1.0, 0.0],
        [0.3, 0.9],
        [0.3, -0.9],
    ])
    of_alone = np.array([0, 1, 1])
    wild = student.rng.normal(size=(60, 5))
    wild *= student.rng.exponential(3, (60, 1))
    classes = student.rng.integers(0, 4, 60)
    questions = student.rng.normal(size=(25, 5))
    trials = {
        "7 points around a circle, 3 questions, k = 1": (circle, labels, asked, 1),
        "7 points around a circle, 3 questions, k = 3": (circle, labels, asked, 3),
        "the same with k = 2, where votes may be equal": (circle, labels, asked, 2),
        "a near point and two far ones, k = 3": (alone, of_alone, alone[:1], 3),
        "60 random points, 25 questions, k = 5": (wild, classes, questions, 5),
    }
    for answer, train, target, valid, k in student.trials(trials):
        products = valid @ train.T
        cosines = products / np.linalg.norm(train, axis=1)
        distances = np.linalg.norm(train[None] - valid[:, None], axis=2)
        answer.close_to(
            _nearest(train, target, valid, k),
            likely=[
                mistake(_votes(cosines, target, k),
                        "Votes may be equal: "
                        "then the class whose voters have the larger sum of cosines wins."),
                mistake(_votes(-distances, target, k),
                        "Those are the nearest by distance. "
                        "Use the cosine, which does not see lengths."),
                mistake(_nearest(-train, target, valid, k),
                        "Those are the farthest. The highest cosines are the nearest."),
                mistake(_nearest(train, target, valid, 1),
                        "That is the single nearest one. Let k of them vote."),
                mistake(_votes(products, target, k),
                        "That is the plain dot product: long vectors seem near. "
                        "Divide by the lengths."),
                mistake(_nearest(train, target, valid, k + 1), "You used one neighbour too many."),
            ],
            hint="The k training rows with the highest cosine vote. Among classes with equally "
            "many votes, the one whose voters have the larger sum of cosines wins.",
        )


def _nearest(train: np.ndarray, target: np.ndarray, valid: np.ndarray, k: int) -> np.ndarray:
    """The right answers."""
    from mgutils.evaluation.probes import nearest

    return nearest(train, target, valid, 4, k).argmax(axis=1)


def _votes(likeness: np.ndarray, target: np.ndarray, k: int) -> list[int]:
    """Each row's most frequent class among its k likest; of equally frequent ones the smallest."""
    order = np.argsort(-likeness, axis=1, kind="stable")[:, :k]
    return [np.bincount(target[row]).argmax() for row in order]


@exercise(points=4)
def _dealing_p(student: Student) -> None:
    from mgutils.evaluation.zero_shot import label_permutation_test

    counts = student.rng.integers(0, 6, (4, 4))
    counts += 4 * np.eye(4, dtype=int)
    trials = {
        "each class's 4 images answered with its own text":
            [[4, 0, 0], [0, 4, 0], [0, 0, 4]],
        "every text chosen equally often":
            [[2, 2, 2], [2, 2, 2], [2, 2, 2]],
        "the same text for every image":
            [[4, 0, 0], [4, 0, 0], [4, 0, 0]],
        "every text at a wrong class":
            [[0, 4, 0], [0, 0, 4], [4, 0, 0]],
        "the counts [[3, 1, 0], [1, 1, 2], [0, 2, 2]]":
            [[3, 1, 0], [1, 1, 2], [0, 2, 2]],
        "random counts of 4 classes": counts,
        "a class of 40 images and two of 2":
            [[30, 10, 0], [1, 0, 1], [1, 1, 0]],
    }
    trials = {tried: (np.array(counts),) for tried, counts in trials.items()}
    for answer, counts in student.trials(trials):
        scores = SimpleNamespace(confusion=counts)
        left_out = SimpleNamespace(classes=range(len(counts)), among_left_out=scores)
        found = label_permutation_test([left_out])
        ways = len(found.all)
        as_good = found.p * ways
        answer.close_to(
            found.p,
            likely=[
                mistake((found.all > found.right + 1e-12).mean(),
                        "You counted only the ways that do better. "
                        "Count those that do as well, the right one among them."),
                mistake((as_good - 1) / ways, "The right way is one of the ways. Count it too."),
                mistake((as_good - 1) / (ways - 1),
                        "The right way is one of the ways, "
                        "in the number that you divide by as well."),
                mistake((found.all <= found.right + 1e-12).mean(),
                        "That is the share of the ways that do worse, or no better."),
                mistake(as_good, "That is a number of ways. Divide by the number of all ways."),
                mistake(found.right,
                        "That is the mean recall itself. How many ways of dealing reach it?"),
            ],
            tolerance=1e-9,
            hint="Turn each row into shares, so that every class counts once. "
            "A way of dealing gives class c the text w[c]; "
            "its mean recall is the mean of shares[c, w[c]]. "
            "Compare with a little room for rounding.",
        )
