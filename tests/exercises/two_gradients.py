"""What the checker of `two_gradients` must accept and reject."""

import torch


def right_autograd(target, scores):
    gradients = []
    for entropy in (0, torch.special.entr(target).sum(dim=1)):
        leaf = scores.clone().requires_grad_()
        value = -(target * leaf.log_softmax(dim=1)).sum(dim=1) - entropy
        gradients.append(torch.autograd.grad(value.mean(), leaf)[0])
    return tuple(gradients)


def right_derived(target, scores):
    gradient = (scores.softmax(dim=1) - target) / len(target)
    return gradient, gradient.clone()


def right_library(target, scores):
    leaves = [scores.clone().requires_grad_() for _ in range(2)]
    torch.nn.functional.cross_entropy(leaves[0], target).backward()
    torch.nn.functional.kl_div(leaves[1].log_softmax(dim=1), target, reduction="batchmean").backward()
    return leaves[0].grad, leaves[1].grad


WRONG = {
    "sum over rows": ("value.mean()", "value.sum()"),
    "sign": ("-(target * leaf", "(target * leaf"),
    "mean over cells": (".sum(dim=1) - entropy", ".mean(dim=1) - entropy"),
    "one gradient": ("return tuple(gradients)", "return gradients[0]"),
    "no logarithm": ("leaf.log_softmax(dim=1)", "leaf.softmax(dim=1)"),
    "columns": ("leaf.log_softmax(dim=1)", "leaf.log_softmax(dim=0)"),
    "their difference": ("return tuple(gradients)", "return gradients[0], gradients[0] - gradients[1]"),
    "detached": ("leaf.log_softmax(dim=1)", "leaf.detach().log_softmax(dim=1)"),
}


def wrong_reverse_kl(target, scores):
    first = (scores.softmax(dim=1) - target) / len(target)
    leaf = scores.clone().requires_grad_()
    p = leaf.softmax(dim=1)
    value = (p * (p.log() - (target + 1e-12).log())).sum(dim=1).mean()
    return first, torch.autograd.grad(value, leaf)[0]
