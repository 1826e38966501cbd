"""Which notebooks belong to one complete reproduction: ``OUT/notebooks/manifest.json``.

An entry is written as each notebook succeeds, and is gone from the moment that the notebook is executed again. So a
notebook that failed, or was cut off by a kill, has none. Nothing here executes or copies anything.
"""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mgutils.errors import ConfigError
from mgutils.files import atomic_file
from mgutils.report.made_on import read_json
from mgutils.training.whole import hash_file

MANIFEST = "manifest.json"
_SAME = ("profile", "seed", "data_sha256")
"""What all notebooks of a reproduction have in common."""
_MIXED = "of another profile, seed or dataset:"


@contextmanager
def recorded(executed: Path, source: Path, parameters: Mapping[str, Any], data_root: Path) -> Iterator[None]:
    """Record that the block executed a notebook; until it ends, and if it fails, there is no record.

    Parameters
    ----------
    executed : path
        The executed notebook, in ``OUT/notebooks``.
    source : path
        What it is made from.
    parameters : mapping
        Those of the notebook, ``profile``, ``data_root``, ``seed`` and ``out_dir`` among them.
    data_root : path
        Folder of the dataset.

    Raises
    ------
    ConfigError
        If the manifest cannot be written.
    """
    from mgutils.training.provenance import commit  # torch, only now

    manifest, name = executed.with_name(MANIFEST), executed.stem
    _write(manifest, {other: entry for other, entry in _entries(manifest).items() if other != name})
    entry = {**parameters, "data_sha256": _data_hash(data_root), "commit": commit(), "source_sha256": hash_file(source)}
    began = time.monotonic()
    yield
    minutes = round((time.monotonic() - began) / 60, 2)
    entry |= {"executed_sha256": hash_file(executed), "minutes": minutes}
    _write(manifest, _entries(manifest) | {name: entry})


def complete_notebooks(directory: Path, sources: Sequence[Path]) -> list[Path]:
    """Return the executed notebook of every source.

    Parameters
    ----------
    directory : path
        ``OUT/notebooks``.
    sources : sequence of path
        Every notebook of the course.

    Raises
    ------
    ConfigError
        If they are not those of one complete reproduction of the sources as they are today; the message names each
        notebook that is in the way and the command that executes it.
    """
    entries = _entries(directory / MANIFEST)
    settings = [_settings(entries[source.stem]) for source in sources if source.stem in entries]
    usual = max(settings, key=settings.count, default=None)
    paths = {source.stem: directory / f"{source.stem}.ipynb" for source in sources}
    faults: dict[str, list[str]] = {}
    for source in sources:
        if fault := _fault(paths[source.stem], entries.get(source.stem), source, usual):
            faults.setdefault(fault, []).append(source.stem)
    if faults:
        found = "; ".join(f"{fault} {', '.join(stems)}" for fault, stems in faults.items())
        like = next((entry for entry in entries.values() if _settings(entry) == usual), {})
        # the dataset may have been replaced, so that no notebook can be executed as the others were
        again = list(paths) if _MIXED in faults else sum(faults.values(), [])
        command = _remedy(directory, again, list(paths), like)
        raise ConfigError(f"{directory}: found {found}; wanted every notebook of the course, from one reproduction. "
                          f"Run `{command}`.")
    return list(paths.values())


def _fault(executed: Path, entry: Mapping[str, Any] | None, source: Path, usual: tuple | None) -> str:
    """Why a notebook is none of the reproduction; "" if it is one."""
    if entry is None and executed.with_suffix(".failed.ipynb").exists():
        return "failed"
    if not executed.exists():
        return "missing"
    if entry is None:
        return "not recorded as executed:"
    if entry.get("source_sha256") != hash_file(source):
        return "older than their source:"
    if entry.get("executed_sha256") != hash_file(executed):
        return "changed since executed:"
    return "" if _settings(entry) == usual else _MIXED


def _remedy(directory: Path, stems: Sequence[str], all_stems: Sequence[str], parameters: Mapping[str, Any]) -> str:
    """The command that executes some notebooks with these parameters."""
    words = ["mg", "reproduce"]
    if len(stems) < len(all_stems):
        words += ["--only", *(stem.partition("_")[0] for stem in all_stems if stem in stems)]
    else:
        words.append("--all")
    if parameters:
        data_root = os.path.normpath(Path("notebooks", parameters["data_root"]))  # there a notebook runs
        words += ["--profile", parameters["profile"], "--seed", str(parameters["seed"]), "--data-root", data_root]
    return shlex.join([*words, "--out-dir", directory.parent.as_posix()])


def _settings(entry: Mapping[str, Any]) -> tuple:
    return tuple(entry.get(name) for name in _SAME)


def _entries(manifest: Path) -> dict[str, dict[str, Any]]:
    """The manifest by notebook; a file that is not whole records nothing."""
    try:
        return {name: dict(entry) for name, entry in read_json(manifest)["notebooks"].items()}
    except (TypeError, KeyError, AttributeError, ValueError):
        return {}


def _write(manifest: Path, entries: Mapping[str, Any]) -> None:
    text = json.dumps({"notebooks": dict(sorted(entries.items()))}, indent=2)
    with atomic_file(manifest) as aside:
        aside.write_text(text + "\n", encoding="utf-8")


def _data_hash(data_root: Path) -> str | None:
    """SHA-256 of the studio's record, which has those of all files, or else of the table of images."""
    files = (data_root / "studio.json", data_root / "training" / "train.xlsx")
    return next((hash_file(file) for file in files if file.is_file()), None)
