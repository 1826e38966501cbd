"""What the checker of `row_softmax` must accept and reject."""

import math

import torch


def right_shifted(scores):
    power = torch.exp(scores - scores.amax(dim=1, keepdim=True))
    return power / power.sum(dim=1, keepdim=True)


def right_numpy(scores):
    scores = scores.numpy()
    power = 2.718281828459045 ** (scores - scores.max(axis=1)[:, None])
    return power / power.sum(axis=1)[:, None]


def right_logsumexp(scores):
    return (scores - scores.logsumexp(dim=1, keepdim=True)).exp()


def right_loops(scores):
    rows = []
    for row in scores.tolist():
        power = [math.exp(score - max(row)) for score in row]
        rows.append([value / sum(power) for value in power])
    return rows


WRONG = {
    "columns": ("power.sum(dim=1, keepdim=True)", "power.sum(dim=0, keepdim=True)"),
    "missing exp": ("torch.exp(scores - scores.amax(dim=1, keepdim=True))", "scores"),
    "not stable": ("scores - scores.amax(dim=1, keepdim=True)", "scores"),
    "mean for sum": ("power.sum(", "power.mean("),
    "max for sum": ("power.sum(dim=1, keepdim=True)", "power.amax(dim=1, keepdim=True)"),
    "all cells": ("power.sum(dim=1, keepdim=True)", "power.sum()"),
    "the whole matrix's maximum": ("scores.amax(dim=1, keepdim=True)", "scores.amax()"),
    "logarithm": ("return power / power.sum(dim=1, keepdim=True)",
                  "return torch.log(power / power.sum(dim=1, keepdim=True))"),
    "base 2": ("torch.exp(", "torch.exp2("),
    "minus": ("torch.exp(scores", "torch.exp(-scores"),
}


def wrong_calls_the_library(scores):
    return torch.softmax(scores, dim=1)
