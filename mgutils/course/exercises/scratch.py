"""Checkers of notebook 03: a caption as numbers, gradients that add up, one optimisation step."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from mgutils.course.exercises.answers import Student, mistake
from mgutils.course.exercises.catalogue import exercise


@exercise(points=1)
def _encode_caption(student: Student) -> None:
    usual = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "arms": 4, "folding": 5, "head": 6, "up": 7}
    other = {"head": 0, "up": 1, "[SEP]": 2, "arms": 3, "[PAD]": 9, "[CLS]": 8, "folding": 4, "[UNK]": 7}
    trials = {
        "'folding arms' in 6 places": ("folding arms", usual, 6),
        "'Folding ARMS ' in 6 places": ("Folding ARMS ", usual, 6),
        "'folding his arms' in 6 places": ("folding his arms", usual, 6),
        "'head-up, (arms)' in 5 places": ("head-up, (arms)", usual, 5),
        "'head up folding arms' in 4 places": ("head up folding arms", usual, 4),
        "'head up' in 5 places, with other numbers": ("head up", other, 5),
        "'head his arms' in 6 places, with other numbers": ("head his arms", other, 6),
        "an empty caption in 3 places": ("", usual, 3),
    }
    words = [["folding", "arms"], ["folding", "arms"], ["folding", "his", "arms"], ["head", "up", "arms"],
             ["head", "up"], ["head", "up"], ["head", "his", "arms"], []]
    for (answer, _, vocabulary, length), known in zip(student.trials(trials), words, strict=True):
        parts = answer.items(2, "a list of ids and a list of the mask")
        inner = [vocabulary.get(word, vocabulary["[UNK]"]) for word in known]
        ids = [vocabulary["[CLS]"], *inner, vocabulary["[SEP]"]]
        empty = length - len(ids)
        padding = [vocabulary["[PAD]"]] * empty
        kept = [number for word, number in zip(known, inner, strict=True) if word in vocabulary]
        skipped = [vocabulary["[CLS]"], *kept, vocabulary["[SEP]"]]
        skipped += [vocabulary["[PAD]"]] * (length - len(skipped))
        parts[0].equals(
            ids + padding,
            likely=[
                mistake(ids, "The ids are not filled up with [PAD]."),
                *(mistake([vocabulary.get(word, replaced) for word in ["[CLS]", *known, "[SEP]"]] + padding, words)
                  for replaced, words in ((vocabulary["[PAD]"], "An unknown word is [UNK], not [PAD]."),
                                          (1, "Look the number of [UNK] up: it is not 1 in every dictionary."))),
                mistake([2, *inner, 3, *padding], "Look the numbers of [CLS] and [SEP] up: they differ here."),
                mistake(ids + [0] * empty, "Look the number of [PAD] up: it is not 0 in every dictionary."),
                mistake([1] * len(ids) + [0] * empty, "That is the mask. Return the ids first."),
                mistake(skipped, "A word that is not in the dictionary counts, too: it is [UNK]."),
                mistake([*inner, *padding], "The special tokens [CLS] and [SEP] are missing."),
                mistake([*ids[:-1], *padding, ids[-1]], "[SEP] comes after the last word, before the [PAD]."),
            ],
            hint="First [CLS], then the words in lower case, cut to length - 2, then [SEP], then [PAD]. "
            "Look every number up in the dictionary, those of the special tokens, too.",
        )
        parts[1].equals(
            [1] * len(ids) + [0] * empty,
            likely=[
                mistake([0] * len(ids) + [1] * empty, "The mask is turned round: 1 stands for a real token."),
                mistake([1] * length, "The mask is 0 where [PAD] stands."),
            ],
            hint="As many ones as there are tokens with [CLS] and [SEP], then zeros up to the length.",
        )


@exercise(points=1)
def _zoo_gradients(student: Student) -> None:
    for steps, rate in ((1, 0.5), (2, 0.5), (7, 0.3)):
        features = student.tensor(6, 3)
        classes = torch.tensor([0, 2, 1, 0, 1, 2])
        tried = f"6 random rows of 3 features in 3 classes, {steps} steps, rate {rate}"
        answer = student(features, classes, steps, rate, tried=tried)
        answer.close_to(
            _descend(features, classes, steps, rate),
            likely=[
                mistake(_descend(features, classes, steps, rate, keep=True),
                        "From the second step on the weights go too far. Where does the gradient of the step before "
                        "go?"),
                mistake(torch.zeros(3, 3),
                        "The weights never move. Is the gradient cleared between `backward` and `step`?"),
            ],
            hint="One step is w = w - rate · gradient of the mean cross entropy at w, and nothing of earlier steps.",
        )


def _descend(features: torch.Tensor, classes: torch.Tensor, steps: int, rate: float,
             keep: bool = False) -> torch.Tensor:
    """Softmax regression from zero; ``keep`` adds each gradient to those before."""
    weights = torch.zeros(features.shape[1], 3, dtype=features.dtype)
    own = F.one_hot(classes, 3).to(features.dtype)
    gradient = torch.zeros_like(weights)
    for _ in range(steps):
        wrong_by = (features @ weights).softmax(dim=1) - own  # (B, 3)
        new = features.T @ wrong_by / len(features)
        gradient = gradient + new if keep else new
        weights = weights - rate * gradient
    return weights


@exercise(points=4, by_hand=("optim", "SGD"))
def _train_step(student: Student) -> None:
    for batch, temperature, rate in ((2, 0.5, 0.1), (5, 0.2, 0.05), (4, 1.0, 2.0)):
        images = 2 * student.tensor(batch, 6)
        texts = student.tensor(batch, 4)
        weights = student.tensor(3, 6), student.tensor(3, 4)
        tried = (f"{batch} random images (6 features) and captions (4), embedded in 3 dimensions, "
                 f"temperature {temperature}, rate {rate}")
        answer = student(images, texts, *weights, temperature, rate, tried=tried)
        parts = answer.items(3, "the image weight, the text weight and the loss")
        data = images, texts, weights, temperature, rate
        right = _step(*data)
        first_only, second_only = (_step(*data, unit=unit) for unit in ((False, True), (True, False)))
        slips = {
            "The image embeddings are not of length one.": first_only,
            "The text embeddings are not of length one.": second_only,
            "Both directions: the mean of rows and columns.": _step(*data, directions=(1, 0)),
            "Both directions: the mean of columns and rows.": _step(*data, directions=(0, 1)),
            "The two directions are added. Take their mean.": _step(*data, directions=(2, 2)),
            "The embeddings are not of length one.": _step(*data, unit=(False, False)),
            "Divide by the temperature; you multiplied.": _step(images, texts, weights, 1 / temperature, rate),
            "The temperature is not used.": _step(images, texts, weights, 1.0, rate),
            "The weights went up the gradient.": _step(images, texts, weights, temperature, -rate),
            "The rate is not used.": _step(images, texts, weights, temperature, 1.0),
            "The loss of a batch is the mean over its rows, not the sum.": _step(*data, factor=batch),
        }
        hint = ("Embed (features @ weight.T), F.normalize, logits = image @ text.T / temperature, cross entropy of "
                "rows and of columns to the diagonal, their mean; then weight - rate · gradient.")
        named = ("new image weight", "new text weight", "loss")
        for place, (part, name) in enumerate(zip(parts, named, strict=True)):
            part.tried = f"{tried}: {name}"
            likely = [mistake(value[place], words) for words, value in slips.items()]
            likely += [mistake([*weights, right[2]][place], "This weight has not moved. Return new weights.")]
            if name == "new text weight":
                second = _step(images, texts, (right[0], weights[1]), temperature, rate)[1]
                likely += [mistake(second, "Find both gradients at the old weights, before one of them moves.")]
            if name == "loss":
                after = _step(images, texts, right[:2], temperature, rate)[2]
                likely += [mistake(after, "That is the loss after the step. Return the one before it.")]
            part.close_to(right[place], likely=likely, hint=hint)


def _step(images: torch.Tensor, texts: torch.Tensor, weights: tuple[torch.Tensor, ...], temperature: float,
          rate: float, directions: tuple[float, float] = (1, 1), unit: tuple[bool, bool] = (True, True),
          factor: float = 1.0) -> tuple[torch.Tensor, ...]:
    """One step of the linear model; ``directions`` weigh rows and columns (1 and 1: their mean)."""
    first, second = (weight.detach().clone().requires_grad_() for weight in weights)
    image, text = (F.normalize(one, dim=1) if wanted else one
                   for one, wanted in zip((images @ first.T, texts @ second.T), unit, strict=True))
    logits = image @ text.T / temperature
    diagonal = torch.arange(len(logits))
    rows, columns = F.cross_entropy(logits, diagonal), F.cross_entropy(logits.T, diagonal)
    share = 2 if sum(directions) in (2, 4) else 1
    loss = factor * (directions[0] * rows + directions[1] * columns) / share
    gradients = torch.autograd.grad(loss, [first, second])
    moved = [(weight - rate * part).detach() for weight, part in zip((first, second), gradients, strict=True)]
    return *moved, loss.detach()
