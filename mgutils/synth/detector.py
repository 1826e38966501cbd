"""An imagined detector of joints, between the known truth and what a student of skeletons sees.

From perfect joints even the class of the nearest clip is mostly right, and little is left to compare. A real detector
misses joints, shakes, takes one hand for the other, and says how sure it is. Every clip has its own random generator,
so a clip does not depend on which others are there.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mgutils.config import ClipConfig
from mgutils.data.keypoints import JOINTS, MIRROR

HANDS = np.array([name.endswith(("wrist", "tip")) for name in JOINTS])
"""The joints that a detector takes for those of the other hand, (22,)."""
_SWAPPED = np.where(HANDS, MIRROR, np.arange(len(JOINTS)))
_STREAM = 200  # apart from the random streams of plan and frames


def detect(truth: ndarray, config: ClipConfig, clip_id: int) -> ndarray:
    """What the detector sees of one clip.

    Parameters
    ----------
    truth : array (T, 22, 3)
        x and y in units of the picture's height; the third number is 0 where a joint cannot be seen, else 1.
    config : ClipConfig
        ``jitter``, ``missing``, ``swaps``, ``seed``.
    clip_id : int

    Returns
    -------
    array (T, 22, 3) of float32
        Shaken coordinates, and a score between 0 and 1 that falls with the distance from the truth: 0.88 at one
        standard deviation of the jitter, 0.32 at three. Hidden and missed joints are 0, 0, 0.
    """
    rng = np.random.default_rng([config.seed, _STREAM, clip_id])
    frames = len(truth)
    swapped = rng.random(frames) < config.swaps
    shift = config.jitter * rng.normal(size=(frames, len(JOINTS), 2))
    found = rng.random((frames, len(JOINTS))) >= config.missing

    seen = np.where(swapped[:, None, None], truth[:, _SWAPPED], truth)
    joints = np.zeros_like(truth, dtype=np.float32)
    joints[..., :2] = seen[..., :2] + shift
    squared = np.square(shift).sum(axis=2) / max(config.jitter, 1e-9)**2
    joints[..., 2] = np.exp(-squared / 8)
    joints[(seen[..., 2] == 0) | ~found] = 0
    return joints
