"""What the checker of `two_scales` must accept and reject."""

import math

import numpy as np
import torch


def right_loop(log_scale, gradients, rate, decay, highest):
    theirs, ours = [], []
    one = two = log_scale
    for gradient in gradients:
        one = one - rate * (gradient + decay * one)
        two = two - rate * gradient
        two = min(two, math.log(highest))
        theirs.append(math.exp(one))
        ours.append(math.exp(two))
    return theirs, ours


def right_torch(log_scale, gradients, rate, decay, highest):
    both = torch.full((2,), log_scale, dtype=torch.float64)
    found = []
    for gradient in torch.as_tensor(gradients, dtype=torch.float64):
        both -= rate * (gradient + torch.tensor([decay, 0.0]) * both)
        both[1].clamp_(max=math.log(highest))
        found.append(both.exp())
    return torch.stack(found).unbind(1)


def right_shrinking(log_scale, gradients, rate, decay, highest):
    state = np.array([log_scale, log_scale], dtype=float)
    shrink, top = np.array([1 - rate * decay, 1.0]), np.array([np.inf, np.log(highest)])
    rows = []
    for gradient in gradients:
        state = np.minimum(shrink * state - rate * gradient, top)
        rows.append(np.exp(state))
    return tuple(np.array(rows).T)


def right_closed_form(log_scale, gradients, rate, decay, highest):
    steps = len(gradients)
    shrink = (1 - rate * decay) ** np.arange(steps + 1)
    theirs = [shrink[t] * log_scale - rate * sum(shrink[t - 1 - s] * gradients[s] for s in range(t))
              for t in range(1, steps + 1)]
    free = log_scale - rate * np.cumsum(gradients)
    over = np.maximum(np.maximum.accumulate(free - np.log(highest)), 0)
    return np.exp(theirs), np.exp(free - over)


FIRST, SECOND = "one - rate * (gradient + decay * one)", "two - rate * gradient\n"
CLAMP, KEEP, KEPT = "two = min(two, math.log(highest))", "theirs.append(math.exp(one))", "ours.append(math.exp(two))"
WRONG = {
    "no decay in the original": (FIRST, "one - rate * gradient"),
    "decay away from 0": (FIRST, "one - rate * (gradient - decay * one)"),
    "decay of the start": (FIRST, "one - rate * (gradient + decay * log_scale)"),
    "decay without the rate": (FIRST, "one - rate * gradient - decay * one"),
    "decay after the step": (FIRST, "(one - rate * gradient) * (1 - rate * decay)"),
    "decay of the scale": (FIRST, "one - rate * (gradient + decay * math.exp(one))"),
    "decay of the absolute value": (FIRST, "one - rate * (gradient + decay * abs(one))"),
    "decay without a log": (FIRST, "one - rate * (gradient + decay)"),
    "decay as a share": (FIRST, "one - rate * gradient * (1 + decay)"),
    "uphill": (FIRST, "one + rate * (gradient + decay * one)"),
    "uphill in both": ("for gradient in gradients:", "for gradient in -np.asarray(gradients):"),
    "rate forgotten": (FIRST, "one - gradient - decay * one"),
    "rate of decay forgotten": (FIRST, "one - (gradient + rate * decay * one)"),
    "original clamped": (KEEP, "one = min(one, math.log(highest))\n        theirs.append(math.exp(one))"),
    "original clamped when kept": (KEEP, "theirs.append(min(math.exp(one), highest))"),
    "decay in the kit": (SECOND, "two - rate * (gradient + decay * two)\n"),
    "kit uphill": (SECOND, "two + rate * gradient\n"),
    "kit without rate": (SECOND, "two - gradient\n"),
    "no clamp": (CLAMP, "pass"),
    "cut when kept": (CLAMP + "\n        theirs.append(math.exp(one))\n        ours.append(math.exp(two))",
                      "theirs.append(math.exp(one))\n        ours.append(min(math.exp(two), highest))"),
    "clamped at the scale": (CLAMP, "two = min(two, highest)"),
    "clamped at ten's log": (CLAMP, "two = min(two, math.log10(highest))"),
    "clamped before the step": (SECOND, "min(two, math.log(highest)) - rate * gradient\n        two = two + 0\n"
                                "        theirs.append(math.exp(one))\n        ours.append(math.exp(two))\n"
                                "        continue\n"),
    "clamped below": (CLAMP, "two = max(two, math.log(highest))"),
    "clamped at 0 too": (CLAMP, "two = min(max(two, 0), math.log(highest))"),
    "clamped always at 100": (CLAMP, "two = min(two, math.log(100))"),
    "clamped at the end": (CLAMP + "\n        theirs.append(math.exp(one))\n        ours.append(math.exp(two))\n"
                           "    return theirs, ours",
                           "theirs.append(math.exp(one))\n        ours.append(math.exp(two))\n"
                           "    return theirs, [*ours[:-1], min(ours[-1], highest)]"),
    "stays at the highest": (CLAMP, "two = math.log(highest) if ours and ours[-1] > highest - 1e-9 "
                             "else min(two, math.log(highest))"),
    "one parameter for both": ("two = two - rate * gradient", "two = one"),
    "logarithms": ("    return theirs, ours", "    return np.log(theirs), np.log(ours)"),
    "temperatures": ("    return theirs, ours", "    return 1 / np.array(theirs), 1 / np.array(ours)"),
    "kept before the step": ("    return theirs, ours", "    first = math.exp(log_scale)\n"
                             "    return [first, *theirs[:-1]], [first, *ours[:-1]]"),
    "start kept too": ("    return theirs, ours", "    first = math.exp(log_scale)\n"
                       "    return [first, *theirs], [first, *ours]"),
    "last one alone": ("    return theirs, ours", "    return theirs[-1], ours[-1]"),
    "exchanged": ("    return theirs, ours", "    return ours, theirs"),
    "kit alone": ("    return theirs, ours", "    return ours"),
    "a table": ("    return theirs, ours", "    return np.stack([theirs, ours])"),
    "scale for its logarithm": ("one = two = log_scale", "one = two = math.exp(log_scale)"),
    "start at 0": ("one = two = log_scale", "one = two = 0.0"),
    "gradients from behind": ("in gradients:", "in gradients[::-1]:"),
    "sum of gradients at once": ("for gradient in gradients:", "for gradient in np.cumsum(gradients):"),
    "kept for every second step": ("    return theirs, ours", "    return theirs[::2], ours[::2]"),
    "rounded": (KEPT, "ours.append(round(math.exp(two), 2))"),
}


def wrong_clamped_gradient(log_scale, gradients, rate, decay, highest):
    """The gradient is stopped at the bound instead of the parameter being brought back."""
    theirs, ours = right_loop(log_scale, gradients, rate, decay, highest)
    value, ours = log_scale, []
    for gradient in gradients:
        if value < math.log(highest) or gradient > 0:
            value -= rate * gradient
        ours.append(math.exp(value))
    return theirs, ours
