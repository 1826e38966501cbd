"""Bind a modality of one's own to a frozen anchor: which runs.

The anchor is an encoder of a finished run, which saw labels. The new modality's encoder is pulled towards it, clip by
clip, and sees no label. Its control is the same run with a frozen anchor of random weights, centred: what that reaches,
too, is not due to what the anchor had learned. Both are asked the same questions about the same clips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray
from torch import nn

from mgutils.config import (
    Protocol,
    RunConfig,
    SpaceConfig,
    SpaceProfile,
    SplitName,
    get_space_profile,
    lasting,
    space_config,
    star,
)
from mgutils.config.space import is_picture
from mgutils.data.items import FOLDER, load_modality, present, read_clip_dataset
from mgutils.data.pixels import fingerprint
from mgutils.data.protocol import split_of
from mgutils.data.sidecar import STUDIO
from mgutils.data.splits import Split, available_splits
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.experiments.bind_tables import RANDOM, TRAINED
from mgutils.experiments.cameras import ANCHOR, ANCHOR_EPOCHS, OTHERS, TEMPERATURE, supervised
from mgutils.experiments.runs import train_groups
from mgutils.training.inputs import input_kind, load_array, read_rows
from mgutils.training.run import Run
from mgutils.training.start import check_start, learned_from
from mgutils.training.store import train_all

BIND_EPOCHS = 20
"""Of each run, if nothing is said; in a profile of a few epochs, as few."""
_MOST_SCALES = 512  # numbers of the last axis that have a mean of their own each


@dataclass(frozen=True)
class Binding:
    """What a new modality was bound to, and the runs.

    Parameters
    ----------
    name, anchor : str
        The new modality, and the one that it was pulled towards.
    dataset : Dataset
        The clips with the new modality.
    split : Split
        The rows learned from and reported.
    groups : mapping
        :data:`TRAINED` and :data:`RANDOM` to their runs, of the same seeds.
    start : Run
        The run that the anchor comes from.
    seen : int or None
        How many of the reported clips that run has learned from; ``None`` where it was trained on other clips.
    """

    name: str
    anchor: str
    dataset: Dataset
    split: Split
    groups: Mapping[str, Sequence[Run]]
    start: Run
    seen: int | None

    @property
    def synthetic(self) -> bool:
        """Whether the clips are the studio's."""
        return self.dataset.numbering == STUDIO

    @property
    def there(self) -> dict[str, ndarray]:
        """Which clips have the anchor and the new modality, (N,) bool each."""
        return {name: present(self.dataset, name) for name in (self.anchor, self.name)}


# -- the runs ----------------------------------------------------------------------------------------------------------


def bind(root: Path | str, clips: Path | str, name: str, out_dir: Path | str, *, anchor: Path | str | None = None,
         profile: str | SpaceProfile = "cpu", split: SplitName | None = None, seeds: int = 3, seed: int = 0,
         epochs: int = 0, jobs: int = 2) -> Binding:
    """Train what is missing: the anchor if none is given, then the new modality's encoder with it and with its control.

    Parameters
    ----------
    root : path
        Clips with the new modality, from :func:`mgutils.data.importers.modality.add_modality`.
    clips : path
        The clips that it was added to.
    name : str
        Of the new modality.
    out_dir : path
        The run store.
    anchor : path, optional
        Folder of a finished run of the task ``alignment``; its first modality is the anchor. By default the
        joints are trained with the labels first, or the first camera that there is.
    profile : str or SpaceProfile
        Size of the new encoder, and the training.
    split : str, optional
        The anchor's own if not given: so whoever is reported is new to both encoders.
    seeds, seed : int
        Runs of each group, and the first seed.
    epochs : int
        Of each run; 0: :data:`BIND_EPOCHS`, or as few as the profile has.
    jobs : int
        Processes.

    Raises
    ------
    ConfigError
        If no encoder can have that name, the anchor's modality or the split is not to be had, or too few clips have
        both modalities.
    """
    profile = get_space_profile(profile)
    if hasattr(nn.ModuleDict(), name):
        raise ConfigError(f"name: found {name!r}, which PyTorch keeps for itself; wanted another.")
    start = Run(Path(anchor)) if anchor is not None else train_anchor(profile, clips, out_dir, split, seed)
    dataset = read_clip_dataset(root)
    configs = bind_configs(profile, dataset, start, name, split, range(seed, seed + seeds), epochs)
    model = configs[TRAINED][0].model
    rows = split_of(configs[TRAINED][0], dataset)
    both = present(dataset, model.modalities[0]) & present(dataset, name)
    _check_enough(dataset, rows, both, model.modalities)
    groups = train_groups(configs, root, out_dir, jobs=jobs)
    return Binding(name, model.modalities[0], dataset, rows, groups, start, _seen(start, clips, rows.valid))


