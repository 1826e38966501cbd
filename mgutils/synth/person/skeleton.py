"""From a pose to joints: trunk, head, two-bone inverse kinematics of the arms, hands.

All arrays are NumPy float64 with the frame first. A subject of length 1 serves every frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import ndarray
from scipy.spatial.transform import Rotation

from mgutils.synth.person.pose import FLIP, Pose
from mgutils.synth.person.subject import Subject
from mgutils.synth.tables import read_table

PIVOT = np.array([0.0, 0.06, 0.0])
"""Where the trunk bends, above the seat, metres."""
SHOULDER = np.array([-0.172, 0.440, -0.010])
"""The right shoulder joint in the trunk's frame (from the pivot, spine upward), metres."""
NECK_BASE = np.array([0.0, 0.500, -0.010])
NECK_LENGTH = 0.090
UPPER_ARM, FOREARM = 0.285, 0.255
HEAD_SIZE, HAND_SIZE = 1.18, 1.16
"""Head and hands are a little larger than life, to be read in small pictures."""

FINGERS = read_table("person/fingers.csv", ("root", "bones", "radii", "tints"))
"""Thumb, index, middle, ring, little finger: root (to the thumb's side, out of the palm, to the fingers), length of the
two segments and radii, metres; fanning out, and tints of the segments."""
KNUCKLES = np.stack(FINGERS["root"])
BONES = np.stack(FINGERS["bones"])
_FAN = FINGERS["fan"].to_numpy()


def unit(vector: ndarray) -> ndarray:
    """Scale the last axis to length 1."""
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-12)


def rotation(angles: ndarray) -> ndarray:
    """Bend forward, turn left, tilt right (radians, ``(..., 3)``) to matrices ``(..., 3, 3)``.

    The bend comes first, then the tilt, then the turn: ``R = Ry(turn) Rz(tilt) Rx(bend)``.
    """
    return Rotation.from_euler("YZX", angles[..., [1, 2, 0]]).as_matrix()


def turned(matrix: ndarray, vectors: ndarray) -> ndarray:
    """Apply matrices ``(B, 3, 3)`` to vectors ``(B or 1, K, 3)`` -> ``(B, K, 3)``."""
    return vectors @ np.swapaxes(matrix, -1, -2)


def two_bone(shoulder: ndarray, target: ndarray, upper: ndarray, fore: ndarray,
             hint: ndarray) -> tuple[ndarray, ndarray]:
    """Place elbow and wrist of an arm with the law of cosines.

    Parameters
    ----------
    shoulder, target, hint : ndarray
        Shoulder joint, wanted wrist, and the direction in which the elbow points, ``(..., 3)``.
    upper, fore : ndarray
        Lengths of the two bones, metres, ``(...)``.

    Returns
    -------
    elbow, wrist : ndarray
        ``(..., 3)``. The wrist is the target where it can be reached, else the nearest reachable point on the line.
    """
    reach = target - shoulder
    along = unit(reach)
    distance = np.linalg.norm(reach, axis=-1)
    distance = np.clip(distance, np.abs(upper - fore) + 1e-9, upper + fore)
    first = (upper**2 - fore**2 + distance**2) / (2 * distance)
    height = np.sqrt(np.maximum(upper**2 - first**2, 0.0))
    elbow = shoulder + first[..., None] * along + height[..., None] * unit(_across(hint, along))
    return elbow, shoulder + distance[..., None] * along


def _across(vector: ndarray, along: ndarray) -> ndarray:
    """The part of a vector that is at right angles to a unit vector."""
    return vector - (vector * along).sum(-1, keepdims=True) * along


def hand_frame(fingers: ndarray, palm: ndarray) -> ndarray:
    """Axes of each hand as columns: toward the thumb's side, out of the palm, to the fingers; ``(B, 2, 3, 3)``."""
    forward = unit(fingers)
    normal = unit(_across(palm, forward))
    thumb = np.cross(forward, normal) * FLIP[:, :1]
    return np.stack([thumb, normal, forward], axis=-1)


def finger_joints(curl: ndarray, spread: ndarray) -> ndarray:
    """Root, middle joint and tip of the five fingers in the hand's frame.

    Parameters
    ----------
    curl : ndarray
        ``(..., 5, 2)``, as in :class:`Pose`.
    spread : ndarray
        ``(...)``.

    Returns
    -------
    ndarray
        ``(..., 5, 3, 3)``: finger, joint, coordinate; metres for a hand of size 1.
    """
    fan = spread[..., None] * _FAN
    flat = np.stack([np.sin(fan), np.zeros_like(fan), np.cos(fan)], axis=-1)[..., None, :]
    bend = np.cumsum(curl, axis=-1)[..., None]
    direction = np.cos(bend) * flat + np.sin(bend) * (0.0, 1.0, 0.0)  # (..., 5, 2, 3)
    direction[..., 0, :, :] = _thumb(curl[..., 0, 0], curl[..., 0, 1], spread)
    bones = BONES[..., None] * direction
    roots = np.broadcast_to(KNUCKLES[:, None], (*bones.shape[:-2], 1, 3))
    return np.cumsum(np.concatenate([roots, bones], axis=-2), axis=-2)


