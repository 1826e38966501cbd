"""Checkers of notebook 03: softmax, targets, divergences, gradients, the whole loss."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.spatial.distance import jensenshannon

from mgutils import losses
from mgutils.course.exercises.answers import Answer, Student, mistake
from mgutils.course.exercises.catalogue import exercise


@exercise(
    "row_softmax",
    notebook="03",
    points=1,
    by_hand=("softmax", "log_softmax", "Softmax", "LogSoftmax"),
)
def _row_softmax(student: Student) -> None:
    trials = {
        "the scores [[0, 1, 2], [3, 3, 3]]": torch.tensor([[0.0, 1, 2], [3, 3, 3]]).double(),
        "4 random rows of 5 scores": 3 * student.tensor(4, 5),
    }
    for tried, scores in trials.items():
        answer = student(scores, tried=tried)
        power = scores.exp()
        answer.close_to(
            scores.softmax(dim=1),
            hint="Row by row: exp of each score, divided by the row's sum of exp.",
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
        )
    large = torch.tensor([[1000.0, 1001.0], [-1000.0, 0.0]]).double()
    student(large, tried="the scores [[1000, 1001], [-1000, 0]]").close_to(
        large.softmax(dim=1),
        hint="exp(1000) is too large for a float. A softmax does not change if the same number "
        "is taken from all scores of a row: take the row's largest.",
    )


@exercise("multi_positive_targets", notebook="03", points=1)
def _multi_positive_targets(student: Student) -> None:
    for classes in (
        torch.tensor([4, 7, 4]),
        torch.tensor([0, 0, 0, 0]),
        torch.arange(3),
        torch.from_numpy(student.rng.integers(0, 4, 9)),
    ):
        answer = student(classes, tried=f"the classes {classes.tolist()}")
        matrix, count = losses.label_matrix(classes, torch.float64), len(classes)
        answer.close_to(
            losses.label_distribution(classes),
            hint="Row i: the same weight on every sample of i's class, "
            "nothing elsewhere, and the weights of a row sum to one.",
            likely=[
                mistake(matrix, "The ones are right. Divide each row by its sum."),
                mistake(torch.eye(count),
                        "That is the identity: samples that share a class are right answers too."),
                mistake(matrix / count, "You divided by the batch size. Divide by the row's sum."),
                mistake(matrix / matrix.sum(), "You divided by the sum of the whole matrix."),
                mistake(matrix.softmax(dim=1),
                        "That is a softmax of the ones: other classes get weight."),
                mistake(1 - matrix, "That is 1 where the classes differ."),
            ],
        )


@exercise(
    "jensen_shannon", notebook="03", points=2, by_hand=("jensenshannon", "rel_entr", "kl_div")
)
def _jensen_shannon(student: Student) -> None:
    trials = {
        "p = [[0.5, 0.5]], q = [[0.9, 0.1]]": ([[0.5, 0.5]], [[0.9, 0.1]]),
        "3 random pairs of distributions over 4 answers": (
            student.tensor(3, 4).softmax(dim=1),
            student.tensor(3, 4).softmax(dim=1),
        ),
    }
    for tried, pair in trials.items():
        p, q = (torch.as_tensor(part, dtype=torch.float64) for part in pair)
        answer = student(p, q, tried=tried)
        answer.close_to(
            _js(p, q),
            likely=_js_slips(p, q),
            tolerance=1e-6,
            hint="m = (p + q) / 2; half of KL(p || m) plus half of KL(q || m), natural logarithm, one "
            "number for each row.",
        )
    p = torch.tensor([[1.0, 0, 0], [0, 0.5, 0.5], [0, 1, 0]]).double()
    q = torch.tensor([[0.0, 1, 0], [0.2, 0.8, 0], [0, 1, 0]]).double()
    answer = student(p, q, tried="p = [[1, 0, 0], …], q = [[0, 1, 0], …], with zeros in them")
    answer.close_to(
        _js(p, q),
        hint="Where a probability is 0 its term is 0, but 0 · log 0 is no number for a "
        "computer: torch.xlogy(a, b) is a · log b with 0 where a is 0.",
    )


def _js(p: torch.Tensor, q: torch.Tensor) -> np.ndarray:
    return jensenshannon(p.numpy(), q.numpy(), axis=1) ** 2


def _js_slips(p: torch.Tensor, q: torch.Tensor) -> list[tuple[object, str]]:
    m, log = (p + q) / 2, torch.log
    one, other = p * log(p / m), q * log(q / m)
    return [
        mistake(_js(p, q) ** 0.5, "That is the square root: the distance, not the divergence."),
        mistake((one + other).sum(dim=1), "The two halves are missing: 1/2 KL + 1/2 KL."),
        mistake((one + other).mean(dim=1) / 2,
                "You took the mean over the answers. A divergence is a sum."),
        mistake(_js(p, q).mean(), "One number for each row: no mean over the rows."),
        mistake(_js(p, q) / np.log(2), "That is in bits. Use the natural logarithm."),
        mistake((p * log(p / q)).sum(dim=1),
                "That is KL(p || q). Both have to be compared with their mean m."),
        mistake((q * log(q / p)).sum(dim=1),
                "That is KL(q || p). Both have to be compared with their mean m."),
        mistake(((p - q) * log(p / q)).sum(dim=1) / 2,
                "That is half of Jeffreys' divergence. Both have to be compared with their mean m."),
        mistake(one.sum(dim=1) / 2, "Only KL(p || m) is in it."),
        mistake(other.sum(dim=1) / 2, "Only KL(q || m) is in it."),
        mistake(-_js(p, q), "The sign is wrong."),
        mistake((m * log(m / p) + m * log(m / q)).sum(dim=1) / 2,
                "In KL(a || m) the a comes first: sum of a log(a / m)."),
    ]


@exercise("two_gradients", notebook="03", points=2)
def _two_gradients(student: Student) -> None:
    target = torch.tensor([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]]).double()
    trials = {
        "targets [[0.5, 0.5, 0], [0.1, 0.2, 0.7]] and scores [[0, 1, 2], [2, 1, 0]]": (
            target,
            torch.tensor([[0.0, 1, 2], [2, 1, 0]]).double(),
        ),
        "4 random rows of 5 answers": (
            student.tensor(4, 5).softmax(dim=1),
            2 * student.tensor(4, 5),
        ),
    }
    for tried, (q, scores) in trials.items():
        answer = student(q, scores, tried=tried)
        parts = answer.items(
            2, "two gradients, of the cross entropy and of KL, each of the shape of the scores"
        )
        difference = scores.softmax(dim=1) - q
        for part, name in zip(parts, ("cross entropy", "KL"), strict=True):
            part.tried = f"{tried}: the gradient of {name}"
            part.close_to(
                difference / len(q),
                tolerance=1e-6,
                likely=[
                    mistake(difference,
                            "That is the gradient of the sum over the rows. Take the mean over the rows."),
                    mistake(-difference / len(q),
                            "The sign is that of going downhill. The gradient points uphill."),
                    mistake(difference / q.numel(),
                            "That is the mean over all cells. Sum over the answers, take the mean over the rows."),
                    mistake(-q / scores.softmax(dim=1) / len(q),
                            "That is the gradient with respect to the probabilities. Go on to the scores."),
                    mistake(_reverse(q, scores),
                            "That is the other KL, KL(p || q). The target comes first: KL(q || p)."),
                    mistake(scores.softmax(dim=1) / len(q),
                            "That is the prediction alone: where does the target enter?"),
                ],
                hint="Let scores.requires_grad_(), compute the loss from log_softmax, and ask torch.autograd.grad.",
            )


def _reverse(q: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    leaf = scores.clone().requires_grad_()
    p = leaf.softmax(dim=1)
    value = (p * (p.log() - q.clamp(min=torch.finfo(q.dtype).tiny).log())).sum(dim=1).mean()
    return torch.autograd.grad(value, leaf)[0]


@exercise("stuck_scores", notebook="03", points=2)
def _stuck_scores(student: Student) -> None:
    for classes in (2, 32):
        answer = student(classes, tried=f"{classes} answers, of which the first is right")
        value = answer.numbers(f"{classes} scores")
        answer.is_true(
            value.shape == (classes,) and bool(np.isfinite(value).all()),
            f"{classes} finite scores",
            f"One score for each answer; found the shape {value.shape}.",
        )
        scores, target = torch.from_numpy(value)[None], torch.eye(classes, dtype=torch.float64)[:1]
        steep = {}
        for name, compare in (("CE", losses.cross_entropy), ("JS", losses.js_divergence)):
            leaf = scores.clone().requires_grad_()
            compare(target, leaf.log_softmax(dim=1)).sum().backward()
            steep[name] = float(leaf.grad.abs().max())
        wanted = "a JS gradient below 1e-6 everywhere and a CE gradient above 0.5 somewhere"
        found = f"CE's largest gradient is {steep['CE']:.2g}, JS's {steep['JS']:.2g}. "
        answer.is_true(
            steep["CE"] > 0.5,
            wanted,
            found + "Both are small where the model is right. Make it wrong.",
        )
        answer.is_true(
            steep["JS"] < 1e-6, wanted, found + "Make it more certain of its wrong answer."
        )


@exercise("symmetric_loss", notebook="03", points=4)
def _symmetric_loss(student: Student) -> None:
    for classes, temperature in (([0, 1, 2], 0.5), ([3, 3, 1, 3, 1], 0.1)):
        target = torch.tensor(classes)
        image, text = student.tensor(len(target), 6), 3 * student.tensor(len(target), 6)
        tried = f"random embeddings of classes {classes}, temperature {temperature}"
        answer = student(image, text, target, temperature, tried=tried)
        answer.close_to(
            _loss(image, text, target, temperature),
            likely=_loss_slips(image, text, target, temperature),
            hint="Normalise, cosines divided by the temperature, log-softmax of the rows and of the "
            "columns, weights from multi_positive_targets, mean over the samples, mean of both directions.",
        )
        for place, name in enumerate(("image", "text")):
            answer = student(
                image,
                text,
                target,
                temperature,
                gradient_of=place,
                tried=f"{tried}: the gradient with respect to the {name} embeddings",
            )
            leaves = [image.clone().requires_grad_(), text.clone().requires_grad_()]
            wanted = torch.autograd.grad(_loss(*leaves, target, temperature), leaves)[place]
            answer.close_to(
                wanted,
                hint="The value is right, the gradient is not. Keep everything in torch, "
                "and detach nothing but the target.",
            )


def _loss(
    image: torch.Tensor, text: torch.Tensor, target: torch.Tensor, temperature: float
) -> torch.Tensor:
    return losses.multi_positive_ce(
        F.normalize(image, dim=1), F.normalize(text, dim=1), target, temperature
    )


def _loss_slips(
    image: torch.Tensor, text: torch.Tensor, target: torch.Tensor, tau: float
) -> list[tuple[torch.Tensor, str]]:
    one, other = F.normalize(image, dim=1), F.normalize(text, dim=1)
    logits, q = one @ other.T / tau, losses.label_distribution(target, torch.float64)
    rows, columns = (
        losses.cross_entropy(q, part.log_softmax(dim=1)).mean() for part in (logits, logits.T)
    )
    matrix, right = losses.label_matrix(target, torch.float64), (rows + columns) / 2
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
        mistake(losses.multi_positive_ce(one, other, target, 1 / tau),
                "Divide by the temperature; you multiplied."),
        mistake(losses.multi_positive_ce(one, other, target, 1.0), "The temperature is not used."),
        mistake(-right, "The sign is wrong: a cross entropy is positive."),
    ]


@exercise("zoo_directions", notebook="03", points=1)
def _zoo_directions(student: Student) -> None:
    target = torch.tensor([[0.9, 0.1, 0.0], [0.5, 0.5, 0.0], [0.2, 0.2, 0.6]]).double()
    for trial in range(2):
        logits = 2 * student.tensor(3, 3)
        answer: Answer = student(
            logits,
            target,
            tried=f"random logits, number {trial + 1}, and a target whose "
            "transpose is another matrix",
        )
        wanted = losses.both_directions(losses.cross_entropy, target, logits)
        answer.close_to(
            wanted,
            hint="Row i of the target holds the weights for image i and for caption i. "
            "Which rows do the two directions read?",
        )
