"""What the checker of `ranks_with_ties` must accept and reject."""

import numpy as np
import pandas as pd
import torch


def right_counts(scores, text):
    own = np.diag(scores)[:, None]
    above = (scores > own).sum(axis=1)
    tied = (scores == own).sum(axis=1)
    rank = 1 + above + (tied - 1) / 2
    top = scores == scores.max(axis=1, keepdims=True)
    same = text[:, None] == text
    chance = (top & same).sum(axis=1) / top.sum(axis=1)
    return rank, chance.mean()


def right_loop(scores, text):
    ranks, hits = [], []
    for clip, row in enumerate(scores.tolist()):
        places = [place for place, score in enumerate(sorted(row, reverse=True), start=1) if score == row[clip]]
        ranks.append(sum(places) / len(places))
        winners = [text[caption] for caption, score in enumerate(row) if score == max(row)]
        hits.append(winners.count(text[clip]) / len(winners))
    return [ranks, sum(hits) / len(hits)]


def right_pandas(scores, text):
    table = pd.DataFrame(scores)
    first = table.rank(axis=1, ascending=False, method="min") == 1
    hits = [np.mean(text[first.loc[clip]] == text[clip]) for clip in table.index]
    return np.diag(table.rank(axis=1, ascending=False)), float(np.mean(hits))


def right_torch(scores, text):
    scores, text = torch.tensor(scores), torch.tensor(text)
    own = scores.diagonal().unsqueeze(1)
    best, worst = 1 + (scores > own).sum(1), (scores >= own).sum(1)
    weight = (scores == scores.amax(1, keepdim=True)).double()
    weight = weight / weight.sum(1, keepdim=True)
    return (best + worst) / 2, torch.where(text[:, None] == text[None], weight, 0).sum(1).mean()


RANK, CHANCE = "1 + above + (tied - 1) / 2", "(top & same).sum(axis=1) / top.sum(axis=1)"
WRONG = {
    "best place of a tie": (RANK, "1 + above"),
    "worst place of a tie": (RANK, "above + tied"),
    "every place of a tie": (RANK, "np.concatenate([1 + first + np.arange(many) for first, many in zip(above, tied)])"),
    "from 0": (RANK, "above + (tied - 1) / 2"),
    "tied with itself": ("(tied - 1) / 2", "tied / 2"),
    "whole ranks": ("(tied - 1) / 2", "(tied - 1) // 2"),
    "other half of a tie": ("(tied - 1) / 2", "tied // 2"),
    "equal scores above": ("(scores > own)", "(scores >= own)"),
    "lowest score first": ("(scores > own)", "(scores < own)"),
    "columns ranked": ("np.diag(scores)[:, None]", "np.diag(scores)"),
    "everything transposed": ("    own = np.diag", "    scores = scores.T\n    own = np.diag"),
    "first of its text": ("np.diag(scores)[:, None]",
                          "np.where(text[:, None] == text, scores, -np.inf).max(axis=1, keepdims=True)"),
    "different scores above": ("(scores > own).sum(axis=1)",
                               "np.array([len(set(row[row > mine])) for row, mine in zip(scores, np.diag(scores))])"),
    "captions of its text do not stand above": ("(scores > own).sum(axis=1)",
                                                "((scores > own) & (text[:, None] != text)).sum(axis=1)"),
    "captions of its text are no tie": ("(scores == own).sum(axis=1)",
                                        "1 + ((scores == own) & (text[:, None] != text)).sum(axis=1)"),
    "mean rank": ("return rank, ", "return rank.mean(), "),
    "median rank": ("return rank, ", "return np.median(rank), "),
    "sorted ranks": ("return rank, ", "return np.sort(rank), "),
    "own caption only": ("text[:, None] == text", "np.eye(len(text), dtype=bool)"),
    "other captions only": ("text[:, None] == text", "(text[:, None] == text) & ~np.eye(len(text), dtype=bool)"),
    "a tie is a hit": (CHANCE, "(top & same).any(axis=1)"),
    "a tie is a miss": (CHANCE, "(top <= same).all(axis=1)"),
    "first of a tie": (CHANCE, "text[scores.argmax(axis=1)] == text"),
    "last of a tie": (CHANCE, "text[::-1][scores[:, ::-1].argmax(axis=1)] == text"),
    "most of a tie": (CHANCE, "(top & same).sum(axis=1) > top.sum(axis=1) / 2"),
    "own rank 1": (CHANCE, "rank <= 1"),
    "own rank below 2": (CHANCE, "rank < 2"),
    "own best place 1": (CHANCE, "above == 0"),
    "the original's": (CHANCE, "np.concatenate([first + np.arange(many) for first, many in zip(above, tied)]) < 1"),
    "part of its text": (CHANCE, "(top & same).sum(axis=1) / same.sum(axis=1)"),
    "all ties thrown together": ("chance.mean()", "(top & same).sum() / top.sum()"),
    "texts weigh the same": ("chance.mean()", "np.mean([chance[text == one].mean() for one in np.unique(text)])"),
    "ties left out": ("chance.mean()", "chance[top.sum(axis=1) == 1].mean()"),
    "chances": ("chance.mean()", "chance"),
    "number of hits": ("chance.mean()", "chance.sum()"),
    "per cent": ("chance.mean()", "100 * chance.mean()"),
    "columns asked": ("scores.max(axis=1, keepdims=True)", "scores.max(axis=0)"),
    "R@2": ("scores == scores.max(axis=1, keepdims=True)", "scores >= np.sort(scores, axis=1)[:, [-2]]"),
    "exchanged": ("return rank, chance.mean()", "return chance.mean(), rank"),
    "ranks alone": ("return rank, chance.mean()", "return rank"),
    "R@1 alone": ("return rank, chance.mean()", "return chance.mean()"),
}


def wrong_in_order_of_the_matrix(scores, text):
    order = np.argsort(-scores, axis=1, kind="stable")
    rank = np.argsort(order, axis=1).diagonal() + 1
    return rank, right_counts(scores, text)[1]


def wrong_of_a_coin(scores, text):
    shaken = scores + 1e-9 * np.random.default_rng(0).uniform(size=scores.shape)
    return right_counts(shaken, text)


def wrong_of_the_library(scores, text):
    from scipy.stats import rankdata

    return rankdata(-scores, axis=1).diagonal(), right_counts(scores, text)[1]
