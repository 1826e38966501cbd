"""What the checker of `multi_positive_targets` must accept and reject."""

import torch
import torch.nn.functional as F


def right_compare(classes):
    same = (classes[:, None] == classes[None, :]).float()
    return same / same.sum(dim=1, keepdim=True)


def right_one_hot(classes):
    hot = F.one_hot(classes).double()
    return hot @ torch.diag(1 / hot.sum(dim=0).clamp(min=1)) @ hot.T


def right_lists(classes):
    values = classes.tolist()
    return [[(one == other) / values.count(one) for other in values] for one in values]


def right_columns(classes):
    same = torch.eq(*torch.meshgrid(classes, classes, indexing="ij")).double()
    return same / same.sum(dim=0)


WRONG = {
    "not divided": ("same / same.sum(dim=1, keepdim=True)", "same"),
    "identity": ("(classes[:, None] == classes[None, :]).float()", "torch.eye(len(classes))"),
    "divided by the batch": ("same.sum(dim=1, keepdim=True)", "len(classes)"),
    "divided by everything": ("same.sum(dim=1, keepdim=True)", "same.sum()"),
    "softmax of the ones": ("same / same.sum(dim=1, keepdim=True)", "same.softmax(dim=1)"),
    "others": ("==", "!="),
    "without itself": (".float()\n", ".float() - torch.eye(len(classes))\n"),
    "at least the class": ("==", ">="),
    "L2 norm": ("same.sum(dim=1, keepdim=True)", "same.norm(dim=1, keepdim=True)"),
}
