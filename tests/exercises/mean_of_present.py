"""What the checker of `mean_of_present` must accept and reject."""

import numpy as np
import torch
from scipy.special import softmax


def right_where(logits, present):
    power = np.exp(logits - logits.max(axis=2, keepdims=True))
    probability = power / power.sum(axis=2, keepdims=True)
    kept = np.where(present[:, :, None], probability, 0)
    count = present.sum(axis=1, keepdims=True)
    mean = kept.sum(axis=1) / np.maximum(count, 1)
    return np.where(count > 0, mean, 1 / logits.shape[2])


def right_loop(logits, present):
    answers = []
    for clip, there in zip(logits, present, strict=True):
        voices = [np.exp(one) / np.exp(one).sum() for one, known in zip(clip, there, strict=True) if known]
        classes = clip.shape[1]
        answers.append([sum(voice[c] for voice in voices) / len(voices) if voices else 1 / classes
                        for c in range(classes)])
    return answers


def right_nanmean(logits, present):
    said = np.where(present[..., None], softmax(logits, axis=2), np.nan)
    said[~present.any(axis=1)] = 1 / logits.shape[2]
    return np.nanmean(said, axis=1)


def right_torch(logits, present):
    logits, present = torch.tensor(logits), torch.tensor(present)
    nothing = ~present.any(dim=1)
    voices = torch.zeros_like(logits)
    voices[present] = logits[present].softmax(dim=1)
    voices[nothing] = 1 / logits.shape[2]
    return voices.sum(dim=1) / torch.where(nothing, present.shape[1], present.sum(dim=1))[:, None]


KEPT, MEAN = "np.where(present[:, :, None], probability, 0)", "kept.sum(axis=1) / np.maximum(count, 1)"
WRONG = {
    "missing ones have a say": (KEPT, "probability"),
    "multiplied by the mask": (KEPT, "probability * present[:, :, None]"),
    "NaN made zeros": (KEPT, "np.nan_to_num(probability)"),
    "NaN and zeros left out": (KEPT, "np.where(np.isnan(logits) | (logits == 0), 0, probability)"),
    "missing ones say 1 / C": (KEPT, "np.where(present[:, :, None], probability, 1 / logits.shape[2])"),
    "zeros for logits": ("    power =", "    logits = np.where(present[:, :, None], logits, 0)\n"
                         "    present = np.ones_like(present)\n    power ="),
    "the missing ones only": (KEPT, "np.where(present[:, :, None], 0, probability)"),
    "divided by all": (MEAN, "kept.mean(axis=1)"),
    "divided by all clips' mean count": (MEAN, "kept.sum(axis=1) / present.sum(axis=1).mean()"),
    "divided by the first clip's count": (MEAN, "kept.sum(axis=1) / max(count[0, 0], 1)"),
    "divided by one too many": (MEAN, "kept.sum(axis=1) / (count + 1)"),
    "sum": (MEAN, "kept.sum(axis=1)"),
    "highest": (MEAN, "kept.max(axis=1)"),
    "the highest, divided by its sum": (
        MEAN, "kept.max(axis=1) / np.maximum(kept.max(axis=1).sum(axis=1), 1e-9)[:, None]"),
    "the first one there": (MEAN, "kept[np.arange(len(kept)), present.argmax(axis=1)]"),
    "the most certain one": (MEAN, "kept[np.arange(len(kept)), kept.max(axis=2).argmax(axis=1)]"),
    "over clips": (MEAN, "kept.sum(axis=0) / np.maximum(count, 1)[:3]"),
    "mean of logits": (KEPT, "np.where(present[:, :, None], logits, 0)"),
    "not divided by the sum": ("power / power.sum(axis=2, keepdims=True)", "power"),
    "softmax over modalities": ("power / power.sum(axis=2, keepdims=True)", "power / power.sum(axis=1, keepdims=True)"),
    "softmax over everything": ("power / power.sum(axis=2, keepdims=True)", "power / power.sum()"),
    "softmax twice": ("np.where(count > 0, mean", "np.where(count > 0, softmax(mean, axis=1)"),
    "no case without modalities": ("np.where(count > 0, mean, 1 / logits.shape[2])", "mean"),
    "0 / 0 without modalities": ("np.where(count > 0, mean, 1 / logits.shape[2])", "kept.sum(axis=1) / count"),
    "1 / M without modalities": ("1 / logits.shape[2])", "1 / logits.shape[1])"),
    "1 without modalities": ("1 / logits.shape[2])", "1)"),
    "logarithms": ("np.where(count > 0, mean", "np.where(count > 0, np.log(np.maximum(mean, 1e-9))"),
    "answers": ("np.where(count > 0, mean, 1 / logits.shape[2])", "mean.argmax(axis=1)"),
    "one of one voice": (KEPT, "present[:, :, None] & (probability == probability.max(axis=2, keepdims=True))"),
    "rounded": ("np.where(count > 0, mean", "np.where(count > 0, mean.round(2)"),
    "incomplete clips left out": ("count > 0, mean", "count == logits.shape[1], mean"),
    "per cent": ("np.where(count > 0, mean", "np.where(count > 0, 100 * mean"),
    "first clip alone": ("1 / logits.shape[2])", "1 / logits.shape[2])[0]"),
}


def wrong_softmax_of_the_mean(logits, present):
    kept = np.where(present[..., None], logits, 0)
    return softmax(kept.sum(axis=1) / np.maximum(present.sum(axis=1), 1)[:, None], axis=1)


def wrong_softmax_of_the_sum(logits, present):
    return softmax(np.where(present[..., None], logits, 0).sum(axis=1), axis=1)


def wrong_geometric_mean(logits, present):
    said = np.where(present[..., None], np.log(softmax(logits, axis=2)), 0)
    return np.exp(said.sum(axis=1) / np.maximum(present.sum(axis=1), 1)[:, None])


def wrong_weights_of_the_batch(logits, present):
    weights = present / np.maximum(present.sum(axis=0), 1)
    said = np.where(present[..., None], softmax(logits, axis=2), 0)
    mixed = np.einsum("nm,nmc->nc", weights, said)
    return mixed / np.maximum(mixed.sum(axis=1, keepdims=True), 1e-9)
