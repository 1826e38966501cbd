"""From a film to joints: any detector, the upper body cut out first, one ``keypoints.npz``.

A detector is a function from a picture to 22 joints, so that RTMPose, OpenPose or one's own fits as well as MediaPipe:
``film_keypoints(video, my_detector)``. MediaPipe's model files are the user's; none is downloaded. What is here was
tested with detectors that the tests make: with MediaPipe's own models it was not run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy import ndarray
from PIL import Image

from mgutils.data.keypoints import JOINTS
from mgutils.data.video import Frame, probe, read_frames
from mgutils.errors import ConfigError
from mgutils.files import atomic_file
from mgutils.progress import progress_bar

WIDER = 1.5
"""Side of the part that is cut out, in sides of the box round the joints of the frame before."""
_POSE = {"nose": 0, "left_eye": 2, "right_eye": 5, "left_ear": 7, "right_ear": 8, "left_shoulder": 11,
         "right_shoulder": 12, "left_elbow": 13, "right_elbow": 14, "left_wrist": 15, "right_wrist": 16}
"""Place of each joint among MediaPipe's 33 landmarks of a body."""
_TIPS = (4, 8, 12, 16, 20)
"""Thumb to little finger among its 21 landmarks of a hand; 0 is the wrist."""


class Detector(Protocol):
    """Finds the 22 joints in a picture."""

    def __call__(self, picture: ndarray) -> ndarray:
        """Picture (H, W, 3) of uint8, RGB -> (22, 3): x and y in pixels, score 0..1; a missing joint is 0, 0, 0."""


def film_keypoints(video: Path | str, detector: Detector, *, rate: float | None = None,
                   progress: bool = True) -> tuple[ndarray, ndarray]:
    """The joints of every frame of a film.

    Parameters
    ----------
    video : path
    detector : Detector
    rate : float, optional
        Frames a second to take; all if not given.

    Returns
    -------
    joints : array (T, 22, 3) of float32
        x and y in heights of the picture, score.
    times : array (T,)
        Seconds.

    Raises
    ------
    DataError
        If the video cannot be read.
    ConfigError
        If the detector returns anything but 22 joints.
    """
    duration = probe(video).duration
    total = None if duration is None or rate is None else int(duration * rate) + 1
    frames: Iterable[Frame] = read_frames(video, rate)
    bar = progress_bar(frames, total=total, unit="frame", desc="joints", disable=not progress)
    found, times, before = [], [], np.zeros((len(JOINTS), 3))
    for frame in bar:
        before = detect_upper_body(detector, frame.image, before)
        found.append(before / [frame.image.height, frame.image.height, 1])
        times.append(frame.time)
    return np.array(found, dtype=np.float32), np.array(times)


def detect_upper_body(detector: Detector, picture: Image.Image, before: ndarray) -> ndarray:
    """Joints of one frame, from the part of it where they were in the frame before; from all of it where that fails.

    A small person is large in the part that is cut out. ``before`` and the result are (22, 3), in pixels.
    """
    seen = before[:, 2] > 0
    if seen.sum() >= 3:
        low, high = before[seen, :2].min(axis=0), before[seen, :2].max(axis=0)
        centre, side = (low + high) / 2, max(16.0, WIDER * float((high - low).max()))
        left, top = np.maximum(0, centre - side / 2).astype(int)
        right, bottom = np.minimum(picture.size, np.ceil(centre + side / 2).astype(int))
        joints = _checked(detector, np.asarray(picture.crop((left, top, right, bottom))))
        if (joints[:, 2] > 0).sum() >= 3:
            joints[joints[:, 2] > 0, :2] += (left, top)
            return joints
    return _checked(detector, np.asarray(picture))


def _checked(detector: Detector, picture: ndarray) -> ndarray:
    joints = np.array(detector(picture), dtype=np.float64)
    if joints.shape != (len(JOINTS), 3) or not np.isfinite(joints).all():
        raise ConfigError(f"detector: found an array of shape {joints.shape}, or numbers that are none; wanted "
                          f"{len(JOINTS)} joints of x, y, score.")
    joints[joints[:, 2] <= 0] = 0
    return joints


def mediapipe_detector(pose_model: Path, hand_model: Path | None = None) -> Detector:
    """MediaPipe's landmarkers as a detector; the neck is the middle of the shoulders.

    Without a model of hands the tips of the fingers are missing. A hand is that of the nearer wrist: the name that
    MediaPipe gives it is for mirrored pictures.

    Raises
    ------
    ConfigError
        If MediaPipe is not installed, or a model cannot be loaded.
    """
    try:
        import mediapipe
        from mediapipe.tasks.python import BaseOptions, vision
    except ImportError:
        raise ConfigError('keypoints: MediaPipe is not installed; wanted it: pip install "mgutils[pose]". Or bring the '
                          "joints of another detector with `mg import skeletons`.") from None

    def load(kind: str, file: Path, **options: int) -> Callable:
        settings = getattr(vision, f"{kind}Options")(base_options=BaseOptions(model_asset_path=str(file)), **options)
        try:
            return getattr(vision, kind).create_from_options(settings).detect
        except (RuntimeError, ValueError, OSError) as error:
            raise ConfigError(f"{file}: found no model of MediaPipe's {kind} ({error}); wanted its .task "
                              "file.") from None

    body = load("PoseLandmarker", pose_model)
    hands = load("HandLandmarker", hand_model, num_hands=2) if hand_model else None

    def detect(picture: ndarray) -> ndarray:
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        found = body(image).pose_landmarks
        if not found:
            return np.zeros((len(JOINTS), 3))
        shown = hands(image).hand_landmarks if hands else []
        return from_landmarks(_landmarks(found[0]), [_landmarks(hand) for hand in shown], picture.shape)

    return detect


def _landmarks(points: Iterable) -> ndarray:
    """(L, 3): x and y as parts of the picture's width and height, visibility (1 where there is none)."""
    return np.array([(point.x, point.y, 1.0 if point.visibility is None else point.visibility) for point in points])


def from_landmarks(body: ndarray, hands: Iterable[ndarray], shape: tuple[int, ...]) -> ndarray:
    """MediaPipe's landmarks as the 22 joints, in pixels.

    Parameters
    ----------
    body : array (33, 3)
        x and y as parts of the picture's width and height, visibility.
    hands : iterable of array (21, 3)
    shape : tuple
        Height and width of the picture.
    """
    scale = np.array([shape[1], shape[0], 1])
    joints = np.zeros((len(JOINTS), 3))
    for name, place in _POSE.items():
        joints[JOINTS.index(name)] = body[place] * scale
    shoulders = joints[[JOINTS.index("right_shoulder"), JOINTS.index("left_shoulder")]]
    joints[JOINTS.index("neck")] = [*shoulders[:, :2].mean(axis=0), shoulders[:, 2].min()]
    for hand in hands:
        points = hand * scale
        sides = {side: np.linalg.norm(points[0, :2] - joints[JOINTS.index(f"{side}_wrist"), :2])
                 for side in ("right", "left")}
        first = JOINTS.index(f"{min(sides, key=sides.get)}_thumb_tip")
        joints[first:first + len(_TIPS)] = points[list(_TIPS)]
    joints[joints[:, 2] <= 0] = 0
    return joints


def write_keypoints(file: Path, joints: ndarray, times: ndarray, source: str) -> Path:
    """Write ``keypoints.npz``: ``joints`` (T, 22, 3), ``times`` (T,), ``names`` (22,), ``source``."""
    with atomic_file(file) as aside, aside.open("wb") as out:
        np.savez_compressed(out, joints=joints, times=times, names=np.array(JOINTS), source=source)
    return file
