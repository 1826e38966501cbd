"""From class, phase and style to a pose; how styles are sampled and described.

Classes and descriptions are in ``classes.csv`` and ``descriptions.csv``, the gestures in the tables of ``builder`` and
in ``motions``. Here a gesture gets its way from the resting hands and back, the acting hand, and its drift.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy import ndarray

from mgutils.synth.gestures.builder import PoseBuilder, Style
from mgutils.synth.gestures.motions import MOTIONS
from mgutils.synth.person.pose import FLIP, Pose, blend, mirror, resting
from mgutils.synth.person.skeleton import unit
from mgutils.synth.person.subject import Subject
from mgutils.synth.tables import read_groups, read_table

_CLASSES = read_table("gestures/classes.csv", ("neighbours",)).set_index("class_id")
_DESCRIPTIONS = read_groups("gestures/descriptions.csv", "class_id")
GESTURES: dict[int, str] = _CLASSES["gesture"].to_dict()
"""Class id to the name of the gesture in the tables."""
NEIGHBOURS: dict[int, list[int]] = {class_id: ids.astype(int).tolist() for class_id, ids in
                                    _CLASSES["neighbours"].items()}
"""The classes that each class is mistaken for, and drifts to where ``confusion`` asks for it."""
NO_HANDS = frozenset(_CLASSES.index[_CLASSES["hands"] == "none"])
"""Classes in which the hands stay on the table."""
BOTH_HANDS = frozenset(_CLASSES.index[_CLASSES["hands"] == "both"])
"""Classes in which both hands take part."""
HOLD = (0.26, 0.80)
"""The gesture is at full hold between these phases."""
_MOST_DRIFT = 0.7


def sample_style(class_id: int, rng: np.random.Generator, confusion: float = 0.5) -> Style:
    """Draw the style of a clip.

    Parameters
    ----------
    class_id : int
        1..32.
    rng : Generator
        The same number of draws is made whatever ``confusion`` is.
    confusion : float
        0: classes are kept apart; 1: the confusable ones overlap.
    """
    hand, speed, amplitude, choice, neighbour, drift = rng.random(6)
    neighbours = NEIGHBOURS[class_id]
    jitter = np.clip(rng.normal(size=3), -2, 2) * (0.003 + 0.006 * confusion)
    return Style(
        hand="right" if hand < 0.6 else "left",
        speed=0.75 + 0.6 * speed,
        amplitude=0.75 + 0.4 * amplitude,
        offset=rng.random(),
        choice=choice,
        jitter=tuple(jitter),
        rest=tuple(rng.uniform(-0.02, 0.02, 2)),
        neighbour=neighbours[int(neighbour * len(neighbours))],
        drift=_MOST_DRIFT * confusion * drift,
    )


def costume(class_id: int, subject: Subject) -> Subject:
    """The subject with what the class needs: a cap for touching the hat, none for touching head or hair."""
    if class_id in (3, 4, 5, 13):
        return replace(subject, cap=np.full(len(subject), class_id == 3))
    return subject


def perform(class_id: int, phase: ndarray, style: Style, subject: Subject) -> Pose:
    """Pose of a clip at several phases.

    Parameters
    ----------
    class_id : int
        1..32.
    phase : ndarray
        0 (before) .. 1 (after), ``(B,)``; the gesture is at full hold within :data:`HOLD`.
    style : Style
        Of the clip.
    subject : Subject
        Of length 1; its proportions decide where the hands go.

    Returns
    -------
    Pose
        ``B`` frames.
    """
    start = rest(len(phase), style)
    builder = _build(class_id, phase, style, subject)
    hold = builder.pose
    arc = builder.arc
    if style.drift:
        other = _build(style.neighbour, phase, style, subject)
        hold = blend(hold, other.pose, style.drift)
        arc = arc + style.drift * (other.arc - arc)
    share = _envelope(phase)
    weight = share[:, None, None]
    pose = blend(start, hold, share)
    pose.wrist += 4 * weight * (1 - weight) * arc
    for name in ("fingers", "palm", "elbow"):  # directions turn at an even pace only as unit vectors
        vectors = (1 - weight) * unit(getattr(start, name)) + weight * unit(getattr(hold, name))
        setattr(pose, name, vectors)
    away = share <= 0.85  # things in the hand appear whole, near the hold
    pose.prop[away] = 0.0
    pose.lock[away] = 0.0
    return mirror(pose) if style.hand == "left" else pose


def describe(class_id: int, style: Style) -> str:
    """One sentence from the known truth: which hand does what, where."""
    other = "left" if style.hand == "right" else "right"
    text = next(row.description for row in _DESCRIPTIONS[class_id] if style.choice < row.below)
    return text.format(hand=style.hand, other=other)


def rest(frames: int, style: Style) -> Pose:
    """The pose before and after a gesture of the right hand: hands resting on the table."""
    pose = resting(frames)
    apart, forward = style.rest
    pose.wrist += FLIP * (-apart, 0.0, forward)
    return pose


def _build(class_id: int, phase: ndarray, style: Style, subject: Subject) -> PoseBuilder:
    """The gesture of the right hand, at full hold in every frame."""
    builder = PoseBuilder(subject, phase, style, rest(len(phase), style))
    gesture = GESTURES[class_id]
    builder.move(gesture)
    builder.touch(gesture)
    if gesture in MOTIONS:
        MOTIONS[gesture](builder)
    return builder


def _envelope(phase: ndarray) -> ndarray:
    """0 at the ends, 1 during the hold, smooth between."""
    share = np.clip(np.minimum(phase / HOLD[0], (1 - phase) / (1 - HOLD[1])), 0, 1)
    return share * share * (3 - 2 * share)
