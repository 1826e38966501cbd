"""Checkers of notebook 02: cosines, the projection head, classification by several sentences, padding."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from mgutils.course.exercises.answers import Student
from mgutils.course.exercises.catalogue import exercise


@exercise(points=1, by_hand=("cosine_similarity", "CosineSimilarity"))
def _cosine_matrix(student: Student) -> None:
    trials = {
        "images [[3, 4], [0, 2]] and texts [[1, 0], [5, 0], [0, -1]]": (
            torch.tensor([[3.0, 4.0], [0.0, 2.0]]).double(),
            torch.tensor([[1.0, 0.0], [5.0, 0.0], [0.0, -1.0]]).double(),
        )
    }
    for count in (4, 2):
        tried = f"{count} random images and 3 random texts of 5 dimensions"
        trials[tried] = student.tensor(count, 5) * 7, student.tensor(3, 5)
    for answer, images, texts in student.trials(trials):
        answer.close_to(
            F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T,
            likely=_slips(images, texts),
            hint="Row i, column j: the dot product of image i and text j, both brought to length one.",
        )


def _slips(images: torch.Tensor, texts: torch.Tensor) -> dict[str, torch.Tensor]:
    one = F.normalize(images, dim=1)
    other = F.normalize(texts, dim=1)
    lengths = images.norm(dim=1)[:, None] * texts.norm(dim=1)
    return {
        "Those are plain dot products. Divide every vector by its length first.":
            images @ texts.T,
        "The images are not of length one.":
            images @ other.T,
        "The texts are not of length one.":
            one @ texts.T,
        "Images are rows and texts are columns.":
            other @ one.T,
        "You divided by the lengths of columns. A vector is a row.":
            F.normalize(images, dim=0) @ F.normalize(texts, dim=0).T,
        "You divided by the sum of a row. The length is the root of the sum of squares.":
            F.normalize(images, p=1, dim=1) @ F.normalize(texts, p=1, dim=1).T,
        "You divided by the square of the length.":
            one @ other.T / lengths,
    }


@exercise(points=2)
def _project(student: Student) -> None:
    from mgutils.models.encoders import ProjectionHead

    for batch, width, size in ((2, 3, 4), (5, 6, 4)):
        shapes = [(batch, width), (size, width), (size,), (size, size), (size,), (size,), (size,)]
        x, *weights = [student.tensor(*shape) for shape in shapes]
        tried = f"{batch} random features of width {width}, projected to {size}"
        answer = student(x, *weights, tried=tried)
        head = ProjectionHead(width, size).double().eval()
        head.load_state_dict(dict(zip(head.state_dict(), weights, strict=True)))
        fc = head.fc
        norm = head.layer_norm
        with torch.no_grad():
            p = head.projection(x)
            residual = fc(F.gelu(p)) + p
            slips = {
                "The residual is missing: add the projected vector before the LayerNorm.":
                    norm(fc(F.gelu(p))),
                "GELU, not ReLU.":
                    norm(fc(F.relu(p)) + p),
                "The GELU is missing.":
                    norm(fc(p) + p),
                "The residual is around the projected vector, before its GELU.":
                    norm(fc(F.gelu(p)) + F.gelu(p)),
                "The LayerNorm is missing.":
                    residual,
                "The LayerNorm comes last, after the residual is added.":
                    norm(fc(F.gelu(p))) + p,
                "The LayerNorm's factor and shift are missing.":
                    F.layer_norm(residual, (size,)),
            }
            answer.close_to(
                head(x),
                likely=slips,
                tolerance=1e-6,
                hint="p = x W1ᵀ + b1; r = GELU(p) W2ᵀ + b2; "
                "LayerNorm over the last axis of r + p, with eps 1e-5 inside the root and the variance "
                "divided by D, then times gain, plus shift.",
            )


@exercise(points=4)
def _zero_shot(student: Student) -> None:
    for images, classes, sentences in ((3, 2, 1), (4, 3, 2), (2, 5, 4)):
        x = 3 * student.tensor(images, 6)
        t = student.tensor(classes, sentences, 6)
        t *= 1 + 4 * student.tensor(classes, sentences, 1).abs()
        tried = f"{images} random images, {classes} classes with {sentences} sentences each, temperature 0.2"
        answer = student(x, t, 0.2, tried=tried)
        unit = F.normalize(x, dim=1)
        each = F.normalize(t, dim=2)
        mean = F.normalize(each.mean(dim=1), dim=1)
        long = F.normalize(t.mean(dim=1), dim=1)
        cosines = unit @ mean.T
        right = (cosines / 0.2).softmax(dim=1)
        answer.close_to(
            right,
            likely={
                "The sentences' mean is not of length one: normalise it again.":
                    (unit @ each.mean(dim=1).T / 0.2).softmax(dim=1),
                "Long sentence embeddings count for more. Normalise each one before the mean.":
                    (unit @ long.T / 0.2).softmax(dim=1),
                "The images are not of length one.":
                    (x @ mean.T / 0.2).softmax(dim=1),
                "Divide by the temperature; you multiplied.":
                    (cosines * 0.2).softmax(dim=1),
                "The temperature is not used.":
                    cosines.softmax(dim=1),
                "Probabilities of one image sum to one: the softmax goes over the classes.":
                    (cosines / 0.2).softmax(dim=0),
                "Those are logits. Take the softmax.":
                    cosines / 0.2,
                "Classes are the columns.":
                    right.T,
            },
            hint="Work through one image and one class by hand, step by step.",
        )


@exercise(points=1)
def _zoo_pooling(student: Student) -> None:
    states = torch.tensor(
        [[[1.0, 10.0], [3.0, 30.0], [99.0, 99.0]], [[2.0, 2.0], [4.0, 4.0], [6.0, 6.0]]]
    ).double()
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    answer = student(
        states, mask, tried="a caption of two tokens and one [PAD], and a caption of three tokens"
    )
    answer.close_to(
        [[2.0, 20.0], [4.0, 4.0]],
        likely={
            "The [PAD] is in the mean: where does the program read the mask?":
                states.mean(dim=1),
            "The sum is right. It is divided by all tokens, those of [PAD] included.":
                [[4 / 3, 40 / 3], [4, 4]],
        },
        hint="The value at the [PAD] must have no part in the mean, neither in "
        "the sum nor in the number that it is divided by.",
    )
    lengths = [1, 4, 7, 5]
    states = student.tensor(4, 7, 3)
    mask = (torch.arange(7) < torch.tensor(lengths)[:, None]).long()
    answer = student(states, mask, tried="four captions of 1, 4, 7 and 5 tokens, filled up to 7")
    answer.close_to(
        torch.stack([rows[:length].mean(dim=0) for rows, length in zip(states, lengths, strict=True)]),
        hint="A caption's mean must not depend on how far it was filled up.",
    )
