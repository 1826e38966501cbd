"""What the checker of `encode_caption` must accept and reject."""

import re


def right_steps(caption, vocabulary, length):
    words = re.findall(r"[a-z]+", caption.lower())
    words = words[:length - 2]
    numbers = [vocabulary.get(word, vocabulary["[UNK]"]) for word in words]
    ids = [vocabulary["[CLS]"]] + numbers + [vocabulary["[SEP]"]]
    mask = [1] * len(ids)
    while len(ids) < length:
        ids.append(vocabulary["[PAD]"])
        mask.append(0)
    return ids, mask


def right_letters(caption, vocabulary, length):
    plain = "".join(letter if "a" <= letter <= "z" else " " for letter in caption.lower())
    pieces = ["[CLS]", *plain.split()[:length - 2], "[SEP]"]
    unknown = vocabulary["[UNK]"]
    ids = [vocabulary[piece] if piece in vocabulary else unknown for piece in pieces]
    return (ids + length * [vocabulary["[PAD]"]])[:length], [int(place < len(ids)) for place in range(length)]


def right_arrays(caption, vocabulary, length):
    import numpy as np

    words = re.split(r"[^a-z]+", caption.lower())
    numbers = [vocabulary.get(word, vocabulary["[UNK]"]) for word in words if word][:length - 2]
    ids = np.full(length, vocabulary["[PAD]"])
    ids[:len(numbers) + 2] = [vocabulary["[CLS]"], *numbers, vocabulary["[SEP]"]]
    return ids, (np.arange(length) < len(numbers) + 2).astype(int)


WRONG = {
    "capitals kept": ("caption.lower()", "caption"),
    "split at spaces": (r're.findall(r"[a-z]+", caption.lower())', "caption.lower().split()"),
    "not cut": ("words[:length - 2]", "words"),
    "cut too late": ("words[:length - 2]", "words[:length - 1]"),
    "cut too early": ("words[:length - 2]", "words[:length - 3]"),
    "no CLS": ('[vocabulary["[CLS]"]] + numbers', "numbers"),
    "no SEP": ('numbers + [vocabulary["[SEP]"]]', "numbers"),
    "unknown left out": ('[vocabulary.get(word, vocabulary["[UNK]"]) for word in words]',
                         "[vocabulary[word] for word in words if word in vocabulary]"),
    "unknown is PAD": ('vocabulary.get(word, vocabulary["[UNK]"])', 'vocabulary.get(word, vocabulary["[PAD]"])'),
    "fixed number of UNK": ('vocabulary.get(word, vocabulary["[UNK]"])', "vocabulary.get(word, 1)"),
    "fixed number of PAD": ('ids.append(vocabulary["[PAD]"])', "ids.append(0)"),
    "fixed numbers of CLS and SEP": ('[vocabulary["[CLS]"]] + numbers + [vocabulary["[SEP]"]]', "[2] + numbers + [3]"),
    "mask of ones": ("mask.append(0)", "mask.append(1)"),
    "mask without the special tokens": ("mask = [1] * len(ids)", "mask = [0] + [1] * len(numbers) + [0]"),
    "not filled up": ("while len(ids) < length:", "while False:"),
    "filled up by one too few": ("while len(ids) < length:", "while len(ids) < length - 1:"),
    "mask first": ("return ids, mask", "return mask, ids"),
    "words sorted": ("words = words[:length - 2]", "words = sorted(words[:length - 2])"),
    "last words kept": ("words[:length - 2]", "words[-(length - 2):]"),
    "no words": ("words = words[:length - 2]", "words = []"),
}
