"""How a text encoder reads texts that it was not trained on: which words it does not know, which texts it confuses."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from mgutils.data.labels import Labels
from mgutils.errors import ConfigError

_ROUNDING = 1e-4  # between vectors of length 1; different tokens differ by a whole number


def own_classes(texts: Sequence[str]) -> Labels:
    """The texts as classes, printed as they were typed."""
    return Labels(tuple(texts), tuple(texts))


def origin(unknown: Sequence[str]) -> str:
    """Where the names of the classes are from, for the first line of the answer."""
    if not unknown:
        return "yours"
    return f"yours; the run's text encoder does not know {', '.join(map(repr, unknown))}"


def unknown_words(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[str]:
    """Words that a text encoder has no vector for, in the order of the texts.

    Of such a word nothing is left, or its letters. A tokenizer that was made of a run's captions knows their words
    alone; one of a pretrained encoder knows some ten thousand words, and puts others together from parts of words.
    """
    words = dict.fromkeys(word for text in texts for word in re.findall(r"\w+", text))
    return [word for word in words if _is_spelled(tokenizer.tokenize(word), tokenizer.unk_token)]


def _is_spelled(pieces: Sequence[str], unknown: str | None) -> bool:
    """Whether a word came to nothing, or to single letters."""
    if unknown in pieces:
        return True
    return len(pieces) > 1 and all(len(piece.removeprefix("##")) == 1 for piece in pieces)


def refuse_alike(texts: Sequence[str], read: Tensor) -> None:
    """Refuse two texts of which a text encoder reads the same tokens, or makes the same vector but for rounding."""
    apart = torch.cdist(read.float(), read.float(), compute_mode="donot_use_mm_for_euclid_dist")  # (C, C)
    for first, second in (apart < _ROUNDING).triu(diagonal=1).nonzero().tolist():
        raise ConfigError(f"--classes: found {texts[second]!r} beside {texts[first]!r}, which the run's text encoder "
                          "reads alike; wanted texts that it can tell apart. Say one otherwise.")
