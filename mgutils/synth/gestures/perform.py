"""From class, phase and style to a pose; how styles are sampled and described.

Classes and descriptions are in ``classes.csv`` and ``descriptions.csv``, the gestures in the tables of ``builder`` and
in ``motions``. Here a gesture gets its way from the resting hands and back, the acting hand, and its drift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy import ndarray

from mgutils.errors import ConfigError
from mgutils.synth.gestures.builder import PoseBuilder
from mgutils.synth.gestures.motions import MOTIONS
from mgutils.synth.person.pose import LEFT, RIGHT, Pose, blend, mirror, resting
from mgutils.synth.person.subject import Subject
from mgutils.synth.tables import read_table

_CLASSES = read_table("gestures/classes.csv", ("neighbours",)).set_index("class_id")
_DESCRIPTIONS = dict(list(read_table("gestures/descriptions.csv").groupby("class_id")))
GESTURES: dict[int, str] = _CLASSES["gesture"].to_dict()
"""Class id to the name of the gesture in the tables."""
NEIGHBOURS: dict[int, tuple[int, ...]] = {class_id: tuple(map(int, ids)) for class_id, ids in
                                          _CLASSES["neighbours"].items()}
"""The classes that each class is mistaken for, and drifts to where ``confusion`` asks for it."""
NO_HANDS = frozenset(_CLASSES.index[_CLASSES["hands"] == "none"])
"""Classes in which the hands stay on the table."""
BOTH_HANDS = frozenset(_CLASSES.index[_CLASSES["hands"] == "both"])
"""Classes in which both hands take part."""
HOLD = (0.26, 0.80)
"""The gesture is at full hold between these phases."""
_MOST_DRIFT = 0.7


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
        Picks a variant of the gesture (which part of the face, one hand or two), 0..1.
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
    jitter: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rest: tuple[float, float] = (0.0, 0.0)
    neighbour: int = 32
    drift: float = 0.0


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

    Raises
    ------
    ConfigError
        If there is no such class.
    """
    _check(class_id)
    own = rng.random(6)
    neighbour = NEIGHBOURS[class_id][int(own[4] * len(NEIGHBOURS[class_id]))]
    jitter = np.clip(rng.normal(size=3), -2, 2) * (0.003 + 0.006 * confusion)
    return Style(hand="right" if own[0] < 0.6 else "left", speed=0.75 + 0.6 * own[1], amplitude=0.75 + 0.4 * own[2],
                 offset=float(rng.random()), choice=float(own[3]), jitter=tuple(map(float, jitter)),
                 rest=tuple(map(float, rng.uniform(-0.02, 0.02, 2))), neighbour=neighbour,
                 drift=float(_MOST_DRIFT * confusion * own[5]))


def costume(class_id: int, subject: Subject) -> Subject:
    """The subject with what the class needs: a cap for touching the hat, none for touching head or hair."""
    if class_id == 3:
        return subject.wearing_cap()
    return subject.wearing_cap(False) if class_id in (4, 5, 13) else subject


def neutral(frames: int, style: Style | None = None) -> Pose:
    """The pose before and after a gesture: hands resting on the table."""
    style = style or Style()
    pose = _rest(frames, style)
    return mirror(pose) if style.hand == "left" else pose


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

    Raises
    ------
    ConfigError
        If there is no such class.
    """
    _check(class_id)
    phase = np.atleast_1d(np.asarray(phase, dtype=np.float64))
    start, builder = _rest(len(phase), style), _build(class_id, phase, style, subject)
    hold, arc = builder.pose, builder.arc
    if style.drift:
        other = _build(style.neighbour, phase, style, subject)
        hold, arc = blend(hold, other.pose, style.drift), arc + style.drift * (other.arc - arc)
    share = _envelope(phase)
    pose = blend(start, hold, share)
    pose.wrist += (4 * share * (1 - share))[:, None, None] * arc
    _keep_turning(pose, start, hold, share)
    return mirror(pose) if style.hand == "left" else pose


def describe(class_id: int, style: Style) -> str:
    """One sentence from the known truth: which hand does what, where.

    Raises
    ------
    ConfigError
        If there is no such class.
    """
    _check(class_id)
    other = "left" if style.hand == "right" else "right"
    rows = _DESCRIPTIONS[class_id].itertuples()
    text = next(row.description for row in rows if style.choice < row.below or row.below == 1)
    return text.format(hand=style.hand, other=other)


def _check(class_id: int) -> None:
    if class_id not in GESTURES:
        raise ConfigError(f"class_id: found {class_id!r}; wanted a whole number in 1..{len(GESTURES)}.")


def _rest(frames: int, style: Style) -> Pose:
    pose = resting(frames)
    apart, forward = style.rest
    pose.wrist[..., 2] += forward
    pose.wrist[:, RIGHT, 0] -= apart
    pose.wrist[:, LEFT, 0] += apart
    return pose


def _build(class_id: int, phase: ndarray, style: Style, subject: Subject) -> PoseBuilder:
    """The gesture of the right hand, at full hold in every frame."""
    builder = PoseBuilder(subject, phase, _rest(len(phase), style), style.speed, style.amplitude, style.offset,
                          style.choice, np.array(style.jitter))
    gesture = GESTURES[class_id]
    builder.move(gesture)
    builder.touch(gesture)
    if gesture in MOTIONS:
        MOTIONS[gesture](builder)
    return builder


def _envelope(phase: ndarray) -> ndarray:
    """0 at the ends, 1 during the hold, smooth between."""
    rise, fall = phase / HOLD[0], (1 - phase) / (1 - HOLD[1])
    share = np.clip(np.minimum(rise, fall), 0, 1)
    return share * share * (3 - 2 * share)


def _keep_turning(pose: Pose, start: Pose, hold: Pose, share: ndarray) -> None:
    """Mix directions as unit vectors, and let things in the hand appear whole at half way."""
    for name in ("fingers", "palm", "elbow"):
        first, last = getattr(start, name), getattr(hold, name)
        norms = [np.linalg.norm(vector, axis=-1, keepdims=True) for vector in (first, last)]
        weight = share[:, None, None]
        setattr(pose, name, (1 - weight) * first / norms[0] + weight * last / norms[1])
    near = share > 0.85
    pose.prop = np.where(near[:, None], pose.prop, 0.0)
    pose.lock = np.where(near[:, None], pose.lock, 0.0)
