"""How a vision-language model is asked about the frames of a clip: `mg caption`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mgutils.errors import ConfigError
from mgutils.limits import Count, Natural, NotNegative, Settings


@dataclass(frozen=True)
class CaptionConfig(Settings):
    """The model, the question, and how many answers it gives.

    The defaults are those of the third original, which asked LLaVA: three frames of a clip, three answers to each.

    Raises
    ------
    ConfigError
        If a setting is out of its limits, or two contradict each other.
    """

    model: str
    """Of a vision-language model: its name on the hub, or a folder with its files."""
    prompt: str = "Describe the human action in this frame in just one sentence."
    """The question to each frame."""
    answers: Count = 3
    """Answers to each frame, each drawn anew."""
    at: Literal["thirds", "middle"] = "thirds"
    """Frames of a clip: at 1/3, 1/2 and 2/3 of it, or in its middle."""
    temperature: NotNegative = 0.5
    """Of the draw; 0 takes the likeliest word, and allows one answer only."""
    tokens: Count = 64
    """Most that an answer may have."""
    seed: Natural = 0
    """Of the draws."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("model", "prompt"):
            if not getattr(self, name).strip():
                raise ConfigError(f"{name}: found nothing; wanted a text.")
        if self.temperature == 0 and self.answers > 1:
            raise ConfigError(f"temperature, answers: found 0 and {self.answers}; wanted 1 answer, as all would be the "
                              "same, or a temperature above 0.")
