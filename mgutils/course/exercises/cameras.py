"""Checkers of notebook 11: a loss where cameras are off, ranks with ties, a mean of what is there, hidden patches."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mgutils.config.alignment import Pair
from mgutils.course.exercises.answers import Answer, Mistake, Student, Wrong, mistake
from mgutils.course.exercises.catalogue import exercise
from mgutils.losses.alignment import pair_losses
from mgutils.losses.reconstruction import Block, patchify, scrambled_patches
from mgutils.metrics.ranks import hits, ranks, same_text
from mgutils.models.fusion import mean_of_probabilities


@exercise(points=2)
def _loss_of_both(student: Student) -> None:
    corners = torch.eye(3).double()
    all_three = torch.ones(3).bool()
    two = torch.tensor([True, True, False])
    a = student.tensor(8, 5)
    b = 2 * student.tensor(8, 5)
    every = torch.ones(8).bool()
    has_a = torch.tensor([1, 1, 0, 1, 0, 1, 1, 1]).bool()
    has_b = torch.tensor([1, 0, 1, 1, 0, 1, 1, 0]).bool()
    one = torch.arange(8) == 3
    some = has_a, has_b, 0.2
    lost = (*_filled(a, b, has_a, has_b, torch.nan), *some)
    none = (*_filled(a, b, has_a, ~has_a, torch.nan), has_a, ~has_a, 0.2)
    trials = {
        "a = b = [[1, 0, 0], [0, 1, 0], [0, 0, 1]], but b lacks the last row and has zeros there; temperature 1": (
            *_filled(corners, corners, all_three, two, 0.0), all_three, two, 1.0),
        "8 random rows that have both, temperature 0.5": (a, b, every, every, 0.5),
        "8 random rows, 4 of them with both, zeros where one lacks; temperature 0.2": (
            *_filled(a, b, has_a, has_b, 0.0), *some),
        "the same 8 rows with other numbers where one lacks": (a, b, *some),
        "the same 8 rows with NaN where one lacks": lost,
        "8 rows of which one has both, NaN where one lacks": (*_filled(a, b, has_a, one, torch.nan), has_a, one, 0.2),
    }
    for answer, *batch in student.trials(trials):
        answer.close_to(
            _kits_loss(*batch), likely=_slips_of_missing(*batch),
            hint="Pick the rows of `has_a & has_b` first: the others are neither right nor wrong answers. Then both "
                 "to length one, cosines over the temperature, cross entropy of rows and of columns, the mean of both.")
    student(*none, tried="8 rows of which none has both, NaN where one lacks").close_to(
        0.0, likely=[mistake(np.nan, "A mean over no rows is 0 / 0, and 0 * NaN is NaN. The sum over no rows is 0.")],
        hint="Where nothing is compared, nothing is wrong: the loss is 0.")

    for tried, batch in {"the rows with NaN": lost, "the rows of which none has both": none}.items():
        for place, name in enumerate("ab"):
            try:
                answer = student(*batch, gradient_of=place, tried=f"{tried}: the gradient with respect to {name}")
            except Wrong as wrong:
                wrong.hint = ("The loss has to hang on a and on b, also where it is 0: keep everything in torch, "
                              "detach nothing, and make no new tensor. A sum over no rows will do.")
                raise
            wanted = "a gradient that is 0 in the rows that were left out"
            answer.is_true(
                not np.isnan(answer.numbers(wanted)).any(), wanted,
                "The gradient has NaN, which ruins an encoder. Pick the rows before you compute anything with them.")
            leaves = [part.clone().requires_grad_() for part in batch[:2]]
            answer.close_to(
                torch.autograd.grad(_kits_loss(*leaves, *batch[2:]), leaves)[place],
                hint="The value is right, the gradient is not. Keep everything in torch, and detach nothing.")


def _filled(a: Tensor, b: Tensor, has_a: Tensor, has_b: Tensor, number: float) -> tuple[Tensor, Tensor]:
    """Both with that number in the rows that are not there."""
    return a.masked_fill(~has_a[:, None], number), b.masked_fill(~has_b[:, None], number)


def _kits_loss(a: Tensor, b: Tensor, has_a: Tensor, has_b: Tensor, temperature: float) -> Tensor:
    pair = Pair("a", "b", temperature=temperature)
    return pair_losses([pair], {"a": a, "b": b}, {"a": has_a, "b": has_b})[pair.name]


def _slips_of_missing(a: Tensor, b: Tensor, has_a: Tensor, has_b: Tensor, temperature: float) -> list[Mistake]:
    """The losses that likely mistakes give, where zeros stand for what lacks."""
    both = has_a & has_b
    a, b = _filled(a, b, has_a, has_b, 0.0)
    unit_a, unit_b = F.normalize(a, dim=1), F.normalize(b, dim=1)

    def losses(one: Tensor, other: Tensor) -> Tensor:
        """Of each row, and of each column: (2, B)."""
        logits = one @ other.T / temperature
        own = torch.arange(len(logits))
        return torch.stack([F.cross_entropy(each, own, reduction="none") for each in (logits, logits.T)])

    rows, columns = losses(unit_a[both], unit_b[both]).mean(dim=1)
    right = (rows + columns) / 2
    zeros = [losses(*_filled(unit_a, unit_b, *has, 0.0)).mean(dim=0) for has in ((has_a, has_b), (both, both))]
    only = "Those are the rows that have {}. A pair needs both: `has_a & has_b`."
    return [
        mistake(np.nan, "NaN of a row that lacks one reached the loss: 0 * NaN is NaN. Pick rows, do not multiply."),
        *(mistake(each.mean(), "Rows that lack one take part as zeros: they look for their own, and they are wrong "
                               "answers of the others.") for each in zeros),
        *(mistake(each[both].mean(), "Rows that lack one are still wrong answers of the others. Leave them out before "
                                     "rows are compared.") for each in zeros),
        mistake(right * both.sum() / len(both), "You divided by all rows. Divide by those that have both."),
        *(mistake(_kits_loss(a, b, has, has, temperature), only.format(words)) for words, has in (
            ("a", has_a), ("b", has_b), ("one of the two", has_a | has_b))),
        mistake(losses(a[both], b[both]).mean(), "The embeddings are not of length one."),
        mistake(rows, "Only the rows are in it: a looks for its b. Let b look for its a as well."),
        mistake(columns, "Only the columns are in it: b looks for its a. Let a look for its b as well."),
        mistake(2 * right, "Take the mean of the two directions, not their sum."),
        mistake(right * both.sum(), "Take the mean over the rows, not the sum."),
        mistake(_kits_loss(a, b, has_a, has_b, 1 / temperature), "Divide by the temperature; you multiplied."),
        mistake(_kits_loss(a, b, has_a, has_b, 1.0), "The temperature is not used."),
    ]


@exercise(points=2, by_hand=("rankdata",))
def _ranks_with_ties(student: Student) -> None:
    trials = {
        "scores [[3, 1, 2], [2, 3, 1], [3, 2, 1]], texts [0, 1, 2]": ([[3, 1, 2], [2, 3, 1], [3, 2, 1]], [0, 1, 2]),
        "a perfect model, texts [0, 0, 0, 1]: score 1 where they are equal, else 0": (
            same_text([0, 0, 0, 1], [0, 0, 0, 1]), [0, 0, 0, 1]),
        "a model that scores all alike, texts [0, 0, 0, 1, 2]": (np.zeros((5, 5)), [0, 0, 0, 1, 2]),
    }
    for count in (9, 12):
        text = student.rng.permutation(count) % 4
        trials[f"{count} clips of 4 texts, random scores, no ties"] = student.rng.normal(size=(count, count)), text
        trials[f"{count} clips of 4 texts, random scores 0, 1, 2, 3"] = student.rng.integers(0, 4, (count, count)), text
    trials = {tried: (np.array(scores, dtype=float), np.array(text)) for tried, (scores, text) in trials.items()}
    for answer, scores, text in student.trials(trials):
        rank, recall = answer.items(2, "the ranks, and R@1")
        own = np.eye(len(text), dtype=bool)
        equal = same_text(text, text)
        rank.tried += ": the ranks"
        rank.close_to(
            ranks(scores, own), likely=_slips_of_ranks(scores, own, equal),
            hint="1 + the captions with a higher score + half of the *other* captions with the same score.")
        recall.tried += ": R@1"
        recall.close_to(
            hits(scores, equal, 1).mean(), likely=_slips_of_recall(scores, own, equal),
            hint="For each clip, of all captions with its highest score: which part has its text? Then the mean.")


def _slips_of_ranks(scores: np.ndarray, own: np.ndarray, equal: np.ndarray) -> list[Mistake]:
    """The ranks that likely mistakes give."""
    in_order = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1)
    different = [len(np.unique(row[row > row[place]])) for place, row in enumerate(scores)]
    return [
        mistake(ranks(scores, own, "optimistic"),
                "That is the best place of a tie: a model that scores all alike would be perfect."),
        mistake(ranks(scores, own, "pessimistic"), "That is the worst place of a tie. Take the mean of its places."),
        mistake(ranks(scores, own, "original"),
                "That lists every place of a tie, as the original does. Give one rank for each clip."),
        mistake(ranks(scores, own) - 1, "The first place is 1, not 0."),
        mistake(ranks(-scores, own), "The highest score stands first."),
        mistake(ranks(scores.T, own), "Row i has the scores of clip i for all captions; you asked the columns."),
        mistake(ranks(scores, equal), "That is the rank of the first caption of its text. Take that of its own."),
        mistake(in_order[own] + 1, "Of equal scores you let the one with the lower number come first."),
        mistake(np.array(different) + 1, "Count the captions above, not the different scores."),
    ]


def _slips_of_recall(scores: np.ndarray, own: np.ndarray, equal: np.ndarray) -> list[Mistake]:
    """R@1 as likely mistakes give it."""
    top = scores == scores.max(axis=1, keepdims=True)
    first = scores.argmax(axis=1)[:, None]
    chance = hits(scores, equal, 1)
    return [
        mistake(hits(scores, own, 1).mean(), "Only its own caption counts as right. Every one of an equal text is."),
        mistake((top & equal).any(axis=1).mean(),
                "A tie for the first place counts as found, although a coin may choose a wrong one of it."),
        mistake((top <= equal).all(axis=1).mean(),
                "A tie for the first place counts as missed, although a coin may choose a right one of it."),
        *(mistake(np.take_along_axis(right, first, axis=1).mean(),
                  "argmax takes the first of a tie. A coin takes each equally often.") for right in (equal, own)),
        *(mistake((ranks(scores, own, ties) <= 1).mean(),
                  "That counts the ranks of own captions. Every caption of an equal text is right.")
          for ties in ("expected", "optimistic", "original")),
        mistake(hits(scores.T, equal, 1).mean(), "You asked the columns. Row i has the scores of clip i."),
        mistake((top & equal).sum() / top.sum(), "Divide for each clip, then take the mean over the clips."),
        mistake(chance, "Those are the chances of single clips. R@1 is their mean."),
    ]


@exercise(points=1)
def _mean_of_present(student: Student) -> None:
    said = np.log([[[0.8, 0.2], [0.4, 0.6]]])
    first = np.array([[True, False]])
    logits = 2 * student.rng.normal(size=(8, 3, 4))
    there = np.array([[1, 1, 1], [1, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]]) == 1
    lost = there & (np.arange(8) != 2)[:, None]
    trials = {
        "two cameras that say 80 % and 40 % of class 0": (said, np.array([[True, True]])),
        "the same, the second is missing and has zeros": (_blank(said, first, 0.0), first),
        "the same, the second is missing and has NaN": (_blank(said, first, np.nan), first),
        "8 random clips, 3 modalities, 4 classes, nothing missing": (logits, np.ones_like(there)),
        "8 random clips, some modalities missing, which have zeros": (_blank(logits, there, 0.0), there),
        "8 random clips, some modalities missing, which have other numbers": (logits, there),
        "8 random clips, some modalities missing, which have NaN": (_blank(logits, there, np.nan), there),
        "8 random clips, of which one lacks everything": (_blank(logits, lost, 0.0), lost),
    }
    for answer, given, present in student.trials(trials):
        answer.close_to(
            mean_of_probabilities(torch.from_numpy(given), torch.from_numpy(present)),
            likely=_slips_of_fusion(given, present),
            hint="For each modality the softmax over the classes; then, for each clip, the sum of those there, "
                 "divided by how many are. Where none is, 1 / C for each class.")


def _blank(logits: np.ndarray, present: np.ndarray, number: float) -> np.ndarray:
    """The logits with that number where something is missing."""
    return np.where(present[..., None], logits, number)


def _slips_of_fusion(given: np.ndarray, present: np.ndarray) -> list[Mistake]:
    """What likely mistakes give."""
    logits, there = torch.from_numpy(given), torch.from_numpy(present)
    right = mean_of_probabilities(logits, there)
    count = there.sum(dim=1, keepdim=True)
    some = count > 0
    voices = logits.softmax(dim=2).nan_to_num()
    kept = voices.masked_fill(~there[..., None], 0)
    zeros = logits.masked_fill(~there[..., None], 0)
    return [
        mistake(right.masked_fill(count < there.shape[1], torch.nan),
                "The NaN of a missing modality reached the sum: 0 * NaN is NaN. Pick with np.where."),
        mistake(right.masked_fill(~some, torch.nan), "0 / 0: where nothing is there, answer 1 / C for each class."),
        mistake(right.masked_fill(~some, 0), "Where nothing is there, answer 1 / C for each class."),
        *(mistake(voices.sum(dim=1) / number, "Missing modalities have a say. What stands there means nothing.")
          for number in (there.shape[1], count.clamp(min=1))),
        mistake(zeros.softmax(dim=2).mean(dim=1),
                "A missing modality counts as logits of 0, which give 1 / C to each class. Leave it out."),
        mistake(kept.mean(dim=1), "You divided by all modalities. Divide by those that are there."),
        mistake(kept.sum(dim=1), "That is the sum. Divide by how many are there."),
        mistake((zeros.sum(dim=1) / count.clamp(min=1)).softmax(dim=1),
                "That is the softmax of the mean logit. First the softmax of each, then the mean."),
    ]


@exercise(points=2)
def _hidden_patch_loss(student: Student) -> None:
    trials = {
        "a frame with the numbers 0 to 15, patches of 1 frame and 2 x 2 pixels, guesses of 0, patch 1 not hidden": (
            np.arange(16.0).reshape(1, 4, 4, 1), np.zeros((4, 4)), np.arange(4) != 1, 1, 2),
    }
    for shape, count, frames, side in (((6, 8, 6, 3), 36, 2, 2), ((6, 6, 9, 2), 12, 3, 3)):
        video = student.rng.normal(size=shape)
        guessed = student.rng.normal(size=(count, video.size // count))
        hidden = student.rng.permutation(count) < count // 3
        tried = f"a random video {shape}, patches of {frames} frames and {side} pixels, a third of {count} hidden"
        trials[tried] = video, guessed, hidden, frames, side
        guessed = np.where(hidden[:, None], guessed, np.nan)
        trials[f"{tried}, NaN guessed for the others"] = video, guessed, hidden, frames, side
    for answer, video, guessed, hidden, *block in student.trials(trials):
        patches, loss = answer.items(2, "the patches, and the loss")
        patches.tried += ": the patches"
        loss.tried += ": the loss"
        right = _compare_patches(patches, video, *block)
        _compare_losses(loss, guessed - right, hidden)


def _compare_patches(answer: Answer, video: np.ndarray, frames: int, side: int) -> np.ndarray:
    """The right patches, if the answer is."""
    batch = torch.from_numpy(video).permute(0, 3, 1, 2)[None]  # (1, T, C, H, W)
    right = patchify(batch, Block(frames, side))[0].numpy()
    time, height, width, colours = video.shape
    parts = video.reshape(time // frames, frames, height // side, side, width // side, side, colours)
    memory = "That is a reshape alone: rows are strips of memory, not blocks. Cut each axis in two, then transpose."
    by_order = {
        "Patches are counted across first, then down, then in time: you count down first.": (0, 4, 2, 1, 3, 5, 6),
        "Patches are counted across first, then down, then in time: you count in time first.": (2, 4, 0, 1, 3, 5, 6),
        "Within a patch the colours come first, then across: you go down before across.": (0, 2, 4, 1, 5, 3, 6),
        "Within a patch time comes last: you count the frames earlier.": (0, 2, 4, 3, 5, 1, 6),
        "The colours of a pixel stand side by side in a patch: they are its last axis.": (0, 2, 4, 6, 1, 3, 5),
    }
    answer.close_to(
        right,
        likely=[
            mistake(video.reshape(right.shape), memory),
            mistake(scrambled_patches(batch, Block(frames, side))[0], memory),
            *(mistake(parts.transpose(order).reshape(right.shape), words) for words, order in by_order.items()),
        ],
        hint="Reshape to (T/t, t, H/s, s, W/s, s, C); transpose to (T/t, H/s, W/s, t, s, s, C); a row for each patch.")
    return right


def _compare_losses(answer: Answer, error: np.ndarray, hidden: np.ndarray) -> None:
    square = error[hidden] ** 2
    error = np.nan_to_num(error)
    answer.close_to(
        square.mean(),
        likely=[
            mistake(np.nan, "The NaN of a patch that is not hidden reached the mean: 0 * NaN is NaN. Pick the rows."),
            mistake((error**2).mean(), "That is the mean over all patches. Those that the network saw do not count."),
            mistake((error[~hidden] ** 2).mean(), "That is the mean over the patches that the network saw."),
            mistake(square.sum() / error.size, "You divided by all patches. Divide by the hidden ones."),
            mistake(square.sum(axis=1).mean(), "Take the mean over the numbers of a patch, not the sum."),
            mistake(square.mean(axis=1).sum(), "Take the mean over the hidden patches, not the sum."),
            mistake(square.sum(), "That is the sum. Take the mean over the hidden patches and their numbers."),
            mistake(square.mean() ** 0.5, "That is the root of the loss."),
            ],
        hint="The square of guessed - patches, the rows of hidden patches only, the mean over all numbers of these.")
