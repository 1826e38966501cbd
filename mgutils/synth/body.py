"""The seated athlete as rounded cones, and the named points of the body.

``build`` is the entry point: subjects and poses in, shapes for the renderer and keypoints out. The head is made in ``face``,
joints in ``skeleton``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mgutils.synth import face
from mgutils.synth.cast import Batched, Shapes
from mgutils.synth.pose import Pose
from mgutils.synth.skeleton import HAND_SIZE, HEAD_SIZE, NECK_BASE, SHOULDER, Skeleton, place, trunk_size, turned
from mgutils.synth.subject import Subject

SIDES = ("right", "left")
FINGERS = ("thumb", "index", "middle", "ring", "little")
KEYPOINTS = (
    "nose", "mouth", "chin", "head_top", "neck", "suprasternal_notch",
    *(f"{side}_{part}" for side in SIDES for part in ("eye", "ear", "mouth_corner", "shoulder", "elbow", "wrist", "hip")),
    *(f"{side}_{finger}_tip" for side in SIDES for finger in FINGERS))
"""Names of the keypoints, in the order of :class:`Keypoints`. Right and left are the subject's."""

NOTCH = np.array([0.0, 0.468, 0.098])
"""The suprasternal notch in the trunk's frame, metres."""

# Trunk's frame, metres; end a, end b, two radii. The depth radius cannot differ from the breadth radius, so a trunk is several.
_TRUNK = np.array([
    (-0.082, 0.385, 0.004, -0.072, 0.150, 0.012, 0.102, 0.098),   # flanks
    (0.082, 0.385, 0.004, 0.072, 0.150, 0.012, 0.102, 0.098),
    (0, 0.370, 0.022, 0, 0.160, 0.030, 0.100, 0.102),             # breastbone, belly
    (-0.045, 0.500, -0.012, -0.168, 0.468, -0.004, 0.050, 0.062),  # yoke
    (0.045, 0.500, -0.012, 0.168, 0.468, -0.004, 0.050, 0.062),
    (-0.085, 0.020, 0.000, 0.085, 0.020, 0.000, 0.112, 0.112),    # hips
], dtype=np.float64)
_THIGHS = np.array([(-0.09, 0.03, 0.04, -0.13, 0.04, 0.42, 0.085, 0.065), (0.09, 0.03, 0.04, 0.13, 0.04, 0.42, 0.085, 0.065)])
_THROAT = np.array([(0, 0.510, 0.030, 0, 0.470, 0.068, 0.050, 0.030), (0, 0.472, 0.092, 0, 0.464, 0.094, 0.0085, 0.0075)])
_COLLAR = np.array([(-0.062, 0.535, -0.010, -0.020, 0.452, 0.100, 0.016, 0.014),
                    (0.062, 0.535, -0.010, 0.020, 0.452, 0.100, 0.016, 0.014)])
_BADGE = np.array([(0.068, 0.392, 0.098, 0.092, 0.392, 0.090, 0.013, 0.013)])
# Four slots: zip line and puller; knot and blade of a tie; four buttons.
_DETAIL = np.array([
    [(0, 0.440, 0.114, 0, 0.350, 0.121, 0.005, 0.005), (0, 0.350, 0.121, 0, 0.180, 0.129, 0.005, 0.005),
     (0, 0.415, 0.120, 0, 0.398, 0.122, 0.008, 0.009), (0, 0, 0, 0, 0, 0, 0, 0)],
    [(0, 0.446, 0.110, 0, 0.432, 0.116, 0.017, 0.012), (0, 0.425, 0.113, 0, 0.330, 0.118, 0.010, 0.018),
     (0, 0.330, 0.118, 0, 0.215, 0.124, 0.018, 0.024), (0, 0, 0, 0, 0, 0, 0, 0)],
    [(0, 0.425, 0.116, 0, 0.425, 0.116, 0.009, 0.009), (0, 0.360, 0.121, 0, 0.360, 0.121, 0.009, 0.009),
     (0, 0.295, 0.124, 0, 0.295, 0.124, 0.009, 0.009), (0, 0.230, 0.127, 0, 0.230, 0.127, 0.009, 0.009)],
], dtype=np.float64)

