"""Checkers of notebook 10: a joint's map, a mirrored skeleton, a weight without peeking, the UAR."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np

from mgutils.course.exercises.answers import Answer, Mistake, Student, Wrong, mistake
from mgutils.course.exercises.catalogue import exercise

WEIGHTS = np.linspace(0, 1, 21)
"""Weights of the first run that are tried."""


@exercise(points=1)
def _joint_heatmap(student: Student) -> None:
    x, y = student.rng.uniform(0, 11, 2).round(2).tolist()
    trials = [
        (1, 3, 1.0, 5, 0.6), (3.5, 2.5, 0.8, 7, 0.6), (0.2, 5.9, 1.0, 6, 0.6), (7.3, 4.6, 1.0, 12, 0.9),
        (x, y, 0.9, 12, 1.5), (-1, 3, 1.0, 5, 0.6), (3.6, -5, 1.0, 8, 0.6),  # outside the picture
        (2, 1, 0.0005, 4, 0.6), (2, 1, 0.001, 4, 0.6), (0, 0, 0.0, 4, 0.6),  # faint
    ]
    for trial in trials:
        words = "x = {}, y = {}, score = {}, size = {}, sigma = {}".format(*trial)
        student(*trial, tried=words).close_to(
            _drawn(*trial), likely=_slips_of_drawing(*trial),
            hint="score * exp(-d^2 / (2 sigma^2)) in the window, 0 outside. At d = 0 it is the score.")
    student(3, 2, 1.0, 6, tried="x = 3, y = 2, score = 1, size = 6, and no sigma").close_to(
        _drawn(3, 2, 1.0, 6, 0.6), hint="Without a sigma it is 0.6: `sigma=0.6` in the first line.")


def _gauss(square: float, sigma: float) -> float:
    return math.exp(-square / (2 * sigma**2))


def _window(pixel: int, place: float, sigma: float) -> bool:
    return math.trunc(place - 3 * sigma) <= pixel < math.trunc(place + 3 * sigma) + 1


def _drawn(x: float, y: float, score: float, size: int, sigma: float, *, height: Callable = _gauss,
           window: Callable = _window, faintest: float = 1e-3) -> np.ndarray:
    """One joint's map, pixel by pixel, as in the original or with another rule."""
    drawn = np.zeros((size, size))
    for row, column in np.ndindex(size, size):
        if score >= faintest and window(row, y, sigma) and window(column, x, sigma):
            drawn[row, column] = score * height((row - y) ** 2 + (column - x) ** 2, sigma)
    return drawn


def _slips_of_drawing(x: float, y: float, score: float, size: int, sigma: float) -> list[Mistake]:
    """The maps that likely mistakes give."""
    joint = x, y, score, size, sigma
    by_height = {
        "You forgot the square of sigma: divide by 2 sigma^2.": lambda d2, s: math.exp(-d2 / (2 * s)),
        "You forgot the 2: divide by 2 sigma^2.": lambda d2, s: math.exp(-d2 / s**2),
        "The distance is to be squared.": lambda d2, s: math.exp(-(d2**0.5) / (2 * s**2)),
        "That is the normal density. The highest value should be the score.":
            lambda d2, s: _gauss(d2, s) / (2 * math.pi * s**2),
        "The score is the height of the spot.": lambda d2, s: _gauss(d2, s) / (score or 1),
    }
    by_window = {
        "Nothing is drawn outside the window, however little it would be.": lambda *_: True,
        "The last row and the last column of the window belong to it.":
            lambda pixel, place, s: _window(pixel, place, s) and pixel < math.trunc(place + 3 * s),
        "The ends of the window are cut to whole pixels: int(x - 3 * sigma).":
            lambda pixel, place, s: abs(pixel - place) <= 3 * s,
    }
    return [
        mistake(_drawn(y, x, *joint[2:]), "x and y are exchanged: y counts rows, and the row comes first."),
        *(mistake(_drawn(*joint, height=height), words) for words, height in by_height.items()),
        *(mistake(_drawn(*joint, window=window), words) for words, window in by_window.items()),
        mistake(_drawn(*joint, faintest=0), "A joint whose score is below 1e-3 is not drawn."),
        mistake(_drawn(*joint, faintest=0.002), "A score of 1e-3 is not below 1e-3."),
        mistake(_drawn(*joint[:4], 0.6), "That is sigma 0.6. Use the sigma that is given."),
        mistake(_drawn(x - 0.5, y - 0.5, *joint[2:]), "Pixel i lies at i, not at i + 0.5."),
    ]


