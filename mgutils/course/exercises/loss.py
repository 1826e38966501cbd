"""Checkers of notebook 05: a loss that saturates, the symmetric loss, its two directions."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from mgutils import losses
from mgutils.course.exercises.answers import Mistake, Student, mistake
from mgutils.course.exercises.catalogue import exercise


@exercise(points=2)
def _stuck_scores(student: Student) -> None:
    for classes in (2, 32):
        answer = student(classes, tried=f"{classes} answers, of which the first is right")
        value = answer.numbers(f"{classes} scores")
        answer.is_true(
            value.shape == (classes,) and bool(np.isfinite(value).all()),
            f"{classes} finite scores",
            f"One score for each answer; found the shape {value.shape}.",
        )
        scores = torch.from_numpy(value)[None]
        target = torch.eye(classes).double()[:1]
        steep = {}
        for name, compare in (("CE", losses.cross_entropy), ("JS", losses.js_divergence)):
            leaf = scores.clone().requires_grad_()
            compare(target, leaf.log_softmax(dim=1)).sum().backward()
            steep[name] = float(leaf.grad.abs().max())
        wanted = "a JS gradient below 1e-6 everywhere and a CE gradient above 0.5 somewhere"
        found = f"CE's largest gradient is {steep['CE']:.2g}, JS's {steep['JS']:.2g}. "
        small = "Both are small where the model is right. Make it wrong."
        answer.is_true(steep["CE"] > 0.5, wanted, found + small)
        large = "Make it more certain of its wrong answer."
        answer.is_true(steep["JS"] < 1e-6, wanted, found + large)


@exercise(points=4)
def _symmetric_loss(student: Student) -> None:
    for classes, temperature in (([0, 1, 2], 0.5), ([3, 3, 1, 3, 1], 0.1)):
        target = torch.tensor(classes)
        image = student.tensor(len(target), 6)
        text = 3 * student.tensor(len(target), 6)
        arguments = (image, text, target, temperature)
        tried = f"random embeddings of classes {classes}, temperature {temperature}"
        student(*arguments, tried=tried).close_to(
            _loss(*arguments),
            likely=_loss_slips(*arguments),
            hint="Normalise, cosines divided by the temperature, log-softmax of the rows and of "
            "the columns, weights from multi_positive_targets, mean over the samples, "
            "mean of both directions.",
        )
        for place, name in enumerate(("image", "text")):
            words = f"{tried}: the gradient with respect to the {name} embeddings"
            answer = student(*arguments, gradient_of=place, tried=words)
            leaves = [image.clone().requires_grad_(), text.clone().requires_grad_()]
            value = _loss(*leaves, target, temperature)
            answer.close_to(
                torch.autograd.grad(value, leaves)[place],
                hint="The value is right, the gradient is not. Keep everything in torch, "
                "and detach nothing but the target.",
            )


def _loss(
    image: torch.Tensor, text: torch.Tensor, target: torch.Tensor, temperature: float
) -> torch.Tensor:
    one = F.normalize(image, dim=1)
    other = F.normalize(text, dim=1)
    return losses.multi_positive_ce(one, other, target, temperature)


def _loss_slips(
    image: torch.Tensor, text: torch.Tensor, target: torch.Tensor, tau: float
) -> list[Mistake]:
    one = F.normalize(image, dim=1)
    other = F.normalize(text, dim=1)
    logits = one @ other.T / tau
    q = losses.label_distribution(target, torch.float64)
    rows = losses.cross_entropy(q, logits.log_softmax(dim=1)).mean()
    columns = losses.cross_entropy(q, logits.T.log_softmax(dim=1)).mean()
    matrix = losses.label_matrix(target, torch.float64)
    right = (rows + columns) / 2
    return [
        mistake(losses.multi_positive_ce(image, text, target, tau),
                "The embeddings are not of length one."),
        mistake(rows, "Only image to text is in it. Add the columns."),
        mistake(columns, "Only text to image is in it. Add the rows."),
        mistake(rows + columns, "Take the mean of the two directions, not their sum."),
        mistake(right * len(target), "Take the mean over the samples, not the sum."),
        mistake(right / len(target), "You took the mean over all cells."),
        mistake(losses.identity_ce(one, other, target, tau),
                "That is the loss with the identity target: namesakes are right answers too."),
        mistake(losses.both_directions(losses.cross_entropy, matrix, logits),
                "The target's rows do not sum to one."),
        mistake(_loss(image, text, target, 1 / tau), "Divide by the temperature; you multiplied."),
        mistake(_loss(image, text, target, 1.0), "The temperature is not used."),
        mistake(-right, "The sign is wrong: a cross entropy is positive."),
    ]


@exercise(points=1)
def _zoo_directions(student: Student) -> None:
    target = torch.tensor([
        [0.9, 0.1, 0.0],
        [0.5, 0.5, 0.0],
        [0.2, 0.2, 0.6],
    ]).double()
    for number in (1, 2):
        logits = 2 * student.tensor(3, 3)
        tried = f"random logits, number {number}, and a target whose transpose is another matrix"
        student(logits, target, tried=tried).close_to(
            losses.both_directions(losses.cross_entropy, target, logits),
            hint="Row i of the target holds the weights for image i and for caption i. "
            "Which rows do the two directions read?",
        )
