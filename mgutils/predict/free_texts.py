"""Answers in words of one's own: any texts in place of the classes that a run was trained on.

A run with captions compares an image with vectors of texts. Nothing but habit makes these the texts of its training:
its text encoder reads any, and the softmax is then taken over those. What a probability says is less than it seems: it
is shared out among the texts that were named, so one of them is always the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from mgutils.data.captions import class_captions
from mgutils.errors import ConfigError
from mgutils.models.encoders import tokenize
from mgutils.models.scorer import CaptionScorer
from mgutils.predict.predictor import Predictor, both_encoders, building
from mgutils.predict.read_texts import origin, own_classes, refuse_alike, unknown_words
from mgutils.predict.trusted import measure


@torch.no_grad()
def with_texts(predictor: Predictor, texts: Sequence[str], tokenizer: Path | str | None = None) -> Predictor:
    """A predictor of the same run that answers with these texts.

    Parameters
    ----------
    predictor : Predictor
        Of a run with captions.
    texts : sequence of str
        At least two, see :func:`mgutils.predict.asked.free_texts`. They are read by the run's own text encoder, and
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
