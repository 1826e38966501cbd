"""The named keypoints of the body; ``render.picture`` tells which are visible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mgutils.synth.batched import Batched
from mgutils.synth.person.landmarks import NOTCH, head_points, trunk_points
from mgutils.synth.person.pose import Pose
from mgutils.synth.person.skeleton import Skeleton
from mgutils.synth.person.subject import Subject

SIDES = ("right", "left")
FINGERS = ("thumb", "index", "middle", "ring", "little")
KEYPOINTS = (
    "nose", "mouth", "chin", "head_top", "neck", "suprasternal_notch",
    *(f"{side}_{part}" for side in SIDES
      for part in ("eye", "ear", "mouth_corner", "shoulder", "elbow", "wrist", "hip")),
    *(f"{side}_{finger}_tip" for side in SIDES for finger in FINGERS))
"""Names of the keypoints, in the order of :class:`Keypoints`. Right and left are the subject's."""


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


_HEAD = np.array([(0, 0.040, 0.128), (0, 0.002, 0.102), (0, -0.036, 0.080), (0, 0.180, 0)])
_HEAD_SIDE = np.array([(-0.031, 0.070, 0.098), (-0.086, 0.062, -0.012), (-0.024, 0.002, 0.096)])
_HIP = np.array([-0.10, 0.02, 0.0])
_MIRROR = np.array([-1.0, 1, 1])
_SIDE_RADIUS = (0.016, 0.020, 0.014, 0.065, 0.050, 0.040, 0.120)
_RADIUS = np.array([0.02, 0.02, 0.03, 0.03, 0.06, 0.02, *_SIDE_RADIUS, *_SIDE_RADIUS, *[0.014] * 10])


def find(subject: Subject, pose: Pose, skeleton: Skeleton) -> Keypoints:
    """Gather the points of ``B`` frames in the order of :data:`KEYPOINTS`, float32."""
    head = head_points(subject, skeleton, np.concatenate([_HEAD, _HEAD_SIDE, _HEAD_SIDE * _MIRROR]))
    trunk = trunk_points(subject, pose, skeleton, np.stack([NOTCH, _HIP, _HIP * _MIRROR]))
    neck = 0.5 * (skeleton.neck + skeleton.atlas)[:, None]
    joints = np.stack([skeleton.shoulder, skeleton.elbow, skeleton.wrist], axis=2)  # (B, 2, 3, 3)
    sides = [np.concatenate([head[:, 4 + 3 * side:7 + 3 * side], joints[:, side], trunk[:, 1 + side, None]], axis=1)
             for side in (0, 1)]
    tips = skeleton.finger[:, :, :, 2].reshape(len(head), 10, 3)
    points = np.concatenate([head[:, :4], neck, trunk[:, :1], *sides, tips], axis=1).astype(np.float32)
    radius = np.broadcast_to(_RADIUS, points.shape[:2]).astype(np.float32)
    return Keypoints(torch.from_numpy(points), torch.from_numpy(radius))
