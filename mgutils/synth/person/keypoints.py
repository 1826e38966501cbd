"""Named points of the body: keypoints, which are written into datasets, and anchors, which hands touch.

They are in ``keypoints.csv`` and ``anchors.csv``: points of the head and of the trunk in the frame of that part, in
metres; anchors on the right half of the body, each with its outward direction. ``render.picture`` tells which keypoints
are visible.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from mgutils.synth.person.pose import Pose
from mgutils.synth.person.skeleton import HEAD_SIZE, Skeleton, trunk_size, turned
from mgutils.synth.person.subject import Subject
from mgutils.synth.tables import read_table

ANCHORS = {row.anchor: row for row in read_table("person/anchors.csv", ("point", "outward")).itertuples()}
_TABLE = read_table("person/keypoints.csv", ("point",))
KEYPOINTS = tuple(_TABLE["name"])
"""Names of the keypoints. Right and left are the subject's."""
RADIUS = torch.tensor(_TABLE["radius"], dtype=torch.float32)
"""How deep each keypoint may lie below the surface that shows it, metres, ``(K,)``."""
_PART = _TABLE["part"].to_numpy()


def find(subject: Subject, pose: Pose, skeleton: Skeleton) -> Tensor:
    """The keypoints of ``B`` frames in the order of :data:`KEYPOINTS`, metres in the world, float32, ``(B, K, 3)``."""
    frames = len(pose)
    points = np.empty((frames, len(KEYPOINTS), 3), dtype=np.float32)
    arms = [skeleton.shoulder, skeleton.elbow, skeleton.wrist]
    places = {
        "neck": 0.5 * (skeleton.neck + skeleton.atlas),
        "arm": np.stack(arms, axis=2),  # (B, 2, 3, 3)
        "finger": skeleton.finger[:, :, :, 2],  # (B, 2, 5, 3)
    }
    for part in ("head", "trunk"):
        local = np.stack(_TABLE["point"][_PART == part])
        places[part] = on_body(part, local, subject, pose, skeleton)
    for part, place in places.items():
        points[:, _PART == part] = place.reshape(frames, -1, 3)
    return torch.from_numpy(points)


def on_body(part: str, local: ndarray, subject: Subject, pose: Pose, skeleton: Skeleton) -> ndarray:
    """Points ``(K, 3)`` of the frame of head or trunk in the world, ``(B, K, 3)``.

    Those of the trunk follow the spine and the breath.
    """
    if part == "head":
        local = local * (HEAD_SIZE * subject.head)[:, None, None]
        return skeleton.atlas[:, None] + turned(skeleton.head, local)
    shift = np.zeros((len(pose), 1, 3))
    shift[:, 0, 1] = pose.seat[:, 1]
    shift[:, 0, 2] = 0.024 * pose.breath[:, 0]
    local = local * trunk_size(subject)[:, None] + shift
    return skeleton.pivot[:, None] + turned(skeleton.trunk, local)