def train_anchor(profile: SpaceProfile, clips: Path | str, out_dir: Path | str, split: SplitName | None = None,
                 seed: int = 0) -> Run:
    """An encoder that is trained with labels: of the joints, or else of the first camera that the clips have."""
    dataset = read_clip_dataset(clips)
    modality = next((name for name in (ANCHOR, *OTHERS) if (dataset.root / FOLDER / f"{name}.npy").exists()), None)
    if modality is None:
        raise ConfigError(f"{clips}: found none of {', '.join((ANCHOR, *OTHERS))} to train an anchor on; wanted one. "
                          "Name a run with --anchor.")
    split = split or available_splits(dataset)[-1]
    length = lasting(profile, ANCHOR_EPOCHS) if modality == ANCHOR else {}
    config = space_config(profile, supervised(modality), f"{modality}_labels", split, seed, **length)
    return train_all([config], clips, out_dir, jobs=1)[0]


def bind_configs(profile: SpaceProfile, dataset: Dataset, start: Run, name: str, split: SplitName | None,
                 seeds: Sequence[int], epochs: int = 0) -> dict[str, list[RunConfig]]:
    """The runs of both groups. They differ in where the anchor's weights come from, and in nothing else."""
    before = start.config
    anchor = before.model.modalities[0]
    model = SpaceConfig(
        star(anchor, (name,), temperature=TEMPERATURE),
        width=before.model.width,
        frames=before.model.frames,
        frozen=(anchor,),
        encoders={anchor: before.model.encoders.get(anchor, {}), name: {}},
    )
    same = split in (None, before.split)
    # all rows that the anchor's run did not report may be learned from, however few labels it had
    protocol = replace(before.protocol, limit=0, per_class=0) if same else Protocol()
    length = {"epochs": epochs, "validate_every": epochs} if epochs else lasting(profile, BIND_EPOCHS)
    base = space_config(profile, model, f"{name}_bound", split or before.split, seeds[0], augment="none", **length)
    base = replace(base, protocol=protocol)
    encoder = array_encoder(profile, dataset, name, split_of(base, dataset).train)
    base = replace(base, model=replace(model, encoders=model.encoders | {name: encoder}))
    digest = check_start(start.directory, base.model)
    trained = replace(base, init=digest, init_from=str(start.directory))
    control = replace(base, objective=f"{name}_random")
    return {group: [replace(config, seed=seed) for seed in seeds]
            for group, config in ((TRAINED, trained), (RANDOM, control))}


def array_encoder(profile: SpaceProfile, dataset: Dataset, name: str, rows: ndarray) -> dict[str, Any]:
    """Settings of an :class:`mgutils.models.arrays.ArrayEncoder` of the profile's size."""
    array = load_modality(dataset, name)
    shape = [int(side) for side in array.shape[1:]]
    size = profile.encoders["depth"] if is_picture(shape) else {"width": profile.encoders["joints"]["width"]}
    mean, deviation = number_scale(dataset, name, rows)
    return {"kind": "array", "shape": shape, "mean": mean, "deviation": deviation} | size


def number_scale(dataset: Dataset, name: str, rows: ndarray) -> tuple[Any, Any]:
    """Mean and standard deviation of the numbers in some clips; frames of zeros do not count.

    Each place of the last axis (a channel, a coordinate) has its own, unless it is that of a grey picture, or long.

    Raises
    ------
    ConfigError
        If there is nothing but zeros.
    """
    array = load_modality(dataset, name)
    shape = array.shape[1:]
    apart = shape[-1] <= _MOST_SCALES and not (len(shape) == 2 and is_picture(shape))
    start, length = (dataset.frames[column].to_numpy() for column in ("start", "length"))
    count, total, squares = 0, 0.0, 0.0
    for row in rows[present(dataset, name)[rows]]:
        frames = np.asarray(array[start[row]:start[row] + length[row]], dtype=np.float64)
        frames = frames[frames.reshape(len(frames), -1).any(axis=1)]
        numbers = frames.reshape(-1, shape[-1] if apart else 1)
        count += len(numbers)
        total = total + numbers.sum(axis=0)
        squares = squares + np.square(numbers).sum(axis=0)
    if not count:
        raise ConfigError(f"{name}: found no numbers in the {len(rows):,} training clips; wanted some. Add files for "
                          "clips of those people.")
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    deviation[deviation < 1e-6 * np.maximum(np.abs(mean), 1e-6)] = 1  # what never changes stays as it is
    found = [[float(f"{value:.6g}") for value in values] for values in (mean, deviation)]
    return tuple(found) if apart else (found[0][0], found[1][0])


def _check_enough(dataset: Dataset, rows: Split, both: ndarray, names: Sequence[str]) -> None:
    classes = len(np.unique(dataset.target[rows.train[both[rows.train]]]))
    asked = int(both[rows.valid].sum())
    if classes < 2 or asked < 2:
        raise ConfigError(f"{dataset.root}: found {classes} classes in the training clips, and {asked} reported clips, "
                          f"that have both {' and '.join(names)}; wanted at least 2 of each. Add files, or choose "
                          "another --split.")


def _seen(start: Run, clips: Path | str, valid: ndarray) -> int | None:
    """How many reported clips the anchor's run has learned from; ``None`` where its clips were others."""
    try:
        before = read_rows(clips, input_kind(start.config))
        arrays = load_array(before, input_kind(start.config))
    except ConfigError:
        return None
    if start.receipt.get("data_sha256") != fingerprint(before, arrays):
        return None
    return learned_from(start.directory, start.config, before, arrays, valid)
