"""What a test of a claim may look at, and a note of everything it looked at.

A test asks its :class:`Evidence` for the dataset, for runs, for conditions of the loss grid. Each result
that it reads is recorded with a hash of its content, so that each row of the ledger names the results
that it rests on. The tests are in ``tests``, how they compare seeds in ``intervals``, the rows in
``ledger``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from safetensors.numpy import load

from mgutils.config import Profile, SplitName, get_profile, get_skeleton_profile, get_space_profile
from mgutils.data.audit import Audit, audit_split
from mgutils.data.captions import describable
from mgutils.data.csv import unguard
from mgutils.data.items import load_modality, read_clip_dataset
from mgutils.data.sentences import CLASS_SENTENCES, SENTENCES
from mgutils.data.splits import Split, make_split
from mgutils.data.table import Dataset, read_dataset
from mgutils.experiments.cameras import camera_runs, cameras_beside, cameras_of
from mgutils.experiments.controls import control_configs
from mgutils.experiments.loss_grid.grid import grid_size, run_cells
from mgutils.experiments.loss_grid.stack import Condition
from mgutils.experiments.runs import train_groups
from mgutils.experiments.sentences import Runs, picture_runs, sentence_runs, spoken_clips
from mgutils.experiments.skeleton import clips_beside, clips_of, skeleton_configs
from mgutils.experiments.table1 import table1_runs
from mgutils.training.run import Run
from mgutils.training.start import WEIGHTS

CLIPS = "clips.csv"
"""What is noted where a test looks at clips."""
SIZES = {"miga2023": get_skeleton_profile, "cmvra": get_space_profile, "emoclip": get_space_profile}
"""Sources that have profiles of their own."""
_Found = TypeVar("_Found")


class Evidence:
    """Data and results of one profile, read from disk once and trained where missing.

    Parameters
    ----------
    profile : str
    data_root, out_dir : path
        The dataset, and the folder that holds ``runs/`` and ``court.csv``.
    seed : int
        The first seed.
    jobs : int
        Processes that train.
    """

    def __init__(self, profile: str, data_root: Path | str, out_dir: Path | str, *, seed: int = 0,
                 jobs: int = 2) -> None:
        self.profile: Profile = get_profile(profile)
        self.data_root = Path(data_root)
        self.out_dir = Path(out_dir)
        self.seed = seed
        self.jobs = jobs
        self.read: dict[str, str] = {}
        """What was looked at since :meth:`begin`: its name, and a hash of its content."""
        self._runs: dict[tuple[str, str], list[Run]] = {}
        self._controls: dict[str, list[Run]] = {}
        self._skeletons: dict[str, list[Run]] = {}
        self._once: dict[Hashable, Any] = {}

    def begin(self) -> None:
        """Forget what was looked at."""
        self.read = {}

    # -- data ----------------------------------------------------------------------------------------------------------

    @property
    def dataset(self) -> Dataset:
        """The dataset at ``data_root``."""
        self.read["training/train.xlsx"] = self._frames_hash
        return self._dataset

    @cached_property
    def _dataset(self) -> Dataset:
        return read_dataset(self.data_root)

    @cached_property
    def _frames_hash(self) -> str:
        names = "\n".join(self._dataset.labels.names)
        return _hash((self._dataset.frames.to_csv(index=False) + names).encode())

    @property
    def images(self) -> str:
        """Whose images these are: ``synthetic``, ``iMiGUE`` or ``other``."""
        # clips may be there without the images that they are named after
        beside = (self.data_root, clips_beside(self.data_root), cameras_beside(self.data_root))
        root = next((folder for folder in beside if folder.exists()), self.data_root)
        if (root / "studio.json").exists():
            return "synthetic"
        return "iMiGUE" if describable(self._dataset.labels) else "other"

    def split(self, name: str) -> Split:
        """A split of the dataset."""
        return make_split(self.dataset, name)

    def audit(self, name: str) -> Audit:
        """What a split leaks."""
        return audit_split(self.dataset, self.split(name))

    def table(self, path: str) -> pd.DataFrame | None:
        """A CSV file of the dataset, cells as text; ``None`` where there is no such file."""
        file = self.data_root / path
        content = file.read_bytes() if file.exists() else b""
        self.read[path] = _hash(content)
        if not content:
            return None
        return pd.read_csv(file, dtype=str, keep_default_na=False).map(unguard)

    # -- runs ----------------------------------------------------------------------------------------------------------

    def runs(self, objective: str, split: SplitName = "frame") -> list[Run]:
        """The runs of an objective, one for each seed of the profile."""
        if (objective, split) not in self._runs:
            trained = table1_runs(self.profile.name, self.data_root, self.out_dir, split=split,
                                  seed=self.seed, objectives=(objective,), jobs=self.jobs)
            self._runs[objective, split] = trained[objective]
        return self._runs[objective, split]

    def controls(self, *names: str) -> dict[str, list[Run]]:
        """Runs of notebook 08 by the names in :func:`mgutils.experiments.controls.control_configs`."""
        wanted = control_configs(self.profile, self.dataset, self.seed)
        if missing := {name: wanted[name] for name in names if name not in self._controls}:
            self._controls |= train_groups(missing, self.data_root, self.out_dir, jobs=self.jobs)
        return {name: self._controls[name] for name in names}

    @property
    def clips(self) -> Dataset:
        """The clips beside the dataset, made where they are not there."""
        self.read[CLIPS] = _hash(self._clips.frames.to_csv(index=False).encode())
        return self._clips

    @cached_property
    def _clips(self) -> Dataset:
        skeletons = get_skeleton_profile(self.profile.name)
        return read_clip_dataset(clips_of(skeletons, clips_beside(self.data_root)))

    def seeds(self, source: str) -> int:
        """How many seeds are behind a number about one of the originals."""
        sized = SIZES[source](self.profile.name) if source in SIZES else self.profile
        return sized.seeds

    def skeletons(self, *names: str) -> dict[str, list[Run]]:
        """Runs of notebook 10 by the names in :func:`mgutils.experiments.skeleton.skeleton_configs`."""
        wanted = skeleton_configs(self.profile.name, self.seed)
        missing = {name: wanted[name] for name in names if name not in self._skeletons}
        if missing:
            self._skeletons |= train_groups(missing, self.clips.root, self.out_dir, jobs=self.jobs)
        return self._noted(self._skeletons, names)

    @property
    def camera_clips(self) -> Dataset:
        """The clips of four cameras beside the dataset, made where they are not there."""
        self.read[CLIPS] = self._camera_hash
        return self._camera_clips

    @cached_property
    def _camera_clips(self) -> Dataset:
        return read_clip_dataset(cameras_of(self.profile.name, cameras_beside(self.data_root)))

    @cached_property
    def _camera_hash(self) -> str:
        return _hash(self._camera_clips.frames.to_csv(index=False).encode())

    def camera_frames(self, name: str) -> np.ndarray:
        """The frames of all those clips in one modality."""
        frames = load_modality(self.camera_clips, name)
        self.read[f"clips/{name}.npy"] = _hash(frames.tobytes())
        return frames

    @cached_property
    def _cameras(self) -> dict[str, list[Run]]:
        root = self._camera_clips.root
        return camera_runs(self.profile.name, root, self.out_dir, seed=self.seed, jobs=self.jobs)

    def cameras(self, *names: str) -> dict[str, list[Run]]:
        """Runs of notebook 11 by the names of :func:`mgutils.experiments.cameras.camera_runs`."""
        self.read[CLIPS] = self._camera_hash
        return self._noted(self._cameras, names)

    @property
    def spoken(self) -> Dataset:
        """The clips with the sentences about them, made where they are not there."""
        self.read |= self._spoken_hashes
        return self._spoken

    @cached_property
    def _spoken(self) -> Dataset:
        return read_clip_dataset(spoken_clips(self.profile.name, clips_beside(self.data_root)))

    @cached_property
    def _spoken_hashes(self) -> dict[str, str]:
        said = {name: _hash((self._spoken.root / name).read_bytes()) for name in (SENTENCES, CLASS_SENTENCES)}
        return said | {CLIPS: _hash(self._spoken.frames.to_csv(index=False).encode())}

    @cached_property
    def _sentences(self) -> Runs:
        return sentence_runs(self.profile.name, self._spoken.root, self.out_dir, seed=self.seed, jobs=self.jobs)

    def sentences(self, *arms: str) -> Runs:
        """Runs of notebook 12 on joints, as :func:`mgutils.experiments.sentences.sentence_runs` has them."""
        self.read |= self._spoken_hashes
        return self._noted_sets(self._sentences, arms)

    @cached_property
    def _pictures(self) -> Runs:
        root = spoken_clips(self.profile.name, self._camera_clips.root, cameras=True)
        return picture_runs(self.profile.name, root, self.out_dir, seed=self.seed, jobs=self.jobs)

    def pictures(self, *arms: str) -> Runs:
        """Those on the frames of the colour camera."""
        self.read[CLIPS] = self._camera_hash
        return self._noted_sets(self._pictures, arms)

    def weights(self, run: Run) -> dict[str, np.ndarray]:
        """The weights of a run's best epoch, by name."""
        content = (run.directory / WEIGHTS).read_bytes()
        self._note(run, WEIGHTS, content)
        return load(content)

    def once(self, key: Hashable, compute: Callable[[], _Found]) -> _Found:
        """What several rows compute from the same runs, computed for the first of them."""
        if key not in self._once:
            self._once[key] = compute()
        return self._once[key]

    def metrics(self, run: Run) -> dict[str, Any]:
        """The content of a run's ``metrics.json``."""
        self._note(run, "metrics.json", _as_bytes(run.metrics))
        return run.metrics

    def settings(self, run: Run) -> dict[str, Any]:
        """The content of a run's ``config.json``."""
        settings = run.config.as_dict()
        self._note(run, "config.json", _as_bytes(settings))
        return settings

    def log(self, run: Run) -> pd.DataFrame:
        """A run's ``log.jsonl``, without the seconds."""
        log = run.log.drop(columns="seconds", errors="ignore")
        self._note(run, "log.jsonl", log.to_csv(index=False).encode())
        return log

    def outputs(self, run: Run) -> dict[str, np.ndarray]:
        """The arrays of a run's ``outputs.npz``: logits, target, valid, image_embeddings, caption_embeddings."""
        names = ("logits", "target", "valid", "image_embeddings", "caption_embeddings")
        arrays = {name: getattr(run, name) for name in names}
        content = b"".join(array.tobytes() for array in arrays.values())
        self._note(run, "outputs.npz", content)
        return arrays

    def scores(self, objective: str, score: str, split: SplitName = "frame") -> np.ndarray:
        """A score of each run of an objective, in percent. Shape: (seeds,)."""
        return np.array([100 * self.metrics(run)[score] for run in self.runs(objective, split)])

    def _noted(self, groups: dict[str, list[Run]], names: Iterable[str]) -> dict[str, list[Run]]:
        """Some groups of runs, all arrays of which are noted."""
        found = {name: groups[name] for name in names}
        for run in (run for group in found.values() for run in group):
            self._note(run, "outputs.npz", b"".join(array.tobytes() for array in run.arrays.values()))
        return found

    def _noted_sets(self, arms: Runs, names: Iterable[str]) -> Runs:
        self._noted({name: [run for of_set in arms[name] for run in of_set] for name in names}, names)
        return {name: arms[name] for name in names}

    def _note(self, run: Run, file: str, content: bytes) -> None:
        name = (run.directory / file).relative_to(self.out_dir).as_posix()
        self.read[name] = _hash(content)

    # -- the loss grid -------------------------------------------------------------------------------------------------

    def loss_grid(self, cells: Iterable[Condition]) -> pd.DataFrame:
        """Results of cells of the loss grid, one row per cell and seed; ``top1`` is a share."""
        results = run_cells(cells, grid_size(self.profile.name), self.out_dir, seed=self.seed)
        content = self.read.get("court.csv", "") + results.to_csv(index=False)
        self.read["court.csv"] = _hash(content.encode())
        return results


def _as_bytes(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True).encode()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
