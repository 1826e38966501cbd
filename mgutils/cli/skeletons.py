"""Commands of the skeleton system: make clips, find joints in a film, mix runs, hand in answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from mgutils.cli.paths import need_dataset, need_file, need_run
from mgutils.config import ClipConfig


@dataclass(frozen=True)
class Clips:
    """Make synthetic clips: joints in time, as a detector sees them, and pictures where asked for."""

    root: Annotated[Path, tyro.conf.Positional]
    """Folder to make."""
    profile: Literal["smoke", "cpu", "gpu", "miga"] = "cpu"
    """Where the parameters start."""
    cameras: bool = False
    """The clips of `mg train --task alignment`: as those profiles want them, filmed by four cameras."""
    clips: ClipConfig = field(default_factory=ClipConfig)
    """The parameters; those not given are the profile's."""
    workers: int = 2
    """Processes that draw; the bytes do not depend on it."""

    def run(self) -> None:
        from mgutils.data.items import describe_clips, read_clip_dataset
        from mgutils.synth.clips import make_clips, validate_clips

        validate_clips(self.clips)
        print(describe_clips(read_clip_dataset(make_clips(self.clips, self.root, workers=self.workers))))


@dataclass(frozen=True)
class Keypoints:
    """Find the joints of a film with MediaPipe, and write them for `mg predict` and `mg import skeletons`."""

    video: Annotated[Path, tyro.conf.Positional]
    """A film of one person, at least of the upper body."""
    pose_model: Path
    """MediaPipe's pose_landmarker .task file."""
    hand_model: Path | None = None
    """Its hand_landmarker .task file; without it the tips of the fingers are missing."""
    rate: float = 12.5
    """Frames a second to take; 0 takes all."""
    out: Path = Path("keypoints.npz")
    """The file to write."""

    def run(self) -> None:
        need_file(self.video, "a film")
        need_file(self.pose_model, "the .task file of MediaPipe's pose landmarker")
        need_file(self.hand_model, "the .task file of MediaPipe's hand landmarker")

        from mgutils.predict import pose

        detector = pose.mediapipe_detector(self.pose_model, self.hand_model)
        joints, times = pose.film_keypoints(self.video, detector, rate=self.rate or None)
        pose.write_keypoints(self.out, joints, times, self.video.name)
        print(f"{self.out}: {len(joints)} frames, {(joints[..., 2] > 0).mean():.0%} of the joints found")


@dataclass(frozen=True)
class EnsembleCommand:
    """Mix what finished runs answered, by weights or by weights found on the other half of the people."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Folders that `mg train` left, on the same data and split."""
    weights: tuple[float, ...] = ()
    """One for each run; equal ones if not given."""
    choose: Path | None = None
    """Folder of the clips: of two runs, choose the weight on half of the people and score it on the other half."""

    def run(self) -> None:
        for folder in self.runs:
            need_run(folder, "skeleton")

        from mgutils.errors import ConfigError
        from mgutils.evaluation.ensemble import chosen_apart, mix_runs
        from mgutils.metrics.scores import scores
        from mgutils.training.inputs import input_kind, read_rows
        from mgutils.training.run import Run

        runs = [Run(folder) for folder in self.runs]
        probs = mix_runs(runs, self.weights or [1.0] * len(runs))
        found = {"runs": {run.directory.name: run.metrics["top1"] for run in runs},
                 "weights": list(self.weights or [1.0] * len(runs)), **scores(probs, runs[0].target).summary()}
        if self.choose is not None:
            need_dataset(self.choose)
            if len(runs) != 2:
                raise ConfigError(f"choose: found {len(runs)} runs; wanted 2. Give --weights for more.")
            dataset = read_rows(self.choose, input_kind(runs[0].config))
            subjects = dataset.frames["subject_id"].to_numpy()[runs[0].valid]
            apart, weights = chosen_apart(runs[0].logits, runs[1].logits, runs[0].target, subjects)
            found["chosen_on_other_people"] = {"weights_of_first": weights,
                                               **scores(apart, runs[0].target).summary()}
        print(json.dumps(found, indent=2))


@dataclass(frozen=True)
class Submit:
    """Answer clips for a challenge, and write the zip file to hand in."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Folders that `mg train` left."""
    clips: Path
    """Folder of the clips to answer, as `mg import skeletons` makes it."""
    ids: Path
    """The challenge's list of clips, one a line: its order is that of the file."""
    out_dir: Path = Path()
    """Where Submission.zip or prediction.zip goes."""
    year: Literal[2023, 2025] = 2023
    """Submission.csv without a header, or prediction.csv with Id,Target."""
    weights: tuple[float, ...] = ()
    """One for each run; equal ones if not given."""

    def run(self) -> None:
        need_dataset(self.clips)
        need_file(self.ids, "the challenge's list of clips")
        for folder in self.runs:
            need_run(folder, "skeleton")

        from mgutils.predict.skeletons import submit

        print(submit(self.runs, self.clips, self.ids, self.out_dir, year=self.year,
                     weights=self.weights or (1.0,) * len(self.runs)))
