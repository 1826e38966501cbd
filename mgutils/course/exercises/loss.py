"""Checkers of notebook 03: softmax, targets, divergences, gradients, the whole loss."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.spatial.distance import jensenshannon

from mgutils import losses
from mgutils.course.exercises.answers import Student
from mgutils.course.exercises.catalogue import exercise


@exercise(points=1, by_hand=("softmax", "log_softmax", "Softmax", "LogSoftmax"))
def _row_softmax(student: Student) -> None:
    trials = {
        "the scores [[0, 1, 2], [3, 3, 3]]": (torch.tensor([[0.0, 1, 2], [3, 3, 3]]).double(),),
        "4 random rows of 5 scores": (3 * student.tensor(4, 5),),
    }
    for answer, scores in student.trials(trials):
        power = scores.exp()
        answer.close_to(
            scores.softmax(dim=1),
            likely={
                "You divided by the sums of columns. Each row must sum to one.":
                    scores.softmax(dim=0),
                "You divided by the sum of everything. Each row must sum to one.":
                    power / power.sum(),
                "The exp is missing.":
                    scores / scores.sum(dim=1, keepdim=True),
                "You divided by the row's largest exp. Divide by the sum.":
                    power / power.amax(dim=1, keepdim=True),
                "You divided by the row's mean. Divide by the sum.":
                    power / power.mean(dim=1, keepdim=True),
                "Those are logarithms of the probabilities.":
                    scores.log_softmax(dim=1),
                "The exp in the quotient has the wrong sign.":
                    (-scores).softmax(dim=1),
            },
            hint="Row by row: exp of each score, divided by the row's sum of exp.",
        )
    large = torch.tensor([[1000.0, 1001.0], [-1000.0, 0.0]]).double()
    student(large, tried="the scores [[1000, 1001], [-1000, 0]]").close_to(
        large.softmax(dim=1),
        hint="exp(1000) is too large for a float. A softmax does not change if the same number "
        "is taken from all scores of a row: take the row's largest.",
    )


@exercise(points=1)
def _multi_positive_targets(student: Student) -> None:
    drawn = student.rng.integers(0, 4, 9).tolist()
    for classes in map(torch.tensor, ([4, 7, 4], [0, 0, 0, 0], [0, 1, 2], drawn)):
        answer = student(classes, tried=f"the classes {classes.tolist()}")
        matrix = losses.label_matrix(classes, torch.float64)
        answer.close_to(
            losses.label_distribution(classes),
            likely={
                "The ones are right. Divide each row by its sum.":
                    matrix,
                "That is the identity: samples that share a class are right answers too.":
                    torch.eye(len(classes)),
                "You divided by the batch size. Divide by the row's sum.":
                    matrix / len(classes),
                "You divided by the sum of the whole matrix.":
                    matrix / matrix.sum(),
                "That is a softmax of the ones: other classes get weight.":
                    matrix.softmax(dim=1),
                "That is 1 where the classes differ.":
                    1 - matrix,
            },
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


def _js_slips(p: torch.Tensor, q: torch.Tensor) -> dict[str, object]:
    def kl(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a * torch.log(a / b)).sum(dim=1)

    m = (p + q) / 2
    js = _js(p, q)
    return {
        "That is the square root: the distance, not the divergence.":
            js**0.5,
        "The two halves are missing: 1/2 KL + 1/2 KL.":
            2 * js,
        "You took the mean over the answers. A divergence is a sum.":
            js / p.shape[1],
        "One number for each row: no mean over the rows.":
            js.mean(),
        "That is in bits. Use the natural logarithm.":
            js / np.log(2),
        "That is KL(p || q). Both have to be compared with their mean m.":
            kl(p, q),
        "That is KL(q || p). Both have to be compared with their mean m.":
            kl(q, p),
        "That is half of Jeffreys' divergence. Both have to be compared with their mean m.":
            (kl(p, q) + kl(q, p)) / 2,
        "Only KL(p || m) is in it.":
            kl(p, m) / 2,
        "Only KL(q || m) is in it.":
            kl(q, m) / 2,
        "The sign is wrong.":
            -js,
        "In KL(a || m) the a comes first: sum of a log(a / m).":
            (kl(m, p) + kl(m, q)) / 2,
    }


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
                likely={
                    "That is the gradient of the sum over the rows. Take the mean over the rows.":
                        p - q,
                    "The sign is that of going downhill. The gradient points uphill.":
                        -gradient,
                    "That is the mean over all cells. Sum over the answers, take the mean over the rows.":
                        (p - q) / q.numel(),
                    "That is the gradient with respect to the probabilities. Go on to the scores.":
                        -q / p / len(q),
                    "That is the other KL, KL(p || q). The target comes first: KL(q || p).":
                        _reverse(q, scores),
                    "That is the prediction alone: where does the target enter?":
                        p / len(q),
                },
                tolerance=1e-6,
                hint="Let scores.requires_grad_(), compute the loss from log_softmax, and ask torch.autograd.grad.",
            )


def _reverse(q: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    """Gradient of the mean KL(p || q) of the rows, where q may be 0."""
    leaf = scores.clone().requires_grad_()
    p = leaf.softmax(dim=1)
    floor = torch.finfo(q.dtype).tiny
    value = (p * (p.log() - q.clamp(min=floor).log())).sum(dim=1).mean()
    return torch.autograd.grad(value, leaf)[0]


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
            hint="Normalise, cosines divided by the temperature, log-softmax of the rows and of the "
            "columns, weights from multi_positive_targets, mean over the samples, mean of both directions.",
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
) -> dict[str, torch.Tensor]:
    one = F.normalize(image, dim=1)
    other = F.normalize(text, dim=1)
    logits = one @ other.T / tau
    q = losses.label_distribution(target, torch.float64)
    rows = losses.cross_entropy(q, logits.log_softmax(dim=1)).mean()
    columns = losses.cross_entropy(q, logits.T.log_softmax(dim=1)).mean()
    matrix = losses.label_matrix(target, torch.float64)
    right = (rows + columns) / 2
    return {
        "The embeddings are not of length one.":
            losses.multi_positive_ce(image, text, target, tau),
        "Only image to text is in it. Add the columns.":
            rows,
        "Only text to image is in it. Add the rows.":
            columns,
        "Take the mean of the two directions, not their sum.":
            rows + columns,
        "Take the mean over the samples, not the sum.":
            right * len(target),
        "You took the mean over all cells.":
            right / len(target),
        "That is the loss with the identity target: namesakes are right answers too.":
            losses.identity_ce(one, other, target, tau),
        "The target's rows do not sum to one.":
            losses.both_directions(losses.cross_entropy, matrix, logits),
        "Divide by the temperature; you multiplied.": _loss(image, text, target, 1 / tau),
        "The temperature is not used.": _loss(image, text, target, 1.0),
        "The sign is wrong: a cross entropy is positive.":
            -right,
    }


@exercise(points=1)
def _zoo_directions(student: Student) -> None:
    target = torch.tensor([[0.9, 0.1, 0.0], [0.5, 0.5, 0.0], [0.2, 0.2, 0.6]]).double()
    for number in (1, 2):
        logits = 2 * student.tensor(3, 3)
        tried = f"random logits, number {number}, and a target whose transpose is another matrix"
        student(logits, target, tried=tried).close_to(
            losses.both_directions(losses.cross_entropy, target, logits),
            hint="Row i of the target holds the weights for image i and for caption i. "
            "Which rows do the two directions read?",
        )