TRUNK_ANCHORS = {
    "notch": (tuple(NOTCH + (0, 0, 0.004)), (0, 0, 1)),
    "collar": ((-0.024, 0.455, 0.114), (-0.2, 0, 1)),
    "detail": ((0, 0.425, 0.128), (0, 0, 1)),
    "neck_side": ((-0.052, 0.550, 0.010), (-0.9, 0, 0.4)),
    "neck_back": ((-0.040, 0.540, -0.060), (-0.3, 0, -1)),
    "shoulder_blade": ((-0.100, 0.480, -0.085), (-0.2, 0, -1)),
    "other_shoulder": ((0.165, 0.500, 0.055), (0.5, 0.4, 0.8)),
    "other_chest": ((0.110, 0.400, 0.108), (0.3, 0, 1)),
    "waist": ((-0.160, 0.170, 0.045), (-1, 0, 0.5)),
    "rib": ((-0.180, 0.250, 0.040), (-1, 0, 0.3)),
    "small_of_back": ((-0.060, 0.150, -0.110), (0, 0, -1)),
    "breast": ((-0.070, 0.380, 0.110), (0, 0, 1)),
}
"""Points of the clothes and the skin on the right half of the trunk and their outward directions."""


@dataclass(frozen=True)
class Keypoints(Batched):
    """Points of the body by name: column ``k`` is ``KEYPOINTS[k]``.

    Parameters
    ----------
    points : Tensor
        Metres in the world, ``(B, K, 3)``.
    radius : Tensor
        How deep the point may lie below the surface that shows it, metres, ``(B, K)``.
    """

    points: Tensor
    radius: Tensor


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
              _arms(subjects, skeleton), _hands(subjects, skeleton), _extras(subjects, pose, skeleton)]
    rows = torch.from_numpy(np.concatenate([rows for rows, _ in groups], axis=1).astype(np.float32))
    color = torch.from_numpy(np.concatenate([color for _, color in groups], axis=1).astype(np.float32))
    shapes = Shapes(rows[..., :3], rows[..., 3:6], rows[..., 6], rows[..., 7], color)
    return shapes, _keypoints(subjects, skeleton)


def _placed(rows: np.ndarray, matrix: np.ndarray, origin: np.ndarray, size: np.ndarray, thick: np.ndarray) -> np.ndarray:
    """Rows of a local frame, scaled by ``size (B, 3)`` and ``thick (B,)``, in the world."""
    frames, count = len(matrix), rows.shape[1]
    ends = rows[..., :6].reshape(-1, count * 2, 3) * size[:, None]
    ends = (turned(matrix, ends) + origin[:, None]).reshape(frames, count, 6)
    radii = np.broadcast_to(rows[..., 6:] * thick[:, None, None], (frames, count, 2))
    return np.concatenate([ends, radii], axis=2)


