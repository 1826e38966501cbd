"""Gestures of the hands before the body: on each other, on an arm, with a thing, and in free talk."""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mgutils.synth.gestures.builder import CLAWED, CUPPED, PINCH, RELAXED, Stage
from mgutils.synth.person.pose import LEFT, RIGHT, TABLE_TOP
from mgutils.synth.person.skeleton import place

INTERLOCKED = ((0.9, 0.5), (0.95, 0.75), (0.95, 0.75), (0.95, 0.75), (0.95, 0.75))


def _at(stage: Stage, x=0.0, y=0.0, z=0.0) -> ndarray:
    """A point of the world from numbers or ``(B,)`` arrays, with the style's jitter, ``(B, 3)``."""
    return np.stack(np.broadcast_arrays(x, y, z, np.zeros(len(stage.phase)))[:3], axis=-1) + stage.jitter


def scratching_arm(stage: Stage) -> None:
    """The fingers scratch the other forearm or upper arm."""
    pose = stage.pose
    upper = stage.choice < 0.25
    pose.head[:, 0] += 0.12
    pose.head[:, 1] += 0.22
    if not upper:
        stage.put(LEFT, _at(stage, -0.015, 0.275, 0.36), (-0.95, 0.10, 0.25), (0, -0.7, -0.7), contact="palm",
                  curl=RELAXED, elbow=(1, -0.55, 0.1))
    skeleton = place(stage.subject, pose)
    share = (0.45 if upper else 0.55) + 0.10 * stage.wave(1.5)[:, None]
    ends = (skeleton.shoulder, skeleton.elbow) if upper else (skeleton.elbow, skeleton.wrist)
    spot = ends[0][:, LEFT] + share * (ends[1][:, LEFT] - ends[0][:, LEFT])
    if upper:
        stage.put(RIGHT, spot + (-0.035, 0.015, 0.055) + stage.jitter, (0.95, 0.15, -0.15), (0.35, -0.2, -0.9),
                  contact="tips", curl=CLAWED, spread=0.3, elbow=(-1, -0.6, 0.2), arc=(0, 0, 0.06))
    else:
        stage.put(RIGHT, spot + (0.0, 0.045, 0.025) + stage.jitter, (0.80, -0.15, 0.15), (0.0, -1, -0.35),
                  contact="tips", curl=CLAWED, spread=0.3, elbow=(-1, -0.3, 0.2), arc=(0, 0.06, 0.05))


def rubbing_hands(stage: Stage) -> None:
    """One palm rubs the other."""
    slide = 0.030 * stage.wave(2.0)
    y = 0.265 + 0.03 * stage.choice
    stage.put(RIGHT, _at(stage, -0.006, y + 0.014, 0.40 + slide), (0.70, 0.12, 0.55), (0.15, -0.95, 0.15),
              contact="palm", curl=RELAXED, spread=0.1, elbow=(-1, -0.5, -0.1), arc=(0, 0.03, 0))
    stage.put(LEFT, _at(stage, 0.006, y - 0.014, 0.40 - slide), (-0.70, 0.12, 0.55), (0.15, 0.95, -0.15),
              contact="palm", curl=RELAXED, spread=0.1, elbow=(1, -0.5, -0.1), arc=(0, 0.01, 0))


def crossing_fingers(stage: Stage) -> None:
    """The fingers of both hands are interlocked on the table."""
    sway = 0.006 * stage.wave(0.7)
    y = TABLE_TOP + 0.075
    stage.put(RIGHT, _at(stage, -0.004, y + sway, 0.385), (0.62, 0.30, 0.70), (0.72, -0.25, -0.60), contact="knuckles",
              curl=INTERLOCKED, spread=0.45, elbow=(-1, -0.4, -0.1))
    stage.put(LEFT, _at(stage, 0.004, y + sway + 0.009, 0.385), (-0.62, 0.30, 0.70), (-0.72, -0.25, -0.60),
              contact="knuckles", curl=INTERLOCKED, spread=0.45, elbow=(1, -0.4, -0.1))


