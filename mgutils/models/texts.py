"""Vectors of sentences by a network that does not learn here, or counts of their words.

Each different sentence has the same vector whatever others are encoded beside it: they are put together by length, so
that nothing is padded, and always as many. Which sentences there are is in :mod:`mgutils.data.sentences`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from mgutils.data.captions import descriptions
from mgutils.errors import ConfigError
from mgutils.models.encoders import TextEncoder, make_tokenizer
from mgutils.models.words import MINILM
from mgutils.progress import progress_bar

WORDS, RANDOM = "words", "random"
"""Towers that are no pretrained network."""
_NAMES = {"minilm": MINILM, RANDOM: MINILM}
LONGEST = 256
"""Pieces of text that are read of a sentence, at most."""
TOGETHER = 16
"""Sentences that are encoded at once."""


def check_tower(tower: str) -> None:
    """Refuse the name of a text encoder that cannot be one.

    Raises
    ------
    ConfigError
    """
    if tower not in (WORDS, *_NAMES) and "/" not in tower:
        raise ConfigError(f"tower: found {tower!r}; wanted {', '.join((*_NAMES, WORDS))}, or the name of a text "
                          "encoder on the hub (owner/name).")


def encode_texts(texts: Sequence[str], tower: str = "minilm", progress: bool = False) -> ndarray:
    """The vector of each sentence, (n, W) float32, each of length 1.

    Parameters
    ----------
    texts : sequence of str
    tower : str
        ``minilm``; ``random``: the same network with random weights, always the same ones, whose vectors are seen from
        the mean of the kit's descriptions, as they are all alike; or the name of a text encoder on the hub.
    progress : bool
        Show a bar.

    Raises
    ------
    ConfigError
        If there is no such encoder, or its weights are not at hand.

    Taught in: 12, section 2.
    """
    check_tower(tower)
    name = _NAMES.get(tower, tower)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = TextEncoder(name, pretrained=tower != RANDOM).eval()
    found = _encode(encoder, name, texts, progress)
    if tower == RANDOM:
        found = found - _encode(encoder, name, descriptions(), False).mean(axis=0)
    return found / np.linalg.norm(found, axis=1, keepdims=True).clip(1e-12)


@torch.no_grad()
def _encode(encoder: TextEncoder, name: str, texts: Sequence[str], progress: bool) -> ndarray:
    """Vectors (n, W) as the network has them."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    encoder = encoder.to(device)
    tokens = make_tokenizer(name, ())(list(texts), truncation=True, max_length=LONGEST)["input_ids"]
    lengths = np.array([len(ids) for ids in tokens], dtype=int)
    found = np.zeros((len(texts), encoder.width), dtype=np.float32)
    bar = progress_bar(total=len(texts), unit="sentence", desc="encode once", disable=not progress)
    for length in np.unique(lengths):
        alike = np.flatnonzero(lengths == length)
        for begin in range(0, len(alike), TOGETHER):
            places = alike[begin:begin + TOGETHER]
            ids = torch.tensor([tokens[place] for place in np.resize(places, TOGETHER)], device=device)
            vectors: Tensor = encoder(ids, torch.ones_like(ids))
            found[places] = vectors[:len(places)].float().cpu().numpy()
            bar.update(len(places))
    bar.close()
    return found


def split_words(text: str) -> list[str]:
    """The words of a sentence in lower case, in order.

    Examples
    --------
    >>> split_words("The left hand, raised.")
    ['the', 'left', 'hand', 'raised']
    """
    return re.findall(r"\w+", text.lower())


def vocabulary_of(texts: Iterable[str]) -> list[str]:
    """All different words of some sentences, sorted."""
    return sorted({word for text in texts for word in split_words(text)})


def count_words(texts: Sequence[str], vocabulary: Sequence[str]) -> ndarray:
    """How often each word of a vocabulary stands in each sentence, (n, V) float32; other words count nowhere."""
    place = {word: index for index, word in enumerate(vocabulary)}
    counts = np.zeros((len(texts), len(vocabulary)), dtype=np.float32)
    for row, text in enumerate(texts):
        for word, times in Counter(split_words(text)).items():
            if word in place:
                counts[row, place[word]] = times
    return counts
