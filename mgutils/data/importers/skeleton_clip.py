"""One clip of joints as a reader yields it, and the checks that every clip passes.

The readers are ``pyskl``, ``miga``, ``openpose`` and ``keypoint_files``; ``skeletons`` writes what they yield.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import ndarray

from mgutils.data.csv import describe
from mgutils.data.keypoints import JOINTS
from mgutils.data.labels import LONGEST_NAME, UNPRINTABLE
from mgutils.errors import Findings, printable

BODY, FACE, HAND = 25, 70, 21
"""Points of OpenPose's BODY_25, of its face and of one hand; one after the other (left hand first) they are 137."""
IMIGUE_SIZE = (1280, 720)
"""Width and height of iMiGUE's pictures, for files that do not say it."""
REMEDY = "Correct the clip, or leave out all such clips with --skip-bad."
MOST_SCORE = 1.25
"""Peaks of heatmaps are scores a little over 1; they are cut to 1. Over this, the number is no score."""
_UPPER_BODY = (*range(8), 15, 16, 17, 18)  # nose, neck, arms, right and left eye, right and left ear
_TIPS = np.array([4, 8, 12, 16, 20])  # of a hand, thumb first
_LEFT, _RIGHT = BODY + FACE, BODY + FACE + HAND
LAYOUTS: dict[int, ndarray] = {
    22: np.arange(22),
    36: np.array([*range(12), *range(31, 36), *range(25, 30)]),
    137: np.array([*_UPPER_BODY, *(_RIGHT + _TIPS), *(_LEFT + _TIPS)]),
}
"""Number of points to where the 22 joints are among them: MiGA's 22, MM-Gesture's 36, all of OpenPose's 137."""


@dataclass(frozen=True)
class SkeletonClip:
    """A clip, checked by :func:`is_sound`.

    Parameters
    ----------
    name : str
        As the source calls it; unique in it.
    joints : ndarray
        ``(T, 22, 3)`` float32: x and y in pixels from the top left corner, score 0..1.
    width, height : float
        Of the picture, in the unit of x and y.
    class_index : int or None
        0-based class; ``None`` where the source does not say.
    video, subject, split : str
        "" where the source does not say.
    start : int
        Number of the first frame in its video; 0 where nobody says.
    """

    name: str
    joints: ndarray
    width: float
    height: float
    class_index: int | None = None
    video: str = ""
    subject: str = ""
    split: str = ""
    start: int = 0

    def in_heights(self) -> ndarray:
        """The joints with x and y in units of the picture's height, ``(T, 22, 3)``; a missing joint is 0, 0, 0."""
        joints = self.joints.astype(np.float32)
        joints[..., :2] /= self.height
        joints[..., 2] = np.minimum(joints[..., 2], 1)
        joints[is_missing(joints)] = 0
        return joints


def is_missing(joints: ndarray) -> ndarray:
    """Which joints were not found: their score is 0, or both coordinates are. ``(...,)`` bool."""
    return (joints[..., 2] == 0) | ((joints[..., 0] == 0) & (joints[..., 1] == 0))


def place_of(file: Path | str, name: str) -> str:
    """How a fault calls a clip."""
    return f"{file}, clip {describe(name)}"


def is_name(name: object) -> bool:
    """Whether a text can be the name of a clip: one line of text."""
    return (isinstance(name, str) and bool(name.strip()) and len(name) <= LONGEST_NAME
            and not UNPRINTABLE.search(name) and printable(name) == name)


def without_padding(joints: ndarray) -> ndarray:
    """The frames up to the last one that has a joint; ``(T, V, 3)`` with a smaller T, a view."""
    with np.errstate(invalid="ignore"):
        filled = np.flatnonzero(joints.any(axis=(1, 2)))
    return joints[:filled[-1] + 1] if len(filled) else joints[:0]


def is_sound(place: str, joints: ndarray, size: tuple[float, float], findings: Findings) -> bool:
    """Check the joints of a clip; at most one fault for each.

    Parameters
    ----------
    place : str
        Of the clip: :func:`place_of`.
    joints : ndarray
        ``(T, 22, 3)`` numbers, x and y in the unit of ``size``.
    size : (float, float)
        Width and height of the picture; the width may be infinite where nobody knows it.
    findings : Findings
        Takes the fault.
    """
    for check in (_empty, _not_finite, _no_score, _not_in_pixels, _outside):
        with np.errstate(all="ignore"):
            fault = check(joints, size)
        if fault is not None:
            findings.fault(place, *fault)
            return False
    return True


def _empty(joints: ndarray, size: tuple[float, float]) -> tuple[str, str, str] | None:
    if joints.any():
        return None
    found = f"{len(joints)} frames without a joint" if len(joints) else "no frames"
    return found, "a frame with a person", REMEDY


def _not_finite(joints: ndarray, size: tuple[float, float]) -> tuple[str, str, str] | None:
    return _first(~np.isfinite(joints), joints, "a finite number")


def _no_score(joints: ndarray, size: tuple[float, float]) -> tuple[str, str, str] | None:
    wrong = np.zeros(joints.shape, dtype=bool)
    wrong[..., 2] = (joints[..., 2] < 0) | (joints[..., 2] > MOST_SCORE)
    return _first(wrong, joints, "0..1")


def _not_in_pixels(joints: ndarray, size: tuple[float, float]) -> tuple[str, str, str] | None:
    largest = np.abs(joints[..., :2]).max()
    if size[1] <= 2 or largest > 2:
        return None
    return (f"coordinates of at most {largest:.3g}", "pixels",
            "Multiply x by the picture's width and y by its height first.")


def _outside(joints: ndarray, size: tuple[float, float]) -> tuple[str, str, str] | None:
    seen = ~is_missing(joints)
    wrong = np.zeros(joints.shape, dtype=bool)
    for axis, length in enumerate(size):
        # pose estimators may guess at a joint beyond the edge, but not at one half a picture away
        wrong[..., axis] = seen & (np.abs(joints[..., axis] - length / 2) > length)
    fault = _first(wrong, joints, f"a point of a picture of {size[0]:g} x {size[1]:g}")
    return None if fault is None else (*fault[:2], "Give the picture's size with --size. " + REMEDY)


def _first(wrong: ndarray, joints: ndarray, wanted: str) -> tuple[str, str, str] | None:
    """The fault of the first value that is wrong."""
    if not wrong.any():
        return None
    frame, joint, axis = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    value = float(joints[frame, joint, axis])
    more = f" and {int(wrong.sum()) - 1:,} more like it" if wrong.sum() > 1 else ""
    found = f"{value:.6g} as {('x', 'y', 'score')[axis]} of {JOINTS[joint]} in frame {frame}{more}"
    return found, wanted, REMEDY