def minaret(stage: Stage) -> None:
    """The fingertips meet in a steeple before the chest."""
    tap = 0.012 * (0.5 + 0.5 * stage.wave(1.0))
    y = 0.415 + 0.02 * (stage.choice - 0.5)
    straight = ((0.25, 0.1), (0.10, 0.10), (0.10, 0.10), (0.10, 0.10), (0.10, 0.10))
    for side, sign in ((RIGHT, -1.0), (LEFT, 1.0)):
        stage.put(side, _at(stage, (0.009 + 0.2 * tap) * sign, y + tap, 0.345), (-0.52 * sign, 0.85, 0.10),
                  (-0.85 * sign, -0.50, 0.02), contact="tips", curl=straight, spread=0.5, elbow=(1.0 * sign, -0.35, 0),
                  arc=(0, 0, 0.03))


def playing_with_object(stage: Stage) -> None:
    """Both hands hold and turn a bottle, or one hand turns a pen."""
    turn = 0.35 * stage.wave(1.2)
    if stage.choice < 0.55:
        centre = _at(stage, 0.0, 0.285, 0.40)
        axis = np.stack([np.sin(turn), np.cos(turn), 0.1 * np.ones_like(turn)], axis=-1)
        _hold(stage, centre, axis, 0.095, 0.031, 0.024)
        for side, sign in ((RIGHT, -1.0), (LEFT, 1.0)):
            drop = (0.012 if side == RIGHT else -0.030) * np.ones_like(turn)
            stage.put(side, centre + np.stack([0.032 * sign + 0 * turn, drop, 0.004 + 0 * turn], axis=-1),
                      (-0.25 * sign, 0.12, 0.95), (-0.95 * sign, 0.0, -0.2), contact="palm", curl=CUPPED, spread=0.1,
                      elbow=(1.0 * sign, -0.5, -0.1))
    else:
        centre = _at(stage, 0.0, 0.285, 0.385)
        axis = np.stack([np.cos(turn), np.sin(turn), 0.3 * np.sin(turn)], axis=-1)
        _hold(stage, centre, axis, 0.085, 0.012, 0.012)
        for side, sign in ((RIGHT, -1.0), (LEFT, 1.0)):
            stage.put(side, centre + 0.052 * sign * axis, (-0.55 * sign, 0.30, 0.75), (-0.35 * sign, -0.75, -0.3),
                      contact="pinch", curl=PINCH, spread=0.1, elbow=(1.0 * sign, -0.5, -0.1))


def _hold(stage: Stage, centre: ndarray, axis: ndarray, half: float, ra: float, rb: float) -> None:
    stage.pose.prop[:, :3], stage.pose.prop[:, 3:6] = centre - half * axis, centre + half * axis
    stage.pose.prop[:, 6:] = (ra, rb)


def free_talk(stage: Stage) -> None:
    """Open hands move off the table while the subject speaks."""
    pose = stage.pose
    pose.mouth[:, 0] = 0.35 + 0.3 * stage.wave(3.0)
    pose.head[:, 1] = 0.12 * stage.wave(0.6, 0.2)
    pose.brow[:] = 0.3
    beat, drift = stage.wave(1.3), stage.wave(0.7, 0.3)
    wide = 0.16 + 0.08 * abs(stage.choice - 0.5)
    hands = (RIGHT, LEFT) if stage.choice < 0.6 else (RIGHT,)
    for side in hands:
        sign = -1.0 if side == RIGHT else 1.0
        lag = 1.0 if side == RIGHT else 0.7
        stage.put(side, _at(stage, sign * (wide + 0.03 * drift), 0.33 + 0.045 * beat * lag, 0.38 + 0.02 * drift),
                  np.stack([0.25 * sign + 0.1 * drift, 0.35 + 0.25 * beat, 0.8 + 0 * beat], axis=-1),
                  (-0.55 * sign, 0.75, 0.25), contact="palm", curl=((0.1, 0.1),) + ((0.18, 0.25),) * 4, spread=0.6,
                  elbow=(1.0 * sign, -0.8, -0.3))
