"""Checkers of notebook 01: folders, leaks, a look-up without pixels, a split by group."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mgutils.course.exercises.answers import Answer, Student, mistake
from mgutils.course.exercises.catalogue import exercise


@exercise(points=1)
def _class_folders(student: Student) -> None:
    right = [str(number) for number in range(1, 33)]
    as_text = sorted(right)
    numbers = "Return the names as they were, as text: they are opened as folders."
    answer = student(
        as_text, tried="the 32 folders as a computer lists them: '1', '10', '11', … '2', '20', …"
    )
    answer.equals(
        right,
        likely=[
            mistake(as_text,
                    "That is the order of text, in which '10' comes before '2'. Compare numbers."),
            mistake(list(range(1, 33)), numbers),
            mistake(right[::-1], "Smallest number first."),
        ],
    )
    names = student.rng.permutation(right).tolist()
    answer = student(names, tried="the same folders in no order")
    answer.equals(right, hint="The order of the list must not matter.")
    mixed = [".DS_Store", "12", "3", "train.xlsx", "validsubset.csv", "2", "cache"]
    student(mixed, tried=f"{mixed}").equals(
        ["2", "3", "12"],
        likely=[mistake([2, 3, 12], numbers)],
        hint="Keep only names that are whole numbers.",
    )
    student([], tried="an empty folder").equals([], hint="No folders, no classes: an empty list.")


@exercise(points=1)
def _leak(student: Student) -> None:
    train = np.array([1, 1, 2, 5])
    valid = np.array([1, 2, 3, 3, 3])
    student(train, valid, tried="train = [1, 1, 2, 5], valid = [1, 2, 3, 3, 3]").close_to(
        0.4,
        likely=[
            mistake(2 / 3,
                    "You counted groups. "
                    "Count validation rows: a group with many rows weighs more."),
            mistake(0.75, "That is the share of the training rows. Ask it of the validation rows."),
            mistake(0.6, "That is the share that is not shared."),
            mistake(2, "That is a number of rows. Divide by the number of validation rows."),
            mistake(0.5, "You divided by the training rows."),
        ],
        hint="2 of the 5 validation rows have a known group.",
    )
    words = np.array(["ann", "bob"])
    answer = student(
        words, words[[1, 1, 0]], tried="train = ['ann', 'bob'], valid = ['bob', 'bob', 'ann']"
    )
    answer.close_to(
        1.0,
        likely=[mistake(2 / 3, "Every row counts: two rows of 'bob' are two rows.")],
        hint="Groups may be of any kind.",
    )
    answer = student(words, np.array(["eve"]), tried="train = ['ann', 'bob'], valid = ['eve']")
    answer.close_to(0.0, hint="Nobody in validation is known.")
    train = student.rng.integers(0, 40, 100)
    valid = student.rng.integers(0, 60, 80)
    answer = student(
        train, valid, tried="100 training rows and 80 validation rows in random groups"
    )
    answer.close_to(np.isin(valid, train).mean())


@exercise(points=2)
def _look_up(student: Student) -> None:
    from mgutils.data.audit import look_up

    trials = {
        "Each clip was seen with one class alone: answer that one, "
        "one answer for each clip asked for.":
            ([7, 7, 8, 9, 9, 9], [3, 3, 5, 2, 2, 2], [8, 7, 9, 7]),
        "Clips 1 and 2 are unknown: answer the most common class of all training rows, 5.":
            ([7, 8, 8, 9], [3, 5, 5, 4], [1, 7, 2]),
        "Within the clip, the most frequent class wins; here it is 6.":
            ([7, 7, 7, 8, 8, 8, 8], [6, 3, 6, 3, 3, 3, 3], [7]),
        "Among equally frequent classes the smaller number wins.":
            ([7, 7, 8, 9], [6, 3, 4, 3], [7]),
        "Among equally frequent classes the smaller number wins, for unknown clips too.":
            ([7, 8], [6, 3], [1]),
        "Try a smaller example and compare by hand.":
            (student.rng.integers(0, 30, 90), student.rng.integers(1, 6, 90), range(40)),
    }
    for hint, trial in trials.items():
        clips, classes, asked = map(np.array, trial)
        tried = "90 random rows of 30 clips and 5 classes"
        if len(clips) < 90:
            tried = f"clips {clips} of the classes {classes}; asked for the clips {asked}"
        answer = student(clips, classes, asked, tried=tried)
        common = int(pd.Series(classes).mode()[0])  # of equally common ones the smallest
        train = pd.DataFrame({"clip_id": clips, "class_id": classes})
        answer.close_to(
            look_up(train, pd.DataFrame({"clip_id": asked}), common),
            likely=[
                mistake(np.full(len(asked), common),
                        "You answered with the most common class everywhere. "
                        "Look at the clip first."),
            ],
            hint=hint,
        )


@exercise(points=4)
def _grouped_split(student: Student) -> None:
    groups = student.rng.permutation(np.repeat(np.arange(55), [10] * 5 + [1] * 50))
    masks = []
    for seed in (*range(20), 4):
        tried = f"100 rows: five groups of 10 rows and fifty of one; share = 0.3, seed = {seed}"
        answer = student(groups, 0.3, seed, tried=tried)
        inside = _mask(answer, groups)
        answer.is_true(
            abs(inside.sum() - 30) <= 10,
            "30 validation rows, give or take the largest group (10)",
            f"There are {inside.sum()}. Count rows, not groups: groups have different sizes.",
        )
        masks.append(inside)
    answer.follows_seed(masks[4], masks[-1], masks[5])
    largest = np.mean([mask[groups == 0].all() for mask in masks])
    answer.is_true(
        0 < largest < 1,
        "large groups on either side, as chance has it",
        "Put the groups in a random order before you choose.",
    )
    people = np.array(["ann", "bob", "eve", "dan"] * 6)
    answer = student(
        people, 0.5, 0, tried="24 rows of four people named in text, share = 0.5, seed = 0"
    )
    answer.is_true(
        6 <= _mask(answer, people).sum() <= 18,
        "one to three of the four people in validation, with all their rows",
        "Groups may be of any kind.",
    )


def _mask(answer: Answer, groups: np.ndarray) -> np.ndarray:
    """The answer as truth values that have no group on both sides."""
    inside = np.asarray(answer.value)
    answer.is_true(
        inside.shape == groups.shape and inside.dtype == bool,
        f"{len(groups)} values True (validation) or False",
        "Return one truth value for each row: `np.isin(groups, chosen)`.",
    )
    both = set(groups[inside]) & set(groups[~inside])
    answer.is_true(
        not both,
        "no group on both sides",
        f"{len(both)} groups are. Choose groups, then their rows.",
    )
    return inside


@exercise(points=1)
def _zoo_captions(student: Student) -> None:
    captions = [f"caption of class {number}" for number in range(1, 33)]
    listed = sorted(map(str, range(1, 33)))
    trials = {
        "32 folders as a computer lists them, and 32 captions": (listed, captions),
        "the same in reverse, and 32 captions": (listed[::-1], captions),
    }
    for answer, folders, _ in student.trials(trials):
        value = answer.value if isinstance(answer.value, dict) else {}
        wrong = [folder for folder in folders if value.get(folder) != captions[int(folder) - 1]]
        answer.is_true(
            not wrong and len(value) == 32,
            "for each folder the caption of its own number",
            f"{len(wrong)} folders have another class's caption, "
            f"folder {(wrong or ['?'])[0]!r} for instance. "
            "In which order does the program count the folders?",
        )
