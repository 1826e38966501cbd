"""Gestures in which hands go to the neck, the clothes, the back, or the arms fold or vanish."""

from __future__ import annotations

import numpy as np

from mgutils.synth.gestures.builder import FIST, FLAT, PINCH, RELAXED, Stage
from mgutils.synth.gestures.face import along
from mgutils.synth.person.pose import LEFT, RIGHT
from mgutils.synth.person.skeleton import place


def touching_neck(stage: Stage) -> None:
    """The flat hand lies on the side of the neck."""
    stage.pose.head[:, 2] -= 0.12
    stage.pose.head[:, 1] -= 0.10
    stage.touch("neck_side", (0.45, 0.52, -0.68), (0.85, -0.15, -0.50), contact="tips", curl=FLAT,
                shift=along(stage, 0.010, 1), elbow=(-0.9, -0.7, 0.5), arc=(-0.05, 0.04, 0.12), lift=0.010)


def adjusting_clothes(stage: Stage) -> None:
    """Both hands are at the collar, the tie or the zip, or one pulls the collar away from the neck."""
    pose = stage.pose
    pose.head[:, 0] += 0.10
    if stage.choice < 0.6:
        tug = along(stage, 0.010, 1)
        stage.touch("detail", (0.50, 0.80, -0.35), (0.75, -0.10, -0.60), contact="pinch", curl=PINCH,
                    shift=tug + (-0.010, 0.012, 0.006), elbow=(-1, -0.7, 0.1), arc=(-0.03, 0, 0.06))
        stage.touch("detail", (0.85, 0.10, -0.35), (0.25, -0.35, -0.85), side=LEFT, contact="pinch", curl=PINCH,
                    shift=(0.012, -0.105, 0.014) - 0.6 * tug, elbow=(-1, -0.5, 0.1), arc=(-0.03, 0, 0.06))
    else:
        pull = np.array((-0.055, 0.012, 0.045)) * (0.75 + 0.25 * stage.wave(1.0))[:, None]
        stage.touch("collar", (0.62, 0.62, -0.45), (0.45, -0.40, -0.80), contact="pinch", curl=PINCH, shift=pull,
                    elbow=(-1, -0.3, 0.1))
        pose.head[:, 2] += 0.08
        pose.collar[:, RIGHT] = pull


def covering_notch(stage: Stage) -> None:
    """The flat hand covers the hollow between the collar bones."""
    stage.touch("notch", (0.92, 0.38, -0.10), (0.05, -0.10, -1), contact="flat", curl=FLAT, spread=0.05,
                shift=along(stage, 0.006, 0, 1.0), elbow=(-1, -0.7, 0.1), lift=0.014)


def scratching_back(stage: Stage) -> None:
    """The hand reaches over the shoulder to the back; the elbow points up."""
    stage.pose.head[:, 2] += 0.12
    stage.pose.head[:, 0] += 0.12
    stage.pose.shoulder[:, RIGHT, 0] = 0.03
    stage.touch("shoulder_blade", (0.30, -0.55, -0.75), (0.15, -0.65, 0.60), contact="tips", curl=RELAXED,
                shift=along(stage, 0.015, 1), elbow=(-0.55, 1.0, 0.55), arc=(-0.20, 0.22, 0.16))


def folding_arms(stage: Stage) -> None:
    """The forearms cross in front of the chest; one hand lies on the other upper arm, one is tucked in."""
    pose = stage.pose
    breathe = 0.006 * stage.wave(0.5)
    pose.torso[:, 0] -= 0.05
    high = np.stack([0.150 + 0 * breathe, 0.345 + breathe, 0.165 + 0 * breathe], axis=-1)
    low = np.stack([-0.145 + 0 * breathe, 0.300 + breathe, 0.150 + 0 * breathe], axis=-1)
    stage.put(RIGHT, high, (0.90, 0.30, -0.25), (-0.2, -0.3, -1), contact="palm", curl=RELAXED, spread=0.2,
              elbow=(-1, -0.6, 0.3), arc=(0, 0, 0.08))
    stage.put(LEFT, low, (-0.80, 0.25, -0.55), (0.3, 0.1, -1), contact="palm", curl=FLAT, spread=0.1,
              elbow=(1, -0.6, 0.3), arc=(0, 0, 0.02))


def dusting_clothes(stage: Stage) -> None:
    """The hand brushes the other sleeve or the side of the shirt."""
    pose = stage.pose
    pose.head[:, 0] += 0.22
    pose.head[:, 1] += 0.38
    if stage.choice < 0.6:
        skeleton = place(stage.subject, pose)
        bone = skeleton.elbow[:, LEFT] - skeleton.shoulder[:, LEFT]
        spot = skeleton.shoulder[:, LEFT] + (0.28 + 0.24 * stage.wave(2.0))[:, None] * bone
        stage.put(RIGHT, spot + (0.012, 0.015, 0.078) + stage.jitter, (0.85, 0.40, -0.15), (0.25, -0.30, -0.90),
                  curl=FLAT, spread=0.3, elbow=(-1, -0.7, 0.3), arc=(0, 0, 0.05))
    else:
        stroke = along(stage, 0.035, 0, 2.0) - along(stage, 0.025, 1, 2.0)
        stage.touch("other_chest", (0.85, -0.15, -0.25), (0.35, -0.25, -0.90), curl=FLAT, spread=0.3, shift=stroke,
                    elbow=(-1, -0.5, 0.3), arc=(0, 0, 0.05), lift=0.014)


def arms_behind_body(stage: Stage) -> None:
    """Both arms go back; no hand is to be seen."""
    pose = stage.pose
    pose.torso[:, 0] -= 0.10
    pose.shoulder[..., 1] = -0.035
    pose.breath[:, 0] = 0.35
    for side in (RIGHT, LEFT):
        stage.touch("small_of_back", (0.75, -0.3, 0.0), (0, 0, -1), side=side, contact="palm", curl=RELAXED,
                    shift=along(stage, 0.008, 1, 0.5), elbow=(-0.45, -0.3, -1), arc=(-0.30, 0.03, -0.02), lift=0.03)


def akimbo(stage: Stage) -> None:
    """Both hands are on the hips, the elbows point outward."""
    pose = stage.pose
    pose.torso[:, 0] -= 0.10
    for side in (RIGHT, LEFT):
        stage.touch("waist", (0.48, -0.35, 0.80), (0.85, -0.10, -0.45), side=side, contact="palm", curl=RELAXED,
                    shift=along(stage, 0.006, 1, 0.5), elbow=(-1, 0.15, -0.25), arc=(-0.12, 0.02, -0.02), lift=0.016)


def holding_back_arms(stage: Stage) -> None:
    """The arms leave the table: elbows back, fists at the sides."""
    pose = stage.pose
    pose.torso[:, 0] -= 0.08
    pose.shoulder[..., 1] = -0.03
    for side in (RIGHT, LEFT):
        stage.touch("rib", (0.10, 0.10, 1), (1, 0, 0), side=side, contact="palm", curl=FIST, spread=0.0,
                    shift=along(stage, 0.010, 2, 0.8) + (-0.035, -0.02, 0.07), elbow=(-0.35, -0.3, -1),
                    arc=(-0.04, 0.04, 0), lift=0.02)


