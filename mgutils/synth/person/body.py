"""The seated athlete as rounded cones: trunk, clothes, arms; head and hands come from ``face`` and ``hands``.

``build`` is the entry point: subjects and poses in, shapes for the renderer and keypoints out.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy import ndarray

from mgutils.synth.person.face import CONES, head_rows
from mgutils.synth.person.hands import hand_rows
from mgutils.synth.person.keypoints import KEYPOINTS, Keypoints, find
from mgutils.synth.person.pose import Pose
from mgutils.synth.person.skeleton import HEAD_SIZE, Skeleton, place, trunk_size, turned
from mgutils.synth.person.subject import DETAILS, Subject
from mgutils.synth.render.geometry import Shapes

__all__ = ["KEYPOINTS", "Keypoints", "build"]

_DETAILS = np.stack([CONES[f"detail_{name}"] for name in DETAILS])


def build(subjects: Subject, pose: Pose) -> tuple[Shapes, Keypoints]:
    """Make the shapes and the keypoints of ``B`` frames.

    Parameters
    ----------
    subjects : Subject
        One a frame, or one for all.
    pose : Pose
        ``B`` frames.

    Returns
    -------
    Shapes
        float32, on the CPU; the same number of shapes in every frame, absent ones with radius 0.
    Keypoints
        float32.
    """
    if len(subjects) == 1 and len(pose) > 1:
        subjects = subjects[np.zeros(len(pose), dtype=int)]
    skeleton = place(subjects, pose)
    groups = [_head(subjects, pose, skeleton), _trunk(subjects, pose, skeleton), _clothes(subjects, pose, skeleton),
              _arms(subjects, skeleton), hand_rows(subjects, skeleton), _extras(subjects, pose, skeleton)]
    rows = torch.from_numpy(np.concatenate([rows for rows, _ in groups], axis=1).astype(np.float32))
    color = torch.from_numpy(np.concatenate([color for _, color in groups], axis=1).astype(np.float32))
    shapes = Shapes(rows[..., :3], rows[..., 3:6], rows[..., 6], rows[..., 7], color)
    return shapes, find(subjects, pose, skeleton)


def _placed(rows: ndarray, matrix: ndarray, origin: ndarray, size: ndarray,
            thick: ndarray) -> ndarray:
    """Rows of a local frame, scaled by ``size (B, 3)`` and ``thick (B,)``, in the world."""
    frames, count = len(matrix), rows.shape[1]
    ends = rows[..., :6].reshape(-1, count * 2, 3) * size[:, None]
    ends = (turned(matrix, ends) + origin[:, None]).reshape(frames, count, 6)
    radii = np.broadcast_to(rows[..., 6:] * thick[:, None, None], (frames, count, 2))
    return np.concatenate([ends, radii], axis=2)


def _head(subject: Subject, pose: Pose, skeleton: Skeleton) -> tuple[ndarray, ndarray]:
    rows, color = head_rows(subject, pose)
    size = HEAD_SIZE * subject.head
    return _placed(rows, skeleton.head, skeleton.atlas, np.repeat(size[:, None], 3, axis=1), size), color


def _trunk(subject: Subject, pose: Pose, skeleton: Skeleton) -> tuple[ndarray, ndarray]:
    """Trunk, thighs, neck."""
    size = trunk_size(subject)
    rows = np.repeat(CONES["trunk"][None], len(pose), axis=0)
    chest = pose.breath[:, 0, None]
    rows[:, 0, 6] += 0.020 * chest[:, 0]
    rows[:, :, 1] += pose.seat[:, 1, None] + 0.012 * chest
    trunk = _placed(rows, skeleton.trunk, skeleton.pivot, size, subject.scale * (0.5 + 0.5 * subject.girth))
    trunk[:, 1:3, 3:6] = skeleton.shoulder  # the yoke follows the shoulders
    thighs = np.broadcast_to(CONES["thighs"], (len(pose), 2, 8))
    column = _cones(skeleton.neck, skeleton.atlas + turned(skeleton.head, np.array([[[0, 0.02, 0.0]]]))[:, 0],
                    0.056 * subject.scale, 0.052 * subject.head)
    cloth, skin = subject.cloth[:, None], subject.skin[:, None]
    color = np.concatenate([np.repeat(cloth, 3, axis=1), np.repeat(0.45 * cloth, 2, axis=1), 0.93 * skin], axis=1)
    return np.concatenate([trunk, thighs, column], axis=1), color


def _clothes(subject: Subject, pose: Pose, skeleton: Skeleton) -> tuple[ndarray, ndarray]:
    """Open throat with its notch, collar, badge, and a zip, tie or row of buttons."""
    fixed = np.repeat(CONES["clothes"][None], len(pose), axis=0)
    rows = np.concatenate([fixed, _DETAILS[subject.detail]], axis=1)
    rows[..., [1, 4]] += pose.seat[:, 1, None, None]
    rows[..., [2, 5]] += 0.024 * pose.breath[:, 0, None, None]
    placed = _placed(rows, skeleton.trunk, skeleton.pivot, trunk_size(subject), subject.scale)
    placed[:, 2:4, 3:6] += pose.collar
    skin, trim = subject.skin[:, None], subject.trim[:, None]
    color = np.concatenate([0.96 * skin, 0.62 * skin, np.repeat(trim, 7, axis=1)], axis=1)
    return placed, color


def _cones(a: ndarray, b: ndarray, ra: ndarray, rb: ndarray) -> ndarray:
    """One shape per frame or per frame and side, as rows ``(B, P, 8)``."""
    a, b = (end if end.ndim == 3 else end[:, None] for end in (a, b))
    radii = np.stack(np.broadcast_arrays(ra, rb), axis=-1).reshape(-1, 1, 2)
    return np.concatenate([a, b, np.broadcast_to(radii, (*a.shape[:2], 2))], axis=2)


def _arms(subject: Subject, skeleton: Skeleton) -> tuple[ndarray, ndarray]:
    """Upper arm, sleeve, forearm, cuff or wristband: four shapes a side."""
    shoulder, elbow, wrist = skeleton.shoulder, skeleton.elbow, skeleton.wrist
    thick = subject.scale * (0.4 + 0.6 * subject.girth)
    long = subject.long_sleeves[:, None]
    end = np.where(long[..., None], elbow, shoulder + 0.55 * (elbow - shoulder))
    band = wrist + 0.16 * (elbow - wrist)
    rows = np.concatenate([
        _cones(shoulder, elbow, 0.048 * thick, 0.040 * thick),
        _cones(shoulder, end, 0.056 * thick, np.where(long[:, 0], 0.046, 0.055) * thick),
        _cones(elbow, wrist, np.where(long[:, 0], 0.046, 0.041) * thick, np.where(long[:, 0], 0.033, 0.026) * thick),
        _cones(band, wrist + 0.06 * (elbow - wrist), 0.034 * thick, 0.033 * thick)], axis=1)
    skin, cloth = subject.skin, subject.cloth
    sleeve = np.where(long, cloth, skin)
    color = np.stack([sleeve, sleeve, cloth, cloth, sleeve, sleeve, subject.trim, subject.trim], axis=1)
    return rows, color


def _extras(subject: Subject, pose: Pose, skeleton: Skeleton) -> tuple[ndarray, ndarray]:
    """A pulled lock of hair and a thing in the hands (with its cap)."""
    anchor = skeleton.atlas + turned(skeleton.head, np.array([[[0, 0.12, 0.01]]]) * HEAD_SIZE)[:, 0]
    thick = pose.lock[:, 3]
    lock = np.concatenate([anchor, pose.lock[:, :3], 1.6 * thick[:, None], thick[:, None]], axis=1)
    a, b, radii = pose.prop[:, :3], pose.prop[:, 3:6], pose.prop[:, 6:]
    top = np.concatenate([b, b + 0.14 * (b - a), 0.55 * radii[:, 1:], 0.5 * radii[:, 1:]], axis=1)
    rows = np.stack([lock, np.concatenate([a, b, radii], axis=1), top], axis=1)
    return rows, np.stack([subject.hair, subject.prop, 0.35 * subject.prop + 0.6], axis=1)