@exercise(points=1)
def _mirror_joints(student: Student) -> None:
    small = np.array([[[0.4, 0.1, 1.0], [0.2, 0.6, 0.9], [0.7, 0.5, 0.8]]])
    lost, edge = small.copy(), small.copy()
    lost[0, 1] = 0
    edge[0, 0, 2] = 0.02
    edge[0, 2, 0] = 0
    clip = student.rng.uniform(0.1, 1, (4, 8, 3))
    clip[student.rng.uniform(size=(4, 8)) < 0.3] = 0
    clip[0, 2] = 0
    clip[0, 5] = 0.3, 0.4, 0.5
    one, three = np.array([(1, 2)]), np.array([(2, 5), (3, 6), (4, 7)])
    trials = {
        "one frame of 3 joints, width 1, pairs [[1, 2]]": (small, 1.0, one),
        "the same, width 1.5": (small, 1.5, one),
        "the same without pairs": (small, 1.5, one[:0]),
        "joint 1 missing, width 1, pairs [[1, 2]]": (lost, 1.0, one),
        "joint 0 found with score 0.02, joint 2 at x = 0, width 1, pairs [[1, 2]]": (edge, 1.0, one),
        f"4 frames of 8 joints, some missing, width 1.78, pairs {three.tolist()}": (clip, 1.78, three),
    }
    for answer, *trial in student.trials(trials):
        answer.close_to(_mirrored(*trial), likely=_slips_of_mirrors(*trial), hint="x becomes width - x where the score "
                        "is above 0; then the two joints of a pair change places, with all three numbers.")
    clip.flags.writeable = False
    try:
        student(clip, 1.78, three, tried="the last clip again, in an array that is read-only")
    except Wrong as wrong:
        wrong.wanted = "the mirrored clip, and the given one as it was"
        if "read-only" in wrong.found:
            wrong.hint = "You write into the array that you were given. Begin with joints.copy()."
        raise


def _mirrored(joints: np.ndarray, width: float, pairs: np.ndarray,
              found: Callable[[np.ndarray], bool] = lambda joint: joint[2] > 0) -> np.ndarray:
    """The mirrored clip, joint by joint; ``found`` says which ones get another x."""
    partner = dict([*pairs.tolist(), *pairs[:, ::-1].tolist()])
    mirrored = np.empty_like(joints)
    for frame, number in np.ndindex(joints.shape[:2]):
        x, y, score = joint = joints[frame, number]
        mirrored[frame, partner.get(number, number)] = width - x if found(joint) else x, y, score
    return mirrored


def _slips_of_mirrors(joints: np.ndarray, width: float, pairs: np.ndarray) -> list[Mistake]:
    """The clips that likely mistakes give."""
    right = _mirrored(joints, width, pairs)
    alone = _mirrored(joints, width, pairs[:0])
    exchanged = _mirrored(joints, width, pairs, lambda _: False)
    stale = exchanged.copy()
    stale[..., 0] = np.where(joints[..., 2] > 0, width - stale[..., 0], stale[..., 0])
    overwritten = alone.copy()
    for one, other in pairs:
        overwritten[:, one] = overwritten[:, other]
    return [
        mistake(alone, "The pairs are not exchanged: the right wrist is still called right."),
        mistake(exchanged, "No x has changed: it becomes width - x."),
        mistake(_mirrored(joints, width, pairs, lambda _: True), "A missing joint (score 0) stays 0, 0, 0."),
        mistake(_mirrored(joints, width, pairs, lambda joint: joint[0] != 0),
                "A joint at x = 0 whose score is above 0 was found. Ask the score."),
        mistake(_mirrored(joints, width, pairs, lambda joint: joint[2] > 0.05),
                "A joint was found if its score is above 0, however low it is."),
        mistake(_mirrored(joints, 1.0, pairs), "That is 1 - x. The picture is `width` wide."),
        mistake(_mirrored(joints, 0.0, pairs), "That is -x. Add the width."),
        mistake(np.concatenate([right[..., :2], alone[..., 2:]], axis=2),
                "The scores were not exchanged. A joint goes with all its numbers."),
        mistake(_mirrored(joints, width, pairs[:1]), "Only the first pair was exchanged."),
        mistake(overwritten, "A joint was overwritten before it was read: parts of an array are views."),
        mistake(stale, "Which joints were found was asked before the exchange, and used after it."),
    ]


@exercise(points=2)
def _weight_without_peeking(student: Student) -> None:
    for number in range(7):
        *_, target, subject, chosen = data = _two_runs(student.rng, number)
        tried = f"{len(target)} random clips, chosen_people = {chosen.tolist()}"
        _compare(student, data, tried)
    others = ~np.isin(subject, chosen)
    target[others] = student.rng.permutation(target[others])
    _compare(student, data, f"{tried}, and the classes of all other people shuffled")


