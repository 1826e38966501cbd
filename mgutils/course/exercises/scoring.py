"""Checkers of notebook 07: top-k, UAR, answers by clip, and two bugs that spoil a score."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from mgutils.course.exercises.answers import Mistake, Student, mistake
from mgutils.course.exercises.catalogue import exercise


@exercise(points=1, by_hand=("top_k_accuracy_score",))
def _top_k(student: Student) -> None:
    scores = np.array([
        [0.1, 0.7, 0.2],
        [0.5, 0.3, 0.2],
        [0.2, 0.3, 0.5],
        [0.6, 0.3, 0.1],
    ])
    target = np.array([1, 1, 0, 0])
    small = f"scores {scores.tolist()}, classes {target.tolist()}"
    trials = {f"{small}, k = {k}": (scores, target, k) for k in (1, 2, 3)}
    scores = student.rng.permuted(np.tile(np.arange(12.0), (40, 1)), axis=1)
    target = student.rng.integers(0, 12, 40)
    trials["40 random rows, k = 5"] = scores, target, 5
    trials["40 random rows of scores below 0, k = 3"] = scores - 20, target, 3
    for answer, rows, classes, k in student.trials(trials):
        own = rows[np.arange(len(rows)), classes][:, None]
        above = (rows > own).sum(axis=1)
        below = (rows < own).sum(axis=1)
        hits = above < k
        answer.close_to(
            hits.mean(),
            likely=[
                mistake((below < k).mean(), "Those are the k lowest scores. The highest count."),
                mistake((above < k + 1).mean(), "You looked at one score too many."),
                mistake((above < k - 1).mean(), "You looked at one score too few."),
                mistake(hits.sum(), "That is a number of rows. Return a share."),
                mistake((above < 1).mean(), "That is top-1."),
                mistake(hits.mean() / k, "A hit is one of k chances, not 1 / k of a hit."),
            ],
            hint="A row counts if its class is among its k highest scores.",
        )


@exercise(points=1, by_hand=("recall_score", "balanced_accuracy_score", "classification_report"))
def _uar(student: Student) -> None:
    trials = {
        "answers [0, 0, 0, 1, 1, 2], classes [0, 0, 0, 0, 1, 1]": (
            [0, 0, 0, 1, 1, 2],
            [0, 0, 0, 0, 1, 1],
        ),
        "answers [3, 3, 3], classes [3, 3, 5]": ([3, 3, 3], [3, 3, 5]),
        "always the answer 2; classes [2, 2, 2, 7, 9, 9]": (
            [2, 2, 2, 2, 2, 2],
            [2, 2, 2, 7, 9, 9],
        ),
        "100 random answers": (
            student.rng.integers(0, 9, 100),
            np.sort(student.rng.integers(0, 6, 100)),
        ),
    }
    for tried, pair in trials.items():
        answers, target = map(np.array, pair)
        answer = student(answers, target, tried=tried)
        hits = answers == target
        recall = [hits[target == one].mean() for one in np.unique(target)]
        precision = [hits[answers == one].mean() for one in np.unique(answers)]
        answer.close_to(
            np.mean(recall),
            likely=[
                mistake(hits.mean(), "That is accuracy, in which frequent classes count for more."),
                mistake(np.mean(precision),
                        "That is the mean precision: you grouped by the answers. "
                        "Group by the true classes."),
                mistake(np.sum(recall) / len(np.union1d(answers, target)),
                        "A class that does not occur has no recall, "
                        "and is not to be counted with 0."),
                mistake(np.sum(recall) / 32,
                        "You divided by 32. Divide by the classes that occur."),
                mistake(np.sum(recall), "That is the sum of the recalls. Take their mean."),
                mistake(np.min(recall), "That is the smallest recall."),
                mistake(np.max(recall), "That is the largest recall."),
                mistake(np.median(recall), "That is the median of the recalls."),
            ],
            hint="For each class that occurs in `target`: the share of its rows that were answered "
            "with it. Then the mean over these classes.",
        )


@exercise(points=4)
def _clip_accuracy(student: Student) -> None:
    scores = np.array([
        [0.4, 0.6, 0],
        [0.9, 0.1, 0],
        [0.4, 0.6, 0],
        [0, 0.2, 0.8],
        [0.1, 0.8, 0.1],
    ])
    size = student.rng.integers(1, 7, 60)
    many = student.rng.permutation(np.repeat(np.arange(60), size))
    target = student.rng.integers(0, 4, 60)[many]
    wild = student.rng.normal(size=(len(many), 4))
    wild *= student.rng.exponential(3, (len(many), 1))
    wild[np.arange(len(many)), target] += 1
    trials = {
        "clip 7 of three frames, clips 4 and 9 of one": (
            scores,
            np.array([7, 7, 7, 4, 9]),
            np.array([0, 0, 0, 2, 0]),
        ),
        "60 random clips of 1 to 6 frames, in no order": (wild, many * 3, target),
    }
    for answer, *trial in student.trials(trials):
        frames, clips = answer.items(2, "two shares: of right frames, and of right clips")
        by_frame, by_clip, slips = _by_clip(*trial)
        hint = (
            "For a clip: the mean of its frames' scores, then the highest of these. "
            "Each clip counts once."
        )
        frames.tried += ": the share of right frames"
        frames.close_to(
            by_frame,
            likely=[*slips, mistake(by_clip, "Frames come first, clips second.")],
            hint=hint,
        )
        clips.tried += ": the share of right clips"
        clips.close_to(
            by_clip,
            likely=[*slips, mistake(by_frame, "That is the share of right frames.")],
            hint=hint,
        )


def _by_clip(
    scores: np.ndarray, clips: np.ndarray, target: np.ndarray
) -> tuple[float, float, list[Mistake]]:
    """Share of right frames and clips, and what mistakes would give."""
    best = scores.argmax(axis=1)
    of_clips = [np.flatnonzero(clips == clip) for clip in np.unique(clips)]
    own = np.array([target[rows[0]] for rows in of_clips])
    mean = own == [scores[rows].mean(axis=0).argmax() for rows in of_clips]
    vote = own == [np.bincount(best[rows]).argmax() for rows in of_clips]
    highest = own == [scores[rows].max(axis=0).argmax() for rows in of_clips]
    first = own == [best[rows[0]] for rows in of_clips]
    by_length = np.average(mean, weights=[len(rows) for rows in of_clips])
    slips = [
        mistake(vote.mean(), "You let the frames' answers vote. Average their scores."),
        mistake(highest.mean(), "You took the highest score of any frame. Average them."),
        mistake(first.mean(), "You looked at one frame of each clip."),
        mistake(by_length, "Long clips count for more: count each clip once."),
    ]
    return (best == target).mean(), mean.mean(), slips


@exercise(points=1)
def _zoo_accuracy(student: Student) -> None:
    right = np.ones(4, int), np.ones(4, int)
    wrong = np.zeros(1, int), np.ones(1, int)
    drawn = [tuple(student.rng.integers(0, 2, (2, size))) for size in (8, 8, 3)]
    trials = {
        "a batch of 4 right answers and a batch of 1 wrong answer": ([right, wrong],),
        "three batches of 4 right answers": ([right] * 3,),
        "random batches of 8, 8 and 3": (drawn,),
    }
    for answer, batches in student.trials(trials):
        hits = [answers == target for answers, target in batches]
        by_batch = [batch.mean() for batch in hits]
        answer.close_to(
            np.concatenate(hits).mean(),
            likely=[
                mistake(np.mean(by_batch),
                        "That is the mean over batches: "
                        "an image in a small last batch counts for more than others."),
            ],
            hint="Right answers of all batches, divided by answers of all batches.",
        )


@exercise(points=1)
def _zoo_predict(student: Student) -> None:
    torch.manual_seed(int(student.rng.integers(1 << 30)))
    parts = {
        "dropout": nn.Dropout(0.5),
        "batch norm": nn.BatchNorm1d(8),
    }
    for words, part in parts.items():
        model = nn.Sequential(
            nn.Linear(4, 8),
            part,
            nn.Linear(8, 3),
        ).double()
        images = student.tensor(6, 4)
        tried = f"6 images and a model with {words} that was being trained"
        answer = student(model.train(), images, tried=tried)
        with torch.no_grad():
            wanted = model.eval()(images)
        answer.close_to(
            wanted,
            hint=f"In training mode {words} changes what the model answers: by chance, or with "
            "what else is in the batch. Which line puts a model into evaluation mode?",
        )
        twice = images[:1].repeat(2, 1)
        answer = student(model.train(), twice, tried=f"one image twice, same model with {words}")
        answer.close_to(
            wanted[:1].repeat(2, 1), hint="An image's answer must not depend on its neighbours."
        )
