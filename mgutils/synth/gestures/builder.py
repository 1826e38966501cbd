"""What a gesture is written with: a stage that holds the pose and puts hands on named points of the body.

Gestures are written for the right hand; ``perform`` mirrors them. Points and directions belong to the part of the body
that they lie on, so a hand finds the chin of a turned head.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy import ndarray

from mgutils.synth.person.landmarks import HEAD_ANCHORS, TRUNK_ANCHORS, head_points, trunk_points
from mgutils.synth.person.pose import RIGHT, Pose
from mgutils.synth.person.skeleton import HAND_SIZE, finger_joints, hand_frame, place_spine, turned, unit
from mgutils.synth.person.subject import Subject

Vector = tuple[float, float, float]
FLIP = np.array([[1.0, 1, 1], [-1.0, 1, 1]])
"""From right-hand coordinates to those of the right and of the left hand."""

# Bend at knuckle and middle joint of thumb, index, middle, ring, little finger; radians.
FLAT = ((0.15, 0.1), (0.10, 0.10), (0.10, 0.10), (0.10, 0.10), (0.12, 0.12))
RELAXED = ((0.35, 0.3), (0.35, 0.45), (0.40, 0.50), (0.45, 0.55), (0.50, 0.60))
CUPPED = ((0.7, 0.4), (0.75, 0.70), (0.80, 0.75), (0.85, 0.80), (0.90, 0.85))
POINTING = ((0.8, 0.8), (0.20, 0.20), (1.30, 1.60), (1.40, 1.65), (1.45, 1.70))
TWO_FINGERS = ((0.8, 0.8), (0.25, 0.30), (0.28, 0.32), (1.30, 1.60), (1.40, 1.65))
PINCH = ((1.0, 0.35), (0.85, 0.75), (0.90, 0.85), (0.95, 1.00), (1.00, 1.10))
FIST = ((1.1, 0.9), (1.45, 1.70), (1.45, 1.70), (1.45, 1.70), (1.45, 1.70))
SOFT = ((0.40, 0.3), (0.22, 0.42), (0.25, 0.45), (0.28, 0.48), (0.32, 0.50))
CLAWED = ((0.5, 0.5), (0.40, 0.95), (0.45, 0.95), (0.45, 0.95), (0.50, 0.95))

# Weights of thumb..little fingertip, middle of the palm's surface, index finger's middle joint, all four middle joints.
_CONTACT = {
    "tips": (0, 1 / 3, 1 / 3, 1 / 3, 0, 0, 0, 0),
    "index": (0, 1, 0, 0, 0, 0, 0, 0),
    "two": (0, 0.5, 0.5, 0, 0, 0, 0, 0),
    "pinch": (0.5, 0.5, 0, 0, 0, 0, 0, 0),
    "palm": (0, 0, 0, 0, 0, 1, 0, 0),
    "flat": (0, 0, 0.5, 0, 0, 0.5, 0, 0),
    "crook": (0.25, 0, 0, 0, 0, 0, 0.75, 0),
    "knuckles": (0, 0, 0, 0, 0, 0, 0, 1),
}


@dataclass
class Stage:
    """One clip in the making.

    Parameters
    ----------
    subject : Subject
        Of length 1.
    phase : ndarray
        0..1 over the clip, ``(B,)``.
    pose : Pose
        What the gesture changes: the pose at full hold.
    speed, amplitude, offset, choice : float
        Of the style.
    """

    subject: Subject
    phase: ndarray
    pose: Pose
    speed: float
    amplitude: float
    offset: float
    choice: float
    jitter: ndarray
    arc: ndarray = field(default_factory=lambda: np.zeros((2, 3)))
    """By how much each wrist's way bulges halfway, metres."""

    def wave(self, cycles: float = 1.0, lag: float = 0.0) -> ndarray:
        """A sine over the clip, ``(B,)``; ``cycles`` times the style's speed, ``lag`` in turns."""
        return self.amplitude * np.sin(2 * np.pi * (cycles * self.speed * self.phase + self.offset + lag))

    def point(self, name: str, shift: Vector | ndarray = (0, 0, 0),
              side: int = RIGHT) -> tuple[ndarray, ndarray]:
        """A named point in the world, ``(B, 3)``, and the rotation of its part of the body, ``(B, 3, 3)``.

        ``shift`` is in metres along that part's axes, ``(3,)`` or ``(B, 3)``. For the left side both are mirrored.
        """
        spine = place_spine(self.subject, self.pose)
        if name in HEAD_ANCHORS:
            matrix = spine.head
            world = head_points(self.subject, spine, np.array([HEAD_ANCHORS[name][0]]) * FLIP[side])
        else:
            matrix = spine.trunk
            world = trunk_points(self.subject, self.pose, spine, np.array([TRUNK_ANCHORS[name][0]]) * FLIP[side])
        shift = np.broadcast_to(np.asarray(shift, dtype=np.float64), (len(self.phase), 3)) * FLIP[side]
        return (world + turned(matrix, shift[:, None]))[:, 0], matrix

    def touch(self, name: str, fingers: Vector, palm: Vector, *, side: int = RIGHT, contact: str = "tips",
              curl=FLAT, spread: float = 0.15, shift: Vector | ndarray = (0, 0, 0), elbow: Vector = (-1, -0.6, 0.2),
              arc: Vector = (0, 0, 0.06), lift: float = 0.010) -> None:
        """Put a hand on a named point of the head or the trunk.

        Directions are those of the part touched; for the left hand, point and directions are mirrored.

        Parameters
        ----------
        name : str
            In ``anchors.HEAD_ANCHORS`` or ``anchors.TRUNK_ANCHORS``.
        fingers, palm : tuple
            Direction of the fingers and of the palm.
        contact : str
            Which part of the hand touches: a key of ``_CONTACT``.
        lift : float
            How far above the skin the centre of the touching finger lies, metres.
        """
        outward = unit(np.array((HEAD_ANCHORS | TRUNK_ANCHORS)[name][1]))
        world, matrix = self.point(name, lift * outward + np.asarray(shift) + self.jitter, side)
        turn = [turned(matrix, (np.array(vector) * FLIP[side])[None, None])[:, 0] for vector in (fingers, palm)]
        self.put(side, world, *turn, contact=contact, curl=curl, spread=spread, elbow=np.array(elbow) * FLIP[side],
                 arc=np.array(arc) * FLIP[side])

    def put(self, side: int, world: ndarray, fingers, palm, *, contact: str = "tips", curl=FLAT,
            spread: float = 0.15, elbow=(-1, -0.6, 0.2), arc=(0, 0, 0)) -> None:
        """Put the touching part of a hand at a point of the world, ``(3,)`` or ``(B, 3)``."""
        pose = self.pose
        pose.fingers[:, side], pose.palm[:, side], pose.elbow[:, side] = fingers, palm, elbow
        pose.curl[:, side], pose.spread[:, side] = np.asarray(curl), spread
        frame = hand_frame(pose.fingers, pose.palm)[:, side]
        pose.wrist[:, side] = world - turned(frame, self._offset(contact, curl, spread)[None, None])[:, 0]
        self.arc[side] = arc

    def _offset(self, contact: str, curl, spread: float) -> ndarray:
        """Where the touching part is in the hand's frame, metres, ``(3,)``."""
        size = HAND_SIZE * float(self.subject.hand[0])
        return size * np.array(_CONTACT[contact]) @ _landmarks(tuple(map(tuple, np.asarray(curl))), spread)


@lru_cache(maxsize=256)
def _landmarks(curl: tuple, spread: float) -> ndarray:
    """Five tips, the middle of the palm's surface, the index finger's middle joint, the mean of four; ``(8, 3)``."""
    joints = finger_joints(np.array(curl), np.array(spread))
    return np.concatenate([joints[:, 2], [[0.0, 0.017, 0.065]], [joints[1, 1]], [joints[1:, 1].mean(axis=0)]])
