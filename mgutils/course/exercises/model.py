"""Checkers of notebook 02: cosines, projection head, several sentences a class, padding."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from mgutils.course.exercises.answers import Mistake, Student, mistake
from mgutils.course.exercises.catalogue import exercise


@exercise(points=1, by_hand=("cosine_similarity", "CosineSimilarity"))
def _cosine_matrix(student: Student) -> None:
    images = torch.tensor([
        [3.0, 4.0],
        [0.0, 2.0],
    ]).double()
    texts = torch.tensor([
        [1.0, 0.0],
        [5.0, 0.0],
        [0.0, -1.0],
    ]).double()
    trials = {f"images {images.int().tolist()} and texts {texts.int().tolist()}": (images, texts)}
    for count in (4, 2):
        images = 7 * student.tensor(count, 5)
        texts = student.tensor(3, 5)
        trials[f"{count} random images and 3 random texts of 5 dimensions"] = images, texts
    for answer, images, texts in student.trials(trials):
        one = F.normalize(images, dim=1)
        other = F.normalize(texts, dim=1)
        answer.close_to(
            one @ other.T,
            likely=_slips(images, texts),
            hint="Row i, column j: the dot product of image i and text j, "
            "both brought to length one.",
        )


def _slips(images: torch.Tensor, texts: torch.Tensor) -> list[Mistake]:
    one = F.normalize(images, dim=1)
    other = F.normalize(texts, dim=1)
    lengths = images.norm(dim=1)[:, None] * texts.norm(dim=1)
    by_column = F.normalize(images, dim=0) @ F.normalize(texts, dim=0).T
    by_sum = F.normalize(images, p=1, dim=1) @ F.normalize(texts, p=1, dim=1).T
    return [
        mistake(images @ texts.T,
                "Those are plain dot products. Divide every vector by its length first."),
        mistake(images @ other.T, "The images are not of length one."),
        mistake(one @ texts.T, "The texts are not of length one."),
        mistake(other @ one.T, "Images are rows and texts are columns."),
        mistake(by_column, "You divided by the lengths of columns. A vector is a row."),
        mistake(by_sum,
                "You divided by the sum of a row. The length is the root of the sum of squares."),
        mistake(one @ other.T / lengths, "You divided by the square of the length."),
    ]


@exercise(points=2)
def _project(student: Student) -> None:
    from mgutils.models.encoders import ProjectionHead

    for batch, width, size in ((2, 3, 4), (5, 6, 4)):
        x = student.tensor(batch, width)
        weights = [
            student.tensor(size, width),  # W1
            student.tensor(size),  # b1
            student.tensor(size, size),  # W2
            student.tensor(size),  # b2
            student.tensor(size),  # gain
            student.tensor(size),  # shift
        ]
        tried = f"{batch} random features of width {width}, projected to {size}"
        answer = student(x, *weights, tried=tried)
        head = ProjectionHead(width, size).double().eval()
        head.load_state_dict(dict(zip(head.state_dict(), weights, strict=True)))
        fc = head.fc
        norm = head.layer_norm
        with torch.no_grad():
            p = head.projection(x)
            second = fc(F.gelu(p))
            residual = second + p
            slips = [
                mistake(norm(second),
                        "The residual is missing: add the projected vector before the LayerNorm."),
                mistake(norm(fc(F.relu(p)) + p), "GELU, not ReLU."),
                mistake(norm(fc(p) + p), "The GELU is missing."),
                mistake(norm(second + F.gelu(p)),
                        "The residual is around the projected vector, before its GELU."),
                mistake(residual, "The LayerNorm is missing."),
                mistake(norm(second) + p, "The LayerNorm comes last, after the residual is added."),
                mistake(F.layer_norm(residual, (size,)),
                        "The LayerNorm's factor and shift are missing."),
            ]
            answer.close_to(
                head(x),
                likely=slips,
                tolerance=1e-6,
                hint="p = x W1ᵀ + b1; r = GELU(p) W2ᵀ + b2; "
                "LayerNorm over the last axis of r + p, with eps 1e-5 inside the root and "
                "the variance divided by D, then times gain, plus shift.",
            )


@exercise(points=4)
def _zero_shot(student: Student) -> None:
    for images, classes, sentences in ((3, 2, 1), (4, 3, 2), (2, 5, 4)):
        x = 3 * student.tensor(images, 6)
        t = student.tensor(classes, sentences, 6)
        t *= 1 + 4 * student.tensor(classes, sentences, 1).abs()
        tried = (
            f"{images} random images, {classes} classes with {sentences} sentences each, "
            "temperature 0.2"
        )
        answer = student(x, t, 0.2, tried=tried)
        unit = F.normalize(x, dim=1)
        each = F.normalize(t, dim=2)
        mean = F.normalize(each.mean(dim=1), dim=1)
        long = F.normalize(t.mean(dim=1), dim=1)
        cosines = unit @ mean.T
        right = (cosines / 0.2).softmax(dim=1)
        answer.close_to(
            right,
            likely=[
                mistake((unit @ each.mean(dim=1).T / 0.2).softmax(dim=1),
                        "The sentences' mean is not of length one: normalise it again."),
                mistake((unit @ long.T / 0.2).softmax(dim=1),
                        "Long sentence embeddings count for more. "
                        "Normalise each one before the mean."),
                mistake((x @ mean.T / 0.2).softmax(dim=1), "The images are not of length one."),
                mistake((cosines * 0.2).softmax(dim=1),
                        "Divide by the temperature; you multiplied."),
                mistake(cosines.softmax(dim=1), "The temperature is not used."),
                mistake((cosines / 0.2).softmax(dim=0),
                        "Probabilities of one image sum to one: "
                        "the softmax goes over the classes."),
                mistake(cosines / 0.2, "Those are logits. Take the softmax."),
                mistake(right.T, "Classes are the columns."),
            ],
            hint="Work through one image and one class by hand, step by step.",
        )


@exercise(points=1)
def _zoo_pooling(student: Student) -> None:
    states = torch.tensor([
        [[1.0, 10.0], [3.0, 30.0], [99.0, 99.0]],
        [[2.0, 2.0], [4.0, 4.0], [6.0, 6.0]],
    ]).double()
    mask = torch.tensor([
        [1, 1, 0],
        [1, 1, 1],
    ])
    answer = student(
        states, mask, tried="a caption of two tokens and one [PAD], and a caption of three tokens"
    )
    answer.close_to(
        [[2.0, 20.0], [4.0, 4.0]],
        likely=[
            mistake(states.mean(dim=1),
                    "The [PAD] is in the mean: where does the program read the mask?"),
            mistake([[4 / 3, 40 / 3], [4, 4]],
                    "The sum is right. It is divided by all tokens, those of [PAD] included."),
        ],
        hint="The value at the [PAD] must have no part in the mean, neither in "
        "the sum nor in the number that it is divided by.",
    )
    lengths = torch.tensor([1, 4, 7, 5])
    states = student.tensor(4, 7, 3)
    mask = (torch.arange(7) < lengths[:, None]).long()
    answer = student(states, mask, tried="four captions of 1, 4, 7 and 5 tokens, filled up to 7")
    means = [rows[:length].mean(dim=0) for rows, length in zip(states, lengths, strict=True)]
    answer.close_to(
        torch.stack(means),
        hint="A caption's mean must not depend on how far it was filled up.",
    )
