"""What the checker of `project` must accept and reject."""

import math

import torch
import torch.nn.functional as F


def right_functional(x, w1, b1, w2, b2, gain, shift):
    p = F.linear(x, w1, b1)
    r = F.linear(F.gelu(p), w2, b2)
    return F.layer_norm(r + p, (len(gain),), gain, shift)


def right_by_hand(x, w1, b1, w2, b2, gain, shift):
    p = x @ w1.T + b1
    gelu = 0.5 * p * (1 + torch.erf(p / math.sqrt(2)))
    total = gelu @ w2.T + b2 + p
    centred = total - total.mean(dim=1, keepdim=True)
    return centred / (centred.square().mean(dim=1, keepdim=True) + 1e-5).sqrt() * gain + shift


def right_rows(x, w1, b1, w2, b2, gain, shift):
    rows = []
    for row in x:
        p = w1 @ row + b1
        total = w2 @ torch.nn.GELU()(p) + b2 + p
        rows.append(gain * (total - total.mean()) / torch.sqrt(total.var(unbiased=False) + 1e-5) + shift)
    return torch.stack(rows)


WRONG = {
    "no residual": ("r + p", "r"),
    "ReLU": ("F.gelu(p)", "F.relu(p)"),
    "no GELU": ("F.gelu(p)", "p"),
    "residual around the GELU": ("r + p", "r + F.gelu(p)"),
    "no layer norm": ("F.layer_norm(r + p, (len(gain),), gain, shift)", "(r + p) * gain + shift"),
    "norm before the residual": ("F.layer_norm(r + p, (len(gain),), gain, shift)",
                                 "F.layer_norm(r, (len(gain),), gain, shift) + p"),
    "no gain": ("(len(gain),), gain, shift)", "(len(gain),))"),
    "no bias": ("F.linear(x, w1, b1)", "F.linear(x, w1)"),
    "no second bias": ("w2, b2)", "w2)"),
    "tanh GELU": ("F.gelu(p)", "F.gelu(p, approximate='tanh')"),
    "L2 norm instead": ("F.layer_norm(r + p, (len(gain),), gain, shift)", "F.normalize(r + p, dim=1) * gain + shift"),
    "weights transposed": ("F.linear(F.gelu(p), w2, b2)", "F.gelu(p) @ w2 + b2"),
}


def wrong_sample_variance(x, w1, b1, w2, b2, gain, shift):
    p = x @ w1.T + b1
    total = F.gelu(p) @ w2.T + b2 + p
    return (total - total.mean(1, keepdim=True)) / (total.var(1, keepdim=True) + 1e-5).sqrt() * gain + shift
