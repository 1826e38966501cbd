"""Answers in words of one's own: any texts in place of the classes that a run was trained on.

A run with captions compares an image with vectors of texts. Nothing but habit makes these the texts of its training:
its text encoder reads any, and the softmax is then taken over those. What a probability says is less than it seems: it
is shared out among the texts that were named, so one of them is always the answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from mgutils.data.captions import class_captions
from mgutils.data.labels import Labels
from mgutils.errors import ConfigError
from mgutils.models.encoders import tokenize
from mgutils.models.scorer import CaptionScorer
from mgutils.predict.predictor import Predictor, both_encoders, building
from mgutils.predict.trusted import measure

_ROUNDING = 1e-4  # between vectors of length 1; different tokens differ by a whole number


@torch.no_grad()
def with_texts(predictor: Predictor, texts: Sequence[str], tokenizer: Path | str | None = None) -> Predictor:
    """A predictor of the same run that answers with these texts.

    Parameters
    ----------
    predictor : Predictor
        Of a run with captions.
    texts : sequence of str
        At least two, see :func:`mgutils.predict.kinds.free_texts`. They are read by the run's own text encoder, and
        compared at the run's own temperature.
    tokenizer : path, optional
        As :func:`mgutils.predict.predictor.load_predictor` takes it; an exported file needs one, too, here.

    Returns
    -------
    Predictor
        Its ``labels`` are the texts; its ``labels_from`` names the words that the text encoder does not know.

    Raises
    ------
    ConfigError
        If the run reads no text, or its text encoder cannot tell two of the texts apart.
    CheckpointError
        If the file has no weights of a text encoder.
    """
    config, weights = predictor.config, predictor.weights
    if not config.reads_text:
        raise ConfigError(f"{weights.path}: found a run of the task {config.task!r}, which reads no text; wanted one "
                          "with captions. Leave --classes out, or train with `mg train --task image-text`.")
    captions = class_captions(predictor.labels, config.captions, config.seed)
    with building(weights.path):
        measure(config, len(captions), weights, text=True)
        model, words = both_encoders(config, captions, weights, None if tokenizer is None else Path(tokenizer))
    tokens = tokenize(words, texts)
    refuse_alike(texts, tokens["input_ids"])
    scorer = CaptionScorer.of(model, model.encode_text(**tokens)).eval().to(predictor.device)
    return replace(predictor, scorer=scorer, labels=own_classes(texts), labels_from=origin(unknown_words(words, texts)))


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
