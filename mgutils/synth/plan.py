"""Sample videos, clips and frames (metadata only).

``make_plan`` turns the parameters into three tables: videos, clips, frames. ``counts`` says how many of each class.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy import ndarray

from mgutils.config import SynthConfig
from mgutils.data.labels import imigue_classes
from mgutils.data.splits import TEST_SUBJECTS, TRAIN_SUBJECTS
from mgutils.errors import ConfigError
from mgutils.synth.counts import class_frames, clip_lengths

VIDEOS = (255, 104)
"""iMiGUE's videos of training and of test subjects; small datasets have fewer."""
CLIPS_PER_VIDEO = 7
"""A dataset too small for 359 videos of this many clips has fewer videos. (iMiGUE: 51 clips a video.)"""
STRIDE = 13
"""Video frames, of 25 a second, between two kept frames: about half a second."""
GAP = 106
"""Mean pause between two clips of a video, in video frames. Here clips never overlap; 12.8 % of iMiGUE's do."""
PHASES = (0.20, 0.86)
"""Part of a gesture, from before (0) to after (1), that the frames of a clip fall into."""
STEP = 0.12
"""Most by which the phase moves between two frames of a clip; long clips move less, so neighbours look alike."""

CLIP_COLUMNS = ("clip_id", "video_id", "subject_id", "class_id", "true_class_id", "start_frame", "end_frame", "frames")

_VIDEO_SIZES, _CLIPS, _VIDEO_IDS, _TIMES, _NOISE = range(5)  # random streams: parameters do not affect each other


@dataclass(frozen=True)
class Plan:
    """The metadata of a dataset.

    Parameters
    ----------
    videos : DataFrame
        ``video_id`` (1..V), ``subject_id``.
    clips : DataFrame
        ``clip_id`` (1.., by video and time), ``video_id``, ``subject_id``, ``class_id`` (as written down),
        ``true_class_id``, ``start_frame``, ``end_frame`` (of the video, 25 a second), ``frames`` (kept ones).
    frames : DataFrame
        In the order of ``train.xlsx``, by class, clip and time: ``class_id``, ``true_class_id``, ``clip_id``,
        ``frame_id`` (0..), ``video_id``, ``subject_id``, ``phase`` (0..1).
    """

    videos: pd.DataFrame
    clips: pd.DataFrame
    frames: pd.DataFrame


def validate(config: SynthConfig) -> None:
    """Raise a ConfigError that names every parameter out of range."""
    limits = {
        "frames": (len(imigue_classes()), 10**7),
        "size": (8, 1024),
        "imbalance": (0, 1),
        "likeness": (0, 1),
        "confusion": (0, 1),
        "caption_noise": (0, 0.9),
        "seed": (0, 2**32 - 1),
    }
    faults = []
    for name, (low, high) in limits.items():
        found = getattr(config, name)
        if not low <= found <= high:
            faults.append(f"{name}: found {found}; wanted {low} to {high}.")
    if faults:
        raise ConfigError(" ".join(faults))


def make_plan(config: SynthConfig) -> Plan:
    """Plan a dataset; equal parameters give equal plans. Size, likeness, confusion and depth do not matter here.

    Raises
    ------
    ConfigError
        If a parameter is out of range: at least one frame a class is needed.
    """
    validate(config)
    facts = imigue_classes()
    means = facts["original_frames"] / facts["original_clips"]
    budget = class_frames(config.frames, config.imbalance)
    rng = np.random.default_rng([config.seed, _CLIPS])
    lengths = [clip_lengths(frames, mean, rng) for frames, mean in zip(budget, means, strict=True)]
    classes = np.repeat(facts.index, [len(each) for each in lengths])
    on_test = _on_test_side(classes, facts["clips_test_subjects"] / facts["clips_all"])
    videos, video_id = assign_videos(classes, on_test, config.seed)
    clips = pd.DataFrame({"true_class_id": classes, "frames": np.concatenate(lengths), "video_id": video_id})
    clips = clips.merge(videos, on="video_id", how="left")
    clips = _schedule(clips, np.random.default_rng([config.seed, _TIMES]))
    clips["class_id"] = _noisy_labels(clips["true_class_id"].to_numpy(), config)
    frames = _frame_table(clips, np.random.default_rng([config.seed, _TIMES, 1]))
    return Plan(videos, clips[list(CLIP_COLUMNS)], frames)


