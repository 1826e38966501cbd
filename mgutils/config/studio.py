"""The parameters of the studio."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SynthConfig:
    """The parameters of the studio."""

    frames: int = 4800  # Number of images.
    size: int = 64  # Side of an image, in pixels.
    imbalance: float = 1.0  # 0: all classes alike; 1: iMiGUE's own class shares.
    likeness: float = 1.0  # How much a subject or a video looks like itself (the leak): 0 not, 1 as in life.
    confusion: float = 0.5  # How alike the confusable classes are: 0 kept apart, 1 overlapping.
    caption_noise: float = 0.0  # Share of clips whose class is written down wrongly.
    depth: bool = False  # Also write 16-bit depth images, in millimetres.
    seed: int = 0


@dataclass(frozen=True)
class ClipConfig(SynthConfig):
    """The parameters of the studio's clips. ``frames``, ``size`` and ``depth`` are those of the images, too.

    ``jitter``, ``missing`` and ``swaps`` are those of the imagined detector, which stands between the known joints and
    a student of them.
    """

    rate: float = 12.5  # Frames a second.
    longest: int = 48  # Frames of a clip, at most.
    rgb: bool = False  # Also draw the frames; with depth, their depth too.
    jitter: float = 0.04  # Standard deviation of a joint's place, as a share of the picture's height.
    missing: float = 0.05  # Share of the joints that are not found.
    swaps: float = 0.05  # Share of the frames in which the hands are taken for each other.
    infrared: bool = False  # With rgb, also what an infrared camera with a lamp of its own sees.
    absent: float = 0.0  # Share of the pairs of clip and modality that are missing; no clip lacks all of its own.
