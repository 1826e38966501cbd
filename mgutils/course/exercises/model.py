"""Checkers of notebook 02: cosines, the projection head, classification by several sentences, padding."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from mgutils.course.exercises.answers import Student, mistake
from mgutils.course.exercises.catalogue import exercise


@exercise(
    "cosine_matrix", notebook="02", points=1, by_hand=("cosine_similarity", "CosineSimilarity")
)
def _cosine_matrix(student: Student) -> None:
    images, texts = (
        torch.tensor([[3.0, 4.0], [0.0, 2.0]]).double(),
        torch.tensor([[1.0, 0.0], [5.0, 0.0], [0.0, -1.0]]),
    )
    answer = student(
        images, texts.double(), tried="images [[3, 4], [0, 2]] and texts [[1, 0], [5, 0], [0, -1]]"
    )
    answer.close_to(
        [[0.6, 0.6, -0.8], [0, 0, -1]],
        likely=_slips(images, texts.double()),
        hint="Row i, column j: the dot product of image i and text j, both brought to length one.",
    )
    for count in (4, 2):
        images, texts = student.tensor(count, 5) * 7, student.tensor(3, 5)
        answer = student(
            images, texts, tried=f"{count} random images and 3 random texts of 5 dimensions"
        )
        answer.close_to(
            F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T, likely=_slips(images, texts)
        )


def _slips(images: torch.Tensor, texts: torch.Tensor) -> list[tuple[torch.Tensor, str]]:
    one, other = F.normalize(images, dim=1), F.normalize(texts, dim=1)
    return [
        mistake(images @ texts.T,
                "Those are plain dot products. Divide every vector by its length first."),
        mistake(images @ other.T, "The images are not of length one."),
        mistake(one @ texts.T, "The texts are not of length one."),
        mistake(other @ one.T, "Images are rows and texts are columns."),
        mistake(F.normalize(images, dim=0) @ F.normalize(texts, dim=0).T,
                "You divided by the lengths of columns. A vector is a row."),
        mistake(F.normalize(images, p=1, dim=1) @ F.normalize(texts, p=1, dim=1).T,
                "You divided by the sum of a row. The length is the root of the sum of squares."),
        mistake((one / images.norm(dim=1, keepdim=True)) @ (other / texts.norm(dim=1, keepdim=True)).T,
                "You divided by the square of the length."),
    ]


@exercise("project", notebook="02", points=2)
def _project(student: Student) -> None:
    from mgutils.models.encoders import ProjectionHead

    for batch, width, size in ((2, 3, 4), (5, 6, 4)):
        x, w1, b1 = student.tensor(batch, width), student.tensor(size, width), student.tensor(size)
        w2, b2, gain, shift = student.tensor(size, size), *(student.tensor(size) for _ in range(3))
        answer = student(
            x,
            w1,
            b1,
            w2,
            b2,
            gain,
            shift,
            tried=f"{batch} random features of width {width}, projected to {size}",
        )
        head = ProjectionHead(width, size).double().eval()
        state = {
            "projection.weight": w1,
            "projection.bias": b1,
            "fc.weight": w2,
            "fc.bias": b2,
            "layer_norm.weight": gain,
            "layer_norm.bias": shift,
        }
        head.load_state_dict(state)
        with torch.no_grad():
            p = head.projection(x)
            fc, norm = head.fc, head.layer_norm
            slips = [
                mistake(norm(fc(F.gelu(p))),
                        "The residual is missing: add the projected vector before the LayerNorm."),
                mistake(norm(fc(F.relu(p)) + p), "GELU, not ReLU."),
                mistake(norm(fc(p) + p), "The GELU is missing."),
                mistake(norm(fc(F.gelu(p)) + F.gelu(p)),
                        "The residual is around the projected vector, before its GELU."),
                mistake(fc(F.gelu(p)) + p, "The LayerNorm is missing."),
                mistake(norm(fc(F.gelu(p))) + p,
                        "The LayerNorm comes last, after the residual is added."),
                mistake(F.layer_norm(fc(F.gelu(p)) + p, (size,)),
                        "The LayerNorm's factor and shift are missing."),
            ]
            answer.close_to(
                head(x),
                likely=slips,
                tolerance=1e-6,
                hint="p = x W1ᵀ + b1; r = GELU(p) W2ᵀ + b2; "
                "LayerNorm over the last axis of r + p, with eps 1e-5 inside the root and the variance "
                "divided by D, then times gain, plus shift.",
            )


@exercise("zero_shot", notebook="02", points=4)
def _zero_shot(student: Student) -> None:
    for images, classes, sentences in ((3, 2, 1), (4, 3, 2), (2, 5, 4)):
        x, t = (
            student.tensor(images, 6) * 3,
            student.tensor(classes, sentences, 6)
            * (1 + student.tensor(classes, sentences, 1).abs() * 4),
        )
        tried = f"{images} random images, {classes} classes with {sentences} sentences each, temperature 0.2"
        answer = student(x, t, 0.2, tried=tried)
        unit, each = F.normalize(x, dim=1), F.normalize(t, dim=2)
        mean = F.normalize(each.mean(dim=1), dim=1)
        cosines = unit @ mean.T
        slips = [
            mistake((unit @ each.mean(dim=1).T / 0.2).softmax(dim=1),
                    "The sentences' mean is not of length one: normalise it again."),
            mistake((unit @ F.normalize(t.mean(dim=1), dim=1).T / 0.2).softmax(dim=1),
                    "Long sentence embeddings count for more. Normalise each one before the mean."),
            mistake((x @ mean.T / 0.2).softmax(dim=1), "The images are not of length one."),
            mistake((cosines * 0.2).softmax(dim=1), "Divide by the temperature; you multiplied."),
            mistake(cosines.softmax(dim=1), "The temperature is not used."),
            mistake((cosines / 0.2).softmax(dim=0),
                    "Probabilities of one image sum to one: the softmax goes over the classes."),
            mistake(cosines / 0.2, "Those are logits. Take the softmax."),
            mistake((cosines / 0.2).softmax(dim=1).T, "Classes are the columns."),
        ]
        answer.close_to(
            (cosines / 0.2).softmax(dim=1),
            likely=slips,
            hint="Work through one image and one class by hand, step by step.",
        )


@exercise("zoo_pooling", notebook="02", points=1)
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
        hint="The value at the [PAD] must have no part in the mean, neither in "
        "the sum nor in the number that it is divided by.",
        likely=[
            mistake(states.mean(dim=1),
                    "The [PAD] is in the mean: where does the program read the mask?"),
            mistake([[4 / 3, 40 / 3], [4, 4]],
                    "The sum is right. It is divided by all tokens, those of [PAD] included."),
        ],
    )
    lengths = np.array([1, 4, 7, 5])
    states, mask = student.tensor(4, 7, 3), torch.from_numpy(np.arange(7) < lengths[:, None]).long()
    wanted = [
        part[:length].mean(dim=0).numpy() for part, length in zip(states, lengths, strict=True)
    ]
    student(states, mask, tried="four captions of 1, 4, 7 and 5 tokens, filled up to 7").close_to(
        np.stack(wanted), hint="A caption's mean must not depend on how far it was filled up."
    )
