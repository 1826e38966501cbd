"""Checkers of notebook 03: softmax, targets, divergences, gradients, the whole loss."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.spatial.distance import jensenshannon

from mgutils import losses
from mgutils.course.exercises.answers import Answer, Student
from mgutils.course.exercises.catalogue import exercise


def _random(student: Student, *shape: int) -> torch.Tensor:
    return torch.from_numpy(student.rng.normal(size=shape))


@exercise("row_softmax", notebook="03", points=1, by_hand=("softmax", "log_softmax", "Softmax", "LogSoftmax"))
def _row_softmax(student: Student) -> None:
    trials = {"the scores [[0, 1, 2], [3, 3, 3]]": torch.tensor([[0.0, 1, 2], [3, 3, 3]]).double(),
              "4 random rows of 5 scores": 3 * _random(student, 4, 5)}
    for tried, scores in trials.items():
        answer = student(scores, tried=tried)
        power = scores.exp()
        answer.close_to(scores.softmax(dim=1), hint="Row by row: exp of each score, divided by the row's sum of exp.",
                        likely={"You divided by the sums of columns. Each row must sum to one.": scores.softmax(dim=0),
                                "You divided by the sum of everything. Each row must sum to one.": power / power.sum(),
                                "The exp is missing.": scores / scores.sum(dim=1, keepdim=True),
                                "You divided by the row's largest exp. Divide by the sum.":
                                    power / power.amax(dim=1, keepdim=True),
                                "You divided by the row's mean. Divide by the sum.":
                                    power / power.mean(dim=1, keepdim=True),
                                "Those are logarithms of the probabilities.": scores.log_softmax(dim=1),
                                "The exp in the quotient has the wrong sign.": (-scores).softmax(dim=1)})
    large = torch.tensor([[1000.0, 1001.0], [-1000.0, 0.0]]).double()
    student(large, tried="the scores [[1000, 1001], [-1000, 0]]").close_to(
        large.softmax(dim=1), hint="exp(1000) is too large for a float. A softmax does not change if the same number "
        "is taken from all scores of a row: take the row's largest.")


@exercise("multi_positive_targets", notebook="03", points=1)
def _multi_positive_targets(student: Student) -> None:
    for classes in (torch.tensor([4, 7, 4]), torch.tensor([0, 0, 0, 0]), torch.arange(3),
                    torch.from_numpy(student.rng.integers(0, 4, 9))):
        answer = student(classes, tried=f"the classes {classes.tolist()}")
        matrix, count = losses.label_matrix(classes, torch.float64), len(classes)
        answer.close_to(losses.label_distribution(classes), hint="Row i: the same weight on every sample of i's class, "
                        "nothing elsewhere, and the weights of a row sum to one.",
                        likely={"The ones are right. Divide each row by its sum.": matrix,
                                "That is the identity: samples that share a class are right answers too.":
                                    torch.eye(count), "You divided by the batch size. Divide by the row's sum.":
                                    matrix / count, "You divided by the sum of the whole matrix.":
                                    matrix / matrix.sum(), "That is a softmax of the ones: other classes get weight.":
                                    matrix.softmax(dim=1), "That is 1 where the classes differ.": 1 - matrix})


@exercise("jensen_shannon", notebook="03", points=2, by_hand=("jensenshannon", "rel_entr", "kl_div"))
def _jensen_shannon(student: Student) -> None:
    trials = {"p = [[0.5, 0.5]], q = [[0.9, 0.1]]": ([[0.5, 0.5]], [[0.9, 0.1]]),
              "3 random pairs of distributions over 4 answers": (_random(student, 3, 4).softmax(dim=1),
                                                                 _random(student, 3, 4).softmax(dim=1))}
    for tried, pair in trials.items():
        p, q = (torch.as_tensor(part, dtype=torch.float64) for part in pair)
        answer = student(p, q, tried=tried)
        answer.close_to(_js(p, q), likely=_js_slips(p, q), tolerance=1e-6,
                        hint="m = (p + q) / 2; half of KL(p || m) plus half of KL(q || m), natural logarithm, one "
                        "number for each row.")
    p = torch.tensor([[1.0, 0, 0], [0, 0.5, 0.5], [0, 1, 0]]).double()
    q = torch.tensor([[0.0, 1, 0], [0.2, 0.8, 0], [0, 1, 0]]).double()
    answer = student(p, q, tried="p = [[1, 0, 0], …], q = [[0, 1, 0], …], with zeros in them")
    answer.close_to(_js(p, q), hint="Where a probability is 0 its term is 0, but 0 · log 0 is no number for a "
                    "computer: torch.xlogy(a, b) is a · log b with 0 where a is 0.")


def _js(p: torch.Tensor, q: torch.Tensor) -> np.ndarray:
    return jensenshannon(p.numpy(), q.numpy(), axis=1) ** 2


def _js_slips(p: torch.Tensor, q: torch.Tensor) -> dict[str, object]:
    m, log = (p + q) / 2, torch.log
    one, other = p * log(p / m), q * log(q / m)
    return {"That is the square root: the distance, not the divergence.": _js(p, q) ** 0.5,
            "The two halves are missing: 1/2 KL + 1/2 KL.": (one + other).sum(dim=1),
            "You took the mean over the answers. A divergence is a sum.": (one + other).mean(dim=1) / 2,
            "One number for each row: no mean over the rows.": _js(p, q).mean(),
            "That is in bits. Use the natural logarithm.": _js(p, q) / np.log(2),
            "That is KL(p || q). Both have to be compared with their mean m.": (p * log(p / q)).sum(dim=1),
            "That is KL(q || p). Both have to be compared with their mean m.": (q * log(q / p)).sum(dim=1),
            "That is half of Jeffreys' divergence. Both have to be compared with their mean m.":
                ((p - q) * log(p / q)).sum(dim=1) / 2,
            "Only KL(p || m) is in it.": one.sum(dim=1) / 2, "Only KL(q || m) is in it.": other.sum(dim=1) / 2,
            "The sign is wrong.": -_js(p, q), "In KL(a || m) the a comes first: sum of a log(a / m).":
                (m * log(m / p) + m * log(m / q)).sum(dim=1) / 2}


@exercise("two_gradients", notebook="03", points=2)
def _two_gradients(student: Student) -> None:
    target = torch.tensor([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]]).double()
    trials = {"targets [[0.5, 0.5, 0], [0.1, 0.2, 0.7]] and scores [[0, 1, 2], [2, 1, 0]]":
              (target, torch.tensor([[0.0, 1, 2], [2, 1, 0]]).double()),
              "4 random rows of 5 answers": (_random(student, 4, 5).softmax(dim=1), 2 * _random(student, 4, 5))}
    for tried, (q, scores) in trials.items():
        answer = student(q, scores, tried=tried)
        parts = answer.items(2, "two gradients, of the cross entropy and of KL, each of the shape of the scores")
        difference = scores.softmax(dim=1) - q
        for part, name in zip(parts, ("cross entropy", "KL"), strict=True):
            part.tried = f"{tried}: the gradient of {name}"
            part.close_to(difference / len(q), tolerance=1e-6, likely={
                "That is the gradient of the sum over the rows. Take the mean over the rows.": difference,
                "The sign is that of going downhill. The gradient points uphill.": -difference / len(q),
                "That is the mean over all cells. Sum over the answers, take the mean over the rows.":
                    difference / q.numel(),
                "That is the gradient with respect to the probabilities. Go on to the scores.":
                    -q / scores.softmax(dim=1) / len(q),
                "That is the other KL, KL(p || q). The target comes first: KL(q || p).": _reverse(q, scores),
                "That is the prediction alone: where does the target enter?": scores.softmax(dim=1) / len(q)},
                hint="Let scores.requires_grad_(), compute the loss from log_softmax, and ask torch.autograd.grad.")


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
        answer.is_true(value.shape == (classes,) and bool(np.isfinite(value).all()), f"{classes} finite scores",
                       f"One score for each answer; found the shape {value.shape}.")
        scores, target = torch.from_numpy(value)[None], torch.eye(classes, dtype=torch.float64)[:1]
        steep = {}
        for name, compare in (("CE", losses.cross_entropy), ("JS", losses.js_divergence)):
            leaf = scores.clone().requires_grad_()
            compare(target, leaf.log_softmax(dim=1)).sum().backward()
            steep[name] = float(leaf.grad.abs().max())
        wanted = "a JS gradient below 1e-6 everywhere and a CE gradient above 0.5 somewhere"
        found = f"CE's largest gradient is {steep['CE']:.2g}, JS's {steep['JS']:.2g}. "
        answer.is_true(steep["CE"] > 0.5, wanted, found + "Both are small where the model is right. Make it wrong.")
        answer.is_true(steep["JS"] < 1e-6, wanted, found + "Make it more certain of its wrong answer.")


@exercise("symmetric_loss", notebook="03", points=4)
def _symmetric_loss(student: Student) -> None:
    for classes, temperature in (([0, 1, 2], 0.5), ([3, 3, 1, 3, 1], 0.1)):
        target = torch.tensor(classes)
        image, text = _random(student, len(target), 6), 3 * _random(student, len(target), 6)
        tried = f"random embeddings of classes {classes}, temperature {temperature}"
        answer = student(image, text, target, temperature, tried=tried)
        answer.close_to(_loss(image, text, target, temperature), likely=_loss_slips(image, text, target, temperature),
                        hint="Normalise, cosines divided by the temperature, log-softmax of the rows and of the "
                        "columns, weights from multi_positive_targets, mean over the samples, mean of both directions.")
        for place, name in enumerate(("image", "text")):
            answer = student(image, text, target, temperature, gradient_of=place, tried=f"{tried}: the gradient with "
                             f"respect to the {name} embeddings")
            leaves = [image.clone().requires_grad_(), text.clone().requires_grad_()]
            wanted = torch.autograd.grad(_loss(*leaves, target, temperature), leaves)[place]
            answer.close_to(wanted, hint="The value is right, the gradient is not. Keep everything in torch, "
                            "and detach nothing but the target.")


def _loss(image: torch.Tensor, text: torch.Tensor, target: torch.Tensor, temperature: float) -> torch.Tensor:
    return losses.multi_positive_ce(F.normalize(image, dim=1), F.normalize(text, dim=1), target, temperature)


def _loss_slips(image: torch.Tensor, text: torch.Tensor, target: torch.Tensor, tau: float) -> dict[str, torch.Tensor]:
    one, other = F.normalize(image, dim=1), F.normalize(text, dim=1)
    logits, q = one @ other.T / tau, losses.label_distribution(target, torch.float64)
    rows, columns = (losses.cross_entropy(q, part.log_softmax(dim=1)).mean() for part in (logits, logits.T))
    matrix, right = losses.label_matrix(target, torch.float64), (rows + columns) / 2
    return {"The embeddings are not of length one.": losses.multi_positive_ce(image, text, target, tau),
            "Only image to text is in it. Add the columns.": rows,
            "Only text to image is in it. Add the rows.": columns,
            "Take the mean of the two directions, not their sum.": rows + columns,
            "Take the mean over the samples, not the sum.": right * len(target),
            "You took the mean over all cells.": right / len(target),
            "That is the loss with the identity target: namesakes are right answers too.":
                losses.identity_ce(one, other, target, tau),
            "The target's rows do not sum to one.": losses.both_directions(losses.cross_entropy, matrix, logits),
            "Divide by the temperature; you multiplied.": losses.multi_positive_ce(one, other, target, 1 / tau),
            "The temperature is not used.": losses.multi_positive_ce(one, other, target, 1.0),
            "The sign is wrong: a cross entropy is positive.": -right}


@exercise("zoo_directions", notebook="03", points=1)
def _zoo_directions(student: Student) -> None:
    target = torch.tensor([[0.9, 0.1, 0.0], [0.5, 0.5, 0.0], [0.2, 0.2, 0.6]]).double()
    for trial in range(2):
        logits = 2 * _random(student, 3, 3)
        answer: Answer = student(logits, target, tried=f"random logits, number {trial + 1}, and a target whose "
                                 "transpose is another matrix")
        wanted = losses.both_directions(losses.cross_entropy, target, logits)
        answer.close_to(wanted, hint="Row i of the target holds the weights for image i and for caption i. "
                        "Which rows do the two directions read?")
