"""Render planned frames: RGB, depth and keypoints.

Every subject, video and clip has its own random generator, so a frame does not depend on which others are rendered.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
import torch
from numpy import ndarray
from torch import Tensor

from mgutils.config import SynthConfig
from mgutils.synth.gestures.perform import BOTH_HANDS, NO_HANDS, Style, costume, describe, perform, sample_style
from mgutils.synth.person.body import build
from mgutils.synth.person.keypoints import RADIUS, find
from mgutils.synth.person.pose import Pose
from mgutils.synth.person.skeleton import place
from mgutils.synth.person.subject import Subject, sample_subject
from mgutils.synth.plan import Plan
from mgutils.synth.render.geometry import Camera, project
from mgutils.synth.render.picture import render, visible
from mgutils.synth.render.scene import sample_scene
from mgutils.synth.render.shading import Scene

_SUBJECTS, _ROOMS, _STYLES = 100, 101, 102  # random streams, apart from those of the plan


def render_frames(config: SynthConfig, frames: pd.DataFrame, device: str = "cpu") -> dict[str, ndarray]:
    """Render rows of ``plan.frames``, in which the frames of a clip stand together.

    Equal rows give equal bytes on the same kind of device.

    Returns
    -------
    dict
        For ``n`` frames of side ``S`` with ``K`` keypoints:

        * ``rgb``: uint8, ``(n, S, S, 3)``;
        * ``depth``: metres along the optical axis, float32, ``(n, S, S)``;
        * ``uv``: keypoints in pixels from the left and the top edge, float32, ``(n, K, 2)``;
        * ``xyz``: keypoints in world coordinates (see ``render.geometry``), metres, float32, ``(n, K, 3)``;
        * ``visible``: whether each keypoint is seen, bool, ``(n, K)``;
        * ``camera``: position (3) and target (3) in metres, vertical angle of view in degrees, float32, ``(n, 7)``.
    """
    subjects, poses = _act(config, frames)
    shapes, points = (part.to(device) for part in build(subjects, poses))
    scene, camera = (part.to(device) for part in _place(config, frames))
    picture = render(shapes, camera, scene, config.size)
    uv, _ = project(points, camera, config.size)
    result = {
        "rgb": picture.rgb,
        "depth": picture.depth,
        "uv": uv,
        "xyz": points,
        "visible": visible(points, RADIUS.to(device), camera, picture.depth),
        "camera": torch.cat([camera.position, camera.target, camera.fov[:, None]], dim=1),
    }
    return {name: value.cpu().numpy() for name, value in result.items()}


def project_frames(config: SynthConfig, frames: pd.DataFrame) -> tuple[ndarray, ndarray]:
    """Only the keypoints of rows of ``plan.frames``, without drawing: some thousand frames a second.

    Returns
    -------
    uv : array (n, K, 2) of float32
        From the left and the top edge, in units of the picture's height.
    inside : array (n, K) of bool
        Whether each lies within the picture. What is before it is not known without drawing.
    """
    uv, z = project(place_keypoints(config, frames), _place(config, frames)[1], 1)
    inside = ((uv >= 0) & (uv < 1)).all(dim=2) & (z > 0)
    return uv.numpy(), inside.numpy()


def place_keypoints(config: SynthConfig, frames: pd.DataFrame) -> Tensor:
    """The keypoints of rows of ``plan.frames`` in the world, metres, float32, ``(n, K, 3)``: as little work as can be.

    Parameters
    ----------
    frames : DataFrame
        ``clip_id``, ``true_class_id``, ``subject_id`` and ``phase``.
    """
    subjects, poses = _act(config, frames)
    return find(subjects, poses, place(subjects, poses))


def clip_table(config: SynthConfig, plan: Plan) -> pd.DataFrame:
    """The plan's clips with hand, speed, amplitude, neighbour, drift and description: ``clips.csv``."""
    rows = []
    for clip in plan.clips.itertuples():
        class_id = clip.true_class_id
        style = _style(config, clip.clip_id, class_id)
        text = describe(class_id, style)
        hand = style.hand
        if class_id in NO_HANDS:
            hand = "none"
        elif class_id in BOTH_HANDS or text.startswith("Both "):  # in some classes the variant decides
            hand = "both"
        rows.append({
            "hand": hand,
            "speed": round(style.speed, 4),
            "amplitude": round(style.amplitude, 4),
            "neighbour_id": style.neighbour,
            "drift": round(style.drift, 4),
            "description": text,
        })
    return plan.clips.join(pd.DataFrame(rows))


def _act(config: SynthConfig, frames: pd.DataFrame) -> tuple[Subject, Pose]:
    """Subject and pose in each frame; the frames of a clip stand together."""
    animated = [_animate(config, clip) for _, clip in frames.groupby("clip_id", sort=False)]
    subjects, poses = zip(*animated, strict=True)
    return Subject.join(subjects), Pose.join(poses)


def _place(config: SynthConfig, frames: pd.DataFrame) -> tuple[Scene, Camera]:
    """Room and camera of each frame."""
    scenes, cameras = zip(*(_room(config, video_id) for video_id in frames["video_id"]), strict=True)
    return Scene.join(scenes), Camera.join(cameras)


def _rng(config: SynthConfig, stream: int, number: int) -> np.random.Generator:
    return np.random.default_rng([config.seed, stream, number])


@lru_cache(maxsize=512)
def _subject(config: SynthConfig, subject_id: int) -> Subject:
    return sample_subject(_rng(config, _SUBJECTS, subject_id), config.likeness)


@lru_cache(maxsize=512)
def _room(config: SynthConfig, video_id: int) -> tuple[Scene, Camera]:
    return sample_scene(_rng(config, _ROOMS, video_id), likeness=config.likeness)


def _style(config: SynthConfig, clip_id: int, class_id: int) -> Style:
    return sample_style(class_id, _rng(config, _STYLES, clip_id), config.confusion)


def _animate(config: SynthConfig, clip: pd.DataFrame) -> tuple[Subject, Pose]:
    """Subject and pose in each frame of one clip."""
    class_id, subject_id, clip_id = (int(clip[name].iat[0]) for name in ("true_class_id", "subject_id", "clip_id"))
    subject = costume(class_id, _subject(config, subject_id))
    style = _style(config, clip_id, class_id)
    pose = perform(class_id, clip["phase"].to_numpy(), style, subject)
    return subject[[0] * len(clip)], pose
