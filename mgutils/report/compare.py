"""A reader's results beside the published ones: which numbers and which verdicts differ.

Trained numbers are equal on one machine only. On another one they should lie as close to the
published ones as the published seeds lie to each other, and the verdicts should be the same. A
difference is reported; it is no error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mgutils.config import Profile
from mgutils.report.made_on import FILE, describe, machines, read_json

_SCORES = {"top1": "top-1", "top5": "top-5", "uar": "UAR"}
_ROUNDING = 1e-6
"""Percent: the tables keep ten decimals."""


def compare(published: Path, out_dir: Path, profile: Profile, data_root: Path, *,
            since: float = 0.0) -> list[str]:
    """Compare a reproduction with the published results, in lines for people.

    Parameters
    ----------
    published : path
        The project's ``figures``, with ``table1.json``, ``claims.json``, ``findings.json`` and
        ``made_on.json``.
    out_dir : path
        What ``mg reproduce`` left, with ``tables``, ``figures`` and ``runs``.
    profile : Profile
        What it was executed in.
    data_root : path
        Its dataset.
    since : float
        Time at which the reproduction began; results that are older are said to be so.

    Returns
    -------
    list of str
        One line that says why, where the two are not comparable.
    """
    ledger = read_json(published / "claims.json")
    if ledger is None:
        return ["Not compared with published results: found no readable "
                f"{published / 'claims.json'}."]
    theirs = f"profile {ledger.get('profile')}, {ledger.get('images')} images"
    ours = f"profile {profile.name}, {images(profile, data_root)} images"
    if ours != theirs:
        return [f"Not comparable with the published results: those are of {theirs}, "
                f"these of {ours}."]
    tables, figures = out_dir / "tables", out_dir / "figures"
    return [f"Compared with the published results ({theirs}):",
            *_compare_tables(published / "table1.json", tables / "table1.json", since),
            *_compare_verdicts((published / "claims.json", published / "findings.json"),
                               (figures / "claims.json", tables / "findings.json"), since),
            f"Published numbers made on: {describe(read_json(published / FILE))}.",
            f"These numbers made on: {describe(machines(out_dir))}."]


def images(profile: Profile, data_root: Path) -> str:
    """``synthetic``: the profile's own; ``other synthetic``: of other settings; or ``other``."""
    record = read_json(data_root / "studio.json")
    if record is None:
        return "other"
    wanted = None if profile.synth is None else json.loads(json.dumps(asdict(profile.synth)))
    return "synthetic" if record.get("config") == wanted else "other synthetic"


# -- Table 1 ---------------------------------------------------------------------------------------


def _compare_tables(published: Path, own: Path, since: float) -> list[str]:
    """A line for Table 1, and one for each number that lies too far away."""
    theirs, ours = read_json(published), read_json(own)
    if not theirs or not ours:
        return [f"Table 1: not compared; found no readable {own if theirs else published}."]
    here = {row["row"]: row for row in ours}
    cells = [(row, here.get(row["row"], {}), score)
             for row in theirs for score in _SCORES if row.get(score) is not None]
    differing = [cell for cell in cells if _differs(*cell)]
    first = (f"{len(differing)} of {len(cells)} numbers of Table 1 lie outside" if differing
             else f"all {len(cells)} numbers of Table 1 lie within")
    return [f"{first} the published seeds' spread{_age(own, since)}",
            *(_number_line(*cell) for cell in differing),
            "  (outside: this mean over the seeds is farther from the published mean than the "
            "published seeds' highest score from their lowest)"]


def _differs(theirs: Mapping[str, Any], ours: Mapping[str, Any], score: str) -> bool:
    """Whether the means of the two differ by more than the published seeds do."""
    if ours.get(score) is None:
        return True
    spread = theirs[f"{score}_max"] - theirs[f"{score}_min"]
    return abs(ours[score] - theirs[score]) > spread + _ROUNDING


def _number_line(theirs: Mapping[str, Any], ours: Mapping[str, Any], score: str) -> str:
    here = "no number" if ours.get(score) is None else f"{ours[score]:.1f}"
    low, high = theirs[f"{score}_min"], theirs[f"{score}_max"]
    return (f"  {theirs['method']}, {_SCORES[score]}: {here} here, {theirs[score]:.1f} published "
            f"(seeds {low:.1f} to {high:.1f})")


# -- verdicts --------------------------------------------------------------------------------------


def _compare_verdicts(published: tuple[Path, Path], own: tuple[Path, Path],
                      since: float) -> list[str]:
    """A line for ledger and findings together, and one for each verdict that changed."""
    missing = [str(file) for file in (*published, *own) if read_json(file) is None]
    if missing:
        return [f"Verdicts: not compared; found no readable {', '.join(missing)}."]
    theirs, ours = dict(_verdicts(*published)), dict(_verdicts(*own))
    names = [*theirs, *(name for name in ours if name not in theirs)]
    changed = [name for name in names if ours.get(name) != theirs.get(name)]
    first = f"all {len(names)} verdicts as published"
    if changed:
        first = f"{len(changed)} of {len(names)} verdicts changed"
    return [first + _age(own[0], since),
            *(f"  {name}: {ours.get(name, 'none')} here, {theirs.get(name, 'none')} published"
              for name in changed)]


def _verdicts(claims: Path, findings: Path) -> Iterator[tuple[str, str]]:
    """Name and verdict of each claim of the ledger and of each finding."""
    for row in read_json(claims)["rows"]:
        yield f"claim {row['id']}", row["verdict"]
    for name, verdict in read_json(findings)["findings"].items():
        yield f"finding '{name}'", verdict


def _age(file: Path, since: float) -> str:
    """A remark on a file that this reproduction has not written."""
    return " (an earlier run's file)" if file.stat().st_mtime < since else ""
