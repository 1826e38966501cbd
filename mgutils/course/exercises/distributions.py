"""Checkers of notebook 04: softmax, target distributions, the Jensen-Shannon divergence, gradients of two losses."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.distance import jensenshannon

from mgutils import losses
from mgutils.course.exercises.answers import Mistake, Student, mistake
from mgutils.course.exercises.catalogue import exercise


@exercise(points=1, by_hand=("softmax", "log_softmax", "Softmax", "LogSoftmax"))
def _row_softmax(student: Student) -> None:
    small = torch.tensor([
        [0.0, 1.0, 2.0],
        [3.0, 3.0, 3.0],
    ]).double()
    trials = {
        "the scores [[0, 1, 2], [3, 3, 3]]": (small,),
        "4 random rows of 5 scores": (3 * student.tensor(4, 5),),
    }
    for answer, scores in student.trials(trials):
        power = scores.exp()
        answer.close_to(
            scores.softmax(dim=1),
            likely=[
                mistake(scores.softmax(dim=0),
                        "You divided by the sums of columns. Each row must sum to one."),
                mistake(power / power.sum(),
                        "You divided by the sum of everything. Each row must sum to one."),
                mistake(scores / scores.sum(dim=1, keepdim=True), "The exp is missing."),
                mistake(power / power.amax(dim=1, keepdim=True),
                        "You divided by the row's largest exp. Divide by the sum."),
                mistake(power / power.mean(dim=1, keepdim=True),
                        "You divided by the row's mean. Divide by the sum."),
                mistake(scores.log_softmax(dim=1), "Those are logarithms of the probabilities."),
                mistake((-scores).softmax(dim=1), "The exp in the quotient has the wrong sign."),
            ],
            hint="Row by row: exp of each score, divided by the row's sum of exp.",
        )
    large = torch.tensor([
        [1000.0, 1001.0],
        [-1000.0, 0.0],
    ]).double()
    student(large, tried="the scores [[1000, 1001], [-1000, 0]]").close_to(
        large.softmax(dim=1),
        hint="exp(1000) is too large for a float. A softmax does not change if the same number "
        "is taken from all scores of a row: take the row's largest.",
    )


@exercise(points=1)
def _multi_positive_targets(student: Student) -> None:
    drawn = student.rng.integers(0, 4, 9).tolist()
    trials = [
        [4, 7, 4],
        [0, 0, 0, 0],
        [0, 1, 2],
        drawn,
    ]
    for listed in trials:
        classes = torch.tensor(listed)
        answer = student(classes, tried=f"the classes {listed}")
        matrix = losses.label_matrix(classes, torch.float64)
        answer.close_to(
            losses.label_distribution(classes),
            likely=[
                mistake(matrix, "The ones are right. Divide each row by its sum."),
                mistake(torch.eye(len(classes)),
                        "That is the identity: samples that share a class are right answers too."),
                mistake(matrix / len(classes),
                        "You divided by the batch size. Divide by the row's sum."),
                mistake(matrix / matrix.sum(), "You divided by the sum of the whole matrix."),
                mistake(matrix.softmax(dim=1),
                        "That is a softmax of the ones: other classes get weight."),
                mistake(1 - matrix, "That is 1 where the classes differ."),
            ],
            hint="Row i: the same weight on every sample of i's class, "
            "nothing elsewhere, and the weights of a row sum to one.",
        )


@exercise(points=2, by_hand=("jensenshannon", "rel_entr", "kl_div"))
def _jensen_shannon(student: Student) -> None:
    trials = {
        "p = [[0.5, 0.5]], q = [[0.9, 0.1]]": (
            torch.tensor([[0.5, 0.5]]).double(),
            torch.tensor([[0.9, 0.1]]).double(),
        ),
        "3 random pairs of distributions over 4 answers": (
            student.tensor(3, 4).softmax(dim=1),
            student.tensor(3, 4).softmax(dim=1),
        ),
    }
    for answer, p, q in student.trials(trials):
        answer.close_to(
            _js(p, q),
            likely=_js_slips(p, q),
            tolerance=1e-6,
            hint="m = (p + q) / 2; half of KL(p || m) plus half of KL(q || m), natural logarithm, "
            "one number for each row.",
        )
    p = torch.tensor([
        [1.0, 0.0, 0.0],
        [0.0, 0.5, 0.5],
        [0.0, 1.0, 0.0],
    ]).double()
    q = torch.tensor([
        [0.0, 1.0, 0.0],
        [0.2, 0.8, 0.0],
        [0.0, 1.0, 0.0],
    ]).double()
    answer = student(p, q, tried="p = [[1, 0, 0], …], q = [[0, 1, 0], …], with zeros in them")
    answer.close_to(
        _js(p, q),
        hint="Where a probability is 0 its term is 0, but 0 · log 0 is no number for a "
        "computer: torch.xlogy(a, b) is a · log b with 0 where a is 0.",
    )


def _js(p: torch.Tensor, q: torch.Tensor) -> np.ndarray:
    return jensenshannon(p.numpy(), q.numpy(), axis=1) ** 2


def _js_slips(p: torch.Tensor, q: torch.Tensor) -> list[Mistake]:
    def kl(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a * torch.log(a / b)).sum(dim=1)

    m = (p + q) / 2
    js = _js(p, q)
    return [
        mistake(js**0.5, "That is the square root: the distance, not the divergence."),
        mistake(2 * js, "The two halves are missing: 1/2 KL + 1/2 KL."),
        mistake(js / p.shape[1], "You took the mean over the answers. A divergence is a sum."),
        mistake(js.mean(), "One number for each row: no mean over the rows."),
        mistake(js / np.log(2), "That is in bits. Use the natural logarithm."),
        mistake(kl(p, q), "That is KL(p || q). Both have to be compared with their mean m."),
        mistake(kl(q, p), "That is KL(q || p). Both have to be compared with their mean m."),
        mistake((kl(p, q) + kl(q, p)) / 2,
                "That is half of Jeffreys' divergence. "
                "Both have to be compared with their mean m."),
        mistake(kl(p, m) / 2, "Only KL(p || m) is in it."),
        mistake(kl(q, m) / 2, "Only KL(q || m) is in it."),
        mistake(-js, "The sign is wrong."),
        mistake((kl(m, p) + kl(m, q)) / 2, "In KL(a || m) the a comes first: sum of a log(a / m)."),
    ]


@exercise(points=2)
def _two_gradients(student: Student) -> None:
    trials = {
        "targets [[0.5, 0.5, 0], [0.1, 0.2, 0.7]] and scores [[0, 1, 2], [2, 1, 0]]": (
            torch.tensor([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]]).double(),
            torch.tensor([[0.0, 1, 2], [2, 1, 0]]).double(),
        ),
        "4 random rows of 5 answers": (
            student.tensor(4, 5).softmax(dim=1),
            2 * student.tensor(4, 5),
        ),
    }
    for answer, q, scores in student.trials(trials):
        parts = answer.items(
            2, "two gradients, of the cross entropy and of KL, each of the shape of the scores"
        )
        p = scores.softmax(dim=1)
        gradient = (p - q) / len(q)
        for part, name in zip(parts, ("cross entropy", "KL"), strict=True):
            part.tried += f": the gradient of {name}"
            part.close_to(
                gradient,
                likely=[
                    mistake(p - q,
                            "That is the gradient of the sum over the rows. "
                            "Take the mean over the rows."),
                    mistake(-gradient,
                            "The sign is that of going downhill. The gradient points uphill."),
                    mistake((p - q) / q.numel(),
                            "That is the mean over all cells. "
                            "Sum over the answers, take the mean over the rows."),
                    mistake(-q / p / len(q),
                            "That is the gradient with respect to the probabilities. "
                            "Go on to the scores."),
                    mistake(_reverse(q, scores),
                            "That is the other KL, KL(p || q). "
                            "The target comes first: KL(q || p)."),
                    mistake(p / len(q),
                            "That is the prediction alone: where does the target enter?"),
                ],
                tolerance=1e-6,
                hint="Let scores.requires_grad_(), compute the loss from log_softmax, "
                "and ask torch.autograd.grad.",
            )


def _reverse(q: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    """Gradient of the mean KL(p || q) of the rows, where q may be 0."""
    leaf = scores.clone().requires_grad_()
    p = leaf.softmax(dim=1)
    floor = torch.finfo(q.dtype).tiny
    ratio = p.log() - q.clamp(min=floor).log()
    kl = (p * ratio).sum(dim=1)
    return torch.autograd.grad(kl.mean(), leaf)[0]
