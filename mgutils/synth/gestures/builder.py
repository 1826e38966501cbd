"""Build the pose of a gesture: change parts of the body and put hands on named points.

The numbers are in tables: ``motions.csv`` (angles and shifts), ``touches.csv`` (a hand on a named point of the body),
``grips.csv`` (a hand at a point of the world), ``curls.csv`` (bend of the fingers at knuckle and middle joint, radians)
and ``contacts.csv`` (which part of the hand touches).

Gestures are written for the right hand; directions are mirrored for the left one. Points and directions of a touch
belong to the part of the body that is touched, so a hand finds the chin of a turned head.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from mgutils.synth.person.landmarks import ANCHORS, head_points, trunk_points
from mgutils.synth.person.pose import DIRECTIONS, RIGHT, Pose
from mgutils.synth.person.skeleton import HAND_SIZE, finger_joints, hand_frame, place_spine, turned, unit
from mgutils.synth.person.subject import Subject
from mgutils.synth.tables import read_table

FLIP = np.array([[1.0, 1, 1], [-1.0, 1, 1]])
"""From right-hand coordinates to those of the right and of the left hand."""
HANDS = {"right": (0,), "left": (1,), "both": (0, 1)}

_FINGERS = ("thumb", "index", "middle", "ring", "little")
_DIRECTIONS = ("fingers", "palm", "elbow", "arc")
_CURLS = {row.curl: np.stack(row[2:]) for row in read_table("gestures/curls.csv", _FINGERS).itertuples()}
_CONTACTS = {row.contact: row.weights / row.weights.sum()
             for row in read_table("gestures/contacts.csv", ("weights",)).itertuples()}
"""Weights of thumb..little fingertip, middle of the palm's surface, index finger's middle joint, all four of them."""
_MOTIONS = dict(list(read_table("gestures/motions.csv").groupby("gesture")))
_TOUCHES = dict(list(read_table("gestures/touches.csv", (*_DIRECTIONS, "shift", "rub")).groupby("name")))
_GRIPS = {row.name: row for row in read_table("gestures/grips.csv", _DIRECTIONS).itertuples()}


@dataclass
class PoseBuilder:
    """The pose of one clip, ``B`` frames, at full hold.

    Parameters
    ----------
    subject : Subject
        Of length 1.
    phase : ndarray
        0..1 over the clip, ``(B,)``.
    pose : Pose
        What the gesture changes.
    speed, amplitude, offset, choice, jitter
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
    """Detour of each wrist halfway to its target, metres."""

    def wave(self, cycles: float = 1.0, lag: float = 0.0) -> ndarray:
        """A sine over the clip, ``(B,)``; ``cycles`` times the style's speed, ``lag`` in turns."""
        return self.amplitude * np.sin(2 * np.pi * (cycles * self.speed * self.phase + self.offset + lag))

    def point(self, anchor: str, shift: ndarray, side: int = RIGHT) -> tuple[ndarray, ndarray]:
        """A named point in the world, ``(B, 3)``, and the rotation of its part of the body, ``(B, 3, 3)``.

        ``shift`` is in metres along that part's axes, ``(B, 3)``. For the left side both are mirrored.
        """
        spine = place_spine(self.subject, self.pose)
        local = ANCHORS[anchor].point[None] * FLIP[side]
        if ANCHORS[anchor].part == "head":
            matrix, world = spine.head, head_points(self.subject, spine, local)
        else:
            matrix, world = spine.trunk, trunk_points(self.subject, self.pose, spine, local)
        return (world + turned(matrix, (shift * FLIP[side])[:, None]))[:, 0], matrix

    def move(self, gesture: str) -> None:
        """Apply the rows of ``motions.csv``: change + swing * wave(cycles)."""
        for row in _MOTIONS[gesture].itertuples() if gesture in _MOTIONS else ():
            values = getattr(self.pose, row.part)
            if row.direction:
                values = values[..., DIRECTIONS[row.part].index(row.direction)]
            values += row.change + row.swing * self.wave(row.cycles) if row.swing else row.change

    def touch(self, name: str, extra: ndarray | float = 0.0) -> ndarray | None:
        """Put hands on the body by the rows of ``touches.csv`` that fit the style's choice.

        Parameters
        ----------
        extra : ndarray or float
            Added to the shift from the named point, metres, ``(B, 3)``.

        Returns
        -------
        ndarray or None
            The shift, ``(B, 3)``.
        """
        shift = None
        for row in _TOUCHES[name].itertuples() if name in _TOUCHES else ():
            if row.low <= self.choice and (self.choice < row.high or row.high == 1):
                shift = row.shift + row.rub * self.wave(row.cycles)[:, None] + extra
                for side in HANDS[row.hands]:
                    self._touch(row, shift, side)
        return shift

    def _touch(self, row: NamedTuple, shift: ndarray, side: int) -> None:
        skin = row.lift * unit(ANCHORS[row.anchor].outward)
        world, matrix = self.point(row.anchor, skin + shift + self.jitter, side)
        fingers, palm = (turned(matrix, (vector * FLIP[side])[None, None])[:, 0] for vector in (row.fingers, row.palm))
        self._put(row, side, world, fingers, palm)

    def relax(self) -> None:
        """Let the fingers of both hands hang loosely."""
        self.pose.curl[:] = _CURLS["relaxed"]

    def put(self, name: str, world: ndarray, side: int = RIGHT, turn: ndarray | float = 0.0) -> None:
        """Put a hand at a point of the world by a row of ``grips.csv``; ``turn`` is added to the fingers' direction."""
        row = _GRIPS[name]
        self._put(row, side, world, row.fingers * FLIP[side] + turn, row.palm * FLIP[side])

    def _put(self, row: NamedTuple, side: int, world: ndarray, fingers: ndarray, palm: ndarray) -> None:
        pose = self.pose
        pose.fingers[:, side] = fingers
        pose.palm[:, side] = palm
        pose.elbow[:, side] = row.elbow * FLIP[side]
        pose.curl[:, side] = _CURLS[row.curl]
        pose.spread[:, side] = row.spread
        self.arc[side] = row.arc * FLIP[side]
        size = HAND_SIZE * float(self.subject.hand[0])
        contact = size * _CONTACTS[row.contact] @ _landmarks(row.curl, row.spread)
        frame = hand_frame(pose.fingers, pose.palm)[:, side]
        pose.wrist[:, side] = world - turned(frame, contact[None, None])[:, 0]


@lru_cache(maxsize=256)
def _landmarks(curl: str, spread: float) -> ndarray:
    """Five tips, the middle of the palm's surface, the index finger's middle joint, the mean of four; ``(8, 3)``."""
    joints = finger_joints(_CURLS[curl], np.array(spread))
    return np.concatenate([joints[:, 2], [[0.0, 0.017, 0.065]], [joints[1, 1]], [joints[1:, 1].mean(axis=0)]])
