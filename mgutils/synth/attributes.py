"""What a clip shows, in words, from the known places of its keypoints in three dimensions.

Each clip is looked at in its first moment, when the hands rest, and in some moments of the hold, and compared with
itself: how far is a shoulder above where it was, which place of the body is nearest to a hand. All sides are the
subject's. Nothing here knows the class of a clip, but as what animates it. How the words become sentences is in
``sentences``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy import ndarray

from mgutils.config import SynthConfig
from mgutils.synth.frames import place_keypoints
from mgutils.synth.gestures.perform import HOLD
from mgutils.synth.person.keypoints import KEYPOINTS
from mgutils.synth.person.pose import TABLE_TOP
from mgutils.synth.person.skeleton import unit
from mgutils.synth.tables import read_table

SIDES = ("right", "left")
MOMENTS = np.array([0.0, *np.linspace(HOLD[0] + 0.04, HOLD[1] - 0.04, 10)])
"""Phases that are looked at: hands at rest, and the hold without its ends."""
PLACES = read_table("places.csv").set_index("place")
"""Where a hand can be: how near it must be to touch, metres, and how that is said."""
CHUNK = 64
"""Clips that are animated at once."""
_FINGERS = ("thumb", "index", "middle", "ring", "little")

ON_TABLE, OVER_TABLE, BESIDE, BEHIND, ASIDE = 0.06, 0.15, 0.12, -0.05, 0.10
"""Metres of a hand: on the table, the lowest fingertip is less above it, and the middle farther before the trunk's
axis; beside the body and behind the back, the middle is less before the axis; beside the face, farther to a side."""
MOVING = 0.010
"""A hand moves if the middle of its fingertips goes farther than this within the hold, metres."""
MEETING, CROSSED = 0.10, 0.04
"""Metres between the palms or the fingertips of both hands: nearer, they are together; and how far beyond each other
they are crossed."""
CLOSE, WIDE = 0.145, 0.168
"""Metres between hands that both lie on the table: nearer, they are close to each other; farther, wide apart."""
RISEN, UNEVEN, SHAKING = 0.018, 0.020, 0.06
"""Shoulders, metres: both rise by, one is higher by, one moves against the other by."""
LOW, BENT, RAISED, TILTED, TURNED, NODDING = -7.0, -4.0, 8.0, 4.0, 6.0, 4.0
"""Angles of the head, degrees: below and above the level, to a side, and how far any goes to and fro."""
LEANING, STRAIGHTENED, SWAYING = 4.0, -3.5, 3.0
"""Angles of the trunk, degrees: to a side, forward of where it was, and how far either goes to and fro."""
_NOSE_BELOW_EARS = 8.9  # degrees, of a level head: the keypoints' own


def attributes(config: SynthConfig, clips: pd.DataFrame) -> pd.DataFrame:
    """What each clip shows, in words.

    Parameters
    ----------
    config : SynthConfig
        Of the dataset.
    clips : DataFrame
        ``clip_id``, ``true_class_id``, ``video_id`` and ``subject_id`` of some clips; N rows.

    Returns
    -------
    DataFrame
        N rows with the index of ``clips``. For the ``right`` and the ``left`` hand ``_place`` (of
        :data:`PLACES`, with its side where it has one, as in ``left ear``), ``_motion`` (``moving`` or ``still``),
        ``_way`` (``across``, ``up``, ``ahead``; "" if still) and ``_elbow`` (``down``, ``raised``, ``out``,
        ``back``, ``forward``); ``hands`` (``together``, ``crossed``, ``apart``) and ``spread`` (``close``, ``wide`` on
        the table; "" elsewhere or between); ``bend`` (``level``, ``down``, ``low``, ``up``), ``tilt`` and ``turn``
        (``no``, ``right``, ``left``) and ``nod`` (``still``, ``moving``) of the head; ``shoulders`` (``level``,
        ``high``, ``right``, ``left`` for the higher one, ``shaking``); ``lean`` of the trunk (``upright``, ``right``,
        ``left``, ``straightened``) and its ``sway`` (``still``, ``moving``).
    """
    parts = [_look(_points(config, clips[start:start + CHUNK])) for start in range(0, len(clips), CHUNK)]
    return pd.concat(parts, ignore_index=True).set_index(clips.index)


def _points(config: SynthConfig, clips: pd.DataFrame) -> dict[str, ndarray]:
    """Each keypoint by its name, (N, T, 3)."""
    frames = clips.loc[clips.index.repeat(len(MOMENTS)), ["clip_id", "true_class_id", "video_id", "subject_id"]]
    frames["phase"] = np.tile(MOMENTS, len(clips))
    points = place_keypoints(config, frames).numpy().astype(np.float64)
    points = points.reshape(len(clips), len(MOMENTS), len(KEYPOINTS), 3)
    return {name: points[:, :, place] for place, name in enumerate(KEYPOINTS)}


def _middle(points: Mapping[str, ndarray], *names: str) -> ndarray:
    return np.mean([points[name] for name in names], axis=0)


def _hold(values: ndarray) -> ndarray:
    """The middle value of the hold."""
    return np.median(values[:, 1:], axis=1)


def _range(values: ndarray) -> ndarray:
    """How far values go within the hold; of points, the diagonal of the box that they stay in."""
    span = np.ptp(values[:, 1:], axis=1)
    return np.linalg.norm(span, axis=1) if span.ndim == 2 else span


def _words(*conditions: tuple[ndarray, str], otherwise: str) -> ndarray:
    """The word of the first condition that holds."""
    return np.select([condition for condition, _ in conditions], [word for _, word in conditions], otherwise)


def _side(values: ndarray, limit: float, otherwise: str = "no") -> ndarray:
    """Positive values beyond the limit are the subject's left."""
    return _words((values > limit, "left"), (values < -limit, "right"), otherwise=otherwise)


