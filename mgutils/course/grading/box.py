"""The wall: a process under bubblewrap that is asked in lines of JSON, and killed at a deadline.

The kernel keeps the rules, whatever language the code is written in: a box has its own processes,
network, users and files (Python, its packages, four modules of the kit), and no environment.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from mgutils.course.exercises.calls import Failed
from mgutils.course.grading.worker import LARGEST, pack, unpack

_ROOT = Path(__file__).parents[3]
_FILES = ("exercises/calls", "exercises/inspection", "grading/reader", "grading/worker")
_START = "import sys; sys.path += sys.argv[1:]; from mgutils.course.grading.worker import main; main()"
_PYTHON = os.path.realpath(sys.executable)  # the one that a virtual environment was made from
_RUN = (_PYTHON, "-I", "-S", "-B", "-c")
_SITES = [place for place in sys.path if Path(place).name in ("site-packages", "dist-packages")]
_KIT = [f"{site}{name}" for site in ("", "python3*/*-packages/")  # copies, pointers to checkouts
        for name in ("*mgutils*", "__pycache__/*mgutils*", "*.pth")]
_ENV = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HOME": "/tmp"}
_TOOLS = ("bwrap", "prlimit", "setpriv")
_SYSTEM = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")


@dataclass(frozen=True)
class Limits:
    """What a submission may use, in seconds and bytes."""

    seconds: float = 3.0  # for all calls of one check
    total: float = 45.0  # for the whole submission, after
    starts: float = 60.0  # importing packages and running definitions
    memory: int = 1_000_000_000  # beyond what Python, torch and the grader take
    confined: bool = True  # behind the wall


class Box:
    """The process of a submission; when it has ended, a new one takes its place, twice."""

    def __init__(self, limits: Limits) -> None:
        self.boot: list[Any] = []  # requests that a new process gets first
        self.limits = limits
        self._process = None
        self._lives = 3
        self._until = float("inf")

    def call(self, function: tuple[int, str], arguments: tuple, named: dict[str, Any],
             gradient_of: int | None, left: float, seconds: float) -> Any:
        """Call a notebook's function in the box, as ``call_here`` does in this process."""
        self._until = min(self._until, time.monotonic() + self.limits.total)
        call = pack((arguments, named, gradient_of, left, seconds))
        # the box stops a function by itself; what it cannot stop is ended a little later
        answer = self.ask(["call", *function, call], left + 1.5)
        try:
            kind, content = answer
            if kind == "value":
                return unpack(content)
        except Exception as error:  # it may be forged
            raise Failed("error", f"data that cannot be read ({type(error).__name__})") from None
        raise Failed("time" if kind == "time" else "error", str(content)[:600])

    def ask(self, request: Any, seconds: float) -> Any:
        """Send a line and return the next one; kills, and raises Failed, if that is no JSON."""
        if self._process is None:
            self._start()
        deadline = min(self._until, time.monotonic() + seconds)
        watchdog = threading.Timer(deadline - time.monotonic(), self._process.kill)
        watchdog.start()
        line = b""
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline(LARGEST + 500_000)
            return json.loads(line)
        except (OSError, ValueError, RecursionError):
            late = time.monotonic() > deadline
            self.close()
        finally:
            watchdog.cancel()
        if late:
            raise Failed("time", "no answer in time")
        raise Failed("error", "nonsense, or too much" if line else
                     "no answer: its process ended, perhaps for want of memory")

    def _start(self) -> None:
        if not self._lives:
            raise Failed("error", "no answer: its process ended three times before")
        self._lives -= 1
        confined = self.limits.confined
        wall = _wall(self.limits) if confined else []
        command = [*wall, *_RUN, _START, "/box" if confined else str(_ROOT), *_SITES]
        self._process = subprocess.Popen(command, env=_ENV if confined else os.environ | _ENV,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL)
        for request in self.boot:
            self.ask(request, self.limits.starts)

    def close(self) -> None:
        """Kill the process and, behind the wall, whatever it started."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def why_open() -> str | None:
    """Why no wall can be put up here; None where it stands, which a process tries from inside."""
    if missing := [name for name in _TOOLS if not shutil.which(name)]:
        return f"{missing[0]} is not installed"
    code = "import os, sys\ntry: os.fork()\nexcept OSError: print(os.path.exists(sys.argv[1]))"
    command = [*_wall(Limits()), *_RUN, code, str(_ROOT / "mgutils")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.stdout == "False\n":
        return None
    return (done.stderr.strip() or "it sees the kit, or starts processes").splitlines()[-1]


def _wall(limits: Limits) -> list[str]:
    """The words before a command that put it behind the wall."""
    bwrap, prlimit, setpriv = map(shutil.which, _TOOLS)
    users, become = "--unshare-all --uid 65534 --gid 65534", []
    if os.geteuid() == 0:
        # the kernel does not count root's processes, even in a user namespace: become somebody new
        user = str(1_900_000_000 + secrets.randbelow(2**20))
        users = ("--unshare-pid --unshare-net --unshare-ipc --unshare-uts --unshare-cgroup-try "
                 "--cap-add CAP_SETUID --cap-add CAP_SETGID")
        become = [setpriv, "--reuid", user, "--regid", user, "--clear-groups"]
    memory = "--perms 1777 --size 16000000 --tmpfs"
    spaces = (f"--die-with-parent --new-session --cap-drop ALL {users} --proc /proc --dev /dev "
              f"{memory} /dev/shm {memory} /tmp")
    # of addresses, which torch alone takes gigabytes of
    room = max(psutil.Process().memory_info().vms, 4_000_000_000) + limits.memory
    rules = (f"--as={room} --cpu={int(limits.total + limits.starts)} --nproc=0 --nofile=64 "
             "--fsize=1000000 --core=0")
    return [bwrap, *spaces.split(), *_mounts(), "--chdir", "/tmp", "--remount-ro", "/dev",
            "--remount-ro", "/", *become, prlimit, *rules.split()]


def _mounts() -> list[str]:
    """What a box sees of the files, read-only, and what is laid over the kit in it."""
    libraries = {f"{place}/lib" for place in (sys.prefix, sys.base_prefix)}
    places = {*_SYSTEM, *libraries, *_SITES, _PYTHON, *map(shutil.which, _TOOLS[1:])}
    seen = {place: place for place in places}
    seen |= {f"/box/{file}": f"{_ROOT}/{file}" for file in map("mgutils/course/{}.py".format, _FILES)}
    parents = {str(up) for place in seen for up in Path(place).parents} - {"/"}
    words = [word for folder in sorted(parents) for word in ("--dir", folder)]
    for place in sorted(seen):  # what lies in another one comes after it
        words += ["--ro-bind-try", seen[place], place]
    found = {path for place in places for name in _KIT for path in Path(place).glob(name)}
    for hidden in sorted(found):
        if hidden.is_file():
            words += ["--ro-bind", os.devnull, str(hidden)]
        else:
            words += ["--tmpfs", str(hidden), "--remount-ro", str(hidden)]
    return words
