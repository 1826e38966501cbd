"""Commands that train and score."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import tyro

from mgutils.config import (
    NetworkName,
    ObjectiveName,
    ProfileName,
    SplitName,
    TaskName,
    TrainConfig,
    run_config,
    vision_config,
)


@dataclass(frozen=True)
class Train:
    """Train one run of a task and print its scores."""

    data_root: Annotated[Path, tyro.conf.Positional]
    """Folder of the dataset."""
    task: TaskName = "image-text"
    """Images with captions, or a plain classifier that reads no text."""
    network: NetworkName = "resnet"
    """Of a classifier: the profile's own image encoder, or AlexNet."""
    profile: ProfileName = "cpu"
    """Size of the model and of the training."""
    objective: ObjectiveName = "sound_ce"
    """Loss, normalisation and temperature of images with captions."""
    split: SplitName = "frame"
    """How frames are shared out between training and validation."""
    seed: int = 0
    """Of everything random."""
    out_dir: Path = Path("out")
    """The run store; a run that is already there is not repeated."""
    resume: bool = True
    """Go on with this run where it was stopped; --no-resume begins it anew."""
    train: TrainConfig = field(default_factory=TrainConfig)
    """Epochs, learning rates, augmentation; those not given are the profile's."""

    def run(self) -> None:
        from mgutils.training.store import train_all

        if self.task == "classification":
            base = vision_config(self.profile, self.network, self.split, self.seed)
        else:
            base = run_config(self.profile, self.objective, self.split, self.seed)
        config = replace(base, train=self.train)
        run = train_all([config], self.data_root, self.out_dir, jobs=1, resume=self.resume)[0]
        if os.environ.get("RANK", "0") == "0":  # the first of several processes
            print(json.dumps(run.metrics | {"directory": str(run.directory)}, indent=2))


@dataclass(frozen=True)
class Evaluate:
    """Score a trained run on the validation part of a split; write JSON and CSV."""

    run_dir: Annotated[Path, tyro.conf.Positional]
    """Folder that `mg train` left."""
    data_root: Annotated[Path, tyro.conf.Positional]
    """Folder of the dataset; its classes must be the run's."""
    split: SplitName | None = None
    """The run's own if not given."""
    out_dir: Path | None = None
    """Where metrics.json, per_class.csv and confusion.csv go; the current folder's `evaluation` if not given."""

    def run(self) -> None:
        from mgutils.evaluation.embed import evaluate_run

        out_dir = self.out_dir or Path("evaluation")
        result = evaluate_run(self.run_dir, self.data_root, out_dir, split=self.split)
        print(json.dumps(result.summary() | {"directory": str(out_dir)}, indent=2))


@dataclass(frozen=True)
class Diff:
    """Say why two runs differ: code, data, environment, configuration, seed, or noise alone."""

    run_a: Annotated[Path, tyro.conf.Positional]
    """Folder that `mg train` left."""
    run_b: Annotated[Path, tyro.conf.Positional]
    """Another one."""

    def run(self) -> None:
        from mgutils.training.diff import diff_runs

        print(f"A  {self.run_a}\nB  {self.run_b}\n\n{diff_runs(self.run_a, self.run_b).report()}")


@dataclass(frozen=True)
class Microscope:
    """Write one HTML file in which a run's similarities and losses can be looked at."""

    run_dir: Annotated[Path, tyro.conf.Positional]
    """Folder that `mg train` left."""
    data_root: Annotated[Path, tyro.conf.Positional]
    """Folder of the dataset that it was trained on."""
    page: Path | None = None
    """The HTML file; microscope-<run>.html in the current folder if not given."""
    images: int = 32
    """Number of validation images."""
    seed: int = 0
    """Of the choice of images."""

    def run(self) -> None:
        from mgutils.course.microscope import write_microscope

        page = self.page or Path(f"microscope-{self.run_dir.resolve().name}.html")
        print(write_microscope(self.run_dir, self.data_root, page, images=self.images, seed=self.seed))
