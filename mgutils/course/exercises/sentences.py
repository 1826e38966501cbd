"""Checkers of notebook 12: classes never seen, sentences shuffled in a class, a window that wraps, a learned scale."""

from __future__ import annotations

import numpy as np

from mgutils.course.exercises.answers import Answer, Mistake, Student, mistake
from mgutils.course.exercises.catalogue import exercise


@exercise(points=2)
def _seen_and_unseen(student: Student) -> None:
    small = [[4, 2, 3, 1], [4, 1, 2, 3], [2, 1, 4, 3], [1, 4, 2, 3], [4, 1, 3, 2], [1, 2, 3, 4], [1, 4, 2, 3],
             [2, 1, 3, 4], [1, 2, 3, 4]]
    alone = [[3, 2, 1], [1, 3, 2], [3, 1, 2], [2, 3, 1]]
    wrong = [[1, 3, 2], [3, 1, 2], [2, 3, 1], [3, 1, 2]]
    trials = {
        "9 clips of classes [0, 0, 0, 1, 2, 2, 3, 3, 3], of which [3, 2] are unseen": (
            small, [0, 0, 0, 1, 2, 2, 3, 3, 3], [3, 2]),
        "4 clips of classes [0, 1, 2, 2], of which 2 is unseen and never answered": (alone, [0, 1, 2, 2], [2]),
        "4 clips of classes [0, 1, 2, 2], of which 1 and 2 are unseen, and all answers wrong": (
            wrong, [0, 1, 2, 2], [1, 2]),
    }
    unseen = np.array([6, 2, 5])
    for seen_first in (0.0, 1.5):
        target = student.rng.choice([0, 1, 2, 4, 6], 60, p=[0.3, 0.2, 0.25, 0.15, 0.1])
        logits = student.rng.normal(size=(60, 7)) + 1.5 * np.eye(7)[target]
        logits[:, unseen] -= seen_first
        words = ", that prefers the seen ones" if seen_first else ""
        trials[f"60 random clips of 7 classes, unseen [6, 2, 5], classes 3 and 5 without a clip{words}"] = (
            logits, target, unseen)
    trials = {tried: tuple(np.array(part, dtype=float if place == 0 else int) for place, part in enumerate(parts))
              for tried, parts in trials.items()}
    names = "the UAR among the unseen", "seen among all", "unseen among all", "the harmonic mean"
    for answer, *trial in student.trials(trials):
        parts = answer.items(4, ", ".join(names))
        for part, name, wanted, likely, hint in zip(parts, names, *_protocols(*trial), strict=True):
            Answer(part.value, f"{answer.tried}: {name}").close_to(wanted, likely=likely, hint=hint)


def _recall(answers: np.ndarray, target: np.ndarray, classes: np.ndarray) -> float:
    """Mean recall over those of the classes that have a clip."""
    return float(np.mean([(answers[target == one] == one).mean() for one in classes if (target == one).any()]))


