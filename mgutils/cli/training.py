"""Commands that train and score."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import tyro

from mgutils.cli.paths import IMAGES, need_dataset, need_run, start_of
from mgutils.config import (
    FusionConfig,
    MaskedConfig,
    NetworkName,
    ObjectiveName,
    ProfileName,
    Protocol,
    RunConfig,
    SkeletonConfig,
    SpaceConfig,
    SpaceProfile,
    SplitName,
    TrainConfig,
    run_config,
    skeleton_config,
    space_config,
    vision_config,
)
from mgutils.errors import ConfigError
from mgutils.training.config_file import read_config

AskedTask = Literal["image-text", "classification", "skeleton", "alignment", "fusion", "masked", "video-text"]
"""Those of a run, and the alignment of videos with sentences, which has options of its own."""

Model = SpaceConfig | FusionConfig | MaskedConfig


@dataclass(frozen=True)
class Recipe:
    """The options of every command that trains."""

    data_root: Annotated[Path, tyro.conf.Positional]
    """Folder of the dataset."""
    config: Path | None = None
    """Start from the config.json of a run; the options given beside it win."""
    task: AskedTask = "image-text"
    """Of images, or of clips; --help beside a task lists its options."""
    network: NetworkName = "resnet"
    """Of a classifier: the profile's own image encoder, or AlexNet."""
    profile: ProfileName = "cpu"
    """Size of the model and of the training."""
    objective: ObjectiveName = "sound_ce"
    """Loss, normalisation and temperature of images with captions."""
    logit_adjustment: float = 0.0
    """Times the logarithm of a class's share to add to its logits while training: rare classes count for more."""
    split: SplitName = "frame"
    """How frames are shared out between training and validation."""
    seed: int = 0
    """Of everything random but the split."""
    init: Path | None = None
    """Start from the weights of a finished run with the same encoders: fine-tuning."""
    left_out: tuple[int, ...] = ()
    """Ids of classes without training images, for `mg zero-shot`."""
    out_dir: Path = Path("out")
    """The run store; a run that is already there is not repeated."""
    resume: bool = True
    """Go on with a run where it was stopped; --no-resume begins it anew."""
    log_with: str = ""
    """A tracker that accelerate knows, such as tensorboard; its files go into the run's folder."""
    train: TrainConfig = field(default_factory=TrainConfig)
    """Epochs, learning rates, augmentation; those not given are the profile's."""

    def base(self) -> RunConfig:
        """The run of the profile that they start from."""
        if self.task == "skeleton":
            return skeleton_config(self.profile)
        if self.task == "classification":
            return vision_config(self.profile, self.network)
        return run_config(self.profile, self.objective)

    def settings(self, protocol: Protocol) -> RunConfig:
        """The run that these options describe."""
        need_dataset(self.data_root)
        if self.log_with and find_spec(self.log_with) is None:
            raise ConfigError(f"log_with: found {self.log_with!r}, which is not installed; wanted a tracker that is. "
                              "Install its package, or leave --log-with out.")
        if self.config is not None:
            base = read_config(self.config)
        else:
            base = self.base()
        if base.init and self.init is None:
            raise ConfigError(f"init: found none beside {self.config}, the settings of a run that started from the "
                              "weights of another; wanted that run, or another one. Give it with --init.")
        init = ""
        if self.init is not None:
            from mgutils.training.start import check_start

            init = check_start(self.init, base.model)
        loss = replace(base.loss, logit_adjustment=self.logit_adjustment)
        return replace(base, loss=loss, train=self.train, split=self.split, seed=self.seed, left_out=self.left_out,
                       protocol=protocol, init=init, init_from=str(self.init or ""))


@dataclass(frozen=True)
class Train(Recipe):
    """Train one run of a task and print its scores."""

    protocol: Protocol = Protocol()
    """A fold, or a group by its name, in place of a single split."""

    def run(self) -> None:
        config = self.settings(self.protocol)

        from mgutils.training.store import train_all

        run = train_all([config], self.data_root, self.out_dir, jobs=1, resume=self.resume, log_with=self.log_with)[0]
        if os.environ.get("RANK", "0") == "0":  # the first of several processes
            print(json.dumps(run.metrics | run.summary | {"directory": str(run.directory)}, indent=2))


