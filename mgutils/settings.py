"""What a setting may be: one of its choices, or a number within its limits. The dataclasses of ``config`` ask here."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mgutils.errors import ConfigError

_PLAIN = {int: ("a whole number (int)", int), float: ("a number (int or float)", (int, float))}
_POSITIVE = "more than 0", lambda value: 0 < value < float("inf")
_NOT_NEGATIVE = "at least 0", lambda value: 0 <= value < float("inf")
_LIMITS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "epochs": ("at least 1", lambda value: value >= 1),
    "batch_size": ("at least 2 images", lambda value: value >= 2),
    "micro_batch": ("0, or at least 4 images", lambda value: value == 0 or value >= 4),
    "image_size": ("at least 8 pixels", lambda value: value >= 8),
    "lr_image": _NOT_NEGATIVE,
    "lr_text": _NOT_NEGATIVE,
    "lr_head": _NOT_NEGATIVE,
    "weight_decay_head": _NOT_NEGATIVE,
    "plateau_patience": _NOT_NEGATIVE,
    "plateau_factor": ("more than 0 and less than 1", lambda value: 0 < value < 1),
    "threads": _NOT_NEGATIVE,
    "seed": ("0 to 4,294,967,295", lambda value: 0 <= value < 2**32),
    "temperature": _POSITIVE,
    "projection": ("at least 1", lambda value: value >= 1),
    "dropout": ("at least 0 and less than 1", lambda value: 0 <= value < 1),
}


def check_settings(settings: object) -> None:
    """Go over the fields of a dataclass, and name all that cannot be at once.

    Raises
    ------
    ConfigError
        With what was found and what is wanted.
    """
    wanted = {name: _wanted(name, getattr(settings, name), hint) for name, hint in _hints(type(settings)).items()}
    faults = [f"{name}: found {getattr(settings, name)!r}; wanted {what}." for name, what in wanted.items() if what]
    if faults:
        raise ConfigError(" ".join(faults))


def _wanted(name: str, value: Any, hint: Any) -> str:
    """What there should be instead; "" where there is nothing to say against the value."""
    if get_origin(hint) is Literal:
        return "" if value in get_args(hint) else f"one of {', '.join(get_args(hint))}"
    if hint in _PLAIN and (isinstance(value, bool) or not isinstance(value, _PLAIN[hint][1])):
        return _PLAIN[hint][0]
    words, fits = _LIMITS.get(name, ("", lambda value: True))
    return "" if fits(value) else words


@cache
def _hints(settings: type) -> dict[str, Any]:
    return get_type_hints(settings)
