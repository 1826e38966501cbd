"""What the checker of `nearest_vote` must accept and reject."""

import numpy as np


def right_loop(train, labels, valid, k):
    train = train / np.linalg.norm(train, axis=1, keepdims=True)
    valid = valid / np.linalg.norm(valid, axis=1, keepdims=True)
    answers = []
    for row in valid @ train.T:
        nearest = np.argsort(-row)[:k]
        votes = {one: (np.sum(labels[nearest] == one), row[nearest][labels[nearest] == one].sum())
                 for one in np.unique(labels[nearest])}
        answers.append(max(votes, key=votes.get))
    return answers


def right_weights(train, labels, valid, k):
    cosine = (valid @ train.T) / np.outer(np.linalg.norm(valid, axis=1), np.linalg.norm(train, axis=1))
    near = np.argsort(-cosine, axis=1)[:, :k]
    score = np.zeros((len(valid), labels.max() + 1))
    for row, places in enumerate(near):
        for place in places:
            score[row, labels[place]] += 1 + cosine[row, place] / (4 * k)
    return score.argmax(axis=1)


def right_one_hot(train, labels, valid, k):
    unit = [part / np.sqrt((part**2).sum(axis=1))[:, None] for part in (train, valid)]
    cosine = unit[1] @ unit[0].T
    cut = np.sort(cosine, axis=1)[:, -k][:, None]
    inside = cosine >= cut
    hot = np.eye(labels.max() + 1)[labels]
    return (inside @ hot + 1e-6 * np.where(inside, cosine, 0) @ hot).argmax(axis=1).tolist()


WRONG = {
    "farthest": ("-row", "row"),
    "single nearest": ("[:k]", "[:1]"),
    "one too many": ("[:k]", "[:k + 1]"),
    "training not normalised": ("train / np.linalg.norm(train, axis=1, keepdims=True)", "train"),
    "sum of cosines alone": ("np.sum(labels[nearest] == one), row", "0, row"),
    "ties to the lower class": (", row[nearest][labels[nearest] == one].sum())", ", 0)"),
    "norm of columns": ("np.linalg.norm(train, axis=1, keepdims=True)", "np.linalg.norm(train, axis=0, keepdims=True)"),
    "fewest votes": ("max(votes", "min(votes"),
    "positions": ("append(max(votes, key=votes.get))", "append(nearest[0])"),
    "all vote": ("[:k]", ""),
}


def wrong_euclid(train, labels, valid, k):
    distance = ((valid[:, None] - train[None]) ** 2).sum(axis=2)
    return [np.bincount(labels[row.argsort()[:k]]).argmax() for row in distance]
