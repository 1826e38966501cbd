"""Gestures that need more than the tables of ``builder``: motions that depend on the style or on the other hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy import ndarray

from mgutils.synth.gestures.builder import FLIP, PoseBuilder
from mgutils.synth.person.pose import LEFT, RIGHT, TABLE_TOP
from mgutils.synth.person.skeleton import place


def _xyz(*coordinates: ndarray | float) -> ndarray:
    """Stack numbers or arrays ``(B,)`` to points ``(B, 3)``."""
    return np.stack(np.broadcast_arrays(*coordinates), axis=-1)


def turtle_neck(builder: PoseBuilder) -> None:
    """The head is drawn in between raised shoulders."""
    builder.pose.neck[:, 0] = -0.062 * builder.amplitude
    builder.pose.shoulder[..., 0] = 0.058 * builder.amplitude


def deep_breath(builder: PoseBuilder) -> None:
    """The cheeks bulge, the lips purse, the chest rises."""
    builder.pose.shoulder[..., 0] = 0.014 * builder.pose.breath[:, :1]


def head_up(builder: PoseBuilder) -> None:
    """The chin goes up, the eyes look at the ceiling."""
    builder.pose.head[:, 0] = -0.34 - 0.32 * builder.amplitude + 0.04 * builder.wave(0.7)
    builder.pose.head[:, 1] += 0.25 * (builder.choice - 0.5)


def moving_torso(builder: PoseBuilder) -> None:
    """The trunk leans and turns from side to side."""
    pose = builder.pose
    side = 1.0 if builder.choice < 0.5 else -1.0
    sway = side * (0.85 + 0.25 * builder.wave(0.5)) * builder.amplitude
    pose.torso[:, 1:] = sway[:, None] * (-0.30, 0.25)
    pose.head[:, 1:] = sway[:, None] * (-0.10, 0.12)
    pose.seat[:, 0] = -0.045 * sway
    pose.wrist[..., 0] -= 0.035 * sway[:, None]


def sitting_straight(builder: PoseBuilder) -> None:
    """The trunk rises, the shoulders go back, both hands push on the edge of the table."""
    pose = builder.pose
    pose.torso[:, 0] = -0.07
    pose.head[:, 0] = 0.06
    pose.seat[:, 1] = 0.050 * builder.amplitude + 0.004 * builder.wave(0.5)
    for side in (RIGHT, LEFT):
        builder.put("table_edge", FLIP[side] * (-0.215, TABLE_TOP + 0.012, 0.345), side)


def shaking_shoulders(builder: PoseBuilder) -> None:
    """One shoulder goes up after the other."""
    shake = builder.wave(1.6)
    for side, sign in ((RIGHT, 1), (LEFT, -1)):
        builder.pose.shoulder[:, side] = _xyz(0.028 + sign * 0.042 * shake, sign * 0.012 * shake)
    builder.relax()


def playing_hair(builder: PoseBuilder) -> None:
    """The fingers pull at a lock of hair."""
    long = builder.choice < 0.5 and builder.subject.hair_style[0] == 1
    anchor = "hair_side" if long else "hair_front"
    builder.pose.lock[:, :3], _ = builder.point(anchor, builder.touch(anchor))
    builder.pose.lock[:, 3] = 0.014


def adjusting_clothes(builder: PoseBuilder) -> None:
    """Both hands are at the collar, the tie or the zip, or one pulls the collar away from the neck."""
    if builder.choice < 0.6:
        tug = _xyz(0.0, 0.010 * builder.wave(2.0), 0.0)
        builder.touch("second_hand_at_collar", -0.6 * tug)
    else:
        pull = np.array((-0.055, 0.012, 0.045)) * (0.75 + 0.25 * builder.wave(1.0))[:, None]
        builder.touch("pulling_collar", pull)
        builder.pose.head[:, 2] += 0.08
        builder.pose.collar[:, RIGHT] = pull


def scratching_back(builder: PoseBuilder) -> None:
    """The hand reaches over the shoulder to the back; the elbow points up."""
    builder.pose.shoulder[:, RIGHT, 0] = 0.03


def folding_arms(builder: PoseBuilder) -> None:
    """The forearms cross in front of the chest; one hand lies on the other upper arm, one is tucked in."""
    breathe = 0.006 * builder.wave(0.5)
    builder.put("upper_folded_arm", _xyz(0.150, 0.345 + breathe, 0.165))
    builder.put("lower_folded_arm", _xyz(-0.145, 0.300 + breathe, 0.150), LEFT)


def dusting_clothes(builder: PoseBuilder) -> None:
    """The hand brushes the other sleeve or the side of the shirt."""
    if builder.choice < 0.6:
        spot = _on_left_arm(builder, "shoulder", "elbow", 0.28 + 0.24 * builder.wave(2.0))
        builder.put("dusting_sleeve", spot + (0.012, 0.015, 0.078) + builder.jitter)


def scratching_arm(builder: PoseBuilder) -> None:
    """The fingers scratch the other forearm or upper arm."""
    scratch = 0.10 * builder.wave(1.5)
    if builder.choice < 0.25:
        spot = _on_left_arm(builder, "shoulder", "elbow", 0.45 + scratch)
        builder.put("scratching_upper_arm", spot + (-0.035, 0.015, 0.055) + builder.jitter)
    else:
        builder.put("offered_forearm", _xyz(-0.015, 0.275, 0.36) + builder.jitter, LEFT)
        spot = _on_left_arm(builder, "elbow", "wrist", 0.55 + scratch)
        builder.put("scratching_forearm", spot + (0.0, 0.045, 0.025) + builder.jitter)


def _on_left_arm(builder: PoseBuilder, start: str, end: str, share: ndarray) -> ndarray:
    """A point between two joints of the left arm, ``(B, 3)``."""
    skeleton = place(builder.subject, builder.pose)
    first, last = (getattr(skeleton, joint)[:, LEFT] for joint in (start, end))
    return first + share[:, None] * (last - first)


def rubbing_hands(builder: PoseBuilder) -> None:
    """One palm rubs the other."""
    slide = 0.030 * builder.wave(2.0)
    y = 0.265 + 0.03 * builder.choice
    builder.put("upper_palm", _xyz(-0.006, y + 0.014, 0.40 + slide) + builder.jitter)
    builder.put("lower_palm", _xyz(0.006, y - 0.014, 0.40 - slide) + builder.jitter, LEFT)


def crossing_fingers(builder: PoseBuilder) -> None:
    """The fingers of both hands are interlocked on the table."""
    y = TABLE_TOP + 0.075 + 0.006 * builder.wave(0.7)
    builder.put("crossing_fingers", _xyz(-0.004, y, 0.385) + builder.jitter)
    builder.put("crossing_fingers", _xyz(0.004, y + 0.009, 0.385) + builder.jitter, LEFT)


def minaret(builder: PoseBuilder) -> None:
    """The fingertips meet in a steeple before the chest."""
    tap = 0.012 * (0.5 + 0.5 * builder.wave(1.0))
    y = 0.415 + 0.02 * (builder.choice - 0.5)
    for side, sign in ((RIGHT, -1.0), (LEFT, 1.0)):
        builder.put("minaret", _xyz((0.009 + 0.2 * tap) * sign, y + tap, 0.345) + builder.jitter, side)


def playing_with_object(builder: PoseBuilder) -> None:
    """Both hands hold and turn a bottle or a pen."""
    turn = 0.35 * builder.wave(1.2)
    if builder.choice < 0.55:
        centre = np.array((0.0, 0.285, 0.40)) + builder.jitter
        _hold(builder, centre, _xyz(np.sin(turn), np.cos(turn), 0.1), 0.095, (0.031, 0.024))
        builder.put("bottle", centre + (-0.032, 0.012, 0.004))
        builder.put("bottle", centre + (0.032, -0.030, 0.004), LEFT)
    else:
        centre = np.array((0.0, 0.285, 0.385)) + builder.jitter
        axis = _xyz(np.cos(turn), np.sin(turn), 0.3 * np.sin(turn))
        _hold(builder, centre, axis, 0.085, (0.012, 0.012))
        builder.put("pen", centre - 0.052 * axis)
        builder.put("pen", centre + 0.052 * axis, LEFT)


def _hold(builder: PoseBuilder, centre: ndarray, axis: ndarray, half: float, radii: tuple[float, float]) -> None:
    """Show a thing in the hands."""
    builder.pose.prop[:, :3] = centre - half * axis
    builder.pose.prop[:, 3:6] = centre + half * axis
    builder.pose.prop[:, 6:] = radii


def free_talk(builder: PoseBuilder) -> None:
    """Open hands move off the table while the subject speaks."""
    builder.pose.head[:, 1] = 0.12 * builder.wave(0.6, 0.2)
    beat, drift = builder.wave(1.3), builder.wave(0.7, 0.3)
    wide = 0.16 + 0.08 * abs(builder.choice - 0.5)
    for side, sign, lag in ((RIGHT, -1.0, 1.0), (LEFT, 1.0, 0.7))[:2 if builder.choice < 0.6 else 1]:
        world = _xyz(sign * (wide + 0.03 * drift), 0.33 + 0.045 * beat * lag, 0.38 + 0.02 * drift)
        builder.put("free_talk", world + builder.jitter, side, turn=_xyz(0.1 * drift, 0.25 * beat, 0.0))


MOTIONS: dict[str, Callable[[PoseBuilder], None]] = {
    motion.__name__: motion
    for motion in (turtle_neck, deep_breath, head_up, moving_torso, sitting_straight, shaking_shoulders, playing_hair,
                   adjusting_clothes, scratching_back, folding_arms, dusting_clothes, scratching_arm, rubbing_hands,
                   crossing_fingers, minaret, playing_with_object, free_talk)}
"""Gesture name to what it does beside its rows in the tables."""
