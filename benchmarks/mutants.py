"""`make mutants`: plant one mistake at a time in a copy of the package; do the tests notice it?

The mistakes are in ``mutants.toml``. A mutant is killed when one of its tests fails or runs out of
time, and survives when all of them pass. The tests of a mutant run in a fork of this process, which
has imported the large packages already: most mutants take seconds. Ends with status 1 if one
survived, and with a message if a text of the table is no longer in the code.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import shlex
import shutil
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TABLE = Path(__file__).with_suffix(".toml")
COPIED = ("mgutils", "tests", "data/Clip_label.csv", "pyproject.toml")
LIMIT = 120  # seconds for the tests of one mutant
PASSED, FAILED, TIMED_OUT = 0, 1, 124
"""Statuses of the tests; with any other, such as that of a failed import, nothing was tested."""


class Mutant(NamedTuple):
    """One mistake: in ``file``, ``old`` becomes ``new``; ``tests`` is what pytest runs."""

    name: str
    file: str
    old: str
    new: str
    tests: str


def read_mutants() -> list[Mutant]:
    """The table of mistakes; ends the program where it does not fit the code."""
    tables = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    mutants = [Mutant(name, file, old, new, *(own or [content["tests"]]))
               for file, content in tables.items() for name, old, new, *own in content["mutants"]]
    faults = []
    for mutant in mutants:
        text = (ROOT / mutant.file).read_text(encoding="utf-8")
        if text.count(mutant.old) != 1:
            faults.append(f"{mutant.name}: found {text.count(mutant.old)} times in {mutant.file}; "
                          f"wanted its old text once. The code has moved: change {TABLE.name}.")
        compile(text.replace(mutant.old, mutant.new), mutant.name, "exec")  # else nothing runs
    names = [mutant.name for mutant in mutants]
    faults += [f"{name}: this id twice" for name in set(names) if names.count(name) > 1]
    if faults:
        sys.exit("\n".join(faults))
    return mutants


def copy_tree() -> Path:
    """A copy of what the tests read, without compiled files: those might be of the code before."""
    folder = Path(tempfile.mkdtemp(prefix="mutants-"))
    for name in COPIED:
        if (ROOT / name).is_dir():
            unwanted = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
        else:
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def import_large_packages() -> None:
    """Import what nearly every test imports, so that forks need not. Never the package itself."""
    import accelerate  # noqa: F401
    import hypothesis.extra.numpy  # noqa: F401
    import pytest  # noqa: F401
    import scipy.stats  # noqa: F401
    import sklearn.model_selection  # noqa: F401
    import timm  # noqa: F401
    import torchvision  # noqa: F401
    from transformers import DistilBertModel, DistilBertTokenizerFast  # noqa: F401

    assert "mgutils" not in sys.modules, "its mutants would never be read"


def run_tests(folder: Path, tests: str) -> None:
    """In a fork: run the tests of the copy and end with pytest's status."""
    import pytest

    os.setpgid(0, 0)  # what the tests start ends with them
    os.chdir(folder)
    os.environ["PYTHONPATH"] = str(folder)
    sys.path[:] = [str(folder), *(part for part in sys.path if Path(part).resolve() != ROOT)]
    with (folder / "output.txt").open("w") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    words = shlex.split(tests)
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=line"]
    os._exit(pytest.main([*words, *options, *([] if "-m" in words else ["-m", "not slow"])]))


def start(*args: Path | str) -> multiprocessing.Process:
    """A fork that runs the tests."""
    process = multiprocessing.get_context("fork").Process(target=run_tests, args=args, daemon=True)
    process.start()
    return process


def finish(process: multiprocessing.Process, seconds: float) -> int | None:
    """The status of the tests; None while they run. Past the limit they are ended: status 124."""
    if process.exitcode is None and seconds > LIMIT:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.join()
        return TIMED_OUT
    return process.exitcode


def check_tests(tests: set[str], folder: Path) -> None:
    """Without a mistake every test must pass, or a kill would mean nothing."""
    for words in sorted(tests):
        process = start(folder, words)
        process.join(LIMIT * 3)
        if process.exitcode != PASSED:
            told = (folder / "output.txt").read_text(encoding="utf-8")[-2000:]
            sys.exit(f"{told}\n`pytest {words}` does not pass without a mutant")


def run_all(mutants: list[Mutant], folders: list[Path]) -> list[dict[str, object]]:
    """Plant every mutant in the next free copy; print and return what became of it."""
    waiting, running, results = list(mutants), {}, []
    while waiting or running:
        for folder in folders:
            if folder not in running and waiting:
                mutant = waiting.pop(0)
                text = (ROOT / mutant.file).read_text(encoding="utf-8")
                planted = text.replace(mutant.old, mutant.new)
                (folder / mutant.file).write_text(planted, encoding="utf-8")
                running[folder] = mutant, start(folder, mutant.tests), time.perf_counter()
        time.sleep(0.05)
        for folder, (mutant, process, began) in list(running.items()):
            status = finish(process, time.perf_counter() - began)
            if status is None:
                continue
            del running[folder]
            shutil.copy(ROOT / mutant.file, folder / mutant.file)
            if status not in (PASSED, FAILED, TIMED_OUT):
                sys.exit(f"{mutant.name}: `pytest {mutant.tests}` tested nothing: status {status}")
            seconds, survived = round(time.perf_counter() - began, 1), status == PASSED
            results.append({"id": mutant.name, "file": mutant.file, "survived": survived,
                            "timeout": status == TIMED_OUT, "seconds": seconds})
            line = f"{'SURVIVED' if survived else 'killed':8s}  {seconds:5.1f} s  {mutant.name}"
            print(f"{len(results):4d}/{len(mutants)}  {line}", flush=True)
    return results


def report(results: list[dict[str, object]]) -> str:
    """A table by file, the score, and the survivors."""
    lines = [f"\n{'file':32s} {'mutants':>7s} {'killed':>7s}"]
    for file in dict.fromkeys(result["file"] for result in results):
        fates = [result["survived"] for result in results if result["file"] == file]
        lines.append(f"{file:32s} {len(fates):7d} {fates.count(False):7d}")
    survivors = [str(result["id"]) for result in results if result["survived"]]
    lines.append(f"survivors: {', '.join(survivors) or 'none'}")
    killed = len(results) - len(survivors)
    return "\n".join([*lines, f"{killed} of {len(results)} killed ({killed / len(results):.1%})"])


def main() -> None:
    """Read the options, run the mutants, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="ID", help="these mutants alone")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="mutants at once")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    options, mutants = parser.parse_args(), read_mutants()
    chosen = [mutant for mutant in mutants if not options.only or mutant.name in options.only]
    if options.only and len(chosen) < len(set(options.only)):
        sys.exit(f"--only: found {' '.join(options.only)}; wanted ids of {TABLE.name}")
    sys.dont_write_bytecode, began = True, time.perf_counter()
    os.environ |= {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    import_large_packages()
    folders = [copy_tree() for _ in range(max(options.jobs, 1))]
    try:
        check_tests({mutant.tests for mutant in chosen}, folders[0])
        results = run_all(chosen, folders)
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
    print(report(results), f"in {time.perf_counter() - began:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    sys.exit(any(result["survived"] for result in results))


if __name__ == "__main__":
    main()
