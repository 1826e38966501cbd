"""What a student's function is made of, read from its code without running it."""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType

_NOTHING = ("RESUME", "NOP", "CACHE", "COPY_FREE_VARS", "RETURN_VALUE", "POP_TOP")
_CONSTANTS = ("LOAD_CONST", "RETURN_CONST")


@dataclass(frozen=True)
class Facts:
    """What reading a function's code tells."""

    stub: bool
    """Whether there is nothing in it yet."""
    borrowed: str | None
    """A function of the kit that it uses."""
    names: frozenset[str]
    """Global and attribute names that it mentions."""


def read(function: Callable) -> Facts:
    """Read the code of a function, and of the functions of its module that it uses.

    It reads names. Who hides a name on purpose is not found: this is help for the honest, not a
    guard.
    """
    origins = []
    names = set()
    seen = set()
    waiting = [function]
    while waiting:
        part = waiting.pop(0)
        if id(part) in seen:
            continue
        seen.add(id(part))
        origins.append(_origin(part))
        if part is not function:
            names.add(getattr(part, "__name__", ""))  # whatever the student calls it
        if not isinstance(part, FunctionType) or part.__module__ != function.__module__:
            continue
        for code in codes(part.__code__):
            steps = dis.get_instructions(code)
            origins += [step.argval for step in steps if step.opname == "IMPORT_NAME"]
            names.update(code.co_names)
            scope = part.__globals__
            waiting += [scope[name] for name in code.co_names if name in scope]
        for cell in part.__closure__ or ():
            with suppress(ValueError):  # a cell that is still empty
                waiting.append(cell.cell_contents)
    borrowed = next((name for name in origins if name.split(".")[0] == "mgutils"), None)
    return Facts(is_stub(function), borrowed, frozenset(names))


def _origin(part: object) -> str:
    """Where a thing was defined: ``module.name``."""
    if isinstance(part, ModuleType):
        return part.__name__
    return f"{getattr(part, '__module__', '')}.{getattr(part, '__qualname__', '')}".rstrip(".")


def is_stub(function: Callable) -> bool:
    """Whether the body holds nothing but a docstring, ``...``, ``pass`` or ``return None``."""
    code = getattr(function, "__code__", None)
    return code is not None and all(
        step.opname in _NOTHING
        or step.opname in _CONSTANTS and (step.argval is None or step.argval is Ellipsis)
        for step in dis.get_instructions(code)
    )


def codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and those inside it: comprehensions, lambdas, inner functions."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)
