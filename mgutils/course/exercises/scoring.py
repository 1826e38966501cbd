"""Checkers of notebook 05: top-k, UAR, answers by clip, and two bugs that spoil a score."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from mgutils.course.exercises.answers import Student, mistake
from mgutils.course.exercises.catalogue import exercise


@exercise("top_k", notebook="05", points=1, by_hand=("top_k_accuracy_score",))
def _top_k(student: Student) -> None:
    small = (
        np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]),
        np.array([1, 1, 0, 0]),
    )
    scores, target = (
        student.rng.permuted(np.tile(np.arange(12.0), (40, 1)), axis=1),
        student.rng.integers(0, 12, 40),
    )
    for (rows, classes), k in (
        (small, 1),
        (small, 2),
        (small, 3),
        ((scores, target), 5),
        ((scores - 20, target), 3),
    ):
        tried = (
            f"scores {rows.tolist()}, classes {classes.tolist()}"
            if len(rows) < 9
            else "40 random rows"
        )
        answer = student(rows, classes, k, tried=f"{tried}, k = {k}")
        above = (rows > rows[np.arange(len(rows)), classes][:, None]).sum(axis=1)
        below = (rows < rows[np.arange(len(rows)), classes][:, None]).sum(axis=1)
        answer.close_to(
            (above < k).mean(),
            likely=[
                mistake((below < k).mean(), "Those are the k lowest scores. The highest count."),
                mistake((above < k + 1).mean(), "You looked at one score too many."),
                mistake((above < k - 1).mean(), "You looked at one score too few."),
                mistake((above < k).sum(), "That is a number of rows. Return a share."),
                mistake((above < 1).mean(), "That is top-1."),
                mistake((above < k).mean() / k, "A hit is one of k chances, not 1 / k of a hit."),
            ],
            hint="A row counts if its class is among its k highest scores.",
        )


@exercise(
    "uar",
    notebook="05",
    points=1,
    by_hand=("recall_score", "balanced_accuracy_score", "classification_report"),
)
def _uar(student: Student) -> None:
    trials = {
        "answers [0, 0, 0, 1, 1, 2], classes [0, 0, 0, 0, 1, 1]": (
            [0, 0, 0, 1, 1, 2],
            [0, 0, 0, 0, 1, 1],
        ),
        "answers [3, 3, 3], classes [3, 3, 5]": ([3, 3, 3], [3, 3, 5]),
        "always the answer 2; classes [2, 2, 2, 7, 9, 9]": ([2] * 6, [2, 2, 2, 7, 9, 9]),
        "100 random answers": (
            student.rng.integers(0, 9, 100),
            np.sort(student.rng.integers(0, 6, 100)),
        ),
    }
    for tried, pair in trials.items():
        answers, target = map(np.asarray, pair)
        answer = student(answers, target, tried=tried)
        recall = [np.mean(answers[target == one] == one) for one in np.unique(target)]
        precision = [np.mean(target[answers == one] == one) for one in np.unique(answers)]
        every = np.union1d(answers, target)
        answer.close_to(
            np.mean(recall),
            likely=[
                mistake(np.mean(answers == target),
                        "That is accuracy, in which frequent classes count for more."),
                mistake(np.mean(precision),
                        "That is the mean precision: you grouped by the answers. Group by the true classes."),
                mistake(np.sum(recall) / len(every),
                        "A class that does not occur has no recall, and is not to be counted with 0."),
                mistake(
                    np.sum(recall) / 32, "You divided by 32. Divide by the classes that occur."
                ),
                mistake(np.sum(recall), "That is the sum of the recalls. Take their mean."),
                mistake(np.min(recall), "That is the smallest recall."),
                mistake(np.max(recall), "That is the largest recall."),
                mistake(np.median(recall), "That is the median of the recalls."),
            ],
            hint="For each class that occurs in `target`: the share of its rows that were answered with it. Then the "
            "mean over these classes.",
        )


@exercise("clip_accuracy", notebook="05", points=4)
def _clip_accuracy(student: Student) -> None:
    scores = np.array([[0.4, 0.6, 0], [0.9, 0.1, 0], [0.4, 0.6, 0], [0, 0.2, 0.8], [0.1, 0.8, 0.1]])
    clips, target = np.array([7, 7, 7, 4, 9]), np.array([0, 0, 0, 2, 0])
    size = student.rng.integers(1, 7, 60)
    many, classes = (
        student.rng.permutation(np.repeat(np.arange(60), size)),
        student.rng.integers(0, 4, 60),
    )
    wild = student.rng.normal(size=(size.sum(), 4)) * student.rng.exponential(3, (size.sum(), 1))
    wild[np.arange(len(wild)), classes[many]] += 1
    for trial, tried in (
        ((scores, clips, target), "clip 7 of three frames, clips 4 and 9 of one"),
        ((wild, many * 3, classes[many]), "60 random clips of 1 to 6 frames, in no order"),
    ):
        answer = student(*trial, tried=tried)
        both = answer.items(2, "two shares: of right frames, and of right clips")
        frame, by_clip, slips = _by_clip(*trial)
        parts = (
            (both[0], frame, "frames", mistake(by_clip, "Frames come first, clips second.")),
            (both[1], by_clip, "clips", mistake(frame, "That is the share of right frames.")),
        )
        for part, wanted, name, exchanged in parts:
            part.tried = f"{tried}: the share of right {name}"
            part.close_to(
                wanted,
                likely=[*slips, exchanged],
                hint="For a clip: the mean of its frames' scores, then the highest of these. "
                "Each clip counts once.",
            )


def _by_clip(
    scores: np.ndarray, clips: np.ndarray, target: np.ndarray
) -> tuple[float, float, list[tuple[float, str]]]:
    """Share of right frames and clips, and what mistakes would give."""
    right = {"mean": [], "vote": [], "max": [], "first": []}
    sizes = []
    for clip in np.unique(clips):
        rows, wanted = scores[clips == clip], target[clips == clip][0]
        sizes.append(len(rows))
        right["mean"].append(rows.mean(axis=0).argmax() == wanted)
        right["vote"].append(np.bincount(rows.argmax(axis=1)).argmax() == wanted)
        right["max"].append(rows.max(axis=0).argmax() == wanted)
        right["first"].append(rows[0].argmax() == wanted)
    slips = [
        mistake(np.mean(right["vote"]), "You let the frames' answers vote. Average their scores."),
        mistake(np.mean(right["max"]), "You took the highest score of any frame. Average them."),
        mistake(np.mean(right["first"]), "You looked at one frame of each clip."),
        mistake(np.average(right["mean"], weights=sizes),
                "Long clips count for more: count each clip once."),
    ]
    return float((scores.argmax(axis=1) == target).mean()), float(np.mean(right["mean"])), slips


@exercise("zoo_accuracy", notebook="05", points=1)
def _zoo_accuracy(student: Student) -> None:
    batches = [(np.array([1, 1, 1, 1]), np.array([1, 1, 1, 1])), (np.array([0]), np.array([1]))]
    for trial, tried in (
        (batches, "a batch of 4 right answers and a batch of 1 wrong answer"),
        (batches[:1] * 3, "three batches of 4 right answers"),
        ([_batch(student, size) for size in (8, 8, 3)], "random batches of 8, 8 and 3"),
    ):
        answer = student(trial, tried=tried)
        right = np.concatenate([answers == target for answers, target in trial])
        answer.close_to(
            right.mean(),
            hint="Right answers of all batches, divided by answers of all batches.",
            likely=[
                mistake(
                    np.mean([np.mean(answers == target) for answers, target in trial]),
                    "That is the mean over batches: an image in a small last batch counts for more than others.",
                )
            ],
        )


def _batch(student: Student, size: int) -> tuple[np.ndarray, np.ndarray]:
    return student.rng.integers(0, 2, size), student.rng.integers(0, 2, size)


@exercise("zoo_predict", notebook="05", points=1)
def _zoo_predict(student: Student) -> None:
    torch.manual_seed(int(student.rng.integers(1 << 30)))
    for part, words in ((nn.Dropout(0.5), "dropout"), (nn.BatchNorm1d(8), "batch norm")):
        model = nn.Sequential(nn.Linear(4, 8), part, nn.Linear(8, 3)).double().train()
        images = torch.from_numpy(student.rng.normal(size=(6, 4)))
        answer = student(
            model, images, tried=f"6 images and a model with {words} that was being trained"
        )
        with torch.no_grad():
            wanted = model.eval()(images)
        answer.close_to(
            wanted,
            hint=f"In training mode {words} changes what the model answers: by chance, or with "
            "what else is in the batch. Which line puts a model into evaluation mode?",
        )
        alone = student(
            model.train(),
            images[:1].repeat(2, 1),
            tried=f"one image twice, same model with {words}",
        )
        alone.close_to(
            wanted[:1].repeat(2, 1), hint="An image's answer must not depend on its neighbours."
        )
