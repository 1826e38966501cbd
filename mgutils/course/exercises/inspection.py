"""What a student's function is made of, read from its code without running it."""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType


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
    """Read a function's code without running it."""
    return Facts(is_stub(function), borrowed(function), frozenset(names_used(function)))


_NOTHING = {"RESUME", "NOP", "CACHE", "COPY_FREE_VARS", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE", "POP_TOP"}


def is_stub(function: Callable) -> bool:
    """Whether the body is empty but for a docstring, comments, ``...``, ``pass`` or ``return None``."""
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    loaded = [step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_CONST", "RETURN_CONST")]
    return (all(step.opname in _NOTHING for step in dis.get_instructions(code))
            and all(value is None or value is Ellipsis for value in loaded))


def borrowed(function: Callable) -> str | None:
    """The first function or class of the kit that the function is or uses, through its own helpers too.

    It reads names. Who hides a name on purpose is not found; this is help for the honest, not a guard.
    """
    for part in _reached(function):
        module = getattr(part, "__module__", None) or ""
        if isinstance(part, ModuleType):
            module = part.__name__
        if module.split(".")[0] == "mgutils":
            return f"{module}.{getattr(part, '__qualname__', '')}".rstrip(".")
        code = getattr(part, "__code__", None)
        for name in _imported(code) if code else ():
            if name.split(".")[0] == "mgutils":
                return name
    return None


def names_used(function: Callable) -> set[str]:
    """Every global and attribute name that the function and its helpers mention."""
    return {name for part in _reached(function) if getattr(part, "__code__", None)
            for code in codes(part.__code__) for name in code.co_names}


def _reached(function: Callable) -> Iterator[object]:
    """The function and what its names stand for, following functions of the same module."""
    waiting, seen = [function], set()
    while waiting:
        part = waiting.pop(0)
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, FunctionType) and part.__module__ == getattr(function, "__module__", None):
            names = {name for code in codes(part.__code__) for name in code.co_names}
            waiting += [part.__globals__[name] for name in sorted(names) if name in part.__globals__]
            waiting += [cell.cell_contents for cell in part.__closure__ or () if _filled(cell)]


def _filled(cell: object) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and those inside it: comprehensions, lambdas, inner functions."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def _imported(code: CodeType) -> Iterator[str]:
    for part in codes(code):
        yield from (step.argval for step in dis.get_instructions(part) if step.opname == "IMPORT_NAME")
