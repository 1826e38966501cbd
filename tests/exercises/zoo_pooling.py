"""What the checker of `zoo_pooling` must accept and reject."""

import torch


def right_weights(states, mask):
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(dim=1) / weights.sum(dim=1)


def right_loop(states, mask):
    return torch.stack([rows[real.bool()].mean(dim=0) for rows, real in zip(states, mask, strict=True)])


def right_nanmean(states, mask):
    return states.masked_fill(mask[..., None] == 0, torch.nan).nanmean(dim=1)


WRONG = {
    "mask ignored": ("mask.unsqueeze(-1).to(states.dtype)", "torch.ones_like(states[..., :1])"),
    "divided by all tokens": ("weights.sum(dim=1)", "mask.shape[1]"),
    "sum": (" / weights.sum(dim=1)", ""),
    "mask turned round": ("mask.unsqueeze(-1)", "(1 - mask).unsqueeze(-1)"),
    "first token": ("(states * weights).sum(dim=1) / weights.sum(dim=1)", "states[:, 0]"),
    "maximum": ("(states * weights).sum(dim=1) / weights.sum(dim=1)", "(states * weights).amax(dim=1)"),
    "last token left out": ("(states * weights).sum(dim=1)", "(states * weights)[:, :-1].sum(dim=1)"),
    "numbers over the batch": ("weights.sum(dim=1)", "weights.sum(dim=(0, 1)) / len(mask)"),
}
