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

LIVES = 3
"""Processes of one box: a new one is started where the last one was ended."""
_LONGEST = 8_500_000  # bytes of one line
_FILES = [Path(calls.__file__), *(Path(__file__).with_name(f"{name}.py")
                                  for name in ("reader", "values", "worker"))]
_PYTHON = os.path.realpath(sys.executable)  # the one that a virtual environment was made from
_START = "import sys; sys.path += sys.argv[3:]; __import__(sys.argv[1]).main(sys.argv[2])"
_SITES = [place for place in sys.path if Path(place).name in ("site-packages", "dist-packages")]
_KIT = ("*mgutils*", "__pycache__/*mgutils*", "*.pth")  # copies of the kit, pointers to checkouts
_ENV = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")} | {"HOME": "/tmp"}


@dataclass(frozen=True)
class Limits:
    """What a submission may use."""

    seconds: float = 3.0
    """For all calls of one check."""
    total: float = 45.0
    """For the whole submission."""
    memory: int = 1_000_000_000
    """Bytes beyond what Python, torch and the grader take."""
    starts: float = 60.0
    """Seconds for importing packages and running definitions."""
    confined: bool = True
    """Behind the wall."""


class Dead(Exception):
    """The process ended, or had to be ended."""


class Box:
    """Runs ``program``, a module beside this one, and begins by sending it ``boot``, if given."""

    def __init__(self, program: str, argument: str, limits: Limits, *, boot: Any = None,
                 stdin: IO[bytes] | int = subprocess.PIPE) -> None:
        self.limits, self._boot, self._stdin = limits, boot, stdin
        self._command = [_PYTHON, "-I", "-S", "-B", "-c", _START, program, argument]
        self._process, self._lives, self._until = None, LIVES, float("inf")

    def start(self) -> Any:
        """Start the process; return its first line.

        Raises
        ------
        Dead
            If there is none, or the process ended too often.
        """
        if not self._lives:
            raise Dead(f"its process ended {LIVES} times before")
        self._lives -= 1
        command = [*_wall(self.limits), *self._command, "/box"] if self.limits.confined else [
            *self._command, *{str(file.parent) for file in _FILES}]
        self._process = subprocess.Popen([*command, *_SITES], stdin=self._stdin,
                                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                         env=({} if self.limits.confined else os.environ) | _ENV)
        answer = self.ask(self._boot, self.limits.starts)
        self._until = min(self._until, time.monotonic() + self.limits.total)
        return answer

    def ask(self, request: Any, seconds: float) -> Any:
        """Send a line, unless it is None, and wait for one; start the process where there is none.

        Raises
        ------
        Dead
            If no answer comes in time, or none that is JSON: the process is killed then.
        """
        if self._process is None:
            self.start()
        answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        # in a thread of its own: neither a full pipe nor an empty one may hold up the grader
        threading.Thread(target=self._exchange, args=(self._process, request, answers),
                         daemon=True).start()
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
                f"its process ended (exit status {self._process.poll()}); it may have used too much "
                "memory or crashed")
        self.end()
        raise Dead(words)

    @staticmethod
    def _exchange(process: subprocess.Popen, request: Any, answers: queue.SimpleQueue) -> None:
        try:
            if request is not None:
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
            answers.put(process.stdout.readline(_LONGEST))
        except (OSError, ValueError):  # it has ended
            answers.put(b"")

    def end(self) -> None:
        """Kill the process and, behind the wall, whatever it started."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None


def why_open() -> str | None:
    """Why no wall can be put up here; None where it stands, which a process tries from inside."""
    missing = [name for name in ("bwrap", "prlimit", "setpriv") if not shutil.which(name)]
    if missing or not sys.platform.startswith("linux"):
        return f"{missing[0]} is not installed" if missing else "bubblewrap needs Linux"
    code = "import os, sys\ntry: os.fork()\nexcept OSError: print(os.path.exists(sys.argv[1]))"
    command = [*_wall(Limits()), _PYTHON, "-I", "-S", "-c", code, str(Path(calls.__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True)
    return None if done.stdout == "False\n" else (
        done.stderr.strip() or "a process inside sees the kit, or starts processes").splitlines()[-1]


def _wall(limits: Limits) -> list[str]:
    """The words before a command that put it behind the wall."""
    split, become = ["--unshare-all", "--uid", "65534", "--gid", "65534"], []
    if os.geteuid() == 0:
        # the kernel does not count root's processes, even in a user namespace: become somebody new
        user = str(1_900_000_000 + random.SystemRandom().randrange(2**20))
        split = [*(f"--unshare-{name}" for name in ("pid", "net", "ipc", "uts", "cgroup-try")),
                 "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        become = [shutil.which("setpriv"), "--reuid", user, "--regid", user, "--clear-groups"]
    memory = ["--perms", "1777", "--size", "16000000", "--tmpfs"]
    environment = [word for name, value in _ENV.items() for word in ("--setenv", name, value)]
    # of addresses, which torch alone takes gigabytes of
    room = max(psutil.Process().memory_info().vms, 4_000_000_000) + limits.memory
    return [shutil.which("bwrap"), "--die-with-parent", "--new-session", "--clearenv",
            *environment, "--cap-drop", "ALL", *split, "--proc", "/proc", "--dev", "/dev",
            *memory, "/dev/shm", *memory, "/tmp", *_mounts(), "--chdir", "/tmp",
            "--remount-ro", "/dev", "--remount-ro", "/", *become,
            shutil.which("prlimit"), f"--as={room}", f"--cpu={int(limits.total + limits.starts)}",
            "--nproc=0", "--fsize=1000000", "--nofile=64", "--core=0"]


@cache
def _mounts() -> list[str]:
    """What a box sees of the files, read-only, and what is laid over the kit in it."""
    places = ["/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives",
              f"{sys.prefix}/lib", f"{sys.base_prefix}/lib", *_SITES, _PYTHON,
              shutil.which("prlimit"), shutil.which("setpriv")]
    seen = {place: place for place in places if os.path.exists(place)}
    seen |= {str(file): f"/box/{file.name}" for file in _FILES}
    parents = {str(up) for place in seen.values() for up in Path(place).parents} - {"/"}
    words = [word for folder in sorted(parents) for word in ("--dir", folder)]
    for place in sorted(seen):  # what lies in another one comes after it
        words += ["--ro-bind", place, seen[place]]
    sites = {Path(one) for one in _SITES}.union(*(Path(root).glob("python3*/*-packages")
                                                  for root in seen))
    for path in sorted(path for site in sites for name in _KIT for path in site.glob(name)):
        words += ["--ro-bind", os.devnull, str(path)] if path.is_file() else [
            "--tmpfs", str(path), "--remount-ro", str(path)]
    return words
