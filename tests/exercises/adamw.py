"""What the checker of `adamw` must accept and reject."""

import torch


def right_steps(weight, gradients, rate, decay, betas, eps):
    w, m, v = weight.clone(), torch.zeros_like(weight), torch.zeros_like(weight)
    for t, g in enumerate(gradients, start=1):
        w = w - rate * decay * w
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        w = w - rate * (m / (1 - betas[0]**t)) / ((v / (1 - betas[1]**t)).sqrt() + eps)
    return w


def right_numpy(weight, gradients, rate, decay, betas, eps):
    w, (first, second) = weight.numpy().copy(), betas
    m = v = 0
    for t, g in enumerate(gradients.numpy(), start=1):
        m += (1 - first) * (g - m)
        v += (1 - second) * (g * g - v)
        w = w * (1 - rate * decay) - rate / (1 - first**t) * m / ((v / (1 - second**t)) ** 0.5 + eps)
    return w


def right_in_place(weight, gradients, rate, decay, betas, eps):
    m, v = torch.zeros(2, len(weight), dtype=weight.dtype)
    for t in range(1, len(gradients) + 1):
        weight.mul_(1 - rate * decay)
        m.lerp_(gradients[t - 1], 1 - betas[0])
        v.mul_(betas[1]).addcmul_(gradients[t - 1], gradients[t - 1], value=1 - betas[1])
        weight.addcdiv_(m / (1 - betas[0]**t), (v / (1 - betas[1]**t)).sqrt().add_(eps), value=-rate)
    return weight


WRONG = {
    "decay in the gradient": ("w = w - rate * decay * w", "g = g + decay * w"),
    "no decay": ("rate * decay * w", "0"),
    "decay without the rate": ("rate * decay * w", "decay * w"),
    "no correction of m": ("(m / (1 - betas[0]**t))", "m"),
    "no correction of v": ("(v / (1 - betas[1]**t))", "v"),
    "betas exchanged": ("t, g in enumerate(gradients, start=1):",
                        "t, g in enumerate(gradients, start=1):\n        betas = (0.99, 0.9)"),
    "eps inside the root": ("(v / (1 - betas[1]**t)).sqrt() + eps", "(v / (1 - betas[1]**t) + eps).sqrt()"),
    "no square": ("g**2", "g"),
    "no root": (".sqrt()", ""),
    "uphill": ("w - rate * (m", "w + rate * (m"),
    "counts from 0": ("**t)) / (", "**(t + 1))) / ("),
    "one step": ("    return w", "        break\n    return w"),
    "decay after the step": ("    return w", "    return w - rate * decay * w"),
    "mean of the gradients": ("enumerate(gradients, start=1)",
                              "enumerate([gradients.mean(dim=0)] * len(gradients), 1)"),
}