def _head(subject: Subject, pose: Pose, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    rows, color = face.head_rows(subject, pose)
    size = HEAD_SIZE * subject.head
    return _placed(rows, skeleton.head, skeleton.atlas, np.repeat(size[:, None], 3, axis=1), size), color


def _trunk(subject: Subject, pose: Pose, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Trunk, hips, thighs, neck."""
    size = trunk_size(subject)
    rows = np.repeat(_TRUNK[None], len(pose), axis=0)
    chest = pose.breath[:, 0, None]
    rows[:, :3, 6] += 0.016 * chest
    rows[:, :3, 1] += pose.seat[:, 1, None] + 0.012 * chest
    rows[:, 2, 2] += 0.018 * chest[:, 0]
    trunk = _placed(rows, skeleton.trunk, skeleton.pivot, size, subject.scale * (0.5 + 0.5 * subject.girth))
    trunk[:, 3:5, 3:6] = skeleton.shoulder  # the yoke follows the shoulders
    thighs = np.broadcast_to(_THIGHS, (len(pose), 2, 8))
    column = _cones(skeleton.neck, skeleton.atlas + turned(skeleton.head, np.array([[[0, 0.02, 0.0]]]))[:, 0],
                    0.056 * subject.scale, 0.052 * subject.head)
    cloth, skin = subject.cloth[:, None], subject.skin[:, None]
    color = np.concatenate([np.repeat(cloth, 5, axis=1), np.repeat(0.45 * cloth, 3, axis=1), 0.93 * skin], axis=1)
    return np.concatenate([trunk, thighs, column], axis=1), color


def _clothes(subject: Subject, pose: Pose, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Open throat with its notch, collar, badge, and a zip, tie or row of buttons."""
    fixed = np.concatenate([_THROAT, _COLLAR, _BADGE])
    rows = np.concatenate([np.repeat(fixed[None], len(pose), axis=0), _DETAIL[subject.detail]], axis=1)
    rows[..., [1, 4]] += pose.seat[:, 1, None, None]
    rows[..., [2, 5]] += 0.024 * pose.breath[:, 0, None, None]
    placed = _placed(rows, skeleton.trunk, skeleton.pivot, trunk_size(subject), subject.scale)
    placed[:, 2:4, 3:6] += pose.collar
    skin, trim = subject.skin[:, None], subject.trim[:, None]
    color = np.concatenate([0.96 * skin, 0.62 * skin, np.repeat(trim, 7, axis=1)], axis=1)
    return placed, color


def _cones(a: np.ndarray, b: np.ndarray, ra: np.ndarray, rb: np.ndarray) -> np.ndarray:
    """One shape per frame or per frame and side, as rows ``(B, P, 8)``."""
    a, b = (end if end.ndim == 3 else end[:, None] for end in (a, b))
    radii = np.stack(np.broadcast_arrays(ra, rb), axis=-1).reshape(-1, 1, 2)
    return np.concatenate([a, b, np.broadcast_to(radii, (*a.shape[:2], 2))], axis=2)


def _arms(subject: Subject, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Upper arm, sleeve, forearm, cuff or wristband: four shapes a side."""
    shoulder, elbow, wrist = skeleton.shoulder, skeleton.elbow, skeleton.wrist
    thick = subject.scale * (0.4 + 0.6 * subject.girth)
    long = subject.long_sleeves[:, None]
    end = np.where(long[..., None], elbow, shoulder + 0.55 * (elbow - shoulder))
    band = wrist + 0.16 * (elbow - wrist)
    rows = np.concatenate([
        _cones(shoulder, elbow, 0.050 * thick, 0.040 * thick),
        _cones(shoulder, end, 0.062 * thick, np.where(long[:, 0], 0.047, 0.060) * thick),
        _cones(elbow, wrist, np.where(long[:, 0], 0.046, 0.041) * thick, np.where(long[:, 0], 0.033, 0.026) * thick),
        _cones(band, wrist + 0.06 * (elbow - wrist), 0.034 * thick, 0.033 * thick)], axis=1)
    skin, cloth = subject.skin, subject.cloth
    sleeve = np.where(long, cloth, skin)
    color = np.stack([sleeve, sleeve, cloth, cloth, sleeve, sleeve, subject.trim, subject.trim], axis=1)
    return rows, color


_PALM = np.array([[0.020, 0.029], [0.001, 0.030], [-0.021, 0.027]])
_FINGER_RADII = np.array([[0.0150, 0.0120, 0.0100], [0.0112, 0.0100, 0.0088], [0.0115, 0.0103, 0.0090],
                          [0.0110, 0.0098, 0.0086], [0.0098, 0.0088, 0.0078]])


def _hands(subject: Subject, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Three shapes of the palm and ten of the fingers, a side."""
    frames = len(skeleton.wrist)
    size = HAND_SIZE * subject.hand
    joints = skeleton.finger  # (B, 2, 5, 3, 3)
    segments = np.concatenate([joints[:, :, :, :-1], joints[:, :, :, 1:]], axis=-1)  # (B, 2, 5, 2, 6)
    radii = np.stack([_FINGER_RADII[:, :-1], _FINGER_RADII[:, 1:]], axis=-1) * size[:, None, None, None]
    radii = np.broadcast_to(radii[:, None], (*segments.shape[:4], 2))
    fingers = np.concatenate([segments, radii], axis=-1).reshape(frames, 20, 8)
    root = skeleton.wrist[:, :, None] + np.einsum("bsij,kj->bski", skeleton.hand, _root_offsets()) * size[:, None, None, None]
    heads = joints[:, :, [1, 2, 4], 0] - 0.008 * skeleton.hand[:, :, None, :, 2]
    width = np.broadcast_to(np.array([[0.0165, 0.0145], [0.0170, 0.0145], [0.0155, 0.0130]]) * size[:, None, None],
                            (frames, 3, 2))
    palm = np.concatenate([root, heads, np.broadcast_to(width[:, None], (frames, 2, 3, 2))], axis=-1)
    rows = np.concatenate([fingers, palm.reshape(frames, 6, 8)], axis=1)
    skin = subject.skin[:, None]
    tint = np.tile(np.array([0.98, 0.96, 0.97, 0.93, 1.0, 0.96, 0.97, 0.93, 1.0, 0.96]), 2)
    return rows, np.concatenate([skin * tint[:, None], np.repeat(skin, 6, axis=1)], axis=1)


def _root_offsets() -> np.ndarray:
    """Where the three shapes of the palm start, in the hand's frame."""
    return np.array([[0.010, 0.0, 0.010], [0.0, 0.0, 0.012], [-0.012, 0.0, 0.010]])


def _extras(subject: Subject, pose: Pose, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """A pulled lock of hair and a thing in the hands (with its cap)."""
    anchor = skeleton.atlas + turned(skeleton.head, np.array([[[0, 0.12, 0.01]]]) * HEAD_SIZE)[:, 0]
    thick = pose.lock[:, 3]
    lock = np.concatenate([anchor, pose.lock[:, :3], 1.6 * thick[:, None], thick[:, None]], axis=1)
    a, b, radii = pose.prop[:, :3], pose.prop[:, 3:6], pose.prop[:, 6:]
    top = np.concatenate([b, b + 0.14 * (b - a), 0.55 * radii[:, 1:], 0.5 * radii[:, 1:]], axis=1)
    rows = np.stack([lock, np.concatenate([a, b, radii], axis=1), top], axis=1)
    return rows, np.stack([subject.hair, subject.prop, 0.35 * subject.prop + 0.6], axis=1)


def head_points(subject: Subject, skeleton: Skeleton, local: np.ndarray) -> np.ndarray:
    """Points ``(K, 3)`` of the head's frame in the world, ``(B, K, 3)``."""
    return skeleton.atlas[:, None] + turned(skeleton.head, local * (HEAD_SIZE * subject.head)[:, None, None])


def trunk_points(subject: Subject, pose: Pose, skeleton: Skeleton, local: np.ndarray) -> np.ndarray:
    """Points ``(K, 3)`` of the trunk's frame in the world, ``(B, K, 3)``; they follow the spine and the breath."""
    local = local * trunk_size(subject)[:, None]
    local = np.broadcast_to(local, (len(pose), *local.shape[1:])).copy()
    local[..., 1] += pose.seat[:, 1, None]
    local[..., 2] += 0.024 * pose.breath[:, 0, None]
    return skeleton.pivot[:, None] + turned(skeleton.trunk, local)


_HEAD_LOCAL = np.array([(0, 0.040, 0.128), (0, 0.002, 0.102), (0, -0.036, 0.080), (0, 0.180, 0)])
_SIDE_LOCAL = np.array([(0.031, 0.070, 0.098), (0.086, 0.062, -0.012), (0.024, 0.002, 0.096)])
_HIP_LOCAL = np.array([(-0.10, 0.02, 0.0), (0.10, 0.02, 0.0)])


def _keypoints(subject: Subject, skeleton: Skeleton) -> Keypoints:
    """Gather the points in the order of :data:`KEYPOINTS`."""
    flip = np.array([-1.0, 1, 1])
    local = np.concatenate([_HEAD_LOCAL, _SIDE_LOCAL * flip, _SIDE_LOCAL])
    head = head_points(subject, skeleton, local)
    trunk = skeleton.pivot[:, None] + turned(skeleton.trunk, np.concatenate([NOTCH[None], _HIP_LOCAL])
                                             * trunk_size(subject)[:, None])
    sides = [np.concatenate([head[:, 4 + 3 * side:7 + 3 * side], skeleton.shoulder[:, [side]], skeleton.elbow[:, [side]],
                             skeleton.wrist[:, [side]], trunk[:, [1 + side]]], axis=1) for side in (0, 1)]
    neck = 0.5 * (skeleton.neck + skeleton.atlas)[:, None]
    tips = skeleton.finger[:, :, :, 2].reshape(len(head), 10, 3)
    points = np.concatenate([head[:, :4], neck, trunk[:, :1], *sides, tips], axis=1)
    side_radius = [0.016, 0.02, 0.014, 0.065, 0.05, 0.04, 0.12]
    radius = np.array([0.02, 0.02, 0.03, 0.03, 0.06, 0.02, *side_radius, *side_radius, *([0.014] * 10)])
    return Keypoints(torch.from_numpy(points.astype(np.float32)),
                     torch.from_numpy(np.broadcast_to(radius, points.shape[:2]).astype(np.float32)))


