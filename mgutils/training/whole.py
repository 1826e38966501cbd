"""Whether a run is whole: its receipt is there, and its files are as the receipt lists them.

The receipt is written last and lists every file of the run with its size and SHA-256. Sizes are
always compared. A file is hashed if it was changed after the receipt, or if a caller asks for it. A
receipt of an older version lists no files; such a run counts as whole. Nothing here imports torch.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mgutils.errors import CheckpointError

RECEIPT = "receipt.json"
BEST_FILES = ("best.safetensors", "outputs.npz", "metrics.json", "per_class.csv", "confusion.csv")
"""Files of the best epoch."""
NEXT = "next"
"""Folder inside a run's: a new best epoch's files wait there for the checkpoint that lists them."""
FILES = ("config.json", "log.jsonl", "last.safetensors", "last.state", *BEST_FILES)
"""Files of a finished run besides its receipt."""


def cache_of(run_dir: Path | str) -> Path | None:
    """Where the store of a run keeps what was made of the data; ``None`` for a folder outside of a store."""
    run_dir = Path(run_dir).resolve()
    return run_dir.parents[1] / "cache" if run_dir.parent.name == "runs" else None


def describe_files(directory: Path, names: Iterable[str] = FILES) -> dict[str, dict[str, Any]]:
    """Size in bytes and SHA-256 of each file: ``{name: {"bytes": ..., "sha256": ...}}``."""
    described = {}
    for name in names:
        path = directory / name
        described[name] = {"bytes": path.stat().st_size, "sha256": hash_file(path)}
    return described


def hash_file(path: Path) -> str:
    """SHA-256 of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_fault(directory: Path, names: Iterable[str] | None = None, *, hashes: bool = False) -> str:
    """The first fault of a run's folder as "file: found ...; wanted ..."; "" if it is whole.

    Parameters
    ----------
    directory : Path
    names : iterable of str, optional
        Check these files only; by default all that the receipt lists.
    hashes : bool
        Hash every file, not only those changed after the receipt.
    """
    receipt = directory / RECEIPT
    try:
        listed = json.loads(receipt.read_text(encoding="utf-8")).get("files", {})
        wanted = {name: (entry["bytes"], entry["sha256"]) for name, entry in listed.items()}
        written = receipt.stat().st_mtime_ns
    except FileNotFoundError:
        return f"{receipt}: found no such file; wanted the receipt, which a run writes last"
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        return (f"{receipt}: found no receipt ({error}); wanted the JSON object that a run writes "
                "last")
    for name in wanted if names is None else names:
        if name in wanted:
            fault = _file_fault(directory / name, *wanted[name], written, hashes)
            if fault:
                return fault
    return ""


def _file_fault(path: Path, size: int, digest: str, written: int, hashes: bool) -> str:
    if not path.is_file():
        return f"{path}: found no such file; wanted one of {size:,} bytes"
    found = path.stat()
    if found.st_size != size:
        return f"{path}: found {found.st_size:,} bytes; wanted {size:,}"
    if hashes or found.st_mtime_ns > written:
        sha256 = hash_file(path)
        if sha256 != digest:
            return f"{path}: found SHA-256 {sha256[:12]}…; wanted {digest[:12]}…"
    return ""


def check_run(directory: Path, names: Iterable[str] | None = None, *, hashes: bool = False) -> None:
    """Raise an error if a run is not whole; a folder without a receipt is a run in progress.

    Raises
    ------
    CheckpointError
        With the first fault that :func:`find_fault` finds.
    """
    if not (directory / RECEIPT).exists():
        return
    fault = find_fault(directory, names, hashes=hashes)
    if fault:
        raise CheckpointError(
            f"{fault}, as the run left it. Restore the file, or run `mg train` with the run's "
            "options: it makes a damaged run again.")


def adopt_best(directory: Path, kept: Mapping[str, Mapping[str, Any]]) -> None:
    """Move the best epoch's files from :data:`NEXT` to the run's folder, unless they are there.

    They are written to ``NEXT`` first, and listed in the checkpoint before they are moved. So a run
    that was stopped at any moment has each of them in one of the two places.

    Parameters
    ----------
    directory : Path
        Folder of the run.
    kept : mapping
        Their description by :func:`describe_files`; empty before the first best epoch.

    Raises
    ------
    CheckpointError
        If a file is in neither place, or damaged.
    """
    for name, entry in kept.items():
        if _is_as_described(directory / NEXT / name, entry):
            with suppress(FileNotFoundError):  # another process of the same run did it
                os.replace(directory / NEXT / name, directory / name)
        elif not _is_as_described(directory / name, entry):
            raise CheckpointError(
                f"{directory / name}: found a damaged file, or none; wanted the "
                f"{entry['bytes']:,} bytes of the best epoch. Restore the file, or train anew with "
                "--no-resume.")
    shutil.rmtree(directory / NEXT, ignore_errors=True)


def _is_as_described(file: Path, entry: Mapping[str, Any]) -> bool:
    try:
        return file.stat().st_size == entry["bytes"] and hash_file(file) == entry["sha256"]
    except OSError:
        return False
