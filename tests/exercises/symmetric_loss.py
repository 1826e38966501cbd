"""What the checker of `symmetric_loss` must accept and reject."""

import torch
import torch.nn.functional as F


def right_steps(image, text, classes, temperature):
    image, text = F.normalize(image, dim=1), F.normalize(text, dim=1)
    logits = image @ text.T / temperature
    same = (classes[:, None] == classes).to(logits.dtype)
    target = same / same.sum(dim=1, keepdim=True)
    rows = -(target * logits.log_softmax(dim=1)).sum(dim=1).mean()
    columns = -(target * logits.T.log_softmax(dim=1)).sum(dim=1).mean()
    return (rows + columns) / 2


def right_library(image, text, classes, temperature):
    logits = F.cosine_similarity(image[:, None], text[None], dim=2) / temperature
    weight = torch.eq(classes[:, None], classes[None]).double()
    weight = weight / weight.sum(dim=0)
    return 0.5 * F.cross_entropy(logits, weight) + 0.5 * F.cross_entropy(logits.T, weight)


def right_loops(image, text, classes, temperature):
    image, text = image / image.norm(dim=1)[:, None], text / text.norm(dim=1)[:, None]
    total = 0.0
    for one, other in ((image, text), (text, image)):
        for vector, own in zip(one, classes, strict=True):
            scores = other @ vector / temperature
            total = total + torch.logsumexp(scores, dim=0) - scores[classes == own].mean()
    return total / (2 * len(classes))


WRONG = {
    "not normalised": ("F.normalize(image, dim=1), F.normalize(text, dim=1)", "image, text"),
    "one direction": ("(rows + columns) / 2", "rows"),
    "sum of the directions": ("(rows + columns) / 2", "rows + columns"),
    "identity target": ("(classes[:, None] == classes)", "torch.eye(len(classes))"),
    "target not divided": ("same / same.sum(dim=1, keepdim=True)", "same"),
    "temperature multiplies": ("/ temperature", "* temperature"),
    "text detached": ("F.normalize(text, dim=1)", "F.normalize(text, dim=1).detach()"),
    "image detached": ("image @ text.T", "image.detach() @ text.T"),
    "left torch": ("return (rows + columns) / 2", "return float(rows + columns) / 2"),
    "second direction not transposed": ("logits.T.log_softmax", "logits.log_softmax"),
    "softmax of columns, rows read": ("logits.T.log_softmax(dim=1)", "logits.T.log_softmax(dim=0)"),
    "mean over cells": ("logits.log_softmax(dim=1)).sum(dim=1)", "logits.log_softmax(dim=1)).mean(dim=1)"),
    "sign": ("(rows + columns) / 2", "-(rows + columns) / 2"),
}
