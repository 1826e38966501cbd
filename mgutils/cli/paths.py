"""Look for what a command was told to read before anything heavy is imported: a wrong name is answered at once."""

from __future__ import annotations

from pathlib import Path

from mgutils.config.settings import RunConfig
from mgutils.errors import ConfigError
from mgutils.training.config_file import check_task, read_config


def need_dataset(root: Path) -> None:
    """Refuse a dataset that is no folder."""
    if not root.is_dir():
        raise ConfigError(f"{root}: found no such folder; wanted one with training/ and Clip_label.csv. Make data with "
                          "`mg synth`, or import images with `mg import folders`.")


def need_run(folder: Path, *tasks: str) -> None:
    """Refuse a folder without the settings of a run, or with a run of a task that a command has no use for."""
    config = read_config(folder / "config.json")
    if tasks:
        check_task(config, folder, *tasks)


def need_file(file: Path | None, what: str) -> None:
    """Refuse a file or folder that was named and is not there."""
    if file is not None and not file.exists():
        raise ConfigError(f"{file}: found no such file; wanted {what}.")


CHECKPOINT = "a folder that `mg train` left, a model.safetensors of `mg export`, or a .pth of the report's script"
IMAGES = ("image-text", "classification")
"""The tasks whose runs answer for images."""


def settings_of(folder: Path) -> RunConfig | None:
    """Settings of a run, where a checkpoint is the folder of one."""
    return read_config(folder / "config.json") if (folder / "config.json").is_file() else None


def start_of(init: Path | None) -> RunConfig | None:
    """Settings of the run that another one starts from, if it is there."""
    return None if init is None else settings_of(init)


def side_of(root: Path, camera: str) -> int:
    """Side of the pictures of a folder of clips, in pixels; an error if it is none, or lacks that camera."""
    from mgutils.data.items import load_modality
    from mgutils.training.inputs import read_rows

    return load_modality(read_rows(root, (camera,)), camera).shape[1]
