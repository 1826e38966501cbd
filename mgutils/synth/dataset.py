"""Makes a whole synthetic dataset, or nothing.

The dataset grows in a hidden folder beside its place and is renamed when it is complete, so a half-written one is never
taken for a whole one. Who does what is in ``plan``, looks and motions in ``stills``, the pictures in ``crew``; the
tables are those of ``data.layout``.

Besides the original's layout a dataset has

* ``clips.csv``: video, subject, true class, time, hand, speed, amplitude, the class it drifts to, a description;
* ``keypoints.npz``, rows as in ``train.xlsx``: ``names (K,)``, ``uv (N, K, 2)`` pixels, ``xyz (N, K, 3)`` metres,
  ``visible (N, K)``, ``camera (N, 7)`` (place, aim, vertical angle of view in degrees), ``phase (N,)`` of the gesture;
* ``depth/<class>/<clip>.<frame>.png``, if asked for: 16 bits, millimetres along the optical axis;
* ``studio.json``: the dials, and the sizes and the SHA-256 of what they made.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np

import mgutils
from mgutils.config import SynthConfig
from mgutils.data.labels import imigue_labels
from mgutils.data.layout import write_tables
from mgutils.errors import ConfigError, MgError
from mgutils.files import atomic_folder
from mgutils.synth.frames import Set
from mgutils.synth.person.body import KEYPOINTS
from mgutils.synth.plan import Plan, check_dials, make_plan
from mgutils.synth.sheet import contact_sheet
from mgutils.synth.writer import Truth, shoot_all

__all__ = ["contact_sheet", "make_dataset"]

RECORD = "studio.json"


def make_dataset(config: SynthConfig, root: Path | str, *, workers: int = 2, progress: bool = True,
                 device: str = "cpu") -> Path:
    """Make a dataset in the original's layout; equal dials give equal bytes, whatever the number of workers.

    A complete dataset of the same dials is left as it is.

    Parameters
    ----------
    config : SynthConfig
        The dials.
    root : path
        Folder to make.
    workers : int
        Processes. More than one needs, in a script, a call below ``if __name__ == "__main__":``.
    progress : bool
        Show a bar with frames per second.
    device : str
        Where torch draws. Pictures of a GPU differ from those of a CPU in a few last bits.

    Returns
    -------
    Path
        ``root``.

    Raises
    ------
    ConfigError
        If a dial is out of range, or something else is at ``root``.
    MgError
        If another process is making it, it cannot be written, or a worker process ends before its work is done.

    Taught in: 01, section 1.
    """
    check_dials(config)
    if workers < 1:
        raise ConfigError(f"workers: found {workers}; wanted at least 1.")
    root = Path(root)
    place = root.resolve()
    if _is_made(config, place, root):
        return root
    try:
        with atomic_folder(place) as folder:
            if _is_made(config, place, root):  # by a process that has just ended
                return root
            plan = make_plan(config)
            truth, digest = shoot_all(config, plan, folder, workers=workers, device=device, progress=progress)
            _write_tables(config, plan, truth, folder)
            _write_record(config, plan, digest, device, folder)
            _write_through(folder)
        _sync(place.parent)
    except OSError as error:
        raise MgError(f"{root}: found that it cannot be written ({error}). Choose a folder that can, or make room on "
                      "the disk; nothing was left there.") from error
    return root


def _is_made(config: SynthConfig, place: Path, root: Path) -> bool:
    """Whether the dataset is there; False for a free name or an empty folder.

    Raises
    ------
    ConfigError
        If something else is there.
    """
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return False
    try:
        made = json.loads((place / RECORD).read_text(encoding="utf-8"))["config"]
        differences = [f"{name} {made.get(name)!r} (wanted {value!r})" for name, value in asdict(config).items()
                       if made.get(name) != value]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(f"{root}: found something that the studio did not make; wanted a name that is free, or an "
                          "empty folder. Choose another name.") from None
    if differences:
        raise ConfigError(f"{root}: found a dataset made with {', '.join(differences)}. Choose another folder, or "
                          "remove this one first.")
    return True


def _write_tables(config: SynthConfig, plan: Plan, truth: Truth, folder: Path) -> None:
    """The tables of the original's layout, ``clips.csv`` and ``keypoints.npz``."""
    frames = plan.frames
    names = zip(frames["class_id"], frames["clip_id"], frames["frame_id"], strict=True)
    frames = frames.assign(path=[f"{class_id}/{clip_id}.{frame_id}.jpg" for class_id, clip_id, frame_id in names])
    write_tables(folder, frames, imigue_labels(), Set(config, plan).clips)
    np.savez_compressed(folder / "keypoints.npz", names=np.array(KEYPOINTS), **truth,
                        phase=frames["phase"].to_numpy(dtype=np.float32))


def _write_record(config: SynthConfig, plan: Plan, digest: str, device: str, folder: Path) -> None:
    """``studio.json``."""
    files = sorted(path for path in (*folder.iterdir(), *(folder / "training").iterdir()) if path.is_file())
    hashes = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
    record = {"made_by": f"mgutils {mgutils.__version__}", "config": asdict(config), "device": device,
              "frames": len(plan.frames), "clips": len(plan.clips), "videos": len(plan.videos),
              "subjects": int(plan.videos["subject_id"].nunique()), "sha256": {"pictures": digest} | hashes,
              "bytes": sizes}
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _write_through(folder: Path) -> None:
    """Have the disk hold what was written, before the rename says that it is whole."""
    if hasattr(os, "sync"):
        os.sync()  # one call; a call for each of thousands of pictures would take as long as drawing them
    for path in (folder / RECORD, folder):
        _sync(path)


def _sync(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    except OSError:  # a disk that cannot
        pass
    finally:
        os.close(handle)
