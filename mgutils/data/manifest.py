"""Whether the files of a synthetic dataset are those that were made: its ``studio.json`` lists sizes and hashes.

Sizes of the tables are compared whenever the dataset is read, hashes by ``mg data check``. Datasets without the file,
and records of older versions without sizes, are let through.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mgutils.data.check import Findings

RECORD = "studio.json"
PICTURES = "pictures"
"""Its entry among the hashes is that of all pictures together."""
_CHUNK = 16  # frames whose pictures were hashed together
_REMEDY = (f"Restore the file, or make the dataset again with `mg synth`. Where it was changed on purpose, delete "
           f"{RECORD}: the data is then no longer that of the studio.")


def check_sizes(root: Path, findings: Findings) -> None:
    """Compare the size of each table with the record."""
    for name, size in _section(root, "bytes").items():
        file = root / name
        if not file.is_file():
            findings.fault(file, "no such file", f"one of {size:,} bytes, as {RECORD} lists it", _REMEDY)
        elif (found := file.stat().st_size) != size:
            findings.fault(file, f"{found:,} bytes", f"{size:,}, as {RECORD} lists it", _REMEDY)


def check_hashes(root: Path, findings: Findings) -> None:
    """Compare the SHA-256 of each table that is there with the record."""
    for name, digest in _section(root, "sha256").items():
        if name == PICTURES or not (root / name).is_file():
            continue
        found = hashlib.sha256((root / name).read_bytes()).hexdigest()
        if found != digest:
            findings.fault(root / name, f"SHA-256 {found[:12]}…", f"{digest[:12]}…, as {RECORD} lists it", _REMEDY)


def check_pictures(root: Path, paths: Sequence[str], findings: Findings) -> None:
    """Compare the pictures, in the order of the table, with the record; it has one hash for all of them."""
    wanted = _section(root, "sha256").get(PICTURES)
    if wanted is None:
        return
    depth = bool(_section(root, "config").get("depth"))
    total = hashlib.sha256()
    for start in range(0, len(paths), _CHUNK):
        chunk = hashlib.sha256()
        for path in paths[start:start + _CHUNK]:
            chunk.update((root / "training" / path).read_bytes())
            if depth:
                picture = (root / "depth" / path).with_suffix(".png")
                if not picture.is_file():
                    findings.fault(picture, "no such file", f"the depth picture of training/{path}", _REMEDY)
                    return
                chunk.update(picture.read_bytes())
        total.update(chunk.digest())
    if (found := total.hexdigest()) != wanted:
        findings.fault(root / "training", f"pictures with SHA-256 {found[:12]}…",
                       f"{wanted[:12]}…, as {RECORD} lists it for all of them", _REMEDY)


def _section(root: Path, name: str) -> dict[str, Any]:
    """A part of the record; empty where there is no record, or not of the studio."""
    try:
        section = json.loads((root / RECORD).read_text(encoding="utf-8"))[name]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return section if isinstance(section, dict) else {}