@dataclass(frozen=True)
class TrainSkeleton(Train):
    """Train a network on the joints of clips and print its scores."""

    task: AskedTask = "skeleton"
    """Fixed: the options below are those of skeletons."""
    network: Annotated[NetworkName, tyro.conf.arg(name="image-network"), tyro.conf.Suppress] = "resnet"
    objective: Annotated[ObjectiveName, tyro.conf.Suppress] = "sound_ce"
    split: SplitName = "subject"
    """How clips are shared out between training and validation."""
    train: TrainConfig = field(default_factory=TrainConfig)
    """Epochs, learning rates, augmentation; those not given are the profile's."""
    protocol: Protocol = Protocol()
    """A fold, or a group by its name, in place of a single split; how many clips are learned from."""
    model: SkeletonConfig = field(default_factory=SkeletonConfig)
    """The network, and how it reads a clip; what is not given is the profile's."""

    def base(self) -> RunConfig:
        """The profile's run with the network of these options."""
        return self.named(skeleton_config(self.profile))

    def settings(self, protocol: Protocol) -> RunConfig:
        """The run that these options describe."""
        return self.named(super().settings(protocol))

    def named(self, run: RunConfig) -> RunConfig:
        """The run with the network of these options, named after it."""
        return replace(run, objective=f"{self.model.network}_{self.model.stream}", model=self.model)


@dataclass(frozen=True)
class TrainSpace(Train):
    """What the tasks of spaces have in common. Options that they have no use for are not shown."""

    network: Annotated[NetworkName, tyro.conf.Suppress] = "resnet"
    objective: Annotated[ObjectiveName, tyro.conf.Suppress] = "sound_ce"
    logit_adjustment: Annotated[float, tyro.conf.Suppress] = 0.0
    split: SplitName = "subject"
    """How clips are shared out between training and validation; that of --init if not given."""
    kind: ClassVar[type[Model]]

    def model(self) -> Model:
        """The model of these options alone."""
        return self.kind(**{name: getattr(self, name) for name in self.own()})

    @classmethod
    def own(cls) -> list[str]:
        """The settings of the model that are options under the same name."""
        return [entry.name for entry in fields(cls.kind) if entry.name in cls.__dataclass_fields__]

    @classmethod
    def options_of(cls, model: Model) -> dict[str, Any]:
        """The options that a run had."""
        return {name: getattr(model, name) for name in cls.own()}

    @classmethod
    def after(cls, before: RunConfig) -> dict[str, Any]:
        """The options that follow from the run that this one starts from: the same people are reported."""
        return {"split": before.split, "protocol": replace(before.protocol, limit=0, per_class=0)}

    @staticmethod
    def schedule(profile: SpaceProfile) -> TrainConfig:
        """The training of a profile for this task."""
        return profile.train

    def changed(self, before: Model) -> Model:
        """A model with these options in place of its own."""
        return replace(before, **{name: getattr(self, name) for name in self.own()})

    def encoders(self, before: SpaceConfig, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        """The networks of a space; those of the run that this one starts from, so that its weights fit."""
        encoders, start = before.encoders, None if self.config else start_of(self.init)
        if start is not None and start.task == "masked":
            encoders = encoders | {start.model.camera: {"kind": "masked"} | start.model.network_kwargs}
        elif start is not None:
            encoders = encoders | start.model.encoders
        return {name: encoders[name] for name in names if name in encoders}

    def name_of(self, model: Model) -> str:
        """The first word of the name of a run's folder."""
        return self.task

    def base(self) -> RunConfig:
        """The profile's run with the model of these options."""
        return space_config(self.profile, self.model(), "")

    def settings(self, protocol: Protocol) -> RunConfig:
        """The run that these options describe."""
        run = super().settings(protocol)
        model = self.changed(run.model)
        same = self.config is not None and model == run.model
        return run if same else replace(run, model=model, objective=self.name_of(model))


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
        need_run(self.run_dir, *IMAGES, "skeleton", "alignment")
        need_dataset(self.data_root)

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
        need_run(self.run_dir, *IMAGES)
        need_dataset(self.data_root)

        from mgutils.course.microscope import write_microscope

        page = self.page or Path(f"microscope-{self.run_dir.resolve().name}.html")
        print(write_microscope(self.run_dir, self.data_root, page, images=self.images, seed=self.seed))
