"""Limits of a number, stood beside its type, and the dataclasses that check them. The settings are in ``config``."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from mgutils.errors import ConfigError


class Limits(NamedTuple):
    """Which values a number may have, in words and as a test; stands beside a field's type in ``Annotated``."""

    words: str
    allow: Callable[[Any], bool]


Positive = Annotated[float, Limits("more than 0", lambda value: 0 < value < inf)]
NotNegative = Annotated[float, Limits("at least 0", lambda value: 0 <= value < inf)]
Natural = Annotated[int, Limits("at least 0", lambda value: value >= 0)]
Count = Annotated[int, Limits("at least 1", lambda value: value >= 1)]


class Settings:
    """Base of the dataclasses whose fields are checked; one :class:`ConfigError` names all faults."""

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self), include_extras=True)
        wanted = {name: _wanted(getattr(self, name), hint) for name, hint in hints.items()}
        faults = [f"{name}: found {getattr(self, name)!r}; wanted {what}." for name, what in wanted.items() if what]
        if faults:
            raise ConfigError(" ".join(faults))


def _wanted(value: Any, hint: Any) -> str:
    """What a field of this type should hold instead; "" if it may hold the value."""
    if get_origin(hint) is Literal:
        return "" if value in get_args(hint) else f"one of {', '.join(get_args(hint))}"
    if get_origin(hint) is not Annotated:
        return ""
    kind, limits = get_args(hint)
    if isinstance(value, bool) or not isinstance(value, int if kind is int else (int, float)):
        return "a whole number (int)" if kind is int else "a number (int or float)"
    return "" if limits.allow(value) else limits.words
