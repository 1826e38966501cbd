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
    """Apply matrices ``(B, 3, 3)`` to vectors ``(B or 1, K, 3)`` or ``(B, 3)``; returns ``(B, K, 3)`` or ``(B, 3)``."""
    if vectors.ndim == 2:
        return turned(matrix, vectors[:, None])[:, 0]
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
    outward = unit(_across(hint, along))
    elbow = shoulder + first[..., None] * along + height[..., None] * outward
    wrist = shoulder + distance[..., None] * along
    return elbow, wrist


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
    flat = np.stack([np.sin(fan), 0 * fan, np.cos(fan)], axis=-1)
    bend = np.cumsum(curl, axis=-1)[..., None]
    palm = np.array([0.0, 1.0, 0.0])
    direction = np.cos(bend) * flat[..., None, :] + np.sin(bend) * palm  # (..., 5, 2, 3)
    direction[..., 0, :, :] = _thumb(curl[..., 0, 0], curl[..., 0, 1], spread)
    bones = BONES[..., None] * direction
    roots = np.broadcast_to(KNUCKLES[:, None], (*bones.shape[:-2], 1, 3))
    steps = np.concatenate([roots, bones], axis=-2)
    return np.cumsum(steps, axis=-2)


def _thumb(swing: ndarray, bend: ndarray, spread: ndarray) -> ndarray:
    """Directions of the thumb's two segments, ``(..., 2, 3)``."""
    aside = 0.62 + 0.35 * spread
    side = np.cos(swing)
    out = np.sin(swing)
    along = np.cos(aside) * np.cos(0.5 * swing)
    first = unit(np.stack([np.sin(aside) * side, out, along], axis=-1))
    inward = unit(np.stack([-0.8 * side, 0.35 + out, np.cos(bend)], axis=-1))
    bend = bend[..., None]
    second = unit(np.cos(bend) * first + np.sin(bend) * inward)
    return np.stack([first, second], axis=-2)


@dataclass(frozen=True)
class Skeleton:
    """Joints of ``B`` frames, metres.

    Parameters
    ----------
    trunk, head : ndarray
        Rotations, ``(B, 3, 3)``.
    pivot, atlas : ndarray
        Origins of their frames, ``(B, 3)``.
    neck : ndarray
        Root of the neck, ``(B, 3)``.
    shoulder, elbow, wrist : ndarray
        Of both arms, ``(B, 2, 3)``.
    hand : ndarray
        Axes of the hands, ``(B, 2, 3, 3)``.
    finger : ndarray
        Joints of the fingers, ``(B, 2, 5, 3, 3)``.
    """

    trunk: ndarray
    head: ndarray
    pivot: ndarray
    neck: ndarray
    atlas: ndarray
    shoulder: ndarray
    elbow: ndarray
    wrist: ndarray
    hand: ndarray
    finger: ndarray


def trunk_size(subject: Subject) -> ndarray:
    """Factors of the trunk's frame: breadth, height, depth; ``(S, 3)``."""
    breadth = subject.scale * subject.width
    depth = subject.scale * subject.girth
    return np.stack([breadth, subject.scale, depth], axis=-1)


def place(subject: Subject, pose: Pose) -> Skeleton:
    """Work out all joints of a pose.

    Parameters
    ----------
    subject : Subject
        ``B`` subjects, or one for all frames.
    pose : Pose
        ``B`` frames.
    """
    factors = trunk_size(subject)
    lift = _lift(pose)
    trunk = rotation(pose.torso)
    head = rotation(pose.head)
    pivot = PIVOT * subject.scale[:, None] + pose.seat * (1.0, 0.0, 1.0)
    neck = pivot + turned(trunk, NECK_BASE * factors + lift)
    column = np.zeros((len(pose), 3))
    column[:, 1] = NECK_LENGTH * subject.scale + pose.neck[:, 0]
    column[:, 2] = 0.014 + pose.neck[:, 1]
    atlas = neck + turned(rotation(0.5 * (pose.torso + pose.head)), column)

    shoulder = SHOULDER * FLIP * factors[:, None] + lift[:, None]
    shoulder[..., 1:] += pose.shoulder
    shoulder[..., 0] += 0.25 * FLIP[:, 0] * pose.shoulder[..., 1]
    shoulder = pivot[:, None] + turned(trunk, shoulder)
    upper, fore = (
        (bone * subject.scale * subject.arm)[:, None]
        for bone in (UPPER_ARM, FOREARM)
    )
    elbow, wrist = two_bone(shoulder, pose.wrist, upper, fore, pose.elbow)

    hand = hand_frame(pose.fingers, pose.palm)
    size = HAND_SIZE * subject.hand
    joints = size[:, None, None, None, None] * finger_joints(pose.curl, pose.spread)
    finger = wrist[:, :, None, None] + np.einsum("bsij,bsfkj->bsfki", hand, joints)
    return Skeleton(trunk, head, pivot, neck, atlas, shoulder, elbow, wrist, hand, finger)


def _lift(pose: Pose) -> ndarray:
    """Rise of neck and shoulders in the trunk's frame, ``(B, 3)``: the spine lengthens, the chest fills."""
    rise = pose.seat[:, 1] + 0.012 * pose.breath[:, 0]
    return rise[:, None] * (0.0, 1.0, 0.0)
