"""Files and folders that are whole or absent, and folders that one process holds.

Locks are filelock's, which is imported where a lock is taken: `mg --help` needs none.

Checkpoints have stricter rules of their own: see ``training.checkpoint``.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from mgutils.errors import ConfigError

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
UNWRITABLE = _FULL | {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG,
}
"""Error numbers whose cause is a folder or a disk, and not the kit."""
STATE = ".making"
"""Folder inside a folder that is being made: the lock, and what a later run needs to know."""


@contextmanager
def atomic_file(path: Path | str) -> Iterator[Path]:
    """Yield a temporary name beside ``path``; rename it to ``path`` on success, remove it on failure.

    Missing folders are made, and removed on failure if nothing else is in them.

    Raises
    ------
    ConfigError
        If the folder cannot be written to, or the disk is full; an earlier file stays.
    """
    path = Path(path)
    made = [folder for folder in path.parents if not os.path.exists(folder)]  # the deepest first
    partial = path.with_name(f"{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        with suppress(FileExistsError):  # a file in the folder's place: opening the partial file says so
            path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, path)
    except OSError as error:
        ours = {str(name) for name in (partial, path, *path.parents)}
        full = error.filename is None and error.errno in _FULL
        if not full and str(error.filename) not in ours:
            raise  # of something else that the block did
        raise ConfigError(f"{path}: cannot be written ({error.strerror}). Make room, or name another folder.") from None
    finally:
        with suppress(OSError):
            partial.unlink()
        with suppress(OSError):  # one with something in it
            for folder in made:
                folder.rmdir()


@contextmanager
def atomic_folder(path: Path, *, resume: bool = False) -> Iterator[Path]:
    """Yield a hidden folder beside ``path``, locked; rename it to ``path`` on success unless it is empty.

    Missing folders are made, and removed on failure if nothing else is in them.

    Parameters
    ----------
    path : Path
        May exist only as an empty folder.
    resume : bool
        Start from what an earlier run left, and keep what there is on failure.

    Raises
    ------
    ConfigError
        If another process is making the folder.
    """
    from filelock import FileLock, Timeout

    made = [folder for folder in path.parents if not os.path.exists(folder)]  # the deepest first
    partial = path.with_name(f".{path.name}.partial")
    (partial / STATE).mkdir(parents=True, exist_ok=True)
    lock = FileLock(partial / STATE / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ConfigError(f"{path}: found that another process is making this dataset. Wait until it has ended, then "
                          "run again.") from None
    published = False
    try:
        if not resume:
            _clear(partial)
        yield partial
        if any(entry.name != STATE for entry in partial.iterdir()):
            if path.exists():
                path.rmdir()
            if os.name == "nt":  # Windows renames no folder in which a file is open
                lock.release()
            partial.rename(path)
            published = True
            shutil.rmtree(path / STATE, ignore_errors=True)
    finally:
        if not resume and not published:
            shutil.rmtree(partial, ignore_errors=True)
        lock.release()
        with suppress(OSError):  # one with something in it
            for folder in made:
                folder.rmdir()


def _clear(folder: Path) -> None:
    """Remove what a killed process left, but for the lock."""
    for entry in folder.iterdir():
        if entry.name == STATE:
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


@contextmanager
def locked(directory: Path, wanted: bool = True) -> Iterator[None]:
    """Create the folder and take an exclusive lock on it, released when the process exits.

    The lock is a file in ``.locks`` beside the folder, with a note of who holds it. ``wanted=False``
    does nothing.

    Raises
    ------
    ConfigError
        If another process holds the folder, or it cannot be written to.
    """
    if not wanted:
        yield
        return
    from filelock import FileLock, Timeout

    locks = directory.parent / ".locks"
    note = locks / f"{directory.name}.json"
    lock = FileLock(locks / f"{directory.name}.lock", timeout=0)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        locks.mkdir(exist_ok=True)
        lock.acquire()
        holder = {
            "pid": os.getpid(),
            "host": platform.node(),
            "since": datetime.now().isoformat(" ", "seconds"),
        }
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
