"""What the checker of `zoo_gradients` must accept and reject."""

import torch
import torch.nn.functional as F


def right_backward(features, classes, steps, rate):
    weights = torch.zeros(features.shape[1], int(classes.max()) + 1, dtype=features.dtype, requires_grad=True)
    for _ in range(steps):
        loss = F.cross_entropy(features @ weights, classes)
        weights.grad = None
        loss.backward()
        with torch.no_grad():
            weights -= rate * weights.grad
    return weights.detach()


def right_autograd(features, classes, steps, rate):
    weights = torch.zeros(features.shape[1], int(classes.max()) + 1, dtype=features.dtype)
    for _ in range(steps):
        weights = weights.detach().requires_grad_()
        (down,) = torch.autograd.grad(F.cross_entropy(features @ weights, classes), weights)
        weights = weights - rate * down
    return weights


def right_by_hand(features, classes, steps, rate):
    own = F.one_hot(classes).to(features.dtype)
    weights = features.new_zeros(features.shape[1], own.shape[1])
    for _ in range(steps):
        weights = weights - rate * features.T @ ((features @ weights).softmax(1) - own) / len(own)
    return weights


WRONG = {
    "gradient never cleared": ("weights.grad = None", "weights.requires_grad_()"),
    "cleared before the step": ("loss.backward()", "loss.backward(); weights.grad.zero_()"),
    "cleared in the second step only": ("weights.grad = None", "weights.grad = None if _ == 1 else weights.grad"),
    "no step": ("weights -= rate * weights.grad", "pass"),
    "one step too many": ("range(steps)", "range(steps + 1)"),
    "one step only": ("range(steps)", "range(1)"),
    "sum of the rows": ("F.cross_entropy(features @ weights, classes)",
                        "F.cross_entropy(features @ weights, classes, reduction='sum')"),
    "up the gradient": ("weights -= rate", "weights += rate"),
    "gradient halved": ("weights.grad = None", "weights.grad = None if weights.grad is None else 0.5 * weights.grad"),
    "fixed rate": ("rate * weights.grad", "0.5 * weights.grad"),
    "length of the gradient lost": ("rate * weights.grad", "rate * weights.grad.sign()"),
    "starts from ones": ("torch.zeros(", "torch.eye("),
    "transposed": ("return weights.detach()", "return weights.detach().T"),
}
