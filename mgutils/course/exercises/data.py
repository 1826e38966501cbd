"""Checkers of notebook 01: folders, leaks, a look-up without pixels, a split by group."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mgutils.course.exercises.answers import Student, mistake
from mgutils.course.exercises.catalogue import exercise


@exercise("class_folders", notebook="01", points=1)
def _class_folders(student: Student) -> None:
    names = [str(number) for number in student.rng.permutation(np.arange(1, 33))]
    right = [str(number) for number in range(1, 33)]
    numbers = "Return the names as they were, as text: they are opened as folders."
    answer = student(
        sorted(names),
        tried="the 32 folders as a computer lists them: '1', '10', '11', … '2', '20', …",
    )
    answer.equals(
        right,
        likely=[
            mistake(sorted(names),
                    "That is the order of text, in which '10' comes before '2'. Compare numbers."),
            mistake(list(range(1, 33)), numbers),
            mistake(right[::-1], "Smallest number first."),
        ],
    )
    student(names, tried="the same folders in no order").equals(
        right, hint="The order of the list must not matter."
    )
    mixed = [".DS_Store", "12", "3", "train.xlsx", "validsubset.csv", "2", "cache"]
    student(mixed, tried=f"{mixed}").equals(
        ["2", "3", "12"],
        likely=[mistake([2, 3, 12], numbers)],
        hint="Keep only names that are whole numbers.",
    )
    student([], tried="an empty folder").equals([], hint="No folders, no classes: an empty list.")


@exercise("leak", notebook="01", points=1)
def _leak(student: Student) -> None:
    train, valid = np.array([1, 1, 2, 5]), np.array([1, 2, 3, 3, 3])
    student(train, valid, tried="train = [1, 1, 2, 5], valid = [1, 2, 3, 3, 3]").close_to(
        0.4,
        likely=[
            mistake(2 / 3,
                    "You counted groups. Count validation rows: a group with many rows weighs more."),
            mistake(0.75, "That is the share of the training rows. Ask it of the validation rows."),
            mistake(0.6, "That is the share that is not shared."),
            mistake(2, "That is a number of rows. Divide by the number of validation rows."),
            mistake(0.5, "You divided by the training rows."),
        ],
        hint="2 of the 5 validation rows have a known group.",
    )
    words = np.array(["ann", "bob"])
    student(
        words, words[[1, 1, 0]], tried="train = ['ann', 'bob'], valid = ['bob', 'bob', 'ann']"
    ).close_to(
        1.0,
        likely=[mistake(2 / 3, "Every row counts: two rows of 'bob' are two rows.")],
        hint="Groups may be of any kind.",
    )
    student(words, np.array(["eve"]), tried="train = ['ann', 'bob'], valid = ['eve']").close_to(
        0.0, hint="Nobody in validation is known."
    )
    train, valid = student.rng.integers(0, 40, 100), student.rng.integers(0, 60, 80)
    answer = student(
        train, valid, tried="100 training rows and 80 validation rows in random groups"
    )
    answer.close_to(pd.Series(valid).isin(train).mean())


@exercise("look_up", notebook="01", points=2)
def _look_up(student: Student) -> None:
    from mgutils.data.audit import look_up as kit

    def trial(clips: list, classes: list, asked: list, tried: str, hint: str) -> None:
        answer = student(np.array(clips), np.array(classes), np.array(asked), tried=tried)
        counts = pd.Series(classes).value_counts()
        common = int(counts[counts == counts.max()].index.min())
        train = pd.DataFrame({"clip_id": clips, "class_id": classes})
        wanted = kit(train, pd.DataFrame({"clip_id": asked}), common)
        answer.close_to(
            wanted,
            hint=hint,
            likely=[
                mistake(
                    np.full(len(asked), common),
                    "You answered with the most common class everywhere. Look at the clip first.",
                )
            ],
        )

    trial(
        [7, 7, 8, 9, 9, 9],
        [3, 3, 5, 2, 2, 2],
        [8, 7, 9, 7],
        "clips 7, 7, 8, 9, 9, 9 of classes 3, 3, 5, 2, 2, 2; asked for the clips 8, 7, 9, 7",
        "Each clip was seen with one class alone: answer that one, one answer for each clip asked for.",
    )
    trial(
        [7, 8, 8, 9],
        [3, 5, 5, 4],
        [1, 7, 2],
        "clips 7, 8, 8, 9 of classes 3, 5, 5, 4; asked for the clips 1, 7, 2",
        "Clips 1 and 2 are unknown: answer the most common class of all training rows, 5.",
    )
    trial(
        [7, 7, 7, 8, 8, 8, 8],
        [6, 3, 6, 3, 3, 3, 3],
        [7],
        "clip 7 of classes 6, 3, 6, clip 8 of class 3 four times; asked for clip 7",
        "Within the clip, the most frequent class wins; here it is 6.",
    )
    trial(
        [7, 7, 8, 9],
        [6, 3, 4, 3],
        [7],
        "clip 7 of classes 6 and 3 once each; asked for clip 7",
        "Among equally frequent classes the smaller number wins.",
    )
    trial(
        [7, 8],
        [6, 3],
        [1],
        "clip 7 of class 6, clip 8 of class 3; asked for clip 1",
        "Among equally frequent classes the smaller number wins, for unknown clips too.",
    )
    trial(
        student.rng.integers(0, 30, 90).tolist(),
        student.rng.integers(1, 6, 90).tolist(),
        list(range(40)),
        "90 random rows of 30 clips and 5 classes",
        "Try a smaller example and compare by hand.",
    )


@exercise("grouped_split", notebook="01", points=4)
def _grouped_split(student: Student) -> None:
    groups = np.repeat(np.arange(55), [10] * 5 + [1] * 50)
    groups = groups[student.rng.permutation(len(groups))]
    seen = []
    for seed in range(20):
        tried = f"100 rows: five groups of 10 rows and fifty of one; share = 0.3, seed = {seed}"
        answer = student(groups, 0.3, seed, tried=tried)
        inside = _mask(answer, len(groups))
        both = set(groups[inside]) & set(groups[~inside])
        answer.is_true(
            not both,
            "no group on both sides",
            f"{len(both)} groups are. Choose groups, then their rows.",
        )
        answer.is_true(
            abs(inside.sum() - 30) <= 10,
            "30 validation rows, give or take the largest group (10)",
            f"There are {inside.sum()}. Count rows, not groups: groups have different sizes.",
        )
        seen.append(inside)
    answer.is_true(
        len({mask.tobytes() for mask in seen}) > 10,
        "another split for another seed",
        "Draw with np.random.default_rng(seed), and from nothing else.",
    )
    again = student(groups, 0.3, 4, tried="the same rows with share = 0.3, seed = 4, once more")
    again.is_true(
        np.array_equal(_mask(again, len(groups)), seen[4]),
        "the same split as before for the same seed",
        "Draw with np.random.default_rng(seed), and from nothing else.",
    )
    largest = np.mean([mask[groups == 0].all() for mask in seen])
    again.is_true(
        0 < largest < 1,
        "large groups on either side, as chance has it",
        "Put the groups in a random order before you choose.",
    )
    people = np.array(["ann", "bob", "eve", "dan"] * 6)
    answer = student(
        people, 0.5, 0, tried="24 rows of four people named in text, share = 0.5, seed = 0"
    )
    inside = _mask(answer, 24)
    answer.is_true(
        not set(people[inside]) & set(people[~inside]) and 6 <= inside.sum() <= 18,
        "one to three of the four people in validation, with all their rows",
        "Groups may be of any kind.",
    )


def _mask(answer, rows: int) -> np.ndarray:
    value = np.asarray(answer.value)
    answer.is_true(
        value.shape == (rows,) and value.dtype == bool,
        f"{rows} values True (validation) or False",
        "Return one truth value for each row: `np.isin(groups, chosen)`.",
    )
    return value


@exercise("zoo_captions", notebook="01", points=1)
def _zoo_captions(student: Student) -> None:
    names = [f"caption of class {number}" for number in range(1, 33)]
    listed = sorted(map(str, range(1, 33)))
    for folders, tried in (
        (listed, "32 folders as a computer lists them"),
        (listed[::-1], "the same in reverse"),
    ):
        answer = student(folders, names, tried=f"{tried}, and 32 captions")
        value = answer.value if isinstance(answer.value, dict) else {}
        wrong = [folder for folder in folders if value.get(folder) != names[int(folder) - 1]]
        answer.is_true(
            not wrong and len(value) == 32,
            "for each folder the caption of its own number",
            f"{len(wrong)} folders have another class's caption, folder {(wrong or ['?'])[0]!r} for "
            "instance. In which order does the program count the folders?",
        )
