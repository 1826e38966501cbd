"""What the checker of `weight_without_peeking` must accept and reject."""

import numpy as np
import pandas as pd
import torch


def right_isin(first, second, target, subject, chosen_people):
    own = np.isin(subject, chosen_people)
    weights = np.linspace(0, 1, 21)
    right = []
    for weight in weights:
        mixed = weight * first + (1 - weight) * second
        right.append((mixed.argmax(axis=1) == target)[own].mean())
    best = weights[np.argmax(right)]
    answers = (best * first + (1 - best) * second).argmax(axis=1)
    return best, answers[~own]


def right_loop(first, second, target, subject, chosen_people):
    people = set(chosen_people.tolist())
    voters = [row for row in range(len(target)) if subject[row] in people]
    others = [row for row in range(len(target)) if subject[row] not in people]
    best, most = None, -1
    for weight in np.linspace(0, 1, 21):
        hits = sum(np.argmax(weight * first[row] + (1 - weight) * second[row]) == target[row] for row in voters)
        if hits > most:
            best, most = weight, hits
    return [best, [np.argmax(best * first[row] + (1 - best) * second[row]) for row in others]]


def right_at_once(first, second, target, subject, chosen_people):
    weight = np.linspace(0, 1, 21)[:, None, None]
    answers = (weight * first + (1 - weight) * second).argmax(axis=2)
    own = (subject[:, None] == chosen_people).any(axis=1)
    best = np.count_nonzero(answers[:, own] == target[own], axis=1).argmax()
    return float(weight[best, 0, 0]), answers[best, ~own]


def right_pandas(first, second, target, subject, chosen_people):
    own = pd.Series(subject).isin(chosen_people).to_numpy()

    def answers(weight):
        return torch.tensor(weight * first + (1 - weight) * second).argmax(dim=1).numpy()

    weight = max(np.linspace(0, 1, 21), key=lambda weight: (answers(weight)[own] == target[own]).sum())
    return weight, pd.Series(answers(weight))[~own]


WRONG = {
    "chosen on all people": ("== target)[own].mean()", "== target).mean()"),
    "chosen on the reported people": ("== target)[own].mean()", "== target)[~own].mean()"),
    "reported people count a little": ("== target)[own].mean()", "== target) @ np.where(own, 1, 0.5)"),
    "chosen on the first half of the rows": ("== target)[own].mean()", "== target)[:len(target) // 2].mean()"),
    "chosen on one person": ("== target)[own].mean()", "== target)[subject == chosen_people[0]].mean()"),
    "all but the last person": ("np.isin(subject, chosen_people)", "np.isin(subject, chosen_people[:-1])"),
    "always a half": ("best = weights[np.argmax(right)]", "best = 0.5"),
    "always 0.4": ("best = weights[np.argmax(right)]", "best = 0.4"),
    "the better run alone": ("np.linspace(0, 1, 21)", "np.linspace(0, 1, 2)"),
    "a coarse grid": ("np.linspace(0, 1, 21)", "np.linspace(0, 1, 11)"),
    "a fine grid": ("np.linspace(0, 1, 21)", "np.linspace(0, 1, 201)"),
    "last of equals": ("weights[np.argmax(right)]", "weights[20 - np.argmax(right[::-1])]"),
    "worst weight": ("np.argmax(right)", "np.argmin(right)"),
    "of the second run": ("return best, ", "return 1 - best, "),
    "position": ("return best, ", "return np.argmax(right), "),
    "answers with the weights exchanged": ("(best * first + (1 - best) * second)",
                                           "((1 - best) * first + best * second)"),
    "answers of equal weights": ("(best * first + (1 - best) * second)", "(first + second)"),
    "answers for all": ("answers[~own]", "answers"),
    "answers for those who chose": ("answers[~own]", "answers[own]"),
    "chosen ones marked": ("answers[~own]", "np.where(own, -1, answers)"),
    "probabilities": ("(best * first + (1 - best) * second).argmax(axis=1)", "best * first + (1 - best) * second"),
    "sorted by person": ("answers[~own]", "answers[np.argsort(subject, kind='stable')]"
                         "[~np.isin(np.sort(subject), chosen_people)]"),
    "the truth": ("answers[~own]", "target[~own]"),
    "whether right": ("answers[~own]", "(answers == target)[~own]"),
    "answers alone": ("return best, answers[~own]", "return answers[~own]"),
    "weight alone": ("return best, answers[~own]", "return best"),
    "answers first": ("return best, answers[~own]", "return answers[~own], best"),
    "logarithms mixed": ("mixed = weight * first + (1 - weight) * second",
                         "mixed = weight * np.log(first) + (1 - weight) * np.log(second)"),
    "chosen by the loss": ("right.append((mixed.argmax(axis=1) == target)[own].mean())",
                           "right.append(np.log(mixed[np.arange(len(target)), target])[own].mean())"),
    "chosen by certainty": ("right.append((mixed.argmax(axis=1) == target)[own].mean())",
                            "right.append(mixed.max(axis=1)[own].mean())"),
}


def wrong_best_answers_for_the_reported(first, second, target, subject, chosen_people):
    weight, _ = right_isin(first, second, target, subject, chosen_people)
    others = np.setdiff1d(subject, chosen_people)
    peeked, _ = right_isin(first, second, target, subject, others)
    answers = (peeked * first + (1 - peeked) * second).argmax(axis=1)
    return weight, answers[~np.isin(subject, chosen_people)]


def wrong_peeks_among_equals(first, second, target, subject, chosen_people):
    own = np.isin(subject, chosen_people)
    weights = np.linspace(0, 1, 21)
    hits = np.array([(w * first + (1 - w) * second).argmax(axis=1) == target for w in weights])
    best = weights[np.argmax(1000 * hits[:, own].sum(axis=1) + hits[:, ~own].sum(axis=1))]
    return best, (best * first + (1 - best) * second).argmax(axis=1)[~own]
