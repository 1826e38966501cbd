"""A folder that one process at a time works in."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from mgutils.errors import ConfigError


@contextmanager
def locked(directory: Path, wanted: bool = True) -> Iterator[None]:
    """Make a folder and hold it; the system lets go of it when the process ends, be it by a crash.

    The lock is a file in ``.locks`` beside the folder, with a note of who holds it. ``wanted=False`` does nothing.

    Raises
    ------
    ConfigError
        If another process holds the folder, or it cannot be written to.
    """
    if not wanted:
        yield
        return
    place = directory.parent / ".locks"
    note = place / f"{directory.name}.json"
    try:
        for folder in (directory, place):
            folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place / f"{directory.name}.lock", timeout=0)
        lock.acquire()
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now().isoformat(" ", "seconds")}
        note.write_text(json.dumps(holder), encoding="utf-8")
    except Timeout:
        raise ConfigError(f"{directory}: {_holder(note)} works in this folder. Wait for it, stop it, or name another "
                          "folder.") from None
    except OSError as error:
        raise ConfigError(f"{directory}: cannot be written to ({error.strerror}). Name a folder that can.") from None
    try:
        yield
    finally:
        with suppress(OSError):  # it is a note only, and must not hide what ended the work
            note.unlink()
        lock.release()


def _holder(note: Path) -> str:
    try:
        holder = json.loads(note.read_text(encoding="utf-8"))
        return f"process {holder['pid']} on {holder['host']}, since {holder['since']},"
    except (OSError, ValueError, KeyError):
        return "another process"
