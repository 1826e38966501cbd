"""Checkers of notebook 06: the schedule of the learning rate, AdamW, and two bugs in batches."""

from __future__ import annotations

import numpy as np
import torch

from mgutils.course.exercises.answers import Answer, Student, mistake
from mgutils.course.exercises.catalogue import exercise


@exercise(points=2, by_hand=("ReduceLROnPlateau",))
def _plateau_rates(student: Student) -> None:
    trials = {
        "a loss that always falls": ([5, 4, 3, 2], 1),
        "a loss that stands still": ([5, 5, 5, 5, 5, 5], 1),
        "a loss that rises and falls": ([3, 4, 4, 2, 3, 3, 3, 1], 1),
        "a loss that rises and stays": ([2, 3, 3, 3, 3, 3, 3, 3, 3], 2),
        "patience 0": ([2, 3, 1, 3, 0.5, 3], 0),
        "30 random losses": (student.rng.integers(0, 20, 30), 2),
    }
    for words, (values, patience) in trials.items():
        values = [float(value) for value in values]
        tried = f"{words}: losses {values[:9]}, rate 0.8, factor 0.5, patience {patience}"
        answer = student(values, 0.8, 0.5, patience, tried=tried)
        right = _torch_rates(values, patience)
        answer.close_to(
            right,
            likely=[
                mistake(_torch_rates(values, patience - 1),
                        "That is one epoch too early: "
                        "the rate falls once more than `patience` epochs in a row were no better."),
                mistake(_torch_rates(values, patience + 1),
                        "That is one epoch too late: "
                        "the rate falls in the epoch that exceeds the patience."),
                mistake([0.8, *right], "Return the rate after each epoch, the first included."),
                mistake(right[:-1], "The last epoch's rate is missing."),
                mistake([0.8] * len(values),
                        "The rate never falls: "
                        "compare with the best loss so far, not with the last one."),
            ],
            tolerance=1e-9,
            hint="Keep the best loss so far and the number of epochs since it was beaten. "
            "A loss that equals the best does not beat it. "
            "After a fall the count starts again from 0.",
        )


def _torch_rates(losses: list[float], patience: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.8)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=patience, threshold=0, eps=0
    )
    rates = []
    for loss in losses:
        scheduler.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


@exercise(points=4, by_hand=("AdamW", "Adam", "adamw", "adam", "NAdam", "RAdam"))
def _adamw(student: Student) -> None:
    settings = {"rate": 0.1, "decay": 0.2, "betas": (0.9, 0.99), "eps": 1e-3}
    for steps in (1, 2, 6):
        weight = student.tensor(4)
        gradients = student.tensor(steps, 4)
        tried = (
            f"4 random weights, {steps} gradients, "
            "rate 0.1, decay 0.2, betas (0.9, 0.99), eps 1e-3"
        )
        answer = student(weight, gradients, **settings, tried=tried)
        answer.close_to(
            _torch_adamw(weight, gradients),
            likely=[
                mistake(_torch_adamw(weight, gradients, torch.optim.Adam),
                        "The decay went into the gradient, as Adam has it. "
                        "AdamW takes it from the weight itself."),
                mistake(_torch_adamw(weight, gradients, weight_decay=0.0),
                        "The weight decay is missing."),
                mistake(_torch_adamw(weight, gradients, weight_decay=2.0),
                        "The decay is to be multiplied by the rate."),
                mistake(_torch_adamw(weight, -gradients), "The weights went up the gradient."),
                mistake(_torch_adamw(weight, gradients, betas=(0.99, 0.9)),
                        "You exchanged the two betas."),
                mistake(_torch_adamw(weight, gradients[:1]),
                        "That is the first step alone. Go through all gradients."),
            ],
            tolerance=1e-8,
            hint="For step t = 1, 2, …: w -= rate · decay · w; "
            "m = β1 m + (1 - β1) g; v = β2 v + (1 - β2) g²; "
            "w -= rate · (m / (1 - β1ᵗ)) / (√(v / (1 - β2ᵗ)) + eps).",
        )


def _torch_adamw(
    weight: torch.Tensor,
    gradients: torch.Tensor,
    kind: type[torch.optim.Optimizer] = torch.optim.AdamW,
    weight_decay: float = 0.2,
    betas: tuple[float, float] = (0.9, 0.99),
) -> torch.Tensor:
    leaf = weight.clone().requires_grad_()
    optimizer = kind([leaf], lr=0.1, betas=betas, eps=1e-3, weight_decay=weight_decay)
    for gradient in gradients:
        leaf.grad = gradient.clone()
        optimizer.step()
    return leaf.detach()


@exercise(points=1)
def _zoo_batches(student: Student) -> None:
    for count, size in ((10, 4), (8, 4), (3, 4)):
        _batches(student, count, size, 7)
    orders = [_batches(student, 33, 8, seed) for seed in (7, 7, 8)]
    answer = Answer(orders, "33 rows in batches of 8, with the seeds 7, 7 and 8")
    answer.is_true(
        orders[0] != sorted(orders[0]), "rows in a random order", "The rows must stay shuffled."
    )
    answer.follows_seed(*orders)


def _batches(student: Student, count: int, size: int, seed: int) -> list[int]:
    """The rows of all batches, in the order in which they came."""
    answer = student(count, size, seed, tried=f"{count} rows in batches of {size}, seed {seed}")
    batches = answer.value if isinstance(answer.value, list | tuple) else []
    batches = [np.asarray(batch).tolist() for batch in batches]
    rows = [row for batch in batches for row in batch]
    answer.is_true(
        sorted(rows) == list(range(count)),
        f"batches that hold each of the {count} rows once",
        f"{count - len(set(rows))} rows are in no batch. "
        "What happens to the rows that do not fill one?",
    )
    sizes = [min(size, count - start) for start in range(0, count, size)]
    answer.is_true(
        [len(batch) for batch in batches] == sizes,
        f"batches of {size} rows, and the rest in the last one",
        "No other size, and no empty batch.",
    )
    return rows


@exercise(points=1)
def _zoo_shuffle(student: Student) -> None:
    labels = np.arange(50) % 7
    images = np.stack([np.arange(50), labels], axis=1)  # each carries its number and its label
    orders = []
    for seed in (0, 0, 1):
        answer = student(images, labels, seed, tried=f"50 images with their labels, seed {seed}")
        shuffled, given = answer.items(2, "images and labels")
        pictures = shuffled.numbers("50 images")
        classes = given.numbers("50 labels")
        answer.is_true(
            pictures.shape == (50, 2) and classes.shape == (50,),
            "50 images and 50 labels",
            "None may be lost.",
        )
        astray = int((pictures[:, 1] != classes).sum())
        answer.is_true(
            astray == 0,
            "each image with its own label",
            f"{astray} images have another image's label. "
            "Images and labels must be put in the same order.",
        )
        order = pictures[:, 0].tolist()
        answer.is_true(
            sorted(order) == list(range(50)),
            "every image once",
            "Some images are lost, others are double.",
        )
        answer.is_true(order != sorted(order), "a random order", "The images must stay shuffled.")
        orders.append(order)
    answer.follows_seed(*orders)
