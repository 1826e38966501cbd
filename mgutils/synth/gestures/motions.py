"""Gestures that need more than the tables of ``builder``: motions that depend on the style or on the other hand."""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mgutils.synth.gestures.builder import CURLS, PoseBuilder
from mgutils.synth.person.pose import LEFT, RIGHT
from mgutils.synth.person.skeleton import place


def _xyz(*coordinates: ndarray | float) -> ndarray:
    """Stack numbers or arrays ``(B,)`` to points ``(B, 3)``."""
    return np.stack(np.broadcast_arrays(*coordinates), axis=-1)


def moving_torso(builder: PoseBuilder) -> None:
    """The trunk leans and turns from side to side."""
    pose = builder.pose
    side = 1.0 if builder.style.choice < 0.5 else -1.0
    sway = side * (0.85 + 0.25 * builder.wave(0.5)) * builder.style.amplitude
    pose.torso[:, 1:] = sway[:, None] * (-0.30, 0.25)
    pose.head[:, 1:] = sway[:, None] * (-0.10, 0.12)
    pose.seat[:, 0] = -0.045 * sway
    pose.wrist[..., 0] -= 0.035 * sway[:, None]


def shaking_shoulders(builder: PoseBuilder) -> None:
    """One shoulder goes up after the other, the hands hang loosely."""
    builder.pose.curl[:] = CURLS["relaxed"]


def playing_hair(builder: PoseBuilder) -> None:
    """The fingers pull at a lock of hair."""
    long = builder.style.choice < 0.5 and builder.subject.hair_style[0] == 1
    anchor = "hair_side" if long else "hair_front"
    builder.pose.lock[:, :3], _ = builder.point(anchor, builder.touch(anchor))
    builder.pose.lock[:, 3] = 0.014


def adjusting_clothes(builder: PoseBuilder) -> None:
    """Both hands are at the collar, the tie or the zip, or one pulls the collar away from the neck."""
    if builder.style.choice >= 0.6:
        builder.pose.collar[:, RIGHT] = builder.touch("pulling_collar")
        builder.pose.head[:, 2] += 0.08


def dusting_clothes(builder: PoseBuilder) -> None:
    """The hand brushes the other sleeve or the side of the shirt."""
    if builder.style.choice < 0.6:
        builder.touch("dusting_sleeve", _on_left_arm(builder, "shoulder", "elbow", 0.28 + 0.24 * builder.wave(2.0)))


def scratching_arm(builder: PoseBuilder) -> None:
    """The fingers scratch the other forearm or upper arm."""
    scratch = 0.10 * builder.wave(1.5)
    if builder.style.choice < 0.25:
        builder.touch("scratching_upper_arm", _on_left_arm(builder, "shoulder", "elbow", 0.45 + scratch))
    else:
        builder.touch("scratching_forearm", _on_left_arm(builder, "elbow", "wrist", 0.55 + scratch))


def _on_left_arm(builder: PoseBuilder, start: str, end: str, share: ndarray) -> ndarray:
    """A point between two joints of the left arm, ``(B, 3)``."""
    skeleton = place(builder.subject, builder.pose)
    first = getattr(skeleton, start)[:, LEFT]
    last = getattr(skeleton, end)[:, LEFT]
    return first + share[:, None] * (last - first)


def playing_with_object(builder: PoseBuilder) -> None:
    """Both hands hold and turn a bottle or a pen."""
    turn = 0.35 * builder.wave(1.2)
    if builder.style.choice < 0.55:
        centre = np.array((0.0, 0.285, 0.40))
        _hold(builder, centre, 0.095 * _xyz(np.sin(turn), np.cos(turn), 0.1), (0.031, 0.024))
        builder.touch("bottle", centre)
    else:
        centre = np.array((0.0, 0.285, 0.385))
        axis = _xyz(np.cos(turn), np.sin(turn), 0.3 * np.sin(turn))
        _hold(builder, centre, 0.085 * axis, (0.012, 0.012))
        builder.touch("pen_right", centre - 0.052 * axis)
        builder.touch("pen_left", centre + 0.052 * axis)


def _hold(builder: PoseBuilder, centre: ndarray, half: ndarray, radii: tuple[float, float]) -> None:
    """Show a thing in the hands."""
    centre = centre + builder.style.jitter
    builder.pose.prop[:, :3] = centre - half
    builder.pose.prop[:, 3:6] = centre + half
    builder.pose.prop[:, 6:] = radii


def free_talk(builder: PoseBuilder) -> None:
    """Open hands move off the table while the subject speaks."""
    builder.pose.head[:, 1] = 0.12 * builder.wave(0.6, 0.2)
    beat = builder.wave(1.3)
    drift = builder.wave(0.7, 0.3)
    turn = _xyz(0.1 * drift, 0.25 * beat, 0.0)
    wide = 0.16 + 0.08 * abs(builder.style.choice - 0.5) + 0.03 * drift
    builder.touch("talking_right", _xyz(-wide, 0.33 + 0.045 * beat, 0.38 + 0.02 * drift), turn)
    if builder.style.choice < 0.6:
        builder.touch("talking_left", _xyz(wide, 0.33 + 0.0315 * beat, 0.38 + 0.02 * drift), turn)


MOTIONS = {motion.__name__: motion for motion in (
    moving_torso, shaking_shoulders, playing_hair, adjusting_clothes, dusting_clothes, scratching_arm,
    playing_with_object, free_talk)}
"""Gesture name to what it does beside its rows in the tables."""
