"""From a pose to joints: trunk, head, two-bone inverse kinematics of the arms, hands.

All arrays are NumPy float64 with the frame first. A subject of length 1 serves every frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from mgutils.synth.person.pose import Pose
from mgutils.synth.person.subject import Subject

PIVOT = np.array([0.0, 0.06, 0.0])
"""Where the trunk bends, above the seat, metres."""
SHOULDER = np.array([0.172, 0.440, -0.010])
"""The left shoulder joint in the trunk's frame (from the pivot, spine upward), metres."""
NECK_BASE = np.array([0.0, 0.500, -0.010])
NECK_LENGTH = 0.090
UPPER_ARM, FOREARM = 0.285, 0.255
HEAD_SIZE, HAND_SIZE = 1.18, 1.16
"""Head and hands are a little larger than life, to be read in small pictures."""

KNUCKLES = np.array([[0.022, 0.004, 0.020], [0.027, 0.0, 0.090], [0.008, 0.002, 0.095], [-0.012, 0.001, 0.091],
                     [-0.030, -0.002, 0.081]])
"""Root of thumb, index, middle, ring, little finger: to the thumb's side, out of the palm, to the fingers; metres."""
BONES = np.array([[0.047, 0.046], [0.045, 0.042], [0.049, 0.046], [0.046, 0.043], [0.037, 0.034]])
"""Length of the two segments of each finger, metres."""
_FAN = np.array([0.0, 0.5, 0.14, -0.2, -0.5])


def unit(vector: ndarray) -> ndarray:
    """Scale the last axis to length 1."""
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-12)


def rotation(angles: ndarray) -> ndarray:
    """Bend forward, turn left, tilt right (radians, ``(..., 3)``) to matrices ``(..., 3, 3)``.

    The bend comes first, then the tilt, then the turn: ``R = Ry(turn) Rz(tilt) Rx(bend)``.
    """
    (cb, cy, cr), (sb, sy, sr) = np.moveaxis(np.cos(angles), -1, 0), np.moveaxis(np.sin(angles), -1, 0)
    rows = [[cy * cr, sy * sb - cy * sr * cb, cy * sr * sb + sy * cb],
            [sr, cr * cb, -cr * sb],
            [-sy * cr, sy * sr * cb + cy * sb, cy * cb - sy * sr * sb]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


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
    distance = np.linalg.norm(reach, axis=-1)
    along = unit(reach)
    distance = np.clip(distance, np.abs(upper - fore) + 1e-9, upper + fore)
    first = (upper**2 - fore**2 + distance**2) / (2 * distance)
    height = np.sqrt(np.maximum(upper**2 - first**2, 0.0))
    away = hint - (hint * along).sum(-1, keepdims=True) * along
    elbow = shoulder + first[..., None] * along + height[..., None] * unit(away)
    return elbow, shoulder + distance[..., None] * along


def hand_frame(fingers: ndarray, palm: ndarray) -> ndarray:
    """Axes of each hand as columns: toward the thumb's side, out of the palm, to the fingers; ``(B, 2, 3, 3)``."""
    forward = unit(fingers)
    normal = unit(palm - (palm * forward).sum(-1, keepdims=True) * forward)
    thumb = np.cross(forward, normal) * np.array([1.0, -1.0])[:, None]
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
    base, total = curl[..., 0], curl[..., 0] + curl[..., 1]
    flat = np.stack([np.sin(fan), np.zeros_like(fan), np.cos(fan)], axis=-1)
    out = np.array([0.0, 1.0, 0.0])
    first = np.cos(base)[..., None] * flat + np.sin(base)[..., None] * out
    second = np.cos(total)[..., None] * flat + np.sin(total)[..., None] * out
    first[..., 0, :], second[..., 0, :] = _thumb(curl[..., 0, 0], curl[..., 0, 1], spread)
    middle = KNUCKLES + BONES[:, :1] * first
    return np.stack([np.broadcast_to(KNUCKLES, middle.shape), middle, middle + BONES[:, 1:] * second], axis=-2)


def _thumb(swing: ndarray, bend: ndarray, spread: ndarray) -> tuple[ndarray, ndarray]:
    """Directions of the thumb's two segments."""
    aside = 0.62 + 0.35 * spread
    first = np.stack([np.sin(aside) * np.cos(swing), np.sin(swing), np.cos(aside) * np.cos(0.5 * swing)], axis=-1)
    inward = np.stack([-0.8 * np.cos(swing), 0.35 + np.sin(swing), np.cos(bend)], axis=-1)
    return unit(first), unit(np.cos(bend)[..., None] * unit(first) + np.sin(bend)[..., None] * unit(inward))


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
    trunk, head = rotation(pose.torso), rotation(pose.head)
    pivot = PIVOT * subject.scale[:, None] + pose.seat * (1.0, 0.0, 1.0)
    local = NECK_BASE * trunk_size(subject) + _lift(pose)
    neck = pivot + turned(trunk, local[:, None])[:, 0]
    column = np.stack([np.zeros(len(pose)), NECK_LENGTH * subject.scale + pose.neck[:, 0],
                       0.014 + pose.neck[:, 1]], axis=-1)
    half = rotation(0.5 * (pose.torso + pose.head))
    return Spine(trunk, head, pivot, neck, neck + turned(half, column[:, None])[:, 0])


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
    sides = np.array([[-1.0, 1, 1], [1.0, 1, 1]])
    local = SHOULDER * sides * trunk_size(subject)[:, None] + _lift(pose)[:, None]
    local[..., 1:] += pose.shoulder
    local[..., 0] -= 0.25 * sides[:, 0] * pose.shoulder[..., 1]
    shoulder = spine.pivot[:, None] + turned(spine.trunk, local)
    upper, fore = (np.broadcast_to((bone * subject.scale * subject.arm)[:, None], pose.wrist.shape[:2])
                   for bone in (UPPER_ARM, FOREARM))
    elbow, wrist = two_bone(shoulder, pose.wrist, upper, fore, pose.elbow)
    hand = hand_frame(pose.fingers, pose.palm)
    joints = finger_joints(pose.curl, pose.spread) * (HAND_SIZE * subject.hand)[:, None, None, None, None]
    finger = wrist[:, :, None, None] + np.einsum("bsij,bsfkj->bsfki", hand, joints)
    return Skeleton(**vars(spine), shoulder=shoulder, elbow=elbow, wrist=wrist, hand=hand, finger=finger)


def _lift(pose: Pose) -> ndarray:
    """Rise of neck and shoulders in the trunk's frame, ``(B, 3)``: the spine lengthens, the chest fills."""
    rise = pose.seat[:, 1] + 0.012 * pose.breath[:, 0]
    return np.stack([np.zeros_like(rise), rise, np.zeros_like(rise)], axis=-1)
