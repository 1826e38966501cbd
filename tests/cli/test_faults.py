"""Five faults, six commands, early and late moments of each: a message, nothing half taken for whole, equal bits.

The fault happens in the command line, when it opens or renames a certain file (``faulty_command`` counts these
moments). Disks are really full and really closed: a small one in memory, and one that is mounted anew. Then the same
command is given again, without the fault, and has to end with the bits of a command that nothing disturbed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import psutil
import pytest
from test_grading import LEAK, notebook

import mgutils
from mgutils.training.whole import hash_file

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="Windows has neither SIGTERM nor mount")]

PACKAGE = Path(mgutils.__file__).parent
SECONDS = 180
"""That no command takes, even on a busy machine."""


@dataclass(frozen=True)
class Command:
    """What is disturbed: ``{given}`` is the folder of inputs, ``{place}`` the one that is written to."""

    words: str
    moments: dict[str, tuple[str, int]]
    """Pattern of a moment, and which of those that fit."""
    results: tuple[str, ...]
    """What has to be equal in the end."""


COMMANDS = {
    "synth": Command(
        "synth {place}/data --profile smoke --frames 48 --size 32",
        {"early": ("open *.jpg", 0), "late": ("open *studio.json", 0), "renaming": ("os.rename data", 0)},
        ("data/**/*",)),
    "import": Command(
        "import folders {given}/photos {place}/data",
        {"early": ("open *.jpg", 0), "late": ("open *classes.csv", 0), "renaming": ("os.rename data", 0)},
        ("data/**/*",)),
    "train": Command(
        "train {given}/tiny --profile smoke --out-dir {place}/out",
        {"early": ("open *config.json.writing", 0), "late": ("open *last.safetensors.writing", -2),
         "renaming": ("os.rename *last.safetensors", -1)},
        ("out/cache/*.npy", "out/runs/*/*.safetensors", "out/runs/*/*.npz", "out/runs/*/*.csv", "out/runs/*/*.jsonl",
         "out/runs/*/metrics.json")),
    "export": Command(
        "export {given}/run --out-dir {place}/out",
        {"early": ("open *.safetensors", 0), "late": ("open *.onnx", -1), "renaming": ("os.rename *.onnx", -1)},
        ("out/*",)),
    "reproduce": Command(
        "reproduce --only 01 --profile smoke --data-root {given}/tiny --out-dir {place}/out",
        {"early": ("open *.failed.ipynb", 0), "late": ("open *.html", 0), "renaming": ("os.rename *.ipynb", 0)},
        ("out/notebooks/*", "out/tables/table1.md")),
    "grade": Command(
        "grade {given}/submissions --out-dir {place}/out --unconfined --seed 1 --notebooks 01 --jobs 1",
        {"early": ("open *grades*.csv", 0), "late": ("open *002_ben*.html", 0),
         "renaming": ("os.rename *grades.csv", 0)},
        ("out/**/*",)),
}
FAULTS = ("kill", "sigterm", "full", "read_only", "second")
NAMES = [(command, fault, moment) for command in COMMANDS for fault in FAULTS for moment in ("early", "late")]
NAMES += [(command, fault, "renaming") for command in COMMANDS for fault in ("kill", "second")]
CASES = [pytest.param(*names, id="-".join(names)) for names in NAMES]

TINY = '''# %% [markdown]
# # 01 Tiny

# %% tags=["parameters"]
profile = "cpu"
data_root = "../data/cpu"
seed = 0
out_dir = "../out/cpu"

# %%
from pathlib import Path

tables = Path(out_dir, "tables")
tables.mkdir(parents=True, exist_ok=True)

# %%
(tables / "table1.md").write_text(f"| {profile} | {seed} |\\n")
'''

STOPPED = TINY + '''
# %%
import os
import time

os.kill(os.getppid(), seed)
time.sleep(600)
'''
"""Sends the signal of the number ``seed`` to the command, and is still at work then."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    said: str
    seen: list[dict]
    """What the shim noted."""

    @property
    def moments(self) -> list[str]:
        return [line["moment"] for line in self.seen if "moment" in line]