def _protocols(logits: np.ndarray, target: np.ndarray, unseen: np.ndarray
               ) -> tuple[list[float], list[list[Mistake]], list[str]]:
    """The four numbers; what likely mistakes give; a hint for any other answer."""
    classes = np.arange(logits.shape[1])
    seen = np.setdiff1d(classes, unseen)
    new = np.isin(target, unseen)
    everything = logits.argmax(axis=1)
    place = logits[:, unseen].argmax(axis=1)
    among = unseen[place]
    only_seen = seen[logits[:, seen].argmax(axis=1)]
    a, b = _recall(everything, target, seen), _recall(everything, target, unseen)
    zero_shot = _recall(among, target, unseen)
    harmonic = 2 * a * b / (a + b) if a + b else 0.0

    def share(of: np.ndarray, answers: np.ndarray, rows: np.ndarray) -> list[Mistake]:
        """Two mistakes in the mean of the recalls of some classes."""
        found = _recall(answers, target, of) * np.isin(of, target).sum() / len(of)
        return [
            mistake((answers == target)[rows].mean(), "That is accuracy: frequent classes count for more. Take the "
                                                      "recall of each class, then the mean over the classes."),
            mistake(found, "A class without a clip counts as 0. Leave it out of the mean."),
            mistake(np.nan, "0 / 0: a class without a clip has no recall. Leave it out of the mean."),
        ]

    likely = [
        [
            mistake(b, "You let clips answer all classes. Here only the columns of the unseen ones may be answered."),
            mistake(_recall(place, target, unseen), "`argmax` over some columns gives a place among them, not a class: "
                                                    "unseen[place] is the class."),
            mistake(_recall(np.sort(unseen)[place], target, unseen), "`unseen` need not be in order: the place of a "
                                                                     "column belongs to the order that you cut it in."),
            mistake(_recall(among, target, classes), "Clips of seen classes have no right answer among the unseen "
                                                     "ones. Leave them out."),
            *share(unseen, among, new),
        ],
        [
            mistake(_recall(only_seen, target, seen), "You let clips answer seen classes alone. Among all classes an "
                                                      "unseen one may be answered, too, and is wrong then."),
            mistake(b, "Those are the unseen classes. The order is seen, unseen."),
            mistake(_recall(everything, target, classes), "That is the mean over all classes. Leave the unseen out."),
            *share(seen, everything, ~new),
        ],
        [
            mistake(zero_shot, "That is the first number again. Among all classes a seen one may be answered, too."),
            mistake(a, "Those are the seen classes. The order is seen, unseen."),
            mistake(_recall(everything, target, classes), "That is the mean over all classes. Leave the seen out."),
            *share(unseen, everything, new),
        ],
        [
            mistake((a + b) / 2, "That is the arithmetic mean, which forgives a 0. Take 2ab / (a + b)."),
            mistake((a * b) ** 0.5, "That is the geometric mean. Take 2ab / (a + b)."),
            mistake(harmonic / 2, "The harmonic mean of two numbers has a 2: 2ab / (a + b)."),
            mistake(np.nan, "0 / 0: where nothing is right, the harmonic mean is 0."),
            mistake(min(a, b), "That is the smaller one. Take 2ab / (a + b)."),
            mistake(2 * a * zero_shot / (a + zero_shot) if a + zero_shot else 0,
                    "Take the unseen classes among all, not the first number."),
        ],
    ]
    hints = [
        "Clips of unseen classes, columns of unseen classes: the recall of each of these that has clips, and the mean.",
        "The answer among all columns; the recall of each seen class that has clips; the mean.",
        "The answer among all columns; the recall of each unseen class that has clips; the mean.",
        "2ab / (a + b) of the second and the third number; 0 where both are 0.",
    ]
    return [zero_shot, a, b, harmonic], likely, hints


@exercise(points=1)
def _shuffle_within_class(student: Student) -> None:
    target = np.array([2, 0, 1, 0, 2, 0, 2, 3, 0, 1])
    large = student.rng.integers(0, 5, 40)
    orders: dict[int, list[np.ndarray]] = {}
    for classes, seeds in ((np.zeros(2, dtype=int), (0,)), (target, (0,)), (large, (0, 0, 1)), (target, range(30))):
        orders[len(classes)] = []
        for seed in seeds:
            answer = student(classes, seed, tried=f"target = {classes.tolist()}, seed = {seed}")
            order = answer.numbers("a clip for each clip")
            _compare_orders(answer, order, classes)
            orders[len(classes)].append(order)
        if classes is large:
            answer.follows_seed(*orders[len(large)])
    for row in np.flatnonzero(target == 0):
        met = len({order[row] for order in orders[len(target)]})
        answer.is_true(met == 3, f"over 30 seeds, each of the 3 others of class 0 for clip {row}",
                       f"Clip {row} has met {met}. Every other clip of the class is to have its chance: shuffle the "
                       "class, do not count on from one clip to the next.")


def _compare_orders(answer: Answer, order: np.ndarray, classes: np.ndarray) -> None:
    """An order is all clips, each once, within classes, and none its own where its class has two or more."""
    rows = np.arange(len(classes))
    right = order.shape == rows.shape and (np.sort(order) == rows).all()
    hint = "Each sentence is to be given once: of two clips that got one, a third clip's sentence was lost."
    if order.shape == rows.shape and (np.sort(order) == np.sort(classes)).all():
        hint = "Those are classes. Return numbers of clips: clip i gets the sentence of clip order[i]."
    elif order.shape != rows.shape:
        hint = f"The shape is {order.shape}; it should be {rows.shape}."
    answer.is_true(bool(right), f"the numbers 0 to {len(rows) - 1}, each once", hint)
    order = order.astype(int)
    strange = np.flatnonzero(classes[order] != classes)
    if len(strange):
        row = strange[0]
        answer.is_true(False, "a clip of the same class for each clip",
                       f"Clip {row} of class {classes[row]} gets the sentence of clip {order[row]}, of class "
                       f"{classes[order[row]]}: that takes the class away, too. Go through the classes one by one.")
    kept = np.flatnonzero((order == rows) & (np.bincount(classes)[classes] > 1))
    answer.is_true(
        not len(kept), "no clip with its own sentence, but for one that is alone in its class",
        f"{len(kept)} keep their own, clip {(kept if len(kept) else [0])[0]} for instance. Put the clips of a class in "
        "a random order, and give each the sentence of the next one in it.")


