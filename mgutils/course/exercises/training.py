"""Checkers of notebook 04: the learning rate's schedule, an optimiser's step, and two bugs in batches."""

from __future__ import annotations

import numpy as np
import torch

from mgutils.course.exercises.answers import Student, mistake
from mgutils.course.exercises.catalogue import exercise


@exercise("plateau_rates", notebook="04", points=2, by_hand=("ReduceLROnPlateau",))
def _plateau_rates(student: Student) -> None:
    trials = [
        ([5, 4, 3, 2], 1, "a loss that always falls"),
        ([5, 5, 5, 5, 5, 5], 1, "a loss that stands still"),
        ([3, 4, 4, 2, 3, 3, 3, 1], 1, "a loss that rises and falls"),
        ([2, 3, 3, 3, 3, 3, 3, 3, 3], 2, "a loss that rises and stays"),
        ([2, 3, 1, 3, 0.5, 3], 0, "patience 0"),
        (student.rng.integers(0, 20, 30).tolist(), 2, "30 random losses"),
    ]
    for values, patience, words in trials:
        values = [float(value) for value in values]
        answer = student(
            values,
            0.8,
            0.5,
            patience,
            tried=f"{words}: losses {values[:9]}, rate 0.8, factor 0.5, patience {patience}",
        )
        right = _torch_rates(values, 0.8, patience)
        answer.close_to(
            right,
            tolerance=1e-9,
            likely=[
                mistake(_torch_rates(values, 0.8, patience - 1) if patience else [],
                        "That is one epoch too early: the rate falls once more than `patience` epochs in "
                        "a row were no better."),
                mistake(_torch_rates(values, 0.8, patience + 1),
                        "That is one epoch too late: the rate falls in the epoch that exceeds the patience."),
                mistake([0.8, *right], "Return the rate after each epoch, the first included."),
                mistake(right[:-1], "The last epoch's rate is missing."),
                mistake([0.8] * len(values),
                        "The rate never falls: compare with the best loss so far, not with the last one."),
            ],
            hint="Keep the best loss so far and the number of epochs since it was beaten. A loss that equals the best "
            "does not beat it. After a fall the count starts again from 0.",
        )


def _torch_rates(losses: list[float], rate: float, patience: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=patience, threshold=0, eps=0
    )
    rates = []
    for loss in losses:
        scheduler.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


@exercise(
    "adamw", notebook="04", points=4, by_hand=("AdamW", "Adam", "adamw", "adam", "NAdam", "RAdam")
)
def _adamw(student: Student) -> None:
    settings = {"rate": 0.1, "decay": 0.2, "betas": (0.9, 0.99), "eps": 1e-3}
    for steps in (1, 2, 6):
        weight, gradients = (
            torch.from_numpy(student.rng.normal(size=shape)) for shape in (4, (steps, 4))
        )
        answer = student(
            weight,
            gradients,
            **settings,
            tried=f"4 random weights, {steps} gradients, rate 0.1, decay "
            "0.2, betas (0.9, 0.99), eps 1e-3",
        )
        answer.close_to(
            _torch_adamw(weight, gradients, **settings),
            tolerance=1e-8,
            likely=[
                mistake(_torch_adamw(weight, gradients, kind="Adam", **settings),
                        "The decay went into the gradient, as Adam has it. AdamW takes it from the weight itself."),
                mistake(_torch_adamw(weight, gradients, **settings | {"decay": 0.0}),
                        "The weight decay is missing."),
                mistake(_torch_adamw(weight, gradients, **settings | {"decay": 2.0}),
                        "The decay is to be multiplied by the rate."),
                mistake(_torch_adamw(weight, -gradients, **settings),
                        "The weights went up the gradient."),
                mistake(_torch_adamw(weight, gradients, **settings | {"betas": (0.99, 0.9)}),
                        "You exchanged the two betas."),
                mistake(_torch_adamw(weight, gradients[:1], **settings),
                        "That is the first step alone. Go through all gradients."),
            ],
            hint="For step t = 1, 2, …: w -= rate · decay · w; m = β1 m + (1 - β1) g; v = β2 v + (1 - β2) g²; "
            "w -= rate · (m / (1 - β1ᵗ)) / (√(v / (1 - β2ᵗ)) + eps).",
        )


def _torch_adamw(
    weight: torch.Tensor,
    gradients: torch.Tensor,
    *,
    rate: float,
    decay: float,
    betas: tuple[float, float],
    eps: float,
    kind: str = "AdamW",
) -> torch.Tensor:
    leaf = weight.clone().requires_grad_()
    optimizer = getattr(torch.optim, kind)(
        [leaf], lr=rate, betas=betas, eps=eps, weight_decay=decay
    )
    for gradient in gradients:
        leaf.grad = gradient.clone()
        optimizer.step()
    return leaf.detach()


@exercise("zoo_batches", notebook="04", points=1)
def _zoo_batches(student: Student) -> None:
    for count, size in ((10, 4), (8, 4), (3, 4), (33, 8)):
        answer = student(count, size, 7, tried=f"{count} rows in batches of {size}")
        parts = (
            [np.asarray(part).tolist() for part in answer.value]
            if isinstance(answer.value, list | tuple)
            else []
        )
        rows = [row for part in parts for row in part]
        answer.is_true(
            sorted(rows) == list(range(count)),
            f"batches that hold each of the {count} rows once",
            f"{count - len(set(rows))} rows are in no batch. What happens to the rows that do not fill one?",
        )
        answer.is_true(
            [len(part) for part in parts]
            == [size] * (count // size) + [count % size] * (count % size > 0),
            f"batches of {size} rows, and the rest in the last one",
            "No other size, and no empty batch.",
        )
    answer.is_true(rows != sorted(rows), "rows in a random order", "The rows must stay shuffled.")
    answer = student(33, 8, 7, tried="the same 33 rows with the same seed")
    answer.is_true(
        [row for part in answer.value for row in np.asarray(part).tolist()] == rows,
        "the same batches for the same seed",
        "Draw from np.random.default_rng(seed).",
    )
    answer = student(33, 8, 8, tried="the same 33 rows with another seed")
    answer.is_true(
        [row for part in answer.value for row in np.asarray(part).tolist()] != rows,
        "other batches for another seed",
        "Draw from np.random.default_rng(seed).",
    )


@exercise("zoo_shuffle", notebook="04", points=1)
def _zoo_shuffle(student: Student) -> None:
    labels = np.arange(50) % 7
    images = np.stack(
        [np.arange(50), labels], axis=1
    )  # an image that carries its number and its label
    orders = []
    for seed in (0, 0, 1):
        answer = student(images, labels, seed, tried=f"50 images with their labels, seed {seed}")
        shuffled, given = answer.items(2, "images and labels")
        pictures, classes = shuffled.numbers("50 images"), given.numbers("50 labels")
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
        order = pictures[:, 0].astype(int).tolist()
        answer.is_true(
            sorted(order) == list(range(50)),
            "every image once",
            "Some images are lost, others are double.",
        )
        answer.is_true(order != sorted(order), "a random order", "The images must stay shuffled.")
        orders.append(order)
    answer.is_true(
        orders[0] == orders[1], "the same order for the same seed", "Draw from default_rng(seed)."
    )
    answer.is_true(
        orders[0] != orders[2], "another order for another seed", "Draw from default_rng(seed)."
    )
