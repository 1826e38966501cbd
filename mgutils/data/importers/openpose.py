"""What OpenPose writes: a JSON file for each frame, or iMiGUE's sheets of 137 points, one row for each frame.

JSON: ``<clip>_000000000012_keypoints.json`` at any depth; the first of ``people`` is the person. Sheets:
``<video>_openpose.xlsx`` or ``.csv`` without a header, x, y and score of 137 points, with ``<video>_label.csv`` beside
it: rows ``class,start_frame,end_frame`` (class 1.., or 99 as in iMiGUE; frames from 0, both included). A sheet without
labels is one clip.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from mgutils.data.csv import describe
from mgutils.data.importers.sheets import SHEETS, read_sheet_clips
from mgutils.data.importers.skeleton_clip import (
    BODY,
    FACE,
    HAND,
    IMIGUE_SIZE,
    LAYOUTS,
    REMEDY,
    SkeletonClip,
    is_name,
    is_sound,
    place_of,
)
from mgutils.errors import DataError, Findings, data_error

JSON = "_keypoints.json"
_PARTS = {"pose_keypoints_2d": BODY, "face_keypoints_2d": FACE, "hand_left_keypoints_2d": HAND,
          "hand_right_keypoints_2d": HAND}
_FRAME = re.compile(r"(.+)_([0-9]{1,15})" + re.escape(JSON), re.ASCII | re.DOTALL)
_WANTED = "a frame as OpenPose writes it: people, each with pose_keypoints_2d and the hands' points"
_MOST_BYTES = 2**24  # of the JSON of one frame


def read_openpose(source: Path, findings: Findings, size: tuple[int, int] | None = None) -> Iterator[SkeletonClip]:
    """Yield the clips of a folder of JSON files and sheets, or those of one sheet.

    Parameters
    ----------
    source : Path
    findings : Findings
        Takes a fault for each clip that is left out, and notes.
    size : (int, int), optional
        Width and height of the pictures; iMiGUE's if not given.

    Raises
    ------
    DataError
        If there is neither a JSON file nor a sheet.
    """
    size = size or IMIGUE_SIZE
    sheets = [source] if source.is_file() else sorted(
        file for file in source.rglob("*_openpose.*") if file.suffix.lower() in SHEETS)
    clips = {} if source.is_file() else _frames_of(source, findings)
    if not sheets and not clips and not findings.faults:
        raise data_error(source, f"no file *{JSON} and no *_openpose.xlsx", "what OpenPose writes", "Correct the path.")
    crowds = no_hands = gaps = 0
    for name, frames in clips.items():
        place = place_of(source, name)
        read = _read_frames(place, frames, findings)
        if read is None or not is_sound(place, read[0], size, findings):
            continue
        joints, several = read
        crowds += several > 0
        no_hands += not joints[:, 12:].any()
        numbers = [number for number, _ in frames]
        gaps += numbers[-1] - numbers[0] + 1 != len(numbers)
        yield SkeletonClip(name, joints, *size, start=numbers[0])
    for count, what in ((crowds, "show several persons in some frame; the first was taken"),
                        (no_hands, "have no point of a hand: OpenPose finds hands only where it is told to"),
                        (gaps, "lack frames in between; those that are there follow one another")):
        if count:
            findings.notes.append(f"{source}: {count:,} clips {what}")
    for file in sheets:
        yield from read_sheet_clips(file, findings, size)


def _frames_of(folder: Path, findings: Findings) -> dict[str, list[tuple[int, Path]]]:
    """Number and file of the frames of each clip, in order; a clip is called by its path in the folder."""
    clips: dict[str, list[tuple[int, Path]]] = {}
    for file in folder.rglob(f"*{JSON}"):
        match = _FRAME.fullmatch(file.name)
        parent = file.parent.relative_to(folder).as_posix()
        if match is None or not is_name(f"{parent}/{match[1]}"):
            findings.fault(folder, f"the file {describe(file.name)}", f"<clip>_<number of the frame>{JSON}",
                           "Rename it, or move it away.")
            continue
        # a folder for each clip has the clip's name
        name = parent if parent.split("/")[-1] == match[1] else f"{parent}/{match[1]}"
        clips.setdefault(name.removeprefix("./"), []).append((int(match[2]), file))
    return {name: sorted(clips[name]) for name in sorted(clips)}


def _read_frames(place: str, frames: list[tuple[int, Path]], findings: Findings) -> tuple[ndarray, int] | None:
    """Joints (T, 22, 3), and the number of frames with several persons; ``None``, and a fault, at the first bad one."""
    joints = np.zeros((len(frames), 22, 3), dtype=np.float32)
    several = 0
    try:
        for row, (_, file) in enumerate(frames):
            people = _people(file)
            several += len(people) > 1
            if people:
                with np.errstate(all="ignore"):  # of what is not finite; the checks find it
                    joints[row] = _points(people[0], file)[LAYOUTS[137]]
    except DataError as error:
        fault = error.faults[0]
        findings.fault(f"{place}, {file.name}", fault.found, fault.wanted, fault.remedy)
        return None
    return joints, several


def _people(file: Path) -> list[Any]:
    """The persons of a frame."""
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ValueError
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise data_error(file, error.strerror or "an error", "a file that can be read", REMEDY) from None
    except (ValueError, RecursionError) as error:
        raise data_error(file, f"no readable JSON ({type(error).__name__})", _WANTED, REMEDY) from None
    people = content.get("people") if isinstance(content, dict) else None
    if not isinstance(people, list):
        raise data_error(file, "no list of people", _WANTED, REMEDY)
    return people


def _points(person: Any, file: Path) -> ndarray:
    """The 137 points of a person, ``(137, 3)``; a part that OpenPose was not asked for is missing."""
    parts = []
    for name, count in _PARTS.items():
        numbers = person.get(name, []) if isinstance(person, dict) else None
        is_list = isinstance(numbers, list) and all(type(number) in (int, float) for number in numbers)
        if not is_list or len(numbers) != 3 * count and (numbers or name == "pose_keypoints_2d"):
            found = f"{name} with {len(numbers)} numbers" if is_list else f"{name} that is no list of numbers"
            raise data_error(file, found, f"{3 * count} numbers: x, y and score of {count} points", REMEDY)
        try:
            parts.append(np.array(numbers or [0] * 3 * count, dtype=np.float64).reshape(count, 3))
        except OverflowError:
            raise data_error(file, f"{name} with a number of hundreds of digits", "pixels", REMEDY) from None
    return np.concatenate(parts)
