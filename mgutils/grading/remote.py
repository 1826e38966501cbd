"""The instructor's end of a submission's process: starting it, asking it, ending it when it hangs or dies."""

from __future__ import annotations

import multiprocessing
import pickle
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mgutils.exercises.answers import Failed, Student
from mgutils.exercises.inspection import Facts
from mgutils.grading.wire import LARGEST, unpack

_STARTS = 60.0
"""Seconds until a process must have read the cells; on a cold machine importing torch is most of it."""
_LATE = 1.5
"""Seconds beyond the limit until a process that does not stop by itself is ended."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use."""

    seconds: float = 3.0
    """For all calls of one check."""
    total: float = 60.0
    """For the whole submission."""
    memory: int = 1_000_000_000
    """Bytes beyond what the process starts with."""


class Dead(Exception):
    """The process ended, or had to be ended."""


class Process:
    """One submission's process; a new one is started where the old one died."""

    def __init__(self, notebooks: Sequence[tuple[str, list[str]]], names: Sequence[str], limits: Limits) -> None:
        self.notebooks, self.names, self.limits = list(notebooks), list(names), limits
        self.until = time.monotonic() + limits.total + _STARTS
        self.facts: dict[str, Facts] = {}
        self.notes: list[str] = []
        self._folder = self._process = self._pipe = None

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self) -> None:
        """Start the process and let it read the cells.

        Raises
        ------
        Dead
            If it does not manage to.
        """
        self._folder = tempfile.mkdtemp(prefix="mg-grade-")
        context = _context()
        self._pipe, theirs = context.Pipe()
        limits = {"memory": self.limits.memory, "seconds": int(self.limits.total + 10)}
        from mgutils.grading.worker import serve

        self._process = context.Process(target=serve, args=(theirs, self.notebooks, self.names, self._folder, limits),
                                        daemon=True)
        self._process.start()
        theirs.close()
        report = self._receive(_STARTS)
        self.until = min(self.until, time.monotonic() + self.limits.total)
        try:
            self.notes = [str(note)[:300] for note in report["notes"]]
            self.facts = {name: _facts(report["facts"][name]) for name in self.names if name in report["facts"]}
        except (KeyError, TypeError, AttributeError):
            self.end()
            raise Dead("the process answered with nonsense") from None

    def ask(self, request: Mapping[str, Any], seconds: float) -> list[Any]:
        """One call; starts the process where there is none.

        Raises
        ------
        Dead
            If it ends or gives no answer in time.
        """
        if self._process is None:
            self.start()
        try:
            self._pipe.send_bytes(pickle.dumps(dict(request)))
        except OSError:
            self.end()
            raise Dead("the process had ended") from None
        return self._receive(seconds + _LATE)

    def _receive(self, seconds: float) -> Any:
        try:
            if not self._pipe.poll(max(min(seconds, self.until - time.monotonic()), 0.01)):
                raise Dead("it gave no answer in time")
            return unpack(self._pipe.recv_bytes(LARGEST + 1000).decode())
        except Dead:
            self.end()
            raise
        except (EOFError, OSError):
            self._process.join(1)
            code = self._process.exitcode
            self.end()
            raise Dead(f"its process ended{f' (exit status {code})' if code else ''}; it may have used too much memory "
                       "or crashed") from None
        except ValueError as error:
            self.end()
            raise Dead(f"it sent {error}") from None

    def end(self) -> None:
        """End the process and throw its folder away."""
        if self._process is not None:
            self._pipe.close()
            self._process.kill()
            self._process.join()
            shutil.rmtree(self._folder, ignore_errors=True)
        self._process = None


class RemoteStudent(Student):
    """Calls a function in a submission's process."""

    def __init__(self, process: Process, name: str, seed: int) -> None:
        super().__init__(lambda: None, process.limits.seconds, seed)
        self.process, self.name = process, name

    def _call(self, arguments: tuple, named: Mapping[str, Any], gradient_of: int | None) -> Any:
        began = time.monotonic()
        request = {"name": self.name, "arguments": arguments, "named": dict(named), "gradient_of": gradient_of,
                   "left": max(self.left, 0.01), "seconds": self.seconds}
        try:
            answer = self.process.ask(request, self.left)
        except Dead as dead:
            raise Failed("time" if "in time" in str(dead) else "error", f"nothing: {dead}") from None
        finally:
            self.left -= time.monotonic() - began
        if isinstance(answer, list) and len(answer) == 2 and answer[0] == "value":
            return answer[1]
        if isinstance(answer, list) and len(answer) == 3 and answer[0] == "failed":
            raise Failed("time" if answer[1] == "time" else "error", str(answer[2])[:600])
        raise Failed("error", "nothing: the process answered with nonsense")


def _facts(fact: Mapping[str, Any]) -> Facts:
    borrowed = fact["borrowed"]
    return Facts(bool(fact["stub"]), None if borrowed is None else str(borrowed)[:200],
                 frozenset(map(str, fact["names"])))


def _context() -> multiprocessing.context.BaseContext:
    """Processes forked from one that has torch and no student's code in it; where there is no fork, fresh ones."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mgutils.grading.worker"])
    return context
