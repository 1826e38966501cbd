"""Where the options of a command start: at a profile, at the settings of a run, and at the user's own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import tyro

from mgutils.cli.data import Synth
from mgutils.cli.paths import start_of
from mgutils.cli.skeletons import Clips
from mgutils.cli.spaces import SPACES
from mgutils.cli.training import Recipe, Train, TrainSkeleton, TrainSpace
from mgutils.cli.video_text import TrainVideoText
from mgutils.config import (
    REPORT_OBJECTIVES,
    TextVectors,
    TrainConfig,
    get_profile,
    get_skeleton_profile,
    get_space_profile,
    run_config,
    skeleton_config,
)
from mgutils.errors import ConfigError
from mgutils.training.config_file import read_config

TASKS: dict[str, type[TrainSpace]] = {**SPACES, "video-text": TrainVideoText}
"""The options of `mg train` by its task, where that is one of spaces."""
_FROM_FILE = ("--task", "--network", "--profile", "--objective")


def default_options(kind: type, arguments: Sequence[str]) -> object | None:
    """The options that tyro shows in --help, and that the user's own replace; ``None`` where each has its own."""
    if issubclass(kind, Recipe):
        task = asked_task(arguments)
        if task in TASKS and not issubclass(kind, TrainSpace):
            raise ConfigError(f"task: found {task!r}; wanted image-text, classification or skeleton. `mg train --task "
                              f"{task}` trains a single run.")
        file = _last(arguments, "--config", "")
        return _options_of_run(kind, file, arguments) if file else _options_of_profile(kind, arguments)
    if kind is Clips:
        return _options_of_clips(arguments)
    if kind is not Synth:
        return None
    profile = get_profile(_last(arguments, "--profile", "cpu"))
    if profile.synth is None:
        raise ConfigError(f"profile: found {profile.name!r}, which is for real images; wanted smoke, cpu or gpu.")
    return Synth(tyro.MISSING, profile=profile.name, synth=profile.synth)


def asked_task(arguments: Sequence[str]) -> str:
    """The task that the words of a command name, or that of the run whose settings they name."""
    file = _last(arguments, "--config", "")
    if not file:
        return _last(arguments, "--task", "image-text")
    run = read_config(file)
    said = any(isinstance(entry, TextVectors) for entry in getattr(run.model, "derived", ()))
    return "video-text" if said else run.task


def training_command(arguments: Sequence[str]) -> type[Train]:
    """The options of `mg train` for the task that is asked for."""
    return {"skeleton": TrainSkeleton, **TASKS}.get(asked_task(arguments), Train)


def _options_of_clips(arguments: Sequence[str]) -> Clips:
    name = _last(arguments, "--profile", "cpu")
    if "--cameras" in arguments:
        return Clips(tyro.MISSING, profile=get_space_profile(name).name, cameras=True,
                     clips=get_space_profile(name).clips)
    profile = get_skeleton_profile(name)
    if profile.clips is None:
        raise ConfigError(f"profile: found {profile.name!r}, which is for real skeletons; wanted smoke, cpu or gpu.")
    return Clips(tyro.MISSING, profile=profile.name, clips=profile.clips)


def _options_of_skeleton(kind: type[Recipe], arguments: Sequence[str]) -> Recipe:
    run = skeleton_config(_last(arguments, "--profile", "cpu"))
    model = {"model": run.model} if kind is TrainSkeleton else {}
    return kind(tyro.MISSING, task="skeleton", profile=_last(arguments, "--profile", "cpu"), split="subject",
                train=run.train, **model)


def _options_of_space(kind: type[TrainSpace], arguments: Sequence[str]) -> TrainSpace:
    profile = get_space_profile(_last(arguments, "--profile", "cpu"))
    init = _last(arguments, "--init", "")
    start = start_of(Path(init) if init else None)
    follows = kind.after(start) if start is not None and start.task in ("alignment", "masked") else {}
    return kind(tyro.MISSING, profile=profile.name, train=kind.schedule(profile), **follows)


def _options_of_profile(kind: type[Recipe], arguments: Sequence[str]) -> Recipe:
    if issubclass(kind, TrainSpace):
        return _options_of_space(kind, arguments)
    if _last(arguments, "--task", "image-text") == "skeleton":
        return _options_of_skeleton(kind, arguments)
    profile = get_profile(_last(arguments, "--profile", "cpu"))
    objective = _last(arguments, "--objective", "sound_ce")
    text = _last(arguments, "--task", "image-text") != "classification"
    train = run_config(profile, objective).train if text else profile.train
    reproduced = (text and objective in REPORT_OBJECTIVES) or profile.name == "imigue"
    return kind(tyro.MISSING, profile=profile.name, train=train if reproduced else chosen_apart(train))


def chosen_apart(train: TrainConfig) -> TrainConfig:
    """The best epoch is chosen on held-out training groups, except where the report is reproduced, which did not."""
    return replace(train, select="held_out") if train.select == "valid" else train


def _options_of_run(kind: type[Recipe], file: str, arguments: Sequence[str]) -> Recipe:
    clash = [flag for flag in _FROM_FILE if _last(arguments, flag, "")]
    if clash:
        raise ConfigError(f"config: found {', '.join(clash)} beside --config; wanted one of them. They are taken from "
                          f"{file}.")
    run = read_config(file)
    single = {"protocol": run.protocol} if "protocol" in kind.__dataclass_fields__ else {}
    if kind is TrainSkeleton:
        single["model"] = run.model
    if issubclass(kind, TrainSpace):
        single |= kind.options_of(run.model)
    return kind(tyro.MISSING, config=Path(file), task=asked_task(arguments), split=run.split, seed=run.seed,
                train=run.train, logit_adjustment=run.loss.logit_adjustment, left_out=run.left_out, **single)


def _last(arguments: Sequence[str], flag: str, default: str) -> str:
    """What the user gave for a flag, as ``--flag value`` or ``--flag=value``."""
    chosen = [value for name, value in zip(arguments, arguments[1:], strict=False) if name == flag]
    chosen += [word.removeprefix(f"{flag}=") for word in arguments if word.startswith(f"{flag}=")]
    return chosen[-1] if chosen else default
