"""What is told before torch is imported: texts that are no classes, and runs that no film can be shown."""

from __future__ import annotations

from collections.abc import Sequence

from mgutils.config import FrameFeatures, Pair, RunConfig, TextVectors
from mgutils.errors import ConfigError

CAUTION = ("a probability is shared out among the texts of --classes, of which one is always the answer; and a run "
           "that learned from the studio's drawn people is no model of people")
"""What to say beside every answer in words of one's own."""


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
    from mgutils.data.labels import LONGEST_NAME, UNPRINTABLE  # with pandas, which `mg --help` does without

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


def reads_sentences(config: RunConfig) -> bool:
    """Whether a run is one on videos and sentences."""
    return config.task == "alignment" and any(isinstance(entry, TextVectors) for entry in config.model.derived)


def video_of(config: RunConfig, source: str) -> tuple[FrameFeatures, Pair]:
    """What a run on videos and sentences reads of a film, and its pair with the sentences.

    Returns
    -------
    FrameFeatures
        Of joints, which have no encoder, or of rgb by one.
    Pair

    Raises
    ------
    ConfigError
        If no pair has the one or the other beside sentences.
    """
    made = {entry.name: entry for entry in config.model.derived}
    beside = []
    for pair in config.model.pairs:
        for said, name in ((pair.a, pair.b), (pair.b, pair.a)):
            if isinstance(made.get(said), TextVectors):
                video = made.get(name, FrameFeatures(name, name, ""))
                if isinstance(video, FrameFeatures) and video.of == ("rgb" if video.by else "joints"):
                    return video, pair
                beside.append(name)
    raise ConfigError(f"{source}: found a run on sentences beside {', '.join(beside) or 'nothing'}; wanted joints, or "
                      "features of rgb, which can be had of a film. `mg train --task video-text` makes one.")
