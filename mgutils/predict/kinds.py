"""What is told before torch is imported: files that are no checkpoint, and texts that are no classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mgutils.data.labels import LONGEST_NAME, UNPRINTABLE
from mgutils.errors import CheckpointError, ConfigError


def refuse_graph(file: Path) -> None:
    """Refuse an ONNX graph.

    Raises
    ------
    CheckpointError
    """
    if file.suffix.lower() == ".onnx":
        raise CheckpointError(f"{file}: found an ONNX graph, which is for other programs; wanted a checkpoint. Name "
                              "the model.safetensors that `mg export` wrote beside it, or the run's folder.")


def free_texts(arguments: Sequence[str]) -> tuple[str, ...]:
    """The texts of ``--classes``: one argument is a list with commas; several are a text each, commas and all.

    Raises
    ------
    ConfigError
        If there are fewer than two texts, one is empty, too long or cannot be printed, or two are the same but for
        capitals and spaces.

    Examples
    --------
    >>> free_texts(["touching the neck, folding the arms"])
    ('touching the neck', 'folding the arms')
    >>> free_texts(["a hand at the neck, moving", "arms folded"])
    ('a hand at the neck, moving', 'arms folded')
    """
    found = arguments[0].split(",") if len(arguments) == 1 else arguments
    texts = tuple(" ".join(text.split()) for text in found)
    said: dict[str, str] = {}
    for place, text in enumerate(texts, start=1):
        if not text:
            raise ConfigError(f"--classes: found an empty text in place {place} of {len(texts)}; wanted words. Take "
                              "out a comma that stands beside another or at an end.")
        if len(text) > LONGEST_NAME or UNPRINTABLE.search(text):
            raise ConfigError(f"--classes: found {text[:60]!r}; wanted one line of at most {LONGEST_NAME:,} "
                              "characters. Say it in fewer words.")
        if text.casefold() in said:
            raise ConfigError(f"--classes: found {text!r} beside {said[text.casefold()]!r}, the same text twice; "
                              "wanted each class once. Take one of the two out.")
        said[text.casefold()] = text
    if len(texts) < 2:
        alone = f"the one class {texts[0]!r}" if texts else "none"
        raise ConfigError(f"--classes: found {alone}; wanted at least two: one alone would be certain in every "
                          "picture. Add what else there may be, with a comma between.")
    return texts