class Bench:
    """Inputs, a process that runs commands, and the six commands undisturbed."""

    def __init__(self, given: Path, tiny: Path) -> None:
        self.given, self.place = given, given / "place"
        (given / "undisturbed").mkdir()
        (given / "tiny").symlink_to(tiny)
        for name, class_id in (("arms", "1"), ("neck", "2")):
            shutil.copytree(tiny / "training" / class_id, given / "photos" / name)
        (given / "submissions").mkdir()
        for name, cell in (("ada", LEAK), ("ben", "1")):
            (given / "submissions" / f"{name}.ipynb").write_text(notebook(cell))
        # `mg reproduce` takes the notebooks beside its own package
        shutil.copytree(PACKAGE, given / "mgutils", ignore=shutil.ignore_patterns("__pycache__"))
        (given / "notebooks" / "src").mkdir(parents=True)
        for name, text in (("01_tiny", TINY), ("02_stopped", STOPPED)):
            (given / "notebooks" / "src" / f"{name}.py").write_text(text)
        environment = os.environ | {"PYTHONPATH": str(given), "OMP_NUM_THREADS": "1"}
        self.commands = subprocess.Popen([sys.executable, Path(__file__).with_name("faulty_command.py")], cwd=given,
                                         env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.commands.stdout.readline() == "ready\n"
        self.undisturbed = cache(self._undisturbed)

    def run(self, words: str, **fault: object) -> Done:
        """One command in a process of its own, in which a fault happens, or none."""
        note, said = self.given / "note", self.given / "said"
        for file in (note, said):
            file.unlink(missing_ok=True)
        told = {"words": words.format(given=self.given, place=self.place).split(), "place": str(self.place),
                "note": str(note), "said": str(said), "seconds": SECONDS, **fault}
        self.commands.stdin.write(json.dumps(told) + "\n")
        self.commands.stdin.flush()
        status = int(self.commands.stdout.readline())
        seen = [json.loads(line) for line in note.read_text().splitlines()] if note.exists() else []
        return Done(status, said.read_text(), seen)

    def _undisturbed(self, name: str) -> tuple[Path, Done]:
        if name == "export":
            run, = self.undisturbed("train")[0].glob("out/runs/sound_ce*")
            (self.given / "run").symlink_to(run)
        self.place.mkdir()
        done = self.run(COMMANDS[name].words)
        assert done.status == 0, done.said
        return self.place.rename(self.given / "undisturbed" / name), done

    def moment(self, name: str, which: str) -> int:
        """Number of the moment that the table names."""
        pattern, which_one = COMMANDS[name].moments[which]
        moments = self.undisturbed(name)[1].moments
        return [place for place, seen in enumerate(moments) if fnmatch(seen, pattern)][which_one]


@pytest.fixture(scope="module")
def bench(tiny_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("given"), tiny_template)
    yield bench
    bench.commands.communicate(timeout=SECONDS)


_ASIDE = re.compile(r"\.partial|\.failed\.ipynb$")
"""What says that a file or a folder is not whole."""


def results(name: str, place: Path) -> dict[str, str]:
    """What a command is asked for, by the names that say that it is whole; without clock times."""
    files = {file for pattern in COMMANDS[name].results for file in place.glob(pattern)
             if file.is_file() and not _ASIDE.search(str(file))}
    found = {file.relative_to(place).as_posix(): _content(file) for file in sorted(files)}
    record = found.pop("out/notebooks/manifest.json", "{}")  # says of each notebook that it is whole, or of none
    return found | {f"record of {stem}": str(entry) for stem, entry in json.loads(record).items()}


def _content(file: Path) -> str:
    if file.name == "log.jsonl":
        rows = map(json.loads, file.read_text().splitlines())
        return json.dumps([row | {"seconds": None} for row in rows])
    if file.suffix == ".ipynb":
        node = json.loads(file.read_text())
        node["metadata"]["papermill"] = None
        return json.dumps(node)
    if file.name == "manifest.json":
        entries = json.loads(file.read_text())["notebooks"]
        times = {"minutes": None, "executed_sha256": None, "out_dir": None}  # an executed notebook has clock times
        return json.dumps({stem: entry | times for stem, entry in entries.items()}, sort_keys=True)
    return hash_file(file)


@cache
def can_mount() -> bool:
    """Whether this process may mount a disk: root may, outside most containers."""
    if not shutil.which("unshare"):
        return False
    tried = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/tmp"], capture_output=True)
    return tried.returncode == 0


@pytest.fixture
def place(bench: Bench, name: str, fault: str) -> Iterator[Path]:
    """The folder that a command writes to, always of the same name; a disk of its own where that becomes full."""
    if fault in ("full", "read_only") and not can_mount():
        pytest.skip("this user may not mount a disk")
    bench.undisturbed(name)
    bench.place.mkdir()
    if fault == "full":
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "none", bench.place], check=True)
    yield bench.place
    while os.path.ismount(bench.place):
        subprocess.run(["umount", "--lazy", bench.place], check=True)
    shutil.rmtree(bench.place)


