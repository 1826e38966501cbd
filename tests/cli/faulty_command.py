"""Runs commands of the kit in which a fault happens; ``test_faults`` starts this script and writes to it.

Every line that it reads is a JSON object, and becomes ``python -m mgutils`` in a process of its own, which is forked
here to spare it the imports. Its exit status is printed. The process counts its moments: a moment is an opening for
writing or a renaming in the folder ``place``, told by Python's audit hooks before it happens. At the moment of the
number ``at`` the ``fault`` happens. Processes that the command starts count nothing.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR


class Watch:
    """The audit hook of a command: notes its moments, and lets the fault happen."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told, self.place = told, Path(told["place"])
        self._twin = start_twin(told) if told.get("fault") == "second" else None
        self._moments = 0
        self._one_at_a_time = threading.Lock()
        self._own = threading.local()  # what a fault writes by itself is no moment

    def __call__(self, event: str, arguments: tuple) -> None:
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES:
            self._moment(event, arguments[0], arguments[2])
        elif event == "os.rename":
            self._moment(event, arguments[1], 0)

    def _moment(self, event: str, name: Any, flags: int) -> None:
        if not isinstance(name, str | bytes | os.PathLike) or getattr(self._own, "busy", False):
            return
        file = Path(os.path.abspath(os.fsdecode(name)))
        if not file.is_relative_to(self.place):
            return
        self._own.busy = True
        try:
            with self._one_at_a_time:
                self._note(moment=f"{event} {file.relative_to(self.place).as_posix()}")
                self._moments += 1
                if self.told.get("at") == self._moments - 1:
                    getattr(self, self.told["fault"])(file, flags)
        finally:
            self._own.busy = False

    def _note(self, **what: Any) -> None:
        with open(self.told["note"], "a", encoding="utf-8") as file:
            file.write(json.dumps(what) + "\n")

    # -- the faults ----------------------------------------------------------------------------------------------------

    def kill(self, file: Path, flags: int) -> None:
        """``kill -9`` in the middle of a file: its first half is on the disk."""
        if flags & os.O_TRUNC:
            file.write_bytes(self._first_half(file))
        os.kill(os.getpid(), signal.SIGKILL)

    def _first_half(self, file: Path) -> bytes:
        """Of what the undisturbed command has under that name; nobody knows what it had under a name aside."""
        try:
            content = (Path(self.told["like"]) / file.relative_to(self.place)).read_bytes()
        except OSError:
            return b"half"
        return content[:len(content) // 2]

    def sigterm(self, file: Path, flags: int) -> None:
        """A request to end, as a scheduler sends it some time before it kills."""
        os.kill(os.getpid(), signal.SIGTERM)

    def full(self, file: Path, flags: int) -> None:
        """Another file takes what is left of the disk."""
        with (self.place / "ballast").open("wb", buffering=0) as ballast:
            try:
                while ballast.write(bytes(1 << 16)):
                    pass
            except OSError:
                pass

    def read_only(self, file: Path, flags: int) -> None:
        """From now on the disk can be read and not written."""
        subprocess.run(["mount", "--bind", self.place, self.place], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", self.place], check=True)

    def second(self, file: Path, flags: int) -> None:
        """The same command once more, from its beginning to its end, while this one works."""
        twin, begin = self._twin
        os.write(begin, b"!")
        status = os.waitstatus_to_exitcode(os.waitpid(twin, 0)[1])
        self._note(second=[status, Path(f"{self.told['said']}.second").read_text()])


def start_twin(told: dict[str, Any]) -> tuple[int, int]:
    """Fork a process that waits for a byte, and is the same command then, without a fault.

    Forked before the command begins, it shares no lock with it.

    Returns
    -------
    twin : int
        Its number.
    begin : int
        Where the byte is written to.
    """
    wait, begin = os.pipe()
    if twin := os.fork():
        os.close(wait)
        return twin, begin
    os.close(begin)
    if not os.read(wait, 1):
        os._exit(0)
    said = Path(f"{told['said']}.second")
    said.unlink(missing_ok=True)
    become_command(told | {"fault": None, "at": None, "said": str(said), "note": os.devnull})


def become_command(told: dict[str, Any]) -> None:
    """Turn this process into ``python -m mgutils``; it ends with the exit status of the command."""
    signal.alarm(told["seconds"])
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what is in the background without it
    os.environ["MG_CASE"] = told["place"]  # to find what the command leaves running
    for stream, name in enumerate((os.devnull, told["said"], told["said"])):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_APPEND), stream)
    sys.argv = ["mgutils", *told["words"]]
    sys.addaudithook(Watch(told))
    try:
        runpy.run_module("mgutils", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        status = ended.code
    except BaseException:
        traceback.print_exc()
        status = 1
    # as Python ends, but for taking every module apart, which takes seconds
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status)


def main() -> None:
    """Import what the commands will, then fork one for each line."""
    import ipykernel.kernelspec  # noqa: F401
    import onnxruntime  # noqa: F401
    import onnxscript  # noqa: F401

    import mgutils.course.reproduce
    import mgutils.data.importers
    import mgutils.predict.export
    import mgutils.synth.dataset
    import mgutils.training.loop  # noqa: F401

    gc.freeze()  # else collecting copies all of it into every process
    print("ready", flush=True)
    while line := sys.stdin.readline():
        if child := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        else:
            become_command(json.loads(line))


if __name__ == "__main__":
    main()
