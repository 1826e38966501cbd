"""Gestures in which a hand goes to the head: hat, scalp, forehead, eyes, face, ears, mouth, jaw, hair."""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mgutils.synth.gestures.builder import CUPPED, FLAT, PINCH, POINTING, SOFT, TWO_FINGERS, Stage
from mgutils.synth.person.pose import LEFT, RIGHT


def along(stage: Stage, size: float, axis: int, cycles: float = 2.0) -> ndarray:
    """A small rubbing motion along one axis, metres, ``(B, 3)``."""
    shift = np.zeros((len(stage.phase), 3))
    shift[:, axis] = size * stage.wave(cycles)
    return shift


def touching_hat(stage: Stage) -> None:
    """Thumb and fingers hold the brim of the cap."""
    stage.pose.head[:, 0] += 0.10
    stage.touch("brim", (0.80, 0.42, -0.12), (0.35, -0.45, -0.80), contact="pinch", curl=PINCH,
                shift=along(stage, 0.006, 1, 1.0), elbow=(-1, -0.2, 0.2), lift=0.0)


def touching_head(stage: Stage) -> None:
    """The fingers scratch the top or the side of the head."""
    stage.pose.head[:, 2] -= 0.10
    stage.pose.head[:, 0] += 0.06
    if stage.choice < 0.6:
        stage.touch("head_top", (0.86, 0.28, -0.15), (0.40, -0.85, 0.0), curl=SOFT, spread=0.35,
                    shift=along(stage, 0.012, 0), elbow=(-1, -0.1, 0.0), arc=(-0.14, 0.05, 0.12))
    else:
        stage.touch("head_side", (0.55, 0.72, -0.25), (0.85, -0.45, 0.0), curl=SOFT, spread=0.35,
                    shift=along(stage, 0.012, 2), elbow=(-1, 0.0, 0.1), arc=(-0.14, 0.05, 0.12))


def touching_forehead(stage: Stage) -> None:
    """The fingertips rub the forehead."""
    stage.pose.head[:, 0] += 0.12
    stage.pose.lids[:] = 0.3
    stage.touch("forehead", (0.95, 0.16, -0.15), (0.20, 0.10, -1), curl=FLAT, shift=along(stage, 0.014, 0),
                elbow=(-1, -0.2, 0.2))


def covering_face(stage: Stage) -> None:
    """The palms hide the face."""
    stage.pose.head[:, 0] += 0.16
    stage.pose.lids[:] = 1.0
    both = stage.choice < 0.7
    shift = along(stage, 0.006, 1, 1.0)
    if both:
        for side in (RIGHT, LEFT):
            stage.touch("nose", (0.22, 1.0, -0.12), (0.25, 0.05, -1), side=side, contact="palm", curl=FLAT,
                        shift=shift + (-0.036, 0.004, -0.018), elbow=(-0.8, -1, 0.1), lift=0.008)
    else:
        stage.touch("nose", (0.20, 1.0, -0.08), (0.10, 0.05, -1), contact="palm", curl=FLAT, spread=0.4,
                    shift=shift + (-0.004, 0.010, 0.0), elbow=(-1, -0.8, 0.1), lift=0.010)


def rubbing_eyes(stage: Stage) -> None:
    """Fingers rub one closed eye, or both hands both eyes."""
    stage.pose.head[:, 0] += 0.10
    stage.pose.lids[:] = 1.0
    stage.pose.brow[:] = -0.3
    if stage.choice < 0.5:
        for side in (RIGHT, LEFT):
            stage.touch("eye", (0.62, 0.62, -0.35), (0.45, -0.05, -0.90), side=side, contact="two", curl=TWO_FINGERS,
                        shift=along(stage, 0.007, 0), elbow=(-1, -0.5, 0.1))
    else:
        stage.touch("eye", (0.62, 0.66, -0.35), (0.45, 0.0, -0.90), contact="two", curl=TWO_FINGERS,
                    shift=along(stage, 0.007, 0), elbow=(-1, -0.5, 0.1))


FACIAL_PARTS = (("nose", "nostril"), ("cheek", "cheek"), ("corner of the mouth", "mouth_corner"))
"""Words for the places that :func:`touching_face` chooses from, and their anchors."""


def facial_part(choice: float) -> tuple[str, str]:
    """The place that a style's choice stands for."""
    return FACIAL_PARTS[0 if choice < 0.5 else 1 if choice < 0.8 else 2]


def touching_face(stage: Stage) -> None:
    """A pointing finger scratches nose, cheek or the corner of the mouth."""
    _, anchor = facial_part(stage.choice)
    fingers, palm = (0.50, 0.72, -0.42), (0.45, 0.10, -0.90)
    if anchor == "cheek":
        fingers, palm = (0.40, 0.90, -0.20), (0.80, 0.00, -0.60)
    stage.touch(anchor, fingers, palm, contact="index", curl=POINTING, shift=along(stage, 0.007, 1),
                elbow=(-1, -0.8, 0.1))


def touching_ear(stage: Stage) -> None:
    """Thumb and index finger hold the ear."""
    stage.pose.head[:, 2] -= 0.06
    stage.touch("ear", (0.25, 0.85, -0.45), (0.95, -0.10, 0.15), contact="pinch", curl=PINCH,
                shift=along(stage, 0.008, 1), elbow=(-1, -0.3, 0.3), arc=(-0.10, 0, 0.10), lift=0.012)


def biting_nails(stage: Stage) -> None:
    """The bent fingertips are between the lips."""
    stage.pose.mouth[:, 0] = 0.55 + 0.2 * stage.wave(2)
    stage.pose.mouth[:, 3] = 0.5
    stage.pose.head[:, 0] += 0.08
    stage.touch("mouth", (0.55, 0.62, 0.15), (0.45, 0.10, -0.90), contact="two", curl=CUPPED, spread=0.05,
                shift=along(stage, 0.004, 1), elbow=(-1, -1, 0.1), lift=0.004)


def touching_jaw(stage: Stage) -> None:
    """The chin rests between thumb and bent fingers."""
    stage.pose.head[:, 0] += 0.05
    stage.pose.head[:, 2] -= 0.05
    stage.touch("chin", (0.62, 0.55, -0.20), (0.20, 0.60, -0.85), contact="crook", curl=CUPPED,
                shift=along(stage, 0.008, 0) + (0, -0.010, 0.0), elbow=(-0.7, -1, 0.2), lift=0.012)


def playing_hair(stage: Stage) -> None:
    """The fingers pull at a lock of hair."""
    pose = stage.pose
    pose.head[:, 2] -= 0.08
    side = stage.choice < 0.5
    anchor = "hair_side" if side and stage.subject.hair_style[0] == 1 else "hair_front"
    shift = np.array((-0.06, -0.01, 0.04) if anchor == "hair_side" else (-0.072, 0.010, 0.036)) + along(stage, 0.012, 1)
    fingers, palm = (((0.45, 0.85, -0.1), (0.9, -0.2, -0.2)) if anchor == "hair_side"
                     else ((0.80, 0.40, -0.15), (0.55, -0.70, -0.40)))
    stage.touch(anchor, fingers, palm, contact="pinch", curl=PINCH, shift=shift, elbow=(-1, -0.1, 0.2),
                arc=(-0.08, 0, 0.12), lift=0.0)
    pose.lock[:, :3], _ = stage.point(anchor, shift)
    pose.lock[:, 3] = 0.014


