"""Where an import writes: the place must be free, the pictures are JPEG, and what was not imported is listed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from mgutils.data.csv import write_csv
from mgutils.errors import ConfigError, Fault, MgError
from mgutils.files import STATE

NOT_IMPORTED = "not_imported.csv"
"""What ``--skip-bad`` left out, and what is no image, in the folder of the dataset: ``file, row, found``."""
_QUALITY = 95  # of the JPEG copies


@dataclass(frozen=True)
class Imported:
    """What an import made.

    Parameters
    ----------
    root : Path
        Folder of the dataset.
    clips, frames : int
    notes : tuple of str
        What is worth knowing.
    """

    root: Path
    clips: int
    frames: int
    notes: tuple[str, ...]


def check_place(out_root: Path, size: int | None) -> None:
    """Refuse a place that is taken, or a size below one pixel.

    Raises
    ------
    ConfigError
    """
    if size is not None and size < 1:
        raise ConfigError(f"size: found {size}; wanted at least 1 pixel.")
    if out_root.exists() and (not out_root.is_dir() or any(out_root.iterdir())):
        raise ConfigError(f"{out_root}: found a file, or a folder with something in it; wanted a name that is free. "
                          "Choose another, or remove it first.")


def forget_other(folder: Path, settings: dict[str, Any]) -> None:
    """Remove what a run with other settings left in a folder that is being made, and note the settings of this one."""
    record = folder / STATE / "settings.json"
    text = json.dumps(settings)
    if record.exists() and record.read_text(encoding="utf-8") == text:
        return
    for entry in [*folder.glob("[!.]*"), *record.parent.glob("*.json")]:
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    record.write_text(text, encoding="utf-8")


@contextmanager
def writing(out_root: Path) -> Iterator[None]:
    """Say in the kit's words that a disk is full or closed.

    Raises
    ------
    MgError
        In place of an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        raise MgError(f"{out_root}: found that it cannot be written ({error}). Choose a folder that can, or make room "
                      "on the disk.") from error


def save_jpeg(image: Image.Image, file: Path, size: int | None) -> None:
    """Write an RGB image without metadata, its longest side at most ``size`` pixels."""
    if size is not None and max(image.size) > size:
        image = image.copy()
        image.thumbnail((size, size))
    image.save(file, "JPEG", quality=_QUALITY)


def write_not_imported(root: Path, faults: Sequence[Fault]) -> None:
    """List what was left out; where nothing was there is no list, not even that of an earlier run."""
    (root / NOT_IMPORTED).unlink(missing_ok=True)
    if faults:
        rows = pd.DataFrame({"file": [fault.file for fault in faults], "row": [fault.row for fault in faults],
                             "found": [fault.found for fault in faults]})
        write_csv(rows.astype({"row": "Int64"}), root / NOT_IMPORTED)
