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
from mgutils.synth.tables import read_table

NOTCH = np.array([0.0, 0.468, 0.098])
"""The suprasternal notch in the trunk's frame, metres."""

ANCHORS = {row.anchor: row for row in read_table("person/anchors.csv", ("point", "outward")).itertuples()}
"""Points of the right half of head and trunk and their outward directions, by name."""


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
