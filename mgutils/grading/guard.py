"""What a submission's process may do: little. Called once in that process, before any of the student's code.

Three layers. Limits on memory, processor time and file size, kept by the kernel (not on Windows). A hook in Python that
refuses files outside a short list, other programs, the network and foreign functions (everywhere). Landlock, with which
the Linux kernel itself refuses files and connections, whatever the code is written in (Linux 5.13 and later, where it
is switched on; signals and TCP with later ones). :func:`landlock_version` says whether the last layer is there.
"""

from __future__ import annotations

import ctypes
import os
import sys
import sysconfig
from pathlib import Path

_READ = 0b1101  # execute (for libraries), read file, read folder
_ALL = (1 << 13) - 1  # every right that the first version of Landlock knows
_CREATE, _ADD, _RESTRICT = 444, 445, 446  # numbers of the system calls on every architecture
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGING = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate")
_REFUSED = ("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.startfile", "os.kill",
            "os.chmod", "os.chown", "os.link", "os.symlink", "shutil.", "socket.", "ctypes.", "ftplib.", "http.",
            "urllib.", "smtplib.", "pty.", "signal.pthread_kill", "webbrowser.", "winreg.", "sqlite3.")


def readable() -> list[str]:
    """Folders that Python and its packages need; not the project's sources, tests or submissions."""
    import mgutils

    places = {*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix, Path(mgutils.__file__).parent,
              "/usr", "/lib", "/lib64", "/etc/localtime", "/dev/null", "/dev/urandom",
              *(place for place in sys.path if place.endswith("site-packages"))}
    return sorted({os.path.realpath(place) for place in places if os.path.exists(place)} - {"/"})


def confine(folder: str, *, memory: int, seconds: int) -> None:
    """Give up every right but reading :func:`readable` and writing into one folder; there is no way back.

    Parameters
    ----------
    folder : str
        The process's own, to be thrown away.
    memory : int
        Bytes beyond what the process has already.
    seconds : int
        Of processor time.
    """
    places = readable()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.chdir(folder)
    for name in set(os.environ) - {"PATH", "LANG", "LC_ALL", "TZ"}:
        del os.environ[name]
    os.environ.update(HOME=folder, TMPDIR=folder)
    _limit(memory, seconds)
    if landlock_version():
        _landlock(folder, places)
    _hook(folder, places)


def _limit(memory: int, seconds: int) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    statm = Path("/proc/self/statm")
    used = int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0
    wanted = {"RLIMIT_AS": used + memory if used else None, "RLIMIT_CPU": seconds, "RLIMIT_FSIZE": 1_000_000,
              "RLIMIT_CORE": 0, "RLIMIT_NPROC": 0}
    for name, limit in wanted.items():
        if limit is not None and hasattr(resource, name):
            resource.setrlimit(getattr(resource, name), (limit, limit))


# -- Landlock ----------------------------------------------------------------------------------------------------------


class _Rules(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_, _layout_ = 1, "ms"
    _fields_ = [("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def landlock_version() -> int:
    """Version of Landlock in the running kernel; 0 where there is none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(ctypes.CDLL(None).syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1)), 0)


def _landlock(folder: str, places: list[str]) -> None:
    """Refuse files but the listed ones, and, where the kernel can, TCP (version 4) and signals (version 6)."""
    version, libc = landlock_version(), ctypes.CDLL(None, use_errno=True)
    rules = _Rules(_ALL, 0b11 if version >= 4 else 0, 0b11 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    handle = libc.syscall(_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    for place, allowed in [*((place, _READ) for place in places), (folder, _ALL)]:
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
        if not os.path.isdir(place):
            allowed &= 0b111
        beneath = _Beneath(allowed, opened)
        libc.syscall(_ADD, handle, ctypes.c_int(1), ctypes.byref(beneath), ctypes.c_uint32(0))
        os.close(opened)
    libc.prctl(38, 1, 0, 0, 0)  # no new privileges: without this the kernel refuses the next call
    if libc.syscall(_RESTRICT, handle, ctypes.c_uint32(0)):
        raise OSError(ctypes.get_errno(), "Landlock refused")
    os.close(handle)


# -- the hook in Python ------------------------------------------------------------------------------------------------


def _hook(folder: str, places: list[str]) -> None:
    folder = os.path.realpath(folder)

    def inside(path: object, roots: list[str]) -> bool:
        full = os.path.realpath(os.fsdecode(path) if isinstance(path, bytes) else str(path))
        return any(full == root or full.startswith(root + os.sep) for root in roots)

    def refuse(event: str, arguments: tuple) -> None:
        if event == "open":
            path, mode, flags = arguments
            if path is None or isinstance(path, int):
                return
            writing = bool(flags & _WRITING) if isinstance(flags, int) else "r" not in (mode or "r")
            if not inside(path, [folder] if writing else [folder, *places]):
                raise PermissionError(f"a submission may not {'write' if writing else 'read'} {path!r}")
        elif event in ("os.listdir", "os.scandir") and not inside(arguments[0] or ".", [folder, *places]):
            raise PermissionError(f"a submission may not list {arguments[0]!r}")
        elif event in _CHANGING and not all(inside(path, [folder]) for path in arguments if isinstance(path, str)):
            raise PermissionError(f"a submission may not change {arguments[0]!r}")
        elif event.startswith(_REFUSED):
            raise PermissionError(f"a submission may not do this ({event})")

    sys.addaudithook(refuse)
