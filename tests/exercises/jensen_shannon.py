"""What the checker of `jensen_shannon` must accept and reject."""

import math

import torch


def right_xlogy(p, q):
    m = (p + q) / 2
    one = (torch.xlogy(p, p) - torch.xlogy(p, m)).sum(dim=1)
    other = (torch.xlogy(q, q) - torch.xlogy(q, m)).sum(dim=1)
    return one / 2 + other / 2


def right_entropies(p, q):
    def entropy(a):
        return torch.special.entr(a).sum(dim=1)

    return entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2


def right_loops(p, q):
    def term(a, b):
        return a * math.log(2 * a / (a + b)) if a > 0 else 0.0

    return [sum(term(a, b) + term(b, a) for a, b in zip(*rows, strict=True)) / 2
            for rows in zip(p.tolist(), q.tolist(), strict=True)]


WRONG = {
    "no halves": ("one / 2 + other / 2", "one + other"),
    "mean for sum": ("torch.xlogy(p, m)).sum(dim=1)", "torch.xlogy(p, m)).mean(dim=1)"),
    "m is the target": ("(p + q) / 2", "q"),
    "m is the sum": ("(p + q) / 2", "p + q"),
    "one side": ("one / 2 + other / 2", "one / 2"),
    "bits": ("one / 2 + other / 2", "(one + other) / 2 / math.log(2)"),
    "distance": ("one / 2 + other / 2", "((one + other) / 2).sqrt()"),
    "mean over rows": ("one / 2 + other / 2", "((one + other) / 2).mean()"),
    "KL": ("return one / 2 + other / 2", "return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(dim=1)"),
    "sign": ("one / 2 + other / 2", "-(one + other) / 2"),
    "zeros": ("torch.xlogy(p, p) - torch.xlogy(p, m)", "p * torch.log(p / m)"),
    "geometric mean": ("(p + q) / 2", "(p * q).sqrt()"),
}
