"""Python imports this by itself in the commands of ``test_faults``: it counts what a command writes, and lets a fault
happen at one of these moments.

A moment is an opening for writing or a renaming in the folder that is watched, as Python's audit hooks tell it: before
it happens. ``MG_FAULT`` is a JSON object: ``place`` (the folder), ``note`` (a file beside it for what was seen),
``fault`` (a name in :data:`FAULTS`), ``moment`` (counted from 0), ``like`` (the folder of an undisturbed command).
Processes that the command starts see none of it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any

_TOLD = json.loads(os.environ.pop("MG_FAULT", "{}"))
_WRITES = os.O_WRONLY | os.O_RDWR
_one_at_a_time = threading.Lock()
_own = threading.local()  # what the fault itself writes does not count
_seen: list[str] = []


def kill(path: str, flags: int) -> None:
    """As ``kill -9`` in the middle of a file: its first half is on the disk."""
    if flags & os.O_TRUNC:
        with open(path, "wb") as file:
            file.write(_first_half(path))
    os.kill(os.getpid(), signal.SIGKILL)


def _first_half(path: str) -> bytes:
    """Of what the undisturbed command has there; of a file that it renamed, nothing is known."""
    try:
        with open(os.path.join(_TOLD["like"], os.path.relpath(path, _TOLD["place"])), "rb") as file:
            content = file.read()
        return content[:len(content) // 2]
    except OSError:
        return b"half"


def sigterm(path: str, flags: int) -> None:
    """A request to end, as a scheduler sends it before it kills."""
    os.kill(os.getpid(), signal.SIGTERM)


def full(path: str, flags: int) -> None:
    """Another file takes the rest of the disk, which is a small one in memory."""
    with open(os.path.join(_TOLD["place"], "ballast"), "wb", buffering=0) as ballast:
        try:
            while ballast.write(bytes(1 << 16)):
                pass
        except OSError:
            pass


def read_only(path: str, flags: int) -> None:
    """The disk can be read from now on, but not written."""
    place = _TOLD["place"]
    subprocess.run(["mount", "--bind", place, place], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True)


def second(path: str, flags: int) -> None:
    """The same command again, from its beginning to its end, while this one works."""
    done = subprocess.run([sys.executable, *sys.orig_argv[1:]], capture_output=True, text=True)
    _note(second=[done.returncode, done.stdout + done.stderr])


FAULTS = {done.__name__: done for done in (kill, sigterm, full, read_only, second)}


def _note(**what: Any) -> None:
    with open(_TOLD["note"], "a", encoding="utf-8") as file:
        file.write(json.dumps(what) + "\n")


def _count(event: str, arguments: tuple) -> None:
    if event == "open":
        path, _, flags = arguments
        writes = isinstance(flags, int) and flags & _WRITES
    elif event == "os.rename":
        path, flags = arguments[1], 0
        writes = True
    else:
        return
    if not (writes and isinstance(path, str | bytes | os.PathLike)):
        return
    path = os.path.abspath(os.fsdecode(path))
    if not path.startswith(_TOLD["place"] + os.sep) or getattr(_own, "writing", False):
        return
    _own.writing = True
    try:
        with _one_at_a_time:
            _seen.append(f"{event} {os.path.relpath(path, _TOLD['place'])}")
            _note(moment=_seen[-1])
            if _TOLD.get("moment") == len(_seen) - 1:
                FAULTS[_TOLD["fault"]](path, flags)
    finally:
        _own.writing = False


if _TOLD:
    sys.addaudithook(_count)
