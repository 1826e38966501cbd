"""What the checker of `look_up` must accept and reject."""

from collections import Counter, defaultdict

import numpy as np
import pandas as pd


def right_masks(train_clips, train_classes, valid_clips):
    def most_common(classes):
        values, counts = np.unique(classes, return_counts=True)
        return int(values[counts.argmax()])

    fallback = most_common(train_classes)
    answers = []
    for clip in valid_clips:
        seen = train_classes[train_clips == clip]
        answers.append(most_common(seen) if len(seen) else fallback)
    return answers


def right_counters(train_clips, train_classes, valid_clips):
    by_clip = defaultdict(Counter)
    for clip, class_id in zip(train_clips.tolist(), train_classes.tolist(), strict=True):
        by_clip[clip][class_id] += 1
    total = Counter(train_classes.tolist())
    return [min(votes, key=lambda one: (-votes[one], one))
            for votes in (by_clip.get(clip, total) for clip in valid_clips.tolist())]


def right_pandas(train_clips, train_classes, valid_clips):
    classes = pd.Series(train_classes)
    table = classes.groupby(train_clips).agg(lambda part: part.mode()[0])
    return pd.Series(valid_clips).map(table).fillna(classes.mode()[0]).astype(int).to_numpy()


WRONG = {
    "always the fallback": ("most_common(seen) if len(seen) else fallback", "fallback"),
    "no fallback": ("if len(seen) else fallback", "if len(seen) else 0"),
    "first class of the clip": ("most_common(seen) if", "int(seen[0]) if"),
    "last class of the clip": ("most_common(seen) if", "int(seen[-1]) if"),
    "ties to the larger class": ("values[counts.argmax()]", "values[len(counts) - 1 - counts[::-1].argmax()]"),
    "the rarest class": ("counts.argmax()", "counts.argmin()"),
    "the largest class": ("values[counts.argmax()]", "values[-1]"),
    "fallback over clips": ("fallback = most_common(train_classes)", "fallback = int(train_classes[-1])"),
    "answers each clip once": ("for clip in valid_clips:", "for clip in np.unique(valid_clips):"),
}
