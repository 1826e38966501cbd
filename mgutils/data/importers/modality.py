"""A modality of one's own beside those of a clip dataset: one array for each clip, or one film.

The user's clips are never changed: a new folder is made, with the same table, links to the arrays that are there, and
one array more. A clip without a file lacks the modality, and the column ``lacks`` says so.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

import mgutils
from mgutils.config.space import is_picture
from mgutils.data.csv import read_csv, write_csv
from mgutils.data.importers.clip_arrays import KINDS, REMEDY, read_clip
from mgutils.data.importers.place import check_place, writing
from mgutils.data.items import COLUMNS, FOLDER, SHAPES, TABLE, read_clip_dataset
from mgutils.data.pixels import reserve
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError, DataError, Findings, data_error
from mgutils.files import atomic_folder
from mgutils.progress import progress_bar

RECORD = "bound.json"
"""In the folder that is made: what it was made of."""
RESERVED = {*SHAPES, "class", "caption", "logits", "valid", "target", "subsets", "file"}
"""Names with a meaning of their own in a dataset, or among what a run keeps."""
SIDE = 48
"""Of the pictures of a film, in pixels, where the clips have no pictures."""
_LARGE = 2**30  # bytes of the array, from which on a note says how large it is


@dataclass(frozen=True)
class AddedModality:
    """What was made.

    Parameters
    ----------
    root : Path
        Folder of the clips with the new modality.
    clips : int
        Clips that have it.
    notes : tuple of str
        What is worth knowing.
    """

    root: Path
    clips: int
    notes: tuple[str, ...]


def add_modality(source: Path | str, clips_root: Path | str, out_root: Path | str, name: str, *, size: int = 0,
                 progress: bool = True) -> AddedModality:
    """Make a folder of clips that has one modality more.

    A file is called by the clip's ``clip_id``; where the table has a column ``name``, by that. A file has one row for
    each frame, however many: the row is taken that is nearest in time to each frame of the clip. Bytes stay bytes; all
    other numbers become float32.

    Parameters
    ----------
    source : path
        Folder of ``<clip>.npy`` (T, ...), ``<clip>.npz`` with one such array, or films.
    clips_root : path
        A folder of clips; it is read only.
    out_root : path
        Folder to make. One that this function made is left as it is where nothing has changed, else made anew.
    name : str
        Of the modality: small letters, digits and ``_``.
    size : int
        Longest side of pictures, in pixels: larger ones are reduced by means of blocks. 0 leaves arrays as they are,
        and gives films the side of the clips' own pictures.
    progress : bool
        Show a bar.

    Raises
    ------
    ConfigError
        If the name is taken or no name, or ``out_root`` is not free.
    DataError
        With every fault of the files: no clip of that name, no readable array, another shape, a number that is none.
    """
    source, clips_root, out_root = Path(source), Path(clips_root), Path(out_root)
    check_name(name, clips_root)
    if size < 0:
        raise ConfigError(f"size: found {size}; wanted at least 1 pixel, or 0 for the size of the file.")
    dataset = read_clip_dataset(clips_root)
    files = _files(source)
    made_of = _made_of(files, clips_root, name, size)
    before = _record(out_root)
    if before.get("made_of") == made_of:
        return AddedModality(out_root, before["clips"], tuple(before["notes"]))
    if not before:
        check_place(out_root, None)
    findings = Findings()
    rows = _rows_of(files, source, dataset, findings)
    if not rows:
        raise DataError(findings.faults)
    with writing(out_root), atomic_folder(out_root.absolute()) as folder:
        (folder / FOLDER).mkdir()
        there = _write_array(rows, dataset, folder / FOLDER / f"{name}.npy", size or _side(clips_root), size, findings,
                             progress)
        if findings.faults:
            raise DataError(findings.faults)
        _write_rest(clips_root, folder, name, there)
        record = {"made_by": f"mgutils {mgutils.__version__}", "name": name, "made_of": made_of,
                  "clips": int(there.sum()), "notes": findings.notes}
        (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        if before:
            shutil.rmtree(out_root)  # the one that was made of other files
    return AddedModality(out_root, record["clips"], tuple(findings.notes))


def check_name(name: str, clips_root: Path) -> None:
    """Refuse the name of a modality that cannot be one, or is taken.

    Raises
    ------
    ConfigError
    """
    there = {file.stem for file in (clips_root / FOLDER).glob("*.npy")}
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise ConfigError(f"name: found {name!r}; wanted a letter, then small letters, digits and _, at most 40.")
    if name in RESERVED | there:
        taken = ", ".join(sorted(RESERVED | there))
        raise ConfigError(f"name: found {name!r}, which is taken; wanted another than {taken}.")


# -- which file is of which clip ---------------------------------------------------------------------------------------


def _files(source: Path) -> list[Path]:
    """Arrays and films of a folder and those inside it, hidden ones left out."""
    wanted = "a folder with a file for each clip: <clip_id>.npy, <clip_id>.npz, or a film"
    if not source.is_dir():
        found = "a file" if source.exists() else "no such folder"
        raise data_error(source, found, wanted, "Correct the path.")
    found = [path for path in sorted(source.rglob("*")) if path.is_file()
             and not any(part.startswith(".") for part in path.relative_to(source).parts)]
    files = [path for path in found if path.suffix.lower() in KINDS]
    if not files:
        raise data_error(source, f"{len(found):,} files, none of them an array or a film", wanted,
                         "Write the arrays with numpy.save.")
    return files


def _rows_of(files: list[Path], source: Path, dataset: Dataset, findings: Findings) -> dict[Path, int]:
    """The row of each file's clip; a fault for each file that has none."""
    frames = dataset.frames
    column = "name" if "name" in frames else "clip_id"
    rows = {str(key): row for row, key in enumerate(frames[column])}
    found: dict[int, Path] = {}
    for file in files:
        key = file.relative_to(source).with_suffix("").as_posix()
        if column == "clip_id" and key.isascii() and key.isdigit() and len(key) <= 16:
            key = str(int(key))
        row = rows.get(key)
        if row is None:
            findings.fault(file, f"the clip {key[:80]!r}, which the table does not have",
                           f"a file called as in the column {column} of {dataset.root / TABLE}, such as "
                           f"{next(iter(rows))}",
                           "Rename the file, or take it out.")
        elif row in found:
            findings.fault(file, f"the clip {key} again, beside {found[row].name}", "one file for each clip",
                           "Take one of them out.")
        else:
            found[row] = file
    return {file: row for row, file in sorted(found.items())}


