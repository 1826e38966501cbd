"""The seated athlete as rounded cones: trunk, clothes, arms; head and hands come from ``face`` and ``hands``.

``build`` is the entry point: subjects and poses in, shapes for the renderer and keypoints out. Each part of the body is
a function that returns cones in the world, ``(B, P, 8)`` as in ``cones``, and their colours, ``(B, P, 3)``.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from mgutils.synth.person.cones import CONES, cones, morph, paint, to_world
from mgutils.synth.person.face import head
from mgutils.synth.person.hands import hands
from mgutils.synth.person.keypoints import find
from mgutils.synth.person.pose import Pose
from mgutils.synth.person.skeleton import HEAD_SIZE, Skeleton, place, trunk_size
from mgutils.synth.person.subject import DETAILS, Subject
from mgutils.synth.render.geometry import Shapes

_DETAILS = np.stack([CONES[f"detail_{name}"] for name in DETAILS])


def build(subjects: Subject, pose: Pose) -> tuple[Shapes, Tensor]:
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
    Tensor
        Keypoints in the order of ``keypoints.KEYPOINTS``, metres in the world, float32, ``(B, K, 3)``.
    """
    if len(subjects) == 1:
        subjects = subjects[[0] * len(pose)]
    skeleton = place(subjects, pose)
    groups = [part(subjects, pose, skeleton) for part in (head, trunk, clothes, arms, hands, extras)]
    rows, color = (
        torch.from_numpy(np.concatenate(part, axis=1).astype(np.float32))
        for part in zip(*groups, strict=True)
    )
    shapes = Shapes(rows[..., :3], rows[..., 3:6], rows[..., 6], rows[..., 7], color)
    return shapes, find(subjects, pose, skeleton)


def trunk(subject: Subject, pose: Pose, skeleton: Skeleton) -> tuple[ndarray, ndarray]:
    """Trunk, thighs, neck."""
    frames = len(pose)
    rows = morph("trunk", frames, rise=pose.seat[:, 1], chest=pose.breath[:, 0])
    thick = subject.scale * (0.5 + 0.5 * subject.girth)
    rows = to_world(rows, skeleton.trunk, skeleton.pivot, trunk_size(subject), thick)
    rows[:, 1:3, 3:6] = skeleton.shoulder  # the yoke follows the shoulders
    skull = _of_head(skeleton, 0.02, 0.0)
    neck = cones(skeleton.neck, skull, 0.056 * subject.scale, 0.052 * subject.head)
    rows = [rows, morph("thighs", frames), neck[:, None]]
    colors = [paint(subject, "trunk"), paint(subject, "thighs"), 0.93 * subject.skin[:, None]]
    return np.concatenate(rows, axis=1), np.concatenate(colors, axis=1)


def _of_head(skeleton: Skeleton, y: float, z: float) -> ndarray:
    """A point of the head's middle plane in the world, ``(B, 3)``."""
    return skeleton.atlas + skeleton.head @ (0.0, y, z)


def clothes(subject: Subject, pose: Pose, skeleton: Skeleton) -> tuple[ndarray, ndarray]:
    """Open throat with its notch, collar, badge, and a zip, tie or row of buttons."""
    rows = [morph("clothes", len(pose)), _DETAILS[subject.detail]]
    rows = np.concatenate(rows, axis=1)
    rows[..., [1, 4]] += pose.seat[:, 1, None, None]
    rows[..., [2, 5]] += 0.024 * pose.breath[:, 0, None, None]
    rows = to_world(rows, skeleton.trunk, skeleton.pivot, trunk_size(subject), subject.scale)
    rows[:, 2:4, 3:6] += pose.collar
    colors = [paint(subject, "clothes"), paint(subject, "detail_zip")]
    return rows, np.concatenate(colors, axis=1)


def arms(subject: Subject, pose: Pose, skeleton: Skeleton) -> tuple[ndarray, ndarray]:
    """Upper arm, sleeve, forearm, cuff or wristband: four shapes a side."""
    shoulder = skeleton.shoulder
    elbow = skeleton.elbow
    wrist = skeleton.wrist
    thick = (subject.scale * (0.4 + 0.6 * subject.girth))[:, None]
    long = subject.long_sleeves[:, None]
    sleeve = np.where(long[..., None], elbow, shoulder + 0.55 * (elbow - shoulder))
    sleeve_radius = np.where(long, 0.046, 0.055)
    elbow_radius = np.where(long, 0.046, 0.041)
    wrist_radius = np.where(long, 0.033, 0.026)
    band = wrist + 0.16 * (elbow - wrist)
    cuff = wrist + 0.06 * (elbow - wrist)
    rows = [
        cones(shoulder, elbow, 0.048 * thick, 0.040 * thick),
        cones(shoulder, sleeve, 0.056 * thick, sleeve_radius * thick),
        cones(elbow, wrist, elbow_radius * thick, wrist_radius * thick),
        cones(band, cuff, 0.034 * thick, 0.033 * thick),
    ]
    sleeve = np.where(long, subject.cloth, subject.skin)
    colors = [sleeve, subject.cloth, sleeve, subject.trim]
    return np.concatenate(rows, axis=1), np.repeat(np.stack(colors, axis=1), 2, axis=1)


def extras(subject: Subject, pose: Pose, skeleton: Skeleton) -> tuple[ndarray, ndarray]:
    """A pulled lock of hair and a thing in the hands (with its cap)."""
    root = _of_head(skeleton, 0.12 * HEAD_SIZE, 0.01 * HEAD_SIZE)
    thick = pose.lock[:, 3]
    a = pose.prop[:, :3]
    b = pose.prop[:, 3:6]
    radius = pose.prop[:, 7]
    rows = [
        cones(root, pose.lock[:, :3], 1.6 * thick, thick),
        pose.prop,
        cones(b, b + 0.14 * (b - a), 0.55 * radius, 0.5 * radius),
    ]
    colors = [subject.hair, subject.prop, 0.35 * subject.prop + 0.6]
    return np.stack(rows, axis=1), np.stack(colors, axis=1)
