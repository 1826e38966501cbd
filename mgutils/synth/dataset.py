"""Make a whole synthetic dataset, or nothing.

The dataset grows in a hidden folder beside its final path and is renamed when it is complete, so a partial one is never
taken for a whole one. The metadata come from ``plan``, the images from ``writer``, the tables are those of
``data.layout``.

Besides the original's layout a dataset has

* ``clips.csv``: video, subject, true class, time, hand, speed, amplitude, the class it drifts to, a description;
* ``keypoints.npz``, rows as in ``train.xlsx``: ``names (K,)``, ``uv (N, K, 2)`` pixels, ``xyz (N, K, 3)`` metres,
  ``visible (N, K)``, ``camera (N, 7)`` (position, target, vertical angle of view in degrees), ``phase (N,)``;
* ``depth/<class>/<clip>.<frame>.png``, if asked for: 16 bits, millimetres along the optical axis;
* ``studio.json``: the parameters, and the sizes and the SHA-256 of what they made.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

import mgutils
from mgutils.config import SynthConfig
from mgutils.data.importers.place import writing
from mgutils.data.labels import imigue_labels
from mgutils.data.layout import write_tables
from mgutils.errors import ConfigError
from mgutils.files import atomic_folder
from mgutils.synth.frames import clip_table
from mgutils.synth.person.keypoints import KEYPOINTS
from mgutils.synth.plan import Plan, make_plan, validate
from mgutils.synth.writer import Truth, render_all

RECORD = "studio.json"
LATER = {"infrared": False, "absent": 0.0}
"""Parameters that older records lack, and what they mean by it; a record leaves these values out to this day."""


def make_dataset(config: SynthConfig, root: Path | str, *, workers: int = 2, progress: bool = True,
                 device: str = "cpu") -> Path:
    """Make a dataset in the original's layout; equal parameters give equal bytes, whatever the number of workers.

    A complete dataset of the same parameters is left as it is.

    Parameters
    ----------
    config : SynthConfig
        The parameters.
    root : path
        Folder to make.
    workers : int
        Processes.
    progress : bool
        Show a bar with frames per second.
    device : str
        Where torch renders. Images of a GPU differ from those of a CPU in a few last bits.

    Returns
    -------
    Path
        ``root``.

    Raises
    ------
    ConfigError
        If a parameter is out of range, or something else is at ``root``.
    MgError
        If another process is making it, it cannot be written, or a worker process ends before its work is done.

    Taught in: 01, section 1.
    """
    validate(config)
    if workers < 1:
        raise ConfigError(f"workers: found {workers}; wanted at least 1.")
    root = Path(root)
    if is_made(config, root):
        return root
    with writing(root), atomic_folder(root.resolve()) as partial:
        if is_made(config, root):  # by a process that has just ended
            return root
        folder = Path(mkdtemp(dir=partial))  # workers of a killed run, which may still write, do not know this name
        plan = make_plan(config)
        truth, digest = render_all(config, plan, folder, workers=workers, device=device, progress=progress)
        _write_tables(config, plan, truth, folder)
        _write_record(config, plan, digest, device, folder)
        for entry in folder.iterdir():
            entry.rename(partial / entry.name)
        folder.rmdir()
        if hasattr(os, "sync"):
            os.sync()  # the disk holds all files before the rename says that they are complete
    return root


def is_made(config: SynthConfig, root: Path) -> bool:
    """Whether the dataset of these parameters is there; False for a free path or an empty folder.

    Raises
    ------
    ConfigError
        If something else is there.
    """
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    try:
        made = LATER | json.loads((root / RECORD).read_text(encoding="utf-8"))["config"]
        differences = [
            f"{name} {made.get(name)!r} (wanted {value!r})"
            for name, value in asdict(config).items() if made.get(name) != value
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(f"{root}: found something that the studio did not make; wanted a name that is free, or an "
                          "empty folder. Choose another name.") from None
    if differences:
        raise ConfigError(f"{root}: found a dataset made with {', '.join(differences)}. Choose another folder, or "
                          "remove this one first.")
    return True


def recorded(config: SynthConfig) -> dict[str, Any]:
    """The parameters as ``studio.json`` has them: those of :data:`LATER` only where they are used."""
    return {name: value for name, value in asdict(config).items() if LATER.get(name) != value}


def _write_tables(config: SynthConfig, plan: Plan, truth: Truth, folder: Path) -> None:
    """The tables of the original's layout, ``clips.csv`` and ``keypoints.npz``."""
    rows = plan.frames.itertuples()
    frames = plan.frames.assign(path=[f"{row.class_id}/{row.clip_id}.{row.frame_id}.jpg" for row in rows])
    write_tables(folder, frames, imigue_labels(), clip_table(config, plan))
    phase = frames["phase"].to_numpy(dtype=np.float32)
    np.savez_compressed(folder / "keypoints.npz", names=np.array(KEYPOINTS), **truth, phase=phase)


def _write_record(config: SynthConfig, plan: Plan, digest: str, device: str, folder: Path) -> None:
    """``studio.json``."""
    hashes = {"pictures": digest}
    sizes = {}
    for path in (*sorted(folder.glob("*.*")), *sorted(folder.glob("training/*.*"))):
        name = path.relative_to(folder).as_posix()
        hashes[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        sizes[name] = path.stat().st_size
    record = {
        "made_by": f"mgutils {mgutils.__version__}",
        "config": recorded(config),
        "device": device,
        "frames": len(plan.frames),
        "clips": len(plan.clips),
        "videos": len(plan.videos),
        "subjects": int(plan.videos["subject_id"].nunique()),
        "sha256": hashes,
        "bytes": sizes,
    }
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
