"""From planned frames to pictures, depth and keypoints.

A :class:`Set` knows the looks of all subjects, rooms and clips of a plan; :meth:`Set.shoot` draws some of its frames.
Every subject, video and clip has a random generator of its own, so that a frame does not depend on which others are
drawn. How shapes become pictures is in ``render``; what is written where is in ``studio``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import Self

import numpy as np
import pandas as pd
import torch

from mgutils.config import SynthConfig
from mgutils.synth.gestures import BOTH_HANDS, NO_HANDS, Style, costume, describe, perform, sample_style
from mgutils.synth.person import pose, subject
from mgutils.synth.person.body import build
from mgutils.synth.plan import Plan
from mgutils.synth.render.picture import Camera, Scene, project, render, visible
from mgutils.synth.render.scene import sample_scene

_SUBJECTS, _ROOMS, _STYLES = 100, 101, 102  # random streams, apart from those of the plan


@dataclass(frozen=True)
class Stills:
    """Drawn frames and their known truth, ``n`` frames of side ``S`` with ``K`` keypoints.

    Parameters
    ----------
    rgb : ndarray
        uint8, ``(n, S, S, 3)``.
    depth : ndarray
        Metres along the optical axis, float32, ``(n, S, S)``.
    uv : ndarray
        Keypoints in pixels from the left and the top edge, float32, ``(n, K, 2)``.
    xyz : ndarray
        Keypoints in metres in the world (see ``cast``), float32, ``(n, K, 3)``.
    visible : ndarray
        Whether each keypoint is seen, bool, ``(n, K)``.
    camera : ndarray
        Place (3) and aim (3) in metres, vertical angle of view in degrees, float32, ``(n, 7)``.
    """

    rgb: np.ndarray
    depth: np.ndarray
    uv: np.ndarray
    xyz: np.ndarray
    visible: np.ndarray
    camera: np.ndarray

    def __len__(self) -> int:
        return len(self.rgb)

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Put stills one after the other."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))


class Set:
    """The looks of everyone and everything in a plan.

    Parameters
    ----------
    config : SynthConfig
        The dials.
    plan : Plan
        Made from the same dials.
    device : str
        Where to draw; only drawings of the same kind of device are equal byte for byte.
    """

    def __init__(self, config: SynthConfig, plan: Plan, device: str = "cpu") -> None:
        self.config, self.plan, self.device = config, plan, torch.device(device)
        self.subject = lru_cache(maxsize=None)(self._subject)
        self.room = lru_cache(maxsize=512)(self._room)

    def _rng(self, stream: int, number: int) -> np.random.Generator:
        return np.random.default_rng([self.config.seed, stream, number])

    def _subject(self, subject_id: int) -> subject.Subject:
        return subject.sample_subject(self._rng(_SUBJECTS, subject_id), self.config.likeness)

    def _room(self, video_id: int) -> tuple[Scene, Camera]:
        return sample_scene(self._rng(_ROOMS, video_id), likeness=self.config.likeness)

    def style(self, clip_id: int, true_class_id: int) -> Style:
        """How a clip does its gesture."""
        return sample_style(true_class_id, self._rng(_STYLES, clip_id), self.config.confusion)

    @cached_property
    def clips(self) -> pd.DataFrame:
        """The plan's clips with hand, speed, amplitude, neighbour, drift and description: the sidecar."""
        rows = []
        for clip in self.plan.clips.itertuples():
            style = self.style(clip.clip_id, clip.true_class_id)
            text = describe(clip.true_class_id, style)
            rows.append((_hand(clip.true_class_id, style, text), round(style.speed, 4), round(style.amplitude, 4),
                         style.neighbour, round(style.drift, 4), text))
        names = ["hand", "speed", "amplitude", "neighbour_id", "drift", "description"]
        return self.plan.clips.join(pd.DataFrame(rows, columns=names))

    def shoot(self, rows: Sequence[int] | np.ndarray) -> Stills:
        """Draw frames of the plan, in the order given.

        Parameters
        ----------
        rows : sequence of int
            Positions in ``plan.frames``. Equal sequences give equal bytes.
        """
        frames, size = self.plan.frames.iloc[rows], self.config.size
        people, poses = zip(*(self._act(part) for part in _runs(frames)), strict=True)
        shapes, keypoints = build(subject.join(people), pose.concatenate(poses))
        rooms, cameras = zip(*(self.room(int(video)) for video in frames["video_id"]), strict=True)
        scene, camera = Scene.join(rooms), Camera.join(cameras)
        shapes, scene, camera, keypoints = (part.to(self.device) for part in (shapes, scene, camera, keypoints))
        picture = render(shapes, camera, scene, size)
        uv, _ = project(keypoints.points, camera, size)
        seen = visible(keypoints.points, keypoints.radius, camera, picture.depth)
        lens = torch.cat([camera.position, camera.target, camera.fov[:, None]], dim=1)
        values = (picture.rgb, picture.depth, uv, keypoints.points, seen, lens)
        return Stills(*(value.cpu().numpy() for value in values))

    def _act(self, frames: pd.DataFrame) -> tuple[subject.Subject, pose.Pose]:
        """Subjects and poses of successive frames of one clip."""
        first = frames.iloc[0]
        clip_id, class_id, subject_id = (int(first[name]) for name in ("clip_id", "true_class_id", "subject_id"))
        person = costume(class_id, self.subject(subject_id))
        acted = perform(class_id, frames["phase"].to_numpy(), self.style(clip_id, class_id), person)
        return person[np.zeros(len(frames), dtype=np.int64)], acted


def _runs(frames: pd.DataFrame) -> list[pd.DataFrame]:
    """Cut where the clip changes."""
    clip = frames["clip_id"].to_numpy()
    edges = np.flatnonzero(np.diff(clip)) + 1
    return [frames.iloc[start:end] for start, end in zip([0, *edges], [*edges, len(frames)], strict=True)]


def _hand(class_id: int, style: Style, text: str) -> str:
    """``none``, ``both`` or the acting hand; in some classes the description alone says that both act."""
    if class_id in NO_HANDS:
        return "none"
    return "both" if class_id in BOTH_HANDS or text.startswith("Both ") else style.hand