def _two_runs(rng: np.random.Generator, number: int) -> tuple[np.ndarray, ...]:
    """Probabilities of two runs, classes, people, and half of these; one run suits them, one the others."""
    rows, classes, people = 30 + 4 * number, 3 + number % 3, 4 + number
    subject = 10 + 3 * rng.integers(0, people, rows)
    chosen = rng.permutation(np.unique(subject))[:people // 2]
    target = rng.integers(0, classes, rows)
    runs = []
    for run in range(2):
        suited = np.isin(subject, chosen) == (run == number % 2)
        logits = rng.normal(size=(rows, classes))
        logits[np.arange(rows), target] += np.where(suited, 1.5, 0.4)
        odds = np.exp(logits * rng.uniform(0.5, 3, (rows, 1)))
        runs.append(odds / odds.sum(axis=1, keepdims=True))
    return *runs, target, subject, chosen


def _compare(student: Student, data: tuple[np.ndarray, ...], tried: str) -> None:
    """The weight with the right one, then the answers with those of this weight."""
    both = student(*data, tried=tried).items(2, "the weight, and the answers for all other people")
    weight, answers = (Answer(part.value, f"{tried}: {name}")
                       for part, name in zip(both, ("the weight", "the answers"), strict=True))
    first, second, target, subject, chosen = data
    own = np.isin(subject, chosen)
    mixed = np.array([(w * first + (1 - w) * second).argmax(axis=1) for w in WEIGHTS])  # (21, N)
    hits = mixed == target
    right = hits[:, own].sum(axis=1)
    best = right.argmax()
    weight.close_to(
        WEIGHTS[best],
        likely=[
            mistake(WEIGHTS[hits.sum(axis=1).argmax()], "That weight suits all people best, the reported ones too."),
            mistake(WEIGHTS[hits[:, ~own].sum(axis=1).argmax()], "That weight suits the reported people best."),
            mistake(1 - WEIGHTS[best], "That is the weight of the second run."),
            mistake(WEIGHTS[20 - right[::-1].argmax()], "Among equals the first weight counts."),
            mistake(best, "That is the position of the weight. Return the weight."),
        ],
        hint="For each of np.linspace(0, 1, 21): right answers of chosen_people. The first with the most.")
    answers.close_to(
        mixed[best, ~own],
        likely=[
            mistake(mixed[best], "Those are answers for all clips. Leave out chosen_people."),
            mistake(mixed[best, own], "Those are the clips that chose. Answer for the others."),
            mistake(mixed[20 - best, ~own], "`weight` belongs to the first run."),
            mistake(mixed[10, ~own], "Those are the answers of equal weights."),
        ],
        hint="The highest of weight * first + (1 - weight) * second, for everybody else's clips.")


@exercise(points=2, by_hand=("recall_score", "balanced_accuracy_score", "classification_report"))
def _honest_uar(student: Student) -> None:
    answered = student.rng.integers(0, 9, 120)
    performed = student.rng.choice([0, 2, 3, 5], 120, p=[0.5, 0.3, 0.15, 0.05])
    trials = {
        "answers [0, 0, 1, 1], classes [0, 0, 0, 1] of 2": ([0, 0, 1, 1], [0, 0, 0, 1], 2),
        "answers [2, 0, 0], classes [0, 0, 0] of 3": ([2, 0, 0], [0, 0, 0], 3),
        "answers [3, 3, 1], classes [3, 3, 3] of 32": ([3, 3, 1], [3, 3, 3], 32),
        "answers [4, 4], classes [0, 1] of 5": ([4, 4], [0, 1], 5),
        "120 random answers, at most 4 of 9 classes performed": (answered, performed, 9),
    }
    trials = {tried: (np.array(one), np.array(two), count) for tried, (one, two, count) in trials.items()}
    for answer, *trial in student.trials(trials):
        wanted, likely = _recalls(*trial)
        answer.close_to(wanted, likely=likely, hint="For each class in `target`: its clips that were answered with "
                        "it, divided by its clips. Then the mean over these classes.")


def _recalls(answers: np.ndarray, target: np.ndarray, classes: int) -> tuple[float, list[Mistake]]:
    """The library's score, and those of likely mistakes."""
    from sklearn.metrics import balanced_accuracy_score, precision_score, recall_score

    with warnings.catch_warnings():  # of classes that were answered and not performed
        warnings.simplefilter("ignore")
        wanted = balanced_accuracy_score(target, answers)
    total = wanted * len(np.unique(target))
    named = np.unique(answers)
    return wanted, [
        mistake(np.nan, "0 / 0: who was never performed has no recall. Leave such a class out."),
        mistake((answers == target).mean(), "That is accuracy: frequent classes count for more."),
        mistake(recall_score(target, answers, average="macro", zero_division=0),
                "A class that was answered and never performed counts with 0. Leave it out."),
        mistake(total / classes, "You divided by all classes. Divide by those in `target`."),
        mistake(total / len(named), "You divided by the classes that were answered."),
        mistake(total, "That is the sum of the recalls. Take their mean."),
        mistake(precision_score(target, answers, average="macro", labels=named),
                "That is the mean precision. Group by the true classes."),
    ]