def _thumb(swing: ndarray, bend: ndarray, spread: ndarray) -> ndarray:
    """Directions of the thumb's two segments, ``(..., 2, 3)``."""
    aside = 0.62 + 0.35 * spread
    side, out = np.cos(swing), np.sin(swing)
    first = unit(np.stack([np.sin(aside) * side, out, np.cos(aside) * np.cos(0.5 * swing)], axis=-1))
    inward = unit(np.stack([-0.8 * side, 0.35 + out, np.cos(bend)], axis=-1))
    bend = bend[..., None]
    second = unit(np.cos(bend) * first + np.sin(bend) * inward)
    return np.stack([first, second], axis=-2)


@dataclass(frozen=True)
class Spine:
    """Trunk and head of ``B`` frames, metres.

    ``trunk`` and ``head`` are rotations ``(B, 3, 3)``, ``pivot`` and ``atlas`` the origins of their frames ``(B, 3)``;
    ``neck`` is the root of the neck.
    """

    trunk: ndarray
    head: ndarray
    pivot: ndarray
    neck: ndarray
    atlas: ndarray


@dataclass(frozen=True)
class Skeleton(Spine):
    """Also the arms: ``shoulder``, ``elbow``, ``wrist`` are ``(B, 2, 3)``, ``hand`` the hands' axes ``(B, 2, 3, 3)``,
    ``finger`` the joints of the fingers ``(B, 2, 5, 3, 3)``.
    """

    shoulder: ndarray
    elbow: ndarray
    wrist: ndarray
    hand: ndarray
    finger: ndarray


def trunk_size(subject: Subject) -> ndarray:
    """Factors of the trunk's frame: breadth, height, depth; ``(S, 3)``."""
    return np.stack([subject.scale * subject.width, subject.scale, subject.scale * subject.girth], axis=-1)


def place_spine(subject: Subject, pose: Pose) -> Spine:
    """Work out trunk and head alone; parameters as for :func:`place`."""
    trunk = rotation(pose.torso)
    head = rotation(pose.head)
    pivot = PIVOT * subject.scale[:, None] + pose.seat * (1.0, 0.0, 1.0)
    local = NECK_BASE * trunk_size(subject) + _lift(pose)
    neck = pivot + turned(trunk, local[:, None])[:, 0]
    column = np.zeros((len(pose), 1, 3))
    column[:, 0, 1] = NECK_LENGTH * subject.scale + pose.neck[:, 0]
    column[:, 0, 2] = 0.014 + pose.neck[:, 1]
    half = rotation(0.5 * (pose.torso + pose.head))
    return Spine(trunk, head, pivot, neck, neck + turned(half, column)[:, 0])


def place(subject: Subject, pose: Pose) -> Skeleton:
    """Work out all joints of a pose.

    Parameters
    ----------
    subject : Subject
        ``B`` subjects, or one for all frames.
    pose : Pose
        ``B`` frames.
    """
    spine = place_spine(subject, pose)
    local = SHOULDER * FLIP * trunk_size(subject)[:, None] + _lift(pose)[:, None]
    local[..., 1:] += pose.shoulder
    local[..., 0] += 0.25 * FLIP[:, 0] * pose.shoulder[..., 1]
    shoulder = spine.pivot[:, None] + turned(spine.trunk, local)
    upper, fore = ((bone * subject.scale * subject.arm)[:, None] for bone in (UPPER_ARM, FOREARM))
    elbow, wrist = two_bone(shoulder, pose.wrist, upper, fore, pose.elbow)
    hand = hand_frame(pose.fingers, pose.palm)
    size = HAND_SIZE * subject.hand
    joints = size[:, None, None, None, None] * finger_joints(pose.curl, pose.spread)
    finger = wrist[:, :, None, None] + np.einsum("bsij,bsfkj->bsfki", hand, joints)
    return Skeleton(*vars(spine).values(), shoulder, elbow, wrist, hand, finger)


def _lift(pose: Pose) -> ndarray:
    """Rise of neck and shoulders in the trunk's frame, ``(B, 3)``: the spine lengthens, the chest fills."""
    rise = pose.seat[:, 1] + 0.012 * pose.breath[:, 0]
    return rise[:, None] * (0.0, 1.0, 0.0)
