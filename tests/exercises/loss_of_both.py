"""What the checker of `loss_of_both` must accept and reject."""

import torch
import torch.nn.functional as F


def right_rows(a, b, has_a, has_b, temperature):
    both = has_a & has_b
    a, b = a[both], b[both]
    if len(a) == 0:
        return a.sum() + b.sum()
    logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / temperature
    own = torch.arange(len(a))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def right_masked(a, b, has_a, has_b, temperature):
    both = has_a & has_b
    a = F.normalize(torch.where(both[:, None], a, 0), dim=1)
    b = F.normalize(torch.where(both[:, None], b, 0), dim=1)
    logits = a @ b.T / temperature
    rows = logits.masked_fill(~both, -1e9).log_softmax(dim=1).diagonal()
    columns = logits.T.masked_fill(~both, -1e9).log_softmax(dim=1).diagonal()
    return -(rows + columns)[both].sum() / (2 * both.sum()).clamp(min=1)


def right_loop(a, b, has_a, has_b, temperature):
    kept = [row for row in range(len(a)) if has_a[row] and has_b[row]]
    total = a[kept].sum() * 0 + b[kept].sum() * 0
    for one, other in ((a, b), (b, a)):
        for row in kept:
            near = torch.stack([F.cosine_similarity(one[row], other[column], dim=0) for column in kept]) / temperature
            total = total + torch.logsumexp(near, dim=0) - near[kept.index(row)]
    return total / max(2 * len(kept), 1)


def right_exp(a, b, has_a, has_b, temperature):
    kept = torch.nonzero(has_a * has_b)[:, 0]
    one, other = a.index_select(0, kept), b.index_select(0, kept)
    one = one / one.norm(dim=1, keepdim=True)
    other = other / other.norm(dim=1, keepdim=True)
    power = torch.exp(one @ other.T / temperature)
    right = torch.diagonal(power)
    lost = torch.log(power.sum(dim=0) / right) + torch.log(power.sum(dim=1) / right)
    return 0.5 * lost.sum() / max(len(kept), 1)


PICKED = "a, b = a[both], b[both]"
BOTH = "(F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2"
WRONG = {
    "zeros that count": (PICKED, "a, b = torch.where(has_a[:, None], a, 0), torch.where(has_b[:, None], b, 0)"),
    "zeros in both": (PICKED, "a, b = torch.where(both[:, None], a, 0), torch.where(both[:, None], b, 0)"),
    "multiplied by the mask": (PICKED, "a, b = a * both[:, None], b * both[:, None]"),
    "nothing left out": (PICKED, "pass"),
    "NaN made zeros": (PICKED, "a, b = a.nan_to_num(), b.nan_to_num()"),
    "rows that are not zeros": ("has_a & has_b", "(a != 0).any(dim=1) & (b != 0).any(dim=1)"),
    "rows that are not NaN": ("has_a & has_b", "~(a + b).isnan().any(dim=1)"),
    "rows of a": ("has_a & has_b", "has_a"),
    "rows of b": ("has_a & has_b", "has_b"),
    "rows of one of the two": ("has_a & has_b", "has_a | has_b"),
    "rows of a and rows of b": (PICKED, "a, b = a[has_a], b[has_b]"),
    "rows that lack both": ("has_a & has_b", "~has_a & ~has_b"),
    "all but the last row": ("has_a & has_b", "has_a & has_b & (torch.arange(len(a)) < len(a) - 1)"),
    "normalised before rows are picked": (PICKED, "a, b = F.normalize(a, dim=1)[both], F.normalize(b, dim=1)[both]"),
    "NaN made zeros in rows picked late": (PICKED, "a, b = (a * 1)[both], (b / b.norm(dim=1)[:, None])[both]"),
    "no case without pairs": ("len(a) == 0", "len(a) < 0"),
    "a number without pairs": ("return a.sum() + b.sum()", "return 0.0"),
    "a new tensor without pairs": ("return a.sum() + b.sum()", "return torch.tensor(0.0)"),
    "a new tensor that wants a gradient": ("return a.sum() + b.sum()", "return torch.zeros((), requires_grad=True)"),
    "hangs on a only": ("return a.sum() + b.sum()", "return a.sum()"),
    "hangs on b only": ("return a.sum() + b.sum()", "return b.sum()"),
    "one without pairs": ("return a.sum() + b.sum()", "return 1 + a.sum() + b.sum()"),
    "nothing without pairs": ("return a.sum() + b.sum()", "return"),
    "one pair is none": ("len(a) == 0", "len(a) <= 1"),
    "four pairs are none": ("len(a) == 0", "len(a) < 5"),
    "not normalised": ("F.normalize(a, dim=1) @ F.normalize(b, dim=1).T", "a @ b.T"),
    "a not normalised": ("F.normalize(a, dim=1)", "a"),
    "b not normalised": ("F.normalize(b, dim=1)", "b"),
    "columns normalised": ("F.normalize(a, dim=1)", "F.normalize(a, dim=0)"),
    "temperature multiplies": ("/ temperature", "* temperature"),
    "temperature not used": (" / temperature", ""),
    "rows only": (BOTH, "F.cross_entropy(logits, own)"),
    "columns only": (BOTH, "F.cross_entropy(logits.T, own)"),
    "sum of the directions": ("own)) / 2", "own))"),
    "sum over the rows": (BOTH, "F.cross_entropy(logits, own, reduction='sum')"),
    "mean over all rows": ("own)) / 2", "own)) / 2 * len(a) / len(both)"),
    "mean over those of a": ("own)) / 2", "own)) / 2 * len(a) / has_a.sum()"),
    "a detached": ("F.normalize(a, dim=1)", "F.normalize(a.detach(), dim=1)"),
    "b detached": ("F.normalize(b, dim=1)", "F.normalize(b, dim=1).detach()"),
    "second direction detached": ("F.cross_entropy(logits.T, own)", "F.cross_entropy(logits.T.detach(), own)"),
    "left torch": (f"return {BOTH}", f"return float({BOTH})"),
    "sign": (f"return {BOTH}", f"return -{BOTH}"),
    "log left out": ("F.cross_entropy(logits, own)", "-logits.softmax(dim=1).diagonal().mean()"),
}


def wrong_still_answers(a, b, has_a, has_b, temperature):
    both = has_a & has_b
    a, b = torch.where(both[:, None], a, 0), torch.where(both[:, None], b, 0)
    logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / temperature
    own = torch.arange(len(a))
    losses = F.cross_entropy(logits, own, reduction="none") + F.cross_entropy(logits.T, own, reduction="none")
    return losses[both].sum() / (2 * both.sum()).clamp(min=1)


def wrong_no_answers_but_counted(a, b, has_a, has_b, temperature):
    return right_rows(a, b, has_a, has_b, temperature) * (has_a & has_b).sum() / len(a)


def wrong_infinite_where_masked(a, b, has_a, has_b, temperature):
    both = has_a & has_b
    logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / temperature
    logits = logits.masked_fill(~(both[:, None] & both), -torch.inf)
    own = torch.arange(len(a))
    losses = F.cross_entropy(logits, own, reduction="none") + F.cross_entropy(logits.T, own, reduction="none")
    return torch.where(both, losses, 0).sum() / (2 * both.sum()).clamp(min=1)