def _on_test_side(classes: ndarray, share: pd.Series) -> ndarray:
    """Which clips the test subjects do, bool: iMiGUE's share of each class, and both sides where there are 2 clips.

    Of the classes with a single clip, every fourth is on the test side.
    """
    result = np.zeros(len(classes), dtype=bool)
    for class_id, test in share.items():
        rows = np.flatnonzero(classes == class_id)
        count = int(class_id % 4 == 0)
        if len(rows) > 1:
            count = int(np.clip(round(len(rows) * test), 1, len(rows) - 1))
        result[rows[:count]] = True
    return result


def assign_videos(classes: ndarray, on_test: ndarray, seed: int) -> tuple[pd.DataFrame, ndarray]:
    """Make the videos of both sides of the official split and assign every clip to one.

    Returns
    -------
    videos : DataFrame
    video_id : ndarray
        Of each clip.
    """
    subjects = []
    video = np.zeros(len(classes), dtype=np.int64)
    for side, known in enumerate((TRAIN_SUBJECTS, TEST_SUBJECTS)):
        rows = np.flatnonzero(on_test == bool(side))
        rng = np.random.default_rng([seed, _VIDEO_SIZES, side])
        present = known[:len(rows)]
        count = int(np.clip(len(rows) // CLIPS_PER_VIDEO, len(present), VIDEOS[side]))
        own = np.repeat(present, _random_counts(count, len(present), rng))
        own = rng.permutation(own)
        slots = np.repeat(np.arange(count), _random_counts(len(rows), count, rng))
        slots = rng.permutation(slots)
        video[rows] = len(subjects) + _fill_slots(classes[rows], slots, own)
        subjects.extend(own.tolist())
    number = np.random.default_rng([seed, _VIDEO_IDS]).permutation(len(subjects)) + 1
    videos = pd.DataFrame({"video_id": number, "subject_id": subjects})
    return videos.sort_values("video_id", ignore_index=True), number[video]


def _random_counts(total: int, parts: int, rng: np.random.Generator) -> ndarray:
    """Split ``total`` into ``parts`` uneven counts of at least one, as skewed as iMiGUE's clips per video."""
    weight = rng.gamma(1.4, size=parts)
    return 1 + rng.multinomial(total - parts, weight / weight.sum())


def _fill_slots(classes: ndarray, slots: ndarray, subject: ndarray) -> ndarray:
    """Assign each clip to one of the slots (videos): rare classes first, the first 3 of a class to 3 subjects."""
    free = slots.tolist()
    video = np.zeros(len(classes), dtype=np.int64)
    met = defaultdict(set)
    size = np.bincount(classes)[classes]
    for row in np.lexsort((classes, size)):
        known = met[classes[row]]
        pick = 0
        if len(known) < 3:
            pick = next((i for i, slot in enumerate(free) if subject[slot] not in known), 0)
        video[row] = free.pop(pick)
        known.add(subject[video[row]])
    return video


def _schedule(clips: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Lay the clips of each video out in time and number them all, by video and time."""
    clips = clips.iloc[rng.permutation(len(clips))].sort_values("video_id", kind="stable", ignore_index=True)
    length = STRIDE * (clips["frames"].to_numpy() - 1) + rng.integers(5, STRIDE + 1, len(clips))
    pause = 1 + rng.exponential(GAP, len(clips)).astype(np.int64)
    end = pd.Series(length + pause).groupby(clips["video_id"]).cumsum().to_numpy()
    return clips.assign(clip_id=np.arange(1, len(clips) + 1), start_frame=end - length, end_frame=end)


def _noisy_labels(classes: ndarray, config: SynthConfig) -> ndarray:
    """Class labels with noise: a share ``caption_noise`` of the clips gets any class but the true one.

    The first clip of each class keeps its label.
    """
    rng = np.random.default_rng([config.seed, _NOISE])
    order = rng.permutation(len(classes))
    shift = rng.integers(1, 32, len(classes))
    _, first = np.unique(classes, return_index=True)
    wrong = order[~np.isin(order, first)][:round(config.caption_noise * len(classes))]
    written = classes.copy()
    written[wrong] = (classes[wrong] - 1 + shift[wrong]) % 32 + 1
    return written


def _frame_table(clips: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One row per kept frame; the phases of a clip rise in equal steps from a random start."""
    count = clips["frames"].to_numpy()
    first, last = PHASES
    step = np.minimum(STEP, (last - first) / count)
    start = first + rng.random(len(clips)) * (last - first - step * (count - 1))
    frames = clips.loc[clips.index.repeat(count), ["class_id", "true_class_id", "clip_id", "video_id", "subject_id"]]
    frame_id = frames.groupby("clip_id").cumcount().to_numpy()
    frames.insert(3, "frame_id", frame_id)
    frames["phase"] = np.repeat(start, count) + frame_id * np.repeat(step, count)
    return frames.sort_values(["class_id", "clip_id", "frame_id"], ignore_index=True)
