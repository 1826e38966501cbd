"""Build the pose of a gesture: change parts of the body and put hands on named points.

The numbers are in tables: ``motions.csv`` (angles and shifts), ``touches.csv`` (a hand on a named point of the body, or
at a point of the world), ``curls.csv`` (bend of the fingers at knuckle and middle joint, radians) and ``contacts.csv``
(which part of the hand touches).

Gestures are written for the right hand; directions are mirrored for the left one. Points and directions of a touch
belong to the part of the body that is touched, so a hand finds the chin of a turned head. Points of the world are not
mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy import ndarray

from mgutils.synth.person.keypoints import ANCHORS, on_body
from mgutils.synth.person.pose import DIRECTIONS, FLIP, LEFT, RIGHT, Pose
from mgutils.synth.person.skeleton import FINGERS, HAND_SIZE, finger_joints, hand_frame, place, turned, unit
from mgutils.synth.person.subject import Subject
from mgutils.synth.tables import read_groups, read_table

HANDS = {"right": (RIGHT,), "left": (LEFT,), "both": (RIGHT, LEFT)}

_NAMES = list(FINGERS["finger"])
CURLS = {row.curl: np.stack(row[2:]) for row in read_table("gestures/curls.csv", _NAMES).itertuples()}
_CONTACTS = read_table("gestures/contacts.csv", ["weights"]).set_index("contact")["weights"]
"""Weights of thumb..little fingertip, middle of the palm's surface, index finger's middle joint, all four of them."""
_MOTIONS = read_groups("gestures/motions.csv", "gesture")
_VECTORS = ["shift", "rub", "vary", "fingers", "palm", "elbow", "arc"]
_TOUCHES = read_groups("gestures/touches.csv", "name", _VECTORS)


@dataclass(frozen=True)
class Style:
    """How one clip does its gesture.

    Parameters
    ----------
    hand : {"right", "left"}
        The acting hand; where both act or none does, which way round the gesture is.
    speed : float
        Swings over the clip, relative to the gesture's own.
    amplitude : float
        Size of the swings, 1 is middling.
    offset : float
        Start of the swings, turns, 0..1.
    choice : float
        Picks a variant of the gesture (which part of the face, one hand or two), at least 0, below 1.
    jitter : tuple of float
        Displacement of the target, metres, on the acting hand's side.
    rest : tuple of float
        Displacement of the resting hands: apart and forward, metres.
    neighbour : int
        Class that the gesture drifts to.
    drift : float
        How far, 0..1.
    """

    hand: Literal["right", "left"] = "right"
    speed: float = 1.0
    amplitude: float = 1.0
    offset: float = 0.0
    choice: float = 0.25
    jitter: tuple[float, ...] = (0.0, 0.0, 0.0)
    rest: tuple[float, ...] = (0.0, 0.0)
    neighbour: int = 32
    drift: float = 0.0


@dataclass
class PoseBuilder:
    """The pose of one clip, ``B`` frames, at full hold.

    Parameters
    ----------
    subject : Subject
        Of length 1.
    phase : ndarray
        0..1 over the clip, ``(B,)``.
    style : Style
        Of the clip.
    pose : Pose
        What the gesture changes.
    """

    subject: Subject
    phase: ndarray
    style: Style
    pose: Pose
    arc: ndarray = field(default_factory=lambda: np.zeros((2, 3)))
    """Detour of each wrist halfway to its target, metres."""

    def wave(self, cycles: float = 1.0, lag: float = 0.0) -> ndarray:
        """A sine over the clip, ``(B,)``; ``cycles`` times the style's speed, ``lag`` in turns."""
        turns = cycles * self.style.speed * self.phase + self.style.offset + lag
        return self.style.amplitude * np.sin(2 * np.pi * turns)

    def point(self, name: str, shift: ndarray, side: int = RIGHT) -> tuple[ndarray, ndarray]:
        """An anchor in the world, ``(B, 3)``, and the rotation of its part of the body, ``(B, 3, 3)``.

        ``shift`` is in metres along that part's axes, ``(B, 3)``. For the left side both are mirrored.
        """
        anchor = ANCHORS[name]
        if anchor.part == "world":
            return shift, np.eye(3)[None]
        skeleton = place(self.subject, self.pose)
        matrix = getattr(skeleton, anchor.part)
        world = on_body(anchor.part, anchor.point * FLIP[side, None], self.subject, self.pose, skeleton)
        return world[:, 0] + turned(matrix, shift * FLIP[side]), matrix

    def move(self, gesture: str) -> None:
        """Apply the rows of ``motions.csv``: change + scaled * amplitude + vary * choice + swing * wave(cycles)."""
        style = self.style
        for row in _MOTIONS.get(gesture, []):
            values = getattr(self.pose, row.part).T  # frames last
            if row.direction:
                values = values[DIRECTIONS[row.part].index(row.direction)]
            if row.side:
                values = values[HANDS[row.side]]
            values += row.change + row.scaled * style.amplitude + row.vary * style.choice
            values += row.swing * self.wave(row.cycles)

    def touch(self, name: str, extra: ndarray | float = 0.0, turn: ndarray | float = 0.0) -> ndarray | None:
        """Put hands where the rows of ``touches.csv`` that fit the style's choice say.

        Parameters
        ----------
        extra : ndarray or float
            Added to the shift from the anchor, metres, ``(B, 3)``.
        turn : ndarray or float
            Added to the fingers' direction, ``(B, 3)``.

        Returns
        -------
        ndarray or None
            The shift, ``(B, 3)``.
        """
        shift = None
        choice = self.style.choice
        for row in _TOUCHES.get(name, []):
            if row.low <= choice < row.high:
                rub = row.rub * self.wave(row.cycles)[:, None]
                shift = row.shift + row.vary * choice + rub + extra
                for side in HANDS[row.hands]:
                    self._touch(row, side, shift, turn)
        return shift

    def _touch(self, row: NamedTuple, side: int, shift: ndarray, turn: ndarray | float) -> None:
        flip = FLIP[side]
        skin = row.lift * unit(ANCHORS[row.anchor].outward)
        jitter = np.multiply(row.jitter, self.style.jitter)
        world, matrix = self.point(row.anchor, skin + shift + jitter, side)
        pose = self.pose
        pose.fingers[:, side] = matrix @ (row.fingers * flip) + turn
        pose.palm[:, side] = matrix @ (row.palm * flip)
        pose.elbow[:, side] = row.elbow * flip
        pose.curl[:, side] = CURLS[row.curl]
        pose.spread[:, side] = row.spread
        self.arc[side] = row.arc * flip
        contact = HAND_SIZE * self.subject.hand[0] * _contact(row.contact, row.curl, row.spread)
        frame = hand_frame(pose.fingers, pose.palm)[:, side]
        pose.wrist[:, side] = world - frame @ contact


@lru_cache(maxsize=256)
def _contact(contact: str, curl: str, spread: float) -> ndarray:
    """The point of the hand that touches, in the hand's frame, for a hand of size 1, ``(3,)``."""
    joints = finger_joints(CURLS[curl], np.array(spread))
    tips = joints[:, 2]
    middle = joints[1:, 1]
    palm = [0.0, 0.017, 0.065]
    points = np.stack([*tips, palm, middle[0], middle.mean(axis=0)])
    return np.average(points, axis=0, weights=_CONTACTS[contact])
