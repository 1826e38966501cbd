"""Render planned frames: RGB, depth and keypoints.

Every subject, video and clip has its own random generator, so a frame does not depend on which others are rendered.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
import torch
from numpy import ndarray

from mgutils.config import SynthConfig
from mgutils.synth.gestures.perform import BOTH_HANDS, NO_HANDS, Style, costume, describe, perform, sample_style
from mgutils.synth.person.body import build
from mgutils.synth.person.pose import Pose
from mgutils.synth.person.subject import Subject, sample_subject
from mgutils.synth.plan import Plan
from mgutils.synth.render.picture import Camera, Scene, project, render, visible
from mgutils.synth.render.scene import sample_scene

_SUBJECTS, _ROOMS, _STYLES = 100, 101, 102  # random streams, apart from those of the plan


@dataclass(frozen=True)
class Frames:
    """Rendered frames and their ground truth: ``n`` frames of side ``S`` with ``K`` keypoints.

    Parameters
    ----------
    rgb : ndarray
        uint8, ``(n, S, S, 3)``.
    depth : ndarray
        Metres along the optical axis, float32, ``(n, S, S)``.
    uv : ndarray
        Keypoints in pixels from the left and the top edge, float32, ``(n, K, 2)``.
    xyz : ndarray
        Keypoints in world coordinates (see ``render.geometry``), metres, float32, ``(n, K, 3)``.
    visible : ndarray
        Whether each keypoint is seen, bool, ``(n, K)``.
    camera : ndarray
        Position (3) and target (3) in metres, vertical angle of view in degrees, float32, ``(n, 7)``.
    """

    rgb: ndarray
    depth: ndarray
    uv: ndarray
    xyz: ndarray
    visible: ndarray
    camera: ndarray


def render_frames(config: SynthConfig, frames: pd.DataFrame, device: str = "cpu") -> Frames:
    """Render rows of ``plan.frames``, in which the frames of a clip stand together.

    Equal rows give equal bytes on the same kind of device.
    """
    subjects, poses = zip(*(_animate(config, clip) for _, clip in frames.groupby("clip_id", sort=False)), strict=True)
    shapes, keypoints = build(Subject.join(subjects), Pose.join(poses))
    scenes, cameras = zip(*(_room(config, video_id) for video_id in frames["video_id"]), strict=True)
    parts = shapes, Camera.join(cameras), Scene.join(scenes), keypoints
    shapes, camera, scene, keypoints = (part.to(torch.device(device)) for part in parts)
    picture = render(shapes, camera, scene, config.size)
    uv, _ = project(keypoints.points, camera, config.size)
    seen = visible(keypoints.points, keypoints.radius, camera, picture.depth)
    lens = torch.cat([camera.position, camera.target, camera.fov[:, None]], dim=1)
    values = picture.rgb, picture.depth, uv, keypoints.points, seen, lens
    return Frames(*(value.cpu().numpy() for value in values))


def clip_table(config: SynthConfig, plan: Plan) -> pd.DataFrame:
    """The plan's clips with hand, speed, amplitude, neighbour, drift and description: ``clips.csv``."""
    rows = []
    for clip in plan.clips.itertuples():
        style = _style(config, clip.clip_id, clip.true_class_id)
        text = describe(clip.true_class_id, style)
        rows.append({"hand": _hand(clip.true_class_id, style, text), "speed": round(style.speed, 4),
                     "amplitude": round(style.amplitude, 4), "neighbour_id": style.neighbour,
                     "drift": round(style.drift, 4), "description": text})
    return plan.clips.join(pd.DataFrame(rows))


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
    clip_id, class_id, subject_id = (int(clip[name].iat[0]) for name in ("clip_id", "true_class_id", "subject_id"))
    subject = costume(class_id, _subject(config, subject_id))
    pose = perform(class_id, clip["phase"].to_numpy(), _style(config, clip_id, class_id), subject)
    return subject[[0] * len(clip)], pose


def _hand(class_id: int, style: Style, text: str) -> str:
    """``none``, ``both`` or the acting hand; in some classes the description alone says that both act."""
    if class_id in NO_HANDS:
        return "none"
    return "both" if class_id in BOTH_HANDS or text.startswith("Both ") else style.hand