def repair(place: Path) -> None:
    """Make room, or have the disk take files again."""
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        subprocess.run(["umount", place], check=True)
    (place / "ballast").unlink(missing_ok=True)


def expect_kill(done: Done) -> None:
    assert done.status == -signal.SIGKILL


def expect_sigterm(done: Done) -> None:
    assert done.status == 143 and "mg: stopped by a request to end (SIGTERM)\n" in done.said


def expect_full(done: Done) -> None:
    assert done.status in (1, 2) and "mg: " in done.said and "No space left on device" in done.said


def expect_read_only(done: Done) -> None:
    assert done.status in (1, 2) and "mg: " in done.said and "Read-only file system" in done.said


def expect_second(done: Done) -> None:
    """One of the two wins; the other one as well, or it says who works there."""
    (status, said), = (line["second"] for line in done.seen if "second" in line)
    assert {status, done.status} in ({0}, {0, 2})
    for ended, words in ((status, said), (done.status, done.said)):
        assert "Traceback" not in words and (ended == 0 or "mg: " in words)


EXPECTED: dict[str, Callable[[Done], None]] = {
    "kill": expect_kill, "sigterm": expect_sigterm, "full": expect_full, "read_only": expect_read_only,
    "second": expect_second}


def wait_until_alone(place: Path) -> None:
    """Fail if a process that a command started outlives it."""
    limit = time.monotonic() + 20
    while left := [process for process in psutil.process_iter() if _belongs(process, place)]:
        assert time.monotonic() < limit, left
        time.sleep(0.1)


def _belongs(process: psutil.Process, place: Path) -> bool:
    try:
        return process.environ().get("MG_CASE") == str(place) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@pytest.mark.parametrize(("name", "fault", "moment"), CASES)
def test_a_fault_is_said_and_the_same_command_ends_with_equal_bits(bench, place, name, fault, moment):
    like, _ = bench.undisturbed(name)
    words, wanted = COMMANDS[name].words, results(name, like)
    done = bench.run(words, fault=fault, at=bench.moment(name, moment), like=str(like))
    assert "Traceback" not in done.said, done.said
    EXPECTED[fault](done)
    wait_until_alone(place)
    repair(place)
    left = results(name, place)
    assert left.items() <= wanted.items(), "a half file has the name of a whole one"
    again = bench.run(words)
    assert again.status == 0 or left == wanted and again.said.startswith(f"mg: {place}"), again.said
    assert results(name, place) == wanted


@pytest.mark.parametrize(("number", "status", "words"), [
    (signal.SIGTERM, 143, "mg: stopped by a request to end (SIGTERM)\n"),
    (signal.SIGINT, 130, "mg: stopped by the user\n"), (signal.SIGKILL, -signal.SIGKILL, "")],
    ids=["SIGTERM", "Ctrl-C", "kill"])
@pytest.mark.parametrize(("name", "fault"), [("reproduce", "a signal")])
def test_a_stop_in_the_middle_of_a_cell_ends_the_kernel(bench, place, name, fault, number, status, words):
    command = COMMANDS[name].words.replace("--only 01", f"--only 01 02 --seed {int(number)}")
    done = bench.run(command)
    wait_until_alone(place)
    assert done.status == status and done.said.endswith(words), done.said
    assert "Traceback" not in done.said
    assert {file.name for file in (place / "out" / "notebooks").iterdir()} == {
        "01_tiny.ipynb", "01_tiny.html", "02_stopped.failed.ipynb", "manifest.json"}
