"""Named points of the skin and the clothes, for hands to touch.

Points of the head and of the trunk are given in the frame of that part, on the right half of the body, each with its
outward direction. Those that are written into datasets are in ``keypoints``.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mgutils.synth.person.pose import Pose
from mgutils.synth.person.skeleton import HEAD_SIZE, Spine, trunk_size, turned
from mgutils.synth.person.subject import Subject

NOTCH = np.array([0.0, 0.468, 0.098])
"""The suprasternal notch in the trunk's frame, metres."""

HEAD_ANCHORS = {
    "nose": ((0, 0.040, 0.132), (0, 0, 1)),
    "nostril": ((-0.012, 0.036, 0.126), (-0.3, 0, 1)),
    "cheek": ((-0.050, 0.026, 0.088), (-0.55, 0, 0.83)),
    "mouth": ((0, 0.002, 0.106), (0, 0, 1)),
    "mouth_corner": ((-0.026, 0.000, 0.096), (-0.3, 0, 0.95)),
    "chin": ((0, -0.034, 0.086), (0, -0.45, 0.9)),
    "under_chin": ((0, -0.048, 0.064), (0, -1, 0.2)),
    "jaw": ((-0.040, -0.020, 0.054), (-0.7, -0.5, 0.5)),
    "eye": ((-0.032, 0.070, 0.102), (-0.2, 0, 1)),
    "between_eyes": ((0, 0.076, 0.108), (0, 0, 1)),
    "forehead": ((-0.018, 0.122, 0.104), (-0.15, 0.3, 0.94)),
    "temple": ((-0.066, 0.100, 0.058), (-0.85, 0.2, 0.5)),
    "ear": ((-0.096, 0.060, -0.008), (-1, 0, 0.1)),
    "head_top": ((-0.034, 0.184, -0.006), (-0.35, 0.93, 0)),
    "head_side": ((-0.074, 0.140, -0.016), (-0.9, 0.45, 0)),
    "head_back": ((-0.030, 0.080, -0.115), (-0.3, 0, -1)),
    "hair_front": ((-0.070, 0.150, 0.050), (-0.8, 0.5, 0.5)),
    "hair_side": ((-0.098, 0.000, 0.020), (-1, 0, 0.2)),
    "brim": ((-0.058, 0.116, 0.138), (-0.7, 0, 0.7)),
    "crown": ((0, 0.180, 0.0), (0, 1, 0)),
}
"""Points of the right half of the head and their outward directions, for a head of size 1."""

TRUNK_ANCHORS = {
    "notch": (tuple(NOTCH + (0, 0, 0.004)), (0, 0, 1)),
    "collar": ((-0.024, 0.455, 0.114), (-0.2, 0, 1)),
    "detail": ((0, 0.445, 0.122), (0, 0, 1)),
    "neck_side": ((-0.056, 0.545, 0.005), (-0.9, 0, 0.4)),
    "neck_back": ((-0.040, 0.540, -0.060), (-0.3, 0, -1)),
    "shoulder_blade": ((-0.090, 0.455, -0.120), (-0.2, 0.2, -1)),
    "other_chest": ((0.105, 0.300, 0.075), (0.7, 0, 0.7)),
    "waist": ((-0.148, 0.125, 0.020), (-1, 0, 0.35)),
    "rib": ((-0.140, 0.220, 0.010), (-1, 0, 0.3)),
    "small_of_back": ((-0.050, 0.130, -0.175), (0, 0, -1)),
    "breast": ((-0.070, 0.380, 0.110), (0, 0, 1)),
}
"""Points of the right half of the trunk and their outward directions, for the middle subject."""


def head_points(subject: Subject, spine: Spine, local: ndarray) -> ndarray:
    """Points ``(K, 3)`` of the head's frame in the world, ``(B, K, 3)``."""
    return spine.atlas[:, None] + turned(spine.head, local * (HEAD_SIZE * subject.head)[:, None, None])


def trunk_points(subject: Subject, pose: Pose, spine: Spine, local: ndarray) -> ndarray:
    """Points ``(K, 3)`` of the trunk's frame in the world, ``(B, K, 3)``; they follow the spine and the breath."""
    local = local * trunk_size(subject)[:, None]
    local = np.broadcast_to(local, (len(pose), *local.shape[1:])).copy()
    local[..., 1] += pose.seat[:, 1, None]
    local[..., 2] += 0.024 * pose.breath[:, 0, None]
    return spine.pivot[:, None] + turned(spine.trunk, local)
