"""Gestures of head, face, shoulders and trunk, in which the hands stay on the table."""

from __future__ import annotations

from mgutils.synth.gestures.builder import FLAT, RELAXED, Stage
from mgutils.synth.person.pose import LEFT, RIGHT, TABLE_TOP


def turtle_neck(stage: Stage) -> None:
    """The head is drawn in between raised shoulders."""
    pose, amount = stage.pose, stage.amplitude
    pose.neck[:] = (-0.062 * amount, 0.028)
    pose.shoulder[..., 0] = 0.058 * amount
    pose.shoulder[..., 1] = 0.02
    pose.head[:, 0] += 0.10
    pose.torso[:, 0] += 0.04
    pose.brow[:] = 0.4
    pose.mouth[:, 1] = -0.3
    pose.head[:, 2] += 0.04 * stage.wave(0.5)


def deep_breath(stage: Stage) -> None:
    """The cheeks bulge, the lips purse, the chest rises."""
    pose = stage.pose
    swell = 0.88 + 0.12 * stage.wave(0.5)
    pose.breath[:, 0] = swell
    pose.breath[:, 1] = swell
    pose.mouth[:, 0] = 0.12
    pose.mouth[:, 3] = 1.0
    pose.brow[:] = 0.8
    pose.shoulder[..., 0] = 0.014 * swell[:, None]
    pose.torso[:, 0] -= 0.06
    pose.seat[:, 1] += 0.012
    pose.head[:, 0] -= 0.05


def head_up(stage: Stage) -> None:
    """The chin goes up, the eyes look at the ceiling."""
    pose = stage.pose
    pose.head[:, 0] = -0.34 - 0.32 * stage.amplitude + 0.04 * stage.wave(0.7)
    pose.head[:, 1] += 0.25 * (stage.choice - 0.5)
    pose.neck[:] = (0.012, -0.012)
    pose.gaze[:, 1] = 1.0
    pose.brow[:] = 0.5
    pose.torso[:, 0] -= 0.08


def pressing_lips(stage: Stage) -> None:
    """The mouth becomes one thin, wide line."""
    pose = stage.pose
    pose.mouth[:, 2] = 1.0
    pose.mouth[:, 1] = 0.5 + 0.12 * stage.wave(0.6)
    pose.brow[:] = -0.45
    pose.head[:, 0] += 0.04
    pose.gaze[:, 1] = -0.3
    pose.lids[:] = 0.2


def moving_torso(stage: Stage) -> None:
    """The trunk leans and turns from side to side."""
    pose = stage.pose
    side = 1.0 if stage.choice < 0.5 else -1.0
    sway = side * (0.85 + 0.25 * stage.wave(0.5)) * stage.amplitude
    pose.torso[:, 2] = 0.25 * sway
    pose.torso[:, 1] = -0.30 * sway
    pose.seat[:, 0] = -0.045 * sway
    pose.head[:, 2] = 0.12 * sway
    pose.head[:, 1] = -0.10 * sway
    for hand in (RIGHT, LEFT):
        pose.wrist[:, hand, 0] -= 0.035 * sway


def sitting_straight(stage: Stage) -> None:
    """The trunk rises, the shoulders go back, both hands push on the edge of the table."""
    pose, amount = stage.pose, stage.amplitude
    pose.torso[:, 0] = -0.07
    pose.seat[:, 1] = 0.050 * amount + 0.004 * stage.wave(0.5)
    pose.neck[:, 0] = 0.016
    pose.head[:, 0] = 0.06
    pose.shoulder[..., 0] = -0.012
    pose.shoulder[..., 1] = -0.02
    pose.breath[:, 0] = 0.4
    for hand, sign in ((RIGHT, -1.0), (LEFT, 1.0)):
        stage.put(hand, (0.215 * sign, TABLE_TOP + 0.012, 0.345), (-0.15 * sign, -0.25, 1), (0, -1, 0), contact="tips",
                  curl=FLAT, spread=0.2, elbow=(1.0 * sign, 0.0, -0.8))


def shaking_shoulders(stage: Stage) -> None:
    """One shoulder goes up after the other."""
    pose = stage.pose
    shake = stage.wave(1.6)
    pose.shoulder[:, RIGHT, 0] = 0.028 + 0.042 * shake
    pose.shoulder[:, LEFT, 0] = 0.028 - 0.042 * shake
    pose.shoulder[:, RIGHT, 1] = 0.012 * shake
    pose.shoulder[:, LEFT, 1] = -0.012 * shake
    pose.torso[:, 2] = -0.05 * shake
    pose.head[:, 2] = 0.09 * shake
    pose.curl[:] = RELAXED