def _look(points: dict[str, ndarray]) -> pd.DataFrame:
    """The words of some clips."""
    trunk = _trunk_frame(points)
    seen = {}
    for side, other in (SIDES, SIDES[::-1]):
        seen[f"{side}_place"] = _place_of(points, trunk, side, other)
        seen[f"{side}_motion"] = _words((_range(_hand(points, side)) > MOVING, "moving"), otherwise="still")
        seen[f"{side}_way"] = _way(points, trunk, side)
        seen[f"{side}_elbow"] = _elbow(points, trunk, side)
    seen["hands"], spread = _hands(points, trunk)
    on_table = (seen["right_place"] == "table") & (seen["left_place"] == "table")
    seen["spread"] = np.where(on_table, spread, "")
    return pd.DataFrame(seen | _head(points) | _upper_body(points, trunk))


# -- hands and arms ----------------------------------------------------------------------------------


def _hand(points: Mapping[str, ndarray], side: str) -> ndarray:
    """The middle of the fingertips, (N, T, 3)."""
    return _middle(points, *(f"{side}_{finger}_tip" for finger in _FINGERS))


def _palm(points: Mapping[str, ndarray], side: str) -> ndarray:
    """Half way from the wrist to the middle of the fingertips, (N, T, 3)."""
    return 0.5 * (points[f"{side}_wrist"] + _hand(points, side))


