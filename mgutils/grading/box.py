"""The wall: a process under bubblewrap that is asked in lines of JSON, and killed at a deadline.

The kernel keeps the rules, whatever language the code is written in: a box has its own processes,
network, users and files. Of files there are Python, its packages without the kit, and a small
folder in memory; the environment is empty. Notebooks are read in such a box, too.
"""

from __future__ import annotations

import json
import os
import queue
import random
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

import psutil

from mgutils.exercises import calls

_FILES = [Path(calls.__file__), *(Path(__file__).with_name(f"{name}.py")
                                  for name in ("reader", "values", "worker"))]
_PYTHON = os.path.realpath(sys.executable)  # the one that a virtual environment was made from
_START = "import sys; sys.path += sys.argv[3:]; __import__(sys.argv[1]).main(sys.argv[2])"
_SITES = [place for place in sys.path if Path(place).name in ("site-packages", "dist-packages")]
_KIT = ("*mgutils*", "__pycache__/*mgutils*", "*.pth")  # copies of the kit, pointers to checkouts
_ENV = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HOME": "/tmp"}
_TOOLS = ("bwrap", "prlimit", "setpriv")


@dataclass(frozen=True)
class Limits:
    """What a submission may use, in seconds and bytes."""

    seconds: float = 3.0  # for all calls of one check
    total: float = 45.0  # for the whole submission, after
    starts: float = 60.0  # importing packages and running definitions
    memory: int = 1_000_000_000  # beyond what Python, torch and the grader take
    confined: bool = True  # behind the wall


class Dead(Exception):
    """The process ended, or had to be ended."""


class Box:
    """Runs ``program``, a module beside this one, and sends it ``boot``; at most three times."""

    def __init__(self, program: str, argument: str, limits: Limits, *, boot: Any = None,
                 stdin: IO[bytes] | int = subprocess.PIPE) -> None:
        self.limits, self._boot, self._stdin = limits, boot, stdin
        self._command = [_PYTHON, "-I", "-S", "-B", "-c", _START, program, argument]
        self._process, self._lives, self._until = None, 3, float("inf")

    def start(self) -> Any:
        """Start the process and return its first line; raises :class:`Dead`."""
        if not self._lives:
            raise Dead("its process ended three times before")
        self._lives -= 1
        confined = self.limits.confined
        command = [*(_wall(self.limits) if confined else ()), *self._command,
                   *(["/box"] if confined else {str(file.parent) for file in _FILES}), *_SITES]
        self._process = subprocess.Popen(command, env=({} if confined else os.environ) | _ENV,
                                         stdin=self._stdin, stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL)
        answer = self.ask(self._boot, self.limits.starts)
        self._until = min(self._until, time.monotonic() + self.limits.total)
        return answer

    def ask(self, request: Any, seconds: float) -> Any:
        """Send a line, unless it is None, and return the next one, from a new process if need be.

        Raises
        ------
        Dead
            If no answer comes in time, or none that is JSON: the process is killed then.
        """
        if self._process is None:
            self.start()
        # in a thread of its own: neither a full pipe nor an empty one may hold up the grader
        answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        exchange = (self._process, request, answers)
        threading.Thread(target=_exchange, args=exchange, daemon=True).start()
        line = b""
        try:
            left = min(seconds, self._until - time.monotonic())
            line = answers.get(timeout=max(left, 0.01))
            return json.loads(line)
        except queue.Empty:
            words = "it gave no answer in time"
        except (ValueError, RecursionError):
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
            words = "it sent nonsense, or too much" if line else (
                f"its process ended (exit status {self._process.poll()}); it may have used too "
                "much memory or crashed")
        self.end()
        raise Dead(words)

    def end(self) -> None:
        """Kill the process and, behind the wall, whatever it started."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None


def _exchange(process: subprocess.Popen, request: Any, answers: queue.SimpleQueue[bytes]) -> None:
    try:
        if request is not None:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
        answers.put(process.stdout.readline(8_500_000))
    except (OSError, ValueError):  # it has ended
        answers.put(b"")


def why_open() -> str | None:
    """Why no wall can be put up here; None where it stands, which a process tries from inside."""
    if missing := [name for name in _TOOLS if not shutil.which(name)]:
        return f"{missing[0]} is not installed"
    code = "import os, sys\ntry: os.fork()\nexcept OSError: print(os.path.exists(sys.argv[1]))"
    command = [*_wall(Limits()), _PYTHON, "-I", "-S", "-c", code, str(Path(calls.__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True)
    said = done.stderr.strip() or "a process inside sees the kit, or starts processes"
    return None if done.stdout == "False\n" else said.splitlines()[-1]


def _wall(limits: Limits) -> list[str]:
    """The words before a command that put it behind the wall."""
    bwrap, prlimit, setpriv = map(shutil.which, _TOOLS)
    split, become = ["--unshare-all", "--uid", "65534", "--gid", "65534"], []
    if os.geteuid() == 0:
        # the kernel does not count root's processes, even in a user namespace: become somebody new
        user = str(1_900_000_000 + random.SystemRandom().randrange(2**20))
        split = [*(f"--unshare-{name}" for name in ("pid", "net", "ipc", "uts", "cgroup-try")),
                 "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        become = [setpriv, "--reuid", user, "--regid", user, "--clear-groups"]
    memory = ["--perms", "1777", "--size", "16000000", "--tmpfs"]
    environment = [word for name, value in _ENV.items() for word in ("--setenv", name, value)]
    # of addresses, which torch alone takes gigabytes of
    room = max(psutil.Process().memory_info().vms, 4_000_000_000) + limits.memory
    return [bwrap, "--die-with-parent", "--new-session", "--clearenv", *environment,
            "--cap-drop", "ALL", *split, "--proc", "/proc", "--dev", "/dev", *memory, "/dev/shm",
            *memory, "/tmp", *_mounts(), "--chdir", "/tmp", "--remount-ro", "/dev",
            "--remount-ro", "/", *become, prlimit, f"--as={room}", "--nproc=0", "--nofile=64",
            f"--cpu={int(limits.total + limits.starts)}", "--fsize=1000000", "--core=0"]


@cache
def _mounts() -> list[str]:
    """What a box sees of the files, read-only, and what is laid over the kit in it."""
    places = ["/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives",
              f"{sys.prefix}/lib", f"{sys.base_prefix}/lib", *_SITES, _PYTHON,
              *map(shutil.which, _TOOLS[1:])]
    seen = {place: place for place in places if os.path.exists(place)}
    seen |= {str(file): f"/box/{file.name}" for file in _FILES}
    parents = {str(up) for place in seen.values() for up in Path(place).parents} - {"/"}
    words = [word for folder in sorted(parents) for word in ("--dir", folder)]
    for place in sorted(seen):  # what lies in another one comes after it
        words += ["--ro-bind", place, seen[place]]
    sites = {Path(one) for one in _SITES}.union(
        *(Path(root).glob("python3*/*-packages") for root in seen))
    for path in sorted(path for site in sites for name in _KIT for path in site.glob(name)):
        words += ["--ro-bind", os.devnull, str(path)] if path.is_file() else [
            "--tmpfs", str(path), "--remount-ro", str(path)]
    return words
