"""What the checker of `zero_shot` must accept and reject."""

import torch
import torch.nn.functional as F


def right_steps(images, texts, temperature):
    sentences = F.normalize(texts, dim=2)
    classes = F.normalize(sentences.mean(dim=1), dim=1)
    cosines = F.normalize(images, dim=1) @ classes.T
    return (cosines / temperature).softmax(dim=1)


def right_sum(images, texts, temperature):
    summed = (texts / texts.norm(dim=-1, keepdim=True)).sum(dim=1)
    summed = summed / summed.norm(dim=-1, keepdim=True)
    power = torch.exp(images / images.norm(dim=-1, keepdim=True) @ summed.T / temperature)
    return power / power.sum(dim=1, keepdim=True)


def right_loop(images, texts, temperature):
    columns = []
    for sentences in texts:
        mean = sum(one / one.norm() for one in sentences) / len(sentences)
        columns.append(F.cosine_similarity(images, mean[None], dim=1))
    return torch.stack(columns, dim=1).div(temperature).softmax(dim=1)


WRONG = {
    "mean not normalised": ("F.normalize(sentences.mean(dim=1), dim=1)", "sentences.mean(dim=1)"),
    "sentences not normalised": ("F.normalize(texts, dim=2)", "texts"),
    "images not normalised": ("F.normalize(images, dim=1)", "images"),
    "temperature multiplies": ("cosines / temperature", "cosines * temperature"),
    "no temperature": ("cosines / temperature", "cosines"),
    "softmax over images": ("softmax(dim=1)", "softmax(dim=0)"),
    "logits": (".softmax(dim=1)", ""),
    "first sentence alone": ("sentences.mean(dim=1)", "sentences[:, 0]"),
    "largest instead of mean": ("sentences.mean(dim=1)", "sentences.amax(dim=1)"),
    "normalised over the sentences": ("F.normalize(texts, dim=2)", "F.normalize(texts, dim=1)"),
}