def _touchable(points: Mapping[str, ndarray], trunk: ndarray, other: str) -> dict[str, ndarray]:
    """Places that a hand can touch, each (N, T, 3); of the arms only the ``other`` one."""
    eyes, ears = (_middle(points, f"right_{name}", f"left_{name}") for name in ("eye", "ear"))
    up = points["head_top"] - ears
    notch = points["suprasternal_notch"]
    hips = _middle(points, "right_hip", "left_hip")
    places = {name: points[name] for name in ("nose", "mouth", "chin")}
    spine = 0.5 * (points["neck"] + notch)
    forward = trunk[:, :, 2]
    places |= {"face": _middle(points, "nose", "right_eye", "left_eye"), "forehead": eyes + 0.35 * up,
               "collar": notch + 0.1 * (hips - notch)}
    for each in SIDES:
        eye, ear, corner = (points[f"{each}_{name}"] for name in ("eye", "ear", "mouth_corner"))
        shoulder, hip = points[f"{each}_shoulder"], points[f"{each}_hip"]
        places |= {
            f"{each} eye": eye, f"{each} ear": ear, f"{each} cheek": (eye + ear + corner) / 3,
            f"{each} hair": ear + 0.75 * up, f"{each} neck": points["neck"] + 0.6 * (ear - ears),
            f"{each} shoulder": shoulder, f"{each} hip": hip, f"{each} ribs": 0.5 * (shoulder + hip),
            f"{each} chest": 0.7 * shoulder + 0.3 * hip + 0.08 * forward,
            f"{each} back": 0.5 * (spine + shoulder) - 0.12 * forward}
    shoulder, elbow, wrist = (points[f"{other}_{name}"] for name in ("shoulder", "elbow", "wrist"))
    return places | {f"{other} upper_arm": 0.5 * (shoulder + elbow), f"{other} forearm": 0.5 * (elbow + wrist)}


def _place_of(points: Mapping[str, ndarray], trunk: ndarray, side: str, other: str) -> ndarray:
    """Where the hand of a side is, (N,)."""
    places = _touchable(points, trunk, other)
    tips = np.stack([points[f"{side}_{finger}_tip"] for finger in _FINGERS])  # (5, N, T, 3)
    palm = _palm(points, side)
    share = []  # of the distance within which it counts as touching
    for name, place in places.items():
        rule = PLACES.loc[name.split()[-1]]
        by_tips = np.linalg.norm(tips - place, axis=3).min(axis=0)
        by_palm = np.linalg.norm(palm - place, axis=2)
        near = {"tips": by_tips, "palm": by_palm, "any": np.minimum(by_tips, by_palm)}[rule["by"]]
        share.append(_hold(near) / rule["radius"])
    share = np.stack(share)  # (places, N)
    nearest = np.array(list(places))[share.argmin(axis=0)]
    middle = _hold(_within(palm, points, trunk))
    height = middle[:, 1] / _hold(_within(points["suprasternal_notch"], points, trunk))[:, 1]
    return _words(
        ((_hold(tips[..., 1].min(axis=0)) < TABLE_TOP + ON_TABLE) & (middle[:, 2] > OVER_TABLE), "table"),
        ((middle[:, 2] < BEHIND) & (height < 0.8), "behind"),
        (share.min(axis=0) < 1, nearest),
        ((middle[:, 2] < BESIDE) & (height < 0.8), "beside"),
        (height < 0.45, "before_belly"),
        (height < 1.1, "before_chest"),
        (np.abs(middle[:, 0]) > ASIDE, "aside_face"),
        otherwise="before_face")


def _way(points: Mapping[str, ndarray], trunk: ndarray, side: str) -> ndarray:
    """Along which of the trunk's axes a hand moves most."""
    span = np.ptp(_within(_hand(points, side), points, trunk)[:, 1:], axis=1)  # (N, 3)
    return np.where(_range(_hand(points, side)) > MOVING, np.array(["across", "up", "ahead"])[span.argmax(1)], "")


def _elbow(points: Mapping[str, ndarray], trunk: ndarray, side: str) -> ndarray:
    """Where the elbow of a side is from its shoulder, as a share of the upper arm's length."""
    arm = points[f"{side}_elbow"] - points[f"{side}_shoulder"]
    arm = _hold(unit(np.einsum("ntij,ntj->nti", trunk, arm)))
    outward = arm[:, 0] * (1 if side == "left" else -1)
    return _words((arm[:, 2] < -0.5, "back"), (arm[:, 1] > -0.35, "raised"), (outward > 0.6, "out"),
                  (arm[:, 2] > 0.5, "forward"), otherwise="down")


