"""Five faults, six commands, an early and a late moment of each: a message, nothing half taken for whole, equal bits.

The fault happens in the real command line, when it opens or renames a certain file (``fault_shim`` counts these
moments). Disks are really full and really closed: a small one in memory, and one that is mounted anew. Then the same
command is given again, without the fault, and has to end with the bits of a command that nothing disturbed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache, partial
from pathlib import Path

import pytest
from test_grading import LEAK, notebook

import mgutils
from mgutils import course
from mgutils.cli import main
from mgutils.whole import find_fault, hash_file

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has neither SIGTERM nor mount")

SHIM = Path(__file__).with_name("fault_shim")
PACKAGE = Path(mgutils.__file__).parent
SECONDS = 180
"""That no command takes, even on a busy machine."""


@dataclass(frozen=True)
class Command:
    """What is disturbed: ``{given}`` is the folder of inputs, ``{place}`` the one that is written to."""

    words: str
    moments: dict[str, str]
    """Early: the first that fits; all others: the last."""
    results: tuple[str, ...]
    """What has to be equal in the end."""


COMMANDS = {
    "synth": Command(
        "synth {place}/data --profile smoke --frames 48 --size 32",
        {"early": "open *.jpg", "late": "open *studio.json", "renaming": "os.rename data"}, ("data/**/*",)),
    "import": Command(
        "import folders {given}/photos {place}/data",
        {"early": "open *.jpg", "late": "open *classes.csv", "renaming": "os.rename data"}, ("data/**/*",)),
    "train": Command(
        "train {given}/tiny --profile smoke --out-dir {place}/out",
        {"early": "open *.npy.*.partial", "late": "open *last.state.writing", "renaming": "os.rename *last.safetensors"},
        ("out/cache/*.npy", "out/runs/*/*.safetensors", "out/runs/*/*.npz", "out/runs/*/*.csv", "out/runs/*/log.jsonl",
         "out/runs/*/metrics.json")),
    "export": Command(
        "export {given}/run --out-dir {place}/out",
        {"early": "open *.safetensors", "late": "open *.onnx", "renaming": "os.rename *.onnx"}, ("out/*",)),
    "reproduce": Command(
        "reproduce --profile smoke --data-root {given}/tiny --out-dir {place}/out",
        {"early": "open *.failed.ipynb", "late": "open *.html*", "renaming": "os.rename *.ipynb"},
        ("out/notebooks/*", "out/tables/table1.md")),
    "grade": Command(
        "grade {given}/submissions --out-dir {place}/out --unconfined --seed 1 --notebooks 01 --jobs 1",
        {"early": "open *grades.csv*", "late": "open *002_ben.html*", "renaming": "open *001_ada.html*"}, ("out/**/*",)),
}
FAULTS = ("kill", "sigterm", "full", "read_only", "second")
CASES = [(command, fault, moment) for command in COMMANDS for fault in FAULTS for moment in ("early", "late")]
CASES += [(command, "kill", "renaming") for command in COMMANDS]

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
    """Inputs, and the six commands undisturbed."""

    def __init__(self, given: Path, tiny: Path) -> None:
        self.given = given
        (given / "tiny").symlink_to(tiny)
        for name, class_id in (("arms", "1"), ("neck", "2")):
            shutil.copytree(tiny / "training" / class_id, given / "photos" / name)
        (given / "submissions").mkdir()
        for name, cell in (("ada", LEAK), ("ben", "1")):
            (given / "submissions" / f"{name}.ipynb").write_text(notebook(cell))
        # `mg reproduce` takes the notebooks beside its own package
        shutil.copytree(PACKAGE, given / "mgutils", ignore=shutil.ignore_patterns("__pycache__"))
        (given / "notebooks" / "src").mkdir(parents=True)
        (given / "notebooks" / "src" / "01_tiny.py").write_text(TINY)
        self.undisturbed = cache(self._undisturbed)

    def words(self, name: str, place: Path) -> list[str]:
        """The arguments of a command."""
        if name == "export" and not (self.given / "run").exists():
            store, _ = self.undisturbed("train")
            run, = (store / "out" / "runs").glob("sound_ce*")
            (self.given / "run").symlink_to(run)
        return [word.format(given=self.given, place=place) for word in COMMANDS[name].words.split()]

    def run(self, name: str, place: Path, **fault: object) -> Done:
        """One command in a process of its own, in which a fault happens, or none."""
        note = place.with_name(f"{place.name}.note")
        note.unlink(missing_ok=True)
        told = {"place": str(place), "note": str(note), **fault}
        environment = os.environ | {"PYTHONPATH": f"{SHIM}{os.pathsep}{self.given}", "MG_FAULT": json.dumps(told)}
        done = subprocess.run([sys.executable, "-m", "mgutils", *self.words(name, place)], cwd=self.given,
                              env=environment, capture_output=True, text=True, timeout=SECONDS)
        seen = [json.loads(line) for line in note.read_text().splitlines()]
        return Done(done.returncode, done.stdout + done.stderr, seen)

    def _undisturbed(self, name: str) -> tuple[Path, Done]:
        place = self.given / "undisturbed" / name
        place.mkdir(parents=True)
        done = self.run(name, place)
        assert done.status == 0, done.said
        return place, done

    def moment(self, name: str, which: str) -> int:
        """Number of the moment that the table names."""
        pattern = COMMANDS[name].moments[which]
        fitting = [place for place, seen in enumerate(self.undisturbed(name)[1].moments) if fnmatch(seen, pattern)]
        return fitting[0] if which == "early" else fitting[-1]

    def again(self, name: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> int:
        """The same command without the fault, in this process: that spares the imports."""
        sources = self.given / "notebooks" / "src"
        with monkeypatch.context() as patch:
            patch.setattr(course, "reproduce", partial(course.reproduce, source_dir=sources))
            return main(self.words(name, place))


@pytest.fixture(scope="module")
def bench(tiny_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("given"), tiny_template)


def results(name: str, place: Path) -> dict[str, str]:
    """What a command is asked for, by the names that say that it is whole; without clock times."""
    files = {file for pattern in COMMANDS[name].results for file in place.glob(pattern) if file.is_file()
             and ".partial" not in file.parent.name and not file.name.endswith(".failed.ipynb")}
    return {file.relative_to(place).as_posix(): _content(file) for file in sorted(files)}


def _content(file: Path) -> str:
    if file.name == "log.jsonl":
        rows = map(json.loads, file.read_text().splitlines())
        return json.dumps([row | {"seconds": None} for row in rows])
    if file.suffix == ".ipynb":
        node = json.loads(file.read_text())
        node["metadata"]["papermill"] = None
        return json.dumps(node)
    return hash_file(file)


def can_mount() -> bool:
    """Whether this process may mount a disk: root may, outside most containers."""
    tried = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/tmp"], capture_output=True)
    return tried.returncode == 0


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The folder that a command writes to; a disk of its own where that becomes full."""
    folder, fault = tmp_path / "place", request.getfixturevalue("fault")
    folder.mkdir()
    if fault in ("full", "read_only") and not (shutil.which("unshare") and can_mount()):
        pytest.skip("this user may not mount a disk")
    if fault == "full":
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "none", folder], check=True)
    yield folder
    while os.path.ismount(folder):
        subprocess.run(["umount", "--lazy", folder], check=True)


def repair(place: Path) -> None:
    """Make room, or have the disk take files again."""
    (place / "ballast").unlink(missing_ok=True) if not _closed(place) else subprocess.run(["umount", place], check=True)


def _closed(place: Path) -> bool:
    return bool(os.statvfs(place).f_flag & os.ST_RDONLY)


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


@pytest.mark.parametrize(("name", "fault", "moment"), CASES, ids=map("-".join, CASES))
def test_a_fault_is_said_and_the_same_command_ends_with_equal_bits(bench, place, monkeypatch, name, fault, moment):
    like, undisturbed = bench.undisturbed(name)
    wanted = results(name, like)
    done = bench.run(name, place, fault=fault, moment=bench.moment(name, moment), like=str(like))
    assert "Traceback" not in done.said, done.said
    EXPECTED[fault](done)
    if fault in ("full", "read_only"):
        repair(place)
    left = results(name, place)
    assert {file: wanted.get(file) for file in left} == left, "a half file has the name of a whole one"
    assert bench.again(name, place, monkeypatch) == 0 or name in ("import",) and left == wanted
    assert results(name, place) == wanted
