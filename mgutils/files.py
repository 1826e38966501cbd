"""Writing a file so that a reader finds it whole, or not at all. Checkpoints have stricter rules of their own."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from mgutils.errors import ConfigError

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
UNWRITABLE = _FULL | {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}
"""Numbers of the errors that a folder or a disk is the reason of, and not the kit."""


@contextmanager
def written_aside(path: Path | str) -> Iterator[Path]:
    """Give a name beside ``path`` to write to; the file takes its place when the block ends, and goes if it fails.

    Folders that are missing are made.

    Raises
    ------
    ConfigError
        If the folder cannot be written to, or the disk is full; a file that was there stays.
    """
    path = Path(path)
    aside = path.with_name(f"{path.stem}.{os.getpid()}.partial{path.suffix}")  # two processes have two
    try:
        with suppress(FileExistsError):  # a file in the folder's place: opening the name aside says so
            path.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        os.replace(aside, path)
    except OSError as error:
        ours = {str(place) for place in (aside, path, *path.parents)}
        if not (str(error.filename) in ours or error.filename is None and error.errno in _FULL):
            raise  # of something else that the block did
        raise ConfigError(f"{path}: cannot be written ({error.strerror}). Make room, or name another folder.") from None
    finally:
        with suppress(OSError):
            aside.unlink()


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