@exercise(points=1)
def _wrapping_window(student: Student) -> None:
    length, every, size = student.rng.integers((40, 2, 5), (90, 5, 9)).tolist()
    kept = len(range(0, length, every))
    trials = [(13, 2, 3, 5), (10, 2, 3, 0), (11, 2, 3, 4), (10, 2, 5, 0), (7, 2, 4, 1), (9, 3, 1, 2), (6, 1, 6, 5),
              (length, every, size, kept - 2), (length, every, size, 1)]
    for trial in trials:
        words = "length = {}, every = {}, size = {}, start = {}".format(*trial)
        frames, chance = student(*trial, tried=words).items(2, "the frames, and the chance")
        frames.tried += ": the frames"
        chance.tried += ": the chance"
        frames.close_to(_window(*trial), likely=_slips_of_windows(*trial),
                        hint="The kept frames are 0, every, 2 * every, … below length. Count `size` of them from "
                             "number `start` on; after the last comes the first.")
        _compare_chances(chance, *trial[:3])


def _window(length: int, every: int, size: int, start: int) -> np.ndarray:
    kept = np.arange(0, length, every)
    return kept[(start + np.arange(size)) % len(kept)]


def _slips_of_windows(length: int, every: int, size: int, start: int) -> list[Mistake]:
    """The frames that likely mistakes give."""
    kept = np.arange(0, length, every)
    count = start + np.arange(size)
    back = np.abs((count + len(kept) - 1) % max(2 * (len(kept) - 1), 1) - (len(kept) - 1))
    short = np.arange(length // every) * every
    return [
        mistake(kept[np.minimum(count, len(kept) - 1)], "That stops at the last frame and repeats it. After the last "
                                                        "kept frame comes the first again."),
        mistake(kept[start:start + size], "The window ends at the last frame. It has `size` frames always."),
        mistake(kept[back], "That turns round at the end. After the last kept frame comes the first again."),
        mistake(np.sort(_window(length, every, size, start)), "The frames are in order. The original reads them as "
                                                              "they come, the end of a clip before its beginning."),
        mistake(count % len(kept), "Those are numbers among the kept frames. Return the frames: every, 2 * every, …"),
        mistake((start + every * np.arange(size)) % length, "`start` counts kept frames, and wrapping leads to frame "
                                                            "0, which is kept."),
        mistake((every * count) % length, "Wrapping leads to the first kept frame, which is 0: count within the kept "
                                          "frames, then multiply."),
        mistake(short[count % len(short)] if len(short) else np.nan, "The last kept frame is missing: 0, 2, … 10 are "
                                                                     "six frames of a clip of 11."),
        mistake(_window(length, every, size, start) + 1, "The first frame is 0."),
        mistake(_window(length, every, size, start + 1), "The window begins with kept frame `start`, counted from 0."),
        mistake(_window(length, 1, size, start), "Only every `every`-th frame is kept."),
    ]


def _compare_chances(answer: Answer, length: int, every: int, size: int) -> None:
    """How many of the starts go past the end."""
    kept = len(range(0, length, every))
    chance = (size - 1) / kept
    answer.close_to(
        chance,
        likely=[
            mistake(size / kept, "A window that ends with the last kept frame does not go past it."),
            mistake(1 - chance, "That is the chance that it does not."),
            mistake((size - 1) / length, "`start` is one of the kept frames, not of all."),
            mistake((size - 1) / (length // every), "Count the kept frames: 0, 2, … 10 are six of a clip "
                                                            "of 11."),
            mistake((size - 1) / (kept - 1), "There are as many starts as kept frames."),
            mistake(100 * chance, "Return a share, 0 to 1."),
            mistake(round(chance * kept), "That is a number of starts. Divide by all of them."),
        ],
        hint="Of all starts 0, 1, … up to the last kept frame: for which share is start + size more than there are?")


@exercise(points=2)
def _two_scales(student: Student) -> None:
    pushed = np.array([-1.0, -1.0, -1.0, 1.0, 1.0])
    random = student.rng.normal(-0.4, 1, 12)
    trials = {
        "log_scale = 0, no gradient in 3 steps, rate 0.1, decay 0.5, highest 100": (0.0, np.zeros(3), 0.1, 0.5, 100.0),
        "log_scale = 2, no gradient in 3 steps, rate 0.1, decay 0.5, highest 100": (2.0, np.zeros(3), 0.1, 0.5, 100.0),
        "log_scale = 2, gradients [-1, -1, -1, 1, 1], rate 1, no decay, highest 20": (2.0, pushed, 1.0, 0.0, 20.0),
        "the same with decay 0.1": (2.0, pushed, 1.0, 0.1, 20.0),
        "log_scale = -1, gradients [-1, -1, -1, 1, 1], rate 0.5, decay 0.2, highest 100": (
            -1.0, pushed, 0.5, 0.2, 100.0),
        "log_scale = 2.3, 12 random gradients, rate 0.7, decay 0.1, highest 15": (2.3, random, 0.7, 0.1, 15.0),
    }
    for answer, *trial in student.trials(trials):
        theirs, ours = answer.items(2, "the original's scales, and the kit's")
        theirs.tried += ": the original's"
        ours.tried += ": the kit's"
        start, gradients, rate, decay, highest = trial
        theirs.close_to(
            _scales(start, gradients, rate, decay), likely=[
                mistake(_scales(start, gradients, rate, 0.0), "The decay is missing: it adds decay * log_scale to each "
                                                              "gradient."),
                mistake(_scales(start, gradients, rate, decay, highest), "The original has no clamp."),
                mistake(_scales(start, gradients, rate, -decay), "Decay pulls towards 0: add decay * log_scale to the "
                                                                 "gradient, which is then taken away."),
                mistake(np.exp(start - rate * np.cumsum(gradients + decay * start)),
                        "The decay is of the log scale as it is now, not as it was at the start."),
                mistake(_scales(start, gradients, rate, decay / rate), "The decay goes through the rate, too: rate * "
                                                                    "(gradient + decay * log_scale)."),
                *_slips_of_scales(start, gradients, rate, decay, None),
            ], hint="log_scale -= rate * (gradient + decay * log_scale), step by step; keep exp(log_scale).")
        ours.close_to(
            _scales(start, gradients, rate, 0.0, highest), likely=[
                mistake(np.minimum(_scales(start, gradients, rate, 0.0), highest),
                        "You cut what you return, not the parameter: it runs away, and needs many steps to come back. "
                        "Clamp it in place after each step."),
                mistake(_scales(start, gradients, rate, decay, highest), "The kit's scale has no decay."),
                mistake(_scales(start, gradients, rate, 0.0), "The clamp is missing: at most ln(highest)."),
                mistake(_scales(start, gradients, rate, 0.0, np.exp(highest)),
                        "The log of the scale is clamped, so clamp it at ln(highest)."),
                mistake(_scales(start, gradients, rate, 0.0, highest, before=True),
                        "Clamp after the step, so that no scale above `highest` is ever used."),
                *_slips_of_scales(start, gradients, rate, 0.0, highest),
            ], hint="log_scale -= rate * gradient; then log_scale = min(log_scale, ln(highest)); keep exp(log_scale).")


def _scales(start: float, gradients: np.ndarray, rate: float, decay: float, highest: float | None = None,
            before: bool = False, sign: int = 1) -> np.ndarray:
    """Scales after each step of gradient descent on their logarithm."""
    log_scale, found = start, []
    top = np.inf if highest is None else np.log(highest)
    for gradient in gradients:
        log_scale = min(log_scale, top) if before else log_scale
        log_scale -= sign * rate * (gradient + sign * decay * log_scale)
        log_scale = log_scale if before else min(log_scale, top)
        found.append(log_scale)
    return np.exp(found)


def _slips_of_scales(start: float, gradients: np.ndarray, rate: float, decay: float, highest: float | None
                     ) -> list[Mistake]:
    """What both rules share."""
    right = _scales(start, gradients, rate, decay, highest)
    first = np.exp(start)
    return [
        mistake(np.log(right), "Those are the logarithms. Return the scales: exp."),
        mistake(1 / right, "That is the temperature. The scale is exp(log_scale)."),
        mistake([first, *right[:-1]], "Keep the scale after the step, not before it."),
        mistake([first, *right], "Keep the scale after each step; the start is none."),
        mistake(right[-1], "Return the scale after each step."),
        mistake(_scales(start, gradients, rate, decay, highest, sign=-1),
                "A step goes against the gradient: take it away."),
        mistake(_scales(start, gradients, 1.0, decay, highest), "The rate is not used."),
    ]
