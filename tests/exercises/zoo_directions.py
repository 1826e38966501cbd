"""What the checker of `zoo_directions` must accept and reject."""

import torch.nn.functional as F


def right_rows(logits, target):
    image_to_text = -(target * logits.log_softmax(dim=1)).sum(dim=1)
    text_to_image = -(target * logits.T.log_softmax(dim=1)).sum(dim=1)
    return (image_to_text + text_to_image).mean() / 2


def right_columns(logits, target):
    image_to_text = -(target * logits.log_softmax(dim=1)).sum(dim=1)
    text_to_image = -(target.T * logits.log_softmax(dim=0)).sum(dim=0)
    return (image_to_text + text_to_image).mean() / 2


def right_library(logits, target):
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


WRONG = {
    "target transposed": ("(target * logits.T", "(target.T * logits.T"),
    "both transposed": ("(target * logits.log", "(target.T * logits.log"),
    "one direction twice": ("logits.T.log_softmax", "logits.log_softmax"),
    "sum": (".mean() / 2", ".mean()"),
    "softmax of columns": ("logits.T.log_softmax(dim=1)", "logits.T.log_softmax(dim=0)"),
    "symmetric target": ("text_to_image = -(target *",
                         "target = (target + target.T) / 2\n    text_to_image = -(target *"),
    "one direction": ("(image_to_text + text_to_image).mean() / 2", "image_to_text.mean()"),
}