def _hands(points: Mapping[str, ndarray], trunk: ndarray) -> tuple[ndarray, ndarray]:
    """Whether the hands meet or the forearms cross; and, if neither, how near they are."""
    palms, tips = ([find(points, side) for side in SIDES] for find in (_palm, _hand))
    apart = _hold(np.minimum(*(np.linalg.norm(right - left, axis=2) for right, left in (palms, tips))))
    right, left = (_hold(_within(palm, points, trunk)) for palm in palms)
    met = _words((right[:, 0] - left[:, 0] > CROSSED, "crossed"), (apart < MEETING, "together"), otherwise="apart")
    return met, _words((met != "apart", ""), (apart < CLOSE, "close"), (apart > WIDE, "wide"), otherwise="")


# -- head and trunk ----------------------------------------------------------------------------------


def _trunk_frame(points: Mapping[str, ndarray]) -> ndarray:
    """Rows are the trunk's axes: to the subject's left, up the spine, forward; (N, T, 3, 3)."""
    hips = _middle(points, "right_hip", "left_hip")
    across = unit(points["left_hip"] - points["right_hip"])
    forward = unit(np.cross(across, _middle(points, "right_shoulder", "left_shoulder") - hips))
    return np.stack([across, np.cross(forward, across), forward], axis=2)


def _within(point: ndarray, points: Mapping[str, ndarray], trunk: ndarray) -> ndarray:
    """A point in the trunk's frame, from the middle of the hips, (N, T, 3)."""
    return np.einsum("ntij,ntj->nti", trunk, point - _middle(points, "right_hip", "left_hip"))


def _head(points: Mapping[str, ndarray]) -> dict[str, ndarray]:
    ears = points["left_ear"] - points["right_ear"]
    ahead = unit(points["nose"] - _middle(points, "right_ear", "left_ear"))
    bend = np.degrees(np.arcsin(ahead[..., 1])) + _NOSE_BELOW_EARS
    turn = np.degrees(np.arctan2(-ears[..., 2], ears[..., 0]))
    tilt = np.degrees(np.arcsin(unit(ears)[..., 1]))  # positive: the left ear is the higher one
    most = np.max([_range(angle) for angle in (bend, turn, tilt)], axis=0)
    return {
        "bend": _words((_hold(bend) < LOW, "low"), (_hold(bend) < BENT, "down"), (_hold(bend) > RAISED, "up"),
                       otherwise="level"),
        "tilt": _side(-_hold(tilt), TILTED),
        "turn": _side(_hold(turn), TURNED),
        "nod": _words((most > NODDING, "moving"), otherwise="still"),
    }


def _upper_body(points: Mapping[str, ndarray], trunk: ndarray) -> dict[str, ndarray]:
    right, left = (points[f"{side}_shoulder"][..., 1] for side in SIDES)
    rise = np.stack([_hold(height) - height[:, 0] for height in (right, left)])  # (2, N)
    up = trunk[:, :, 1]
    aside = np.degrees(np.arcsin(up[..., 0]))
    forward = np.degrees(np.arctan2(up[..., 2], up[..., 1]))
    most = np.max([_range(angle) for angle in (aside, forward)], axis=0)
    return {
        "shoulders": _words((_range(right - left) > SHAKING, "shaking"), (rise.min(axis=0) > RISEN, "high"),
                            (rise[0] - rise[1] > UNEVEN, "right"), (rise[1] - rise[0] > UNEVEN, "left"),
                            otherwise="level"),
        "lean": _words((_hold(aside) > LEANING, "left"), (_hold(aside) < -LEANING, "right"),
                       (_hold(forward) - forward[:, 0] < STRAIGHTENED, "straightened"), otherwise="upright"),
        "sway": _words((most > SWAYING, "moving"), otherwise="still"),
    }
