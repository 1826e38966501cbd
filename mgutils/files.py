"""Writing a file so that a reader finds it whole, or not at all. Checkpoints have stricter rules of their own."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