# -- what is in a file -------------------------------------------------------------------------------------------------


def _write_array(rows: dict[Path, int], dataset: Dataset, target: Path, side: int, size: int, findings: Findings,
                 progress: bool) -> ndarray:
    """Write the frames of all clips, one clip in memory at a time; returns which clips have the modality, (N,) bool."""
    start, length = (dataset.frames[column].to_numpy() for column in ("start", "length"))
    there = np.zeros(len(dataset), dtype=bool)
    array, first, empty = None, None, []
    for file, row in progress_bar(rows.items(), unit="clip", desc="arrays", disable=not progress):
        clip = read_clip(file, int(length[row]), side, size, findings)
        if clip is None:
            continue
        if array is None:
            array, first = reserve(target, (int(length.sum()), *clip.shape[1:]), clip.dtype), file
        wanted = f"{array.dtype} of shape {array.shape[1:]} a frame, as in {first.name}"
        if clip.shape[1:] != array.shape[1:] or not np.can_cast(clip.dtype, array.dtype):
            findings.fault(file, f"{clip.dtype} of shape {clip.shape[1:]} a frame", wanted, REMEDY)
            continue
        array[start[row]:start[row] + length[row]] = clip
        there[row] = clip.any()
        if not there[row]:
            empty.append(file.name)
    if array is not None:
        array.flush()
        _add_notes(array, there, empty, findings)
    if not there.any() and not findings.faults:
        findings.fault(target.stem, "only zeros in all files", "numbers", "A frame of zeros counts as missing.")
    return there


def _add_notes(array: ndarray, there: ndarray, empty: list[str], findings: Findings) -> None:
    if not there.all():
        findings.notes.append(f"{np.sum(~there):,} of {len(there):,} clips lack it")
    if empty:
        findings.notes.append(f"{len(empty):,} files are all zeros, first {empty[0]}: their clips count as lacking it")
    if array.nbytes > _LARGE:
        remedy = f"; --size {SIDE} makes its pictures smaller" if is_picture(array.shape[1:]) else ""
        findings.notes.append(f"the array takes {array.nbytes / 2**30:.1f} GiB{remedy}")


def _side(clips_root: Path) -> int:
    """Side of the clips' own pictures, in pixels."""
    for name in ("rgb", "depth", "infrared"):
        if (clips_root / FOLDER / f"{name}.npy").exists():
            return int(np.load(clips_root / FOLDER / f"{name}.npy", mmap_mode="r").shape[1])
    return SIDE


# -- what is the same as before ----------------------------------------------------------------------------------------


def _write_rest(clips_root: Path, folder: Path, name: str, there: ndarray) -> None:
    """Link the other arrays, copy the tables, and say in ``lacks`` who has not the new modality."""
    for file in sorted((clips_root / FOLDER).glob("*.npy")):
        _link(file.resolve(), folder / FOLDER / file.name)
    for file in sorted(clips_root.iterdir()):
        if file.suffix in (".csv", ".json") and file.name not in (TABLE, RECORD):
            shutil.copyfile(file, folder / file.name)
    table = read_csv(clips_root / TABLE, COLUMNS, "Make the clips again.")
    lacks = table["lacks"] if "lacks" in table else [""] * len(table)
    table["lacks"] = [names if has else f"{names} {name}".strip() for names, has in zip(lacks, there, strict=True)]
    write_csv(table, folder / TABLE)


def _link(file: Path, target: Path) -> None:
    """A link, hard or soft, as the file systems allow; a copy where they allow none."""
    for link in (os.link, os.symlink):
        try:
            link(file, target)
            return
        except OSError:
            continue
    shutil.copyfile(file, target)


def _made_of(files: list[Path], clips_root: Path, name: str, size: int) -> str:
    """A hash of the name, the size, and every file's place, size and time of change."""
    digest = hashlib.sha256(f"{mgutils.__version__} {name} {size}".encode())
    for file in [*files, *sorted(clips_root.glob("*.csv")), *sorted((clips_root / FOLDER).glob("*.npy"))]:
        state = file.stat()
        digest.update(f"{file.absolute()} {state.st_size} {state.st_mtime_ns}\n".encode(errors="surrogatepass"))
    return digest.hexdigest()


def _record(root: Path) -> dict[str, Any]:
    """What a folder that was made here says of itself; empty for any other."""
    try:
        found = json.loads((root / RECORD).read_text(encoding="utf-8"))
        return found if {"made_of", "clips", "notes"} <= found.keys() else {}
    except (OSError, ValueError, AttributeError):
        return {}
